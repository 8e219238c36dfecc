"""Ambarella's camera control in ASCII: ``@CMD;LEN;DATA;#``.

Seen in the wild: ``@Ver;8;00000000;#`` is answered with ``Ver;OK``, without a length; a time
is set with ``@Stm;6;HHMMSS00;#``, whose length does not fit its data. So an answer may lack
the length, and one that disagrees is told, not refused. A frame ends at the first ``;#``:
no answer's data is known to hold that, and any other rule would let one damaged length eat
the frames behind it. An ``@`` inside begins a new frame for the same reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.wired.frames.framing import Fault, FrameError, Parser, Skip, Step, Took, seek

_COMMAND: Final = re.compile(rb"@([A-Za-z]{2,8});")
_BEGINS: Final = re.compile(rb"@([A-Za-z]{0,8}|[A-Za-z]{2,8};[\x20-\x7e]*)\Z")
_LENGTH: Final = re.compile(rb"([0-9]{1,4});(.*)\Z", re.DOTALL)
_END: Final = b";#"
_CHARGE: Final = re.compile(r" *(100|[0-9]{1,2}) *%? *")
_MAX_DATA: Final = 400


@dataclass(frozen=True, slots=True)
class AmbaFrame:
    """One command or answer.

    Attributes:
        length: as the frame says; None where it says none.
    """

    command: str
    data: str
    length: int | None

    @property
    def agrees(self) -> bool:
        """Whether the length is that of the data, or was not said."""
        return self.length is None or self.length == len(self.data)


class AmbaParser(Parser[AmbaFrame]):
    """Finds answers of a camera."""

    limit = 512

    def _next(self, held: bytes) -> Step[AmbaFrame]:
        if noise := seek(held, b"@"):
            return noise
        end = held.find(_END)
        whole = held if end < 0 else held[:end]
        again = whole.find(b"@", 1)
        if again > 0:
            return Skip(again, Fault.TRUNCATED)
        if not _BEGINS.match(whole):
            return Skip(1, Fault.MALFORMED)
        if end < 0:
            return None
        head = _COMMAND.match(whole)
        if head is None:
            return Skip(1, Fault.MALFORMED)
        rest = whole[head.end() :]
        sized = _LENGTH.match(rest)
        data = sized[2] if sized else rest
        frame = AmbaFrame(head[1].decode(), data.decode(), int(sized[1]) if sized else None)
        return Took(end + len(_END), frame)


def command(name: str, data: str, length: int | None = None) -> bytes:
    """A command as a camera expects it.

    Args:
        name: letters, for example ``Gdv``.
        data: printable ASCII without ``@``, ``;`` and ``#``.
        length: what to say instead of the data's length.

    Raises:
        FrameError: values that would make another frame of it.
    """
    if not re.fullmatch(r"[A-Za-z]{2,8}", name):
        raise FrameError(f"{name!r} is no command")
    if len(data) > _MAX_DATA or not re.fullmatch(r"[\x20-\x7e]*", data) or set(data) & set("@;#"):
        raise FrameError("data must be at most 400 printable characters without @ ; #")
    return f"@{name};{len(data) if length is None else length};{data};#".encode("ascii")


def login(word: str) -> bytes:
    """The first command of a connection."""
    return command("Ver", word)


def get_device_id(password: str) -> bytes:
    """Ask for the number the camera is known by."""
    return command("Gdv", password)


def set_date(moment: datetime) -> bytes:
    """Set the date of the camera's clock."""
    return command("Sdt", moment.strftime("%Y%m%d"))


def set_time(moment: datetime) -> bytes:
    """Set its time of day; the length that does not fit is the maker's own."""
    return command("Stm", moment.strftime("%H%M%S00"), length=6)


def disk_mode(password: str) -> bytes:
    """Let the camera show itself as a disk."""
    return command("ATH", password)


def percent_of(text: str) -> int:
    """What a camera says of its battery: percent, with or without the sign.

    Raises:
        FrameError: it is nothing of the kind.
    """
    said = _CHARGE.fullmatch(text)
    if said is None:
        raise FrameError(f"{text[:60]!r} is no charge in percent")
    return int(said[1])


def clock_of(data: str) -> datetime:
    """What a camera's clock says, from 14 digits; which zone they mean it does not tell.

    Raises:
        FrameError: no date and time.
    """
    if not re.fullmatch(r"[0-9]{14}", data):
        raise FrameError("not the 14 digits of a date and time")
    try:
        return datetime.strptime(data, "%Y%m%d%H%M%S")  # noqa: DTZ007 -- it tells no zone
    except ValueError as error:
        raise FrameError(str(error)) from error
