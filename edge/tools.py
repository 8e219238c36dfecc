"""What every session of a dock works with; built once, in ``daemon``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.config import Config
from edge.erase import Eraser
from edge.ingest import Ingest
from edge.ledger import Ledger
from edge.letting_go import LettingGo
from edge.mounter.client import Mounter
from edge.profiles.profile import Profile
from edge.registry import Registry
from edge.room import Room
from edge.signals import Signals
from edge.timing.meeting import Clocks


def _nobody(_bay: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Tools:
    """The dock's parts, as sessions use them.

    Attributes:
        copying: a place for each camera that may be copied at the same time.
        profiles: how cards are read, by name.
        binding_key: secret of the stations that write ``station_bind.ini``.
        officer: who tapped a badge for a bay; gives each tap away once.
        clocks: of the cameras; by default nothing is known of them.
        mounter: makes a guarded camera's card writable for erasing.
        registry: the operator's list of cameras.
    """

    config: Config
    ledger: Ledger
    ingest: Ingest
    eraser: Eraser
    letting_go: LettingGo
    room: Room
    signals: Signals
    copying: asyncio.Semaphore
    profiles: Mapping[str, Profile]
    binding_key: bytes | None = None
    officer: Callable[[str], str | None] = _nobody
    clocks: Clocks = field(default_factory=Clocks)
    mounter: Mounter = field(default_factory=Mounter)
    registry: Registry = field(default_factory=Registry)
