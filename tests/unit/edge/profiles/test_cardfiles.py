"""Small files of cameras and other docks: read with limits, believed as claims only."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles import library
from edge.profiles.binding import Signature, read_binding
from edge.profiles.card import CardClaims, SeenFile, account, card_claims
from edge.profiles.cardfiles import (
    MAX_FILE,
    CardFileError,
    incident,
    incident_files,
    officer_line,
    read_text,
)
from edge.profiles.chains import ChainState, check_chain, read_manifest
from tests.simulators.cards import SECRET, binding, chain

DSJ = library.shipped()["dsj"]
DAMS = library.shipped()["dams"]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_an_officers_line_is_read_in_the_encodings_cameras_use(ends: str, encoding: str) -> None:
    assert officer_line(f"警016042{ends}other{ends}".encode(encoding)) == "警016042"


def test_utf_16_without_a_mark_is_known_by_its_zeros() -> None:
    assert officer_line("016042\r\n".encode("utf-16-le")) == "016042"
    assert officer_line("016042\r\n".encode("utf-16-be")) == "016042"
    assert read_text(b"\xff\xff\xff").encoding == "damaged"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\r\n016042", "empty"),
        (b"9" * 65, "signs long"),
        (b"01\x1b[2J", "control"),
        (b"9" * (MAX_FILE + 1), "are read"),
        (b"\n" * 20_001, "lines"),
    ],
)
def test_an_officers_line_that_is_none_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CardFileError, match=reason):
        officer_line(data)


def test_sm3_is_the_published_one() -> None:
    # GB/T 32905-2016, annex A, example 1.
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest.finalize().hex() == expected


def keyed(key: bytes) -> bytes:
    said = "S|M|1|N|D|E|2026-01-01T00:00:00"
    digest = hmac.HMAC(key, hashes.SM3())
    digest.update(said.encode())
    names = ["recorder_serial", "recorder_model", "user_no", "user_name"]
    names += ["dept_code", "dept_name", "bound_at"]
    lines = [f"{name} = {value}" for name, value in zip(names, said.split("|"), strict=True)]
    return "\n".join(["; made by hand", *lines, f"SM3={digest.finalize().hex().upper()}"]).encode()


@pytest.mark.parametrize(
    ("data", "key", "signature"),
    [
        (binding(), None, Signature.NO_KEY),
        (binding(), SECRET, Signature.VALID),
        (binding(), b"another", Signature.INVALID),
        (binding().replace(b"016042", b"016043"), SECRET, Signature.INVALID),
        (binding().partition(b"sm3=")[0], SECRET, Signature.UNVERIFIED),
        (binding() + b"ff", SECRET, Signature.INVALID),
        (keyed(SECRET), SECRET, Signature.VALID),
        (keyed(b"another"), SECRET, Signature.INVALID),
    ],
)
def test_a_bindings_signature_is_one_of_four(
    data: bytes, key: bytes | None, signature: Signature
) -> None:
    assert read_binding(data, key).signature is signature


def test_a_binding_is_read_whole() -> None:
    told = read_binding(binding())
    assert (told.recorder_serial, told.user_no, told.user_name) == (
        "36NCC009910",
        "016042",
        "王警官",
    )
    assert (told.dept_code, told.dept_name) == ("3301", "交警二大队")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no field"),
        (b"[binding]\nsm3=00", "no field"),
        (b"user_no=1\nuser_no=2", "twice"),
        (b"user_no=" + b"1" * MAX_FILE, "are read"),
    ],
)
def test_a_binding_that_says_nothing_or_two_things_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CardFileError, match=reason):
        read_binding(data)


FILES = {"seg_1.mp4": b"one", "seg_2.mp4": b"two", "seg_3.mp4": b"three"}
DIGESTS = {name: hashlib.sha256(content).digest() for name, content in FILES.items()}
HOLDS, BROKEN = ChainState.HOLDS, ChainState.BROKEN


@pytest.mark.parametrize(
    ("kept", "changes", "states"),
    [
        ((0, 1, 2), {}, [HOLDS, HOLDS, HOLDS]),
        ((0, 1, 2), {"seg_2.mp4": b"x"}, [HOLDS, BROKEN, HOLDS]),
        ((0, 1, 2), {"seg_2.mp4": None}, [HOLDS, ChainState.NO_FILE, HOLDS]),
        ((1, 2), {}, [ChainState.NO_START, HOLDS]),
        ((0, 2), {}, [HOLDS, BROKEN]),
    ],
)
def test_a_chain_says_of_each_file_whether_it_holds(
    kept: tuple[int, ...], changes: dict[str, bytes | None], states: list[ChainState]
) -> None:
    manifest = read_manifest(chain(FILES))
    digests = {
        name: hashlib.sha256(content).digest()
        for name, content in (FILES | changes).items()
        if content is not None
    }
    assert check_chain([manifest.lines[number] for number in kept], digests) == states


def test_a_chain_over_raw_digests_holds_too() -> None:
    before, lines = bytes(32), []
    for name in FILES:
        before = hashlib.sha256(before + DIGESTS[name]).digest()
        lines.append(f"{before.hex()} {name}")
    manifest = read_manifest("\r\n".join(lines).encode())
    assert check_chain(manifest.lines, DIGESTS) == [HOLDS] * 3


def test_marks_are_read_and_what_is_neither_is_counted() -> None:
    manifest = read_manifest(
        "MARK 2026-01-01T00:00:00Z C:\\rec\\seg_1.mp4 打架 x\nMARK\njunk\n\n".encode()
    )
    assert (manifest.marked, manifest.marks[0].note, manifest.others) == (
        frozenset({"seg_1.mp4"}),
        "打架 x",
        2,
    )


def test_an_incident_is_told_by_its_top_level() -> None:
    told = incident(b'{"id": "INC\x5cn1", "segments": [1, 2], "ok": true}')
    assert told.fields == (("id", "INC\\n1"), ("segments", "(2 entries)"), ("ok", "true"))


def test_an_incident_names_recordings_of_its_own_folder_alone() -> None:
    told = incident_files(
        b'{"segments": [{"filename": "a.mp4", "size_bytes": 5}, {"filename": "b.mp4"}, 1, [],'
        b'{"filename": "../c.mp4"}, {"filename": "d\\\\e.mp4"}, {"filename": 7}, {"filename": ""},'
        b'{"filename": "f.mp4", "size_bytes": -1}, {"filename": "g.mp4", "size_bytes": "5"}]}'
    )
    assert told == (("a.mp4", 5), ("b.mp4", None), ("f.mp4", None), ("g.mp4", None))
    assert incident_files(b'{"segments": {"filename": "a.mp4"}}') == ()


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"[]", b'{"a": 1' + b"1" * 9000 + b"}"])
def test_an_incident_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(CardFileError):
        incident(data)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_no_bytes_make_a_reader_fail_in_another_way(data: bytes, key: bytes) -> None:
    readers = (
        officer_line,
        incident,
        incident_files,
        read_manifest,
        lambda raw: read_binding(raw, key),
    )
    for raw in (data, b"sm3=00\nuser_no=" + data, b"MARK a b " + data):
        for reader in readers:
            try:
                reader(raw)
            except CardFileError:
                continue


def test_a_card_belongs_to_whom_its_files_and_names_agree_on() -> None:
    names = [b"DSJ_X1_016042_20260619_100324.mp4", b"DSJ_X1_000000_20260619_110324.mp4"]
    facts = {path: DSJ.read_name(path) for path in (*names, b"station_bind.ini")}
    assert card_claims(facts, {}) == CardClaims(officer="016042", serial="X1")
    small = {b"station_bind.ini": binding(user="777")}
    bound = ("777", "3301", "36NCC009910", "DSJ-4G")
    assert card_claims(facts, small) == CardClaims(*bound, binding="no key")
    assert card_claims(facts, small, binding_key=SECRET) == CardClaims(*bound, binding="valid")
    forged = card_claims(facts, small, binding_key=b"other")
    assert (forged.officer, forged.binding) == ("016042", "invalid")
    other = {path: DSJ.read_name(path) for path in (*names, b"DSJ_X2_777777_20260619_100324.mp4")}
    assert card_claims(other, {}) == CardClaims()


def test_the_first_line_of_sn_names_the_officer() -> None:
    facts = {b"sn.txt": DAMS.read_name(b"sn.txt")}
    assert card_claims(facts, {b"sn.txt": b"016042\r\n"}) == CardClaims(officer="016042")
    assert card_claims(facts, {b"sn.txt": b""}) == CardClaims()


def test_a_small_file_that_cannot_be_read_is_told_and_stops_nothing() -> None:
    seen = [SeenFile(b"sn.txt"), SeenFile(b"DCIM/1/A_B_20240203070538_1.MP4", 5)]
    told = account(DAMS, seen, small={b"sn.txt": b"\n"})
    assert told.notes == ((b"sn.txt", "cannot be read: the first line is empty"),)
    assert told.totals() == {"recording": (1, 5), "ignored": (1, 0)}


def test_a_manifest_that_is_too_large_is_told() -> None:
    profile = library.shipped()["rv1126"]
    seen = [SeenFile(b"manifest.sha256"), SeenFile(b"seg_1767225600.mp4")]
    told = account(profile, seen, small={b"manifest.sha256": b"x" * (MAX_FILE + 1)})
    assert told.notes[0][1].startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("scope", "runs"),
    [
        ("card", [("", 1, 7)]),
        ("folder", [("a", 1, 3), ("b", 7, 7)]),
        ("day", [("2026-06-19", 1, 1), ("2026-06-20", 3, 7)]),
        ("user", [("Li", 3, 3), ("Wu", 1, 7)]),
    ],
)
def test_a_camera_counts_within_what_its_profile_says(
    scope: str, runs: list[tuple[str, int, int]]
) -> None:
    profile = library.parse(
        "name = 'x'\ntitle = 'x'\nsource = 'x'\n"
        r"[[file]]"
        "\n"
        r"pattern = '(?P<user>[^_]+)_(?P<date>\d{8})_(?P<number>\d)'"
        f"\n[numbering]\nscope = '{scope}'",
        "x.toml",
    )
    names = [b"a/Wu_20260619_1.mp4", b"a/Li_20260620_3.mp4", b"b/Wu_20260620_7.mp4", b"b/_1.mp4"]
    told = account(profile, map(SeenFile, names), small={})
    assert [(run.scope, run.gaps.first, run.gaps.last) for run in told.runs] == runs
