"""One docked card as its profile reads it, from look to look."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edge.cameras.base import Card, ThingKind
from edge.errors import CameraGone
from edge.inventory import rubbish
from edge.profiles import library
from edge.profiles.card import CardClaims
from edge.profiles.cardfiles import MAX_FILE
from edge.profiles.reading import MAX_SMALL_BYTES, MAX_SMALL_FILES, CardReading, small_files
from tests.simulators.cards import SECRET, make_card, put

PROFILES = library.shipped()
TODAY = date(2026, 11, 21)


def files(root: Path) -> list[bytes]:
    return [thing.path for thing in Card(root).walk(rubbish) if thing.kind is ThingKind.FILE]


def docked(root: Path, **options: bytes) -> CardReading:
    reading = CardReading(PROFILES, binding_key=options.get("key"))
    reading.look(files(root), TODAY)
    reading.settle(Card(root))
    return reading


def test_a_docked_card_says_whose_it_is_what_is_marked_and_what_stays(tmp_path: Path) -> None:
    reading = docked(make_card(tmp_path, "dsj"), key=SECRET)
    assert reading.profile.name == "dsj"
    assert reading.claims == CardClaims("016042", "3301", "36NCC009910", "DSJ-4G", "valid")
    temp = b"AppData/Temp/2026-06-19/DSJ_36NCC009910_016042_20260619_102000.mp4"
    video = b"DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_101037_IMP.mp4"
    assert reading.ignored(temp) == "unfinished; the camera moves it to DCIM when it is done"
    assert (reading.ignored(video), reading.marked(video)) == (None, True)
    assert not reading.marked(video.replace(b"_IMP", b""))


def test_marks_of_a_cameras_manifest_count(tmp_path: Path) -> None:
    reading = docked(make_card(tmp_path, "rv1126"))
    marked = [path for path in files(tmp_path) if reading.marked(path)]
    assert marked == [b"seg_1767225610.mp4"]


def test_a_profile_may_change_until_a_session_names_it(tmp_path: Path) -> None:
    put(tmp_path, b"a.mp4")
    reading = CardReading(PROFILES)
    reading.look([b"a.mp4"], TODAY)
    assert reading.profile.name == "generic"
    gopro = [b"DCIM/100GOPRO/GX010001.MP4", b"DCIM/100GOPRO/GX010002.MP4"]
    reading.look(gopro, TODAY)
    assert (reading.profile.name, reading.facts(gopro[0]).number) == ("gopro", 1)
    reading.settle(Card(tmp_path))
    reading.look([b"DCIM/Media/Video/DSJ_X_1_20260619_101037_IMP.mp4"], TODAY)
    assert reading.profile.name == "gopro"


def test_the_same_look_twice_works_nothing_out_again() -> None:
    reading = CardReading(PROFILES)
    paths = [b"DCIM/100GOPRO/GX010001.MP4"]
    reading.look(paths, TODAY)
    before = reading.facts(paths[0])
    reading.look(list(paths), TODAY)
    reading.look([*paths, b"DCIM/100GOPRO/GX010002.MP4"], TODAY)
    assert reading.facts(paths[0]) is before


def test_a_card_full_of_small_files_does_not_fill_the_memory(tmp_path: Path) -> None:
    many, large = tmp_path / "many", tmp_path / "large"
    for number in range(MAX_SMALL_FILES + 9):
        put(many, b"%03d/manifest.sha256" % number)
    for number in range(12):
        put(large, b"%03d/manifest.sha256" % number, bytes(MAX_FILE * 2))
    profile = PROFILES["rv1126"]
    assert len(small_files(Card(many), profile, files(many))) == MAX_SMALL_FILES
    read = small_files(Card(large), profile, files(large))
    assert {len(data) for data in read.values()} == {MAX_FILE + 1}
    assert sum(map(len, read.values())) <= MAX_SMALL_BYTES + MAX_FILE + 1


def test_what_vanished_is_left_out_and_a_card_that_left_is_said(tmp_path: Path) -> None:
    root = make_card(tmp_path / "card", "dams")
    card = Card(root)
    assert small_files(card, PROFILES["dams"], [b"sn.txt", b"SN.TXT"]).keys() == {b"sn.txt"}
    root.rename(tmp_path / "pulled")
    with pytest.raises(CameraGone):
        small_files(card, PROFILES["dams"], [b"sn.txt"])
