"""What the page of a clip knows of its footage: facts for the scripts, marks, how its clock stood.

Claims stay claims: the page never says "recorded at" (docs/clocks.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from gateway.evidence.models import Clip
from protocols.anchors import Anchors

_MS_PER_S: Final = 1000
_UNITS: Final = {
    "zh": (("天", 86_400), ("小时", 3600), ("分", 60), ("秒", 1)),
    "en": ((" d", 86_400), (" h", 3600), (" min", 60), (" s", 1)),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to heed in a clip.

    Attributes:
        name: of its words.
        text: what it says, where the words have a place for it.
        at_ms: where in the recording; None: nothing says where.
    """

    name: str
    text: str = ""
    at_ms: int | None = None


def facts(row: Clip, anchors: Anchors, *, is_own: bool) -> dict[str, Any]:
    """What the page's scripts need; sizes and digests are checked against the signed record."""
    video: dict[str, Any] = next(
        (each for each in row.media.get("streams") or () if each.get("type") == "video"), {}
    )
    return {
        "clip": str(row.id),
        "size": row.size,
        "sha256": row.sha256.hex(),
        "root": row.root.hex(),
        "duration_ms": row.media.get("duration_ms"),
        "rate": _rate(str(video.get("rate") or "")),
        "own": is_own,
        "clock": row.camera_clock | {"started": row.started_claim},
        "trust": json.loads(anchors.to_json()),
    }


def marks(row: Clip) -> list[Mark]:
    """Marks of a clip, in the order of its time as far as that is known."""
    found = [Mark("mark.important")] if row.marked else []
    tags = [each for each in (row.tagged_case, row.tagged_category) if each]
    found += [Mark("mark.tag", " · ".join(tags))] if tags else []
    found += [Mark("mark.warning", str(each)) for each in row.media.get("warnings") or ()]
    found += [Mark("mark.doubt", str(each)) for each in row.camera_clock.get("doubts") or ()]
    return found


@dataclass(frozen=True, slots=True)
class Stood:
    """How the camera's clock stood when it was docked.

    Attributes:
        name: of the words.
        off, error: in words of the language.
    """

    name: str
    off: str = ""
    error: str = ""


def stood(row: Clip, language: str) -> Stood:
    """Fast, slow, exact or not measured, and within which error."""
    offset, error = row.camera_clock.get("offset_ms"), row.camera_clock.get("offset_error_ms")
    if not isinstance(offset, int):
        return Stood("times-unmeasured")
    bound = "?" if not isinstance(error, int) else span_text(error, language)
    if abs(offset) < _MS_PER_S:
        return Stood("times-exact", error=bound)
    name = "times-fast" if offset > 0 else "times-slow"
    return Stood(name, span_text(abs(offset), language), bound)


def span_text(ms: int, language: str) -> str:
    """A length of time as people say it, rounded up to a second: ``5 min 4 s``."""
    left, said = -(-ms // _MS_PER_S), []
    for unit, seconds in _UNITS[language]:
        count, left = divmod(left, seconds)
        said += [f"{count}{unit}"] if count else []
    return " ".join(said) or f"0{_UNITS[language][-1][0]}"


def clock_length(ms: int) -> str:
    """A length as players show it: ``1:02:03`` or ``2:03``."""
    minutes, seconds = divmod(ms // _MS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _rate(text: str) -> float | None:
    """Frames a second of a rate like ``30000/1001``; None where it is none."""
    above, _, below = text.partition("/")
    try:
        rate = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return rate if 0 < rate < 1000 else None  # noqa: PLR2004 -- no camera is faster; nan and inf are neither
