"""Which bay a port is: the ``[[bays]]`` tables, and how a USB path is found in them.

A bay is a place, not a device: what tells it is the way from the board to the plug, which
udev writes as ``ID_PATH`` (``pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0``). Everything that
hangs on one plug, several partitions and several disks of one camera, is in one bay. A device
further on, behind a hub in that plug, is not: its path goes on with a dot.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_NAME: Final = re.compile(r"[^/\s.][^/\0]{0,99}\Z")
_NAME_BYTES: Final = 200
# What may follow the plug in a path: the interface, or the disk on it.
_END: Final = r"(?=$|[:-])"
_PAST_PLUG: Final = re.compile(r"usb-\d+:[\d.*]+([:-].*)")


class BaySection(BaseModel):
    """One bay and the port it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="what the bay is called on every screen and record")
    path: Annotated[str, Field(min_length=3, max_length=300)] = Field(
        description="ID_PATH of its port up to the plug, from `udevadm info`; * stands for any text"
    )

    @field_validator("name")
    @classmethod
    def _a_directory_too(cls, name: str) -> str:
        # What is mounted for a bay lies in a directory of this name.
        fits = _NAME.match(name) and name.isprintable() and len(name.encode()) <= _NAME_BYTES
        if not fits or name != name.strip():
            msg = "1 to 100 printable characters without /, not beginning with a dot or a space"
            raise ValueError(msg)
        return name

    @field_validator("path")
    @classmethod
    def _says_something(cls, path: str) -> str:
        if not path.replace("*", "").strip(":-./"):
            msg = "every port would be this bay; write the port's own ID_PATH"
            raise ValueError(msg)
        if (past := _PAST_PLUG.search(path)) is not None:
            # The disk on it would be found, but the device in the plug would pass unguarded.
            msg = f"it goes on past the plug; write it without {past[1]}"
            raise ValueError(msg)
        return path


class Bays:
    """All bays of a dock.

    Args:
        sections: the tables, in the file's order; of two that fit, the first counts.
    """

    def __init__(self, sections: Iterable[BaySection] = ()) -> None:
        self._known = [(_pattern(section.path), section.name) for section in sections]

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def names(self) -> list[str]:
        """What the bays are called."""
        return [name for _, name in self._known]

    def at(self, port: str | None) -> str | None:
        """The bay of a port; None for one that no table names."""
        found = (name for pattern, name in self._known if pattern.match(port or ""))
        return next(found, None)


class BaysTable(BaseModel):
    """The ``[[bays]]`` tables of a configuration."""

    bays: tuple[BaySection, ...] = Field(default=(), description="the dock's bays by USB port")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for what, given in (
            ("called", [bay.name for bay in self.bays]),
            ("at port", [bay.path for bay in self.bays]),
        ):
            twice = [each for each, times in Counter(given).items() if times > 1]
            if twice:
                msg = f"two bays are {what} {twice[0]}"
                raise ValueError(msg)
        return self


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, path.split("*"))) + _END)
