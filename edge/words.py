"""What a bay tells the officer, in English and Chinese; never "safe" a moment too early.

"Safe" is said when everything that was on the card is released by the gateway, compared
with what is on the card, and nothing was given up. Everything else tells the officer to
leave the camera where it is, or whom to call.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.items import Item, Phase
from edge.roster import Roster
from edge.session import Docking, Doing


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for a screen.

    Attributes:
        code: stable word for lights and programs.
        safe: whether the camera may be taken.
    """

    code: str
    en: str
    zh: str
    safe: bool = False


LOOKING = Message("looking", "looking at the card", "正在读取存储卡")
FULL = Message(
    "full", "the dock is full; leave the camera in its bay", "采集站存储空间不足，请勿取走"
)
COPYING = Message("copying", "copying; leave the camera in its bay", "正在采集，请勿取走")
COPIED = Message(
    "copied", "copied to the dock; leave the camera in its bay", "已复制到采集站，请勿取走"
)
CHECKING = Message(
    "checking",
    "comparing with earlier clips; leave the camera in its bay",
    "正在核对已采集文件，请勿取走",
)
ERASING = Message(
    "erasing", "erasing what is safe; leave the camera in its bay", "正在清理存储卡，请勿取走"
)
SAFE = Message("safe", "safe; ready for the next shift", "已安全入库，可以取走", safe=True)
KEPT = Message(
    "safe",
    "safe; the recordings stay on the card",
    "已安全入库，可以取走；卡内文件仍保留",
    safe=True,
)
EMPTY = Message("empty", "nothing on the card; ready", "存储卡为空，可以取走", safe=True)
NO_RECORDING = Message(
    "empty", "no recording on the card; ready", "卡内没有待采集的文件，可以取走", safe=True
)


def message(docking: Docking, *, full: bool) -> Message:
    """What the bay says now.

    Args:
        docking: the camera in it.
        full: whether the spool has no room.
    """
    roster = docking.roster
    if docking.session is None and docking.doing is Doing.LOOKING:
        # A folder without anything new never opens a session.
        return _empty(roster) if roster.looked and not roster.recordings else LOOKING
    busy = _busy(docking, roster, full=full)
    if busy is not None:
        return busy
    if count := len(problems(roster)):
        return Message(
            "attention",
            f"{count} recordings could not be taken; call the custodian",
            f"有 {count} 个原始文件未能采集，请联系管理员",
        )
    if not roster.complete or docking.session is not None:
        return COPIED
    if any(item.phase is Phase.RELEASED for item in roster):
        return KEPT
    return SAFE if roster.recordings else _empty(roster)


def problems(roster: Roster) -> list[Item]:
    """Recordings that were given up, and parts of the card that could not be looked at."""
    return [item for item in roster if item.phase in {Phase.LEFT, Phase.UNREADABLE}]


def _empty(roster: Roster) -> Message:
    """Links, pipes and what the profile leaves to the camera are there all the same."""
    return NO_RECORDING if any(not item.gone for item in roster) else EMPTY


def _busy(docking: Docking, roster: Roster, *, full: bool) -> Message | None:
    if not roster.all_read:
        return FULL if full else COPYING
    if roster.count(Phase.KNOWN):
        return CHECKING
    return ERASING if docking.doing is Doing.ERASING else None
