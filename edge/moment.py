"""The moment in which a card that is mounted read-only can be written to: one unlink long.

``erase`` is handed a card that asks the mount helper right before it unlinks; the card is
read-only again as soon as the erasure has ended, in whatever way. A card behind a FUSE driver
is mounted anew for that, which nothing may have open: there the moment begins before the
recording is read and compared, and lasts until it is erased; what keeps it from beginning (a
busy board, a file just being looked at) may pass, so it is asked for again before that is given
up. If this program ends in between, the helper hears its connection end and takes the moment
back.

It makes nothing erasable: that stays with ``erase`` and what it asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Final

import structlog

from edge.cameras.base import Camera, Card, FileState
from edge.cameras.mass_storage import MOUNTS, parse_mounts
from edge.codes import Stays
from edge.errors import MounterError, NoMounter, Unreadable
from edge.mounter.client import Mounter

log = structlog.get_logger()

# Longer than the helper is given to answer.
_BEGIN_S: Final = 40.0
# Pauses before a card that has to be mounted anew is asked for again.
PAUSES_S: Final = (1.0, 4.0)


class MomentCard:
    """A card as ``erase`` sees it, which becomes writable when it unlinks.

    Used in the card's thread, but for ``end``; the helper is talked to in the event loop's.

    Attributes:
        refused: why the card could not be made writable; empty until that was so.
        stays: the same as a stable word.
    """

    def __init__(self, card: Card, root: Path, mounter: Mounter) -> None:
        self._card = card
        self._root = root
        self._mounter = mounter
        self._loop = asyncio.get_running_loop()
        self._opened = contextlib.AsyncExitStack()
        self._begun = self._ended = False
        self.refused = ""
        self.stays: str = Stays.REFUSED

    def open(self, path: bytes) -> int:
        """As the card does."""
        return self._card.open(path)

    def unlink(self, path: bytes, expect: FileState) -> None:
        """As the card does, once it can be written to.

        Raises:
            Unreadable: it cannot be; the cause is the ``OSError`` of a read-only card.
            CameraError: as ``Card.unlink``.
        """
        if not self._begun:
            self._ask()
        self._card.unlink(path, expect)

    def place(self, path: bytes) -> str:
        """As the card does."""
        return self._card.place(path)

    def beside(self, path: bytes) -> str:
        """As the card does."""
        return self._card.beside(path)

    def alive(self) -> bool:
        """As the card does."""
        return self._card.alive()

    async def begin(self) -> None:
        """Let the moment begin.

        Raises:
            NoMounter: the helper has no such card or does not answer.
            MountRefused: the card is in use, write-protected or gone.
        """
        if self._ended:
            raise NoMounter("the moment of erasing is over", Stays.TAKEN_OUT)
        await self._opened.enter_async_context(self._mounter.writable(self._root))
        self._begun = True

    async def end(self) -> None:
        """Let the card be read-only again; harmless when it is."""
        self._ended = True
        await self._opened.aclose()

    def _ask(self) -> None:
        asked = asyncio.run_coroutine_threadsafe(self.begin(), self._loop)
        try:
            asked.result(_BEGIN_S)
        except (MounterError, TimeoutError, CancelledError) as error:
            asked.cancel()
            self.refused = str(error) or "the mount helper did not answer in time"
            silent = Stays.HELPER_SILENT
            self.stays = error.stays if isinstance(error, MounterError) else silent
            cause = OSError(errno.EROFS, os.strerror(errno.EROFS))
            raise Unreadable(f"the card stays read-only: {self.refused}") from cause


@contextlib.asynccontextmanager
async def moment(camera: Camera, card: Card, mounter: Mounter) -> AsyncIterator[MomentCard | None]:
    """A card to erase on, read-only again when the block ends; None for one that needs no moment.

    Raises:
        MounterError: it stays read-only; nothing of it was read.
    """
    if not camera.guarded:
        yield None
        return
    asked = MomentCard(card, camera.root, mounter)
    try:
        if await asyncio.to_thread(by_driver, camera.root):
            await _patiently(asked)
        yield asked
    finally:
        await asked.end()


async def _patiently(asked: MomentCard) -> None:
    for pause_s in PAUSES_S:
        try:
            await asked.begin()
        except MounterError as error:
            log.info("card.not-writable-yet", reason=str(error), again_s=pause_s)
            await asyncio.sleep(pause_s)
        else:
            return
    await asked.begin()


def by_driver(root: Path) -> bool:
    """Whether a FUSE driver serves the mount at this place; asks the kernel, not the card."""
    listed = MOUNTS.read_bytes().decode("utf-8", "surrogateescape")
    types = [mount.type for mount in parse_mounts(listed) if mount.point == root]
    return bool(types) and types[-1].startswith("fuse")
