"""What every dock of one worker is handed: the real objects, built in one place."""

from __future__ import annotations

from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from gateway.clock import GatewayClock
from gateway.config import IntakeSection
from gateway.db import Database
from gateway.docks.service import Docks
from gateway.intake.shares import Shares
from gateway.log.service import Log
from gateway.storage.local import LocalStore
from protocols.ids import DockId
from protocols.topics import ToDock


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
    """

    settings: IntakeSection
    database: Database
    store: LocalStore
    log: Log
    docks: Docks
    clock: GatewayClock
    shares: Shares
    publish: Publish
    writers: ThreadPoolExecutor
