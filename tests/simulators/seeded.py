"""A gateway on real SQLite and a real store, filled as its intake would fill it.

The intake's own way in is tested elsewhere; here entries are logged with the very effects
that intake and recovery use, and clips are stored, read back and stated as stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.app import create_app
from gateway.cases.service import NewCase
from gateway.config import StorageSection, load
from gateway.evidence.service import mark_stored, object_key
from gateway.intake.effects import apply
from gateway.log.service import NewEntry
from gateway.previews.effects import wait
from gateway.services import Services, build
from hashing.statement import decode_statement
from protocols.errors import RecordError
from protocols.ids import ClipId
from protocols.kinds import ClipStored
from protocols.messages import Entry
from protocols.records import decode_record
from tests.simulators.dock import SimulatedClip, SimulatedDock
from tests.simulators.migrated import database_in

database_url: str | None = None
"""Another database than SQLite in the folder; see the fixture ``both_engines``."""
store_url: str | None = None
"""Another store than the folder's, likewise."""


@asynccontextmanager
async def gateway_on(folder: Path) -> AsyncIterator[Services]:
    """Services of a gateway whose everything lies below a folder, opened."""
    if database_url is None:
        await database_in(folder)
    config = load(data_dir=folder)
    if database_url is not None:
        database = config.database.model_copy(update={"url": database_url})
        config = config.model_copy(update={"database": database})
    if store_url is not None:
        config = config.model_copy(update={"storage": StorageSection(url=store_url)})
    services = build(config)
    try:
        await services.open()
        yield services
    finally:
        await services.close()


async def enrol(services: Services, dock: SimulatedDock) -> int:
    """Enrol a dock's key; returns the log position."""
    row, _ = await services.docks.enrol(dock.id, dock.public_pem, "test")
    return row.enrolled_index


async def admit(services: Services, dock: SimulatedDock, entries: Iterable[Entry]) -> list[int]:
    """Log a dock's entries with their effects; returns log positions."""
    new = [_new(dock, entry) for entry in entries]

    async def also(session: AsyncSession, indices: list[int]) -> None:
        for entry, index in zip(new, indices, strict=True):
            await apply(session, entry, index)

    return await services.log.append(new, also=also)


async def store(services: Services, clip: SimulatedClip, *, data: bytes | None = None) -> int:
    """Store a clip's bytes (or other ones) and state it as stored; returns the log position."""
    key = object_key(clip.clip)
    await services.store.put_bytes(key, clip.data if data is None else data)
    row = await services.evidence.clip(clip.clip)
    if row is None:
        raise LookupError(clip.clip)
    body = ClipStored(
        clip=str(clip.clip),
        size=row.size,
        sha256=row.sha256.hex(),
        root=row.root.hex(),
        statement_hash=row.statement_hash.hex(),
        stores=("local",),
        read_back="fadvise",
    )
    return await state(services, body, clip.clip)


async def state(services: Services, body: ClipStored, clip: ClipId) -> int:
    """Let the gateway state something about a clip, with its effect."""

    async def also(session: AsyncSession, indices: list[int]) -> None:
        await mark_stored(session, body, indices[0])
        await wait(session, clip, indices[0])

    return (await services.log.append_own(body, clip.clip_urn, also=also)).index


async def shift_end(
    services: Services, dock: SimulatedDock, recordings: dict[str, bytes], *, stored: bool = True
) -> list[ClipId]:
    """One docking at an enrolled dock, logged, and its clips stored."""
    first = len(dock.entries)
    clips = dock.shift_end(recordings)
    await admit(services, dock, dock.entries[first:])
    if stored:
        for clip in clips:
            await store(services, dock.clips[clip])
    return clips


async def link_all(services: Services, case_no: str, clips: Iterable[ClipId]) -> None:
    """Open a case and link clips to it."""
    await services.cases.open(NewCase(case_no, None, None, None, "Li"))
    async with api_of(services) as api:
        for clip in clips:
            asked = {"clip": str(clip), "by": "Li", "why": "scene"}
            said = await api.post(f"/api/v1/cases/{quote(case_no, safe='')}/links", json=asked)
            assert said.status_code == 201


def _new(dock: SimulatedDock, entry: Entry) -> NewEntry:
    statement = decode_statement(entry.statement)
    try:
        kind = decode_record(entry.record).kind
    except RecordError:
        kind = "unknown"
    return NewEntry(
        entry.statement,
        entry.record,
        kind,
        statement.issuer,
        statement.subject,
        dock=dock.id,
        epoch=entry.epoch,
        seq=entry.seq,
    )


def api_of(services: Services) -> httpx.AsyncClient:
    """The API in this process, without a network; failures of ours come as responses."""
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=host_header(services)
    )


def host_header(services: Services) -> dict[str, str]:
    """What commands on the gateway's own machine show."""
    return {"authorization": f"Bearer {services.host.text}"}


class SyncBridge(httpx.BaseTransport):
    """Lets the commands' own client, in a thread, ask the API that runs in this loop."""

    def __init__(self, services: Services) -> None:
        self._transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
        self._loop = asyncio.get_running_loop()
        self._shown = host_header(services)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass one request over."""
        return asyncio.run_coroutine_threadsafe(self._ask(request), self._loop).result(60)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(
            request.method,
            request.url,
            headers=dict(request.headers) | self._shown,
            content=request.read(),
        )
        answer = await self._transport.handle_async_request(asked)
        content = await answer.aread()
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content)
        )
