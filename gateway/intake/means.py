"""What every dock of one worker is handed: the real objects, built in one place."""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from gateway.clock import GatewayClock
from gateway.config import IntakeSection
from gateway.db import Database
from gateway.docks.service import Docks
from gateway.intake.shares import Shares
from gateway.log.service import Log
from gateway.storage.store import Store
from protocols.ids import ClipId, DockId
from protocols.topics import ToDock

_MOST_SEEN = 100_000


class Seen:
    """Clips whose bytes this process has read from the store; the oldest are forgotten."""

    def __init__(self) -> None:
        """Start with none: what an earlier process saw may be gone."""
        self._clips: dict[ClipId, None] = {}

    def __contains__(self, clip: ClipId) -> bool:
        """Whether the clip was read and found right."""
        return clip in self._clips

    def add(self, clip: ClipId) -> None:
        """The clip was read past the page cache and is what was sealed."""
        self._clips[clip] = None
        if len(self._clips) > _MOST_SEEN:
            del self._clips[next(iter(self._clips))]


class Publish(Protocol):
    """Sends one message to one dock; False when the broker did not take it."""

    def __call__(
        self, dock: DockId, what: ToDock, payload: bytes, *, retain: bool = False
    ) -> Awaitable[bool]:
        """Send; bounded in time."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """The worker's services and limits.

    Attributes:
        writers: threads that hash and write leaves, apart from the default ones so that a
            slow sync elsewhere does not stop footage from coming in.
        seen: clips that may be released by this process.
    """

    settings: IntakeSection
    database: Database
    store: Store
    log: Log
    docks: Docks
    clock: GatewayClock
    shares: Shares
    publish: Publish
    writers: ThreadPoolExecutor
    seen: Seen = field(default_factory=Seen)
