"""What a whole card would become by a profile: files, series, gaps, what small files say.

Pure: names, sizes and the content of small files come in, an account for people and programs
goes out. Nothing here decides about evidence; it shows what a profile makes of a card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from edge.profiles.binding import Signature, read_binding
from edge.profiles.cardfiles import CardFileError, incident, incident_files, officer_line
from edge.profiles.chains import Manifest, check_chain, read_manifest
from edge.profiles.claims import text_of
from edge.profiles.numbering import Gaps, gaps
from edge.profiles.profile import Mark, NameFacts, Profile
from edge.profiles.schema import Reads, Role
from edge.profiles.series import Series, series


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file on a card.

    Attributes:
        path: relative to its root.
        size: in bytes, where the card answered.
        read_only: whether it has the read-only attribute.
        unlisted: why it is no file to take whatever its name, for links and the like.
    """

    path: bytes
    size: int | None = None
    read_only: bool = False
    unlisted: tuple[Role, str] | None = None


@dataclass(frozen=True, slots=True)
class FileAccount:
    """What one file would become."""

    path: bytes
    size: int | None
    facts: NameFacts
    marks: tuple[Mark, ...]
    belongs_to: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class RunGaps:
    """Gaps in one run of numbers; ``scope`` names the folder, day or user, if it is one."""

    scope: str
    gaps: Gaps


@dataclass(frozen=True, slots=True)
class CardAccount:
    """What a card would become.

    Attributes:
        notes: what small files on it say, by path.
    """

    files: tuple[FileAccount, ...]
    series: tuple[Series, ...]
    runs: tuple[RunGaps, ...]
    notes: tuple[tuple[bytes, str], ...]

    def totals(self) -> dict[str, tuple[int, int]]:
        """Files and bytes by role."""
        counts: Counter[str] = Counter(file.facts.role for file in self.files)
        sizes: Counter[str] = Counter()
        for file in self.files:
            sizes[file.facts.role] += file.size or 0
        return {role: (counts[role], sizes[role]) for role in Role if counts[role]}


def account(
    profile: Profile,
    seen: Iterable[SeenFile],
    *,
    small: Mapping[bytes, bytes],
    digests: Mapping[bytes, bytes] | None = None,
    today: date | None = None,
    binding_key: bytes | None = None,
) -> CardAccount:
    """Say what a card would become.

    Args:
        profile: to read its names by.
        seen: everything on it.
        small: content of the files whose facts say what they ``reads``.
        digests: SHA-256 of files that are there, for checking a camera's own chain.
        today: by the dock's clock.
        binding_key: secret of the stations that write ``station_bind.ini``.
    """
    ordered = sorted(seen, key=lambda file: file.path)
    facts = {file.path: _facts(profile, file, today) for file in ordered}
    manifests = _manifests(facts, small)
    marked = {
        (_folder(path), name.encode("utf-8", "surrogateescape"))
        for path, manifest in manifests.items()
        for name in manifest.marked
    }
    owners: dict[bytes, list[bytes]] = {}
    for path, told in facts.items():
        if told.role is Role.RECORDING and told.key is not None:
            owners.setdefault(told.key, []).append(path)
    files = tuple(
        FileAccount(
            file.path,
            file.size,
            told := facts[file.path],
            profile.marks(
                told,
                read_only=file.read_only,
                in_manifest=(_folder(file.path), file.path.rpartition(b"/")[2]) in marked,
            )
            if told.role is Role.RECORDING
            else (),
            tuple(owners.get(told.key or b"", ())) if told.role is Role.SIDECAR else (),
        )
        for file in ordered
    )
    notes = [
        (path, _note(told.reads, small[path], binding_key))
        for path, told in facts.items()
        if told.reads is not None and path in small and path not in manifests
    ]
    sizes = {file.path: file.size for file in ordered}
    notes += [
        (path, note)
        for path, told in facts.items()
        if told.reads is Reads.INCIDENT and path in small
        if (note := _incident_note(path, small[path], sizes))
    ]
    notes += [(path, _chain_note(path, one, digests)) for path, one in manifests.items()]
    return CardAccount(
        files,
        tuple(series(facts.items(), profile.pieces)),
        tuple(numbering_gaps(profile, facts.items())),
        tuple(sorted(notes)),
    )


@dataclass(frozen=True, slots=True)
class CardClaims:
    """Who a card says it belongs to; None where it says nothing, or two things.

    Attributes:
        binding: what is known of the signature of its ``station_bind.ini``, if it has one.
    """

    officer: str | None = None
    unit: str | None = None
    serial: str | None = None
    model: str | None = None
    binding: str | None = None


def card_claims(
    facts: Mapping[bytes, NameFacts],
    small: Mapping[bytes, bytes],
    *,
    binding_key: bytes | None = None,
) -> CardClaims:
    """Who a card belongs to, by its small files first and the names of its recordings else.

    Args:
        facts: what each path says.
        small: content of the files whose facts say what they ``reads``.
        binding_key: secret of the stations that write ``station_bind.ini``; with it, a file
            whose signature is invalid is not believed even as a claim.
    """
    recordings = [told for told in facts.values() if told.role is Role.RECORDING]
    claims = CardClaims(
        officer=_agreed(told.user for told in recordings),
        unit=_agreed(told.unit for told in recordings),
        serial=_agreed(told.device for told in recordings),
    )
    for path in sorted(path for path in small if path in facts):
        try:
            match facts[path].reads:
                case Reads.BINDING:
                    told = read_binding(small[path], binding_key)
                    claims = replace(claims, binding=told.signature.value)
                    if told.signature is not Signature.INVALID:
                        claims = replace(
                            claims,
                            officer=told.user_no or claims.officer,
                            unit=told.dept_code or claims.unit,
                            serial=told.recorder_serial or claims.serial,
                            model=told.recorder_model or claims.model,
                        )
                case Reads.OFFICER_LINE:
                    claims = replace(claims, officer=officer_line(small[path]))
                case _:
                    pass
        except CardFileError:
            continue
    return claims


def _agreed(values: Iterable[str | None]) -> str | None:
    said = {value for value in values if value}
    return said.pop() if len(said) == 1 else None


def numbering_gaps(profile: Profile, files: Iterable[tuple[bytes, NameFacts]]) -> list[RunGaps]:
    """Gaps in each run of a camera's own numbers, where its profile says that it counts."""
    if profile.numbering is None:
        return []
    counted = profile.pieces is not None and profile.pieces.how == "counted"
    runs: dict[bytes, list[tuple[int, bytes | None]]] = {}
    for path, told in files:
        if told.role is Role.RECORDING and told.number is not None:
            runs.setdefault(told.scope, []).append(
                (told.number, _owner(path, told, counted=counted))
            )
    found = []
    for scope in sorted(runs):
        told_gaps = gaps(
            runs[scope], lowest=profile.numbering.lowest, highest=profile.numbering.highest
        )
        if told_gaps is not None:
            found.append(RunGaps(text_of(scope)[0], told_gaps))
    return found


def _owner(path: bytes, told: NameFacts, *, counted: bool) -> bytes | None:
    """What tells two recordings of one number apart; views of one share it.

    Later chapters begin later than the first, which speaks for all of them.
    """
    if counted and told.order > 1:
        return None
    if told.started is not None:
        return told.started.text.encode()
    return told.series or told.key or path


def _facts(profile: Profile, file: SeenFile, today: date | None) -> NameFacts:
    if file.unlisted is not None:
        role, reason = file.unlisted
        return NameFacts(role, reason)
    return profile.read_name(file.path, today=today)


def _manifests(
    facts: Mapping[bytes, NameFacts], small: Mapping[bytes, bytes]
) -> dict[bytes, Manifest]:
    found = {}
    for path, told in facts.items():
        if told.reads is Reads.HASH_CHAIN and path in small:
            try:
                found[path] = read_manifest(small[path])
            except CardFileError:
                continue
    return found


def _note(reads: Reads | None, data: bytes, key: bytes | None) -> str:
    try:
        match reads:
            case Reads.OFFICER_LINE:
                return f"claims officer {officer_line(data)}"
            case Reads.BINDING:
                told = read_binding(data, key)
                return (
                    f"claims officer {told.user_no} {told.user_name}, unit {told.dept_code} "
                    f"{told.dept_name}, camera {told.recorder_serial}; signature: {told.signature}"
                )
            case Reads.INCIDENT:
                return ", ".join(f"{name}: {value}" for name, value in incident(data).fields)
            case _:
                read_manifest(data)
                return ""
    except CardFileError as error:
        return f"cannot be read: {error}"


def _incident_note(path: bytes, data: bytes, sizes: Mapping[bytes, int | None]) -> str:
    """What the recordings are that a camera's list names; empty where it names none."""
    try:
        listed = incident_files(data)
    except CardFileError:
        return ""
    found: Counter[str] = Counter()
    for name, size in listed:
        there = _folder(path) + b"/" + name.encode("utf-8", "surrogateescape")
        if there not in sizes:
            found["not on the card"] += 1
        elif size is not None and sizes[there] != size:
            found["of another size than it says"] += 1
        else:
            found["as it says"] += 1
    said = f"names {len(listed)} recordings, without digests"
    return said + _counts(list(found.elements())) if listed else ""


def _chain_note(path: bytes, manifest: Manifest, digests: Mapping[bytes, bytes] | None) -> str:
    said = f"a chain over {len(manifest.lines)} files, {len(manifest.marks)} marks"
    if manifest.others:
        said += f", {manifest.others} lines that are neither"
    if digests is None:
        return said
    here = {
        text.decode("utf-8", "surrogateescape"): digest
        for file, digest in digests.items()
        if _folder(file) == _folder(path) and (text := file.rpartition(b"/")[2])
    }
    states = check_chain(manifest.lines, here)
    return said + _counts(states)


def _counts(states: Sequence[str]) -> str:
    return "".join(f"; {count} {state}" for state, count in sorted(Counter(states).items()))


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]
