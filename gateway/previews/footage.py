"""Opens a recording for making copies; runs only in the limited process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import av
import av.container
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream

from limited.boxes import structure_of
from limited.containers import container_of
from limited.reading import Bytes

Packet: TypeAlias = "av.packet.Packet[Stream]"
MICRO: Final = 1_000_000
_MOST_PIXELS: Final = 40_000_000
"""Larger pictures than any body-worn camera takes; a frame of more is a bomb."""
_PICTURES = {"jpeg": "jpeg_pipe", "png": "png_pipe"}
_BUFFER: Final = 1 << 20
_TRIED: Final = 30


class NoCopyError(Exception):
    """There is none to be made; ``code`` is of ``wanted.REASONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail[:200]


@dataclass(frozen=True, slots=True)
class Footage:
    """An open recording.

    Attributes:
        container: as the library has it. kind: which container, by its first bytes.
        video, audio: the streams that people would see and hear.
        cut: it ends before its content does.
        encrypted: its key was needed, and fits.
    """

    container: av.container.InputContainer
    kind: str
    video: VideoStream | None
    audio: AudioStream | None
    cut: bool
    encrypted: bool

    @property
    def seeks(self) -> bool:
        """Whether it can be entered in the middle, and says when a picture is shown."""
        return self.kind not in {"h264", "h265"} and not self.is_picture

    @property
    def nothing(self) -> NoCopyError:
        """Why there is nothing to be seen or heard."""
        return NoCopyError("cut" if self.cut else "undecodable", "nothing could be decoded")

    @property
    def is_picture(self) -> bool:
        """Whether it is a still picture."""
        return self.kind in _PICTURES

    @property
    def start_us(self) -> int:
        """Where its time begins."""
        return self.container.start_time or 0

    @property
    def duration_us(self) -> int | None:
        """How long it claims to run."""
        claimed = self.container.duration
        return claimed if claimed is not None and claimed > 0 else None


def opened(fd: int, size: int, key: str | None) -> Footage:
    """Open a recording.

    Args:
        fd: open for reading.
        size: bytes.
        key: of an encrypted one, 32 hex digits.

    Raises:
        NoCopyError: it cannot be opened, and why.
    """
    if size == 0:
        raise NoCopyError("empty")
    source = Bytes(fd, size)
    named = container_of(source.at(0, 512))
    if named is None:
        raise NoCopyError("not-media")
    structure = structure_of(source.at, size, named.name)
    if structure.encrypted and key is None:
        raise NoCopyError("encrypted")
    options = {"decryption_key": key} if structure.encrypted and key else {}
    library_name = _PICTURES.get(named.name, named.format or named.name)
    try:
        container = av.open(
            source,
            mode="r",
            format=library_name,
            options=options,
            metadata_errors="replace",
            buffer_size=_BUFFER,
        )
    except MemoryError:
        raise
    except Exception as error:  # the library raises IndexError and worse on strange files
        code = "cut" if structure.cut else "undecodable"
        raise NoCopyError(code, f"{type(error).__name__}: {error}") from error
    found = Footage(
        container,
        named.name,
        _seen(container),
        _heard(container),
        structure.cut,
        structure.encrypted,
    )
    if found.video is None and found.audio is None:
        raise NoCopyError("cut" if structure.cut else "no-streams")
    if structure.encrypted:
        _check_key(found)
    return found


def pictures_of(footage: Footage, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Decoded pictures from where the container stands; what is damaged is passed over.

    Raises:
        NoCopyError: one is larger than it may be.
    """
    for packet in footage.container.demux(stream):
        for frame in decoded(packet):
            if isinstance(frame, av.VideoFrame):
                yield frame


def decoded(packet: Any) -> list[Any]:  # noqa: ANN401  # of a stream of either sort
    """What a packet decodes to; nothing where it is damaged."""
    try:
        return list(packet.decode())
    except av.error.MemoryError as error:
        raise MemoryError from error
    except (av.error.FFmpegError, ValueError):
        return []


def _seen(container: av.container.InputContainer) -> VideoStream | None:
    """The first stream of moving pictures that can be decoded; covers of albums are none."""
    for stream in container.streams.video:
        context = stream.codec_context
        if not (context.width and context.height):
            continue
        if int(stream.disposition) & _ATTACHED:
            continue
        if context.width * context.height > _MOST_PIXELS:
            raise NoCopyError("too-large", f"{context.width} × {context.height}")
        # A fork may start no thread.
        context.thread_count = 1
        context.options = {"max_pixels": str(_MOST_PIXELS), "err_detect": "careful"}
        return stream
    return None


def _heard(container: av.container.InputContainer) -> AudioStream | None:
    for stream in container.streams.audio:
        context = stream.codec_context
        if context.sample_rate and context.channels:
            context.thread_count = 1
            return stream
    return None


_ATTACHED: Final = 0x400


def _check_key(footage: Footage) -> None:
    """A wrong key turns every sample to noise, which decoders that look closely refuse."""
    stream: Stream | None = footage.video or footage.audio
    if stream is None:
        return
    tried = refused = 0
    stream.codec_context.options = {"err_detect": "explode", "max_pixels": str(_MOST_PIXELS)}
    for packet in footage.container.demux(stream):
        if not packet.size:
            continue
        tried += 1
        try:
            packet.decode()
        except av.error.FFmpegError:
            refused += 1
        if tried == _TRIED:
            break
    if not tried or refused * 2 > tried:
        raise NoCopyError("key-wrong")
    stream.codec_context.flush_buffers()
    footage.container.seek(0)
