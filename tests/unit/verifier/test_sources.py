"""Hostile folders and ZIP files: nothing is followed, unpacked, blown up or read twice."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.anchors import Anchors
from protocols.errors import ProtocolError
from protocols.ids import ClipId
from protocols.pack import bag, layout
from protocols.pack.export import Export
from protocols.pack.originals import Originals
from protocols.pack.proofs import EarlierCheckpoints, LogProof
from protocols.progress import Line, Quiet
from verifier.errors import VerifierError
from verifier.files import read_given
from verifier.pack import verify_pack
from verifier.sources import Source, opened


def listed(path: Path) -> tuple[dict[str, int], dict[str, str]]:
    with opened(path) as source:
        return source.sizes, source.refused


def test_links_and_devices_are_named_and_not_followed(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    (pack / "data").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (pack / "data/file").symlink_to(tmp_path / "secret")
    (pack / "folder").symlink_to(tmp_path)
    os.mkfifo(pack / "pipe")
    (pack / "data/-rf").write_text("x")
    (pack / "data/名").write_text("x")
    sizes, refused = listed(pack)
    assert sizes == {}
    assert set(refused) == {"data/file", "folder", "pipe", "data/-rf", "data/名"}
    assert "symbolic link" in refused["data/file"]


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "file").write_text("x")
    with opened(pack) as source:
        (pack / "file").unlink()
        (pack / "file").symlink_to("/etc/passwd")
        assert source.read("file", 1 << 20) is None


def test_a_file_that_becomes_a_pipe_after_it_was_listed_is_not_waited_for(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "file").write_text("x")
    with opened(pack) as source:
        (pack / "file").unlink()
        os.mkfifo(pack / "file")
        with pytest.raises(OSError, match="not a regular file"):
            source.open("file")


@pytest.mark.parametrize("named", ["--trust", "--policy", "--tsa", "log --checkpoint"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_device_in_place_of_a_file_is_refused_at_once(
    tmp_path: Path, named: str, kind: str
) -> None:
    """In a program of its own: what waits for a writer for ever is ended from outside."""
    path = tmp_path / "named"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    words = [*named.split(), str(path), str(tmp_path)]
    if named.startswith("log"):
        words += ["--trust", str(path)]
    command = [sys.executable, "-m", "verifier", *words]
    said = subprocess.run(command, capture_output=True, check=False, text=True, timeout=20)
    assert (said.returncode, said.stdout) == (2, "")
    assert f"{path}: not a regular file" in said.stderr


@pytest.mark.parametrize("put", ["<({})", "/dev/stdin < <({})"])
def test_a_command_in_place_of_the_trust_file_is_read(
    pack: Path, trust: Anchors, tmp_path: Path, put: str
) -> None:
    (tmp_path / "trust.json").write_text(trust.to_json())
    slow = put.format(
        f"sleep 0.5; head -c 100 {tmp_path}/trust.json; sleep 0.2; "
        f"tail -c +101 {tmp_path}/trust.json"
    )
    for words, code in ((slow, 0), (put.format("cat /dev/zero"), 1), (put.format("true"), 1)):
        command = ["bash", "-c", f"{sys.executable} -m verifier {pack} --trust {words}"]
        said = subprocess.run(command, capture_output=True, check=False, text=True, timeout=30)
        assert said.returncode == code, said.stderr
        assert "Traceback" not in said.stderr


def test_a_command_that_does_not_end_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    try:
        for came in (0, 3):
            os.write(writing, b"x" * came)
            with pytest.raises(VerifierError, match=rf"in time \({came} bytes came\); save"):
                read_given(Path(f"/dev/fd/{reading}"), 10, patience=0.1)
        os.write(writing, b"x" * 20)
        assert read_given(Path(f"/dev/fd/{reading}"), 10, patience=5) == b"x" * 10
    finally:
        os.close(reading)
        os.close(writing)


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members:
            made.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/cron.d/x", "data/../../x", "data\\x", "data/.hidden", "a//b", "CON.txt"],
)
def test_no_member_leads_outside(tmp_path: Path, name: str) -> None:
    sizes, refused = listed(archive(tmp_path / "p.zip", ("bagit.txt", b"x"), (name, b"x")))
    assert set(sizes) == {"bagit.txt"}
    assert len(refused) == 1


def test_members_that_stand_twice_are_read_in_neither_form(tmp_path: Path) -> None:
    path = archive(tmp_path / "p.zip", ("bagit.txt", b"x"), ("a", b"1"), ("a", b"2"))
    sizes, refused = listed(path)
    assert set(sizes) == {"bagit.txt"}
    assert "twice" in refused["a"]


def test_links_and_compressed_members_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    bomb = zipfile.ZipInfo("bomb")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    path = archive(tmp_path / "p.zip", ("a", b"1"), (link, b"/etc/passwd"), (bomb, b"0" * 99_999))
    sizes, refused = listed(path)
    assert set(sizes) == {"a"}
    assert "symbolic link" in refused["link"]
    assert "compressed" in refused["bomb"]


def test_members_that_lie_over_one_another_are_a_trap(tmp_path: Path) -> None:
    path = archive(tmp_path / "p.zip", ("a", b"1" * 100), ("b", b"2" * 100))
    raw = bytearray(path.read_bytes())
    second = raw.rindex(b"PK\x01\x02")
    raw[second + 42 : second + 46] = (0).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(VerifierError, match="where the one before it ends"):
        listed(path)


@given(raw=st.binary(max_size=400))
def test_whatever_file_is_given_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.zip"
    path.write_bytes(raw)
    with pytest.raises(VerifierError):
        listed(path)


@given(cut=st.integers(0, 400), at=st.integers(0, 399), bit=st.integers(0, 7))
def test_a_damaged_zip_never_ends_the_program_otherwise(
    tmp_path_factory: pytest.TempPathFactory, cut: int, at: int, bit: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.zip"
    raw = bytearray(archive(path, ("bagit.txt", b"x" * 40), ("data/a", b"y" * 40)).read_bytes())
    raw[at % len(raw)] ^= 1 << bit
    path.write_bytes(raw[: len(raw) - cut % 8])
    try:
        with opened(path) as source:
            verify_pack(source, None, Quiet())
    except VerifierError:
        pass


def test_a_file_larger_than_any_of_a_pack_is_named_and_not_read(tmp_path: Path) -> None:
    """A terabyte that takes no room on the disk, and an hour to read."""
    for name in (layout.TRAIL, layout.MANIFEST, "data/opinion"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    tags = dict.fromkeys((layout.TRAIL, layout.MANIFEST, "data/opinion"), "0" * 64)
    (tmp_path / layout.TAG_MANIFEST).write_bytes(bag.manifest(tags))
    with opened(tmp_path) as source:
        problems = verify_pack(source, None, Quiet()).verdict.problems
    found = {(each.step, each.subject) for each in problems}
    assert {(1, name) for name in tags} <= found


def test_an_empty_folder_is_an_incomplete_pack(tmp_path: Path) -> None:
    with opened(tmp_path) as source:
        checked = verify_pack(source, None, Quiet())
    assert checked.verdict.exit_code == 10
    assert {each.step for each in checked.verdict.problems} == {1, 3, 4}


def test_more_files_than_a_pack_can_have_end_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verifier.sources.MAX_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text("x")
    with pytest.raises(VerifierError, match="no evidence pack"):
        listed(tmp_path)


# --- readers of single files --------------------------------------------------------------


@given(raw=st.binary(max_size=300))
def test_readers_refuse_in_words_whatever_they_are_given(raw: bytes) -> None:
    for read in (
        bag.read_manifest,
        LogProof.parse,
        EarlierCheckpoints.from_json,
        Originals.from_json,
        Export.from_json,
    ):
        try:
            read(raw)
        except ProtocolError:
            continue


@given(
    index=st.integers(0, 2**53 - 1),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=5),
    note=st.binary(max_size=50),
)
def test_a_proof_is_read_back_as_it_was_written(index: int, path: list[bytes], note: bytes) -> None:
    proof = LogProof(index, tuple(path), note)
    assert LogProof.parse(proof.text()) == proof


@given(name=st.text(max_size=300))
def test_whatever_a_camera_calls_a_file_its_name_in_a_pack_is_safe(name: str) -> None:
    safe = layout.safe_name(name)
    assert layout.is_safe(safe)
    assert layout.is_safe(layout.original(ClipId.parse("dock7.0.3"), name))
    assert "/" not in safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("REC0001.MP4", "REC0001.MP4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("执法记录.MP4", "_.MP4"),
        ("nul.mp4", "_nul.mp4"),
        (".hidden", "file.hidden"),
        ("-rf", "rf"),
        ("", "file"),
        ("a" * 300 + ".MP4", "a" * 96 + ".MP4"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert layout.safe_name(name) == safe


def test_manifests_in_any_other_form_are_named() -> None:
    good = bag.manifest({"a": "0" * 64, "b": "1" * 64})
    assert bag.read_manifest(good) == ({"a": "0" * 64, "b": "1" * 64}, [])
    for raw in (
        good + b"\n",
        good[:-1],
        good.replace(b"\n", b"\x0b"),
        good.replace(b"  a", b"  ../a"),
        good.replace(b"  b", b"  a"),
        good.upper().replace(b"A", b"\xc3\xa9"),
    ):
        assert bag.read_manifest(raw)[1], raw
    with pytest.raises(bag.BagError):
        bag.read_manifest(b"\xff")


def test_progress_is_told_at_most_a_few_times_a_second() -> None:
    now = [0.0]
    said: list[str] = []
    line = Line(10 << 20, said.append, lambda: now[0])
    for _ in range(10):
        line.advance(1 << 20)
        now[0] += 0.1
    line.close()
    assert 3 <= len(said) <= 5
    assert " of 10 MiB read (" in said[0]
    assert said[-1] == "\r10 of 10 MiB read (100 %)   \n"


def test_a_source_reads_no_more_than_it_may(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    with opened(tmp_path) as source:
        assert isinstance(source, Source)
        assert source.read("a", 9) is None
        assert source.read("a", 10) == b"x" * 10
        assert source.read("b", 10) is None
