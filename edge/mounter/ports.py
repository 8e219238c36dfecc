"""What udev and sysfs say of a block device: where it is plugged in, what is on it.

Of what a device says of itself nothing is used but the type of its file system, and that only
to choose from a short list. Its label names no directory; its serial number opens nothing, and
may only keep an erasure from being claimed (``edge.hallmark``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyudev  # type: ignore[import-untyped]  # it ships no types

from edge.cameras.base import word

_LUN: Final = re.compile(r"-scsi-\d+:\d+:\d+:(\d+)\Z")
_MAX_NUMBER: Final = 4096


@dataclass(frozen=True, slots=True)
class Volume:
    """A block device with a file system.

    Attributes:
        node: its file below ``/dev``.
        number: ``major:minor``.
        port: ``ID_PATH``, or the kernel's own path for what has none.
        type: what udev found on it; empty for nothing it knows.
        holds: whether there is something to mount: a medium, and not only its partitions.
        usb: whether it hangs on USB.
        place: ``LUN.PARTITION``, both from the kernel; partition 0 is the whole disk.
    """

    node: Path
    number: str
    port: str
    type: str
    holds: bool
    usb: bool
    place: str


def volume(device: pyudev.Device) -> Volume | None:
    """What one block device is; None for one without a node of its own."""
    node, number = device.device_node, device.device_number
    if node is None or device.subsystem != "block":
        return None
    said = device.properties
    port = word(said.get("ID_PATH") or device.device_path)
    lun = _LUN.search(port)
    medium = device.attributes.get("size") != b"0"
    return Volume(
        node=Path(node),
        number=f"{os.major(number)}:{os.minor(number)}",
        port=port,
        # Of a medium that was taken out, udev may remember what it was.
        type=word(said.get("ID_FS_TYPE", "")) if medium else "",
        holds=medium and "ID_PART_TABLE_TYPE" not in said,
        usb=said.get("ID_BUS") == "usb",
        place=f"{_small(lun[1]) if lun else 0}.{_small(said.get('PARTN', '0'))}",
    )


def volumes(context: pyudev.Context) -> Iterator[Volume]:
    """Every block device that is there now."""
    for device in context.list_devices(subsystem="block"):
        found = volume(device)
        if found is not None:
            yield found


def port_of(context: pyudev.Context, number: str) -> str | None:
    """Where a block device is plugged in, by its ``major:minor``; None where udev does not say."""
    said = _said_of(context, number).get("ID_PATH")
    return word(said) if said else None


def disk_of(context: pyudev.Context, number: str) -> str | None:
    """The number of a disk, by the ``major:minor`` of anything on it; None where it has none.

    Of a USB device its own, with its maker and model; of a card in a slot of the board, the
    card's. A device that has no number of its own is told by its model from nothing.
    """
    said = _said_of(context, number)
    numbered = "ID_SERIAL_SHORT" in said or "ID_NAME" in said
    serial = said.get("ID_SERIAL", "") if numbered else ""
    return word(serial) or None


def _said_of(context: pyudev.Context, number: str) -> Mapping[str, str]:
    major, _, minor = number.partition(":")
    try:
        made = os.makedev(int(major), int(minor))
        device = pyudev.Devices.from_device_number(context, "block", made)
    except (ValueError, OverflowError, pyudev.DeviceNotFoundError):
        return {}
    properties: Mapping[str, str] = device.properties
    return properties


def _small(text: str) -> int:
    return int(text) if text.isdecimal() and int(text) <= _MAX_NUMBER else 0
