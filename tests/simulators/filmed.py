"""Short real recordings as cameras and hostile hands make them, for tests of previews."""

from __future__ import annotations

import os
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

FPS = 20
RATE = 16_000


def filmed(
    container: str = "mp4",
    video: str | None = "libx264",
    sound: str | None = "aac",
    *,
    seconds: int = 2,
    size: tuple[int, int] = (320, 180),
    turned: int = 0,
    pictures: int | None = None,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> bytes:
    """A recording of grey that grows lighter, with a bright upper half, and silence."""
    file = BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as output:
        seen = _seen(output, video, size, encoder or {}) if video else None
        heard = output.add_stream(sound, rate=RATE, layout="mono") if sound else None
        if seen is not None and turned:
            seen.set_display_rotation(turned)
        if seen is not None:
            for number in range(pictures or seconds * FPS):
                output.mux(seen.encode(_frame(number, size)))
            output.mux(seen.encode(None))
        if isinstance(heard, AudioStream):
            for at in range(0, seconds * RATE, 1024):
                output.mux(heard.encode(_silence(heard, at)))
            output.mux(heard.encode(None))
    return file.getvalue()


def encrypted(key: str, **how: Any) -> bytes:  # noqa: ANN401  # as ``filmed`` has them
    """A recording encrypted with Common Encryption (ISO/IEC 23001-7, scheme cenc)."""
    scheme = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key}
    return filmed(options=scheme | {"encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}, **how)


def looked_at(data: bytes) -> dict[str, Any]:
    """What is in a recording or picture: codecs, size, pictures, seconds, words in it."""
    with av.open(BytesIO(data), "r") as container:
        told: dict[str, Any] = {"comment": container.metadata.get("comment")}
        told["codecs"] = [stream.codec_context.name for stream in container.streams]
        shown = list(container.decode(video=0)) if container.streams.video else []
    if shown:
        told |= {"size": (shown[0].width, shown[0].height), "pictures": len(shown)}
        told["times"] = [frame.time for frame in shown]
        planes = [frame.reformat(format="gray8").planes[0] for frame in shown[:1]]
        told["lines"] = [_mean(planes[0], line) for line in (1, planes[0].height - 2)]
    return told


def _mean(plane: Any, line: int) -> int:  # noqa: ANN401  # a plane of a picture
    row = bytes(plane)[line * plane.line_size : line * plane.line_size + plane.width]
    return sum(row) // len(row)


def _seen(
    output: Any,  # noqa: ANN401  # the library's container
    codec: str,
    size: tuple[int, int],
    options: dict[str, str],
) -> VideoStream:
    stream = output.add_stream(codec, rate=FPS)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    quiet: dict[str, str] = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    stream.options = {**quiet, **options}
    return stream


def _frame(number: int, size: tuple[int, int]) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    luma = frame.planes[0]
    half = luma.height // 2
    rows = bytes([220]) * (luma.line_size * half)
    rows += bytes([40 + number]) * (luma.line_size * (luma.height - half))
    luma.update(rows.ljust(luma.buffer_size, b"\x10"))
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def _silence(stream: AudioStream, at: int) -> av.AudioFrame:
    name = stream.codec_context.format.name
    frame = av.AudioFrame(format=name, layout="mono", samples=1024)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


def noise(size: int) -> bytes:
    """Bytes that are nothing."""
    return b"\x80" + os.urandom(size - 1)
