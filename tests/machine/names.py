"""Cards as cameras of this trade write them: names, marks and times that strain a file system."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.machine.gadgets import (
    WORK,
    Camera,
    bay,
    mounts,
    opened,
    report,
    run,
    safe,
    say,
    sealed,
    wait,
)

_MIB_OF_A_PART = 40
_UNSET = 315_532_800  # 1980-01-01, the first day that FAT knows
_ORDINARY = 1_780_000_000
_SECTORS = _MIB_OF_A_PART * 2048
# Two that differ in an emoji alone, and one of a clock that was never set.
_LONG = ("DCIM/现场录像😀.MP4", "DCIM/现场录像😁.MP4", "DCIM/时钟未设.MP4")
_MOVIES = ("DCIM/Movie/2026_1122_101112_000123F.MP4", "DCIM/Movie/2026_1122_101512_000124F.MP4")
# Written by its camera in GBK and without a long name beside it.
_SHORT = ("录像0001.MP4", "证据02.MP4")


def parted(image: Path, kinds: tuple[int, ...]) -> list[int]:
    """A card with several partitions; the first sector of each."""
    starts = [2048 + number * _SECTORS for number in range(len(kinds))]
    table = bytearray(512)
    for number, (kind, start) in enumerate(zip(kinds, starts, strict=True)):
        struct.pack_into("<B3xB3xII", table, 446 + 16 * number, 0, kind, start, _SECTORS)
    table[510:] = b"\x55\xaa"
    with image.open("wb") as file:
        file.truncate((2048 + len(kinds) * _SECTORS) * 512)
        file.write(table)
    return starts


@contextlib.contextmanager
def looped(image: Path, start: int) -> Iterator[str]:
    """One partition as a device of its own."""
    size = str(_MIB_OF_A_PART << 20)
    loop = run("losetup", "-f", "--show", "-o", str(start * 512), "--sizelimit", size, str(image))
    try:
        yield loop.strip()
    finally:
        run("losetup", "-d", loop.strip())


def odd_names() -> None:
    image = WORK / "names.img"
    starts = parted(image, (0x0C, 0x0C, 0x07))
    for number, start in enumerate(starts):
        with looped(image, start) as loop:
            if number < 2:
                run("mkfs.vfat", "-F", "32", "-s", "1", "-n", f"PART{number}", loop)
            else:
                run("mkfs.exfat", "-L", "PART2", loop)
    utf8 = "iocharset=utf8,utf8=1,tz=UTC"
    wanted = [_written(image, starts[0], "vfat", utf8, (*_LONG, *_MOVIES))]
    wanted.append(_written(image, starts[1], "msdos", "tz=UTC", _SHORT, "gbk"))
    wanted.append(_written(image, starts[2], "exfat", "iocharset=utf8", (*_LONG, *_MOVIES)))
    camera = Camera(1, "BWC000004", image)
    camera.plug()
    shown = wait("three partitions in bay 1, safe", lambda: safe("1", 3))
    types = sorted({line.split(" - ")[1].split(" ")[0] for line in mounts()})
    say(f"mounted by the kernel as {', '.join(types)}: {mounts()[0].split(' ')[-1]}")
    for each, files in zip(sorted(shown, key=_of_mount), wanted, strict=True):
        _compare(each["volume"], files)
    camera.pull()
    wait("bay 1 to be empty", lambda: bay("1") is None)


def _of_mount(shown: dict[str, object]) -> str:
    return str(shown["camera"]["name"])  # type: ignore[index]  # JSON


def _written(
    image: Path, start: int, kind: str, options: str, names: tuple[str, ...], charset: str = "utf-8"
) -> dict[str, str]:
    """Write recordings as a camera would; by name, the SHA-256 of each."""
    wanted = {}
    with opened(image, start, _MIB_OF_A_PART, options, kind) as root:
        for name in names:
            content = os.urandom(200_000)
            path = os.path.join(os.fsencode(root), name.encode(charset))  # noqa: PTH118  # bytes
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(content)
            at = _UNSET if "时钟" in name else _ORDINARY
            os.utime(path, (at, at))
            if name == _MOVIES[0]:
                os.chmod(path, 0o555)  # noqa: PTH101, S103  # FAT's read-only attribute
            wanted[name] = hashlib.sha256(content).hexdigest()
    return wanted


def _compare(volume: str, wanted: dict[str, str]) -> None:
    found = sealed(volume)
    said = {path: body["content"]["sha256"] for path, body in found.items()}
    if said != wanted:
        report()
        raise SystemExit(f"sealed: {said}; was on the card: {wanted}")
    doubted = [path for path, body in found.items() if "clock-unset" in str(body["camera_clock"])]
    if doubted != [path for path in found if "时钟" in path]:
        raise SystemExit(f"times that are doubted: {doubted} in {found}")
    marked = [path for path, body in found.items() if body["source"].get("marked")]
    if marked != [path for path in found if path == _MOVIES[0]]:
        raise SystemExit(f"marked as important: {marked} in {list(found)}")
    say(f"sealed with right bytes and names: {', '.join(found)}; doubted: {doubted}")


def hidden_names() -> None:
    """Two files that the file system shows under one name: one can be read, and that is said.

    Each name ends in the first half of a letter of GBK, which reads as a question mark. (0xff
    begins none; the kernel shows it as a letter of its own.)
    """
    image = WORK / "hidden.img"
    with image.open("wb") as file:
        file.truncate(40 << 20)
    run("mkfs.vfat", "-F", "32", "-s", "1", "-n", "HIDDEN", str(image))
    with opened(image, options="tz=UTC", kind="msdos") as root:
        for byte in (b"\xfd", b"\xfe"):
            with open(os.path.join(os.fsencode(root), b"CAM" + byte + b".MP4"), "wb") as file:  # noqa: PTH118, PTH123
                file.write(os.urandom(5000))
    camera = Camera(3, "BWC000005", image)
    camera.plug()
    shown = wait("a word about hidden names", _told)
    say(f"of two files shown under one name: {shown[0]['reason']}")
    if safe("3"):
        raise SystemExit("a card with a file that nobody could read was called safe")
    camera.pull()
    wait("bay 3 to be empty", lambda: bay("3") is None)


def _told() -> list[dict[str, str]]:
    return [each for each in (bay("3") or {}).get("problems", []) if "once" in str(each)]
