"""Makes card trees as cameras leave them: names, folders and small files; no real footage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes

CAMERAS: dict[str, tuple[str, ...]] = {
    "dsj": (
        "DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_100324.mp4",
        "DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_101037_IMP.mp4",
        "DCIM/Media/IMP/2026-06-19/DSJ_36NCC009910_000000_20260619_100324_SOS_enc.mp4",
        "DCIM/Media/Audio/DSJ_36NCC009910_016042_19700101_000012.m4a",
        "AppData/Temp/2026-06-19/DSJ_36NCC009910_016042_20260619_102000.mp4",
        "System Volume Information/WPSettings.dat",
    ),
    "gopro": (
        "DCIM/100GOPRO/GX010001.MP4",
        "DCIM/100GOPRO/GX030001.MP4",
        "DCIM/100GOPRO/GL010001.LRV",
        "DCIM/100GOPRO/GX010001.THM",
        "DCIM/100GOPRO/GX010004.MP4",
        "DCIM/100GOPRO/GOPR0005.JPG",
        "MISC/version.txt",
    ),
    "blackvue": (
        "BlackVue/Record/20200101_120000_NF.mp4",
        "BlackVue/Record/20200101_120000_NR.mp4",
        "BlackVue/Record/20200101_120000_N.gps",
        "BlackVue/Record/20200101_120000_N.3gf",
        "BlackVue/Record/20200101_120000_NF.thm",
        "BlackVue/Record/20200101_120500_EF.mp4",
        "BlackVue/Config/config.ini",
    ),
    "70mai": (
        "Normal/Front/NO20191130-120156-000121F.MP4",
        "Normal/Back/NO20191130-120156-000121B.MP4",
        "Event/Front/EV20191130-121056-000130F.MP4",
    ),
    "garmin": (
        "DCIM/105UNSVD/GRMN0001.MP4",
        "DCIM/105UNSVD/GRMN0001.GLV",
        "DCIM/103EVENT/GRMN0003.MP4",
        "DCIM/104SAVED/odd name.MP4",
    ),
    "dams": (
        "DCIM/20240203/A_36NCC1_20240203070538_0001.MP4",
        "DCIM/20240203/A_36NCC1_20241341256199_0002.MP4",
        "log-20240203",
    ),
    "viofo": (
        "DCIM/Movie/2023_0105_101112_0007F.MP4",
        "DCIM/Movie/RO/2023_0105_101412_0009F.MP4",
    ),
    "falcon-one": (
        "FalconOne/incidents/INC_20260101_000000/SEG_1767225600123.mp4",
        "FalconOne/incidents/INC_20260101_000000/SEG_1767225610123.mp4",
        "FalconOne/buffer/SEG_1767225500123.mp4",
    ),
    "havis": (
        "Jan.05.2024/SYS1_Jan.05.2024_10.11.12.avi",
        "Jan.05.2024/SYS1_Jan.05.2024_10.26.12+.avi",
        "Jan.05.2024/SYS1_Jan.05.2024_11.00.00#.avi",
    ),
}
SECRET = b"the stations' secret"


def make_card(root: Path, kind: str) -> Path:
    """Put one camera's tree below a directory; every file holds its own name."""
    for name in CAMERAS[kind]:
        put(root, name.encode())
    extra = _EXTRAS.get(kind)
    if extra is not None:
        extra(root)
    return root


def put(root: Path, path: bytes, content: bytes | None = None) -> None:
    """Write one file, whatever bytes its name is made of."""
    target = Path(root, *map(_text, path.split(b"/")))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path if content is None else content)


def binding(*, user: str = "016042", secret: bytes = SECRET) -> bytes:
    """A `station_bind.ini`, signed as such stations do."""
    values = ("36NCC009910", "DSJ-4G", user, "王警官", "3301", "交警二大队", "2026-08-13T10:00:00")
    digest = hashes.Hash(hashes.SM3())
    digest.update("|".join(values).encode() + b"|" + secret)
    names = ("recorder_serial", "recorder_model", "user_no", "user_name", "dept_code")
    lines = [f"{name}={value}" for name, value in zip((*names, *_LAST), values, strict=True)]
    return "\r\n".join(["[binding]", *lines, f"sm3={digest.finalize().hex()}"]).encode()


def chain(files: dict[str, bytes]) -> bytes:
    """A `manifest.sha256` over files, in their order."""
    before, lines = "0" * 64, []
    for name, content in files.items():
        before = hashlib.sha256((before + hashlib.sha256(content).hexdigest()).encode()).hexdigest()
        lines.append(f"{before}  ./recordings/{name}\n")
    return "".join(lines).encode()


def _rv1126(root: Path) -> None:
    segments = {f"seg_{1767225600 + 10 * number}.mp4": bytes([number]) * 9 for number in range(4)}
    marked = "seg_1767225610.mp4"
    manifest = chain(segments) + f"MARK 2026-01-01T00:00:15Z {marked} 重点\n".encode()
    for name, content in segments.items():
        put(root, name.encode(), content)
    put(root, b"seg_1767225620.mp4", b"altered")
    put(root, b"manifest.sha256", manifest)


def _hostile(root: Path) -> None:
    """Everything a card may hold to hurt whoever reads it."""
    put(root, b"DCIM/\xd6\xd8\xb5\xe3.mp4")
    put(root, b"DCIM/\xff\xfe\x80.MP4")
    put(root, b"DCIM/\x1b[2J\n\rred\x07.mp4")
    put(root, b"D" * 251 + b".mp4")
    put(root, b"_" * 251 + b".mp4")
    put(root, "DCIM/\u202emp4.exe".encode())
    put(root, b"DSJ_a_b_99999999_999999.mp4")
    put(root, b"station_bind.ini", b"\x00\xff" * 50_000)
    put(root, b"deep/" * 20 + b"x.mp4")
    (root / "link.mp4").symlink_to("/etc/passwd")


def _text(part: bytes) -> str:
    return part.decode("utf-8", "surrogateescape")


_LAST = ("dept_name", "bound_at")
_EXTRAS: dict[str, Callable[[Path], None]] = {
    "dams": lambda root: put(root, b"sn.txt", "016042\r\n王\r\n".encode("gbk")),
    "dsj": lambda root: put(root, b"station_bind.ini", binding()),
    "falcon-one": lambda root: put(
        root,
        b"FalconOne/incidents/INC_20260101_000000/manifest.json",
        b'{"incident_id": "INC_20260101_000000", "segments": ['
        b'{"filename": "SEG_1767225600123.mp4", "size_bytes": 1},'
        b'{"filename": "SEG_1767225610123.mp4"}, {"filename": "SEG_1767225620123.mp4"}]}',
    ),
    "rv1126": _rv1126,
    "hostile": _hostile,
}
CAMERAS |= {"rv1126": (), "hostile": ()}
