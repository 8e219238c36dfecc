"""The uplink without a broker: what it makes of messages, and what its head says."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiomqtt
import pytest

from edge.answers import Answers
from edge.config import UplinkSection
from edge.ledger import Ledger
from edge.proofs import Proofs
from edge.signals import Signals
from edge.spool import Spool
from edge.uplink import Uplink
from protocols.errors import MessageError
from protocols.ids import ClipId
from protocols.messages import (
    MAX_PROOF,
    MAX_PULL,
    MAX_RELEASE,
    Hello,
    LedgerWant,
    Pull,
    Refusal,
    Retry,
)
from protocols.topics import ToDock, to_dock
from tests.demo.programs import free_port
from tests.simulators.log import SimulatedLog
from tests.unit.edge.bayside import until
from tests.unit.edge.dockside import DOCK, camera_opened, draft_of, open_ledger, release


class Linked:
    """An uplink over a real ledger."""

    def __init__(self, tmp_path: Path, section: UplinkSection | None = None) -> None:
        self.ledger: Ledger = open_ledger(tmp_path / "ledger.db")
        self.log = SimulatedLog()
        self.signals = Signals()
        spool = Spool(tmp_path / "spool", 0)
        self.uplink = Uplink(
            section or UplinkSection(port=free_port(), min_backoff_s=0.01, max_backoff_s=0.05),
            DOCK,
            "1.0",
            ledger=self.ledger,
            spool=spool,
            proofs=Proofs(self.ledger, self.log.anchors),
            answers=Answers(DOCK, self.ledger, spool, lambda *_: None),
            signals=self.signals,
        )

    def seal(self, data: bytes = b"x", path: bytes = b"1.MP4") -> ClipId:
        """Seal a clip in a session of its own."""
        session = self.ledger.open_session(camera_opened())
        return self.ledger.seal_clip(draft_of(session, data, path=path))

    def hear(self, what: ToDock, payload: bytes, *, retained: bool = False) -> None:
        """Let a message arrive."""
        self.uplink._hear(to_dock(DOCK, what), payload, retained=retained)


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Linked]:
    linked = Linked(tmp_path)
    yield linked
    linked.ledger.close()


def hello(*protocols: int) -> bytes:
    return Hello(protocols=protocols, version="2.0", part_size=262144, time="now").encode()


def test_the_head_of_an_empty_ledger_names_the_pinned_checkpoint(linked: Linked) -> None:
    head = linked.uplink._head()
    assert (head.epoch, head.seq, head.hash, head.unreleased) == (0, None, None, ())
    assert head.accepted is not None
    assert head.accepted.size == linked.log.anchors.checkpoint.size


def test_the_head_names_what_waits_for_a_release(linked: Linked) -> None:
    clip = linked.seal()
    assert linked.uplink._head().unreleased == ((0, 1, 1),)
    proved, raw = release(linked.ledger, linked.log, clip)
    linked.ledger.record_release(clip, proved, raw)
    head = linked.uplink._head()
    assert head.unreleased == ()
    assert head.accepted is not None
    assert head.accepted.size == proved.accepted.size


def test_pulls_of_a_fenced_out_worker_are_not_answered(linked: Linked) -> None:
    want = (LedgerWant(0, 0, 1),)
    linked.hear(ToDock.PULL, Pull("new", 7, want).encode())
    linked.hear(ToDock.PULL, Pull("old", 6, want).encode())
    assert linked.uplink._pulls.get_nowait().worker == "new"
    assert linked.uplink._pulls.empty()


def test_a_flood_of_pulls_is_bounded(linked: Linked) -> None:
    pull = Pull("w", 1, (LedgerWant(0, 0, 1),)).encode()
    with contextlib.suppress(asyncio.QueueFull):
        for _ in range(10_000):
            linked.hear(ToDock.PULL, pull)
    assert 0 < linked.uplink._pulls.qsize() < 1000


def test_a_gateway_of_another_version_is_told_of_until_it_speaks_ours(linked: Linked) -> None:
    heard = [linked.uplink.understood]
    for protocols in ((2, 3), (1, 2)):
        linked.hear(ToDock.HELLO, hello(*protocols))
        heard.append(linked.uplink.understood)
    assert heard == [True, False, True]


def test_a_forged_hello_silences_no_pull_that_is_understood(linked: Linked) -> None:
    linked.hear(ToDock.HELLO, hello(99))
    linked.hear(ToDock.PULL, Pull("w", 1, (LedgerWant(0, 0, 1),)).encode())
    assert linked.uplink._pulls.get_nowait().worker == "w"
    assert linked.uplink.understood


def test_a_pull_or_proof_that_the_broker_kept_is_nobodys_word(linked: Linked) -> None:
    trap = Pull("evil", 2**63 - 1, (LedgerWant(0, 0, 1),)).encode()
    linked.hear(ToDock.PULL, trap, retained=True)
    for what in (ToDock.RECEIPT, ToDock.RELEASE, ToDock.REFUSAL):
        linked.hear(what, b"x", retained=True)
    assert linked.uplink._pulls.empty()
    assert linked.uplink._said.empty()
    linked.hear(ToDock.HELLO, hello(2), retained=True)
    assert linked.uplink.gateway is not None
    linked.hear(ToDock.PULL, Pull("real", 1, (LedgerWant(0, 0, 1),)).encode())
    assert linked.uplink._pulls.get_nowait().worker == "real"


async def test_what_the_broker_kept_is_told_from_what_is_said_now(linked: Linked) -> None:
    def arrives(pull: Pull, *, retained: bool) -> aiomqtt.Message:
        return aiomqtt.Message(to_dock(DOCK, ToDock.PULL), pull.encode(), 1, retained, 1, None)

    want = (LedgerWant(0, 0, 1),)

    class Connected:
        """A client to which two messages come."""

        @property
        async def messages(self) -> AsyncIterator[aiomqtt.Message]:
            yield arrives(Pull("old", 9, want), retained=True)
            assert linked.uplink.silent_s is None
            yield arrives(Pull("new", 1, want), retained=False)

    await linked.uplink._listen(Connected())  # type: ignore[arg-type]  # all that is used of it
    assert linked.uplink._pulls.get_nowait().worker == "new"
    assert linked.uplink._pulls.empty()
    assert linked.uplink.silent_s is not None


@pytest.mark.parametrize(
    ("what", "largest"),
    [(ToDock.RECEIPT, MAX_PROOF), (ToDock.RELEASE, MAX_RELEASE), (ToDock.REFUSAL, MAX_PULL)],
)
def test_what_is_larger_than_its_kind_may_be_is_never_kept(
    linked: Linked, what: ToDock, largest: int
) -> None:
    with pytest.raises(MessageError, match="allowed"):
        linked.hear(what, bytes(largest + 1))
    assert linked.uplink._said.empty()
    linked.hear(what, bytes(largest))
    assert linked.uplink._said.qsize() == 1


async def test_what_waits_to_be_taken_is_bounded_in_bytes_and_makes_room_again(
    linked: Linked,
) -> None:
    kept = 0
    with contextlib.suppress(asyncio.QueueFull):
        while kept < 1000:
            linked.hear(ToDock.RELEASE, bytes(MAX_RELEASE))
            kept += 1
    assert kept == (16 << 20) // MAX_RELEASE
    task = asyncio.ensure_future(linked.uplink._take())
    await until(linked.uplink._said.empty)
    linked.hear(ToDock.RELEASE, bytes(MAX_RELEASE))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("evidock/1/gate/dock8/pull", b""),
        ("evidock/1/gate/dock7/nonsense", b""),
        ("evidock/1/gate/dock7/pull", b"\xff" * 100),
        ("evidock/1/gate/dock7/hello", b"{"),
        ("evidock/1/gate/dock7/pull", b"\x9f" * 70_000),
    ],
)
def test_malformed_messages_are_one_typed_refusal(
    linked: Linked, topic: str, payload: bytes
) -> None:
    with pytest.raises(MessageError):
        linked.uplink._hear(topic, payload)


def test_malformed_proofs_are_passed_over_and_the_others_taken(linked: Linked) -> None:
    clip = linked.seal()
    sealed = linked.ledger.sealed(clip.epoch, clip.seq)
    assert sealed is not None
    good = linked.log.release(sealed, linked.log.anchors.checkpoint.size).encode()
    released, stale = linked.uplink._take_batch(
        [
            (ToDock.RELEASE, b"\xff"),
            (ToDock.RECEIPT, b""),
            (ToDock.RELEASE, good),
            (ToDock.RELEASE, good),
            (ToDock.REFUSAL, Refusal(0, 0, "c", "r", Retry.NEVER).encode()),
        ]
    )
    assert released == [clip]
    assert not stale
    assert [refusal.code for refusal in linked.ledger.refusals()] == ["c"]


def test_an_old_proof_asks_for_a_new_announcement(linked: Linked) -> None:
    first, second = linked.seal(), linked.seal(b"y", b"2.MP4")
    old = linked.log.anchors.checkpoint.size
    messages = []
    for clip in (first, second):
        sealed = linked.ledger.sealed(clip.epoch, clip.seq)
        assert sealed is not None
        messages.append((ToDock.RELEASE, linked.log.release(sealed, old).encode()))
    released, stale = linked.uplink._take_batch(messages)
    assert (released, stale) == ([first], True)


async def test_without_a_broker_it_goes_on_trying_and_says_why(linked: Linked) -> None:
    task = asyncio.ensure_future(linked.uplink.run())
    await until(lambda: "refused" in linked.uplink.problem)
    config = linked.uplink._config
    found = re.fullmatch(
        rf"127\.0\.0\.1:{config.port}: connection refused; (next try in 1 s|trying again now)",
        linked.uplink.problem,
    )
    assert found, linked.uplink.problem
    assert not linked.uplink.connected
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_broker_that_hangs_up_unanswered_is_tried_again_at_once(linked: Linked) -> None:
    """The time limit of an answer, 20 s, is not for a connection that has ended."""
    came = 0

    async def hang_up(said: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await said.read(1)
        answer.close()

    broker = await asyncio.start_server(hang_up, "127.0.0.1", linked.uplink._config.port)
    async with broker:
        task = asyncio.ensure_future(linked.uplink.run())
        await until(lambda: came > 1)
        assert "hung up without an answer" in linked.uplink.problem
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_only_a_connection_that_held_a_while_shortens_the_pauses(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that fails after long waiting says nothing good of the broker."""
    uplink, holds = linked.uplink, False

    async def connection() -> None:
        uplink._up_at = time.monotonic() if holds else None
        await asyncio.sleep(0.03)
        raise aiomqtt.MqttError("gone")

    monkeypatch.setattr(uplink, "_connection", connection)
    monkeypatch.setattr("edge.uplink._STEADY_S", 0.02)
    task = asyncio.ensure_future(uplink.run())
    await until(lambda: uplink._pause_s == 0.05)
    holds = True
    await until(lambda: uplink._pause_s == 0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
