"""What every session of a dock works with; built once, in ``daemon``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from edge.config import Config
from edge.erase import Eraser
from edge.ingest import Ingest
from edge.ledger import Ledger
from edge.room import Room
from edge.signals import Signals


@dataclass(frozen=True, slots=True)
class Tools:
    """The dock's parts, as sessions use them.

    Attributes:
        copying: a place for each camera that may be copied at the same time.
    """

    config: Config
    ledger: Ledger
    ingest: Ingest
    eraser: Eraser
    room: Room
    signals: Signals
    copying: asyncio.Semaphore
