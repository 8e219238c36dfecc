"""Time stamps over checkpoints, by a real authority: ``openssl ts`` on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path

import httpx
import pytest

from gateway.config import StampingSection
from gateway.errors import SetupError
from gateway.services import Services
from gateway.stamping.rounds import Stamping
from gateway.stamping.token import StampError, check_stamp, load_roots, request_for
from gateway.trail.client import ApiClient
from gateway.trail.log_command import verify_log
from hashing.note import parse_note
from hashing.verdict import Outcome
from protocols.kinds import AlarmRaised
from tests.simulators.authority import Authority
from tests.simulators.seeded import SyncBridge, gateway_on

NOTHING = AlarmRaised(code="test", text="nothing")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        yield opened


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "own")


def stamping(services: Services, authority: Authority) -> Stamping:
    authority.instead, authority.asked = None, 0
    config = StampingSection(url="http://tsa.example/", roots=authority.root, every_s=3600)
    made = Stamping(config, services.log, services.stamps)
    made.http = httpx.AsyncClient(transport=httpx.MockTransport(authority.handle))
    return made


async def again(made: Stamping) -> None:
    made._not_before = float("-inf")
    await made.round()


async def verified(services: Services, roots: Path) -> tuple[int, str]:
    bridge: httpx.BaseTransport = SyncBridge(services)
    said: list[str] = []
    anchors = services.log.anchors()

    def work() -> int:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            return verify_log(client, anchors, said.append, as_json=False, tsa=roots)

    return await asyncio.to_thread(work), "".join(said)


async def test_a_checkpoint_is_stamped_once_kept_served_and_verified(
    services: Services, authority: Authority, tmp_path: Path
) -> None:
    made = stamping(services, authority)
    assert (await verified(services, authority.root))[0] == Outcome.UNWITNESSED.exit_code
    await again(made)
    assert made._problem is None
    await again(made)
    assert authority.asked == 1
    await services.log.append_own(NOTHING, "urn:0")
    await made.round()
    assert authority.asked == 1
    await again(made)
    (first, second) = await services.stamps.since(0, 10)
    assert [parse_note(each.note).text.split("\n")[1] for each in (first, second)] == ["1", "2"]
    assert await services.stamps.since(2, 10) == [second]
    (tmp_path / "text").write_text(parse_note(first.note).text)
    (tmp_path / "stamp").write_bytes(first.response)
    authority.verify(tmp_path / "stamp", tmp_path / "text")
    code, said = await verified(services, authority.root)
    assert code == 0, said
    assert "step  8" in said


async def test_no_stamp_is_kept_that_is_not_over_this_checkpoint_by_this_authority(
    services: Services, authority: Authority, tmp_path: Path
) -> None:
    made = stamping(services, authority)
    note = services.log.checkpoint().note
    await services.log.append_own(NOTHING, "urn:0")
    newest = services.log.checkpoint().note
    stranger = Authority(tmp_path / "stranger")
    answers = (
        httpx.Response(200, content=authority.stamp(request_for(note).as_bytes())),
        # The right text, and somebody else's question: the nonce differs.
        httpx.Response(200, content=authority.stamp(request_for(newest).as_bytes())),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"\x30" * 70_000),
        httpx.Response(500),
    )
    for answer in answers:
        authority.instead = answer
        await again(made)
        assert await services.stamps.since(0, 10) == []
    asked = request_for(newest)
    foreign = stranger.stamp(asked.as_bytes())
    with pytest.raises(StampError):
        check_stamp(foreign, newest, load_roots(authority.root), asked=asked)
    at = check_stamp(foreign, newest, load_roots(stranger.root), asked=asked)
    assert at.tzinfo is UTC
    authority.instead = None
    await again(made)
    assert len(await services.stamps.since(0, 10)) == 1
    # Other roots of the reader's own: what was kept is nothing to him.
    assert (await verified(services, stranger.root))[0] == Outcome.UNSIGNED.exit_code


def test_roots_are_needed_and_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs roots"):
        StampingSection(url="http://tsa.example/", roots=None, every_s=3600)
    for text in ("", "x"):
        (tmp_path / "roots.pem").write_text(text)
        with pytest.raises(SetupError, match="no certificates"):
            load_roots(tmp_path / "roots.pem")
