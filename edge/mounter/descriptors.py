"""What a USB device claims to be: its descriptors, as sysfs hands them out unparsed.

The bytes are the device's own and may be anything: lengths that lie, interfaces that are not
there, endless lists. What cannot be read whole is not read in part; it is refused, since a
device that hides half of what it is has no business in a bay (USB 2.0, chapter 9.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DEVICE, _CONFIGURATION, _INTERFACE = 1, 2, 4
_DEVICE_BYTES: Final = 18
_INTERFACE_BYTES: Final = 9
_MAX_BYTES: Final = 64 * 1024
_MAX_INTERFACES: Final = 256


class Malformed(Exception):  # noqa: N818  # says what the bytes are
    """These bytes are no descriptors."""


@dataclass(frozen=True, order=True, slots=True)
class Interface:
    """One interface in one of its settings.

    Attributes:
        configuration: its configuration's number.
        number: its own.
        base: class, for example 0x08 for mass storage.
        sub: subclass.
        protocol: protocol.
    """

    configuration: int
    number: int
    base: int
    sub: int
    protocol: int

    def __str__(self) -> str:
        return f"{self.base:02x}/{self.sub:02x}/{self.protocol:02x}"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a device says that it is.

    Attributes:
        device: vendor and product, ``4255:0001``.
        base: the class of the device as a whole; 0 where each interface has its own.
        interfaces: all of all configurations and settings, whichever is in force.
    """

    device: str
    base: int
    interfaces: frozenset[Interface]


def parse(raw: bytes) -> Claimed:
    """Read a ``descriptors`` file of sysfs: the device's, then each configuration's.

    Raises:
        Malformed: a length does not fit, or it is not a device's.
    """
    if len(raw) > _MAX_BYTES:
        raise Malformed(f"descriptors of {len(raw)} bytes or more")
    if len(raw) < _DEVICE_BYTES or raw[0] != _DEVICE_BYTES or raw[1] != _DEVICE:
        raise Malformed("it begins with no device descriptor")
    vendor = int.from_bytes(raw[8:10], "little")
    product = int.from_bytes(raw[10:12], "little")
    found: set[Interface] = set()
    at, configuration = _DEVICE_BYTES, 0
    while at < len(raw):
        length, kind = raw[at], raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):  # noqa: PLR2004  # length and kind at least
            raise Malformed(f"a descriptor of {length} bytes at byte {at} of {len(raw)}")
        if kind == _CONFIGURATION and length >= _INTERFACE_BYTES:
            configuration = raw[at + 5]
        elif kind == _INTERFACE:
            if length < _INTERFACE_BYTES:
                raise Malformed(f"an interface of {length} bytes")
            base, sub, protocol = raw[at + 5 : at + 8]
            found.add(Interface(configuration, raw[at + 2], base, sub, protocol))
        at += length
    if len(found) > _MAX_INTERFACES:
        raise Malformed(f"{len(found)} interfaces")
    return Claimed(f"{vendor:04x}:{product:04x}", raw[4], frozenset(found))
