"""Makes the memory card of a body-worn camera: real H.264 and AAC with a burnt-in clock.

Every run with the same arguments makes the same scenes (the encoder's bytes may differ
between FFmpeg builds). The layout and names are those of the common DSJ recorders. Beside
good recordings the card holds what docks really meet: one that power loss cut short (no
index), one of zero bytes, one the officer marked, and rubbish that operating systems leave.
"""

from __future__ import annotations

import math
import os
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import av

WIDTH, HEIGHT, FPS = 640, 360, 20
BIT_RATE = 6_000_000
SAMPLE_RATE, AUDIO_FRAME = 16_000, 1024
CAMERA, OFFICER = "36NCC009910", "016042"

# 5x7 dots; one number per row, the lowest bit is the rightmost dot.
_FONT: dict[str, tuple[int, ...]] = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ":": (0, 4, 4, 0, 4, 4, 0),
    "-": (0, 0, 0, 31, 0, 0, 0),
    " ": (0, 0, 0, 0, 0, 0, 0),
}
_SCALE = 3
_INK, _PAPER = 235, 16
# Luma of a pixel in a row of brightness g: g plus a few grains of noise.
_GRAIN = [bytes(min(235, max(16, g + (grain >> 4))) for grain in range(256)) for g in range(256)]


@dataclass(frozen=True)
class Take:
    """One recording to make: when the camera says it began, and for how long it runs."""

    name: str
    started: datetime
    seconds: int


def make_card(root: Path, *, takes: int = 4, seconds: int = 5) -> list[Path]:
    """Fill a folder as a camera would; returns the recordings, oldest first.

    Args:
        root: the card's root, made if missing.
        takes: good recordings; the last of them carries the officer's mark.
        seconds: length of each.
    """
    folder = root / "DCIM" / "Media" / "Video"
    folder.mkdir(parents=True)
    # Its clock shows local time, and so does what it writes into names and onto the picture.
    began = datetime(2026, 6, 19, 10, 3, 24, tzinfo=ZoneInfo("Asia/Shanghai"))
    recordings = []
    for number in range(takes):
        started = began + timedelta(minutes=7 * number, seconds=13 * number)
        mark = "_IMP" if number == takes - 1 else ""
        recordings.append(_record(folder, Take(_name(started, mark), started, seconds)))
    late = began + timedelta(minutes=55)
    recordings.append(_cut(_record(folder, Take(_name(late), late, seconds))))
    empty = folder / _name(late + timedelta(minutes=1))
    empty.touch()
    recordings.append(empty)
    _rubbish(root)
    return recordings


def make_clip(path: Path, *, started: datetime, seconds: int, seed: int = 0) -> None:
    """Write one MP4 with a moving, noisy scene, a burnt-in clock and a tone."""
    source = random.Random(seed)  # noqa: S311  # scenery, not secrets
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["creation_time"] = started.isoformat()
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.bit_rate = BIT_RATE
        video.options = {"preset": "ultrafast", "tune": "zerolatency"}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(seconds * FPS):
            frame = _frame(number, started, source)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for sound in _tone(seconds):
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _record(folder: Path, take: Take) -> Path:
    path = folder / take.name
    make_clip(path, started=take.started, seconds=take.seconds, seed=take.started.minute)
    ended = (take.started + timedelta(seconds=take.seconds)).timestamp()
    os.utime(path, (ended, ended))
    return path


def _name(started: datetime, mark: str = "") -> str:
    return f"DSJ_{CAMERA}_{OFFICER}_{started:%Y%m%d_%H%M%S}{mark}.mp4"


def _cut(path: Path) -> Path:
    """Power loss: the index (moov) at the end of the file was never written."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 3 // 5)
    return path


def _rubbish(root: Path) -> None:
    (root / "System Volume Information").mkdir()
    (root / "System Volume Information" / "WPSettings.dat").write_bytes(bytes(12))
    (root / ".DS_Store").write_bytes(bytes(8))


def _frame(number: int, started: datetime, source: random.Random) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    stride = frame.planes[0].line_size
    luma = _scene(number, stride, source)
    clock = started + timedelta(milliseconds=1000 * number // FPS)
    _write(luma, stride, f"{clock:%Y-%m-%d %H:%M:%S}:{clock.microsecond // 10_000:02d}", 12, 12)
    _write(luma, stride, OFFICER, 12, HEIGHT - 12 - 7 * _SCALE)
    frame.planes[0].update(bytes(luma))
    for plane, tint in zip(frame.planes[1:], (118, 136), strict=True):
        plane.update(bytes([tint]) * plane.buffer_size)
    return frame


def _scene(number: int, stride: int, source: random.Random) -> bytearray:
    """Slow waves of light under noise, which is what makes real footage hard to shrink."""
    noise = source.randbytes(HEIGHT * stride)
    rows = bytearray()
    for y in range(HEIGHT):
        light = int(110 + 60 * math.sin(y / 40 + number / 9))
        rows += noise[y * stride : (y + 1) * stride].translate(_GRAIN[light])
    return rows


def _write(luma: bytearray, stride: int, text: str, left: int, top: int) -> None:
    """Dots in a box, row by row."""
    for dot_row in range(7):
        line = bytearray()
        for character in text:
            bits = _FONT[character][dot_row]
            for column in (4, 3, 2, 1, 0):
                line += bytes([_INK if bits >> column & 1 else _PAPER]) * _SCALE
            line += bytes([_PAPER]) * _SCALE
        for repeat in range(_SCALE):
            at = (top + dot_row * _SCALE + repeat) * stride + left
            luma[at : at + len(line)] = line


def _tone(seconds: int) -> Iterator[av.AudioFrame]:
    for start in range(0, seconds * SAMPLE_RATE, AUDIO_FRAME):
        waves = (
            0.1 * math.sin(2 * math.pi * 440 * (start + step) / SAMPLE_RATE)
            for step in range(AUDIO_FRAME)
        )
        frame = av.AudioFrame(format="fltp", layout="mono", samples=AUDIO_FRAME)
        frame.planes[0].update(array("f", waves).tobytes())
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        frame.time_base = Fraction(1, SAMPLE_RATE)
        yield frame
