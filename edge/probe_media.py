"""Tells what a recording is and whether it plays; runs only in the limited process.

First bytes decide the container, never the library's guess: it takes telemetry for video
and would follow play-lists. Our own walk decides whether the file is whole; the library
adds streams and duration and has to find packets. What it says is written down, never
acted on.
"""

from __future__ import annotations

import struct
import time
from typing import Any, Final

import av
import av.container
import av.stream

from limited.boxes import MAC_EPOCH, Read, Structure, structure_of
from limited.containers import Container, container_of
from limited.reading import Bytes
from protocols.clock import utc_text

_TOO_SHORT: Final = 16
_MAX_STREAMS: Final = 32
_MAX_PACKETS: Final = 20_000
# A long recording is looked at from both ends, not read a second time.
_MAX_READ: Final = 32 << 20
_TAIL_US: Final = 5_000_000
_SLACK_US: Final = 2_000_000
_SIGNATURE_WITHIN: Final = 4 << 20
_SECOND: Final = 1_000_000_000
_YEAR_2005: Final = 1_104_537_600
_YEAR_2024: Final = 1_704_067_200
_TWO_DAYS: Final = 2 * 86_400

# Marks of cameras that sign their streams: Axis, and the ONVIF media signing draft.
_SIGNATURES = (
    (b"Signed Video...0", "Axis Signed Video"),
    (bytes.fromhex("005bc93f2d715e95ada4796f90877a6f"), "ONVIF media signing"),
)


def examine(fd: int, size: int) -> dict[str, Any]:
    """Everything the probe reports about one file, as plain JSON values."""
    source = Bytes(fd, size)
    result: dict[str, Any] = {"container": None, "playable": None, "warnings": []}
    if size == 0:
        return result | {"playable": False, "warnings": ["zero bytes"]}
    head = source.at(0, 512)
    if not any(source.at(0, 4096)):
        why = "starts with zero bytes: space was kept for it and never written"
        return result | {"playable": False, "warnings": [why]}
    kind = container_of(head)
    if kind is None:
        if size < _TOO_SHORT and not head.isascii():
            why = f"{size} bytes: too short to be a recording"
            return result | {"playable": False, "warnings": [why]}
        why = "its first bytes name no container that is known here"
        return result if head.isascii() else result | {"warnings": [why]}
    result["container"] = kind.name
    if kind.name in {"jpeg", "png"}:
        return result | _picture(source.at, size, kind.name)
    structure = structure_of(source.at, size, kind.name)
    result |= _claimed_time(structure)
    result["vendor_signature"] = structure.vendor_signature or _signature(source.at, size)
    packets = _library(source, kind, structure, result) if kind.format else 0
    result["playable"] = bool(packets) and not structure.cut and not structure.encrypted
    result["warnings"] = structure.warnings[:32]
    return result


def _signature(read: Read, size: int) -> str | None:
    """Whether a camera seems to have signed the stream; nothing is verified.

    A stream is signed again and again, so the end of a long one shows it where a first group
    of pictures, or an index, fills the beginning.
    """
    for start in {0, max(size - _SIGNATURE_WITHIN, 0)}:
        part = read(start, _SIGNATURE_WITHIN)
        for mark, name in _SIGNATURES:
            if mark in part:
                return name
    return None


# --- time ---------------------------------------------------------------------------


def _claimed_time(structure: Structure) -> dict[str, str]:
    if structure.idit:
        return {"started": structure.idit, "method": "AVI IDIT"}
    raw = structure.raw_time
    if not raw:
        return {}
    # Some firmware writes Unix seconds without the offset, which would be a year before 1970.
    unix, note = (raw, ", read as Unix seconds") if raw < MAC_EPOCH else (raw - MAC_EPOCH, "")
    now = time.time_ns() // _SECOND
    if unix < _YEAR_2005:
        structure.warnings.append("its creation time is before 2005: the camera's clock was unset")
    elif now > _YEAR_2024 and unix > now + _TWO_DAYS:
        structure.warnings.append("its creation time lies in the future by the dock's clock")
    return {"started": utc_text(unix * _SECOND), "method": f"mvhd creation_time {raw}{note}"}


# --- what the library sees ----------------------------------------------------------


def _library(source: Bytes, kind: Container, structure: Structure, result: dict[str, Any]) -> int:
    """Open, list streams and find packets; returns how many were found."""
    try:
        with av.open(
            source, mode="r", format=kind.format, metadata_errors="replace", buffer_size=256 * 1024
        ) as container:
            result["duration_ms"] = _duration_ms(container)
            result["streams"] = [_stream(stream) for stream in container.streams][:_MAX_STREAMS]
            if "started" not in result and (claim := container.metadata.get("creation_time")):
                result |= {"started": claim, "method": f"{kind.name} creation_time"}
            return _packets(source, container, structure)
    except Exception as error:  # noqa: BLE001 -- the library raises IndexError and worse on strange files
        structure.warnings.append(f"cannot be opened: {type(error).__name__}: {error}"[:300])
        return 0


def _packets(source: Bytes, container: av.container.InputContainer, structure: Structure) -> int:
    count, end_us, complete = _run(source, container, structure)
    if count == 0:
        structure.found_cut("opens but holds no packets")
        return 0
    duration, start = container.duration, container.start_time or 0
    if duration is None or duration <= 0:
        return count
    if not complete and duration > _TAIL_US:
        try:
            container.seek(start + duration - _TAIL_US)
        except Exception:  # noqa: BLE001 -- as above; a file that cannot seek is judged by its start
            return count
        _, tail_us, complete = _run(source, container, structure)
        end_us = max(end_us, tail_us)
    held = end_us - start
    if complete and held < duration - _SLACK_US - duration // 10:
        structure.found_cut(
            f"claims {duration / 1e6:.1f} s but holds packets only up to {held / 1e6:.1f} s"
        )
    return count


def _run(
    source: Bytes, container: av.container.InputContainer, structure: Structure
) -> tuple[int, int, bool]:
    """Read packets up to a ceiling: how many, where the last ends (us), and whether all."""
    limit, count, end_us = source.taken + _MAX_READ, 0, 0
    try:
        for packet in container.demux():
            if packet.stream.type not in {"video", "audio"} or not packet.size:
                continue
            count += 1
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and packet.time_base:
                over = (at + (packet.duration or 0)) * packet.time_base * 1_000_000
                end_us = max(end_us, int(over))
            if count >= _MAX_PACKETS or source.taken > limit:
                return count, end_us, False
    except Exception as error:  # noqa: BLE001 -- as above
        structure.warnings.append(f"reading ends early: {type(error).__name__}: {error}"[:300])
    return count, end_us, True


def _duration_ms(container: av.container.InputContainer) -> int | None:
    duration = container.duration
    return duration // 1000 if duration is not None and duration >= 0 else None


def _stream(stream: av.stream.Stream) -> dict[str, Any]:
    # Data streams of some cameras have no codec context at all.
    context: Any = getattr(stream, "codec_context", None)
    codec = getattr(getattr(context, "codec", None), "canonical_name", None)
    rate = getattr(stream, "average_rate", None) or getattr(context, "sample_rate", None)
    return {
        "type": stream.type,
        "codec": codec,
        "width": getattr(context, "width", None) or None,
        "height": getattr(context, "height", None) or None,
        "rate": str(rate) if rate else None,
    }


# --- pictures -----------------------------------------------------------------------


def _picture(read: Read, size: int, container: str) -> dict[str, Any]:
    tail = read(max(size - 65_536, 0), 65_536)
    if container == "png":
        width, height = struct.unpack(">II", read(16, 8)) if size >= 24 else (0, 0)  # noqa: PLR2004 -- signature, IHDR header, both sides
        whole = b"IEND" in tail
    else:
        width, height = _jpeg_size(read, size)
        whole = b"\xff\xd9" in tail
    stream = {"type": "video", "codec": container, "width": width, "height": height}
    warnings = [] if whole else ["no end marker: the picture was cut"]
    if not width or not height:
        warnings.append("no picture size")
    return {"streams": [stream], "playable": not warnings, "warnings": warnings}


def _jpeg_size(read: Read, size: int) -> tuple[int, int]:
    """Width and height from the frame header (Rec. ITU-T T.81 annex B)."""
    at = 2
    for _ in range(1000):
        head = read(at, 9)
        if len(head) < 9 or head[0] != 0xFF or at >= size:  # noqa: PLR2004 -- a marker and its header
            break
        if 0xC0 <= head[1] <= 0xCF and head[1] not in {0xC4, 0xC8, 0xCC}:  # noqa: PLR2004 -- SOF0 to SOF15
            height, width = struct.unpack_from(">HH", head, 5)
            return width, height
        at += 2 + max(int.from_bytes(head[2:4], "big"), 2)
    return 0, 0
