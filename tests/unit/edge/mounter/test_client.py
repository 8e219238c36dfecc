"""The dock's side of the mount helper: who is not there is said, with what to do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.errors import MountRefused, NoMounter
from edge.mounter import wire
from edge.mounter.client import Mounter
from edge.mounter.settings import MounterSection
from tests.unit.edge.bayside import until


def mounter(tmp_path: Path) -> Mounter:
    return Mounter(MounterSection(socket=tmp_path / "m.sock", root=tmp_path / "cards"))


@contextlib.asynccontextmanager
async def helper(tmp_path: Path, *replies: bytes) -> AsyncIterator[list[wire.Question]]:
    """A helper that answers each line with the next reply, and then hangs up."""
    asked: list[wire.Question] = []
    left = list(replies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and (line := await reader.readline()):
            found = wire.question(line)
            assert isinstance(found, wire.Question)
            asked.append(found)
            writer.write(left.pop(0))
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "m.sock"):
        yield asked


OK = wire.encode(wire.Reply(ok=True))


async def test_a_dock_without_a_helper_refuses_by_name(tmp_path: Path) -> None:
    none = Mounter()
    assert not none.has(tmp_path)
    with pytest.raises(NoMounter):
        async with none.writable(tmp_path):
            pytest.fail("no card was made writable")
    await none.watch(lambda _: None)


async def test_a_helper_that_is_not_running_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoMounter, match=r"m\.sock.*evidock-mounter"):
        async with mounter(tmp_path).writable(tmp_path / "cards" / "1" / "0.1"):
            pytest.fail("no card was made writable")


async def test_what_the_helper_did_not_mount_is_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(NoMounter, match="was not mounted by"):
        await mounter(tmp_path).leave(tmp_path / "elsewhere")


async def test_a_card_is_held_and_writable_for_the_block(tmp_path: Path) -> None:
    card, it = tmp_path / "cards" / "1" / "0.1", mounter(tmp_path)
    async with helper(tmp_path, OK, OK) as asked:
        async with it.writable(card):
            assert it.holds(card)
        assert not it.holds(card)
    assert [(each.verb, each.mount) for each in asked] == [
        ("writable", str(card)),
        ("readonly", str(card)),
    ]


async def test_a_refusal_says_why_and_nothing_is_held(tmp_path: Path) -> None:
    no = wire.encode(wire.Reply(ok=False, code="busy", reason="a file is open"))
    card, it = tmp_path / "cards" / "1" / "0.1", mounter(tmp_path)
    async with helper(tmp_path, no):
        with pytest.raises(MountRefused, match=r"a file is open \(busy\)"):
            async with it.writable(card):
                pytest.fail("no card was made writable")
    assert not it.holds(card)


@pytest.mark.parametrize("answer", [b"", b"[]\n", b"not JSON\n", b"\xff\n", b"{}\n"])
async def test_nonsense_is_no_leave(tmp_path: Path, answer: bytes) -> None:
    async with helper(tmp_path, answer):
        with pytest.raises(NoMounter, match="broke off"):
            async with mounter(tmp_path).writable(tmp_path / "cards" / "1" / "0.1"):
                pytest.fail("no card was made writable")


async def test_an_end_of_the_helper_within_the_block_hurts_nobody(tmp_path: Path) -> None:
    card, it = tmp_path / "cards" / "1" / "0.1", mounter(tmp_path)
    async with helper(tmp_path, OK), it.writable(card):
        assert it.holds(card)
    assert not it.holds(card)


async def test_what_is_told_is_heard(tmp_path: Path) -> None:
    refused = wire.Refused(bay="1", port="p", device="046d:c31c", classes=("03",), reason="no")
    told = wire.Told(refused=(refused,))
    heard: asyncio.Queue[wire.Told] = asyncio.Queue()
    async with helper(tmp_path, wire.encode(told)), asyncio.timeout(10):
        watching = asyncio.ensure_future(mounter(tmp_path).watch(heard.put_nowait))
        assert await heard.get() == told
        watching.cancel()


async def test_while_the_block_lasts_the_helper_is_told_and_each_moment_has_a_turn(
    tmp_path: Path,
) -> None:
    card = tmp_path / "cards" / "1" / "0.1"
    section = MounterSection(socket=tmp_path / "m.sock", root=tmp_path / "cards", writable_s=0.3)
    it = Mounter(section)
    before = it.turn(card)
    async with helper(tmp_path, OK, OK, OK) as asked, it.writable(card):
        within = it.turn(card)
        await until(lambda: len(asked) > 1)
    assert [each.verb for each in asked][:2] == ["writable", "needed"]
    assert len({before, within, it.turn(card)}) == 3
