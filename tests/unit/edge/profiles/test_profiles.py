"""What each shipped profile reads from names, and which one a card gets."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.profiles import library
from edge.profiles.profile import MarkKind, NameFacts, Profile, choose
from edge.profiles.schema import Reads, Role
from tests.simulators.cards import CAMERAS

PROFILES = library.shipped()
TODAY = date(2026, 11, 21)
REC, SIDE, IGN = Role.RECORDING, Role.SIDECAR, Role.IGNORED

# Profile, path, role, and of the facts those that are not as by default.
VECTORS: list[tuple[str, str, Role, dict[str, Any]]] = [
    (
        "dsj",
        "DCIM/SOS/2026-06-19/DSJ_36NCC009910_000000_20260619_100324_SOS_enc.mp4",
        REC,
        {"started": "2026-06-19T10:03:24", "device": "36NCC009910", "mark": "name suffix SOS"}
        | {"encrypted": True},
    ),
    (
        "dsj",
        "DCIM/Media/Video/DCAM_X1_016042_20260619_100324.MP4",
        REC,
        {"started": "2026-06-19T10:03:24", "device": "X1", "user": "016042"},
    ),
    (
        "dsj",
        "DCIM/Media/IMP/DSJ_X1_016042_20260619_100324_enc.jpg",
        REC,
        {"started": "2026-06-19T10:03:24", "device": "X1", "user": "016042"}
        | {"mark": "folder IMP", "encrypted": True},
    ),
    ("dsj", "AppData/Temp/2026-06-19/DSJ_X1_0_20260619_100324.mp4", IGN, {}),
    ("dsj", "DCIM/Media/Video/other.mp4", REC, {"known": False}),
    ("dsj", "station_bind.ini", IGN, {"reads": Reads.BINDING}),
    ("dsj", "DCIM/station_bind.ini", Role.UNKNOWN, {"known": False}),
    (
        "amba-a9",
        "DCIM/240203AA/00000BADGE7_20240203070538_1.MP4".replace("7_2", "7X2"),
        REC,
        {"started": "2024-02-03T07:05:38", "user": "00000BADGE7X"},
    ),
    ("amba-a9", "DCIM/240203AA/ab cd ef gh ij kl mn070538.JPG", REC, {}),
    ("falcon-kta", "DCIM/100MEDIA/whatever.MP4", REC, {}),
    ("boblov", "FILE/100china/IMG_1.JPG", REC, {}),
    ("boblov", "LOG/20240203.txt", SIDE, {"started": "2024-02-03", "key": None}),
    ("tecsar", "files/data/a/b.mp4", REC, {}),
    ("dams", "DCIM/1/A_B_20240203070538_0001.MP4", REC, {"started": "2024-02-03T07:05:38"}),
    ("dams", "SN.TXT", IGN, {"reads": Reads.OFFICER_LINE}),
    ("dams", "log-20240203", SIDE, {"key": None}),
    ("rv1126", "seg_1767225600.mp4", REC, {"started": "2026-01-01T00:00:00.000Z"}),
    ("rv1126", "seg_1767225600123.mp4", REC, {"started": "2026-01-01T00:00:00.123Z"}),
    ("rv1126", "seg_20260101_000000.mp4", REC, {"started": "2026-01-01T00:00:00"}),
    ("rv1126", "manifest.sha256", SIDE, {"key": None, "reads": Reads.HASH_CHAIN}),
    (
        "falcon-one",
        "FalconOne/incidents/INC_20260101_000000/SEG_1767225600123.mp4",
        REC,
        {"started": "2026-01-01T00:00:00.123Z"},
    ),
    (
        "falcon-one",
        "FalconOne/incidents/INC_20260101_000000/manifest.json",
        SIDE,
        {"started": "2026-01-01T00:00:00", "key": None, "reads": Reads.INCIDENT},
    ),
    (
        "falcon-one",
        "FalconOne/incidents/INC_20260101_000000/A-1234_20251231_235940_123.mp4",
        REC,
        {"started": "2025-12-31T23:59:40", "user": "A-1234"},
    ),
    ("falcon-one", "FalconOne/buffer/SEG_1767225600123.mp4", IGN, {}),
    (
        "havis",
        "Jan.05.2024/SYS1_Jan.05.2024_10.11.12+.avi",
        REC,
        {"started": "2024-01-05T10:11:12", "device": "SYS1", "continues": True},
    ),
    (
        "havis",
        "Jan.05.2024/SYS1_jan.05.2024_10.11.12#.avi",
        REC,
        {"started": "2024-01-05T10:11:12", "device": "SYS1", "mark": "name suffix #"},
    ),
    ("gopro", "DCIM/100GOPRO/GX020017.MP4", REC, {"number": 17, "order": 2}),
    ("gopro", "DCIM/100GOPRO/GOPR0017.MP4", REC, {"number": 17}),
    ("gopro", "DCIM/100GOPRO/GP010017.MP4", REC, {"number": 17, "order": 1}),
    ("gopro", "DCIM/100GOPRO/GL020017.LRV", SIDE, {}),
    ("gopro", "DCIM/100GOPRO/GX020017.THM", SIDE, {}),
    ("gopro", "MISC/version.txt", IGN, {}),
    ("gopro", "MISC/hidden.mp4", REC, {"known": False}),
    ("garmin", "DCIM/103EVENT/GRMN0003.MP4", REC, {"number": 3, "mark": "folder 103EVENT"}),
    ("garmin", "DCIM/105UNSVD/odd.MP4", REC, {}),
    ("garmin", "DCIM/105UNSVD/GRMN0003.GLV", SIDE, {}),
    ("blackvue", "BlackVue/Record/20200101_120000_NF.mp4", REC, {"started": "2020-01-01T12:00:00"}),
    (
        "blackvue",
        "BlackVue/Record/20200101_120000_ER.mp4",
        REC,
        {"started": "2020-01-01T12:00:00", "mark": "letter of the name E"},
    ),
    ("blackvue", "BlackVue/Record/20200101_120000_N.3gf", SIDE, {"started": "2020-01-01T12:00:00"}),
    (
        "viofo",
        "DCIM/Movie/RO/2023_0105_101112_007PF.MP4",
        REC,
        {"started": "2023-01-05T10:11:12", "number": 7, "mark": "folder RO"},
    ),
    (
        "70mai",
        "Event/Front/EV20191130-121056-000130F.MP4",
        REC,
        {"started": "2019-11-30T12:10:56", "number": 130, "mark": "letter of the name EV"},
    ),
    (
        "70mai",
        "Normal/Front/NO20191130-120156-000121.MP4",
        REC,
        {"started": "2019-11-30T12:01:56", "number": 121},
    ),
    ("drivepro-body", "DPB10/A/1.MOV", REC, {"device": "DPB10"}),
    (
        "urive",
        "Blackbox/24/01/05/10/MDR0_20240105_101112.avi",
        REC,
        {"started": "2024-01-05T10:11:12", "mark": "letter of the name M"},
    ),
    ("urive", "Blackbox/24/01/05/10/log.txt", SIDE, {"key": None}),
    ("generic-dcim", "DCIM/VID_20240203_070538.mp4", REC, {"started": "2024-02-03T07:05:38"}),
    ("generic", "20240203_070538_x.y.mp4", REC, {"started": "2024-02-03T07:05:38"}),
    (
        "generic",
        "SOS/20240203_070538_IMP_enc.mp4",
        REC,
        {"started": "2024-02-03T07:05:38", "mark": "name suffix IMP", "encrypted": True},
    ),
    ("generic", "hero6_gpmf.raw", Role.UNKNOWN, {"known": False}),
]
_PLAIN: dict[str, Any] = dict.fromkeys(
    ("started", "device", "user", "unit", "mark", "number", "reads")
) | {"encrypted": False, "order": 0, "continues": False, "known": True, "warnings": ()}


def facts(profile: str, path: str | bytes) -> NameFacts:
    raw = path.encode() if isinstance(path, str) else path
    return PROFILES[profile].read_name(raw, today=TODAY)


@pytest.mark.parametrize(("profile", "path", "role", "expected"), VECTORS)
def test_a_name_says_what_the_table_says(
    profile: str, path: str, role: Role, expected: dict[str, Any]
) -> None:
    told = facts(profile, path)
    said = {name: getattr(told, name) for name in {*_PLAIN, *expected}}
    said["started"] = told.started and told.started.text
    said["mark"] = told.mark and str(told.mark)
    assert (told.role, said) == (role, _PLAIN | expected)


def test_every_shipped_profile_is_in_the_table() -> None:
    assert {row[0] for row in VECTORS} == set(PROFILES)


@pytest.mark.parametrize(
    ("profile", "recording", "sidecar"),
    [
        ("gopro", "DCIM/100GOPRO/GX020017.MP4", "DCIM/100GOPRO/GL020017.LRV"),
        ("gopro", "DCIM/100GOPRO/GOPR0017.MP4", "DCIM/100GOPRO/GOPR0017.THM"),
        ("blackvue", "R/20200101_120000_NF.mp4", "R/20200101_120000_N.gps"),
        ("garmin", "DCIM/105UNSVD/GRMN0003.MP4", "DCIM/105UNSVD/GRMN0003.GLV"),
    ],
)
def test_a_sidecar_shares_its_recordings_key(profile: str, recording: str, sidecar: str) -> None:
    assert facts(profile, recording).key == facts(profile, sidecar).key
    assert facts(profile, recording).key != facts(profile, f"other/{sidecar}").key


def test_what_a_name_claims_about_people_is_read_in_their_encoding() -> None:
    told = facts("dsj", "DSJ_X_王警官_20260619_100324.mp4".encode("gbk"))
    assert (told.user, told.warnings) == ("王警官", ("user is not UTF-8; read as GB 18030",))
    assert facts("dsj", b"DSJ_X_\x1b[2J_20260619_100324.mp4").user == "\\x1b[2J"


@pytest.mark.parametrize(
    "path",
    [b"", b"/a.mp4", b"a//b.mp4", b"../a.mp4", b"a/./b.mp4", b"a\0.mp4", b"a/" * 3000 + b"b"],
)
@pytest.mark.parametrize("profile", ["dsj", "generic"])
def test_what_can_stand_on_no_card_is_refused(profile: str, path: bytes) -> None:
    assert facts(profile, path).role is Role.REFUSED


@given(
    path=st.binary(max_size=300)
    | st.lists(st.sampled_from(sorted({p for _, p, _, _ in VECTORS})), min_size=1, max_size=2).map(
        lambda names: "/".join(names).encode()
    ),
    cut=st.integers(0, 300),
    junk=st.binary(max_size=8),
)
def test_no_bytes_make_a_profile_fail_and_every_path_gets_one_role(
    path: bytes, cut: int, junk: bytes
) -> None:
    path = path[:cut] + junk + path[cut:]
    for profile in PROFILES.values():
        told = profile.read_name(path, today=TODAY)
        assert told.role in Role
        assert told == profile.read_name(path, today=TODAY)
        assert (told.role is Role.IGNORED) <= bool(told.reason)
        assert all(
            text is None or text.isprintable() for text in (told.device, told.user, told.unit)
        )
        profile.matches([path], "label")


@pytest.mark.parametrize("kind", sorted(set(CAMERAS) - {"hostile", "rv1126"}))
def test_a_card_gets_the_profile_of_its_camera(kind: str) -> None:
    assert choose(PROFILES.values(), [name.encode() for name in CAMERAS[kind]])[0].name == kind


@pytest.mark.parametrize(
    ("listing", "label", "chosen"),
    [
        ([], None, "generic"),
        ([b"a.mp4"], None, "generic"),
        ([b"a.mp4"], "CAM01", "generic"),
        ([b"files/data/a.mp4"], "CAM01", "tecsar"),
        ([b"DCIM/a.mp4"], None, "generic-dcim"),
        ([b"DCIM/Camera/VID_20240203_070538.mp4"], None, "generic-dcim"),
        ([b"DCIM/100MEDIA/DJI_0001.MP4"], None, "falcon-kta"),
        ([b"seg_1767225600.mp4", b"manifest.sha256"], None, "rv1126"),
        ([b"FalconOne/incidents/INC_20260101_000000/SEG_1767225600123.mp4"], None, "falcon-one"),
        ([b"Blackbox/24/01/05/10/MDR0_20240105_101112.avi"], None, "urive"),
        ([b"DPB10/1.MOV"], None, "drivepro-body"),
        ([b"FILE/100china/1.MP4"], None, "boblov"),
        ([b"DCIM/240203AA/00000BADGE7X20240203070538.MP4"], None, "amba-a9"),
        ([b"sn.txt", b"DCIM/odd.MP4"], None, "dams"),
    ],
)
def test_names_and_label_choose(listing: list[bytes], label: str | None, chosen: str) -> None:
    assert choose(PROFILES.values(), listing, label)[0].name == chosen


@given(
    listing=st.lists(
        st.binary(min_size=1, max_size=20) | st.sampled_from([p.encode() for _, p, _, _ in VECTORS])
    ),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_names_and_profiles_chooses_nothing(
    listing: list[bytes], random: Random
) -> None:
    mixed, profiles = list(listing), list(PROFILES.values())
    random.shuffle(mixed)
    random.shuffle(profiles)
    assert choose(PROFILES.values(), listing) == choose(profiles, mixed)


def test_a_heap_of_other_names_does_not_hide_a_small_file_in_the_root() -> None:
    heap = [b"DCIM/%06d.mp4" % number for number in range(50_000)]
    profile, fit = choose(PROFILES.values(), [b"sn.txt", *heap])
    assert (profile.name, fit.reasons) == ("dams", ("sn.txt in the root",))


def test_marks_by_attribute_and_manifest_count_where_the_camera_uses_them() -> None:
    told = facts("viofo", "DCIM/Movie/RO/2023_0105_101112_007F.MP4")
    kinds = [mark.kind for mark in PROFILES["viofo"].marks(told, read_only=True, in_manifest=True)]
    assert kinds == [MarkKind.FOLDER, MarkKind.READ_ONLY, MarkKind.MANIFEST]
    assert PROFILES["gopro"].marks(facts("gopro", "GX010001.MP4"), read_only=True) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "not TOML"),
        ("name = 'x'", "title: is missing"),
        ("titel = 'x'", "titel: unknown setting; did you mean title?"),
        ("[[file]]\npattern = '(?:a+)+'", "a group cannot be repeated"),
        ("[[file]]\npattern = '(?P<usr>a)'", "no group is called usr"),
        ("[[file]]\nrole = 'ignored'\npattern = 'a'", "needs a reason"),
        ("[[file]]\nrole = 'sidecar'", "needs a folder, a pattern or extensions"),
        ("[[file]]\npatern = 'a'", "unknown setting; did you mean pattern?"),
        ("[[file]]\npattern = 'a'\nrole = 'refused'", "file.0.role"),
        ("[[file]]\npattern = 'a'\nkey = ['ser']", "no group is called ser"),
        ("[numbering]\nscope = 'day'\nhighest = 1", "highest is not above lowest"),
        ("name = 'A b'", "name: "),
        ("x = " + "[" * 5000, "not TOML"),
        ("tried = 'yes'", "tried"),
        ("tried = 1", "tried"),
        ("card = { at_most = '9' }", "card.at_most"),
    ],
)
def test_a_wrong_profile_is_refused_in_words(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        library.parse(text, "mine.toml")
    assert reason in str(refused.value)
    assert str(refused.value).startswith("mine.toml:")


def test_choosing_needs_a_profile_for_everything_else() -> None:
    profiles: list[Profile] = [PROFILES["dsj"]]
    with pytest.raises(ValueError, match="generic"):
        choose(profiles, [])
