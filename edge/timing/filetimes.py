"""What the time of a file means that a mounted card tells.

FAT and exFAT keep local time. The kernel makes UTC of it by what the mount says, and cannot
know what the camera's clock showed:

* vfat takes off ``time_offset`` minutes, nothing with ``tz=UTC``, else the kernel's own zone,
  which is what the last start left there;
* exfat takes off what the file itself states, if it states it, else ``time_offset`` or nothing;
* FUSE drivers do as they like.

So a file's time is the digits of the camera only under ``tz=UTC`` or ``time_offset``; else it
may be either. Pure: the text of ``/proc/self/mountinfo`` comes in as an argument (proc(5)).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge.timing.moments import MINUTE, SECOND, Claim, Shows

_FAT: Final = frozenset({"vfat", "msdos"})
_EXFAT: Final = frozenset({"exfat", "fuse", "fuseblk", "ntfs", "ntfs3"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_OFFSET: Final = re.compile(r"time_offset=(-?[0-9]{1,4})")
# FAT counts in steps of two seconds, and writers may round up.
_STEP: Final = 2 * SECOND
_BEFORE_TYPE: Final = 6


@dataclass(frozen=True, slots=True)
class FileTimes:
    """How a card's file times are to be read.

    Attributes:
        shows: what they are.
        shift_ms: to be added to get the digits that are on the card, for local time.
        step_ms: the steps they are counted in.
        words: for a record.
    """

    shows: Shows
    words: str
    shift_ms: int = 0
    step_ms: int = SECOND

    def claim(self, mtime_ns: int) -> Claim:
        """The claim that a file's time makes."""
        at_ms = mtime_ns // 1_000_000 + self.shift_ms
        slack = self.step_ms if self.step_ms > SECOND else 0
        return Claim(at_ms, self.shows, grain_ms=self.step_ms, slack_ms=slack)


PLAIN: Final = FileTimes(Shows.UTC, "file time in UTC")
UNKNOWN: Final = FileTimes(Shows.EITHER, "file time, UTC or local", step_ms=_STEP)


def file_times(mountinfo: str, root: str) -> FileTimes:
    """How the files below a directory are dated.

    Args:
        mountinfo: text of ``/proc/self/mountinfo``.
        root: absolute path of a card.
    """
    found, longest = UNKNOWN, -1
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if "-" not in fields[_BEFORE_TYPE:]:
            continue
        at = fields.index("-", _BEFORE_TYPE)
        place, kind, options = _plain(fields[4]), fields[at + 1 : at + 2], fields[at + 3 :]
        if not _below(root, place) or len(place) < longest or not kind:
            continue
        # Of two mounts on one place the later one is seen.
        found, longest = _of(kind[0].partition(".")[0], options[0] if options else ""), len(place)
    return found


def _of(kind: str, options: str) -> FileTimes:
    if kind not in _FAT | _EXFAT:
        return PLAIN
    offset = _OFFSET.search(options)
    if kind in _FAT and offset:
        return FileTimes(Shows.LOCAL, "FAT file time, local", int(offset[1]) * MINUTE, _STEP)
    if kind in _FAT and "tz=UTC" in options.split(","):
        return FileTimes(Shows.LOCAL, "FAT file time, local", 0, _STEP)
    return UNKNOWN


def _below(root: str, place: str) -> bool:
    return root == place or root.startswith(place.rstrip("/") + "/")


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
