"""Lamps that show how the bays stand, by the same tones that the screens' words have.

By state, never by event: what a lamp should be is worked out anew each time it is looked at,
so nothing that was missed leaves it wrong. Each board has a task of its own, so one that is
away or slow keeps no other dark, and none of them holds up the dock. What a board that is away
would be told last is kept right meanwhile: it is told so the moment it comes back.

A lamp proves nothing. A relay keeps standing when the program ends, so a lamp may stay lit
over the next camera until the dock runs again; the screen is what counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

import structlog

from edge.tones import Tone
from edge.wired.errors import WiredError
from edge.wired.relays import Board, Place

log = structlog.get_logger()

# An attention lamp is lit and dark for so long: one blink a second at most.
HALF_S: Final = 0.5
# What one switch of a board takes, with the question how it stands.
_SWITCH_S: Final = 0.25
_RETRY_S: Final = 5.0
_LOOK_S: Final = 0.25


class Shows(StrEnum):
    """What a lamp is for."""

    PLACE = "place"
    """lit while the bay waits for the camera of an officer who tapped"""
    READY = "ready"
    WAITING = "waiting"
    BUSY = "busy"
    ATTENTION = "attention"
    STATE = "state"
    """all of them with one lamp that blinks"""


@dataclass(frozen=True, slots=True)
class Lamp:
    """One lamp of one bay."""

    bay: str
    shows: Shows
    place: Place


def lit(shows: Shows, tone: Tone | None, halves: int) -> bool:
    """Whether a lamp has to be lit.

    Args:
        shows: what it is for.
        tone: of its bay; None without a camera, when every lamp is dark.
        halves: half periods of the fastest blinking since any moment.
    """
    if tone is None:
        return False
    if shows is not Shows.STATE:
        return shows.value == tone.value
    match tone:
        case Tone.READY:
            return True
        case Tone.ATTENTION:
            return halves % 2 == 0
        case Tone.BUSY:
            return halves % 4 < 2  # noqa: PLR2004  # half of the time, half as fast
        case Tone.WAITING:
            return halves % 4 == 0


def half_s(lamps: Sequence[Lamp]) -> float:
    """How long a lamp of one board stays lit at least: as the board can switch all of them."""
    blinking = sum(lamp.shows is Shows.STATE for lamp in lamps)
    return max(HALF_S, _SWITCH_S * blinking)


class Lamps:
    """All lamps that show how bays stand.

    Args:
        lamps: which there are.
        tones: how every bay with a camera stands now.
    """

    def __init__(self, lamps: Sequence[Lamp], tones: Callable[[], Mapping[str, Tone]]) -> None:
        self._tones = tones
        by_board = sorted(lamps, key=lambda lamp: id(lamp.place.board))
        self._boards = [
            list(group) for _, group in groupby(by_board, key=lambda lamp: id(lamp.place.board))
        ]

    async def run(self) -> None:
        """Keep the lamps right until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lamps in self._boards:
                group.create_task(self._keep(lamps))

    async def _keep(self, lamps: Sequence[Lamp]) -> None:
        # Nothing is known of them at first, so all are switched.
        shown: dict[Lamp, bool] = {}
        period_s = half_s(lamps)
        away_until_s = 0.0
        while True:
            for lamp in lamps:
                on = self._wanted(lamp, period_s)
                lamp.place.board.wish(lamp.place.channel, on=on)
                if shown.get(lamp) == on or time.monotonic() < away_until_s:
                    continue
                if await _switched(lamp, on=on):
                    shown[lamp] = on
                else:
                    shown.pop(lamp, None)
                    away_until_s = time.monotonic() + _RETRY_S
            await asyncio.sleep(_LOOK_S)

    def _wanted(self, lamp: Lamp, period_s: float) -> bool:
        tone = self._tones().get(lamp.bay)
        return lit(lamp.shows, tone, int(time.monotonic() / period_s))


async def _switched(lamp: Lamp, *, on: bool) -> bool:
    board: Board = lamp.place.board
    try:
        await board.switch(lamp.place.channel, on=on)
    except WiredError as error:
        log.warning("lamp.failed", bay=lamp.bay, shows=lamp.shows.value, error=str(error))
        return False
    return True
