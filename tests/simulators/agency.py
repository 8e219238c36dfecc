"""An outside witness beside a gateway in one process: the real one, that can be away or lie."""

from __future__ import annotations

from pathlib import Path

import httpx
from starlette.types import ASGIApp

from gateway.config import CosigningSection, WitnessSetting
from gateway.cosigning.rounds import Rounds
from gateway.services import Services
from gateway.witness.service import Witness
from gateway.witness.serving import witness_app
from gateway.witness.state import State
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType


class Agency:
    """A witness that can be away, or answer with something else."""

    def __init__(self, folder: Path, name: str, logs: list[NoteKey]) -> None:
        self.signer = Ed25519Signer.generate()
        self.key = NoteKey(name, self.signer.public, SignatureType.COSIGNATURE)
        self.now = 1_780_000_000
        self.state = State.make(folder / f"{name}.db", self.key)
        self.app: ASGIApp = witness_app(
            Witness(self.state, self.signer, name, logs=logs, clock=lambda: self.now)
        )
        self.instead: httpx.Response | None = None
        self.away = False
        self.asked = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the network would bring it."""
        self.asked += 1
        if self.away:
            raise httpx.ConnectError("no route to host")
        if self.instead is not None:
            return self.instead
        return await httpx.ASGITransport(self.app).handle_async_request(request)

    @property
    def setting(self) -> WitnessSetting:
        """How a gateway is told of it."""
        return WitnessSetting(vkey=self.key.vkey(), url=f"http://{self.key.name}/", ca=None)


def rounds_with(services: Services, agencies: list[Agency]) -> Rounds:
    """Rounds of a gateway over these witnesses, as often as asked."""
    witnesses = tuple(agency.setting for agency in agencies)
    config = CosigningSection(every_s=0.5, witnesses=witnesses)
    rounds = Rounds(config, services.log, services.cosigned)
    rounds._every_s = 0
    for standing, agency in zip(rounds.standings, agencies, strict=True):
        standing.http = httpx.AsyncClient(transport=httpx.MockTransport(agency.handle))
    return rounds
