from __future__ import annotations

import pytest

from gateway.intake.admit import UNREADABLE_KIND, Admitted, Refused, admit
from hashing.keys import Es256Signer
from hashing.ledger import NO_PREV, DockHead, DockLink, next_dock_link
from protocols.kinds import AlarmRaised, ClipLost, DockBooted, LedgerReopened
from protocols.messages import Entry, Retry
from protocols.rotation import DockKeys
from tests.simulators.dock import SimulatedDock, footage


def key_of(dock: SimulatedDock) -> DockKeys:
    return DockKeys(dock.signer.public)


def decide(
    dock: SimulatedDock, entry: Entry, head: DockHead | None = None, approved: int | None = None
) -> Admitted | Refused:
    return admit(entry, dock=dock.id, keys=key_of(dock), head=head, approved_epoch=approved)


def code_of(verdict: Admitted | Refused) -> str:
    assert isinstance(verdict, Refused)
    return verdict.code


def test_every_entry_of_a_shift_end_is_admitted_in_order() -> None:
    dock = SimulatedDock()
    dock.boot()
    dock.shift_end({"A.MP4": footage(10), "B.MP4": footage(2_000_000)})
    head = None
    for entry in dock.entries:
        verdict = decide(dock, entry, head)
        assert isinstance(verdict, Admitted)
        assert verdict.doubt is None
        head = verdict.head
    assert head == dock.head


def test_a_clip_belongs_to_the_trail_of_its_session_too() -> None:
    dock = SimulatedDock()
    session = dock.open_session()
    clip = dock.seal(session, footage(5))
    verdict = decide(dock, dock.entries[-1], DockHead(0, 0, dock_hash(dock, 0)))
    assert isinstance(verdict, Admitted)
    assert verdict.entry.subject == clip.clip_urn
    assert verdict.entry.extra_subjects == (session.session_urn,)


def dock_hash(dock: SimulatedDock, seq: int) -> bytes:
    link = admit(dock.entries[seq], dock=dock.id, keys=key_of(dock), head=_before(dock, seq))
    assert isinstance(link, Admitted)
    return link.head.hash


def _before(dock: SimulatedDock, seq: int) -> DockHead | None:
    head = None
    for entry in dock.entries[:seq]:
        verdict = decide(dock, entry, head)
        assert isinstance(verdict, Admitted)
        head = verdict.head
    return head


def test_bytes_that_are_no_statement_are_refused_and_may_come_again() -> None:
    dock = SimulatedDock()
    verdict = decide(dock, Entry(0, 0, b"{}", b"\xd2\x84garbage"))
    assert code_of(verdict) == "statement-form"
    assert isinstance(verdict, Refused)
    assert (verdict.retry, verdict.signed) == (Retry.LATER, False)


def test_an_entry_of_another_dock_is_refused() -> None:
    dock, other = SimulatedDock("dock7"), SimulatedDock("dock8")
    other.boot()
    verdict = admit(other.entries[0], dock=dock.id, keys=key_of(other), head=None)
    assert code_of(verdict) == "statement-issuer"


def test_an_entry_signed_by_another_key_is_refused_and_not_worth_keeping() -> None:
    dock = SimulatedDock()
    forged = dock.forge(
        DockBooted(version="1", ledger_check="intact"),
        DockLink(0, 0, NO_PREV),
        signer=Es256Signer.generate(),
    )
    verdict = decide(dock, forged)
    assert code_of(verdict) == "statement-signature"
    assert isinstance(verdict, Refused)
    assert not verdict.signed


def test_a_bit_changed_anywhere_in_a_statement_is_refused() -> None:
    dock = SimulatedDock()
    dock.boot()
    entry = dock.entries[0]
    for place in range(len(entry.statement)):
        spoilt = bytearray(entry.statement)
        spoilt[place] ^= 1
        assert isinstance(decide(dock, Entry(0, 0, entry.record, bytes(spoilt))), Refused)


def test_an_entry_sent_under_another_number_is_refused() -> None:
    dock = SimulatedDock()
    dock.boot()
    entry = dock.entries[0]
    verdict = decide(dock, Entry(0, 1, entry.record, entry.statement))
    assert code_of(verdict) == "statement-place"
    # Anybody who has heard it once can send it under any number.
    assert isinstance(verdict, Refused)
    assert not verdict.signed


def test_a_record_that_is_not_the_signed_one_is_pulled_again() -> None:
    dock = SimulatedDock()
    dock.boot()
    entry = dock.entries[0]
    verdict = decide(dock, Entry(0, 0, entry.record + b" ", entry.statement))
    assert code_of(verdict) == "record-digest"
    assert isinstance(verdict, Refused)
    assert (verdict.retry, verdict.signed) == (Retry.LATER, False)


@pytest.mark.parametrize(
    ("head", "link", "code"),
    [
        (None, DockLink(0, 3, b"p" * 32), "chain-gap"),
        (DockHead(0, 4, b"h" * 32), DockLink(0, 6, b"h" * 32), "chain-gap"),
        (DockHead(0, 4, b"h" * 32), DockLink(0, 5, b"x" * 32), "chain-edit"),
        (DockHead(0, 4, b"h" * 32), DockLink(0, 4, b"p" * 32), "chain-fork"),
        (DockHead(0, 4, b"h" * 32), DockLink(0, 2, b"p" * 32), "chain-repeat"),
        (DockHead(2, 4, b"h" * 32), DockLink(1, 9, b"p" * 32), "chain-repeat"),
    ],
)
def test_a_broken_chain_is_named(head: DockHead | None, link: DockLink, code: str) -> None:
    dock = SimulatedDock()
    entry = dock.forge(DockBooted(version="1", ledger_check="intact"), link)
    verdict = decide(dock, entry, head)
    assert code_of(verdict) == code
    assert isinstance(verdict, Refused)
    assert verdict.signed
    operator = code in {"chain-fork", "chain-edit"}
    assert verdict.retry is (Retry.OPERATOR if operator else Retry.LATER)


def test_a_new_epoch_needs_an_operator() -> None:
    dock = SimulatedDock()
    dock.boot()
    old = dock.head
    dock.reopen()
    dock.append(LedgerReopened(approval="none"))
    assert code_of(decide(dock, dock.entries[-1], old)) == "epoch-unapproved"
    assert isinstance(decide(dock, dock.entries[-1], old, approved=1), Admitted)
    assert code_of(decide(dock, dock.entries[-1], old, approved=2)) == "epoch-unapproved"


@pytest.mark.parametrize(
    "record",
    [b"", b"not json", b"{}", b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 100_000, b"9" * 300_000],
)
def test_a_record_nobody_understands_is_admitted_with_a_doubt(record: bytes) -> None:
    dock = SimulatedDock()
    dock.append_bytes(record)
    verdict = decide(dock, dock.entries[0])
    assert isinstance(verdict, Admitted)
    assert verdict.doubt is not None
    assert verdict.entry.kind == UNREADABLE_KIND
    assert verdict.entry.record == record


def test_a_kind_of_a_newer_program_is_admitted_without_doubt() -> None:
    dock = SimulatedDock()
    raw = dock.record(DockBooted(version="1", ledger_check="intact"), 0)
    dock.append_bytes(raw.replace(b"dock.booted", b"dock.dreamed"))
    verdict = decide(dock, dock.entries[0])
    assert isinstance(verdict, Admitted)
    assert verdict.doubt is None
    assert verdict.entry.kind == "dock.dreamed"


def test_a_seal_about_another_clip_is_doubted_and_enters_no_other_trail() -> None:
    dock = SimulatedDock()
    session = dock.open_session()
    dock.seal(session, footage(9))
    sealed = dock.entries[-1]
    dock.append_bytes(sealed.record, subject="urn:evidock:clip:dock9.0.1")
    link = next_dock_link(DockHead(0, 1, dock_hash(dock, 1)))
    assert link.seq == 2
    verdict = decide(dock, dock.entries[2], DockHead(0, 1, dock_hash(dock, 1)))
    assert isinstance(verdict, Admitted)
    assert verdict.doubt is not None
    assert verdict.doubt[0] == "subject"
    assert verdict.entry.extra_subjects == ()


def test_a_dock_puts_nothing_into_the_trail_of_another_docks_clip() -> None:
    dock = SimulatedDock()
    dock.append(ClipLost(clip="dock9.0.1", reason="spite"), subject="urn:evidock:dock:dock7")
    verdict = decide(dock, dock.entries[0])
    assert isinstance(verdict, Admitted)
    assert verdict.entry.extra_subjects == ()


def test_what_is_admitted_is_the_bytes_that_arrived() -> None:
    dock = SimulatedDock()
    dock.append(AlarmRaised(code="x", text="y"))
    entry = dock.entries[0]
    verdict = decide(dock, entry)
    assert isinstance(verdict, Admitted)
    assert (verdict.entry.statement, verdict.entry.record) == (entry.statement, entry.record)
