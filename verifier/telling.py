"""What was found, for people line by line, or as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protocols.shown import shown
from protocols.trail.story import line
from protocols.trail.telling import verdict_json, verdict_lines
from verifier.clipwise import clip_words
from verifier.pack import OWN_KEYS, Checked

_OWN_KEYS_ZH = "只用了证据包自带的密钥，不能排除整包伪造。请另行取得信任文件，并用 --trust 给出。"

_EACH = "each clip's own sealing, by itself (the verdict on the pack stands):"


def pack_lines(checked: Checked, *, story: bool) -> Iterator[str]:
    """The answer for a person; ``story`` tells every statement too."""
    if checked.own_keys:
        yield f"WARNING: {OWN_KEYS}."
        yield f"警告：{_OWN_KEYS_ZH}"
    if checked.about:
        yield f"pack about {shown(checked.about)}"
    if checked.export is not None:
        told = checked.export
        yield f"export {told.number}, to {shown(told.recipient)}, by {shown(told.by)}"
        yield f"reason: {shown(told.reason)}"
    if story and checked.report is not None:
        for event in checked.report.events:
            yield line(event)
    yield from verdict_lines(checked.verdict)
    yield from _each_clip(checked)
    for note in checked.notes:
        yield f"note: {shown(note)}"
    if checked.own_keys:
        yield f"WARNING: {OWN_KEYS}."


def _each_clip(checked: Checked) -> Iterator[str]:
    # Of an intact pack there is nothing to say of a single clip.
    words = [word.text for word in clip_words(checked)] if checked.verdict.problems else []
    if words:
        yield _EACH
    for text in words:
        yield f"  {shown(text)}"


def pack_json(checked: Checked) -> dict[str, Any]:
    """The same for programs."""
    warnings = [OWN_KEYS] if checked.own_keys else []
    return {
        "about": checked.about,
        "export": None if checked.export is None else checked.export.model_dump(mode="json"),
        "trust": "pack" if checked.own_keys else "given",
        "verdict": verdict_json(checked.verdict),
        "clips": [word.plain() for word in clip_words(checked)],
        "warnings": warnings,
        "notes": list(checked.notes),
    }
