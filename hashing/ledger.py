"""Chain rules: every issuer's statements form a chain whose breaks name themselves.

A dock numbers its entries from 0 within an epoch, a gateway numbers its acts per subject, and each
entry names the hash of the one before it. So a lost, altered, doubled or cut-off entry shows, with
its number. This module compares links; it verifies no signatures, stores no heads, and decides
nothing about what becomes of a broken chain (that is admission's business, and the verifier's).
"""

import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

NO_PREV = bytes(32)
MAX_SEQ = (1 << 63) - 1
"""Largest epoch or number: what every database column and language can hold."""


@dataclass(frozen=True, slots=True)
class DockLink:
    """Place of an entry in a dock's ledger; CBOR `[epoch, seq, prev]`."""

    epoch: int
    seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class SubjectLink:
    """Place of a gateway's act among the acts on one subject; CBOR `[seq, prev]`."""

    seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class DockHead:
    """Newest entry of a dock's ledger; `hash` is its `statement_hash`."""

    epoch: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class SubjectHead:
    """Newest act on a subject; `hash` is its `statement_hash`."""

    seq: int
    hash: bytes


class Fault(enum.StrEnum):
    """How a chain can be broken."""

    GAP = "gap"
    """numbers are missing before this one"""
    FORK = "fork"
    """one number, two different statements"""
    EDIT = "edit"
    """the number fits but `prev` names another predecessor than the one at hand"""
    CUT = "cut"
    """the chain ends before the head it is known to have had"""
    REPEAT = "repeat"
    """a number that was passed already"""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold.

    Attributes:
        fault: what is wrong.
        position: for people: "epoch 0 seq 7", or "seq 3" of a subject's chain.
        epoch: of a dock's ledger; None in a subject's chain.
        seq: number of the entry at fault, or of the first missing one for a gap or cut.
        reason: one sentence.
    """

    fault: Fault
    position: str
    epoch: int | None
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Walk:
    """Result of walking a chain: the last head that held, and what ended the walk, if anything."""

    head: DockHead | SubjectHead | None
    first_break: Break | None


def statement_hash(statement: bytes) -> bytes:
    """SHA-256 of the statement bytes in their first form (empty unprotected header)."""
    return hashlib.sha256(statement).digest()


def next_dock_link(head: DockHead | None, *, epoch: int = 0) -> DockLink:
    """Link for the entry after `head`.

    Args:
        head: newest entry, None for a ledger without entries.
        epoch: epoch to write in. Beyond the head's it starts that epoch at 0; at or below, the
            head's epoch goes on.
    """
    if head is None or epoch > head.epoch:
        return DockLink(epoch, 0, NO_PREV)
    return DockLink(head.epoch, head.seq + 1, head.hash)


def next_subject_link(head: SubjectHead | None) -> SubjectLink:
    """Link for the act after `head`, None for a subject without acts."""
    return SubjectLink(0, NO_PREV) if head is None else SubjectLink(head.seq + 1, head.hash)


def check_dock_link(head: DockHead | None, link: DockLink, hash: bytes) -> Break | None:  # noqa: A002 -- the word for it
    """Say whether an entry is exactly the next one.

    An earlier number than the head's is a REPEAT here: only whoever holds the old entry can tell a
    harmless repetition from a fork.

    Args:
        head: newest entry that held, None when there is none.
        link: the entry's own claim.
        hash: the entry's `statement_hash`.

    Returns:
        None when the entry is next (in a new epoch: number 0 of any later epoch), else the break.
    """
    if head is None or link.epoch > head.epoch:
        return _check_first(link, new_epoch=head is not None)
    if link.epoch < head.epoch or link.seq < head.seq:
        return _passed(link, head)
    if link.seq == head.seq:
        return _same_number(link, hash, head.hash)
    if link.seq > head.seq + 1:
        return _gap(head.epoch, head.seq + 1, link.seq)
    if link.prev != head.hash:
        reason = f"entry {link.seq} does not name the entry {head.seq} at hand as the one before it"
        return _broken(Fault.EDIT, link.epoch, link.seq, reason)
    return None


def check_subject_link(head: SubjectHead | None, link: SubjectLink, hash: bytes) -> Break | None:  # noqa: A002 -- the word for it
    """Say whether an act is exactly the next one on its subject; see `check_dock_link`."""
    dock_head = None if head is None else DockHead(0, head.seq, head.hash)
    return _without_epoch(check_dock_link(dock_head, DockLink(0, link.seq, link.prev), hash))


def walk_dock(
    entries: Iterable[tuple[DockLink, bytes]],
    *,
    after: DockHead | None = None,
    expect_head: DockHead | None = None,
) -> Walk:
    """Walk (link, statement hash) pairs in order and name the first break.

    Args:
        entries: in the order of the ledger.
        after: head the entries continue from.
        expect_head: an entry known from elsewhere (a signed close, a slip, a retained head) that
            the chain must contain. Entries beyond it are fine.

    Returns:
        The last head that held, and the first gap, fork, edit, repeat or cut.
    """
    return Walk(*_walk(entries, after, expect_head))


def walk_subject(
    entries: Iterable[tuple[SubjectLink, bytes]],
    *,
    expect_head: SubjectHead | None = None,
) -> Walk:
    """Walk a subject's acts in order and name the first break; see `walk_dock`."""
    head, problem = _walk(
        ((DockLink(0, link.seq, link.prev), entry_hash) for link, entry_hash in entries),
        None,
        None if expect_head is None else DockHead(0, expect_head.seq, expect_head.hash),
    )
    return Walk(head and SubjectHead(head.seq, head.hash), _without_epoch(problem))


def _walk(
    entries: Iterable[tuple[DockLink, bytes]],
    after: DockHead | None,
    expect_head: DockHead | None,
) -> tuple[DockHead | None, Break | None]:
    head = after
    # All numbers met, not just the head's: this is what tells a fork from a repeat further back.
    seen = {} if after is None else {(after.epoch, after.seq): after.hash}
    for link, entry_hash in entries:
        known = seen.get((link.epoch, link.seq))
        if known is None:
            problem = check_dock_link(head, link, entry_hash)
        else:
            problem = _same_number(link, entry_hash, known)
        if problem is not None:
            return head, problem
        head = DockHead(link.epoch, link.seq, entry_hash)
        seen[link.epoch, link.seq] = entry_hash
    return head, None if expect_head is None else _check_reached(seen, expect_head)


def _check_first(link: DockLink, *, new_epoch: bool) -> Break | None:
    if link.seq:
        return _gap(link.epoch, 0, link.seq)
    if link.prev != NO_PREV:
        where = f"the first entry of epoch {link.epoch}" if new_epoch else "the first entry"
        return _broken(Fault.EDIT, link.epoch, 0, f"{where} names one before it")
    return None


def _passed(link: DockLink, head: DockHead) -> Break:
    if link.epoch < head.epoch:
        reason = f"epoch {link.epoch} was closed when epoch {head.epoch} began"
    else:
        reason = f"number {link.seq} comes again after {head.seq}"
    return _broken(Fault.REPEAT, link.epoch, link.seq, reason)


def _same_number(link: DockLink, entry_hash: bytes, known: bytes) -> Break:
    if entry_hash == known:
        reason = f"entry {link.seq} comes twice, identically"
        return _broken(Fault.REPEAT, link.epoch, link.seq, reason)
    reason = f"two different statements carry the number {link.seq}"
    return _broken(Fault.FORK, link.epoch, link.seq, reason)


def _check_reached(
    seen: dict[tuple[int, int], bytes],
    expected: DockHead,
) -> Break | None:
    found = seen.get((expected.epoch, expected.seq))
    if found == expected.hash:
        return None
    if found is not None:
        reason = f"the entry {expected.seq} at hand is another one than the head known from before"
        return _broken(Fault.FORK, expected.epoch, expected.seq, reason)
    same_epoch = [seq for epoch, seq in seen if epoch == expected.epoch]
    first = max(same_epoch, default=-1) + 1
    if not same_epoch:
        reason = f"nothing of the chain up to the known head {expected.seq} is there"
    else:
        count = _numbers(first, expected.seq)
        reason = f"the chain ends before the known head {expected.seq}: {count} missing"
    return _broken(Fault.CUT, expected.epoch, first, reason)


def _gap(epoch: int, first: int, found: int) -> Break:
    reason = f"{_numbers(first, found - 1)} missing before {found}"
    return _broken(Fault.GAP, epoch, first, reason)


def _numbers(first: int, last: int) -> str:
    if first == last:
        return f"entry {first} is"
    return f"{last - first + 1} entries, {first} to {last}, are"


def _broken(fault: Fault, epoch: int, seq: int, reason: str) -> Break:
    return Break(fault, f"epoch {epoch} seq {seq}", epoch, seq, reason)


def _without_epoch(problem: Break | None) -> Break | None:
    if problem is None:
        return None
    return replace(problem, position=f"seq {problem.seq}", epoch=None)
