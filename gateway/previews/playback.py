"""What a browser shall play of a clip, and why: the original where it can, else a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.evidence.models import Clip, ClipState
from gateway.previews.models import Preview
from gateway.previews.wanted import Kind, State, why

_PLAYED: Final = frozenset({"h264", "aac", "mp3"})
_PLAYED_IN: Final = frozenset({"mp4", "mov", "3gp"})
_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg", "jpeg": "image/jpeg", "png": "image/png"}


class Source(StrEnum):
    """What is played."""

    ORIGINAL = "original"
    PREVIEW = "preview"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Playback:
    """What to play.

    Attributes:
        mime: of what is played; None for nothing.
        zh, en: why, for people.
        waits: whether it is worth asking again soon.
    """

    source: Source
    mime: str | None
    zh: str
    en: str
    waits: bool = False


_ORIGINAL_WHY = ("这是原始录像", "this is the original")
_PREVIEW_WHY = (
    "这是为便于观看而转换的预览，不是证据；浏览器无法播放原始录像",
    "this is a preview, not evidence: browsers cannot play the original",
)
_BEING_MADE = (
    "浏览器无法播放原始录像，正在生成预览",
    "browsers cannot play the original; a preview is being made",
)
_DISPOSED = ("录像已到期处置", "the footage was disposed of when its time was over")
_NOT_STORED = ("录像尚未入库", "the footage is not stored yet")
_TURNED_OFF = (
    "浏览器无法播放原始录像，且未启用预览",
    "browsers cannot play the original, and previews are turned off",
)


def playback_of(clip: Clip, rows: Mapping[Kind, Preview], *, enabled: bool) -> Playback:
    """Decide what a browser plays of a clip.

    Args:
        clip: the clip.
        rows: of its copies.
        enabled: whether copies are made here at all.
    """
    if clip.state == ClipState.DISPOSED:
        return _nothing(_DISPOSED)
    if clip.stored_index is None:
        return _nothing(_NOT_STORED)
    row = rows.get(Kind.PREVIEW)
    state = State.WAITING if row is None else State(row.state)
    if state is State.MADE and row is not None:
        return Playback(Source.PREVIEW, _preview_type(row), *_PREVIEW_WHY)
    # Before anybody has tried, the dock's word counts; whoever can open it will see.
    if state is State.UNNEEDED or _is_played(clip.media):
        known = None if row is None else row.facts.get("mime")
        return Playback(Source.ORIGINAL, known or _type(clip.media), *_ORIGINAL_WHY)
    if state is State.FAILED and row is not None:
        reason = why(row.code)
        return _nothing((f"没有预览：{reason.zh}", f"no preview: {reason.en}"))
    return _nothing(_BEING_MADE, waits=True) if enabled else _nothing(_TURNED_OFF)


def _nothing(words: tuple[str, str], *, waits: bool = False) -> Playback:
    return Playback(Source.NONE, None, *words, waits)


def _is_played(media: Mapping[str, Any]) -> bool:
    codecs = {stream.get("codec") for stream in media.get("streams", ()) if _is_av(stream)}
    return bool(codecs) and media.get("container") in _PLAYED_IN and codecs <= _PLAYED


def _is_av(stream: Mapping[str, Any]) -> bool:
    return stream.get("type") in {"video", "audio"}


def _type(media: Mapping[str, Any]) -> str:
    seen = any(stream.get("type") == "video" for stream in media.get("streams", ()))
    return _TYPES.get(str(media.get("container")), "video/mp4" if seen else "audio/mp4")


def _preview_type(row: Preview) -> str:
    return "audio/mp4" if row.facts.get("video") is None else "video/mp4"
