"""What a look through the store or a repair found, in words and as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.repair.service import Damage, Repaired
from hashing.digest import LEAF_SIZE
from hashing.verdict import Finding, Outcome
from protocols.located import leaves_text, seconds, seconds_text
from protocols.shown import shown

_TOLD = 50


@dataclass(frozen=True, slots=True)
class Told:
    """One clip that was damaged.

    Attributes:
        damage: as it was found.
        repaired: what became of it; None while it is damaged.
        refused: why not, or what replicas gave that was not taken, in words.
    """

    damage: Damage
    repaired: Repaired | None = None
    refused: tuple[str, ...] = ()

    def finding(self) -> Finding:
        """Step 2, for the verdict."""
        name = str(self.damage.sealed.clip)
        if self.repaired is not None:
            return Finding(2, Outcome.INTACT, name, f"repaired, entry {self.repaired.index}")
        missing = self.damage.found.size is None
        outcome = Outcome.INCOMPLETE if missing else Outcome.ALTERED
        return Finding(2, outcome, name, self.damage.found.why or "its object is damaged")


def lines(told: Told) -> Iterator[str]:
    """For a person."""
    sealed = told.damage.sealed
    yield f"{sealed.clip}  {shown(sealed.name)}: {sealed.size} bytes sealed"
    yield from (f"  {line}" for line in _damage(told.damage))
    for reason in told.refused:
        yield f"  not taken: {shown(reason)}"
    if told.repaired is None:
        return
    body = told.repaired.body
    for run in body.leaves[:_TOLD]:
        yield f"  {leaves_text(run.first, run.last)} from {shown(run.source)}"
    if body.before.aside is not None:
        yield f"  the damaged object is kept as {body.before.aside}"
    yield f"  repaired and read back ({body.read_back}): log entry {told.repaired.index}"


def _damage(damage: Damage) -> Iterator[str]:
    sealed, found, places = damage.sealed, damage.found, damage.places
    if found.size is None:
        yield found.why
        return
    if found.size < sealed.size:
        when = seconds_text(found.size, sealed.size, sealed.size, sealed.duration_ms)
        yield f"cut short: {sealed.size - found.size} bytes from byte {found.size} on{when}"
    elif found.size > sealed.size:
        yield f"{found.size - sealed.size} bytes were appended after byte {sealed.size - 1}"
    if places is None:
        yield "where it differs cannot be said: nobody has its leaf hashes; name a replica"
        return
    for first, last in places[:_TOLD]:
        start, end = first * LEAF_SIZE, min((last + 1) * LEAF_SIZE, sealed.size)
        when = seconds_text(start, end, sealed.size, sealed.duration_ms)
        yield f"{leaves_text(first, last)}: bytes {start} to {end - 1}{when}"
    if len(places) > _TOLD:
        yield f"... and {len(places) - _TOLD} more places"
    if found.unreadable:
        yield f"the disk does not give back {found.unreadable} of its leaves"


def as_json(told: Told) -> dict[str, Any]:
    """For a program."""
    sealed, found, places = told.damage.sealed, told.damage.found, told.damage.places
    return {
        "clip": str(sealed.clip),
        "name": sealed.name,
        "size": sealed.size,
        "found": {"size": found.size, "sha256": found.sha256.hex() if found.sha256 else None},
        "places": None if places is None else [_place(told.damage, *run) for run in places],
        "refused": list(told.refused),
        "repaired": None
        if told.repaired is None
        else {"entry": told.repaired.index, **told.repaired.body.model_dump(mode="json")},
    }


def _place(damage: Damage, first: int, last: int) -> dict[str, Any]:
    size = damage.sealed.size
    start, end = first * LEAF_SIZE, min((last + 1) * LEAF_SIZE, size)
    when = seconds(start, end, size, damage.sealed.duration_ms)
    return {"first": first, "last": last, "bytes": [start, end], "seconds": when}
