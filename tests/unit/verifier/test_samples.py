"""Seconds of damaged bytes by a recording's own tables, held against another reader's packets."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import av
import pytest

from hashing.digest import LEAF_SIZE, digest_bytes
from protocols.ids import ClipId
from protocols.trail import ExpectedContent
from tests.simulators.footage import make_clip
from verifier.damage import Original, check_original
from verifier.samples import NoTablesError, seconds_in, tables_of
from verifier.sources import opened

# AAC begins with a frame that is not heard, which an edit list takes away.
NEAR = 0.08


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("footage") / "plain.mp4"
    make_clip(path, started=datetime(2026, 6, 19, tzinfo=UTC), seconds=5)
    return path


@pytest.fixture(scope="module")
def other(clip: Path) -> Path:
    """The same with its index before the footage, and with hardly a byte from second 1 to 4."""
    path = clip.with_name("uneven.mov")
    with av.open(str(clip)) as source:
        options = {"movflags": "faststart"}
        with av.open(str(path), "w", format="mov", options=options) as made:
            streams = {each: made.add_stream_from_template(each) for each in source.streams}
            for packet in source.demux():
                at = float(packet.pts * packet.time_base) if packet.pts is not None else -1.0
                if at >= 0 and not (packet.stream.type == "video" and 1 < at < 4):
                    packet.stream = streams[packet.stream]
                    made.mux(packet)
    return path


def reader(raw: bytes) -> Callable[[int, int], bytes]:
    return lambda at, length: raw[at : at + length]


def packets(path: Path) -> list[tuple[int, int, float, float]]:
    """Where each packet lies and when it is decoded, as FFmpeg reads it."""
    with av.open(str(path)) as file:
        return [
            (
                packet.pos,
                packet.pos + packet.size,
                float(packet.dts * packet.time_base),
                float((packet.dts + packet.duration) * packet.time_base),
            )
            for packet in file.demux()
            if packet.pos is not None and packet.dts is not None and packet.duration is not None
        ]


@pytest.mark.parametrize("which", ["clip", "other"])
def test_seconds_are_those_of_the_packets_that_lie_there(
    which: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    raw, known = path.read_bytes(), packets(path)
    tracks = tables_of(reader(raw), len(raw))
    assert len(known) > 100
    for start in range(0, len(raw), 97_001):
        for length in (1, 5000, LEAF_SIZE):
            there = [each for each in known if each[0] < start + length and each[1] > start]
            span = seconds_in(tracks, start, start + length)
            assert (span is None) == (not there)
            if span is not None:
                assert span[0] == pytest.approx(min(each[2] for each in there), abs=NEAR)
                assert span[1] == pytest.approx(max(each[3] for each in there), abs=NEAR)


def told(raw: bytes, spoilt: bytes) -> str:
    digest = digest_bytes(raw)
    expected = ExpectedContent(ClipId.parse("dock7.0.3"), digest.size, digest.sha256, digest.root)
    original = Original(
        *(expected, "a.mp4", digest_bytes(spoilt), b"".join(digest.leaves), 5000),
        open=lambda: BytesIO(spoilt),
    )
    return "\n".join(each.reason for each in check_original(original))


def test_damage_is_told_by_tables_that_are_as_sealed_and_evenly_without(
    clip: Path, other: Path
) -> None:
    raw = clip.read_bytes()
    spoilt = raw[:1_500_000] + b"spoilt" + raw[1_500_006:]
    assert "by the file's own tables" in told(raw, spoilt)
    # Its tables lie at its end.
    gone = told(raw, raw[:-9] + b"x" + raw[-8:])
    assert "reckoned evenly" in gone
    assert "tables" not in gone
    assert "reckoned evenly" in told(raw, raw[: LEAF_SIZE + 5])
    # Tables that were moved with the footage are not what was sealed, either.
    assert "tables" not in told(raw, b"x" + raw)
    front = other.read_bytes()
    cut = told(front, front[: len(front) - 5])
    assert "by the file's own tables" in cut
    assert "second 5.0 to 5." in cut or "second 4.9 to 5." in cut


def test_a_file_that_lies_gives_no_tables(clip: Path) -> None:
    raw = clip.read_bytes()
    for name, at, value in [
        (b"stsz", 12, 0xFFFFFFFF),
        (b"stsc", 12, 7),
        (b"stts", 12, 1),
        (b"stco", 12, 0xFFFFFF00),
        (b"mdhd", 16, 0),
        (b"moov", -4, 9),
    ]:
        place = raw.index(name) + at
        lies = raw[:place] + struct.pack(">I", value) + raw[place + 4 :]
        with pytest.raises(NoTablesError):
            tables_of(reader(lies), len(lies))
    with pytest.raises(NoTablesError):
        tables_of(reader(b""), 0)


def test_tables_are_read_in_a_zip_file_too(clip: Path, tmp_path: Path) -> None:
    raw = clip.read_bytes()
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as made:
        made.writestr("pack/data/a.mp4", raw[: LEAF_SIZE + 9])
        made.writestr("pack/data/b.mp4", raw)
    with opened(tmp_path / "pack.zip") as source, source.open("data/b.mp4") as file:
        for at in (len(raw) - 7, 0, LEAF_SIZE):
            file.seek(at)
            assert file.read(7) == raw[at : at + 7]
