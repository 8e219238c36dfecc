"""`evidock-edge profile` on made cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from tests.simulators.cards import CAMERAS, SECRET, make_card, put

EXPECTED: dict[str, list[str]] = {
    "dsj": [
        "profile dsj, ",
        "      claims started 2026-06-19T10:03:24, officer 016042, camera 36NCC009910",
        "      important: name suffix SOS",
        "      encrypted by the camera",
        "      warning: 1970, as clocks say that were never set",
        "      unfinished; the camera moves it to DCIM when it is done",
        "      kept by Windows for itself",
        "officer 016042 王警官, unit 3301 交警二大队, camera 36NCC009910; signature: no key",
        "total: 4 recording (257 B), 3 ignored (",
    ],
    "gopro": [
        "      belongs to DCIM/100GOPRO/GX010001.MP4",
        "pieces of one recording; missing: 2",
        "numbers 1 to 5: 2 missing (2-3)",
    ],
    "blackvue": [
        "      important: letter of the name E",
        "      belongs to BlackVue/Record/20200101_120000_NF.mp4, BlackVue/Record/20200101_",
    ],
    "70mai": ["numbers 121 to 130: 8 missing (122-129)", "important: letter of the name EV"],
    "garmin": ["      important: folder 104SAVED", "numbers 1 to 3: 1 missing (2)"],
    "dams": [
        "sn.txt: claims officer 016042",
        "      claims started 2024-13-41T25:61:99",
        "      warning: 2024-13-41 is in no calendar",
    ],
    "viofo": ["      important: folder RO", "numbers 7 to 9: 1 missing (8)"],
    "falcon-one": [
        "      the rolling buffer before an incident; the camera overwrites it by itself",
        "pieces of one recording",
        "manifest.json: incident_id: INC_20260101_000000, segments: (3 entries)",
        "names 3 recordings, without digests; 1 as it says; 1 not on the card; 1 of another size",
    ],
    "havis": ["pieces of one recording\n  Jan.05.2024/SYS1_Jan.05.2024_10.11.12.avi"],
    "rv1126": [
        "      important: line of the camera's manifest",
        "a chain over 4 files, 1 marks; 1 broken; 3 holds",
    ],
    "hostile": [
        "  DCIM/\\x1b[2J\\n\\rred\\x07.mp4",
        "  DCIM/\\xff\\xfe\\x80.MP4",
        " (255 bytes)",
        "  DCIM/\\u202emp4.exe",
        "      symbolic link; links are not followed",
        "station_bind.ini: cannot be read: ",
    ],
}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["profile", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(capsys, "test", *arguments, "--json"))
    return loaded


@pytest.mark.parametrize("kind", sorted(CAMERAS))
def test_a_card_is_shown_as_what_it_would_become(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    shown = run(capsys, "test", make_card(tmp_path, kind), "--chain")
    assert [line for line in EXPECTED[kind] if line not in shown] == []
    assert all(sign.isprintable() for sign in shown.replace("\n", ""))


@pytest.mark.parametrize("kind", sorted(CAMERAS))
def test_for_programs_every_file_has_one_role_and_no_path_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    told = document(capsys, make_card(tmp_path, kind))
    assert sum(total["files"] for total in told["totals"].values()) == len(told["files"])
    names = [file.get("path") or file["path_b64"] for file in told["files"]]
    assert len(set(names)) == len(names) > 0


def test_the_card_is_left_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_card(tmp_path, "dsj")
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    run(capsys, "test", tmp_path)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_read_only_files_are_marked_where_the_camera_means_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, b"DCIM/Movie/2023_0105_101112_0007F.MP4")
    (tmp_path / "DCIM/Movie/2023_0105_101112_0007F.MP4").chmod(0o444)
    assert document(capsys, tmp_path)["files"][0]["important"] == ["read-only attribute"]
    assert "important" not in document(capsys, tmp_path, "--profile", "generic")["files"][0]


def test_a_key_file_proves_a_binding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_card(tmp_path / "card", "dsj")
    key = tmp_path / "key"
    key.write_bytes(SECRET + b"\n")
    shown = run(capsys, "test", tmp_path / "card", "--binding-key", key)
    assert "signature: valid" in shown
    assert main(["profile", "test", str(tmp_path), "--binding-key", "/nowhere"]) == 2


def test_an_operators_profile_is_used_and_may_replace_a_shipped_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    text = "name = 'dsj'\ntitle = 'ours'\nsource = 'we'\n[[file]]\npattern = '(?P<user>DSJ).*'\n"
    (own / "dsj.toml").write_text(text)
    card = make_card(tmp_path / "card", "dsj")
    told = document(capsys, card, "--profiles-dir", own)
    assert (told["profile"], told["files"][1].get("officer")) == ("dsj", "DSJ")
    assert "ours" in run(capsys, "list", "--profiles-dir", own)
    (own / "again.toml").write_text(text)
    assert main(["profile", "list", "--profiles-dir", str(own)]) == 2
    assert "is called dsj too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "not UTF-8"),
        (b"#" * 70_000, "more than"),
        (b"name = 'x'\ntitel = 'y'", "titel: unknown setting; did you mean title?"),
    ],
)
def test_a_wrong_profile_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, reason: str
) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    assert main(["profile", "list", "--profiles-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "mine.toml" in error
    assert reason in error


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "test", str(tmp_path / "none")]) == 2
    assert "is no directory" in capsys.readouterr().err
    assert main(["profile", "test", str(tmp_path), "--profile", "none"]) == 2
    assert "no profile is called none" in capsys.readouterr().err
    assert main(["profile", "list", "--profiles-dir", str(tmp_path / "none")]) == 2


def test_an_empty_card_is_generic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "an empty card" in run(capsys, "test", tmp_path)
    listed = json.loads(run(capsys, "list", "--json"))
    assert {"dsj", "gopro", "generic"} <= {profile["name"] for profile in listed}


def test_real_footage_becomes_recordings(
    real_footage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = document(capsys, real_footage)
    started = {file["path"]: file.get("started") for file in told["files"]}
    assert started["VID_20240203_070538_android.mp4"] == "2024-02-03T07:05:38"
    assert told["totals"]["recording"]["files"] > 0
