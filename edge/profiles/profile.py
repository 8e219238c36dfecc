"""A profile at work: whether it fits a card, and what it reads from a name. No I/O.

A card that lies is ordinary. Every path gets one role, whatever bytes it is made of, and
nothing here raises for any of them. What the names say is returned as claims and doubts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from edge.profiles.claims import StartClaim, start_claim, text_of
from edge.profiles.patterns import Pattern, compiled, fits_one
from edge.profiles.schema import (
    MEDIA,
    FileTable,
    MarkTable,
    NumberingTable,
    PiecesTable,
    ProfileFile,
    Reads,
    Role,
)

FALLBACK = "generic"
MAX_NAME = 255
MAX_PATH = 4096
# What the parts of a card's look are worth; names that only this camera writes weigh most.
_NAMES, _ANY_NAMES, _FOLDER, _ROOT, _LABEL = 50, 15, 25, 25, 15
ENOUGH = 20
_SAMPLE, _ROOTS = 2000, 500
_MAX_NUMBER, _MAX_CHAPTER = 10, 3
_MEDIA: Final = frozenset(MEDIA)
# Any camera may have been bound to some other maker's station, which needs its file again.
_BINDING: Final = FileTable(
    in_root=True,
    pattern="station_bind",
    extensions=("ini",),
    role=Role.IGNORED,
    reason="ties the camera to a station; read as a claim, left for the camera",
    reads=Reads.BINDING,
)


class MarkKind(StrEnum):
    """How a recording was found to be marked as important."""

    SUFFIX = "name suffix"
    LETTER = "letter of the name"
    FOLDER = "folder"
    READ_ONLY = "read-only attribute"
    MANIFEST = "line of the camera's manifest"


@dataclass(frozen=True, slots=True)
class Mark:
    """That the officer marked a recording, and by what that is known."""

    kind: MarkKind
    shown: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.shown}".strip()


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a path says about the file under it.

    Attributes:
        role: what it is; exactly one.
        reason: why it is no recording, or what is odd about its role; may be empty.
        started: when the recording began, as claimed.
        device: the camera's name for itself.
        user: the officer; None if it says nobody.
        unit: the officer's unit.
        mark: that it was marked as important, by folder or name.
        encrypted: whether the name says that the camera encrypted it.
        key: equal for a recording and its sidecars; None for what belongs to no one recording.
        series: equal for the pieces of one recording; None if its names do not tell.
        order: place of a piece within its series.
        continues: whether it goes on from the recording before it.
        number: in the camera's own numbering.
        scope: what that numbering counts within.
        known: whether a rule of the profile knew the name.
        reads: which kind of small file it is, if one.
        warnings: what is odd.
    """

    role: Role
    reason: str = ""
    started: StartClaim | None = None
    device: str | None = None
    user: str | None = None
    unit: str | None = None
    mark: Mark | None = None
    encrypted: bool = False
    key: bytes | None = None
    series: bytes | None = None
    order: int = 0
    continues: bool = False
    number: int | None = None
    scope: bytes = b""
    known: bool = False
    reads: Reads | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a card looks like a profile's camera, in points, and why."""

    score: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule for files, ready to use."""

    table: FileTable
    folder: Pattern | None
    pattern: Pattern | None
    extensions: frozenset[bytes] | None

    @classmethod
    def of(cls, table: FileTable) -> _Rule:
        named = table.extensions
        if named is None and table.role is Role.RECORDING:
            named = MEDIA
        return cls(
            table,
            None if table.folder is None else compiled(table.folder),
            None if table.pattern is None else compiled(table.pattern),
            None if named is None else frozenset(name.encode() for name in named),
        )

    @property
    def specific(self) -> bool:
        """Whether it knows names by their shape, not only by their place."""
        return self.pattern is not None and bool(self.pattern.names)

    def read(self, where: _Where) -> dict[str, bytes] | None:
        """What its groups found in a path that it fits."""
        if self.extensions is not None and where.extension not in self.extensions:
            return None
        if self.table.in_root and where.folder:
            return None
        found: dict[str, bytes] = {}
        for pattern, subject in ((self.folder, where.folder), (self.pattern, where.stem)):
            read = {} if pattern is None else pattern.read(subject)
            if read is None:
                return None
            found |= read
        return found


@dataclass(frozen=True, slots=True)
class _Where:
    """A path in pieces."""

    folder: bytes
    stem: bytes
    extension: bytes

    @classmethod
    def of(cls, path: bytes) -> _Where:
        folder, _, name = path.rpartition(b"/")
        stem, dot, extension = name.rpartition(b".")
        return cls(folder, stem if dot else name, extension.lower() if dot else b"")

    @property
    def media(self) -> bool:
        """Whether the name ends as names of footage do."""
        return self.extension.decode("latin-1") in _MEDIA


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of camera. Build it with ``compile_profile``."""

    file: ProfileFile
    _rules: tuple[_Rule, ...]
    _labels: tuple[Pattern, ...]
    _folders: tuple[Pattern, ...]
    _root_files: tuple[Pattern, ...]
    _mark_folders: tuple[Pattern, ...]

    @property
    def name(self) -> str:
        """What records call it."""
        return self.file.name

    @property
    def numbering(self) -> NumberingTable | None:
        """How its cameras count, if they do."""
        return self.file.numbering

    @property
    def pieces(self) -> PiecesTable | None:
        """How its cameras cut long recordings, if they do."""
        return self.file.pieces

    def matches(self, listing: Sequence[bytes], label: str | None = None) -> Fit:
        """How well a card's names fit.

        Args:
            listing: paths of files on the card. Of more than 2,500 an even sample of their
                sorted order is looked at, so that no heap of names hides the others.
            label: the volume's name.
        """
        sample = _sampled(listing)
        folders = {path.rpartition(b"/")[0] for path in sample}
        roots = [path for path in sample if b"/" not in path]
        told = [self._names(sample)]
        if (found := _first(self._folders, _with_parents(folders))) is not None:
            told.append((_FOLDER, f"folder {text_of(found)[0]}"))
        if (found := _first(self._root_files, roots)) is not None:
            told.append((_ROOT, f"{text_of(found)[0]} in the root"))
        named = (label or "").encode("utf-8", "surrogateescape")
        if named and fits_one(self._labels, named):
            told.append((_LABEL, f"label {text_of(named)[0]}"))
        score = min(sum(points for points, _ in told), self.file.card.at_most)
        return Fit(score, tuple(reason for points, reason in told if points))

    def _names(self, listing: Sequence[bytes]) -> tuple[int, str]:
        places = [where for path in listing if (where := _Where.of(path)).media]
        if not places:
            return 0, ""
        worth = [self._worth(where) for where in places]
        fitting = sum(1 for points in worth if points)
        return sum(worth) // len(places), f"{fitting} of {len(places)} names"

    def _worth(self, where: _Where) -> int:
        rule, _ = self._rule(where)
        if rule is None or rule.table.role is not Role.RECORDING:
            return 0
        return _NAMES if rule.specific else _ANY_NAMES

    def _rule(self, where: _Where) -> tuple[_Rule | None, dict[str, bytes]]:
        if len(where.stem) > MAX_NAME:
            return None, {}
        for rule in self._rules:
            if (found := rule.read(where)) is not None:
                return rule, found
        return None, {}

    def read_name(self, path: bytes, *, today: date | None = None) -> NameFacts:
        """What a path says.

        Args:
            path: relative to the card's root.
            today: by the dock's clock, to tell start times that lie ahead.
        """
        if (wrong := _impossible(path)) is not None:
            return NameFacts(Role.REFUSED, wrong)
        where = _Where.of(path)
        rule, found = self._rule(where)
        if rule is None:
            role = Role.RECORDING if where.media else Role.UNKNOWN
            reason = "" if where.media else "no rule knows it, and it ends as no footage does"
            key = _joined(where.folder, where.stem.lower())
            return NameFacts(role, reason, key=key, mark=self._mark(where, found))
        return self._facts(rule.table, where, found, start_claim(found, today))

    def _facts(
        self,
        table: FileTable,
        where: _Where,
        found: Mapping[str, bytes],
        started: StartClaim | None,
    ) -> NameFacts:
        device, device_odd = text_of(found.get("device", b""))
        user, user_odd = text_of(found.get("user", b""))
        unit, unit_odd = text_of(found.get("unit", b""))
        odd = {"device is ": device_odd, "user is ": user_odd, "unit is ": unit_odd}
        doubts = (started.doubt,) if started and started.doubt else ()
        counts = table.role is Role.RECORDING
        return NameFacts(
            table.role,
            table.reason or "",
            started=started,
            device=device or None,
            user=None if user in self.file.claims.unassigned else user or None,
            unit=unit or None,
            mark=self._mark(where, found),
            encrypted="enc" in found,
            key=_key(table, where, found),
            series=self._series(where, found) if counts else None,
            order=_number(found.get("chapter", b""), _MAX_CHAPTER) or 0 if counts else 0,
            continues=counts and "continues" in found,
            number=_number(found.get("number", b"")) if counts and self.numbering else None,
            scope=_scope(self.numbering, where, started, found),
            known=True,
            reads=table.reads,
            warnings=(*doubts, *(name + how for name, how in odd.items() if how)),
        )

    def _series(self, where: _Where, found: Mapping[str, bytes]) -> bytes | None:
        if self.pieces is None:
            return None
        values = []
        for name in self.pieces.by:
            value = where.folder if name == "folder" else found.get(name)
            if value is None:
                return None
            values.append(value)
        return _joined(*values)

    def _mark(self, where: _Where, found: Mapping[str, bytes]) -> Mark | None:
        table: MarkTable = self.file.mark
        letters = found.get("mark", b"")
        if letters and letters.upper() in {value.upper().encode() for value in table.values}:
            kind = MarkKind.LETTER if table.written == "letter" else MarkKind.SUFFIX
            return Mark(kind, text_of(letters)[0])
        for folder in where.folder.split(b"/") if self._mark_folders else ():
            if folder and fits_one(self._mark_folders, folder):
                return Mark(MarkKind.FOLDER, text_of(folder)[0])
        return None

    def marks(
        self, facts: NameFacts, *, read_only: bool = False, in_manifest: bool = False
    ) -> tuple[Mark, ...]:
        """Every way in which a recording is marked as important.

        Args:
            facts: what its name says.
            read_only: whether the file has the read-only attribute, on a card where a file
                may lack it (a whole file system mounted read-only says nothing).
            in_manifest: whether the camera's own manifest marks it.
        """
        marks = [facts.mark] if facts.mark is not None else []
        if read_only and self.file.mark.read_only:
            marks.append(Mark(MarkKind.READ_ONLY))
        if in_manifest:
            marks.append(Mark(MarkKind.MANIFEST))
        return tuple(marks)


def compile_profile(file: ProfileFile) -> Profile:
    """Make a profile ready to use; whatever can be wrong with it, the schema refused before."""
    card = file.card
    return Profile(
        file,
        tuple(_Rule.of(table) for table in (*file.file, _BINDING)),
        _all(card.labels),
        _all(card.folders),
        _all(card.root_files),
        _all(file.mark.folders),
    )


def choose(
    profiles: Iterable[Profile], listing: Sequence[bytes], label: str | None = None
) -> tuple[Profile, Fit]:
    """The profile that fits a card best; the same for the same names in any order.

    Args:
        profiles: one of them called ``generic``, which stands in when none fits.
        listing: paths of files on the card.
        label: the volume's name.

    Raises:
        ValueError: none of the profiles is called ``generic``.
    """
    sample = _sampled(listing)
    known = sorted(profiles, key=lambda profile: profile.name)
    fallback = next((profile for profile in known if profile.name == FALLBACK), None)
    if fallback is None:
        msg = f"no profile is called {FALLBACK}"
        raise ValueError(msg)
    fits = [(profile.matches(sample, label), profile) for profile in known]
    # max() keeps the first of equals, so the name decides.
    fit, best = max(fits, key=lambda pair: pair[0].score)
    if fit.score < ENOUGH:
        return fallback, Fit(0, ("no profile fits it well enough",))
    return best, fit


def _all(texts: Iterable[str]) -> tuple[Pattern, ...]:
    return tuple(map(compiled, texts))


def _sampled(listing: Sequence[bytes]) -> Sequence[bytes]:
    if len(listing) <= _SAMPLE + _ROOTS:
        return listing
    ordered = sorted(set(listing))
    roots = [path for path in ordered if b"/" not in path]
    return sorted({*_evenly(ordered, _SAMPLE), *_evenly(roots, _ROOTS)})


def _evenly(ordered: list[bytes], wanted: int) -> list[bytes]:
    if len(ordered) <= wanted:
        return ordered
    return [ordered[number * len(ordered) // wanted] for number in range(wanted)]


def _with_parents(folders: Iterable[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for folder in folders:
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition(b"/")[0]  # noqa: PLW2901  # walks up
    return found


def _first(patterns: tuple[Pattern, ...], subjects: Iterable[bytes]) -> bytes | None:
    if not patterns:
        return None
    return min((subject for subject in subjects if fits_one(patterns, subject)), default=None)


def _impossible(path: bytes) -> str | None:
    """Why nothing on a card can have this path, or None."""
    if len(path) > MAX_PATH:
        return f"a path of {len(path)} bytes; {MAX_PATH} are followed"
    if b"\0" in path:
        return "a zero byte in the path"
    if not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        return "not a path below the card's root"
    return None


def _key(table: FileTable, where: _Where, found: Mapping[str, bytes]) -> bytes | None:
    if table.whole_card:
        return None
    if not table.key:
        return _joined(where.folder, where.stem.lower())
    values = (
        where.folder if name == "folder" else found.get(name, b"").lower() for name in table.key
    )
    return _joined(where.folder, *values)


def _number(raw: bytes, digits: int = _MAX_NUMBER) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) <= digits else None


def _scope(
    numbering: NumberingTable | None,
    where: _Where,
    started: StartClaim | None,
    found: Mapping[str, bytes],
) -> bytes:
    match numbering.scope if numbering else "card":
        case "folder":
            return where.folder
        case "day":
            return started.day.encode() if started else b""
        case "user":
            return found.get("user", b"")
        case _:
            return b""


def _joined(*parts: bytes) -> bytes:
    # No path on a card holds a zero byte, so different parts never join alike.
    return b"\0".join(parts)
