"""ZIP files and folders made to deceive or to exhaust: refused in words, in bounded memory.

The real program reads them; where it might be made to take too much, in a process of its own
whose memory the kernel bounds.
"""

from __future__ import annotations

import os
import resource
import stat
import struct
import subprocess
import sys
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.pack import layout
from protocols.progress import Quiet
from tests.simulators.packs import Made
from verifier.__main__ import main
from verifier.archive import MAX_DIRECTORY
from verifier.errors import VerifierError
from verifier.pack import verify_pack
from verifier.sources import Folder

MEMORY = 1 << 30
SECONDS = 60
UNREADABLE = 1
ALTERED = Outcome.ALTERED.exit_code
INTACT = 0
CROWD = 30_000


@pytest.fixture(scope="session")
def trust_file(genuine: Made) -> Path:
    path = genuine.pack.parent / "trust.json"
    path.write_text(genuine.trust.to_json())
    return path


def in_a_process(*words: object) -> subprocess.CompletedProcess[str]:
    """Run ``evidock-verify`` where memory and time are bounded; a traceback is no answer."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    command = [sys.executable, "-m", "verifier", *map(str, words)]
    done = subprocess.run(
        *(command,),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        preexec_fn=bounded,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


# --- ZIP files ----------------------------------------------------------------------------


def zipped(pack: Path, out: Path, top: str = "") -> zipfile.ZipFile:
    """The pack as a ZIP file that is still open for more."""
    made = zipfile.ZipFile(out, "w")
    for path in sorted(pack.rglob("*")):
        if path.is_file():
            made.writestr(info(f"{top}{path.relative_to(pack)}"), path.read_bytes())
    return made


def info(name: str, mode: int = 0, kind: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    member.compress_type = kind
    return member


# Each of these looks like a file that people know, or leads to a place outside the pack.
NAMES = (
    *("../outside", "/etc/cron.d/evidock", "data/../../outside", "C:/outside", "data\\records"),
    *("data/./trail.json", "data//trail.json", "./data/trail.json", "data/trail.json "),
    *("DATA/TRAIL.JSON", "data/tr\u0430il.json", "data/trail\u200b.json", "data/\u202enosj.liart"),
    *(
        unicodedata.normalize("NFD", "data/é.json"),
        "data\uff0ftrail.json",
        "data/trail.json:stream",
    ),
    *("data/con", "data/aux.json", "data/.hidden", "data/-rf", "data/trail.json\n", "a" * 300),
)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_member_of_a_misleading_name_is_named_and_never_read(
    pack: Path, trust_file: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipped(pack, pack.parent / "p.zip") as made:
        made.writestr(info(name), b"x")
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) == ALTERED
    assert "1  " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("member", "data"),
    [
        (info("link", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (info("data/device", stat.S_IFBLK | 0o600), b""),
        (info("data/device", stat.S_IFCHR | 0o600), b""),
        (info("data/pipe", stat.S_IFIFO | 0o600), b""),
        (info("data/bomb", kind=zipfile.ZIP_DEFLATED), bytes(50 << 20)),
        (info("data/bomb", kind=zipfile.ZIP_LZMA), bytes(1 << 20)),
        (info(layout.TRAIL), b"{}"),
        (info(layout.TRUST), b"{}"),
    ],
    ids=["link", "block", "character", "pipe", "bomb", "lzma", "trail twice", "trust twice"],
)
def test_links_devices_bombs_and_doubles_in_a_zip_are_named(
    pack: Path, trust_file: Path, member: zipfile.ZipInfo, data: bytes
) -> None:
    with zipped(pack, pack.parent / "p.zip") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        made.writestr(member, data)
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) == ALTERED


Bend = Callable[[bytearray], None]


def _overlap(raw: bytearray) -> None:
    """The last entry of the directory points at the first member."""
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 42 : at + 46] = bytes(4)


def _other_local_name(raw: bytearray) -> None:
    """Readers of the stream see another name than readers of the directory."""
    at = raw.index(b"PK\x03\x04") + 30
    raw[at] ^= 1


def _no_name(raw: bytearray) -> None:
    """A local name that says it is UTF-8, and is not."""
    at = raw.index(b"PK\x03\x04")
    raw[at + 7] |= 0x08
    raw[at + 30] = 0xBF


def _larger(raw: bytearray) -> None:
    """A member that says it goes on to the end of all addresses."""
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)


def _in_local_header(offset: int, form: str, value: int) -> Bend:
    """What the header before a member says, and the directory does not."""

    def bend(raw: bytearray) -> None:
        at = raw.index(layout.EXPORT.encode()) - 30
        struct.pack_into(form, raw, at + offset, value)

    bend.__name__ = f"_local_{offset}_{value}"
    return bend


def _hidden(raw: bytearray) -> None:
    """A member between the others and the directory, which does not name it: unpackers of streams
    write it over the one that was verified."""
    end = raw.rindex(b"PK\x05\x06")
    (start,) = struct.unpack_from("<I", raw, end + 16)
    name, data = layout.TRAIL.encode(), b"{}"
    head = struct.pack("<HHHHHIII", 20, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data))
    more = b"PK\x03\x04" + head + struct.pack("<HH", len(name), 0) + name + data
    struct.pack_into("<I", raw, end + 16, start + len(more))
    raw[start:start] = more


def _appended(raw: bytearray) -> None:
    raw += b"verified by the court"


def _commented(raw: bytearray) -> None:
    words = b"verified by the court"
    raw[-2:] = struct.pack("<H", len(words))
    raw += words


def _fewer(raw: bytearray) -> None:
    """The end counts fewer members than the directory lists."""
    struct.pack_into("<HH", raw, raw.rindex(b"PK\x05\x06") + 8, 5, 5)


def _prefixed(raw: bytearray) -> None:
    """A program before the pack: another reader runs it."""
    raw[:0] = b"#!/bin/sh\nexit\n" * 10


def _second_end(raw: bytearray) -> None:
    """A second end of directory in the comment: which one counts differs from reader to reader."""
    end = raw.rindex(b"PK\x05\x06")
    empty = b"PK\x05\x06" + bytes(18)
    raw[end + 20 : end + 22] = struct.pack("<H", len(empty))
    raw += empty


@pytest.mark.parametrize(
    ("bend", "codes"),
    [
        (_overlap, {UNREADABLE}),
        (_other_local_name, {UNREADABLE}),
        (_no_name, {UNREADABLE}),
        (_larger, {UNREADABLE}),
        (_prefixed, {UNREADABLE}),
        (_hidden, {UNREADABLE}),
        (_appended, {UNREADABLE}),
        (_commented, {UNREADABLE}),
        (_fewer, {UNREADABLE}),
        (_in_local_header(6, "<H", 1), {UNREADABLE}),
        (_in_local_header(6, "<H", 8), {UNREADABLE}),
        (_in_local_header(8, "<H", 8), {UNREADABLE}),
        (_in_local_header(14, "<I", 1), {UNREADABLE}),
        (_in_local_header(18, "<I", 5), {UNREADABLE}),
        (_in_local_header(22, "<I", 5), {UNREADABLE}),
        (_second_end, {UNREADABLE, ALTERED}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_zip_that_two_readers_would_read_in_two_ways_passes_with_neither(
    pack: Path, trust_file: Path, bend: Bend, codes: set[int]
) -> None:
    path = pack.parent / "p.zip"
    zipped(pack, path).close()
    raw = bytearray(path.read_bytes())
    bend(raw)
    path.write_bytes(raw)
    assert main([str(path), "--trust", str(trust_file)]) in codes


def _second_name(name: str) -> bytes:
    """Info-ZIP's Unicode path (APPNOTE 4.6.9): unpackers believe it, and not the name."""
    said = struct.pack("<BL", 1, zlib.crc32(name.encode())) + b"data/innocent.MP4"
    return struct.pack("<HH", 0x7075, len(said)) + said


@pytest.mark.parametrize("how", ["second name", "comment", "folder", "cut field"])
def test_a_member_that_other_programs_call_otherwise_is_no_evidence(
    pack: Path, trust_file: Path, how: str
) -> None:
    with zipfile.ZipFile(pack.parent / "p.zip", "w") as made:
        for path in sorted(each for each in pack.rglob("*") if each.is_file()):
            name = str(path.relative_to(pack))
            member = info(name)
            if name == layout.TRAIL:
                member.extra = {"second name": _second_name(name), "cut field": b"\1\0\7"}.get(
                    how, b""
                )
                member.comment = b"verified" if how == "comment" else b""
                member.external_attr = 0x10 if how == "folder" else 0
            made.writestr(member, path.read_bytes())
    codes = {ALTERED} if how == "folder" else {UNREADABLE}
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) in codes


@pytest.mark.parametrize("top", ["../", "./", "/", "C:/", "a\\b/", "\x1b[31m/", "data/"], ids=ascii)
def test_a_folder_around_a_pack_leads_nowhere_else(pack: Path, trust_file: Path, top: str) -> None:
    zipped(pack, pack.parent / "p.zip", top).close()
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) == ALTERED


@pytest.mark.parametrize("name", ["../out/", "data/opinion/", "data/\x1b[31m/", f"{layout.TRAIL}/"])
def test_a_folder_in_a_zip_has_a_name_like_others_and_no_bytes(
    pack: Path, trust_file: Path, name: str
) -> None:
    with zipped(pack, pack.parent / "p.zip") as made:
        made.writestr(info(name), b"an opinion" if "opinion" in name else b"")
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) == ALTERED


@pytest.mark.parametrize("top", ["", "pack/", "证据包 1/"])
@pytest.mark.parametrize("stream", [False, True])
def test_zip_files_as_other_programs_write_them_are_read(
    pack: Path, trust_file: Path, top: str, *, stream: bool
) -> None:
    """With the words behind each member that a pipe asks for, and with sizes in 64 bits."""
    with (pack.parent / "p.zip").open("wb") as file:
        out = Unseekable(file) if stream else file
        with zipfile.ZipFile(cast("BinaryIO", out), "w") as made:
            for path in sorted(each for each in pack.rglob("*") if each.is_file()):
                large = path.name == "trail.json"
                member = zipfile.ZipInfo(f"{top}{path.relative_to(pack)}")
                with made.open(member, "w", force_zip64=large) as inner:
                    inner.write(path.read_bytes())
            made.writestr(info(f"{top}data/empty/"), b"")
    assert main([str(pack.parent / "p.zip"), "--trust", str(trust_file)]) == INTACT


class Unseekable:
    """A pipe, as far as a ZIP's writer can tell."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write
        self.flush = file.flush


def crowded(path: Path, names: list[bytes], pad: int = 0) -> Path:
    """A ZIP whose directory names these members, with no byte of their own each (ZIP64)."""
    head = struct.pack("<HHHHHHIII", 20, 20, 0, 0, 0, 33, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"PK\x03\x04" + bytes(26))
        start = file.tell()
        for number, name in enumerate(names):
            offset = number * 30
            tail = struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, offset)
            file.write(b"PK\x01\x02" + head + tail + name)
        file.truncate(file.tell() + pad)
        end = file.seek(0, os.SEEK_END)
        count = len(names)
        here = struct.pack("<QQQQ", count, count, end - start, start)
        file.write(b"PK\x06\x06" + struct.pack("<QHHII", 44, 45, 45, 0, 0) + here)
        file.write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
        file.write(b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0")
    return path


def test_a_crowd_of_tiny_members_is_looked_at_in_bounded_memory(tmp_path: Path) -> None:
    names = [b"data/%d" % number for number in range(CROWD)]
    done = in_a_process(crowded(tmp_path / "p.zip", names))
    assert done.returncode in {UNREADABLE, ALTERED}, done.stderr


def test_a_directory_that_no_pack_has_is_not_even_read(tmp_path: Path) -> None:
    done = in_a_process(crowded(tmp_path / "p.zip", [], pad=MAX_DIRECTORY + 1))
    assert done.returncode == UNREADABLE
    assert "67108864 are read" in done.stderr


# --- folders ------------------------------------------------------------------------------


def test_links_devices_and_hard_links_in_a_folder_are_named_and_not_followed(
    pack: Path, trust_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = pack.parent / "secret"
    secret.write_text("secret")
    (pack / "data/linked").symlink_to(secret)
    (pack / "data/tree").symlink_to("/")
    (pack / "data/hard").hardlink_to(secret)
    os.mkfifo(pack / "data/pipe")
    os.mknod(pack / "data/zero", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    assert main([str(pack), "--trust", str(trust_file)]) == ALTERED
    told = capsys.readouterr().out
    for name in ("data/linked", "data/tree", "data/hard", "data/pipe", "data/zero"):
        assert name in told


def test_a_listed_file_that_is_a_link_to_the_very_bytes_is_not_followed(
    pack: Path, trust_file: Path
) -> None:
    """It would verify here, and lead elsewhere on the next machine."""
    path = pack / layout.CHECKPOINT
    path.rename(pack.parent / "checkpoint.note")
    path.symlink_to(pack.parent / "checkpoint.note")
    assert main([str(pack), "--trust", str(trust_file)]) == ALTERED


def test_folders_inside_one_another_without_end_are_an_end(pack: Path, trust_file: Path) -> None:
    (pack / "/".join(["deep"] * 100)).mkdir(parents=True)
    assert main([str(pack), "--trust", str(trust_file)]) == ALTERED


def test_the_bytes_of_a_pack_are_no_place_for_a_device(tmp_path: Path) -> None:
    for path in ("/dev/zero", "/dev/full", str(tmp_path / "nothing")):
        assert in_a_process(path).returncode == UNREADABLE


@pytest.mark.parametrize("name", [layout.TRAIL, layout.REPORT, layout.BAGIT, layout.PAGE])
def test_a_file_that_changes_between_hashing_and_reading_ends_the_check(
    pack: Path, trust: Anchors, name: str
) -> None:
    """Else one set of bytes would be the listed one, and another the one that is believed."""
    good = (pack / name).read_bytes()

    class Changing(Folder):
        seen = 0

        def open(self, path: str) -> BinaryIO:
            if path == name:
                (pack / name).write_bytes(good + b" " * self.seen)
                self.seen += 1
            return super().open(path)

    source = Changing(pack)
    with pytest.raises(VerifierError, match="changed while it was being verified"):
        verify_pack(source, trust, Quiet())
