"""What every browser plays; runs only in the limited process."""

from __future__ import annotations

from typing import Any, Final

from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from gateway.previews.footage import Footage

_PROFILES: Final = frozenset({"Baseline", "Constrained Baseline", "Main", "High"})
_DOTS: Final = frozenset({"yuv420p", "yuvj420p"})
_ISO: Final = frozenset({"mp4", "mov", "3gp"})
_SOUND: Final = frozenset({"aac", "mp3", "mp3float"})
_PLAIN_TYPES: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_PLAIN: Final = frozenset({"mp3", "mp3float", "pcm_s16le", "pcm_u8"})
_STEREO: Final = 2
_TRANSPORT: Final = frozenset({"mpeg-ts", "m2ts"})
_TIMED: Final = _ISO | _TRANSPORT | {"matroska", "flv"}


def played_as(footage: Footage) -> str | None:
    """The type as which browsers play the original as it is; None where they do not."""
    container, video, sound = footage.kind, footage.video, footage.audio
    if footage.is_picture:
        return f"image/{container}"
    if container in _ISO:
        suits = (video is None or is_h264(video)) and (sound is None or _codec(sound) in _SOUND)
        return None if not suits else "audio/mp4" if video is None else "video/mp4"
    suits = container in _PLAIN_TYPES and video is None and _codec(sound) in _PLAIN
    return _PLAIN_TYPES[container] if suits else None


def is_h264(stream: VideoStream) -> bool:
    """Whether it is H.264 of the sort that browsers decode."""
    context: Any = stream.codec_context
    return _codec(stream) == "h264" and context.pix_fmt in _DOTS and stream.profile in _PROFILES


def copies_video(footage: Footage) -> bool:
    """Whether its pictures can go into a preview as they are: their times must be known."""
    return footage.video is not None and footage.kind in _TIMED and is_h264(footage.video)


def copies_sound(footage: Footage) -> bool:
    """Whether its sound can go into a preview as it is."""
    sound = footage.audio
    # In a transport stream every frame of AAC has a header of its own (ADTS), which MP4 has not.
    if sound is None or footage.kind not in _TIMED - _TRANSPORT:
        return False
    context: Any = sound.codec_context
    return _codec(sound) == "aac" and sound.profile == "LC" and context.channels <= _STEREO


def _codec(stream: VideoStream | AudioStream | None) -> str:
    context: Any = getattr(stream, "codec_context", None)
    return str(getattr(getattr(context, "codec", None), "canonical_name", ""))
