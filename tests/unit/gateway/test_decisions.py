"""An operator's decisions about a dock's ledger are statements in the log, made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.__main__ import main
from gateway.docks.service import apply
from gateway.intake import alarms
from gateway.intake.admit import Refused, admit
from gateway.intake.decisions import EpochRefusedError
from gateway.intake.models import EpochApproval
from gateway.services import Services
from gateway.trail import client
from protocols.ids import DockId
from protocols.kinds import AlarmSettled, DockRevoked, EpochApproved, LedgerReopened
from protocols.records import decode_record
from protocols.rotation import DockKeys
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import (
    SyncBridge,
    api_of,
    enrol,
    gateway_on,
)
from tests.simulators.seeded import (
    admit as log_entries,
)
from tests.unit.gateway.test_docks import lose_database

WHO = {"by": "operator Wang", "reason": "its disk failed"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def known(services: Services) -> SimulatedDock:
    """A dock with two entries in the log."""
    dock = SimulatedDock()
    await enrol(services, dock)
    dock.boot()
    dock.boot()
    await log_entries(services, dock, dock.entries)
    return dock


async def approve(api: httpx.AsyncClient, **more: Any) -> httpx.Response:  # noqa: ANN401  # JSON
    return await api.post("/api/v1/docks/dock7/epochs", json={"epoch": 1, **WHO, **more})


async def test_an_approval_is_logged_once_and_lets_the_dock_go_on(
    api: httpx.AsyncClient, services: Services
) -> None:
    dock = await known(services)
    first, again = await approve(api), await approve(api, reason="pressed twice")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    size = services.log.checkpoint().size
    body = decode_record((await services.log.entry(size - 1)).record).body
    assert isinstance(body, EpochApproved)
    assert (body.by, body.reason, body.last_epoch, body.last_seq) == (*WHO.values(), 0, 1)
    dock.reopen()
    dock.append(LedgerReopened(approval=first.json()["approval"]))
    head = await services.log.dock_head(dock.id)
    (entry,) = dock.entries[-1:]
    keys = DockKeys(dock.signer.public)
    verdicts = [
        admit(entry, dock=dock.id, keys=keys, head=head, approved_epoch=epoch)
        for epoch in (None, 1)
    ]
    assert [isinstance(verdict, Refused) for verdict in verdicts] == [True, False]
    await log_entries(services, dock, [entry])
    # Repeated once the dock has gone on, it approves nothing further.
    assert (await approve(api)).status_code == 200
    assert services.log.checkpoint().size == size + 1


@pytest.mark.parametrize(
    ("more", "status", "why"),
    [
        ({"epoch": 2}, 409, "only epoch 1 can be next"),
        ({"epoch": 0}, 422, "epoch"),
        ({"epoch": True}, 422, "epoch"),
        ({"by": ""}, 422, "by"),
        ({"reason": " "}, 422, "reason"),
    ],
)
async def test_an_approval_that_cannot_be_is_refused_in_words(
    api: httpx.AsyncClient, services: Services, more: dict[str, Any], status: int, why: str
) -> None:
    await known(services)
    size = services.log.checkpoint().size
    answer = await approve(api, **more)
    assert (answer.status_code, why in answer.text) == (status, True)
    assert services.log.checkpoint().size == size


async def test_a_dock_that_never_was_or_was_revoked_begins_nothing(
    api: httpx.AsyncClient, services: Services
) -> None:
    assert (await approve(api)).status_code == 404
    dock = SimulatedDock()
    await enrol(services, dock)
    assert "has no entry" in (await approve(api)).text
    body = DockRevoked(
        dock=dock.id, kid=dock.signer.public.kid.hex(), last_epoch=0, last_seq=0, reason="stolen"
    )
    async with services.database.session() as session:
        await apply(session, body, 9)
    with pytest.raises(EpochRefusedError, match="revoked"):
        await services.decisions.approve_epoch(dock.id, 1, by="Wang", reason="x")


async def test_two_at_once_approve_once(services: Services) -> None:
    await known(services)
    size = services.log.checkpoint().size
    calls = (services.decisions.approve_epoch("dock7", 1, **WHO) for _ in range(3))
    done = await asyncio.gather(*calls)
    assert sorted(approved for _, approved in done) == [False, False, True]
    assert services.log.checkpoint().size == size + 1


async def test_approvals_come_back_when_the_database_is_lost(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        await known(services)
        row, _ = await services.decisions.approve_epoch("dock7", 1, **WHO)
    lose_database(tmp_path)
    async with gateway_on(tmp_path) as services, services.database.reading() as session:
        back = await session.get(EpochApproval, ("dock7", 1))
        assert back is not None
        assert back.token == row.token


# --- alarms that accuse -------------------------------------------------------------------


async def raised(services: Services, code: str) -> None:
    async with services.database.session() as session:
        await alarms.raise_alarm(
            session,
            dock=DockId("dock7"),
            by=alarms.BY_GATEWAY,
            code=code,
            about=None,
            text="two entries under one number",
            since="2026-02-25T09:00:00.000Z",
        )


@pytest.mark.parametrize("code", ["ledger-forked", "log-rewound", "checkpoint-unknown"])
async def test_an_accusing_alarm_ends_on_record(
    api: httpx.AsyncClient, services: Services, code: str
) -> None:
    await known(services)
    await raised(services, code)
    answer = await api.post(f"/api/v1/docks/dock7/alarms/{code}/settle", json=WHO)
    body = decode_record((await services.log.entry(answer.json()["index"])).record).body
    assert body == AlarmSettled(dock="dock7", code=code, **WHO)
    assert (await api.get("/api/v1/attention")).json()["alarms"] == []
    # It is no free pass: what is so still raises it again, and ending it twice says nothing.
    again = await api.post(f"/api/v1/docks/dock7/alarms/{code}/settle", json=WHO)
    assert again.status_code == 404
    await raised(services, code)
    assert len((await api.get("/api/v1/attention")).json()["alarms"]) == 1


async def test_alarms_that_end_by_themselves_and_nameless_words_end_nothing(
    api: httpx.AsyncClient, services: Services
) -> None:
    await known(services)
    await raised(services, "store-full")
    await raised(services, "ledger-forked")
    size = services.log.checkpoint().size
    path = "/api/v1/docks/dock7/alarms"
    answer = await api.post(f"{path}/store-full/settle", json=WHO)
    assert "ends by itself" in answer.text
    answer = await api.post(f"{path}/ledger-forked/settle", json={"by": "Wang"})
    assert answer.status_code == 422
    assert services.log.checkpoint().size == size


async def test_the_commands_say_what_to_do_next(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await known(services)
    await raised(services, "ledger-forked")
    bridge, real = SyncBridge(services), client.ApiClient
    monkeypatch.setattr(
        "gateway.commands.docks.ApiClient", lambda _: real("http://127.0.0.1", transport=bridge)
    )
    who = ["--by", "operator Wang", "--reason", "its disk failed"]
    assert await asyncio.to_thread(main, ["approve-epoch", "dock7", "1", *who]) == 0
    assert "evidock-edge reopen-ledger 1 --approval " in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["clear-alarm", "ledger-forked", "dock7", *who]) == 0
    assert "says by whom and why" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["clear-alarm", "ledger-forked", "dock7", *who]) == 1
    assert "no alarm ledger-forked about dock7 stands" in capsys.readouterr().err
