"""The operator's list of cameras: whose they are, which are lost, what to do with others.

::

    [[camera]]
    serial = "36NCC009910"     # or volume = "6F2A-11C0", or both
    unit = "3rd squad"
    officer = "016042"
    state = "in-use"           # or "lost", "retired"
    note = "replaced the one that fell into the river"

What a camera says of itself is a claim: whoever writes a card can pass for another camera, or
for a lost one. So a listed name opens nothing, and a camera that is refused loses nothing: its
docking is on record, nothing on it is copied and nothing erased. It is taken at its next
docking after the list was changed. The file is read again whenever it changed; a broken one
stops a dock that starts, and is an alarm for one that runs, which goes on with the last good
one.
"""

from __future__ import annotations

import threading
import tomllib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.cameras.base import word
from edge.codes import Barred
from edge.errors import ConfigError
from protocols.settings import wrong_settings

BROKEN: Final = "camera-list-broken"
CODES: Final = ("camera-lost", "camera-retired", "camera-unknown")
MAX_FILE: Final = 4 << 20
MAX_CAMERAS: Final = 20_000

Unknown: TypeAlias = Literal["accept", "alarm", "refuse"]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class CameraState(StrEnum):
    """What the list says of a camera."""

    IN_USE = "in-use"
    RETIRED = "retired"
    LOST = "lost"


# Of two entries that fit, the one that says worse of the camera is believed.
_WORSE: Final = (CameraState.IN_USE, CameraState.RETIRED, CameraState.LOST)


class Listed(BaseModel):
    """One camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: Text | None = Field(default=None, description="what the camera says its number is")
    volume: Text | None = Field(default=None, description="number or label of its card")
    unit: Text | None = Field(default=None, description="whose it is")
    officer: Text | None = Field(default=None, description="who carries it, if always the same")
    state: CameraState = Field(default=CameraState.IN_USE, description="in-use, lost or retired")
    note: Text | None = Field(default=None, description="for people")

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.serial is None and self.volume is None:
            msg = "a camera needs a serial or a volume to be known by"
            raise ValueError(msg)
        return self


class CameraList(BaseModel):
    """Everything in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: Annotated[tuple[Listed, ...], Field(max_length=MAX_CAMERAS)] = Field(
        default=(), description="one table per camera"
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for what in ("serial", "volume"):
            names = Counter(name for each in self.camera if (name := getattr(each, what)))
            for name, count in names.items():
                if count > 1:
                    msg = f"{count} cameras have the {what} {name}"
                    raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class Standing:
    """What the list means for a camera that was docked.

    Attributes:
        registered: for the record; None without a list.
        refused: why nothing is taken from it; empty if it is taken.
        alarm: code and text, if somebody has to know.
        officer: who carries it, as the list says.
        unit: whose it is.
    """

    registered: Literal["in-use", "lost", "retired", "unknown"] | None = None
    refused: str = ""
    alarm: tuple[str, str] | None = None
    officer: str | None = None
    unit: str | None = None

    @property
    def barred(self) -> Barred | None:
        """Why nothing is taken from it, as a stable word; None if it is taken."""
        if not self.refused:
            return None
        return Barred.LOST if self.registered == CameraState.LOST.value else Barred.UNKNOWN


class Registry:
    """The list in force. Safe from several threads; blocks on its file."""

    def __init__(self, path: Path | None = None, unknown: Unknown = "accept") -> None:
        """Read it.

        Args:
            path: of the file; None for none, which accepts every camera.
            unknown: what to do with a camera that is not on the list.

        Raises:
            ConfigError: it cannot be read, or says something wrong.
        """
        self._path = path
        self._unknown: Unknown = unknown
        self._lock = threading.Lock()
        self._stamp = None if path is None else _stamp(path)
        self._use(CameraList() if path is None else read(path))

    def refresh(self) -> str | None:
        """Read the file again if it changed; says why it cannot be used, if so.

        Whatever it says, the last good list stays in force until there is a better one.
        """
        if self._path is None:
            return None
        with self._lock:
            try:
                stamp = _stamp(self._path)
                if stamp != self._stamp:
                    self._use(read(self._path))
                    self._stamp = stamp
            except ConfigError as error:
                return f"{error}; the list that was read before stays in force"
        return None

    def standing(self, serial: str | None, volume: str) -> Standing:
        """What the list says of a camera.

        Args:
            serial: as the camera claims.
            volume: as its card claims.
        """
        if self._path is None:
            return Standing()
        by_serial, by_volume = self._listed
        found = (by_serial.get(serial or ""), by_volume.get(volume))
        fitting = [each for each in found if each is not None]
        who = word(f"camera {serial} with card {volume}" if serial else f"card {volume}")
        if not fitting:
            return self._of_unknown(who)
        return _of_listed(who, max(fitting, key=lambda each: _WORSE.index(each.state)))

    def _use(self, cameras: CameraList) -> None:
        # One assignment: other threads see the old list or the new one.
        self._listed = (
            {each.serial: each for each in cameras.camera if each.serial},
            {each.volume: each for each in cameras.camera if each.volume},
        )

    def _of_unknown(self, who: str) -> Standing:
        text = f"{who} is on no list of cameras"
        match self._unknown:
            case "accept":
                return Standing("unknown")
            case "alarm":
                return Standing("unknown", alarm=("camera-unknown", f"{text}; it is taken"))
            case "refuse":
                return Standing("unknown", text, ("camera-unknown", _refusal(text)))


def read(path: Path) -> CameraList:
    """Read the file.

    Raises:
        ConfigError: unreadable, too large, not TOML, or something in it is wrong; names all.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ConfigError(f"{path}: more than {MAX_FILE} bytes")
        return CameraList.model_validate(tomllib.loads(data.decode()))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, CameraList))
        raise ConfigError(f"{path}:{problems}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _of_listed(who: str, listed: Listed) -> Standing:
    note = f" ({listed.note})" if listed.note else ""
    refused, alarm = "", None
    match listed.state:
        case CameraState.IN_USE:
            pass
        case CameraState.RETIRED:
            # What it holds may be evidence all the same.
            alarm = ("camera-retired", f"{who} was retired{note} and is in use; it is taken")
        case CameraState.LOST:
            refused = f"{who} was reported lost{note}"
            alarm = ("camera-lost", _refusal(refused))
    return Standing(listed.state.value, refused, alarm, listed.officer, listed.unit)


def _refusal(why: str) -> str:
    return (
        f"{why}. Nothing on it was copied or erased; keep the camera, and change the list of "
        "cameras to have it taken at its next docking"
    )


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size, found.st_ino
