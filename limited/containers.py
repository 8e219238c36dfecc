"""Which container a recording is in, by its first bytes.

Never by a library's guess: that takes telemetry for video, and would follow play-lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ISO = frozenset(
    {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp", b"moof"}
)
_MAGIC: Final = (
    (b"\xff\xd8\xff", "jpeg", None),
    (b"\x89PNG\r\n\x1a\n", "png", None),
    (b"\x1a\x45\xdf\xa3", "matroska", "matroska"),
    (b"\x00\x00\x01\xba", "mpeg-ps", "mpeg"),
    (b"FLV\x01", "flv", "flv"),
    (bytes.fromhex("3026b2758e66cf11"), "asf", "asf"),
    (b"OggS", "ogg", "ogg"),
    (b"fLaC", "flac", "flac"),
    (b"#!AMR", "amr", "amr"),
    (b"ID3", "mp3", "mp3"),
    (b"\xff\xfb", "mp3", "mp3"),
    (b"\xff\xf1", "aac", "aac"),
    (b"\xff\xf9", "aac", "aac"),
)
_TS: Final = 188
_M2TS: Final = 192
_SYNC: Final = b"G"


@dataclass(frozen=True, slots=True)
class Container:
    """A container by its first bytes: our name, and the library's, None when ours suffices."""

    name: str
    format: str | None


_RIFF = {
    b"AVI ": Container("avi", "avi"),
    b"AVIX": Container("avi", "avi"),
    b"WAVE": Container("wav", "wav"),
}


def container_of(head: bytes) -> Container | None:
    """The container that the first bytes (512 suffice) name, None when that is none known here."""
    if head[4:8] in _ISO:
        brand = head[8:12] if head[4:8] == b"ftyp" else b""
        name = "mov" if brand == b"qt  " else "3gp" if brand[:2] == b"3g" else "mp4"
        return Container(name, "mov")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    for magic, name, library_name in _MAGIC:
        if head.startswith(magic):
            return Container(name, library_name)
    return _transport(head) or _elementary(head)


def _transport(head: bytes) -> Container | None:
    """MPEG transport stream (ITU-T H.222.0): a sync byte every 188, or 192 with time codes."""
    for first, step, name in ((0, _TS, "mpeg-ts"), (4, _M2TS, "m2ts")):
        if all(head[at : at + 1] == _SYNC for at in (first, first + step)):
            return Container(name, "mpegts")
    return None


def _elementary(head: bytes) -> Container | None:
    """H.264 or H.265 without a container: a start code and the NAL unit that must come first."""
    body = head[4:] if head[:4] == b"\0\0\0\1" else head[3:] if head[:3] == b"\0\0\1" else b""
    if body[:1] and body[0] & 0x9F in {7, 9}:  # Rec. ITU-T H.264 table 7-1: SPS, delimiter
        return Container("h264", "h264")
    if body[:2] in {b"\x40\x01", b"\x46\x01"}:  # Rec. ITU-T H.265 table 7-1: VPS, delimiter
        return Container("h265", "hevc")
    return None
