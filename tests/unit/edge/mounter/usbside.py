"""USB devices as their descriptors, and a made-up sysfs that holds them."""

from __future__ import annotations

from pathlib import Path

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
    """What a kernel shows of one USB host behind a PCI bridge."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.devices = root / "bus" / "usb" / "devices"
        self.devices.mkdir(parents=True)
        (root / "bus" / "usb" / "drivers_probe").touch()
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

    def plug(self, name: str, raw: bytes) -> Path:
        """A device comes, let through or not as its host says."""
        self._count += 1
        device = self.host / name
        device.mkdir(exist_ok=True)
        (device / "descriptors").write_bytes(raw)
        (device / "busnum").write_text("1\n")
        (device / "devnum").write_text(f"{self._count}\n")
        (device / "authorized").write_text((self.host / "authorized_default").read_text())
        link = self.devices / name
        if not link.is_symlink():
            link.symlink_to(device)
        return device

    def interface(self, device: Path, number: int) -> Path:
        """An interface shows, as it does once its device is let through."""
        at = device / f"{device.name}:1.{number}"
        at.mkdir()
        (at / "authorized").write_text("0\n")
        (self.devices / at.name).symlink_to(at)
        return at
