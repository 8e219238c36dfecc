"""`evidock-edge profile`: which profiles there are, and what a card would become by one.

Reads a card and changes nothing on it. Whatever the card calls things is shown without
control characters.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from edge.cameras.base import Card, Thing, ThingKind, shown
from edge.clock import today
from edge.errors import CameraError, ConfigError
from edge.inventory import rubbish
from edge.profiles.card import CardAccount, FileAccount, RunGaps, SeenFile, account
from edge.profiles.library import binding_key, load
from edge.profiles.profile import Fit, Profile, choose
from edge.profiles.reading import small_files
from edge.profiles.schema import Reads, Role
from protocols.kinds import FileName

_CHUNK = 1 << 20
_ROLES = {
    ThingKind.REFUSED: Role.REFUSED,
    ThingKind.SKIPPED: Role.IGNORED,
    ThingKind.UNREADABLE: Role.UNKNOWN,
}


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    profile = commands.add_parser("profile", help="list camera profiles; try one on a card")
    actions = profile.add_subparsers(required=True, metavar="ACTION")
    known = actions.add_parser("list", help="every profile, and where its facts come from")
    known.set_defaults(command=_list)
    tried = actions.add_parser("test", help="show what a card would become; changes nothing")
    tried.add_argument("card", metavar="DIR", type=Path, help="the card's root directory")
    tried.add_argument("--profile", metavar="NAME", help="this one, instead of the best fit")
    tried.add_argument("--label", help="the volume's name, which some profiles know")
    tried.add_argument("--chain", action="store_true", help="hash what the camera's chain names")
    tried.add_argument(
        "--binding-key", metavar="FILE", type=Path, help="secret of station_bind.ini"
    )
    tried.set_defaults(command=_test)
    for parser in (known, tried):
        parser.add_argument("--profiles-dir", metavar="DIR", type=Path, help="your own profiles")
        parser.add_argument("--json", action="store_true", help="for programs")


def _list(options: argparse.Namespace) -> int:
    profiles = [profile for _, profile in sorted(load(options.profiles_dir).items())]
    if options.json:
        _say([profile.file.model_dump(mode="json", exclude_none=True) for profile in profiles])
        return 0
    for profile in profiles:
        file = profile.file
        tried = "tried on a real camera" if file.tried else "not tried on a real camera"
        sys.stdout.write(f"{file.name:14} {file.title}\n{'':14} {tried}; from: {file.source}\n")
    return 0


def _test(options: argparse.Namespace) -> int:
    """Show what a card would become.

    Raises:
        ConfigError: no such profile or directory, or a file that the options name is wrong.
        CameraGone: the directory cannot be read, or stopped answering.
    """
    profiles = load(options.profiles_dir)
    key = binding_key(options.binding_key)
    if not options.card.is_dir():
        raise ConfigError(f"{options.card} is no directory: name the place a card is mounted at")
    card = Card(options.card)
    things = sorted(card.walk(rubbish), key=lambda thing: thing.path)
    files = [thing.path for thing in things if thing.kind is ThingKind.FILE]
    profile, fit = _chosen(options, profiles, files)
    small = small_files(card, profile, files)
    told = account(
        profile,
        [_seen(card, profile, thing) for thing in things],
        small=small,
        digests=_digests(card, profile, files) if options.chain else None,
        today=today(),
        binding_key=key,
    )
    if options.json:
        _say(_document(profile, fit, told))
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(profile, fit, told))
    return 0


def _chosen(
    options: argparse.Namespace, profiles: dict[str, Profile], files: list[bytes]
) -> tuple[Profile, Fit]:
    if options.profile is None:
        return choose(profiles.values(), files, options.label)
    profile = profiles.get(options.profile)
    if profile is None:
        raise ConfigError(f"no profile is called {options.profile}: {', '.join(sorted(profiles))}")
    return profile, profile.matches(files, options.label)


def _seen(card: Card, profile: Profile, thing: Thing) -> SeenFile:
    if thing.kind is not ThingKind.FILE:
        return SeenFile(thing.path, unlisted=(_ROLES[thing.kind], thing.reason))
    read_only = profile.file.mark.read_only and _read_only(card, thing.path)
    return SeenFile(thing.path, thing.size, read_only=read_only)


def _read_only(card: Card, path: bytes) -> bool:
    with suppress(CameraError):
        descriptor = card.open(path)
        try:
            return not os.fstat(descriptor).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        finally:
            os.close(descriptor)
    return False


def _digests(card: Card, profile: Profile, files: list[bytes]) -> dict[bytes, bytes]:
    """SHA-256 of everything beside a camera's own chain of digests."""
    folders = {
        path.rpartition(b"/")[0]
        for path in files
        if profile.read_name(path).reads is Reads.HASH_CHAIN
    }
    found = {}
    for path in files:
        if path.rpartition(b"/")[0] in folders:
            with suppress(CameraError, OSError):
                found[path] = _sha256(card, path)
    return found


def _sha256(card: Card, path: bytes) -> bytes:
    digest = hashlib.sha256()
    with os.fdopen(card.open(path), "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


# What the dock does with files of each kind, for an operator who looks at a card.
_BECOMES: Final = {
    Role.RECORDING: "copied and sealed, each as a clip",
    Role.SIDECAR: "copied and sealed as well, each as a clip that stands beside a recording",
    Role.IGNORED: "left on the card, and listed with the reason",
    Role.REFUSED: "never opened, and listed with the reason",
    Role.UNKNOWN: "copied and sealed all the same, as far as it can be read",
}


def _lines(profile: Profile, fit: Fit, told: CardAccount) -> Iterable[str]:
    why = "; ".join(fit.reasons) or "nothing on the card speaks for it"
    yield f"profile {profile.name}, {fit.score} points: {why}"
    yield f"  {profile.file.title}"
    for role in Role:
        files = [file for file in told.files if file.facts.role is role]
        if files:
            yield f"{role} ({len(files)}): {_BECOMES[role]}"
            for file in files:
                yield f"  {_whole(file.path)}"
                yield from (f"      {line}" for line in _said(file))
    for one in told.series:
        absent = f"; missing: {', '.join(map(str, one.missing))}" if one.missing else ""
        yield f"pieces of one recording{absent}"
        yield from (f"  {shown(path)}" for path in one.pieces)
    yield from map(_run_line, told.runs)
    for path, note in told.notes:
        yield f"{shown(path)}: {note}"
    counts = ", ".join(
        f"{count} {role} ({size} B)" for role, (count, size) in told.totals().items()
    )
    yield f"total: {counts or 'an empty card'}"


def _whole(path: bytes) -> str:
    """A path for people; one that is cut says so, since two such may look alike."""
    text = shown(path)
    return text if len(path) <= len(text) else f"{text} ({len(path)} bytes)"


def _said(file: FileAccount) -> Iterable[str]:
    facts = file.facts
    if facts.reason:
        yield facts.reason
    if facts.role is Role.RECORDING and not facts.known:
        yield "name not known to the profile; taken as footage by its extension"
    claims = [
        f"{name} {value}"
        for name, value in (
            ("started", facts.started and facts.started.text),
            ("officer", facts.user),
            ("unit", facts.unit),
            ("camera", facts.device),
            ("number", facts.number),
        )
        if value is not None
    ]
    if claims:
        yield f"claims {', '.join(claims)}"
    if file.marks:
        yield f"important: {', '.join(map(str, file.marks))}"
    if facts.encrypted:
        yield "encrypted by the camera"
    if file.belongs_to:
        yield f"belongs to {', '.join(map(shown, file.belongs_to))}"
    yield from (f"warning: {warning}" for warning in facts.warnings)


def _run_line(run: RunGaps) -> str:
    found, where = run.gaps, f" in {run.scope}" if run.scope else ""
    ranges = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in found.missing)
    around = ", beginning again in between" if found.wrapped else ""
    line = f"numbers{where} {found.first} to {found.last}{around}: "
    line += f"{found.missing_total} missing" + (f" ({ranges})" if ranges else "")
    if found.reused_total:
        line += f"; {found.reused_total} used twice ({', '.join(map(str, found.reused))})"
    return line


def _document(profile: Profile, fit: Fit, told: CardAccount) -> dict[str, Any]:
    return {
        "profile": profile.name,
        "score": fit.score,
        "reasons": list(fit.reasons),
        "files": [_row(file) for file in told.files],
        "series": [
            {"pieces": [shown(path) for path in one.pieces], "missing": list(one.missing)}
            for one in told.series
        ],
        "numbering": [
            {
                "scope": run.scope,
                "first": run.gaps.first,
                "last": run.gaps.last,
                "missing": [list(span) for span in run.gaps.missing],
                "missing_total": run.gaps.missing_total,
                "reused": list(run.gaps.reused),
            }
            for run in told.runs
        ],
        "notes": [{**FileName.names(path), "says": note} for path, note in told.notes],
        "totals": {
            role: {"files": count, "bytes": size} for role, (count, size) in told.totals().items()
        },
    }


def _row(file: FileAccount) -> dict[str, Any]:
    facts = file.facts
    row: dict[str, Any] = {
        **FileName.names(file.path),
        "size": file.size,
        "role": facts.role,
        "reason": facts.reason,
        "known": facts.known,
        "started": facts.started and facts.started.text,
        "officer": facts.user,
        "unit": facts.unit,
        "camera": facts.device,
        "number": facts.number,
        "important": [str(mark) for mark in file.marks],
        "encrypted": facts.encrypted,
        "belongs_to": [shown(path) for path in file.belongs_to],
        "warnings": list(facts.warnings),
    }
    return {name: value for name, value in row.items() if value not in (None, "", [], False)}


def _say(document: object) -> None:
    # ASCII only: a path that is text may still hold control characters.
    sys.stdout.write(f"{json.dumps(document, indent=1)}\n")
