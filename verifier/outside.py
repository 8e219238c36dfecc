"""Steps 7 and 8: who outside the agency saw the log that a pack comes from.

Whatever lies among the cosigned and stamped checkpoints of a pack has to be of the history that
its receipts are for; that is checked with or without a policy. Whose word counts, witnesses' or
time stamping authorities', is for the reader's own policy and roots to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509

from hashing.errors import HashingError
from hashing.note import (
    COSIGNATURE_SIZE,
    MAX_NOTE,
    Checkpoint,
    cosigned_at,
    open_checkpoint,
    parse_note,
)
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.errors import ProtocolError
from protocols.pack import layout
from protocols.pack.outside import Outside, cosigned_lines
from protocols.pack.sightings import (
    MAX_SIGHTINGS,
    MAX_WAY,
    Seen,
    Sighting,
    SightingError,
    parse_way,
    witnessed,
)
from protocols.policy import Policy
from protocols.timestamps import MAX_RESPONSE, StampsUnreadableError, check_stamp
from protocols.trail import Findings, TrailDocument, TrailReport
from verifier.sources import Source

NO_POLICY = "unwitnessed: no policy was given"
NO_TIMESTAMPS = "no time stamp over the log is in the pack; step 8 was not made"
_NUMBER = re.compile(r"[0-9]{8,16}\Z")
Roots = Sequence[x509.Certificate]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader asks for beyond the keys.

    Attributes:
        policy: which witnesses are enough; None asks for none.
        roots: of time stamping authorities that count; None does not ask for stamps.
    """

    policy: Policy | None = None
    roots: Roots | None = None


NOTHING_ASKED = Asked()


def check_outside(
    source: Source,
    document: TrailDocument,
    report: TrailReport,
    trust: Anchors,
    asked: Asked,
    found: Findings,
) -> tuple[tuple[str, ...], Outside | None]:
    """Check both steps.

    Returns:
        What the findings do not say; and all that was seen, None when there is no checkpoint.
    """
    note = document.checkpoint.encode(errors="replace")
    try:
        head = open_checkpoint(note, trust.checkpoint_key)
    except HashingError:
        # Said in step 7 already; there is nothing that a sighting could be tied to.
        return (), None
    cosigned = _seen(source, layout.COSIGNED, head, trust, found)
    stamped = _seen(source, layout.STAMPED, head, trust, found)
    seen = {checkpoint.size for checkpoint, _ in (*cosigned, *stamped)}
    _check_ways(source, seen - {head.size}, found)
    needed = max((entry.index for entry in document.entries), default=-1) + 1
    notes: list[str] = []
    if asked.policy is not None:
        found.items.append(witnessed(note, needed, cosigned, asked.policy))
        notes += _lines_held(note, cosigned, asked.policy, found)
    else:
        notes.append(_not_asked(note, cosigned))
    if asked.roots is not None:
        _check_stamps(stamped, report, asked.roots, found)
    elif stamped:
        notes.append(
            f"{len(stamped)} time stamps are in the pack and were not checked: name the roots of "
            "the authorities that you trust with --tsa"
        )
    else:
        notes.append(NO_TIMESTAMPS)
    outside = Outside(
        *(note, head, trust, needed),
        cosigned=tuple(sighting for _, sighting in cosigned),
        stamped=tuple(sighting for _, sighting in stamped),
    )
    return tuple(notes), outside


def _not_asked(note: bytes, cosigned: Iterable[Seen]) -> str:
    names = {name for name, _ in cosigned_lines(note)}
    names |= {name for _, seen in cosigned for name, _ in cosigned_lines(seen.note)}
    if not names:
        return NO_POLICY
    who = ", ".join(sorted(names))
    return (
        f"{NO_POLICY}; cosignatures that claim to be by {who} were not checked (--policy), nor "
        f"were the times that {layout.PAGE} takes from them: anybody can write such a line"
    )


def _lines_held(
    note: bytes, cosigned: Iterable[Seen], policy: Policy, found: Findings
) -> Iterator[str]:
    """Step 7: whoever signs in the name and under the key of a witness is that witness.

    Lines by others count for nothing, and the report tells names and times of all. So those
    of the policy's own witnesses have to hold, and of the others it is said that nobody looked.
    """
    keys = [witness.key for witness in policy.witnesses.values()]
    notes = [(layout.CHECKPOINT, note)]
    notes += [(layout.cosigned(seen.size), sighting.note) for seen, sighting in cosigned]
    strangers: set[str] = set()
    for path, raw in notes:
        parsed = parse_note(raw)
        for line in parsed.signatures:
            own = [key for key in keys if (key.name, key.id) == (line.name, line.id)]
            if own and cosigned_at(parsed, own[0], line) is None:
                reason = f"a line in the name of {line.name}, which did not sign it"
                found.add(7, Outcome.UNSIGNED, path, reason)
            elif not own and len(line.signature) == COSIGNATURE_SIZE:
                strangers.add(f"{line.name}+{line.id.hex()}")
    if strangers:
        yield (
            f"cosignatures that claim to be by {', '.join(sorted(strangers))}, whom the policy "
            f"does not list, were not checked, nor the times that {layout.PAGE} takes from them"
        )


# --- what lies there --------------------------------------------------------------------

_NAMED: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    layout.COSIGNED: lambda size: (layout.cosigned(size),),
    layout.STAMPED: lambda size: (layout.stamped(size), layout.stamp(size)),
}


def _seen(
    source: Source, folder: str, head: Checkpoint, trust: Anchors, found: Findings
) -> list[Seen]:
    step = 7 if folder == layout.COSIGNED else 8
    paths = sorted(path for path in source.sizes if path.startswith(folder))
    seen: list[Seen] = []
    for path in paths[: 2 * MAX_SIGHTINGS]:
        name, _, ending = path.removeprefix(folder).rpartition(".")
        size = int(name) if _NUMBER.match(name) else -1
        # One name for one size: what lies under a second one is what no step reads.
        if path not in _NAMED[folder](size):
            found.add(step, Outcome.ALTERED, path, "no name of a checkpoint that somebody saw")
            continue
        if other := next((each for each in _NAMED[folder](size) if each not in source.sizes), ""):
            found.add(step, Outcome.INCOMPLETE, path, f"{other}, which belongs to it, is missing")
        if ending == "tsr":
            continue
        try:
            seen.append(_tied(source, path, size, head, trust))
        except (SightingError, ProtocolError) as error:
            found.add(step, Outcome.ALTERED, path, str(error))
    if len(paths) > 2 * MAX_SIGHTINGS:
        reason = f"{len(paths)} files, where {2 * MAX_SIGHTINGS} are allowed"
        found.add(step, Outcome.UNSUPPORTED, folder, reason)
    return seen


def _tied(source: Source, path: str, size: int, head: Checkpoint, trust: Anchors) -> Seen:
    raw = source.read(path, MAX_NOTE)
    way = () if size == head.size else _way(source, size)
    if raw is None:
        raise SightingError("missing, or larger than it may be")
    response = source.read(layout.stamp(size), MAX_RESPONSE) or b""
    sighting = Sighting(raw, way, response)
    checkpoint = sighting.tied(head, trust)
    if checkpoint.size != size:
        raise SightingError(f"a checkpoint of size {checkpoint.size} under another name")
    return checkpoint, sighting


def _way(source: Source, size: int) -> tuple[bytes, ...]:
    raw = source.read(layout.way(size), MAX_WAY)
    if raw is None:
        raise SightingError(f"nothing ties it to the pack: {layout.way(size)} is missing")
    return parse_way(raw)


def _check_ways(source: Source, sizes: set[int], found: Findings) -> None:
    wanted = {layout.way(size) for size in sizes}
    for path in sorted(source.sizes.keys() - wanted):
        if path.startswith(layout.WAYS):
            found.add(7, Outcome.ALTERED, path, "leads to no checkpoint of the pack")


# --- step 8 -------------------------------------------------------------------------------


def _check_stamps(
    stamped: Sequence[Seen], report: TrailReport, roots: Roots, found: Findings
) -> None:
    """Every stamp by itself, then by when each clip's sealing was there."""
    times: list[tuple[int, str]] = []
    for checkpoint, sighting in stamped:
        path = layout.stamp(checkpoint.size)
        try:
            at = check_stamp(sighting.response or b"", sighting.note, roots)
        except StampsUnreadableError as error:
            found.add(8, Outcome.UNSUPPORTED, path, f"{error}; VERIFY.md has the openssl command")
            return
        except (HashingError, ProtocolError) as error:
            found.add(8, Outcome.UNSIGNED, path, str(error))
            continue
        times.append((checkpoint.size, f"{at:%Y-%m-%dT%H:%M:%SZ}"))
        reason = f"entries below {checkpoint.size} were in the log at {times[-1][1]}"
        found.good(8, path, reason)
    wanted = {str(content.clip) for content in report.contents}
    for event in report.events:
        if event.seals is None or str(event.seals) not in wanted:
            continue
        name = str(event.seals)
        over = [at for size, at in times if size > event.index]
        if over:
            found.good(8, name, f"sealed, and in the log, not after {min(over)}")
        else:
            reason = f"no time stamp that counts is over its sealing, {event.name}"
            found.add(8, Outcome.UNWITNESSED, name, reason)
