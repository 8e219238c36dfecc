"""What the tests of sessions share: a dock's real parts around one folder, without a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from edge import words
from edge.cameras import folder
from edge.cameras.base import Camera
from edge.clock import DockClock
from edge.config import CamerasSection, Config, DockSection, EraseSection, FolderSection
from edge.config import SpoolSection as Spooling
from edge.erase import Eraser
from edge.ingest import Ingest
from edge.ledger import Ledger
from edge.letting_go import LettingGo
from edge.probe import Prober
from edge.profiles import library
from edge.room import Room
from edge.session import Docking
from edge.signals import Signals
from edge.spool import Spool
from edge.tools import Tools
from protocols.ids import ClipId
from protocols.kinds import Body
from protocols.messages import Entry
from protocols.records import decode_record
from tests.simulators.gateway import GrowingLog
from tests.unit.edge.dockside import DOCK, open_ledger, release

_B = TypeVar("_B", bound=Body)

PROFILES = library.shipped()


@dataclass
class Bayside:
    """A dock's parts on disk; ``release`` plays the gateway."""

    home: Path
    erase: bool = False
    settle_s: float = 0.05
    erasing: EraseSection | None = None
    clock: DockClock = field(default_factory=DockClock)
    log: GrowingLog = field(default_factory=GrowingLog)

    def __post_init__(self) -> None:
        self.folder = self.home / "camera"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.home / "state").mkdir(exist_ok=True)
        self.ledger: Ledger = open_ledger(self.home / "ledger.db", clock=self.clock)
        self.spool = Spool(self.home / "spool", 0)
        self.prober = Prober()
        self.signals = Signals()
        section = FolderSection(path=self.folder, name="cam1", bay="1")
        self.config = Config(
            dock=DockSection(
                id=DOCK, state_dir=self.home / "state", key=Path("k"), trust=Path("t")
            ),
            cameras=CamerasSection(
                folders=(section,), settle_s=self.settle_s, scan_s=0.03, ingest_parallel=1
            ),
            erase=self.erasing or EraseSection(enabled=self.erase),
        )
        self.tools = Tools(
            config=self.config,
            ledger=self.ledger,
            ingest=Ingest(self.spool, self.ledger, self.prober, DockClock()),
            eraser=Eraser(self.ledger, DockClock()),
            letting_go=LettingGo(self.config.erase.policy, self.ledger, self.clock),
            room=Room(self.spool, self.ledger, self.signals, Spooling(reserve_mb=0)),
            signals=self.signals,
            copying=asyncio.Semaphore(1),
            profiles=PROFILES,
        )

    def camera(self) -> Camera:
        """The folder as it is now."""
        camera = folder.find(self.config.cameras.folders[0])
        assert camera is not None
        return camera

    @contextlib.asynccontextmanager
    async def docked(self, profile: str = folder.PROFILE) -> AsyncIterator[Docking]:
        """Serve the camera meanwhile; it leaves at the end."""
        docking = Docking(replace(self.camera(), profile=profile), self.tools)
        async with asyncio.TaskGroup() as group:
            group.create_task(docking.run())
            yield docking
            docking.leave()

    def release(self, clip: ClipId) -> None:
        """Let a clip be released by the gateway."""
        proved, raw = release(self.ledger, self.log, clip)
        self.ledger.record_release(clip, proved, raw)
        self.signals.release(clip)

    def release_all(self) -> None:
        """Let every sealed clip be released."""
        for epoch, first, last in self.ledger.unreleased():
            for seq in range(first, last + 1):
                row = self.ledger.clip(epoch, seq)
                if row is not None and row.state == "sealed":
                    self.release(row.clip)

    def kinds(self) -> list[str]:
        """The kinds of all entries, in order."""
        return [decode_record(entry.record).kind for entry in self._entries()]

    def bodies(self, kind: type[_B]) -> list[_B]:
        """All bodies of one kind, in order."""
        bodies = (decode_record(entry.record).body for entry in self._entries())
        return [body for body in bodies if isinstance(body, kind)]

    def close(self) -> None:
        """End the helper process and close the ledger."""
        self.prober.close()
        self.ledger.close()

    def _entries(self) -> list[Entry]:
        head = self.ledger.head()
        if head is None:
            return []
        return self.ledger.entries(0, 0, head.seq, max_entries=10**6, max_bytes=10**9)


def said(docking: Docking) -> str:
    """What the bay tells the officer, as its code."""
    return words.message(docking, full=False).code


async def until(done: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not done():  # noqa: ASYNC110  # of threads and files too
            await asyncio.sleep(0.01)
