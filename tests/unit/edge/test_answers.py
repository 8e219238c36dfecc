"""What a dock answers to pulls, ordinary and absurd, from a real ledger and spool."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answers import (
    _APART_S,
    MAX_PIECE,
    SPAN_BYTES,
    TERM_SILENCE_S,
    Answers,
    Publication,
    Terms,
    _grouped,
    _Span,
    mark_lost,
)
from edge.errors import LedgerError
from edge.ledger import ClipRow, Ledger
from edge.spool import Spool
from hashing.digest import digest_bytes
from protocols import messages
from protocols.ids import ClipId
from protocols.messages import LeavesWant, LedgerWant, NackReason, PartWant, Pull, Want
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import DOCK, camera_opened, draft_of, open_ledger, release

BYTES = os.urandom(3_000_000)
PART = 256 * 1024


@dataclass
class Answering:
    """A ledger with one sealed clip, and what was said to be lost."""

    ledger: Ledger
    spool: Spool
    clip: ClipId
    name: str
    lost: list[tuple[ClipRow, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = Answers(
            DOCK, self.ledger, self.spool, lambda row, why: self.lost.append((row, why))
        )

    async def ask(self, *wants: Want) -> list[Publication]:
        """What is published for one pull."""
        pull = Pull("w1", 1, wants)
        return [each async for each in self.answers.answer(pull)]

    async def nacked(self, *wants: Want) -> list[NackReason]:
        """The reasons, when every want is refused."""
        nacks = [messages.Nack.decode(each.payload) for each in await self.ask(*wants)]
        assert [nack.want for nack in nacks] == list(wants)
        return [nack.reason for nack in nacks]


@pytest.fixture
def dock(tmp_path: Path) -> Iterator[Answering]:
    ledger = open_ledger(tmp_path / "ledger.db")
    spool = Spool(tmp_path / "spool", 0)
    session = ledger.open_session(camera_opened())
    file = spool.begin(len(BYTES))
    file.write(BYTES)
    file.publish()
    clip = ledger.seal_clip(draft_of(session, BYTES, name=file.name))
    yield Answering(ledger, spool, clip, file.name)
    ledger.close()


async def test_parts_are_given_as_asked_each_under_its_own_topic(dock: Answering) -> None:
    wants = [PartWant(0, 1, at, PART) for at in range(0, len(BYTES), PART)]
    given = await dock.ask(*wants)
    assert b"".join(each.payload for each in given) == BYTES
    assert given[1].topic == f"evidock/1/dock/dock7/part/w1/0/1/{PART}"
    assert {each.qos for each in given} == {0}


async def test_wants_of_all_kinds_are_answered_in_their_order(dock: Answering) -> None:
    given = await dock.ask(
        PartWant(0, 1, 10, 5), LedgerWant(0, 0, 1), LeavesWant(0, 1, 32, 64), PartWant(0, 1, 0, 4)
    )
    digest = digest_bytes(BYTES)
    assert given[0].payload == BYTES[10:15]
    assert [entry.seq for entry in messages.decode_page(given[1].payload)] == [0, 1]
    assert given[2].payload == b"".join(digest.leaves)[32:96]
    assert given[3].payload == BYTES[:4]
    assert [each.qos for each in given] == [0, 1, 0, 0]


async def test_what_the_dock_has_not_is_refused_with_the_reason(dock: Answering) -> None:
    big = 2**63 - 1
    unknown: list[Want] = [
        PartWant(0, 99, 0, 10),
        PartWant(big, big, big, big),
        PartWant(0, 0, 0, 10),
        PartWant(0, 1, len(BYTES), 10),
        LedgerWant(0, 50, 60),
        LedgerWant(0, 5, 1),
        LedgerWant(big, 0, big),
        LeavesWant(0, 99, 0, 32),
        LeavesWant(0, 1, big, 32),
    ]
    assert set(await dock.nacked(*unknown)) == {NackReason.UNKNOWN}


async def test_no_answer_is_larger_than_a_message_may_be(dock: Answering) -> None:
    (given,) = await dock.ask(PartWant(0, 1, 0, 2**40))
    assert given.payload == BYTES[:MAX_PIECE]


async def test_a_part_beyond_the_end_is_as_long_as_the_clip_is(dock: Answering) -> None:
    (given,) = await dock.ask(PartWant(0, 1, len(BYTES) - 3, PART))
    assert given.payload == BYTES[-3:]


async def test_a_clip_whose_file_is_gone_is_refused_as_lost_and_said_so(dock: Answering) -> None:
    await dock.ask(PartWant(0, 1, 0, 4))
    dock.spool.remove(dock.name)
    assert await dock.nacked(PartWant(0, 1, 0, 4)) == [NackReason.LOST]
    ((row, why),) = dock.lost
    assert row.clip == dock.clip
    assert mark_lost(dock.ledger, row, why)
    assert not mark_lost(dock.ledger, row, why)
    assert await dock.nacked(PartWant(0, 1, 0, 4)) == [NackReason.LOST]
    assert [alarm.code for alarm in dock.ledger.alarms()] == ["clip-lost"]


async def test_a_clip_dropped_after_its_release_is_unknown_and_no_loss(dock: Answering) -> None:
    await dock.ask(PartWant(0, 1, 0, 4))
    proved, raw = release(dock.ledger, SimulatedLog(), dock.clip)
    dock.ledger.record_release(dock.clip, proved, raw)
    dock.spool.remove(dock.ledger.spool_dropped(dock.clip) or "")
    assert await dock.nacked(PartWant(0, 1, 0, 4)) == [NackReason.UNKNOWN]
    assert dock.lost == []


async def test_a_ledger_that_refuses_makes_the_dock_busy_not_silent(
    dock: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise LedgerError("locked")

    monkeypatch.setattr(dock.ledger, "entries", refusing)
    assert await dock.nacked(LedgerWant(0, 0, 1)) == [NackReason.BUSY]


def test_a_lower_term_is_heard_again_only_after_the_higher_fell_silent() -> None:
    terms = Terms()
    assert terms.admits(5, 0.0)
    assert not terms.admits(4, 1.0)
    assert terms.admits(5, 30.0)
    assert not terms.admits(4, 30.0 + TERM_SILENCE_S - 1)
    assert terms.admits(6, 40.0)
    assert terms.admits(1, 40.0 + TERM_SILENCE_S)


PARTS = st.builds(PartWant, st.just(0), st.integers(0, 1), st.integers(0, 9), st.integers(0, 9))
WANTS = st.one_of(PARTS, st.builds(LedgerWant, st.just(0), st.just(0), st.just(0)))


@given(st.lists(WANTS, max_size=20))
def test_grouping_keeps_every_want_in_order_and_joins_only_neighbours(wants: list[Want]) -> None:
    flat: list[Want] = []
    for each in _grouped(wants):
        if not isinstance(each, _Span):
            flat.append(each)
            continue
        flat.extend(each.parts)
        assert each.length <= SPAN_BYTES
        for left, right in zip(each.parts, each.parts[1:], strict=False):
            assert (left.seq, left.offset + left.length) == (right.seq, right.offset)
    assert flat == wants


async def test_a_leaf_pulled_again_is_compared_before_it_is_sent_again(
    dock: Answering,
) -> None:
    want = PartWant(0, dock.clip.seq, PART, PART)
    path = dock.spool.path(dock.name)
    damaged = bytearray(path.read_bytes())
    damaged[PART + 5] ^= 1
    first = await dock.ask(want)
    again = await dock.ask(want)
    assert [each.payload for each in first] == [each.payload for each in again]
    path.write_bytes(damaged)
    assert await dock.nacked(want) == [NackReason.LOST]
    assert "from byte 0" in dock.lost[0][1]
    assert path.with_suffix(".damaged").read_bytes() == damaged


def failing(number: int) -> Callable[[int, int, int], bytes]:
    """A read that the system refuses."""

    def pread(_fd: int, _length: int, _offset: int) -> bytes:
        raise OSError(number, os.strerror(number))

    return pread


async def test_a_file_that_stays_unreadable_is_lost_and_kept_for_people(
    dock: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(os, "pread", failing(errno.EIO))
    want = PartWant(0, 1, 0, PART)
    for _ in range(2):
        # However often it is pulled, a disk gets some seconds to come back.
        for _ in range(5):
            assert await dock.nacked(want) == [NackReason.BUSY]
        clock[0] += _APART_S
    assert dock.lost == []
    assert await dock.nacked(want) == [NackReason.LOST]
    ((row, why),) = dock.lost
    assert (row.clip, "Input/output error" in why) == (dock.clip, True)
    assert dock.spool.names() == set()
    assert (dock.spool.root / f"{dock.name}.damaged").stat().st_size == len(BYTES)


async def test_a_dock_short_of_descriptors_loses_no_clip(
    dock: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with monkeypatch.context() as short:
        short.setattr(os, "pread", failing(errno.EMFILE))
        for _ in range(10):
            assert await dock.nacked(PartWant(0, 1, 0, PART)) == [NackReason.BUSY]
            clock[0] += _APART_S
    assert dock.lost == []
    assert len(await dock.ask(PartWant(0, 1, 0, PART))) == 1


async def test_a_loss_of_what_the_gateway_has_is_no_alarm(dock: Answering) -> None:
    row = dock.ledger.clip(0, 1)
    assert row is not None
    proved, raw = release(dock.ledger, SimulatedLog(), dock.clip)
    dock.ledger.record_release(dock.clip, proved, raw)
    assert not mark_lost(dock.ledger, row, "gone")
    assert dock.ledger.alarms() == []
