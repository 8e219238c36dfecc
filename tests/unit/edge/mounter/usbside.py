"""USB devices as their descriptors, and a made-up sysfs that holds them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from edge.mounter.descriptors import Malformed, parse

DISK = (0x08, 0x06, 0x50)
KEYBOARD = (0x03, 0x01, 0x01)
SERIAL, SERIAL_DATA = (0x02, 0x02, 0x01), (0x0A, 0x00, 0x00)
MTP = (0x06, 0x01, 0x01)
ADB = (0xFF, 0x42, 0x01)


def descriptors(
    *interfaces: tuple[int, int, int], vid: int = 0x1234, pid: int = 0x0001, base: int = 0
) -> bytes:
    """A device with one configuration, each interface with one endpoint."""
    device = bytes([18, 1, 0, 2, base, 0, 0, 64])
    device += vid.to_bytes(2, "little") + pid.to_bytes(2, "little") + bytes([0, 1, 1, 2, 3, 1])
    body = b"".join(
        bytes([9, 4, number % 256, 0, 1, *kind, 0]) + bytes([7, 5, 0x81, 2, 0, 2, 0])
        for number, kind in enumerate(interfaces)
    )
    total = (9 + len(body)).to_bytes(2, "little")
    return device + bytes([9, 2, *total, len(interfaces) % 256, 1, 0, 0x80, 50]) + body


class Sysfs:
    """What a kernel shows of one USB host behind a PCI bridge, and does when it is written to.

    Attributes:
        greedy: a driver that takes whatever interface is open, as one does that knows a VID:PID.
        wants: interface classes that each driver takes.
        changes: descriptors that devices show once they are let through.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.devices = root / "bus" / "usb" / "devices"
        self.devices.mkdir(parents=True)
        self._bus = root / "bus" / "pci"
        self._bus.mkdir()
        self.host = root / "devices" / "pci0000:00" / "0000:00:01.0" / "0000:00:14.0" / "usb1"
        self.host.mkdir(parents=True)
        for bridge in (self.host.parent, self.host.parent.parent):
            (bridge / "subsystem").symlink_to(self._bus)
        for name in ("authorized_default", "interface_authorized_default"):
            (self.host / name).write_text("1\n")
        (self.devices / "usb1").symlink_to(self.host)
        self._count = 1
        self.greedy = ""
        self.changes: bytes | None = None
        self.wants: dict[str, set[int]] = {}
        for driver, bases in (("usb-storage", {0x08}), ("cdc_acm", {0x02}), ("ch341", {0xFF})):
            self.driver(driver, bases)

    def driver(self, name: str, bases: set[int]) -> Path:
        """A driver is loaded."""
        at = self.root / "bus" / "usb" / "drivers" / name
        at.mkdir(parents=True, exist_ok=True)
        (at / "bind").touch()
        self.wants[name] = bases
        return at

    def plug(self, name: str, raw: bytes) -> Path:
        """A device comes, let through or not as its host says."""
        self._count += 1
        device = self.host / name
        self._unbound(device)
        device.mkdir(exist_ok=True)
        (device / "descriptors").write_bytes(raw)
        (device / "busnum").write_text("1\n")
        (device / "devnum").write_text(f"{self._count}\n")
        link = self.devices / name
        if not link.is_symlink():
            link.symlink_to(device)
        (device / "authorized").write_text((self.host / "authorized_default").read_text())
        self.wrote(device / "authorized")
        return device

    def wrote(self, path: Path) -> None:
        """What a kernel does once one of its files was written to.

        Raises:
            OSError: the driver does not want that interface.
        """
        value = path.read_text().strip()
        if path.name == "bind":
            self._bind(self.devices / value, path.parent.name)
        elif path.name == "authorized" and ":" not in path.parent.name:
            self._unbound(path.parent)
            if value == "1":
                self._configured(path.parent)

    def _configured(self, device: Path) -> None:
        if self.changes is not None:
            (device / "descriptors").write_bytes(self.changes)
        with contextlib.suppress(Malformed):
            claimed = parse((device / "descriptors").read_bytes())
            for each in claimed.interfaces:
                at = device / f"{device.name}:{each.configuration}.{each.number}"
                at.mkdir()
                (at / "class").write_text(f"{each.base}")
                default = (self.host / "interface_authorized_default").read_text()
                (at / "authorized").write_text(default)
                (self.devices / at.name).symlink_to(at)
                for driver in self.wants if default.strip() == "1" else ():
                    with contextlib.suppress(OSError):
                        self._bind(at, driver)

    def _bind(self, interface: Path, driver: str) -> None:
        fits = int((interface / "class").read_text()) in self.wants[driver]
        if (interface / "authorized").read_text().strip() != "1" or not (fits or self.greedy):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self.take(interface, self.greedy or driver)

    def take(self, interface: Path, driver: str) -> None:
        """A driver takes an interface, and a serial line's its data as well."""
        (interface / "driver").symlink_to(self.root / "bus" / "usb" / "drivers" / driver)
        device = interface.resolve().parent
        for other in device.glob(f"{device.name}:*"):
            data = (other / "class").read_text() == f"{0x0A}"
            if driver == "cdc_acm" and data and not (other / "driver").is_symlink():
                (other / "driver").symlink_to(self.root / "bus" / "usb" / "drivers" / driver)

    def _unbound(self, device: Path) -> None:
        for each in device.glob(f"{device.name}:*"):
            (self.devices / each.name).unlink()
            shutil.rmtree(each)
