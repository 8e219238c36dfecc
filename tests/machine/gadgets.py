"""What the stories in the machine share: USB cameras, cards, and what the dock says of them.

The standard library alone: it runs with the system's own Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")

GADGETS = Path("/sys/kernel/config/usb_gadget")
WORK = Path("/run/machine")
BAYS = 3
LEDGER = Path("/var/lib/evidock/edge/ledger.db")
API = "http://127.0.0.1:8080"
# Without hardware virtualisation everything takes ten to thirty times as long.
PATIENCE_S = 600.0
# A boot keyboard, as in the kernel's own documentation of the HID gadget.
KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501050819012905"
    "91029501750391039506750815002565050719002965"
    "8100c0"
)


def say(text: str) -> None:
    print(f"[{time.monotonic():7.1f}] {text}", flush=True)


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        )
    return done.stdout


def wait(what: str, found: Callable[[], _T], seconds: float = PATIENCE_S) -> _T:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    report()
    raise SystemExit(f"never came: {what}")


def report() -> None:
    """What a person would look at."""
    for unit in ("evidock-mounter", "evidock-edge", "evidock-kiosk"):
        say(run("sh", "-c", f"systemctl status --no-pager -n 25 {unit} 2>&1 || true"))
    with contextlib.suppress(OSError, ValueError):
        say(json.dumps(status(), ensure_ascii=False))


class Camera:
    """A USB gadget: a disk, and what else its functions are."""

    def __init__(
        self, bay: int, serial: str, image: Path, *more: str, device: str = "4255:0001"
    ) -> None:
        self.controller = f"dummy_udc.{bay - 1}"
        self.host = f"dummy_hcd.{bay - 1}"
        self.place = GADGETS / f"{serial.lower()}"
        self.place.mkdir()
        vendor, product = device.split(":")
        self._write("idVendor", f"0x{vendor}")
        self._write("idProduct", f"0x{product}")
        strings = self.place / "strings/0x409"
        strings.mkdir()
        (strings / "serialnumber").write_text(serial)
        (self.place / "configs/c.1").mkdir()
        self._function("mass_storage.0")
        self._write("functions/mass_storage.0/lun.0/removable", "1")
        self._write("functions/mass_storage.0/lun.0/file", str(image))
        for function in more:
            self._function(function)

    def _function(self, name: str) -> None:
        place = self.place / "functions" / name
        place.mkdir()
        if name.startswith("hid"):
            (place / "protocol").write_text("1")
            (place / "subclass").write_text("1")
            (place / "report_length").write_text("8")
            (place / "report_desc").write_bytes(KEYBOARD)
        (self.place / "configs/c.1" / name).symlink_to(place)

    def _write(self, name: str, text: str) -> None:
        (self.place / name).write_text(text)

    def plug(self) -> float:
        at = time.monotonic()
        self._write("UDC", self.controller)
        return at

    def drivers(self) -> dict[str, str]:
        """Which driver has each interface, as the host side sees them; empty for none."""
        (device,) = (
            each.parent
            for each in Path("/sys/bus/usb/devices").glob("*/serial")
            if f"/{self.host}/" in str(each.resolve()) and each.parent.name[0].isdigit()
        )
        found = sorted(device.glob(f"{device.name}:*"))
        return {each.name: _link(each / "driver") for each in found}

    def pull(self) -> float:
        at = time.monotonic()
        self._write("UDC", "\n")
        return at


def _link(path: Path) -> str:
    return path.readlink().name if path.is_symlink() else ""


def card(name: str, files: dict[str, bytes], mib: int = 128, kind: str = "vfat") -> Path:
    """An image of a card, filled through a loop mount."""
    image = WORK / f"{name}.img"
    with image.open("wb") as file:
        file.truncate(mib << 20)
    label = ["-n", name[:11]] if kind == "vfat" else ["-L", name[:11]]
    run(f"mkfs.{kind}", *label, str(image))
    with opened(image) as root:
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            os.utime(root / path, (1_780_000_000, 1_780_000_000))
    return image


@contextlib.contextmanager
def opened(
    image: Path, part: int = 0, mib: int = 0, options: str = "", kind: str = "auto"
) -> Iterator[Path]:
    """A card's files, as its camera sees them; of one partition, from so many sectors on."""
    root = WORK / "opened"
    root.mkdir(exist_ok=True)
    place = f",offset={part * 512},sizelimit={mib << 20}" if part else ""
    told = f"loop{place}{',' if options else ''}{options}"
    run("mount", "-t", kind, "-o", told, str(image), str(root))
    try:
        yield root
    finally:
        run("umount", str(root))


def status() -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect("/run/evidock/edge/status.sock")
        line.sendall(b'{"cmd": "status"}\n')
        answer: dict[str, Any] = json.loads(line.makefile("rb").readline())
        return answer


def bays(name: str) -> list[dict[str, Any]]:
    """What the dock shows in a bay: one for each volume."""
    with contextlib.suppress(OSError, ValueError):
        return [each for each in status()["bays"] if each["bay"] == name and each.get("volume")]
    return []


def bay(name: str) -> dict[str, Any] | None:
    """The bay's camera, if the dock shows one."""
    return next(iter(bays(name)), None)


def safe(name: str, volumes: int = 1) -> list[dict[str, Any]]:
    """Everything in a bay, once all of it may be taken; empty until then."""
    shown = bays(name)
    enough = len(shown) == volumes and all(each["message"]["safe"] for each in shown)
    return shown if enough else []


def records(kind: str, session: str | None = None) -> list[dict[str, Any]]:
    """What the dock's ledger says, oldest first; of one docking, or of all."""
    with contextlib.closing(sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT record FROM entries WHERE kind = ? ORDER BY seq", (kind,))
        bodies = [json.loads(row[0])["body"] for row in rows]
    return [each for each in bodies if session in {None, each.get("session")}]


def sealed(volume: str) -> dict[str, dict[str, Any]]:
    """By path on the card, what was sealed from a volume; its session is over once it is safe."""
    bodies = [each["source"] | each for each in records("clip.sealed")]
    return {each["path"]: each for each in bodies if each["volume"] == volume}


def alarms() -> list[dict[str, Any]]:
    with contextlib.suppress(OSError, ValueError):
        return list(status()["alarms"])
    return []


def mounts() -> list[str]:
    text = Path("/proc/self/mountinfo").read_text()
    return [line for line in text.split("\n") if " /run/evidock/cameras/" in line]
