"""The probe says what a recording is, and survives every recording."""

from __future__ import annotations

import gc
import json
import os
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from edge.probe import Prober, ProbeResult
from protocols.clock import utc_text

MAC_EPOCH = 2_082_844_800
FRAMES = 50


def make(path: Path, format_: str, codec: str, options: dict[str, str] | None = None) -> bytes:
    """A short real recording: two seconds of noise, so that it has some size."""
    with av.open(str(path), "w", format=format_, options=options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for number in range(FRAMES):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane in frame.planes:
                plane.update(os.urandom(plane.buffer_size))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Recordings by what is special about them."""
    root = tmp_path_factory.mktemp("media")
    index_last = make(root / "a.mp4", "mp4", "mpeg4")
    return {
        "index last": index_last,
        "index first": make(root / "b.mp4", "mp4", "mpeg4", {"movflags": "faststart"}),
        "fragmented": make(
            root / "c.mp4", "mp4", "mpeg4", {"movflags": "frag_keyframe+empty_moov"}
        ),
        "quicktime": make(root / "d.mov", "mov", "mpeg4"),
        "avi": make(root / "e.avi", "avi", "mpeg4"),
        "matroska": make(root / "f.mkv", "matroska", "mpeg4"),
        "transport": make(root / "g.ts", "mpegts", "mpeg2video"),
    }


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with Prober() as made:
        yield made


def look(prober: Prober, data: bytes) -> ProbeResult:
    fd = os.memfd_create("recording")
    try:
        os.write(fd, data)
        os.lseek(fd, 3, os.SEEK_SET)
        result = prober.probe(fd, len(data))
        assert os.lseek(fd, 0, os.SEEK_CUR) == 3
        return result
    finally:
        os.close(fd)


def with_time(recording: bytes, raw: int) -> bytes:
    at = recording.index(b"mvhd") + 8
    return recording[:at] + struct.pack(">I", raw) + recording[at + 4 :]


@pytest.mark.parametrize(
    ("kind", "container"),
    [
        ("index last", "mp4"),
        ("index first", "mp4"),
        ("fragmented", "mp4"),
        ("quicktime", "mov"),
        ("avi", "avi"),
        ("matroska", "matroska"),
        ("transport", "mpeg-ts"),
    ],
)
def test_a_whole_recording_plays(
    prober: Prober, media: dict[str, bytes], kind: str, container: str
) -> None:
    found = look(prober, media[kind]).media
    assert (found.container, found.playable, found.warnings) == (container, True, ())
    assert found.duration_ms is not None
    assert 1900 <= found.duration_ms <= 2100
    (stream,) = found.streams
    assert (stream.type, stream.width, stream.height) == ("video", 320, 240)
    assert stream.codec in {"mpeg4", "mpeg2video"}


def test_a_recording_cut_before_its_index_says_so(prober: Prober, media: dict[str, bytes]) -> None:
    data = media["index last"]
    found = look(prober, data[: len(data) * 6 // 10]).media
    assert found.playable is False
    assert any("no index (moov)" in warning for warning in found.warnings)
    assert any("past the end of file" in warning for warning in found.warnings)


def test_a_cut_recording_that_still_claims_its_full_duration_is_found_out(
    prober: Prober, media: dict[str, bytes]
) -> None:
    data = media["index first"]
    found = look(prober, data[: len(data) * 6 // 10]).media
    assert found.duration_ms is not None
    assert found.duration_ms >= 1900
    assert found.playable is False
    assert any("past the end of file" in warning for warning in found.warnings)


def test_space_kept_and_never_written_is_found(prober: Prober, media: dict[str, bytes]) -> None:
    data = media["index last"]
    keep = len(data) * 6 // 10
    found = look(prober, data[:keep] + bytes(len(data) - keep)).media
    assert found.playable is False
    assert any("zero bytes" in warning for warning in found.warnings)
    first = media["index first"]
    keep = len(first) - 100_000
    found = look(prober, first[:keep] + bytes(100_000)).media
    assert found.playable is False
    assert any("zero" in warning for warning in found.warnings)


def test_an_index_without_media_is_not_playable(prober: Prober, media: dict[str, bytes]) -> None:
    data = media["index first"]
    found = look(prober, data[: data.index(b"mdat") - 4]).media
    assert found.playable is False
    assert found.duration_ms is not None
    assert "opens but holds no packets" in found.warnings
    assert any("no mdat" in warning for warning in found.warnings)


def test_rubbish_of_the_card_after_the_last_box_is_told_and_does_not_matter(
    prober: Prober, media: dict[str, bytes]
) -> None:
    found = look(prober, media["index last"] + b"\x01\x02" * 35_000).media
    assert found.playable is True
    assert found.warnings == ("70000 bytes after the last box are not part of the recording",)


def test_one_flipped_bit_is_not_the_probes_business(
    prober: Prober, media: dict[str, bytes]
) -> None:
    data = media["index last"]
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    assert look(prober, flipped).media == look(prober, data).media


@pytest.mark.parametrize("kind", ["avi", "matroska"])
def test_other_containers_show_their_cut(
    prober: Prober, media: dict[str, bytes], kind: str
) -> None:
    data = media[kind]
    found = look(prober, data[: len(data) // 2]).media
    assert found.playable is False
    assert any("past the end of file" in warning for warning in found.warnings)


def test_an_avi_whose_header_was_never_completed_was_cut(
    prober: Prober, media: dict[str, bytes]
) -> None:
    data = media["avi"]
    found = look(prober, data[:4] + bytes(4) + data[8:]).media
    assert found.playable is False


UNKNOWN = "its first bytes name no container that is known here"


@pytest.mark.parametrize(
    ("data", "playable", "warning"),
    [
        (b"", False, "zero bytes"),
        (b"\x00", False, "starts with zero bytes: space was kept for it and never written"),
        (bytes(100_000), False, "starts with zero bytes: space was kept for it and never written"),
        (b"\x80", False, "1 bytes: too short to be a recording"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", False, None),
        (b"badge 016042\n", None, None),
        (b"#EXTM3U\nfile:///etc/passwd\n", None, None),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", None, None),
        (b"DEVC\x63\x01\x00\x75" + os.urandom(500), None, UNKNOWN),
        (os.urandom(15) + b"\xfe" * 5000, None, UNKNOWN),
    ],
)
def test_what_is_no_recording_is_not_called_one(
    prober: Prober, data: bytes, *, playable: bool | None, warning: str | None
) -> None:
    found = look(prober, data).media
    assert found.playable is playable
    if warning:
        assert found.warnings == (warning,)
    if playable is None:
        assert (found.container, found.streams) == (None, ())
        assert found.warnings == ((warning,) if warning else ())


def test_pictures_are_told_whole_or_cut(prober: Prober, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "p.jpg"), "w", format="image2") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuvj420p")))
        container.mux(stream.encode())
    data = (tmp_path / "p.jpg").read_bytes()
    found = look(prober, data).media
    assert (found.container, found.playable) == ("jpeg", True)
    assert (found.streams[0].width, found.streams[0].height) == (64, 48)
    assert look(prober, data[:-2]).media.playable is False


@pytest.mark.parametrize(
    ("raw", "started", "warned"),
    [
        (MAC_EPOCH + 1_500_000_000, "2017-07-14T02:40:00.000Z", False),
        (1_700_000_000, "2023-11-14T22:13:20.000Z", False),
        (MAC_EPOCH, "1970-01-01T00:00:00.000Z", True),
        (MAC_EPOCH + 946_684_800, "2000-01-01T00:00:00.000Z", True),
        (0xFFFFFFFF, "2040-02-06T06:28:15.000Z", True),
    ],
)
def test_the_cameras_time_is_a_claim_with_its_raw_value(
    prober: Prober, media: dict[str, bytes], raw: int, started: str, *, warned: bool
) -> None:
    found = look(prober, with_time(media["index last"], raw))
    assert found.started == started
    assert str(raw) in found.method
    assert any("creation time" in warning for warning in found.media.warnings) is warned
    assert found.media.playable is True


def test_no_time_is_no_claim(prober: Prober, media: dict[str, bytes]) -> None:
    found = look(prober, with_time(media["index last"], 0))
    assert (found.started, found.method) == (None, "")


def test_an_avi_tells_its_date_as_written(prober: Prober, media: dict[str, bytes]) -> None:
    text = b"WED OCT 27 12:14:34 2009\n\0"
    chunk = b"IDIT" + struct.pack("<I", len(text)) + text
    data = media["avi"]
    at = data.index(b"hdrl")
    (length,) = struct.unpack_from("<I", data, at - 4)
    (whole,) = struct.unpack_from("<I", data, 4)
    grown = (
        data[:4]
        + struct.pack("<I", whole + len(chunk))
        + data[8 : at - 4]
        + struct.pack("<I", length + len(chunk))
        + b"hdrl"
        + chunk
        + data[at + 4 :]
    )
    found = look(prober, grown)
    assert (found.started, found.method) == ("WED OCT 27 12:14:34 2009", "AVI IDIT")


def test_an_encrypted_recording_says_so(prober: Prober, media: dict[str, bytes]) -> None:
    found = look(prober, media["index last"].replace(b"mp4v", b"encv")).media
    assert found.playable is False
    assert any(warning.startswith("encrypted") for warning in found.warnings)


# --- hostile -------------------------------------------------------------------------


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = box(b"moov", data)
    return data


HOSTILE = {
    "nested a thousand deep": box(b"ftyp", b"mp42" + bytes(8)) + nested(1000),
    "box of length one without room": box(b"ftyp", b"mp42") + b"\x00\x00\x00\x01moov",
    "box shorter than its header": box(b"ftyp", b"mp42") + b"\x00\x00\x00\x07moov",
    "box of 2^63 bytes": box(b"ftyp", b"mp42") + b"\x00\x00\x00\x01moov" + b"\x7f" + b"\xff" * 7,
    "many empty boxes": box(b"ftyp", b"mp42") + box(b"free", b"") * 200_000,
    "many empty children": box(b"ftyp", b"mp42") + box(b"moov", box(b"trak", b"") * 100_000),
    "riff of riffs": b"RIFF\xff\xff\xff\xffAVI " + b"LIST\x04\x00\x00\x00hdrl" * 10_000,
    "matroska of ones": b"\x1a\x45\xdf\xa3" + b"\xff" * 100,
    "matroska of zeros": b"\x1a\x45\xdf\xa3" + bytes(100),
    "noise called transport": bytes([0x47, *os.urandom(187)]) * 50,
    "noise called elementary": b"\x00\x00\x00\x01\x67" + os.urandom(200_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_get_an_answer_and_quickly(prober: Prober, name: str) -> None:
    started = time.monotonic()
    found = look(prober, HOSTILE[name]).media
    assert found.container is not None
    assert not any("the probe" in warning for warning in found.warnings), found.warnings
    assert time.monotonic() - started < 10


def test_any_damage_anywhere_gets_an_answer(prober: Prober, media: dict[str, bytes]) -> None:
    for kind, data in media.items():
        for seed in range(12):
            torn = bytearray(data)
            for place in range(seed, len(torn), max(len(torn) // 40, 1)):
                torn[place] ^= 0xFF
            found = look(prober, bytes(torn[: len(torn) - seed * 1000])).media
            assert not any("the probe" in warning for warning in found.warnings), kind


def test_the_fork_can_open_nothing_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run_in_fork(
        monkeypatch,
        "def attempt(call):\n"
        "    try: call()\n"
        "    except OSError as error: return error.errno\n"
        "    return 0\n"
        "import socket, os\n"
        "def examine(fd, size):\n"
        f"    tries = [lambda: os.open({str(tmp_path / 'x')!r}, os.O_WRONLY | os.O_CREAT),\n"
        "             lambda: socket.socket(), lambda: os.open('/etc/passwd', os.O_RDONLY),\n"
        "             lambda: os.pipe()]\n"
        "    return {'warnings': [str(attempt(t)) for t in tries]}\n",
    )
    assert outcome.media.warnings == ("24",) * 4
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("while True: pass", "did not finish in time"),
        ("import time; time.sleep(60)", "did not finish in time"),
        ("os.kill(os.getpid(), 11)", "failed on this file"),
        ("os._exit(3)", "failed on this file"),
        ("raise ValueError", "failed on this file"),
        ("bytearray(1 << 40)", "failed on this file"),
        ("return {'warnings': ['x' * 100_000]}", "failed on this file"),
        ("return {'warnings': 'not a list'}", "fits no form"),
        ("return ['not', 'a', 'map']", "the probe failed"),
    ],
)
def test_whatever_the_fork_does_the_probe_answers(
    monkeypatch: pytest.MonkeyPatch, behaviour: str, told: str
) -> None:
    started = time.monotonic()
    outcome = run_in_fork(monkeypatch, f"import os\ndef examine(fd, size):\n    {behaviour}\n")
    assert told in outcome.media.warnings[0]
    assert outcome.media.playable is None
    assert time.monotonic() - started < 8


def test_a_lying_answer_cannot_put_strange_text_into_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = run_in_fork(
        monkeypatch,
        "def examine(fd, size):\n"
        "    return {'container': 'a\\x00b\\ud800\\x1b[31m', 'started': 'x' * 5000 + '\\n',"
        " 'method': None}\n",
    )
    assert outcome.media.container == "a b? [31m"
    assert outcome.started == "x" * 200


def run_in_fork(monkeypatch: pytest.MonkeyPatch, source: str) -> ProbeResult:
    """Run the real helper with another ``examine`` in its forks."""
    program = f"{source}\nimport edge.probe_child as c\nc.examine = examine\nc.main()\n"
    real = subprocess.Popen

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401  # passed on as they came
        return real([command[0], "-I", "-c", program], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)
    with Prober(timeout_s=2.0, cpu_s=30) as prober:
        return look(prober, b"\x80" * 100)


def test_a_helper_begun_before_its_first_file_is_the_one_that_is_asked(
    media: dict[str, bytes],
) -> None:
    with Prober() as prober:
        prober.begin()
        helper = prober._helper
        assert helper is not None
        prober.begin()
        assert look(prober, media["index last"]).media.playable
        assert prober._helper is helper
        os.kill(helper._process.pid, signal.SIGKILL)
        helper._process.wait()
        prober.begin()
        assert prober._helper is not helper
        assert look(prober, media["index last"]).media.playable


def test_a_helper_that_is_gone_is_replaced(media: dict[str, bytes]) -> None:
    with Prober() as prober:
        assert look(prober, media["index last"]).media.playable is True
        helper = prober._helper
        assert helper is not None
        os.kill(helper._process.pid, signal.SIGKILL)
        time.sleep(0.2)
        assert look(prober, media["index last"]).media.playable is True


def test_a_stuck_helper_is_killed_with_its_forks(media: dict[str, bytes]) -> None:
    with Prober() as prober:
        look(prober, media["index last"])
        helper = prober._helper
        assert helper is not None
        helper._channel.settimeout(0.5)
        os.kill(helper._process.pid, signal.SIGSTOP)
        assert look(prober, media["index last"]).media.playable is True
        assert helper._process.returncode == -signal.SIGKILL


def test_the_helper_ends_when_the_daemon_does() -> None:
    prober = Prober()
    look(prober, b"x" * 100)
    helper = prober._helper
    assert helper is not None
    helper._channel.close()
    assert helper._process.wait(timeout=5) == 0
    prober.close()


def test_many_files_are_cheap_and_leave_nothing_behind(media: dict[str, bytes]) -> None:
    with Prober() as prober:
        look(prober, media["index last"])
        gc.collect()
        before = len(list(Path("/proc/self/fd").iterdir()))
        started = time.monotonic()
        for _ in range(100):
            look(prober, media["index last"])
        assert time.monotonic() - started < 20
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_real_camera_files_get_the_answers_known_of_them(
    prober: Prober, real_footage: Path
) -> None:
    whole, cut, signed = 0, 0, 0
    for path in sorted(real_footage.iterdir()):
        if path.suffix.lower() not in {".mp4", ".mov", ".avi", ".mkv", ".3gp", ".h264"}:
            continue
        found = look(prober, path.read_bytes())
        assert not any("the probe" in warning for warning in found.media.warnings), path.name
        json.dumps(found.media.model_dump(mode="json"))
        whole += found.media.playable is True
        cut += found.media.playable is False
        signed += found.media.vendor_signature is not None
    assert whole > cut > 0
    assert signed > 0


def test_times_are_written_like_the_docks_own() -> None:
    assert utc_text(1_500_000_000 * 10**9) == "2017-07-14T02:40:00.000Z"


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        (b"Signed Video...0", "Axis Signed Video"),
        (bytes.fromhex("005bc93f2d715e95ada4796f90877a6f"), "ONVIF media signing"),
    ],
)
def test_a_signed_stream_is_known_by_its_beginning_or_its_end(
    prober: Prober, mark: bytes, name: str
) -> None:
    start = bytes.fromhex("00000001674d0028")
    unit = bytes.fromhex("000001b10605ff") + mark
    long = start + b"\x55" * (9 << 20)
    for data in (start + unit + b"\x55" * 99, long + unit):
        assert look(prober, data).media.vendor_signature == name
    # In the middle of a long one nobody looks, and a part of a mark is none.
    assert look(prober, long[: 5 << 20] + unit + long).media.vendor_signature is None
    assert look(prober, start + mark[:-1] + b"\x55" * 99).media.vendor_signature is None


def test_real_signed_streams_are_told_from_others(prober: Prober, real_footage: Path) -> None:
    told = {
        path.name: look(prober, path.read_bytes()).media.vendor_signature
        for path in sorted(real_footage.iterdir())
        if "sign" in path.name or path.name == "tiny_qcif.mp4"
    }
    assert {name.split("_")[0]: said for name, said in told.items()} == {
        "axis": "Axis Signed Video",
        "onvif": "ONVIF media signing",
        "c2pa": "C2PA manifest",
        "tiny": None,
    }
