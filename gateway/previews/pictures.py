"""Thumbnail and contact strip of a recording; runs only in the limited process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
from av.video.stream import VideoStream

from gateway.previews.fitting import Fitter, Size, box, shown_size
from gateway.previews.footage import MICRO, Footage, NoCopyError, pictures_of

Write = Callable[[bytes], object]

_THUMBNAIL: Final = (320, 320)
_GLIMPSE: Final = (160, 160)
_GRAINS: Final = 12
"""Dots along the long side of a glimpse: a face that fills the picture is five of them."""
COLUMNS, ROWS = 4, 3
_TILE: Final = (320, 240)
_INTO: Final = 10
_ENOUGH_S: Final = 20.0
"""Processor time after which the key picture before a time does as well."""
_NEAR_MS: Final = 5000
"""Reading on is taken to be no longer a way than jumping."""
_JPEG_QUALITY: Final = 5
_START: Final = b"\xff\xd8"
_COMMENT: Final = b"\xff\xfe"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture and when it is shown, from the beginning; None where nobody knows."""

    frame: av.VideoFrame
    at_ms: int | None


def thumbnail(footage: Footage, names: str, write: Write) -> dict[str, Any]:
    """Write one picture, then the same so small that nobody is recognised; gives both lengths."""
    stream = _stream(footage)
    duration = footage.duration_us
    wanted = [duration // _INTO] if duration is not None else [0]
    shots = _sought(footage, stream, wanted) or _run_through(footage, stream, 1)
    if not shots:
        raise footage.nothing
    shot = shots[0]
    size = shown_size(shot.frame, stream.sample_aspect_ratio)
    small = box(size, *_THUMBNAIL)
    full = _jpeg(Fitter(small, "yuvj420p").fit(shot.frame), names)
    grains = Fitter(box(size, _GRAINS, _GRAINS), "yuvj420p").fit(shot.frame)
    glimpse = _jpeg(Fitter(box(size, *_GLIMPSE), "yuvj420p").fit(grains, turn=0), names)
    write(full)
    write(glimpse)
    return {
        "lengths": [len(full), len(glimpse)],
        "width": small.width,
        "height": small.height,
        "at_ms": shot.at_ms,
    }


def contact_strip(footage: Footage, names: str, write: Write) -> dict[str, Any]:
    """Write twelve pictures in one, in the order of their times."""
    stream = _stream(footage)
    count, duration = COLUMNS * ROWS, footage.duration_us
    half = (duration or 0) // (2 * count)
    wanted = [half * (2 * number + 1) for number in range(count)] if half else []
    shots = _distinct(_sought(footage, stream, wanted))
    if len(shots) * 2 < count:
        # It cannot seek, or holds less than it claims.
        shots = _distinct(_run_through(footage, stream, count)) or shots
    if not shots:
        raise footage.nothing
    tile = box(shown_size(shots[0].frame, stream.sample_aspect_ratio), *_TILE)
    columns = min(COLUMNS, len(shots))
    sheet = _sheet(shots, tile, columns)
    write(_jpeg(sheet, names))
    return {
        "width": sheet.width,
        "height": sheet.height,
        "columns": columns,
        "tile_width": tile.width,
        "tile_height": tile.height,
        "times_ms": [shot.at_ms for shot in shots],
    }


def _stream(footage: Footage) -> VideoStream:
    if footage.video is None:
        raise NoCopyError("no-picture")
    return footage.video


def _sought(footage: Footage, stream: VideoStream, wanted: list[int]) -> list[Shot]:
    """The pictures at or soon before these times (us from the beginning), those that are there."""
    shots: list[Shot] = []
    reader = _Reader(footage, stream)
    for at_us in wanted:
        shot = reader.at(at_us)
        if shot is None:
            break
        shots.append(shot)
    return shots


class _Reader:
    """Reads on from picture to picture, and jumps where that is the shorter way."""

    def __init__(self, footage: Footage, stream: VideoStream) -> None:
        self._footage, self._stream = footage, stream
        self._frames: Iterator[av.VideoFrame] | None = None
        self._next: Shot | None = None
        self._begun_s = time.process_time()

    def at(self, at_us: int) -> Shot | None:
        """The last picture up to a time; None past the end, and where it cannot jump."""
        at_ms = at_us // 1000
        here = self._next.at_ms if self._next is not None else None
        far = here is None or at_ms - here > _NEAR_MS or self._is_late
        if far and not self._jump(at_us):
            return None
        best = None
        while self._next is not None:
            beyond = self._next.at_ms is None or self._next.at_ms > at_ms
            if best is not None and (beyond or self._is_late):
                break
            best, self._next = self._next, self._read()
        return best

    @property
    def _is_late(self) -> bool:
        return time.process_time() - self._begun_s > _ENOUGH_S

    def _jump(self, at_us: int) -> bool:
        if not self._footage.seeks:
            return False
        try:
            self._footage.container.seek(self._footage.start_us + at_us)
        except av.error.FFmpegError:
            return False
        self._frames = pictures_of(self._footage, self._stream)
        self._next = self._read()
        return self._next is not None

    def _read(self) -> Shot | None:
        frame = next(self._frames, None) if self._frames is not None else None
        return None if frame is None else Shot(frame, _at_ms(self._footage, frame))


def _run_through(footage: Footage, stream: VideoStream, count: int) -> list[Shot]:
    """Pictures spread over the whole, found by reading it once; key pictures where there are."""
    if footage.seeks:
        try:
            footage.container.seek(footage.start_us)
        except av.error.FFmpegError:
            return []
        # In a stream without container nothing says which pictures are keys.
        stream.codec_context.skip_frame = "NONKEY"
    kept: list[Shot] = []
    step = 1
    for number, frame in enumerate(pictures_of(footage, stream)):
        if number % step == 0:
            kept.append(Shot(frame, _at_ms(footage, frame)))
            if count == 1:
                break
            if len(kept) >= 2 * count:
                kept, step = kept[::2], step * 2
    spread = max(len(kept) / count, 1)
    return [kept[int(n * spread)] for n in range(min(count, len(kept)))]


def _distinct(shots: list[Shot]) -> list[Shot]:
    found: dict[int | None, Shot] = {}
    for shot in shots:
        found.setdefault(shot.at_ms, shot)
    return sorted(found.values(), key=lambda shot: shot.at_ms or 0)


def _at_ms(footage: Footage, frame: av.VideoFrame) -> int | None:
    if frame.pts is None or frame.time_base is None:
        return None
    at_us = frame.pts * frame.time_base * MICRO - footage.start_us
    return max(int(at_us) // 1000, 0)


def _sheet(shots: list[Shot], tile: Size, columns: int) -> av.VideoFrame:
    rows = -(-len(shots) // columns)
    sheet = av.VideoFrame(tile.width * columns, tile.height * rows, "yuvj420p")
    planes = [bytearray(b"\x10" * sheet.planes[0].buffer_size)]
    planes += [bytearray(b"\x80" * plane.buffer_size) for plane in sheet.planes[1:]]
    fitter = Fitter(tile, "yuvj420p")
    for number, shot in enumerate(shots):
        row, column = divmod(number, columns)
        fitted = fitter.fit(shot.frame)
        for plane, (target, source) in enumerate(zip(planes, fitted.planes, strict=True)):
            _place(
                target,
                sheet.planes[plane].line_size,
                bytes(source),
                source.line_size,
                width=source.width,
                at=(column * source.width, row * source.height),
            )
    for drawn, data in zip(sheet.planes, planes, strict=True):
        drawn.update(bytes(data))
    return sheet


def _place(
    target: bytearray, stride: int, source: bytes, line: int, *, width: int, at: tuple[int, int]
) -> None:
    left, top = at
    for number in range(len(source) // line):
        start = (top + number) * stride + left
        target[start : start + width] = source[number * line : number * line + width]


def _jpeg(frame: av.VideoFrame, names: str) -> bytes:
    """A JPEG file with a comment in it (Rec. ITU-T T.81, B.2.4.5)."""
    encoder = av.CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, av.VideoCodecContext):
        raise TypeError(type(encoder))
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"qmin": str(_JPEG_QUALITY), "qmax": str(_JPEG_QUALITY)}
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    text = names.encode()
    return _START + _COMMENT + (len(text) + 2).to_bytes(2, "big") + text + data[len(_START) :]
