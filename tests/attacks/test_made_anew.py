"""The database is lost, or somebody changed it: made anew from the log it is what it was.

A life with every kind of act that people, programs and the gateway itself state. A kind that is
not in it fails the test until somebody lets it happen here, too.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import WebhooksSection
from gateway.db import Base
from gateway.log.models import LogEntry
from gateway.previews.keys import apply as supplied
from gateway.services import Services
from gateway.webhooks.addresses import Reachable
from protocols.ids import ClipId
from protocols.kinds import BODIES, ClipKeySupplied
from tests.simulators.keeping import WAIT, YEAR, Office, adopt, docked, office
from tests.simulators.people import browser, case_system
from tests.simulators.seeded import api_of, gateway_on

# What no log tells, by table and column; a `*` is the whole table.
NOT_IN_THE_LOG = {
    "lease": "*",  # which program serves this store
    "log_checkpoint": "*",  # signed anew
    "signed_in": "*",
    "credential": "*",  # secrets are on no record
    "key_of_client": "*",
    "setup_link": "*",
    "webhook_delivery": "*",
    "keyed_request": "*",
    "preview": "*",  # made again
    "clip_key": {"sealed"},
    "webhook": {"url", "secret", "old_secret", "old_until", "cursor", "told_index"},
    "disposal": {"waited_s"},  # waited anew
}
# Kinds that docks state, and those that need a dock that lost its ledger or a broken disk.
OF_DOCKS = {
    *("dock.booted", "ledger.reopened", "session.opened", "session.inventory", "session.noted"),
    *("clip.sealed", "clip.tagged", "erase.intended", "clip.erased", "clip.lost"),
    *("session.closed", "alarm.raised", "alarm.cleared", "key.rotated", "dock.key.rotated"),
    *("epoch.approved", "alarm.settled", "clip.repaired"),
}
WHY: dict[str, Any] = {"by": "Li", "why": "so it is"}


async def rows(services: Services) -> dict[str, list[str]]:
    """Every row of every table that follows from the log, without what does not."""
    found = {}
    async with services.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            left_out = NOT_IN_THE_LOG.get(table.name, set())
            if left_out != "*":
                columns = [column for column in table.columns if column.name not in left_out]
                each = await session.execute(select(*columns))
                found[table.name] = sorted(repr(row._asdict()) for row in each)
    return found


async def post(client: httpx.AsyncClient, path: str, **asked: object) -> dict[str, Any]:
    return await _told(await client.post(f"/api/v1/{path}", json=asked))


async def _told(said: httpx.Response) -> dict[str, Any]:
    assert said.is_success, said.text
    told: dict[str, Any] = said.json()
    return told


async def _delete(client: httpx.AsyncClient, path: str) -> None:
    await _told(await client.request("DELETE", f"/api/v1/{path}", json=WHY))


async def a_life(
    stack: AsyncExitStack, services: Services, folder: Path, patch: pytest.MonkeyPatch
) -> None:
    desk = await office(stack, services, folder, patch)
    host = await stack.enter_async_context(api_of(services))
    footage = {f"{name}.MP4": name.encode() for name in "ABCDEF"}
    dock, clips = await docked(services, footage, unit="市局/城东")
    await cases(host, clips)
    await said_of_clips(host, clips)
    await kept(desk, host, clips)
    await people(stack, services, host)
    await dispose(desk, *clips[4:])
    await docked(services, {"Z.MP4": b"z"}, "dock8")
    stated = f"docks/{dock.id}/revocation"
    await post(host, stated, last_epoch=0, last_seq=12, reason="stolen", by="Li")


async def cases(host: httpx.AsyncClient, clips: list[ClipId]) -> None:
    stages = [{"name": "调查取证", "start": "2026-02-25T13:45:00+08:00"}]
    whole = {"by": "Li", "unit": "市局/城东", "title": "Street", "stages": stages}
    for number in ("案1", "案2", "案3", "案4"):
        await _told(await host.put(f"/api/v1/cases/{quote(number)}", json=whole))
    for number in ("案1", "案2"):
        for clip in clips[:3]:
            await post(host, f"cases/{number}/links", clip=str(clip), **WHY)
    await _delete(host, f"cases/案1/links/{clips[0]}")
    await post(host, f"cases/案3/proposals/{clips[1]}/reject", **WHY)
    await post(host, "cases/案3/excuses", stage="调查取证", **WHY)
    await post(host, "cases/案3/renumber", case_no="案3a", **WHY)
    await post(host, "holds", case_no="案1", reason="a", authority="法院", by="Li")
    await post(host, "cases/案1/merge", into="案2", **WHY)
    # Three into one, and the survivor into another one still.
    await post(host, "cases/案2/merge", into="案3a", **WHY)
    await _delete(host, f"cases/案3a/links/{clips[1]}")
    await _told(await host.put("/api/v1/cases/案3a", json=whole | {"title": "b", "stages": []}))
    await post(host, "cases/案4/transfer", unit="市局/城西", **WHY)
    for what in ("seal", "unseal", "seal"):
        await post(host, f"cases/案4/{what}", **WHY)


async def said_of_clips(host: httpx.AsyncClient, clips: list[ClipId]) -> None:
    at = f"clips/{clips[0]}"
    start = {"to": "2026-02-25T12:00:00Z", "error_ms": 1, "known_by": "a clock"}
    for to in ("014099", None, "014098"):
        await post(host, f"{at}/corrections", field="officer", to=to, **WHY)
    await post(host, f"{at}/corrections", field="unit", to="市局/城西", **WHY)
    await post(host, f"{at}/corrections", field="started", **start, **WHY)
    mark = await post(host, f"{at}/marks", label="secret", until="2099-01-01T00:00:00Z", **WHY)
    await post(host, f"{at}/marks", label="privacy", **WHY)
    await _delete(host, f"{at}/marks/{mark['mark']}")
    group = await post(host, "recordings", clips=[str(clip) for clip in clips[:2]], **WHY)
    await _delete(host, f"recordings/{group['recording']}")
    await post(host, "recordings", clips=[str(clip) for clip in clips[:3]], **WHY)
    await post(host, f"clips/{clips[1]}/views", how="play", reason="a", by="Li")
    await post(host, "exports", clip=str(clips[1]), reason="a", recipient="b", by="Li")


async def kept(desk: Office, host: httpx.AsyncClient, clips: list[ClipId]) -> None:
    names = [str(clip) for clip in clips[1:3]]
    hold = await post(host, "holds", clips=names, reason="a", authority="法院", by="Li")
    await post(desk.supervisor, f"holds/{hold['hold']}/lift", reason="over")
    await post(host, "holds", clips=names, reason="b", authority="法院", by="Li")
    body = ClipKeySupplied(
        clip=names[0], supply="1" * 32, scheme="s", salt="0" * 32, digest="0" * 64, **WHY
    )

    async def also(session: AsyncSession, indices: list[int]) -> None:
        await supplied(session, body, indices[0], sealed=b"sealed")

    await desk.services.log.append_own(body, clips[1].clip_urn, also=also)


async def people(stack: AsyncExitStack, services: Services, host: httpx.AsyncClient) -> None:
    rights = {"name": "吴", "roles": ["officer"], "unit": "市局", "by": "Li", "why": "a"}
    await post(host, "accounts", login="wu", **rights)
    changed = rights | {"active": False, "officer": "014098"}
    await _told(await host.put("/api/v1/accounts/wu", json=changed))
    services.webhooks.deliveries.sender.reachable = Reachable(
        WebhooksSection(allow=("127.0.0.0/8",))
    )
    shown = {"authorization": f"Bearer {await case_system(services, days=1000)}"}
    program = await stack.enter_async_context(browser(services, **shown))
    made = [await post(program, "webhooks", url="http://127.0.0.1:9/", **WHY) for _ in range(2)]
    await _delete(program, f"webhooks/{made[0]['webhook']}")


async def dispose(desk: Office, gone: ClipId, held: ClipId) -> None:
    desk.ahead += YEAR
    refused = (await desk.propose(gone)).json()["disposal"]
    await post(desk.supervisor, f"disposals/{refused}/refuse", reason="no")
    await desk.approved(gone, held)
    await post(desk.supervisor, "holds", clips=[str(held)], reason="a", authority="法院")
    await desk.wait(WAIT)
    await adopt(desk.services, version=2, keep=24)


async def test_a_database_made_anew_is_the_one_that_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gateway"
    async with gateway_on(folder) as services, AsyncExitStack() as stack:
        await a_life(stack, services, tmp_path, monkeypatch)
        await stack.aclose()
        before = await rows(services)
        async with services.database.reading() as session:
            kinds = set(await session.scalars(select(LogEntry.kind).distinct()))
    assert set(BODIES) - OF_DOCKS - kinds == set()
    for left in folder.glob("gateway.db*"):
        left.unlink()
    async with gateway_on(folder) as services:
        after = await rows(services)
    for table, lost in before.items():
        assert after[table] == lost, table
