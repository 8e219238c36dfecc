"""What one dock's intake is handed, over a real gateway, with its messages kept in a list."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from gateway.intake.means import Means
from gateway.intake.shares import Shares
from gateway.services import Services
from protocols.ids import DockId
from protocols.topics import ToDock


@dataclass(slots=True)
class Sent:
    """Messages that went out."""

    messages: list[tuple[ToDock, bytes]] = field(default_factory=list)

    async def publish(
        self,
        dock: DockId,  # noqa: ARG002  # tests have one dock
        what: ToDock,
        payload: bytes,
        *,
        retain: bool = False,  # noqa: ARG002  # nothing is kept here
    ) -> bool:
        """Keep a message."""
        self.messages.append((what, payload))
        return True

    def of(self, what: ToDock) -> list[bytes]:
        """Payloads of one kind."""
        return [payload for kind, payload in self.messages if kind is what]


@contextmanager
def means_of(services: Services, sent: Sent) -> Iterator[Means]:
    """An intake's means as a worker that has just started has them."""
    with ThreadPoolExecutor(1) as writers:
        yield Means(
            settings=services.config.intake,
            database=services.database,
            store=services.store,
            log=services.log,
            docks=services.docks,
            clock=services.clock,
            shares=Shares(services.config.intake.worker_bytes),
            publish=sent.publish,
            writers=writers,
        )
