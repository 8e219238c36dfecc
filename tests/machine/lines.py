"""A camera with a control line beside its disk, and a disk that has the number of a cable."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import threading
import time
import tty
from pathlib import Path
from typing import Any

from tests.machine.gadgets import (
    Camera,
    alarms,
    bay,
    card,
    records,
    run,
    safe,
    say,
    status,
    wait,
)
from tests.simulators.serial_camera import AmbaCamera

PATH = "/dev/serial/by-path/platform-dummy_hcd.1-usb-0:1:1.1"
SETTINGS = f"""
[serial]
[[serial.control]]
path = "{PATH}"
bay = "2"
zone = "Asia/Shanghai"
read_clock = "Gtm"
read_battery = "Bat"
set_clock = true
"""
_AHEAD_S = 123.4
# A glucose meter's cable, which a driver of the kernel's takes whatever class it shows.
_CABLE = "0a21:8001"


def disciplined() -> None:
    """Let the kernel believe its clock, as a time daemon does; a dock sets no clocks otherwise."""
    words = (ctypes.c_long * 64)()
    ctypes.c_uint.from_address(ctypes.addressof(words)).value = 0x1C  # max. and est. error, status
    words[3:6] = [20_000, 20_000, 1]  # two in microseconds, STA_PLL
    if ctypes.CDLL(None).adjtimex(words) < 0:
        raise SystemExit("the kernel's clock cannot be disciplined")


def _speak(camera: AmbaCamera, stop: threading.Event) -> None:
    """Be the camera's firmware at its end of the line."""
    while not stop.is_set():
        try:
            line = os.open("/dev/ttyGS0", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.1)
            continue
        try:
            tty.setraw(line)
            camera.reset()
            while not stop.is_set():
                if select.select([line], [], [], 0.2)[0]:
                    heard = os.read(line, 4096)
                    if not heard:
                        break
                    os.write(line, camera.answer(heard))
        except OSError:
            time.sleep(0.1)
        finally:
            os.close(line)


def a_control_line() -> None:
    image = card("ACM", {"DCIM/A.MP4": os.urandom(300_000)}, mib=40)
    camera = Camera(2, "BWC000006", image, "acm.usb0")
    firmware = AmbaCamera(Path("/run/machine/none"), "BWC000123", offset_s=_AHEAD_S)
    stop = threading.Event()
    threading.Thread(target=_speak, args=(firmware, stop), daemon=True).start()
    at = camera.plug()
    wait("its control line", lambda: _line()["connected"])
    say(f"plugged to its line being open: {time.monotonic() - at:.1f} s; {camera.drivers()}")
    shown = wait("safe in bay 2", lambda: safe("2"))[0]
    _stated(firmware)
    say(f"battery: {shown['battery']}; its clock stands off by {firmware.offset} now")
    camera.pull()
    wait("its line to be gone", lambda: not _line()["connected"])
    say(f"pulled: {_line()['problem']}")
    asked = firmware.commands.count("Gdv")
    camera.plug()
    wait("its line again by its path", lambda: _line()["connected"])
    wait("it to be asked again", lambda: firmware.commands.count("Gdv") > asked)
    stop.set()
    camera.pull()
    wait("bay 2 to be empty", lambda: bay("2") is None)


def _line() -> dict[str, Any]:
    return next(each for each in status()["serial"] if each["path"] == PATH)


def _stated(firmware: AmbaCamera) -> None:
    opened = [each for each in records("session.opened") if each["bay"] == "2"][-1]
    clock = opened.get("clock") or {}
    say(f"the docking states: {opened['camera']}, clock {clock}")
    off = abs(clock.get("offset_ms", 0) - _AHEAD_S * 1000)
    if off > clock.get("offset_error_ms", 0) or not clock.get("set_to_dock"):
        raise SystemExit(f"its clock is ahead by {_AHEAD_S} s, and this is said: {clock}")
    if abs(firmware.offset.total_seconds()) > 5:
        raise SystemExit(f"its clock still stands off by {firmware.offset}")
    if "BWC000123" not in str(opened["camera"]):
        raise SystemExit(f"it said that it is BWC000123, and this is on record: {opened}")


def a_cable() -> None:
    """A "disk" that a driver takes by its VID:PID, whatever class it claims."""
    # Loaded first, it is asked first.
    run("modprobe", "usb_serial_simple")
    image = card("CABLE", {"DCIM/A.MP4": b"x" * 1000}, mib=40)
    camera = Camera(3, "BWC000007", image, "gser.usb0", device=_CABLE)
    camera.plug()
    wait("its disk in bay 3", lambda: bay("3"))
    drivers = camera.drivers()
    say(f"a disk with the number of a cable, and a vendor's interface: {drivers}")
    if sorted(drivers.values()) != ["", "usb-storage"]:
        raise SystemExit("a driver got it by its number")
    # Whoever is root may give it away all the same; then it is shut out.
    name = next(each for each, driver in drivers.items() if driver == "usb-storage")
    at = time.monotonic()
    for driver, file in (("usb-storage", "unbind"), ("usb_serial_simple", "bind")):
        subprocess.run(
            ["sh", "-c", f"echo {name} >/sys/bus/usb/drivers/{driver}/{file}"], check=False
        )
    wait(
        "an alarm about it", lambda: [each for each in alarms() if "usb_serial_simple" in str(each)]
    )
    say(f"a driver that is none of a camera's was noticed after {time.monotonic() - at:.1f} s")
    wait("its interfaces to be gone", lambda: not camera.drivers())
    camera.pull()
    wait("bay 3 to be empty", lambda: bay("3") is None)
