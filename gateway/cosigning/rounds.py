"""Rounds: the newest checkpoint, to every witness that has not cosigned it, all at once.

One checkpoint a round and the same for all, because a quorum is of cosignatures on one checkpoint.
A witness that was away is asked for the newest one when it is back: what lies between is contained.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import httpx
import structlog

from gateway.config import CosigningSection, WitnessSetting
from gateway.cosigning.asking import (
    OtherSizeError,
    WitnessAwayError,
    WitnessRefusesError,
    ask,
    make_client,
)
from gateway.cosigning.kept import CosignedCheckpoints
from gateway.errors import GatewayError
from gateway.log.proofs import LogProofs
from gateway.log.service import SignedCheckpoint
from hashing.note import NoteKey
from protocols.witnessing import AddCheckpoint

_LOOK_S = 0.5
_FIRST_WAIT_S = 1.0
_MOST_WAIT_S = 300.0
_event = structlog.get_logger("gateway.cosigning")


@dataclass(slots=True)
class Standing:
    """How it stands with one witness.

    Attributes:
        known: the size it cosigned last, as far as is known; None before it was asked.
        cosigned: size of the newest checkpoint that it cosigned for this run.
        problem: why it gave nothing at the last question; None when it did.
        refuses: it answers and will not: somebody has to look.
    """

    key: NoteKey
    url: str
    http: httpx.AsyncClient
    known: int | None = None
    cosigned: int | None = None
    problem: str | None = None
    refuses: bool = False
    wait_s: float = field(default=0.0)
    not_before: float = field(default=0.0)


class Rounds:
    """Asks the witnesses of a configuration, until cancelled."""

    def __init__(self, config: CosigningSection, log: LogProofs, kept: CosignedCheckpoints) -> None:
        """Prepare; nobody is asked yet.

        Raises:
            ConfigError: a file of trusted authorities cannot be used.
        """
        self._log = log
        self._kept = kept
        self._every_s = config.every_s
        self._last_round = float("-inf")
        self.standings = tuple(_standing(setting) for setting in config.witnesses)

    async def run(self) -> None:
        """Go on until cancelled; nothing that a witness does ends it."""
        if not self.standings:
            return
        try:
            while True:
                await self.round()
                await asyncio.sleep(_LOOK_S)
        finally:
            for standing in self.standings:
                await standing.http.aclose()

    async def round(self) -> None:
        """Ask whoever is due, unless a round has only just been."""
        checkpoint, now = self._log.checkpoint(), time.monotonic()
        due = [
            standing
            for standing in self.standings
            if standing.cosigned != checkpoint.size and now >= standing.not_before
        ]
        if due and now - self._last_round >= self._every_s:
            self._last_round = now
            await asyncio.gather(*(self._ask(standing, checkpoint) for standing in due))

    async def _ask(self, standing: Standing, checkpoint: SignedCheckpoint) -> None:
        try:
            await self._cosigned(standing, checkpoint)
        except GatewayError as error:
            refuses = isinstance(error, WitnessRefusesError)
            if standing.problem != str(error):
                say = _event.critical if refuses else _event.warning
                what = "witness.refuses" if refuses else "witness.away"
                say(what, witness=standing.key.name, size=checkpoint.size, reason=str(error))
            standing.problem, standing.refuses = str(error), refuses
            standing.wait_s = min(max(standing.wait_s * 2, _FIRST_WAIT_S), _MOST_WAIT_S)
            standing.not_before = time.monotonic() + standing.wait_s
            return
        if standing.problem is not None:
            _event.info("witness.back", witness=standing.key.name, size=checkpoint.size)
        standing.problem, standing.refuses, standing.wait_s = None, False, 0.0

    async def _cosigned(self, standing: Standing, checkpoint: SignedCheckpoint) -> None:
        try:
            await self._once(standing, checkpoint)
        except OtherSizeError as other:
            # It says what it knows; a second refusal of that very size is one for good.
            standing.known = other.size
            if other.size > checkpoint.size:
                raise WitnessRefusesError(
                    f"it says it cosigned size {other.size}, and this log has {checkpoint.size}: "
                    "was the log set back? See docs/operations.md, Backup and restore"
                ) from other
            try:
                await self._once(standing, checkpoint)
            except OtherSizeError as again:
                if again.size == other.size:
                    raise WitnessRefusesError(
                        f"it cosigned another history of size {other.size}"
                    ) from again
                raise WitnessAwayError(
                    f"asked by somebody else at the same time: {again}"
                ) from again

    async def _once(self, standing: Standing, checkpoint: SignedCheckpoint) -> None:
        known = standing.known or 0
        # What it says it knows beyond this log cannot be proved from here; it will say so again.
        old = known if known <= checkpoint.size else 0
        proof = await self._log.consistency(old, checkpoint.size)
        asked = AddCheckpoint(old, tuple(proof), checkpoint.note)
        line = await ask(standing.http, standing.url, standing.key, asked)
        await self._kept.add(checkpoint.note, line)
        standing.known = standing.cosigned = checkpoint.size


def _standing(setting: WitnessSetting) -> Standing:
    return Standing(setting.key, setting.url, make_client(setting.ca))
