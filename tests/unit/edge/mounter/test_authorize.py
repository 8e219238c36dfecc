"""What is written to the kernel's files; the sysfs is made up, since no USB host is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.bays import Bays, BaySection
from edge.mounter.authorize import Guard, port_of
from edge.mounter.client import said
from tests.unit.edge.mounter.usbside import (
    ADB,
    DISK,
    KEYBOARD,
    SERIAL,
    SERIAL_DATA,
    Sysfs,
    descriptors,
)

PORT = "pci-0000:00:14.0-usb-0:1.2"


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    return Sysfs(tmp_path / "sys")


class Kernel(Guard):
    """A guard whose writing has effects, as a kernel's files have."""

    def __init__(self, sysfs: Sysfs) -> None:
        super().__init__(Bays([BaySection(name="1", path=PORT)]), ("4255:0001",), sysfs.root)
        self.patience_s = 0.05
        self.sysfs = sysfs

    def _put(self, path: Path, value: str) -> None:
        super()._put(path, value)
        self.sysfs.wrote(path)


def guard(sysfs: Sysfs) -> Guard:
    return Kernel(sysfs)


def driver(device: Path, number: int) -> str:
    link = device / f"{device.name}:1.{number}" / "driver"
    return link.readlink().name if link.is_symlink() else ""


def authorized(device: Path) -> str:
    return (device / "authorized").read_text().strip()


def test_a_port_is_named_as_udev_names_it(sysfs: Sysfs) -> None:
    assert port_of(sysfs.plug("1-1.2", b""), sysfs.root) == PORT


def test_bridges_in_a_row_are_named_by_the_nearest_as_udev_does(tmp_path: Path) -> None:
    bus = tmp_path / "bus" / "platform"
    bus.mkdir(parents=True)
    at = tmp_path / "devices" / "platform" / "axi" / "1f00200000.usb" / "xhci-hcd.0"
    device = at / "usb1" / "1-1"
    device.mkdir(parents=True)
    for each in (at, at.parent, at.parent.parent):
        (each / "subsystem").symlink_to(bus)
    assert port_of(device, tmp_path) == "platform-xhci-hcd.0-usb-0:1"


def test_while_the_helper_runs_nothing_new_is_bound_unseen(sysfs: Sysfs) -> None:
    guard(sysfs).begin()
    assert (sysfs.host / "authorized_default").read_text() == "0"
    assert authorized(sysfs.plug("1-1.2", descriptors(DISK))) == "0"


def test_a_disk_in_a_bay_is_let_through_and_a_keyboard_is_not(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    disk = sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    assert (authorized(disk), it.refused) == ("1", [])
    it.gone("1-1.2")
    keyboard = sysfs.plug("1-1.2", descriptors(DISK, KEYBOARD, vid=0x046D, pid=0xC31C))
    it.judge("1-1.2")
    assert authorized(keyboard) == "0"
    (refused,) = it.refused
    assert (refused.bay, refused.device, refused.port) == ("1", "046d:c31c", PORT)
    assert refused.classes == ("03/01/01", "08/06/50")
    text, about = said(refused)
    assert "bay 1" in text
    assert "keyboard" in text
    assert about == "1 046d:c31c"
    it.gone("1-1.2")
    assert it.refused == []


def test_what_was_bound_before_the_helper_came_is_taken_back(sysfs: Sysfs) -> None:
    keyboard = sysfs.plug("1-1.2", descriptors(KEYBOARD))
    assert authorized(keyboard) == "1"
    guard(sysfs).begin()
    assert authorized(keyboard) == "0"


@pytest.mark.parametrize("name", ["1-1", "1-1.3", "1-1.2.1"])
def test_outside_the_bays_all_is_let_through(sysfs: Sysfs, name: str) -> None:
    it = guard(sysfs)
    it.begin()
    device = sysfs.plug(name, descriptors(KEYBOARD))
    it.judge(name)
    assert (authorized(device), it.refused) == ("1", [])


def test_of_a_disk_with_more_the_disk_is_bound_and_the_rest_is_not(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    device = sysfs.plug("1-1.2", descriptors(DISK, ADB))
    it.judge("1-1.2")
    parts = [device / f"1-1.2:1.{number}" for number in (0, 1)]
    assert [authorized(each) for each in (device, *parts)] == ["1", "1", "0"]
    assert [driver(device, number) for number in (0, 1)] == ["usb-storage", ""]
    # What comes next is not bound by this exception.
    assert (sysfs.host / "interface_authorized_default").read_text() == "1"
    assert it.refused == []


@pytest.mark.parametrize("line", [(SERIAL, SERIAL_DATA), (SERIAL_DATA, SERIAL)])
def test_a_disk_with_a_serial_line_gets_a_driver_for_each(
    sysfs: Sysfs, line: tuple[tuple[int, int, int], ...]
) -> None:
    it = guard(sysfs)
    it.begin()
    device = sysfs.plug("1-1.2", descriptors(DISK, *line))
    it.judge("1-1.2")
    assert [driver(device, number) for number in range(3)] == ["usb-storage", "cdc_acm", "cdc_acm"]
    assert it.refused == []


def test_a_listed_vendors_interface_is_open_to_programs_and_chips_of_serial_lines(
    sysfs: Sysfs,
) -> None:
    it = guard(sysfs)
    it.begin()
    device = sysfs.plug("1-1.2", descriptors(ADB, vid=0x4255))
    it.judge("1-1.2")
    assert (driver(device, 0), it.refused) == ("ch341", [])
    sysfs.wants.pop("ch341")
    (sysfs.root / "bus/usb/drivers/ch341/bind").unlink()
    device = sysfs.plug("1-1.2", descriptors(ADB, vid=0x4255))
    it.judge("1-1.2")
    assert (driver(device, 0), authorized(device / "1-1.2:1.0")) == ("", "1")
    # A driver that came later and types.
    sysfs.take(device / "1-1.2:1.0", "ati_remote")
    it.judge("1-1.2")
    assert authorized(device) == "0"
    assert "ati_remote" in it.refused[0].reason


def test_a_disk_that_a_driver_for_its_number_takes_is_refused(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    sysfs.greedy = "ati_remote"
    device = sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    assert authorized(device) == "0"
    assert "ati_remote" in it.refused[0].reason


def test_a_disk_is_looked_after_for_as_long_as_it_is_there(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    device = sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    interface = device / "1-1.2:1.0"
    (interface / "driver").unlink()
    # One that is being pulled loses its driver first, and that is no alarm.
    it.unjudged()
    assert it.refused == []
    sysfs.take(interface, "ati_remote")
    it.unjudged()
    assert (authorized(device), len(it.refused)) == ("0", 1)


def test_a_device_that_says_something_else_once_it_is_let_through_is_refused(
    sysfs: Sysfs,
) -> None:
    it = guard(sysfs)
    it.begin()
    sysfs.changes = descriptors(DISK, vid=0x0BC7, pid=0x0004)
    device = sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    assert authorized(device) == "0"
    assert "something else" in it.refused[0].reason


def test_a_disk_that_the_kernels_driver_does_not_take_is_named(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    sysfs.wants["usb-storage"] = set()
    sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    assert "usb-storage" in it.refused[0].reason


def test_a_disk_that_is_in_use_when_the_helper_comes_back_is_not_taken_from_its_driver(
    sysfs: Sysfs,
) -> None:
    device = sysfs.plug("1-1.2", descriptors(DISK))
    before = (device / "1-1.2:1.0").stat().st_ino
    guard(sysfs).begin()
    assert (device / "1-1.2:1.0").stat().st_ino == before
    assert driver(device, 0) == "usb-storage"


def test_what_was_bound_by_its_number_before_the_helper_came_is_given_to_its_class(
    sysfs: Sysfs,
) -> None:
    sysfs.greedy = "ati_remote"
    device = sysfs.plug("1-1.2", descriptors(DISK))
    assert driver(device, 0) == "ati_remote"
    sysfs.greedy = ""
    it = guard(sysfs)
    it.begin()
    assert (driver(device, 0), it.refused) == ("usb-storage", [])


@pytest.mark.parametrize("raw", [b"", b"\x12\x01", descriptors(DISK)[:-3]])
def test_a_device_whose_descriptors_lie_is_refused(sysfs: Sysfs, raw: bytes) -> None:
    it = guard(sysfs)
    device = sysfs.plug("1-1.2", raw)
    it.begin()
    assert authorized(device) == "0"
    assert "descriptor" in it.refused[0].reason


def test_another_device_in_the_same_port_is_looked_at_anew(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    sysfs.plug("1-1.2", descriptors(DISK))
    it.judge("1-1.2")
    assert it.unjudged() == []
    # Its leaving was not heard of.
    device = sysfs.plug("1-1.2", descriptors(KEYBOARD))
    assert it.unjudged() == ["1-1.2"]
    it.judge("1-1.2")
    assert authorized(device) == "0"


def test_a_host_that_came_later_is_closed_too(sysfs: Sysfs) -> None:
    it = guard(sysfs)
    it.begin()
    (sysfs.host / "authorized_default").write_text("1\n")
    it.unjudged()
    assert (sysfs.host / "authorized_default").read_text() == "0"


def test_a_kernel_without_these_files_is_survived_and_asked_again(tmp_path: Path) -> None:
    it = Guard(Bays(), (), tmp_path)
    it.begin()
    it.judge("1-1")
    it.judge("../../etc")
    assert it.unjudged() == []
