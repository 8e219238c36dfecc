"""Chains in short notation, as real signed entries.

```
"ABCD"   four entries; a letter is an entry, its place in the alphabet its number
"AB-D"   C was lost
"ABxCD"  B was altered after C had named it: another statement stands at its number
"ABCb"   beside B there is a second statement with its number: a fork
"ABCB"   B comes again
"ACBD"   two entries swapped
"AB|AB"  a new epoch, numbered from A again
```
"""

import functools
from dataclasses import dataclass

from hashing.keys import Es256Signer
from hashing.ledger import (
    NO_PREV,
    DockHead,
    DockLink,
    SubjectLink,
    next_dock_link,
    statement_hash,
)
from hashing.statement import sign_statement

ISSUER = "urn:evidock:dock:test"


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed entry of a dock's ledger."""

    link: DockLink
    record: bytes
    statement: bytes

    @property
    def hash(self) -> bytes:
        return statement_hash(self.statement)

    @property
    def head(self) -> DockHead:
        return DockHead(self.link.epoch, self.link.seq, self.hash)


@functools.cache
def signer() -> Es256Signer:
    """The key all these entries are signed with."""
    return Es256Signer.generate()


def chain(notation: str) -> list[Entry]:
    """Build the entries that the notation describes, in its order."""
    entries: list[Entry] = []
    for epoch, part in enumerate(notation.split("|")):
        entries.extend(_epoch(epoch, part))
    return entries


def pairs(entries: list[Entry]) -> list[tuple[DockLink, bytes]]:
    """What `hashing.ledger.walk_dock` takes."""
    return [(entry.link, entry.hash) for entry in entries]


def subject_pairs(entries: list[Entry]) -> list[tuple[SubjectLink, bytes]]:
    """The same chain as acts on a subject, as `hashing.ledger.walk_subject` takes it."""
    return [(SubjectLink(entry.link.seq, entry.link.prev), entry.hash) for entry in entries]


def sign_entry(link: DockLink, note: str = "") -> Entry:
    """One entry at a place of the chain; another `note` makes another statement."""
    record = f'{{"epoch":{link.epoch},"seq":{link.seq},"note":"{note}"}}'.encode()
    statement = sign_statement(
        signer(), record=record, issuer=ISSUER, subject=f"urn:evidock:clip:{link.seq}", chain=link
    )
    return Entry(link, record, statement)


def _epoch(epoch: int, part: str) -> list[Entry]:
    original: dict[str, Entry] = {}
    head: DockHead | None = None
    for number in range(_numbers(part)):
        link = DockLink(epoch, 0, NO_PREV) if head is None else next_dock_link(head)
        original[chr(ord("A") + number)] = entry = sign_entry(link)
        head = entry.head
    entries: list[Entry] = []
    for sign in part:
        if sign in original:
            entries.append(original[sign])
        elif sign == "x":
            entries[-1] = sign_entry(entries[-1].link, "altered")
        elif sign != "-":
            entries.append(sign_entry(original[sign.upper()].link, "fork"))
    return entries


def _numbers(part: str) -> int:
    return max((ord(sign.upper()) - ord("A") + 1 for sign in part if sign not in "x-"), default=0)
