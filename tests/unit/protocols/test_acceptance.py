"""A dock believes nothing of a gateway that is not proved."""

import pytest

from hashing.keys import Es256Signer
from hashing.ledger import NO_PREV, DockLink, SubjectLink
from hashing.merkle import node_hash
from hashing.note import Checkpoint, sign_checkpoint
from hashing.statement import attach_receipts, decode_statement, sign_statement
from protocols.acceptance import Sealed, accept_checkpoint, accept_receipt, accept_release
from protocols.errors import AcceptanceError
from protocols.kinds import AlarmRaised
from protocols.messages import Entry, Proved, ReceiptMessage, ReleaseMessage
from protocols.records import CheckpointRef
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import ORIGIN, SimulatedLog


class World:
    """A dock that sealed one clip, and a log that holds everything the dock signed."""

    def __init__(self) -> None:
        self.log = SimulatedLog()
        self.dock = SimulatedDock()
        self.log.enrol(self.dock.id, self.dock.signer)
        session = self.dock.open_session()
        clip = self.dock.clips[self.dock.seal(session, b"footage" * 1000)]
        self.first_index = self.log.size
        for entry in self.dock.entries:
            self.log.append(entry)
        self.entry = self.dock.entries[clip.clip.seq]
        self.entry_index = self.first_index + clip.clip.seq
        self.sealed = Sealed(
            clip.clip,
            clip.digest.size,
            clip.digest.sha256,
            clip.digest.root,
            decode_statement(self.entry.statement).hash,
        )

    @property
    def pinned(self) -> int:
        return self.log.anchors.checkpoint.size

    def refused(self, message: ReleaseMessage, accepted: CheckpointRef | None = None) -> str:
        with pytest.raises(AcceptanceError) as refused:
            accept_release(self.log.anchors, accepted, self.sealed, message)
        return refused.value.code


@pytest.fixture
def world() -> World:
    return World()


def test_a_proved_release_is_accepted_and_moves_the_checkpoint_on(world: World) -> None:
    message = world.log.release(world.sealed, world.pinned)
    release = accept_release(world.log.anchors, None, world.sealed, message)
    assert release.clip == world.sealed.clip
    assert release.index == world.log.size - 1
    assert release.accepted.size == world.log.size


def test_the_same_release_twice_is_accepted_twice(world: World) -> None:
    message = world.log.release(world.sealed, world.pinned)
    first = accept_release(world.log.anchors, None, world.sealed, message)
    again = accept_release(world.log.anchors, first.accepted, world.sealed, message)
    assert again.accepted == first.accepted


def test_a_release_through_the_wire_is_still_accepted(world: World) -> None:
    message = ReleaseMessage.decode(world.log.release(world.sealed, world.pinned).encode())
    release = accept_release(world.log.anchors, None, world.sealed, message)
    assert release.clip == world.sealed.clip


@pytest.mark.parametrize("field", ["size", "sha256", "root", "statement_hash", "clip"])
def test_a_release_for_other_bytes_than_sealed_is_refused(world: World, field: str) -> None:
    lie = {
        "size": 1,
        "sha256": "0" * 64,
        "root": "0" * 64,
        "statement_hash": "0" * 64,
        "clip": "dock7.0.9",
    }[field]
    body = world.log.stored(world.sealed).model_copy(update={field: lie})
    assert world.refused(world.log.release(world.sealed, world.pinned, body=body)) == (
        "release-differs"
    )


def test_a_release_for_other_bytes_names_what_differs_and_nothing_else(world: World) -> None:
    body = world.log.stored(world.sealed).model_copy(update={"size": 1})
    message = world.log.release(world.sealed, world.pinned, body=body)
    with pytest.raises(AcceptanceError) as refused:
        accept_release(world.log.anchors, None, world.sealed, message)
    told = str(refused.value)
    assert f"size stored 1, sealed {world.sealed.size}." in told
    assert "another dock, or an older copy" in told
    assert "SHA-256" not in told


def test_a_release_about_another_clip_is_refused(world: World) -> None:
    message = world.log.release(world.sealed, world.pinned, subject="urn:evidock:clip:dock7.0.9")
    assert world.refused(message) == "release-statement"


def test_a_record_of_another_kind_is_no_release(world: World) -> None:
    body = AlarmRaised(code="x", text="clip.stored")
    message = world.log.release(world.sealed, world.pinned, body=body)
    assert world.refused(message) == "release-record"


def test_a_record_that_is_not_the_signed_one_is_refused(world: World) -> None:
    good = world.log.release(world.sealed, world.pinned)
    message = ReleaseMessage(
        good.epoch, good.seq, good.record + b" ", good.transparent, good.proved
    )
    assert world.refused(message) == "release-statement"


def test_a_signed_record_that_is_no_json_is_refused(world: World) -> None:
    index = world.log.append(world.dock.entries[world.dock.append_bytes(b"noise").seq])
    message = world.log.release_message(world.sealed, index, world.pinned)
    assert world.refused(message) == "release-statement"


def test_a_release_signed_by_a_dock_is_refused(world: World) -> None:
    message = world.log.release_message(world.sealed, world.entry_index, world.pinned)
    assert world.refused(message) == "release-statement"


def test_a_release_of_another_gateway_under_the_same_key_is_refused(world: World) -> None:
    world.log.gateway = "urn:evidock:gateway:other"
    assert world.refused(world.log.release(world.sealed, world.pinned)) == "release-statement"


def test_a_receipt_by_the_wrong_key_is_refused(world: World) -> None:
    world.log.receipt_signer = Es256Signer.generate()
    assert world.refused(world.log.release(world.sealed, world.pinned)) == "receipt"


def test_a_receipt_for_another_entry_is_refused(world: World) -> None:
    good = world.log.release(world.sealed, world.pinned)
    statement, record = world.log.entries[-1]
    wrong = attach_receipts(statement, [world.log.receipt(world.entry_index)])
    message = ReleaseMessage(good.epoch, good.seq, record, wrong, good.proved)
    assert world.refused(message) == "receipt"


def test_a_receipt_for_a_tree_that_was_not_proved_is_refused(world: World) -> None:
    good = world.log.release(world.sealed, world.pinned)
    world.log.append(world.entry)
    message = ReleaseMessage(
        good.epoch, good.seq, good.record, good.transparent, world.log.proved(world.pinned)
    )
    assert world.refused(message) == "receipt"


def test_a_receipt_of_another_issuer_is_refused(world: World) -> None:
    index = world.log.append_own(world.log.stored(world.sealed), world.sealed.clip.clip_urn)
    world.log.gateway = "urn:evidock:gateway:other"
    message = world.log.release_message(world.sealed, index, world.pinned)
    assert world.refused(message) == "receipt"


def test_a_rewritten_log_is_refused(world: World) -> None:
    first = accept_release(
        world.log.anchors, None, world.sealed, world.log.release(world.sealed, world.pinned)
    )
    statement, record = world.log.entries[2]
    world.log.entries[2] = (world.log.entries[1][0], record)
    message = world.log.release(world.sealed, first.accepted.size)
    assert world.refused(message, first.accepted) == "proof-damaged"
    world.log.entries[2] = (statement, record)
    fine = world.log.release(world.sealed, first.accepted.size)
    release = accept_release(world.log.anchors, first.accepted, world.sealed, fine)
    assert release.accepted.size == world.log.size


def test_two_roots_of_one_size_are_a_fork(world: World) -> None:
    proved = world.log.proved(world.pinned)
    other = CheckpointRef(size=world.log.size, root="0" * 64)
    with pytest.raises(AcceptanceError) as refused:
        accept_checkpoint(world.log.anchors, other, proved)
    assert refused.value.code == "log-forked"


def test_a_checkpoint_too_large_to_keep_is_refused_even_when_proved(world: World) -> None:
    # 54 doublings of the pinned log: rightly signed, rightly proved, absurd.
    top, path = world.log.anchors.checkpoint.root, [bytes(32)] * 54
    assert world.pinned == 1
    for each in path:
        top = node_hash(top, each)
    note = sign_checkpoint(Checkpoint(ORIGIN, 1 << 54, top), world.log.checkpoint_signer, ORIGIN)
    with pytest.raises(AcceptanceError) as refused:
        accept_checkpoint(world.log.anchors, None, Proved(note, 1, tuple(path)))
    assert refused.value.code == "checkpoint-size"


@pytest.mark.parametrize("from_size", [0, 3])
def test_a_proof_that_starts_elsewhere_asks_for_a_fresh_one(world: World, from_size: int) -> None:
    assert world.refused(world.log.release(world.sealed, from_size)) == "stale"


def test_an_older_checkpoint_is_stale_and_never_goes_back(world: World) -> None:
    newest = CheckpointRef(size=world.log.size + 5, root="0" * 64)
    assert world.refused(world.log.release(world.sealed, world.pinned), newest) == "stale"


def test_a_checkpoint_of_another_log_or_key_is_refused(world: World) -> None:
    stranger = SimulatedLog()
    message = stranger.release(world.sealed, 1)
    assert world.refused(message) == "checkpoint-signature"
    garbage = Proved(b"not a note", 0, ())
    with pytest.raises(AcceptanceError, match="checkpoint"):
        accept_checkpoint(world.log.anchors, None, garbage)


def test_a_checkpoint_that_names_another_log_is_refused(world: World) -> None:
    checkpoint = Checkpoint("elsewhere.example/log", 9, bytes(32))
    note = sign_checkpoint(checkpoint, world.log.checkpoint_signer, ORIGIN)
    with pytest.raises(AcceptanceError, match="another log"):
        accept_checkpoint(world.log.anchors, None, Proved(note, 1, ()))


def test_a_gateway_statement_in_a_docks_chain_is_no_release(world: World) -> None:
    record = world.dock.record(world.log.stored(world.sealed), 0)
    statement = sign_statement(
        world.log.statement_signer,
        record=record,
        issuer=world.log.gateway,
        subject=world.sealed.clip.clip_urn,
        chain=DockLink(0, 0, NO_PREV),
    )
    index = world.log.append(Entry(0, 0, record, statement))
    message = world.log.release_message(world.sealed, index, world.pinned)
    assert world.refused(message) == "release-statement"


def test_a_gateway_statement_over_noise_is_no_release(world: World) -> None:
    statement = sign_statement(
        world.log.statement_signer,
        record=b"noise",
        issuer=world.log.gateway,
        subject=world.sealed.clip.clip_urn,
        chain=SubjectLink(0, NO_PREV),
    )
    index = world.log.append(Entry(0, 0, b"noise", statement))
    message = world.log.release_message(world.sealed, index, world.pinned)
    assert world.refused(message) == "release-record"


def test_a_receipt_of_an_entry_is_accepted(world: World) -> None:
    message = world.log.receipt_message(world.entry, world.entry_index, world.pinned)
    ref = accept_receipt(
        world.log.anchors, None, world.entry.statement, ReceiptMessage.decode(message.encode())
    )
    assert ref.size == world.log.size


def test_a_receipt_of_another_entry_is_refused(world: World) -> None:
    message = world.log.receipt_message(world.entry, world.entry_index, world.pinned)
    with pytest.raises(AcceptanceError) as refused:
        accept_receipt(world.log.anchors, None, world.dock.entries[0].statement, message)
    assert refused.value.code == "receipt"
    with pytest.raises(AcceptanceError) as refused:
        accept_receipt(world.log.anchors, None, b"garbage", message)
    assert refused.value.code == "receipt"
