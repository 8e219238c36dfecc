"""The dock's serial devices in the demo: simulators on pseudo-terminals, read by real drivers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from edge.wired.frames.badges import ReaderKind
from tests.simulators.serial_badge import Reader
from tests.simulators.serial_camera import AmbaCamera
from tests.simulators.serial_relay import KtaRelays

BADGE = "62E3086CED"
OFFSET_S = -213.4
_PLACE, _READY = 1, 2


class Wired:
    """A badge reader and a lamp board for one bay, and a camera's control line.

    Attributes:
        officer: what the ledger calls the officer's badge.
        tables: settings that tell the dock of all three.
    """

    officer = f"{ReaderKind.RDM6300}:{BADGE}"

    def __init__(self, folder: Path, bay: str, camera: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._reader = Reader(folder / "reader")
        self._lamps = KtaRelays(folder / "lamps")
        self._camera = AmbaCamera(folder / "camera", camera, OFFSET_S)
        self.tables = _TABLES.format(
            reader=self._reader.link,
            lamps=self._lamps.link,
            camera=self._camera.link,
            bay=bay,
            place=_PLACE,
            ready=_READY,
        )

    @contextlib.contextmanager
    def plugged(self) -> Iterator[None]:
        """Reader and lamps are there while this lasts; the camera comes with its officer."""
        with self._reader.plugged(), self._lamps.plugged():
            try:
                yield
            finally:
                self._camera.unplug()

    def tap(self) -> None:
        """The officer holds the badge to the reader."""
        self._reader.hold(BADGE, 3)

    def dock(self) -> None:
        """The camera's contacts meet the bay's."""
        self._camera.plug()

    @property
    def disk(self) -> bool:
        """Whether the dock asked the camera for its disk."""
        return self._camera.disk

    @property
    def invites(self) -> bool:
        """Whether the lamp that says "here" is lit."""
        return _PLACE in self._lamps.on

    @property
    def ready(self) -> bool:
        """Whether the lamp that says "take it" is lit."""
        return _READY in self._lamps.on


_TABLES = """
[[serial.readers]]
path = "{reader}"
driver = "rdm6300"

[[serial.lights]]
path = "{lamps}"
driver = "kta"
channels = {{ {place} = "{bay}" }}

[[serial.lights]]
path = "{lamps}"
driver = "kta"
shows = "ready"
channels = {{ {ready} = "{bay}" }}

[[serial.control]]
path = "{camera}"
bay = "{bay}"
zone = "Asia/Shanghai"
read_clock = "Gtm"
disk_mode = true
"""
