"""Who outside saw the log that a pack comes from, as its exporter tells it.

The names in it are the exporter's word: which witnesses and authorities count is for the
reader's own policy and roots to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hashing.errors import HashingError
from hashing.note import COSIGNATURE_SIZE, Checkpoint, SignedNote, parse_note
from hashing.verdict import Finding
from protocols.anchors import Anchors
from protocols.clock import utc_text
from protocols.errors import ProtocolError
from protocols.pack.sightings import Seen, Sighting, SightingError, witnessed
from protocols.policy import Policy
from protocols.timestamps import claimed_time

_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Bounds:
    """By which times of others an entry was there.

    Attributes:
        witnesses, timestamps: as ``Outside`` tells them.
    """

    witnesses: list[dict[str, Any]]
    timestamps: list[dict[str, Any]]

    def first_cosigned(self, index: int) -> dict[str, Any] | None:
        """The earliest cosignature over an entry: it was there by then."""
        over = [each for each in self.witnesses if each["checkpoint"] > index]
        return min(over, key=lambda each: str(each["at"]), default=None)

    def first_stamped(self, index: int) -> dict[str, Any] | None:
        """The earliest time stamp over an entry."""
        over = [each for each in self.timestamps if each["checkpoint"] > index and each["at"]]
        return min(over, key=lambda each: str(each["at"]), default=None)


@dataclass(frozen=True, slots=True)
class Outside:
    """Cosigned and stamped checkpoints around a pack's own.

    Attributes:
        note: the pack's checkpoint, with whatever cosignatures it has.
        head: the same, opened.
        anchors: whose key signs checkpoints.
        needed: position after the newest entry of the pack.
        asked: names of the witnesses that the gateway asks.
        cosigned, stamped: other checkpoints.
    """

    note: bytes
    head: Checkpoint
    anchors: Anchors
    needed: int
    asked: tuple[str, ...] = ()
    cosigned: tuple[Sighting, ...] = ()
    stamped: tuple[Sighting, ...] = ()

    def with_asked(self, asked: tuple[str, ...]) -> Outside:
        """The same, with the names of others: whom a gateway asks is its own word."""
        return replace(self, asked=asked)

    def by_size(self, sightings: Iterable[Sighting]) -> Iterator[tuple[int, Sighting]]:
        """Those that are proved to be of the pack's history, the smallest first."""
        tied: list[tuple[int, Sighting]] = []
        for sighting in sightings:
            try:
                tied.append((sighting.tied(self.head, self.anchors).size, sighting))
            except SightingError:
                continue
        # In an order of their own, so that whoever makes the report anew makes the same.
        yield from sorted(tied, key=lambda each: each[0])

    def findings(self, policy: Policy | None) -> tuple[Finding, ...]:
        """Step 7 by a policy of the exporter's own."""
        if policy is None:
            return ()
        seen: list[Seen] = []
        for sighting in self.cosigned:
            try:
                seen.append((sighting.tied(self.head, self.anchors), sighting))
            except SightingError:
                continue
        return (witnessed(self.note, self.needed, seen, policy),)

    @property
    def missing(self) -> tuple[str, ...]:
        """Witnesses that were asked and have cosigned no checkpoint over all of the pack."""
        there = {each["name"] for each in self.witnesses() if each["covers_all"]}
        return tuple(name for name in self.asked if name not in there)

    def witnesses(self) -> list[dict[str, Any]]:
        """Each cosignature in the pack: checkpoint, name, time, whether it is over all entries."""
        found = list(self._lines(self.head.size, self.note))
        for size, sighting in self.by_size(self.cosigned):
            found += self._lines(size, sighting.note)
        return found

    def timestamps(self) -> list[dict[str, Any]]:
        """Each time stamp in the pack: checkpoint, time, whether it is over all entries."""
        found = []
        for size, sighting in self.by_size(self.stamped):
            try:
                at = f"{claimed_time(sighting.response or b''):%Y-%m-%dT%H:%M:%SZ}"
            except ProtocolError:
                at = None
            found.append({"checkpoint": size, "at": at, "covers_all": size >= self.needed})
        return found

    def bounds(self) -> Bounds:
        """What was seen when, read and verified once for all clips of a pack."""
        return Bounds(self.witnesses(), self.timestamps())

    def _lines(self, size: int, note: bytes) -> Iterator[dict[str, Any]]:
        for name, seconds in cosigned_lines(note):
            at = f"second {seconds}" if seconds > _LAST_SECOND else utc_text(seconds * 10**9)
            yield {
                "checkpoint": size,
                "name": name,
                "at": at,
                "covers_all": size >= self.needed,
            }


def cosigned_lines(note: bytes) -> list[tuple[str, int]]:
    """Who seems to have cosigned a note, and when; nothing is verified, for lack of keys."""
    try:
        parsed: SignedNote = parse_note(note)
    except HashingError:
        return []
    return [
        (line.name, int.from_bytes(line.signature[:8], "big"))
        for line in parsed.signatures
        if len(line.signature) == COSIGNATURE_SIZE
    ]
