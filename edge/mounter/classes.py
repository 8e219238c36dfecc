"""Whether a USB device in a bay may be what it claims to be. Pure: decides, touches nothing.

A camera is a disk, may have a serial line to be spoken to by, and a vendor's own interface
where the operator lists its VID:PID. What types, networks or routes has no business in a bay,
whatever else it is (BadUSB): such a device is refused whole. Anything else that is not listed
is left out, and the rest of the device let through.

Class codes: https://www.usb.org/defined-class-codes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from edge.codes import Unlike
from edge.mounter.descriptors import Claimed, Interface

_COMMUNICATION, _STILL_IMAGE, _STORAGE, _HUB, _DATA = 0x02, 0x06, 0x08, 0x09, 0x0A
_MISCELLANEOUS, _VENDOR = 0xEF, 0xFF
# Abstract control with the protocols of modems; ff in their place is RNDIS, a network card.
_SERIAL: Final = 0x02
_SERIAL_PROTOCOLS: Final = range(0x07)
# Bulk-only, and UASP, both of SCSI disks; the rest (floppy, CBI) no recorder has.
_DISK_SUB: Final = 0x06
_DISK_PROTOCOLS: Final = frozenset({0x50, 0x62})

# Chips of serial lines that have a class of their maker's.
_CHIPS: Final = ("ch341", "cp210x", "ftdi_sio", "pl2303")

_HARMFUL: Final = {
    0x01: "sound",
    0x03: "a keyboard, mouse or other input device",
    0x07: "a printer",
    _HUB: "a hub",
    0x0B: "a smart card reader",
    0x0D: "a security device",
    0xE0: "a wireless or network controller",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a device.

    Attributes:
        allowed: interfaces that may be bound to a driver; empty for a device that is refused.
        whole: whether that is all of them.
        reason: why not, for people; empty when whole.
        code: the same as a stable word, of a device that is refused.
    """

    allowed: frozenset[Interface]
    whole: bool
    reason: str = ""
    code: Unlike = Unlike.NO_DISK


def decide(claimed: Claimed, vendors: Collection[str]) -> Decision:
    """Decide on a device in a bay.

    Args:
        claimed: what it says that it is.
        vendors: VID:PID of devices whose vendor interfaces are let through.
    """
    harmful = sorted({why for each in claimed.interfaces if (why := _harm(each))})
    if claimed.base == _HUB and not harmful:
        harmful = [_HARMFUL[_HUB]]
    if harmful:
        return refused(Unlike.HARMFUL, f"it claims to be {', and '.join(harmful)}")
    allowed = frozenset(each for each in claimed.interfaces if _is_camera(each, claimed, vendors))
    if not any(each.base in {_STORAGE, _VENDOR} for each in allowed):
        if any(each.base == _STILL_IMAGE for each in claimed.interfaces):
            mode = "it shows itself as MTP or PTP; set the camera to USB disk mode"
            return refused(Unlike.MTP, mode)
        return refused(Unlike.NO_DISK, "nothing about it is a camera's disk")
    # An interface number whose settings are not all listed could be switched to another one.
    others = {(each.configuration, each.number) for each in claimed.interfaces - allowed}
    allowed = frozenset(e for e in allowed if (e.configuration, e.number) not in others)
    if not others:
        return Decision(allowed, whole=True)
    if not allowed:
        switched = "each of its interfaces can be switched to something that is not listed"
        return refused(Unlike.SWITCHES, switched)
    left = ", ".join(sorted({str(each) for each in claimed.interfaces - allowed}))
    return Decision(allowed, whole=False, reason=f"left out: {left}")


def drivers(interface: Interface) -> tuple[str, ...]:
    """Which of the kernel's drivers may have an interface that is let through, best first.

    Many drivers ask for a VID:PID alone, whatever the class: a remote control's, which types,
    would take a "disk" that has its number. So a class that was allowed is not enough.
    """
    match interface.base:
        case 0x08:
            uasp = interface.protocol == max(_DISK_PROTOCOLS)
            return ("uas", "usb-storage") if uasp else ("usb-storage",)
        case 0x02 | 0x0A:
            return ("cdc_acm",)
        case _:
            return _CHIPS


def is_needed(interface: Interface) -> bool:
    """Whether an interface is nothing without a driver; a vendor's may be a program's."""
    return interface.base != _VENDOR


def refused(code: Unlike, reason: str) -> Decision:
    """Nothing of a device is let through."""
    return Decision(frozenset(), whole=False, reason=reason, code=code)


def _harm(interface: Interface) -> str | None:
    if interface.base == _COMMUNICATION and not _is_serial(interface):
        return "a network card or phone line"
    if interface.base == _MISCELLANEOUS and interface.sub == 0x04:  # noqa: PLR2004  # RNDIS
        return "a network card or phone line"
    return _HARMFUL.get(interface.base)


def _is_serial(interface: Interface) -> bool:
    return interface.sub == _SERIAL and interface.protocol in _SERIAL_PROTOCOLS


def _is_camera(interface: Interface, claimed: Claimed, vendors: Collection[str]) -> bool:
    match interface.base:
        case 0x08:
            return interface.sub == _DISK_SUB and interface.protocol in _DISK_PROTOCOLS
        case 0x02:
            return _is_serial(interface)
        case 0x0A:
            # Data of a serial line that is there; the network ones are harmful already.
            serial = (each for each in claimed.interfaces if each.base == _COMMUNICATION)
            return any(each.configuration == interface.configuration for each in serial)
        case 0xFF:
            return claimed.device in vendors
        case _:
            return False
