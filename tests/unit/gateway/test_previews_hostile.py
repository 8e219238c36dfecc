"""Whatever a recording is, its copies are made, or it is said why there are none; nothing stops."""

from __future__ import annotations

import json
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from gateway.errors import StoreFullError
from gateway.previews.facts import checked
from gateway.previews.maker import GivenUpError, Maker, Original, Product
from gateway.previews.wanted import REASONS, Kind
from tests.simulators.filmed import filmed, looked_at, noise


@pytest.fixture(scope="module")
def maker() -> Iterator[Maker]:
    made = Maker(720)
    yield made
    made.close()


def original(folder: Path, data: bytes) -> Original:
    path = folder / "original"
    path.write_bytes(data)
    return Original("dock7.0.4", path, len(data), sha256(data).digest())


def make(maker: Maker, folder: Path, data: bytes, kind: Kind) -> Product | str:
    """What comes of it: a copy, or the code of why there is none."""
    try:
        return maker.make(kind, original(folder, data), folder / "copy")
    except GivenUpError as error:
        return error.code if error.code in REASONS else f"no code: {error.code}"


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def many_tracks() -> bytes:
    """An index with more tracks than anything has."""
    return filmed()[:40] + box(b"moov", box(b"trak", box(b"mdia")) * 100_000)


@cache
def wall_of_dots() -> bytes:
    """One picture of 64 million dots in a small file."""
    return filmed("avi", "mjpeg", None, size=(SIDE, SIDE), pictures=1)


def hidden_wall_of_dots() -> bytes:
    """The same, where the container says that its pictures are small."""
    told, small = struct.pack("<II", SIDE, SIDE), struct.pack("<II", 320, 180)
    return wall_of_dots().replace(told, small)


SIDE = 8000


HOSTILE: dict[str, tuple[Any, set[str]]] = {
    "nothing": (lambda: b"", {"empty"}),
    "zeros": (lambda: bytes(5000), {"not-media"}),
    "text": (lambda: b"#EXTM3U\nhttp://127.0.0.1/a.ts\n" * 99, {"not-media"}),
    "noise": (lambda: noise(50_000), {"not-media"}),
    "no index": (lambda: filmed()[: len(filmed()) // 2], {"cut"}),
    "cut in the index": (lambda: filmed()[:-300], {"cut", "undecodable"}),
    "a million tracks": (many_tracks, {"cut", "undecodable", "no-streams", "memory", "crashed"}),
    "cover alone": (lambda: b"ID3\x04" + noise(5000), {"cut", "undecodable", "no-streams"}),
}


@pytest.mark.parametrize("kind", [Kind.THUMBNAIL, Kind.PREVIEW])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_recordings_get_no_copy_and_a_reason(
    maker: Maker, tmp_path: Path, name: str, kind: Kind
) -> None:
    build, codes = HOSTILE[name]
    found = make(maker, tmp_path, build(), kind)
    assert not isinstance(found, Product)
    assert found in codes
    # The next one is none the worse for it.
    assert isinstance(make(maker, tmp_path, filmed(seconds=1), Kind.THUMBNAIL), Product)


@pytest.mark.parametrize(
    ("bomb", "codes"),
    [(wall_of_dots, {"too-large"}), (hidden_wall_of_dots, {"too-large", "undecodable"})],
)
def test_a_bomb_of_dots_is_not_unpacked(
    maker: Maker, tmp_path: Path, bomb: Callable[[], bytes], codes: set[str]
) -> None:
    film = bomb()
    for kind in Kind:
        started = time.monotonic()
        found = make(maker, tmp_path, film, kind)
        assert not isinstance(found, Product)
        assert found in codes
        assert time.monotonic() - started < 60


def test_pictures_larger_than_any_camera_takes_are_refused(maker: Maker, tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    )
    png += chunk(b"IDAT", b"\x78\x9c") + chunk(b"IEND", b"")
    assert make(maker, tmp_path, png, Kind.THUMBNAIL) in {"too-large", "undecodable", "no-streams"}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))


@pytest.mark.parametrize(
    ("container", "video", "sound", "how"),
    [
        ("mp4", "libx265", "aac", ("encoded", "copied")),
        ("mpegts", "libx264", "aac", ("copied", "encoded")),
        ("mpegts", "mpeg2video", "mp2", ("encoded", "encoded")),
        ("avi", "mjpeg", "adpcm_ima_wav", ("encoded", "encoded")),
        ("mov", "libx264", "pcm_s16le", ("copied", "encoded")),
        ("matroska", "libx264", "aac", ("copied", "copied")),
        ("wav", None, "adpcm_ima_wav", (None, "encoded")),
    ],
)
def test_what_browsers_cannot_play_becomes_what_they_can(
    maker: Maker,
    tmp_path: Path,
    container: str,
    video: str | None,
    sound: str,
    how: tuple[str | None, str | None],
) -> None:
    encoder = {"bf": "0"} if video == "libx264" else {}
    made = make(maker, tmp_path, filmed(container, video, sound, encoder=encoder), Kind.PREVIEW)
    assert isinstance(made, Product), made
    assert (made.facts["video"], made.facts["sound"]) == how
    seen = looked_at((tmp_path / "copy").read_bytes())
    assert seen["codecs"] == (["h264", "aac"] if video else ["aac"])
    assert "Evidock derived copy, not evidence. Original: clip dock7.0.4" in seen["comment"]
    if video:
        assert 38 <= seen["pictures"] <= 40
        steps = [later - sooner for sooner, later in pairwise(seen["times"])]
        assert seen["times"][0] < 0.2
        assert min(steps) > 0


@pytest.mark.parametrize(("turned", "size"), [(0, (320, 180)), (90, (180, 320)), (180, (320, 180))])
def test_pictures_stand_as_people_see_them(
    maker: Maker, tmp_path: Path, turned: int, size: tuple[int, int]
) -> None:
    film = filmed(video="libx265", turned=turned)
    made = make(maker, tmp_path, film, Kind.PREVIEW)
    assert isinstance(made, Product)
    seen = looked_at((tmp_path / "copy").read_bytes())
    assert seen["size"] == size
    top, bottom = seen["lines"]
    assert (top > bottom) == (turned == 0) or turned == 90
    thumbnail = make(maker, tmp_path, film, Kind.THUMBNAIL)
    assert isinstance(thumbnail, Product)
    assert (thumbnail.facts["width"], thumbnail.facts["height"]) == size


def test_pictures_out_of_order_keep_their_order(maker: Maker, tmp_path: Path) -> None:
    film = filmed("matroska", "libx264", None, encoder={"bf": "3", "x264-params": "bframes=3"})
    made = make(maker, tmp_path, film, Kind.PREVIEW)
    assert isinstance(made, Product)
    seen = looked_at((tmp_path / "copy").read_bytes())
    assert seen["times"] == sorted(seen["times"])
    assert seen["pictures"] >= 38


def test_an_original_that_is_not_what_was_sealed_gets_no_copy(maker: Maker, tmp_path: Path) -> None:
    sealed = original(tmp_path, filmed())
    data = bytearray(sealed.path.read_bytes())
    data[-400] ^= 1
    sealed.path.write_bytes(data)
    for wrong in (sealed, Original("a", tmp_path / "gone", 1, bytes(32))):
        with pytest.raises(GivenUpError, match="original-"):
            maker.make(Kind.THUMBNAIL, wrong, tmp_path / "copy")


# --- whatever the fork does ----------------------------------------------------------


def in_fork(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Let the real process do something else in its forks."""
    program = f"import os\nfrom limited.serving import serve\n{source}\nserve(work)\n"
    real = subprocess.Popen

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401  # passed on as they came
        return real([command[0], "-I", "-c", program], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


JPEG = "os.write(d[1], b'\\xff\\xd8\\xff' + bytes(9))"
FACTS = {"lengths": [6, 6], "width": 2, "height": 2, "at_ms": 0}


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("while True: pass", "time"),
        ("__import__('time').sleep(60)", "time"),
        ("os.kill(os.getpid(), 11)", "crashed"),
        ("os._exit(0)", "crashed"),
        ("bytearray(1 << 40)", "crashed"),
        ("while True: os.write(d[1], bytes(1 << 16))", "too-much"),
        ("return {'made': {}}", "false-product"),
        ("return ['x']", "false-product"),
        (f"{JPEG}; return {{'made': {{'lengths': [1, 2]}}}}", "false-product"),
        (f"os.write(d[1], b'<svg' + bytes(8)); return {{'made': {FACTS}}}", "false-product"),
        ("return {'reason': 'made up', 'detail': 'x' * 9000}", "false-product"),
        ("return {'unneeded': 'text/html'}", "false-product"),
    ],
)
def test_whatever_the_process_does_there_is_an_end_and_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, behaviour: str, code: str
) -> None:
    in_fork(monkeypatch, f"def work(q, d):\n    {behaviour}")
    maker = Maker(720, stall_s=1.5)
    try:
        assert make(maker, tmp_path, b"x" * 100, Kind.THUMBNAIL) == code
    finally:
        maker.close()


def test_the_process_can_open_connect_and_start_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "x"
    in_fork(
        monkeypatch,
        "import socket\n"
        "def attempt(t):\n"
        "    try:\n"
        "        t()\n"
        "    except OSError as e:\n"
        "        return e.errno\n"
        f"def work(q, d):\n    tries = [lambda: open({str(target)!r}, 'w'), "
        "lambda: open('/etc/passwd'), lambda: socket.socket(), lambda: os.pipe()]\n"
        "    return {'reason': 'empty', 'detail': str([attempt(t) for t in tries])}",
    )
    maker = Maker(720)
    try:
        with pytest.raises(GivenUpError) as caught:
            maker.make(Kind.THUMBNAIL, original(tmp_path, b"x" * 100), tmp_path / "copy")
        assert caught.value.detail == "[24, 24, 24, 24]"
        assert not target.exists()
    finally:
        maker.close()


def test_a_full_disk_is_nobodys_fault(maker: Maker, tmp_path: Path) -> None:
    with pytest.raises(StoreFullError):
        maker.make(Kind.THUMBNAIL, original(tmp_path, filmed()), Path("/dev/full"))


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {"lengths": [6, 6]},
        FACTS | {"lengths": [6, 7]},
        FACTS | {"width": 10**9},
        FACTS | {"more": "x"},
        FACTS | {"at_ms": "0"},
        FACTS | {"lengths": [True, 11]},
    ],
)
def test_facts_that_fit_no_form_are_none(said: object) -> None:
    assert checked(Kind.THUMBNAIL, json.loads(json.dumps(said)), 12) is None
    assert checked(Kind.THUMBNAIL, FACTS, 12) is not None


# --- real cameras --------------------------------------------------------------------


def test_real_camera_files_get_copies_or_reasons(
    maker: Maker, tmp_path: Path, real_footage: Path
) -> None:
    made: dict[str, int] = {}
    for path in sorted(real_footage.iterdir()):
        if path.suffix == ".tsv" or not path.is_file() or path.stat().st_size > 1 << 20:
            continue
        found = make(maker, tmp_path, path.read_bytes(), Kind.THUMBNAIL)
        told = found if isinstance(found, str) else "made"
        made[told] = made.get(told, 0) + 1
    assert made["made"] >= 10
    assert not {"crashed", "time", "false-product"} & set(made)
