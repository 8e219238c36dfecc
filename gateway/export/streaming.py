"""A pack over HTTP as one ZIP file, made while it is sent; nothing of it is kept.

What was said to be handed out is in the log before the first byte. A pack that cannot be finished,
because the store's copy of a clip is not what was sealed, ends with the connection: the ZIP file
has no directory then and no program takes it for whole. Asked again, it is made anew under the
same number.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from threading import Thread

import structlog

from gateway.errors import ConflictError, GatewayError
from gateway.export.content import Content
from gateway.export.filling import Filling
from gateway.export.origins import InStore
from gateway.export.zipping import PackZip
from gateway.storage.store import Store

_CHUNK = 1 << 20
_BUFFER = 4 << 20
AT_ONCE = 4
_event = structlog.get_logger("gateway.export")


class StreamsBusyError(ConflictError):
    """As many packs are being sent as this gateway makes at a time."""


class PackStreams:
    """Makes packs for downloads, a few at a time."""

    def __init__(self, store: Store) -> None:
        self._origins = InStore(store)
        self._running = 0

    def refuse_more(self) -> None:
        """Raise StreamsBusyError when no further one can be begun."""
        if self._running >= AT_ONCE:
            raise StreamsBusyError(f"{AT_ONCE} packs are being sent already; ask again later")

    async def chunks(self, content: Content) -> AsyncIterator[bytes]:
        """The ZIP file.

        Raises:
            GatewayError: it cannot be finished. What was sent so far is no ZIP file.
        """
        reading, writing = os.pipe()
        failed: list[BaseException] = []
        thread = Thread(target=self._write, args=(content, writing, failed), daemon=True)
        stream = asyncio.StreamReader(limit=_BUFFER)
        self._running += 1
        try:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", 0)
            )
            thread.start()
            try:
                while chunk := await stream.read(_CHUNK):
                    yield chunk
            finally:
                # Whoever still writes is told by a broken pipe, and ends.
                transport.close()
        finally:
            self._running -= 1
        if failed:
            _event.error("export.cut", export=content.export.number, reason=str(failed[0]))
            raise GatewayError(f"the pack could not be finished: {failed[0]}") from failed[0]

    def _write(self, content: Content, writing: int, failed: list[BaseException]) -> None:
        try:
            with os.fdopen(writing, "wb", _CHUNK) as file:
                pack = PackZip(file, f"export-{content.export.number}")
                try:
                    Filling(content, self._origins).fill(pack)
                except BaseException:
                    pack.abandon()
                    raise
        except Exception as error:  # noqa: BLE001  # told by the thread that answers
            failed.append(error)
