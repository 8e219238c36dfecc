"""What the gateway says counts only when it is proved; the rest is an alarm or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.ledger import ClipState, Ledger
from edge.proofs import Proofs, Taken
from hashing.note import Checkpoint, sign_checkpoint
from protocols.acceptance import Sealed
from protocols.ids import ClipId
from protocols.messages import Entry, Refusal, ReleaseMessage, Retry
from protocols.records import decode_record
from tests.simulators.log import ORIGIN, SimulatedLog
from tests.unit.edge.dockside import camera_opened, draft_of, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path / "ledger.db")
    session = ledger.open_session(camera_opened())
    for path in (b"1.MP4", b"2.MP4"):
        ledger.seal_clip(draft_of(session, path, path=path))
    yield ledger
    ledger.close()


@pytest.fixture
def log() -> SimulatedLog:
    return SimulatedLog()


@pytest.fixture
def proofs(ledger: Ledger, log: SimulatedLog) -> Proofs:
    return Proofs(ledger, log.anchors)


def sealed(ledger: Ledger, seq: int) -> Sealed:
    found = ledger.sealed(0, seq)
    assert found is not None
    return found


def entry(ledger: Ledger, seq: int) -> Entry:
    return ledger.entries(0, seq, seq)[0]


def state(ledger: Ledger, seq: int) -> ClipState:
    row = ledger.clip(0, seq)
    assert row is not None
    return row.state


def take(proofs: Proofs, message: ReleaseMessage) -> Taken:
    return proofs.release(message, message.encode())


def newest(ledger: Ledger) -> int:
    head = ledger.head()
    assert head is not None
    return head.seq


def codes(ledger: Ledger) -> list[str]:
    return [alarm.code for alarm in ledger.alarms()]


def test_a_proved_release_is_recorded_once(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    message = log.release(sealed(ledger, 1), proofs.accepted.size)
    assert take(proofs, message) is Taken.NEWS
    assert state(ledger, 1) is ClipState.RELEASED
    assert take(proofs, message) is Taken.REPEATED
    assert proofs.accepted.size == log.size
    assert codes(ledger) == []


def test_a_proof_from_another_size_is_stale_and_no_alarm(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    old = proofs.accepted.size
    assert take(proofs, log.release(sealed(ledger, 1), old)) is Taken.NEWS
    late = log.release(sealed(ledger, 2), old)
    assert take(proofs, late) is Taken.STALE
    assert state(ledger, 2) is ClipState.SEALED
    assert codes(ledger) == []


def test_a_release_of_another_log_is_an_alarm_that_a_proved_one_clears(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    forged = SimulatedLog().release(sealed(ledger, 1), 1)
    assert take(proofs, forged) is Taken.REFUSED
    assert take(proofs, forged) is Taken.REFUSED
    assert state(ledger, 1) is ClipState.SEALED
    assert codes(ledger) == ["gateway-checkpoint-signature"]
    take(proofs, log.release(sealed(ledger, 1), proofs.accepted.size))
    assert codes(ledger) == []


def test_a_release_of_other_content_is_an_alarm(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    lie = log.release(replace(sealed(ledger, 1), sha256=bytes(32)), proofs.accepted.size)
    assert take(proofs, lie) is Taken.REFUSED
    assert codes(ledger) == ["gateway-release-differs"]
    assert state(ledger, 1) is ClipState.SEALED


def test_an_alarm_about_a_clip_outlives_every_proof_of_something_else(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    lie = log.release(replace(sealed(ledger, 1), sha256=bytes(32)), proofs.accepted.size)
    assert take(proofs, lie) is Taken.REFUSED
    alarm = entry(ledger, 3)
    # The gateway repeats itself, and gives receipts for all entries, the alarm's too.
    for each in (entry(ledger, 1), alarm, alarm):
        index = log.append(each)
        receipt = log.receipt_message(each, index, proofs.accepted.size)
        assert proofs.receipt(receipt) in {Taken.NEWS, Taken.REPEATED}
        again = log.release(replace(sealed(ledger, 1), sha256=bytes(32)), proofs.accepted.size)
        assert take(proofs, again) is Taken.REFUSED
    take(proofs, log.release(sealed(ledger, 2), proofs.accepted.size))
    (stands,) = ledger.alarms()
    assert (stands.code, stands.about) == ("gateway-release-differs", "dock7.0.1")
    assert newest(ledger) == 3
    take(proofs, log.release(sealed(ledger, 1), proofs.accepted.size))
    assert codes(ledger) == []


def test_bad_receipts_make_one_alarm_that_the_entrys_own_receipt_ends(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    wrong = SimulatedLog()
    for _ in range(3):
        for seq in range(newest(ledger) + 1):
            forged = wrong.receipt_message(entry(ledger, seq), wrong.append(entry(ledger, 0)), 1)
            assert proofs.receipt(forged) is Taken.REFUSED
    (stands,) = ledger.alarms()
    assert (stands.code, stands.about) == ("gateway-checkpoint-signature", "dock7.0.1")
    assert newest(ledger) == 3
    for seq, left in ((0, 1), (3, 1), (1, 0)):
        index = log.append(entry(ledger, seq))
        proofs.receipt(log.receipt_message(entry(ledger, seq), index, proofs.accepted.size))
        assert len(ledger.alarms()) == left
    # What has its receipt, and what is said about alarms, is no reason for another one.
    for seq in (0, 1, 3, 4):
        forged = wrong.receipt_message(entry(ledger, seq), 0, 1)
        assert proofs.receipt(forged) is Taken.REFUSED
    assert codes(ledger) == []


def test_what_is_repeated_while_its_alarm_stands_fills_no_log(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    lie = log.release(replace(sealed(ledger, 1), sha256=bytes(32)), proofs.accepted.size)
    with capture_logs() as said:
        for _ in range(5):
            take(proofs, lie)
    assert [each["event"] for each in said if each["log_level"] == "error"] == ["gateway.unproved"]


def test_a_spoilt_path_is_no_fork(ledger: Ledger, log: SimulatedLog, proofs: Proofs) -> None:
    good = log.release(sealed(ledger, 1), proofs.accepted.size)
    path = (*good.proved.path[:-1], bytes(32))
    spoilt = replace(good, proved=replace(good.proved, path=path))
    assert take(proofs, spoilt) is Taken.REFUSED
    assert codes(ledger) == ["gateway-proof-damaged"]
    assert take(proofs, good) is Taken.NEWS
    assert codes(ledger) == []


def test_a_checkpoint_beyond_all_numbers_is_an_alarm(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 1 << 53, bytes(32)), log.checkpoint_signer, ORIGIN)
    good = log.release(sealed(ledger, 1), proofs.accepted.size)
    assert take(proofs, replace(good, proved=replace(good.proved, note=note))) is Taken.REFUSED
    assert codes(ledger) == ["gateway-checkpoint-size"]


def test_alarms_that_a_cut_left_go_when_the_release_is_repeated(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    message = log.release(sealed(ledger, 1), proofs.accepted.size)
    take(proofs, message)
    ledger.raise_alarm("gateway-release-differs", "release of dock7.0.1: differs", "dock7.0.1")
    ledger.raise_alarm("clip-lost", "dock7.0.1 is gone", "dock7.0.1")
    assert take(proofs, message) is Taken.REPEATED
    assert codes(ledger) == []


def test_a_refusal_of_what_has_its_receipt_is_nobodys_word(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    index = log.append(entry(ledger, 0))
    proofs.receipt(log.receipt_message(entry(ledger, 0), index, proofs.accepted.size))
    proofs.refusal(Refusal(0, 0, "no", "forged", Retry.NEVER))
    assert (codes(ledger), ledger.refusals()) == ([], [])


def test_a_logged_clip_may_still_be_refused_until_it_is_released(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    index = log.append(entry(ledger, 1))
    receipt = log.receipt_message(entry(ledger, 1), index, proofs.accepted.size)
    proofs.receipt(receipt)
    for _ in range(3):
        proofs.refusal(Refusal(0, 1, "leaf-list", "is not of this root", Retry.NEVER))
        proofs.receipt(receipt)
    assert (codes(ledger), len(ledger.refusals())) == (["gateway-refuses"], 1)
    take(proofs, log.release(sealed(ledger, 1), proofs.accepted.size))
    assert (codes(ledger), ledger.refusals()) == ([], [])
    proofs.refusal(Refusal(0, 1, "leaf-list", "forged", Retry.NEVER))
    assert (codes(ledger), ledger.refusals()) == ([], [])


def test_what_is_said_of_alarms_alone_raises_none(ledger: Ledger, proofs: Proofs) -> None:
    ledger.raise_alarm("x", "text")
    proofs.refusal(Refusal(0, 3, "unknown-key", "not enrolled", Retry.OPERATOR))
    assert codes(ledger) == ["x"]
    assert len(ledger.refusals()) == 1


def test_foreign_text_is_put_on_record_without_what_a_terminal_would_obey(
    ledger: Ledger, proofs: Proofs
) -> None:
    proofs.refusal(Refusal(0, 0, "x\x1b[2J", "a\0b\x1b]0;不\x07", Retry.NEVER))
    (alarm,) = ledger.alarms()
    assert alarm.text == "the gateway refuses dock7.0.0 (x [2J): a b ]0;不 "
    assert decode_record(entry(ledger, 3).record).kind == "alarm.raised"
    (row,) = ledger.refusals()
    assert (row.code, row.reason) == ("x [2J", "a b ]0;不 ")


def test_a_forked_log_stays_an_alarm(ledger: Ledger, log: SimulatedLog, proofs: Proofs) -> None:
    message = log.release(sealed(ledger, 1), proofs.accepted.size)
    note = message.proved.note
    take(proofs, message)
    # As large as the one that is accepted, and with another entry in it.
    log.entries.pop()
    fork = log.release(sealed(ledger, 2), log.size)
    assert (log.size, fork.proved.note != note) == (proofs.accepted.size, True)
    assert take(proofs, fork) is Taken.REFUSED
    assert codes(ledger) == ["gateway-log-forked"]
    assert state(ledger, 2) is ClipState.SEALED


def test_a_release_of_an_entry_that_is_no_clip_or_not_there_changes_nothing(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    message = log.release(sealed(ledger, 1), proofs.accepted.size)
    for seq in (0, 77):
        assert take(proofs, replace(message, seq=seq)) is Taken.REFUSED
    assert codes(ledger) == []


def test_a_release_cannot_be_used_for_another_clip(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    message = log.release(sealed(ledger, 1), proofs.accepted.size)
    assert take(proofs, replace(message, seq=2)) is Taken.REFUSED
    assert state(ledger, 2) is ClipState.SEALED


def test_a_proved_receipt_moves_the_accepted_checkpoint_and_ends_a_refusal(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    proofs.refusal(Refusal(0, 0, "unknown-key", "not enrolled", Retry.OPERATOR))
    assert codes(ledger) == ["gateway-refuses"]
    assert len(ledger.refusals()) == 1
    index = log.append(entry(ledger, 0))
    message = log.receipt_message(entry(ledger, 0), index, proofs.accepted.size)
    assert proofs.receipt(message) is Taken.NEWS
    assert proofs.receipt(message) is Taken.REPEATED
    assert (codes(ledger), ledger.refusals()) == ([], [])
    assert proofs.accepted.size == log.size


def test_a_receipt_for_another_entry_is_an_alarm(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    index = log.append(entry(ledger, 0))
    message = log.receipt_message(entry(ledger, 1), index, proofs.accepted.size)
    assert proofs.receipt(message) is Taken.REFUSED
    assert codes(ledger) == ["gateway-receipt"]


def test_refusals_of_every_entry_make_one_alarm_not_an_endless_chain(
    ledger: Ledger, proofs: Proofs
) -> None:
    for _ in range(5):
        head = ledger.head()
        assert head is not None
        for seq in range(head.seq + 1):
            proofs.refusal(Refusal(0, seq, "unknown-key", "not enrolled", Retry.OPERATOR))
    assert codes(ledger) == ["gateway-refuses"]
    head = ledger.head()
    assert head is not None
    assert head.seq == 3


def test_before_any_acceptance_the_pinned_checkpoint_counts(
    log: SimulatedLog, proofs: Proofs, ledger: Ledger
) -> None:
    assert proofs.accepted.size == log.anchors.checkpoint.size
    assert ledger.accepted() is None
    assert ClipId(ledger.dock, 0, 1) == sealed(ledger, 1).clip
