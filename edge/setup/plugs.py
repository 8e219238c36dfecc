"""Which port a bay is: something is plugged into it, and the port that is new is the bay.

Only the way from the board to the plug counts (udev's ``ID_PATH``); of what the device says of
itself nothing is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pyudev  # type: ignore[import-untyped]  # it ships no types

_PLUG: Final = re.compile(r".*-usb(?:v\d+)?-\d+:[\d.]+(?=$|[:-])")


def plug(path: str) -> str | None:
    """``ID_PATH`` up to the plug; None for what does not hang on USB."""
    found = _PLUG.match(path)
    return found[0] if found else None


def plugged() -> frozenset[str]:
    """Plugs that have a disk now; empty where udev does not run, too."""
    if not Path("/run/udev/data").exists():
        return frozenset()
    devices = pyudev.Context().list_devices(subsystem="block", DEVTYPE="disk")
    found = (plug(device.properties.get("ID_PATH") or "") for device in devices)
    return frozenset(each for each in found if each)
