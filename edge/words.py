"""What a bay tells the officer, in English and Chinese; never "safe" a moment too early.

"Safe" is said when the docking is closed and everything that was on the card is released by
the gateway, was compared with what is on the card or erased after comparing, and nothing was
given up. Everything else tells the officer to leave the camera where it is, or whom to call.

A recording that is copied and waits for a gateway that is away is *not* called safe: it is on
two media of this building and on no other, and the dock's word that it holds it is not the
gateway's that it stored it. The officer is told how long that has been so, and to leave the
camera; taking it all the same loses nothing, since nothing on it was erased.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

from edge.cameras.base import Space
from edge.items import Item, Phase
from edge.roster import Roster
from edge.session import Doing
from edge.tones import Tone
from protocols.ids import SessionId

# A gateway answers every announcement, which is repeated twice a minute while clips wait.
AWAY_S: Final = 90.0
# A shift's footage should fit; where less than this share is free it may not.
_LOW: Final = 0.10
_FULL_CHARGE: Final = 100
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_GB: Final = 10**9
_MB: Final = 10**6


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence for a screen.

    Attributes:
        code: stable word for programs.
        safe: whether the camera may be taken.
        tone: for lights and sounds; ``ready`` exactly when ``safe``.
        count: of what it is about, where that can be counted.
    """

    code: str
    en: str
    zh: str
    safe: bool = False
    tone: Tone = Tone.BUSY
    count: int = 0


class Docked(Protocol):
    """What is told of a docked camera; ``edge.session.Docking`` is one."""

    @property
    def roster(self) -> Roster:
        """Its files."""
        ...

    @property
    def session(self) -> SessionId | None:
        """The open session."""
        ...

    @property
    def doing(self) -> Doing:
        """What it is busy with."""
        ...

    @property
    def refused(self) -> str:
        """Why it is not served; empty when it is."""
        ...

    @property
    def stated(self) -> bool:
        """Whether it is on record that the camera is there, if it has to be."""
        ...

    @property
    def missed(self) -> int:
        """Recordings that were there before, and of which the dock has no copy."""
        ...

    @property
    def space(self) -> Space | None:
        """Room on the card, where that is known."""
        ...


LOOKING: Final = Message("looking", "looking at the card", "正在读取存储卡")
FULL: Final = Message(
    "full",
    "the dock is full; leave the camera in its bay",
    "采集站存储空间不足，请勿取走",
    tone=Tone.ATTENTION,
)
COPYING: Final = Message("copying", "copying; leave the camera in its bay", "正在采集，请勿取走")
COPIED: Final = Message(
    "copied",
    "copied to the dock; leave the camera in its bay",
    "已复制到采集站，请勿取走",
    tone=Tone.WAITING,
)
CHECKING: Final = Message(
    "checking",
    "comparing with earlier clips; leave the camera in its bay",
    "正在核对已采集文件，请勿取走",
)
ERASING: Final = Message(
    "erasing", "erasing what is safe; leave the camera in its bay", "正在清理存储卡，请勿取走"
)
REFUSED: Final = Message(
    "refused",
    "this camera is not taken here; nothing was copied; hand it to the custodian",
    "本站不采集此执法记录仪，内容未复制；请交给管理员",
    tone=Tone.ATTENTION,
)
SAFE: Final = Message(
    "safe", "safe; ready for the next shift", "已安全入库，可以取走", safe=True, tone=Tone.READY
)
KEPT: Final = Message(
    "safe",
    "safe; the recordings stay on the card",
    "已安全入库，可以取走；卡内文件仍保留",
    safe=True,
    tone=Tone.READY,
)
EMPTY: Final = Message(
    "empty", "nothing on the card; ready", "存储卡为空，可以取走", safe=True, tone=Tone.READY
)
NO_RECORDING: Final = Message(
    "empty",
    "no recording on the card; ready",
    "卡内没有待采集的文件，可以取走",
    safe=True,
    tone=Tone.READY,
)


def message(
    docking: Docked, *, full: bool, away_s: float | None = None, battery: int | None = None
) -> Message:
    """What the bay says now.

    Args:
        docking: the camera in it.
        full: whether the spool has no room.
        away_s: how long the gateway has been away; None while it answers.
        battery: the camera's charge in percent, as it says; None when it says nothing.
    """
    said = _state(docking, full=full)
    if said is COPIED and away_s is not None:
        said = _offline(away_s)
    if said.safe:
        said = _with_space(said, docking.space)
    if battery is not None and said.tone in {Tone.READY, Tone.WAITING}:
        said = _with_battery(said, battery)
    return said


def away_s(heard_s: float | None, up_s: float) -> float | None:
    """For how long the gateway has been away, as ``message`` takes it; None while it is not.

    Args:
        heard_s: seconds since it said anything; None before it ever did.
        up_s: seconds since the dock began.
    """
    silent_s = up_s if heard_s is None else heard_s
    return silent_s if silent_s > AWAY_S else None


def problems(roster: Roster) -> list[Item]:
    """Recordings that were given up, and parts of the card that could not be looked at."""
    return roster.troubles()


def _state(docking: Docked, *, full: bool) -> Message:
    roster = docking.roster
    if docking.refused:
        return REFUSED
    if docking.session is None and docking.doing is Doing.LOOKING:
        # A folder without anything new never opens a session. What an empty disk may have lost
        # is known once its docking is on record, and not before.
        if docking.missed:
            return _missing(docking.missed)
        empty = docking.stated and roster.looked and not roster.recordings
        return _empty(roster) if empty else LOOKING
    return _busy(docking, roster, full=full) or _read(docking, roster)


def _read(docking: Docked, roster: Roster) -> Message:
    """Once nothing is left to be copied, compared or erased now."""
    if troubles := problems(roster):
        return _attention(troubles)
    if docking.missed:
        return _missing(docking.missed)
    if not (roster.complete and roster.proven) or docking.session is not None:
        return COPIED
    if any(item.phase is Phase.RELEASED and not item.gone for item in roster):
        return KEPT
    return SAFE if roster.recordings else _empty(roster)


def _busy(docking: Docked, roster: Roster, *, full: bool) -> Message | None:
    if not roster.all_read:
        return FULL if full else COPYING
    if roster.count(Phase.KNOWN):
        return CHECKING
    return ERASING if docking.doing is Doing.ERASING else None


def _empty(roster: Roster) -> Message:
    """Links, pipes and what the profile leaves to the camera are there all the same."""
    return NO_RECORDING if any(not item.gone for item in roster) else EMPTY


def _attention(troubles: list[Item]) -> Message:
    """Cards that cannot be read are worn out more often than anything else."""
    count = len(troubles)
    unread = sum(item.outcome == "unreadable" for item in troubles)
    things = "1 recording" if count == 1 else f"{count} recordings"
    if unread:
        en = (
            f"{things} could not be taken, the card may be failing; "
            "leave the camera in its bay and call the custodian"
        )
        zh = f"有 {count} 个原始文件未能采集，存储卡可能已损坏，请勿取走，请联系管理员"
    else:
        en = f"{things} could not be taken; call the custodian"
        zh = f"有 {count} 个原始文件未能采集，请联系管理员"
    return Message("attention", en, zh, tone=Tone.ATTENTION, count=count)


def _missing(count: int) -> Message:
    """What the dock saw on the card and never got is a matter for people, whatever is there now."""
    things = "1 recording" if count == 1 else f"{count} recordings"
    return Message(
        "missing",
        f"{things} that this dock saw here before and has no copy of "
        f"{'is' if count == 1 else 'are'} gone; leave the camera in its bay and call the custodian",
        f"以前见过的 {count} 个原始文件已不在卡内，采集站没有副本，请勿取走，请联系管理员",
        tone=Tone.ATTENTION,
        count=count,
    )


def _offline(away: float) -> Message:
    if away >= _HOUR_S:
        hours = int(away // _HOUR_S)
        en, zh = f"{hours} h", f"{hours} 小时"
    else:
        minutes = max(int(away // _MINUTE_S), 1)
        en, zh = f"{minutes} min", f"{minutes} 分钟"
    return Message(
        "offline",
        "copied to the dock, but the gateway has not answered for "
        f"{en}; leave the camera in its bay",
        f"已复制到采集站，但网关已 {zh}无应答，请勿取走",
        tone=Tone.WAITING,
    )


def _with_space(said: Message, space: Space | None) -> Message:
    """A card that is nearly full is safe and not ready for a shift, and says so."""
    if space is None or space.free >= _LOW * space.size:
        return said
    left = f"{space.free / _GB:.0f} GB" if space.free >= _GB else f"{space.free // _MB} MB"
    # Never 100 while there is room, and what is said used is used.
    used = min(int(100 * (space.size - space.free) / space.size), 99 if space.free else 100)
    return replace(
        said,
        code="low",
        en=f"safe; the card is {used} % full, {left} left",
        zh=f"已安全入库，可以取走；存储卡已用 {used}%，剩余 {left}",
    )


def _with_battery(said: Message, percent: int) -> Message:
    if percent >= _FULL_CHARGE:
        return replace(said, en=f"{said.en}; battery full", zh=f"{said.zh}；电量已满")
    return replace(said, en=f"{said.en}; battery {percent} %", zh=f"{said.zh}；电量 {percent}%")
