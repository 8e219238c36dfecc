"""Carries out what ``classes`` decides: the kernel's USB authorization files.

While the helper runs, a new USB device is bound to no driver until it was looked at
(``authorized_default`` of every host is 0). Outside the bays all devices are let through at
once, as without a helper: hubs, badge readers, a technician's keyboard. In a bay a device is
let through, let through in part (interface by interface), or refused. The end of the helper
leaves the hosts closed: what is plugged in then waits for it. See the kernel's
Documentation/usb/authorization.rst; tried on a made-up sysfs, for want of a USB host.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import structlog

from edge.bays import Bays
from edge.codes import Unlike
from edge.mounter import wire
from edge.mounter.classes import Decision, decide, refused
from edge.mounter.descriptors import Claimed, Interface, Malformed, parse

log = structlog.get_logger()

_DEVICE: Final = re.compile(r"\d{1,4}-(\d{1,3}(?:\.\d{1,3})*)\Z")
_HOST: Final = re.compile(r"usb\d{1,4}\Z")
_SHOWN: Final = 16
_MAX_BYTES: Final = 64 * 1024 + 1


class Guard:
    """Lets USB devices be what they may be. Blocks; one call at a time.

    Args:
        bays: which port is which bay.
        vendors: VID:PID of cameras whose vendor interfaces are let through.
        sysfs: root of the file system.
    """

    def __init__(self, bays: Bays, vendors: Collection[str], sysfs: Path = Path("/sys")) -> None:
        self._bays = bays
        self._vendors = vendors
        self._sysfs = sysfs
        self._devices = sysfs / "bus" / "usb" / "devices"
        self._judged: dict[str, str] = {}
        self._refused: dict[str, wire.Refused] = {}

    @property
    def refused(self) -> list[wire.Refused]:
        """Devices that were refused, and are there still."""
        return list(self._refused.values())

    def begin(self) -> None:
        """Close all hosts to what comes; then look at what is there already."""
        for host in self._named(_HOST):
            self._write(host / "authorized_default", "0")
        for name in self.unjudged():
            self.judge(name)

    def unjudged(self) -> list[str]:
        """Devices that are there and were not looked at yet; hosts that came are closed."""
        for host in self._named(_HOST):
            if _read(host / "authorized_default").strip() == b"1":
                self._write(host / "authorized_default", "0")
        there = {each.name: _number(each) for each in self._named(_DEVICE)}
        for name in [each for each in self._judged if self._judged[each] != there.get(each)]:
            self.gone(name)
        # A device is behind its hub: shorter names first.
        return sorted((name for name in there if name not in self._judged), key=len)

    def gone(self, name: str) -> None:
        """Forget a device that was unplugged."""
        self._judged.pop(name, None)
        self._refused.pop(name, None)

    def judge(self, name: str) -> None:
        """Look at a device that has come, and let it be what it may; harmless when repeated."""
        device = self._devices / name
        if not _DEVICE.match(name) or not device.exists():
            return
        if self._judged.get(name) == _number(device):
            return
        port = port_of(device.resolve(), self._sysfs)
        bay = self._bays.at(port)
        if bay is None:
            done = self._write(device / "authorized", "1")
        else:
            done = self._in_bay(device, bay, port)
        if done:
            self._judged[name] = _number(device)

    def _in_bay(self, device: Path, bay: str, port: str) -> bool:
        claimed: Claimed | None = None
        try:
            claimed = parse(_read(device / "descriptors"))
            decision = decide(claimed, self._vendors)
        except Malformed as error:
            decision = refused(Unlike.MALFORMED, f"its descriptors: {error}")
        if decision.whole:
            return self._write(device / "authorized", "1")
        if decision.allowed:
            log.warning("usb.in-part", bay=bay, device=device.name, reason=decision.reason)
            return self._in_part(device, decision.allowed)
        self._refuse(device, bay, port, claimed, decision)
        return self._write(device / "authorized", "0")

    def _in_part(self, device: Path, allowed: Collection[Interface]) -> bool:
        """Let some interfaces through: none is bound by itself, these are, one by one."""
        host = next((each for each in device.resolve().parents if _HOST.match(each.name)), None)
        if host is None:
            return False
        default = host / "interface_authorized_default"
        # Also what was bound before the helper ran is taken from its driver first.
        if not self._write(default, "0") or not self._write(device / "authorized", "0"):
            return False
        try:
            self._write(device / "authorized", "1")
            names = {f"{device.name}:{each.configuration}.{each.number}" for each in allowed}
            done = [
                self._write(self._devices / each / "authorized", "1")
                for each in names
                if (self._devices / each).exists()
            ]
            for each in sorted(names):
                if (self._devices / each).exists():
                    self._write(self._sysfs / "bus" / "usb" / "drivers_probe", each)
        finally:
            self._write(default, "1")
        return all(done)

    def _refuse(
        self, device: Path, bay: str, port: str, claimed: Claimed | None, decision: Decision
    ) -> None:
        classes = sorted({str(each) for each in claimed.interfaces}) if claimed else []
        what = claimed.device if claimed else "????:????"
        log.error("usb.refused", bay=bay, device=what, classes=classes, reason=decision.reason)
        self._refused[device.name] = wire.Refused(
            bay=bay,
            port=port,
            device=what,
            classes=tuple(classes[:_SHOWN]),
            reason=decision.reason[:500],
            code=decision.code,
        )

    def _named(self, pattern: re.Pattern[str]) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from (each for each in self._devices.iterdir() if pattern.match(each.name))

    def _write(self, path: Path, value: str) -> bool:
        try:
            path.write_text(value, encoding="ascii")
        except OSError as error:
            # Unplugged meanwhile, or a kernel without this file: looked at again soon.
            log.warning("usb.unwritten", path=str(path), reason=error.strerror)
            return False
        return True


def port_of(device: Path, sysfs: Path = Path("/sys")) -> str:
    """The ``ID_PATH`` that udev gives to a USB device, from its place in sysfs.

    udev asks for it only for some devices; a device that is not let through yet has none.
    """
    found = _DEVICE.match(device.name)
    parts = [f"usb-0:{found[1]}"] if found else []
    before = ""
    for parent in device.parents:
        if parent == sysfs:
            break
        kind = _subsystem(parent)
        # Of bridges in a row the nearest one names the way.
        if kind in {"pci", "platform"} and kind != before:
            parts.append(f"{kind}-{parent.name}")
        before = kind
    return "-".join(reversed(parts))


def _subsystem(directory: Path) -> str:
    try:
        return (directory / "subsystem").readlink().name
    except OSError:
        return ""


def _number(device: Path) -> str:
    """What the kernel counted this plugging as: another device in the same port has another."""
    return f"{_read(device / 'busnum')!r}:{_read(device / 'devnum')!r}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
