"""``--policy``: what enough witnesses saw, and what they did not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from gateway.errors import SetupError
from gateway.services import Services
from gateway.trail.client import ApiClient
from gateway.trail.command import TrailAsked, show_trail
from gateway.trail.log_command import verify_log
from gateway.trail.witnessed import load_policy
from hashing.note import Checkpoint, cosign, sign_checkpoint
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.kinds import AlarmRaised
from protocols.policy import Policy, parse_policy
from tests.simulators.agency import Agency, rounds_with
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import SyncBridge, api_of, enrol, gateway_on, shift_end

NOTHING = AlarmRaised(code="test", text="nothing")
CASE_NO = "2026-17"
UNWITNESSED = Outcome.UNWITNESSED.exit_code


class Court:
    """A gateway with a shift, a case, and two witnesses."""

    def __init__(self, services: Services, agencies: list[Agency]) -> None:
        self.services, self.agencies = services, agencies
        self.rounds = rounds_with(services, agencies)
        self.anchors = services.log.anchors()
        lines = "".join(f"witness {a.key.name} {a.key.vkey()}\n" for a in agencies)
        log = f"log {self.anchors.checkpoint_key.vkey()}\n"
        self.policy = parse_policy(
            f"{log}{lines}group both all court press\nquorum both\n".encode()
        )
        self.printed: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.printed)

    async def trail(self, policy: Policy | None = None) -> int:
        wanted = TrailAsked(
            CASE_NO,
            self.anchors,
            content=False,
            whole_log=False,
            as_json=False,
            policy=policy or self.policy,
        )
        return await self._run(lambda client: show_trail(client, wanted, self.printed.append))

    async def log(self, anchors: Anchors | None = None) -> int:
        return await self._run(
            lambda client: verify_log(
                client,
                anchors or self.anchors,
                self.printed.append,
                as_json=False,
                policy=self.policy,
            )
        )

    async def _run(self, command: Callable[[ApiClient], int]) -> int:
        self.printed.clear()
        bridge: httpx.BaseTransport = SyncBridge(self.services)

        def work() -> int:
            with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
                return command(client)

        return await asyncio.to_thread(work)


@pytest.fixture
async def court(tmp_path: Path) -> AsyncIterator[Court]:
    async with gateway_on(tmp_path) as services:
        dock = SimulatedDock()
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": b"a"})
        async with api_of(services) as api:
            await api.post("/api/v1/cases", json={"case_no": CASE_NO, "by": "Li"})
            link = {"clip": str(clip), "by": "Li", "why": "scene"}
            answer = await api.post(f"/api/v1/cases/{CASE_NO}/links", json=link)
            assert answer.status_code == 201, answer.text
        logs = [services.log.anchors().checkpoint_key]
        agencies = [Agency(tmp_path, name, logs) for name in ("court", "press")]
        yield Court(services, agencies)
        for agency in agencies:
            agency.state.close()


async def test_what_both_witnesses_saw_is_intact_and_what_one_did_not_is_unwitnessed(
    court: Court,
) -> None:
    court.agencies[1].away = True
    await court.rounds.round()
    assert await court.trail() == UNWITNESSED
    assert "cosigned by court" in court.text
    assert await court.log() == UNWITNESSED
    court.agencies[1].away = False
    court.rounds.standings[1].not_before = 0
    await court.rounds.round()
    assert await court.trail() == 0, court.text
    assert "no witnesses are required" not in court.text
    assert await court.log() == 0, court.text


async def test_a_trail_below_an_older_cosigned_checkpoint_is_witnessed_and_the_newer_log_is_not(
    court: Court,
) -> None:
    await court.rounds.round()
    await court.services.log.append_own(NOTHING, "urn:later")
    assert await court.trail() == 0, court.text
    assert await court.log() == UNWITNESSED
    assert "ask again in a minute" in court.text


async def test_a_history_that_the_witnesses_did_not_see_is_altered(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    await court.rounds.round()
    await court.services.log.append_own(NOTHING, "urn:later")
    size = court.services.log.checkpoint().size - 1
    (note,) = await court.services.cosigned.newest(1)
    # The same keys over another tree of that size: what a split view looks like from here.
    signer, key = court.services.log._keys.checkpoint, court.anchors.checkpoint_key
    forged = sign_checkpoint(Checkpoint(key.name, size, bytes(32)), signer, key.name)
    for agency in court.agencies:
        forged = cosign(forged, agency.signer, agency.key.name, 1)

    async def newest(_limit: int) -> list[bytes]:
        return [forged]

    assert forged != note
    monkeypatch.setattr(court.services.cosigned, "newest", newest)
    for verdict in (await court.trail(), await court.log()):
        assert verdict == Outcome.ALTERED.exit_code, court.text


def test_a_policy_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.policy"
    with pytest.raises(SetupError, match="No such file"):
        load_policy(path)
    path.write_text("quorum nobody\n")
    with pytest.raises(SetupError, match="line 1: nobody is not defined"):
        load_policy(path)
