"""Carries out what ``classes`` decides: the kernel's USB authorization files.

While the helper runs, a new USB device is bound to no driver until it was looked at
(``authorized_default`` of every host is 0). Outside the bays all devices are let through at
once, as without a helper: hubs, badge readers, a technician's keyboard. In a bay a device is
let through interface by interface, each given by name to a driver of its class and offered to no
other, or refused; and looked after from then on, since a driver that knows a VID:PID may come
later. The end of the helper leaves the hosts closed: what is plugged in then waits for it. See
the kernel's Documentation/usb/authorization.rst; ``make machine`` tries it with real drivers.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from edge.bays import Bays
from edge.codes import Unlike
from edge.mounter import wire
from edge.mounter.classes import Decision, decide, drivers, is_needed, refused
from edge.mounter.descriptors import Claimed, Interface, Malformed, parse

log = structlog.get_logger()

_DEVICE: Final = re.compile(r"\d{1,4}-(\d{1,3}(?:\.\d{1,3})*)\Z")
_HOST: Final = re.compile(r"usb\d{1,4}\Z")
_SHOWN: Final = 16
_MAX_BYTES: Final = 64 * 1024 + 1
_STEP_S: Final = 0.02
# What the kernel calls a program that speaks to an interface.
_PROGRAMS: Final = "usbfs"


@dataclass(frozen=True, slots=True)
class _Offer:
    """What an interface may be driven by, and whether it has to be."""

    drivers: tuple[str, ...]
    needed: bool


@dataclass(frozen=True, slots=True)
class _Passed:
    """A device in a bay, and what each of its interfaces is offered to."""

    device: Path
    bay: str
    port: str
    claimed: Claimed | None
    offers: dict[str, _Offer]


class Guard:
    """Lets USB devices be what they may be. Blocks; one call at a time.

    Args:
        bays: which port is which bay.
        vendors: VID:PID of cameras whose vendor interfaces are let through.
        sysfs: root of the file system.

    Attributes:
        patience_s: how long drivers are waited for that are not loaded yet.
    """

    def __init__(self, bays: Bays, vendors: Collection[str], sysfs: Path = Path("/sys")) -> None:
        self._bays = bays
        self._vendors = vendors
        self._sysfs = sysfs
        self._devices = sysfs / "bus" / "usb" / "devices"
        self._drivers = sysfs / "bus" / "usb" / "drivers"
        self.patience_s = 5.0
        self._judged: dict[str, str] = {}
        self._passed: dict[str, _Passed] = {}
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
        for name in list(self._passed):
            self._look_after(name)
        # A device is behind its hub: shorter names first.
        return sorted((name for name in there if name not in self._judged), key=len)

    def gone(self, name: str) -> None:
        """Forget a device that was unplugged."""
        self._judged.pop(name, None)
        self._passed.pop(name, None)
        self._refused.pop(name, None)

    def judge(self, name: str) -> None:
        """Look at a device that has come, and let it be what it may; harmless when repeated."""
        device = self._devices / name
        if not _DEVICE.match(name) or not device.exists():
            return
        if self._judged.get(name) == _number(device):
            self._look_after(name)
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
        self._passed.pop(device.name, None)
        try:
            claimed = parse(_read(device / "descriptors"))
            decision = decide(claimed, self._vendors)
        except Malformed as error:
            decision = refused(Unlike.MALFORMED, f"its descriptors: {error}")
        if claimed is None or not decision.allowed:
            return self._refuse(_Passed(device, bay, port, claimed, {}), decision)
        if not decision.whole:
            log.warning("usb.in-part", bay=bay, device=device.name, reason=decision.reason)
        passed = _Passed(device, bay, port, claimed, _offers(device, decision.allowed))
        # What a helper before let through stays as it is: its card may be being copied.
        if (self._astray(passed) or self._lacks(passed)) and not self._let_through(passed):
            return False
        if (astray := self._astray(passed)) is not None:
            return self._refuse(passed, refused(Unlike.STRAY, astray))
        if (lacks := self._lacks_still(passed)) is not None:
            return device.exists() and self._refuse(passed, refused(Unlike.NO_DRIVER, lacks))
        self._passed[device.name] = passed
        return True

    def _let_through(self, passed: _Passed) -> bool:
        """Give each interface to a driver of its class; none is bound by itself."""
        device = passed.device
        host = next((each for each in device.resolve().parents if _HOST.match(each.name)), None)
        if host is None:
            return False
        default = host / "interface_authorized_default"
        # Also what was bound before the helper ran is taken from its driver first.
        if not self._write(default, "0") or not self._write(device / "authorized", "0"):
            return False
        try:
            done = self._write(device / "authorized", "1")
        finally:
            self._write(default, "1")
        there = {n: each for n, each in passed.offers.items() if (self._devices / n).exists()}
        self._until_there(each for each in there.values() if each.needed)
        # Both halves of a serial line have to be let through before it is bound.
        done = done and all(self._write(self._devices / n / "authorized", "1") for n in there)
        for name, offer in there.items():
            self._bind(name, offer)
        for name, offer in there.items():
            if offer.needed and not _driver(self._devices / name):
                # Left open, it would be the next comer's that knows its VID:PID.
                self._write(self._devices / name / "authorized", "0")
        return done

    def _until_there(self, offers: Iterable[_Offer]) -> None:
        """Wait until drivers are loaded, which udev does once it hears of an interface."""
        wanted = {self._drivers / driver for each in offers for driver in each.drivers}
        deadline = time.monotonic() + self.patience_s
        while not all(each.is_dir() for each in wanted) and time.monotonic() < deadline:
            time.sleep(_STEP_S)

    def _bind(self, name: str, offer: _Offer) -> None:
        """Offer an interface to its drivers and no others, in their order."""
        for driver in offer.drivers:
            if _driver(self._devices / name):
                return
            bind = self._drivers / driver / "bind"
            if bind.exists():
                # A driver that does not want it says so, which is no fault.
                with contextlib.suppress(OSError):
                    self._put(bind, name)

    def _look_after(self, name: str) -> None:
        """See that a device that was let through is still driven as it was meant to be."""
        passed = self._passed.get(name)
        why = None if passed is None else self._astray(passed)
        if passed is not None and why is not None and passed.device.exists():
            self._passed.pop(name, None)
            self._refuse(passed, refused(Unlike.STRAY, why))

    def _astray(self, passed: _Passed) -> str | None:
        """What about a device is other than it was decided, or None; nothing for one that left."""
        raw = _read(passed.device / "descriptors")
        with contextlib.suppress(Malformed):
            if raw and parse(raw) == passed.claimed:
                return next(self._strays(passed), None)
        said = "it says something else of itself than when it was looked at"
        return said if raw else None

    def _strays(self, passed: _Passed) -> Iterator[str]:
        own = _driver(passed.device)
        if own not in {"", "usb"}:
            yield f"the driver {own} took it as a whole"
        for each in sorted(self._devices.glob(f"{passed.device.name}:*")):
            offer, driver = passed.offers.get(each.name), _driver(each)
            if driver and (offer is None or driver not in (*offer.drivers, _PROGRAMS)):
                yield f"the driver {driver} took it, which is none of a camera's"
            elif offer is None and _read(each / "authorized").strip() == b"1":
                yield "an interface that was left out is open"

    def _lacks_still(self, passed: _Passed) -> str | None:
        if self._lacks(passed) is None:
            return None
        # One that is being pulled loses its drivers first: that is no reason for an alarm.
        time.sleep(self.patience_s / 10)
        return self._lacks(passed) if passed.device.exists() else None

    def _lacks(self, passed: _Passed) -> str | None:
        """What a device has not got of what it needs, or None."""
        if _read(passed.device / "authorized").strip() != b"1":
            return "it could not be let through"
        for name, offer in passed.offers.items():
            there = (self._devices / name).exists()
            if there and offer.needed and not _driver(self._devices / name):
                return f"no driver of the kernel's took it: {' or '.join(offer.drivers)}"
        return None

    def _refuse(self, passed: _Passed, decision: Decision) -> bool:
        claimed, device = passed.claimed, passed.device
        classes = sorted({str(each) for each in claimed.interfaces}) if claimed else []
        what = claimed.device if claimed else "????:????"
        log.error(
            "usb.refused", bay=passed.bay, device=what, classes=classes, reason=decision.reason
        )
        self._refused[device.name] = wire.Refused(
            bay=passed.bay,
            port=passed.port,
            device=what,
            classes=tuple(classes[:_SHOWN]),
            reason=decision.reason[:500],
            code=decision.code,
        )
        return self._write(device / "authorized", "0")

    def _named(self, pattern: re.Pattern[str]) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from (each for each in self._devices.iterdir() if pattern.match(each.name))

    def _write(self, path: Path, value: str) -> bool:
        try:
            self._put(path, value)
        except OSError as error:
            # Unplugged meanwhile, or a kernel without this file: looked at again soon.
            log.warning("usb.unwritten", path=str(path), reason=error.strerror)
            return False
        return True

    def _put(self, path: Path, value: str) -> None:
        path.write_text(value, encoding="ascii")


def _offers(device: Path, allowed: Collection[Interface]) -> dict[str, _Offer]:
    """By its name, what each interface may be driven by, in all settings it has."""
    found: dict[str, _Offer] = {}
    for each in sorted(allowed, key=lambda one: len(drivers(one)), reverse=True):
        name = f"{device.name}:{each.configuration}.{each.number}"
        known = found.get(name, _Offer((), needed=False))
        both = dict.fromkeys((*known.drivers, *drivers(each)))
        found[name] = _Offer(tuple(both), needed=known.needed or is_needed(each))
    return dict(sorted(found.items()))


def _driver(device: Path) -> str:
    """The driver that has a device or an interface; empty for none."""
    try:
        return (device / "driver").readlink().name
    except OSError:
        return ""


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
