"""A camera's control line (Ambarella ASCII), without a camera.

    python -m tests.simulators.serial_camera --link PATH [--offset SECONDS]

It has a clock that is wrong by so much and shows Shanghai's time. Reading it and the battery
are this simulator's own commands, ``Gtm`` and ``Bat``: no public source names real ones.
"""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tests.simulators.serial_line import Device, stay

ZONE: Final = ZoneInfo("Asia/Shanghai")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMMAND: Final = re.compile(rb"@([A-Za-z]+);([0-9]+);([^;#@]*);#")


class AmbaCamera(Device):
    """A camera in its bay.

    Attributes:
        offset: its clock minus the right time.
        battery: what it says of its charge.
        commands: names of what it was told.
        leaves: whether it drops off the line for disk mode, as many do.
        mute: commands it does not answer.
    """

    def __init__(self, link: Path, device_id: str = "BWC000123", offset_s: float = 0.0) -> None:
        super().__init__(link)
        self.device_id = device_id
        self.password = "12345678"  # noqa: S105 -- every maker's default
        self.offset = timedelta(seconds=offset_s)
        self.battery = "43"
        self.commands: list[str] = []
        self.leaves = False
        self.mute: set[str] = set()
        self.disk = False
        self._pending = b""
        self._greeted = False

    def reset(self) -> None:
        """Who plugs it in again has to greet it again."""
        self._pending = b""
        self._greeted = False

    def now(self) -> datetime:
        """What its clock shows, with its zone."""
        elapsed = timedelta(microseconds=time.time_ns() // 1000)
        return (_EPOCH + elapsed + self.offset).astimezone(ZONE)

    def answer(self, heard: bytes) -> bytes:
        self._pending += heard
        said = b""
        while command := _COMMAND.search(self._pending):
            self._pending = self._pending[command.end() :]
            name, data = command[1].decode(), command[3].decode()
            self.commands.append(name)
            said += self._reply(name, data)
        return said

    def _reply(self, name: str, data: str) -> bytes:
        if name in self.mute:
            return b""
        if name == "Ver":
            self._greeted = True
        elif not self._greeted or (name in {"Gdv", "ATH", "Gtm", "Bat"} and data != self.password):
            return f"@{name};ERROR;#".encode()
        match name:
            case "Gdv":
                return _sized(name, self.device_id)
            case "Gtm":
                return _sized(name, self.now().strftime("%Y%m%d%H%M%S"))
            case "Bat":
                return _sized(name, self.battery)
            case "Sdt" | "Stm":
                self._set(name, data)
            case "ATH":
                self.disk = True
                if self.leaves:
                    self.leave()
            case _:
                pass
        return f"@{name};OK;#".encode() if not self._leaving else b""

    def _set(self, name: str, data: str) -> None:
        now = self.now()
        if name == "Sdt":
            date = datetime.strptime(data, "%Y%m%d").replace(tzinfo=ZONE).date()
            told = datetime.combine(date, now.time(), ZONE)
        else:
            at = datetime.strptime(data, "%H%M%S00").replace(tzinfo=ZONE).time()
            told = datetime.combine(now.date(), at, ZONE)
        self.offset += told - now


def _sized(name: str, data: str) -> bytes:
    return f"@{name};{len(data)};{data};#".encode()


def main() -> None:
    """Be a camera until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", type=Path, required=True)
    parser.add_argument("--offset", type=float, default=0.0)
    options = parser.parse_args()
    stay(AmbaCamera(options.link, offset_s=options.offset))


if __name__ == "__main__":
    main()
