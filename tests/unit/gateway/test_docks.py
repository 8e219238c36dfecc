"""Docks: whose key is trusted, and what they say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.docks import service
from gateway.docks.service import DockUnknownError, KeyTakenError, revoked_from
from gateway.errors import DockKeyDiffersError, InvalidError
from gateway.services import Services
from hashing.keys import Ed25519Signer, Es256Signer
from hashing.statement import decode_statement, verify_statement
from protocols.ids import dock_id
from protocols.kinds import DockEnrolled, DockRevoked
from protocols.messages import BayState, State
from protocols.records import decode_record
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import gateway_on

ONLINE = State(state="online", version="0.1.0")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


def lose_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_enrolling_a_dock_is_a_statement_in_the_log(services: Services) -> None:
    dock = SimulatedDock()
    row, enrolled = await services.docks.enrol("dock7", dock.public_pem, "by hand")
    assert enrolled
    entry = await services.log.entry(row.enrolled_index)
    body = decode_record(entry.record).body
    assert isinstance(body, DockEnrolled)
    assert (body.dock, body.how) == ("dock7", "by hand")
    assert body.kid == dock.signer.public.kid.hex()
    statement = decode_statement(entry.statement)
    assert statement.subject == "urn:evidock:dock:dock7"
    verify_statement(statement, services.docks.anchors().statement_key)


async def test_an_enrolled_docks_key_is_found_and_a_strangers_is_not(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    assert await services.docks.key(dock_id("dock7")) == dock.signer.public
    assert await services.docks.key(dock_id("dock8")) is None
    with pytest.raises(DockUnknownError):
        await services.docks.dock("dock8")


async def test_enrolling_again_with_the_same_key_changes_nothing(services: Services) -> None:
    pem = SimulatedDock().public_pem
    first, _ = await services.docks.enrol("dock7", pem, "test")
    again, enrolled = await services.docks.enrol("dock7", pem.replace("\n", "\r\n"), "other words")
    assert not enrolled
    assert (again.enrolled_index, again.how) == (first.enrolled_index, "test")
    assert services.log.checkpoint().size == 2


async def test_enrolling_from_many_sides_at_once_states_it_once(services: Services) -> None:
    pem = SimulatedDock().public_pem
    found = await asyncio.gather(*(services.docks.enrol("dock7", pem, "test") for _ in range(8)))
    assert [enrolled for _, enrolled in found].count(True) == 1
    assert services.log.checkpoint().size == 2


async def test_another_key_for_a_known_dock_is_refused(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    with pytest.raises(DockKeyDiffersError, match="dock7"):
        await services.docks.enrol("dock7", SimulatedDock().public_pem, "test")
    assert await services.docks.key(dock_id("dock7")) == dock.signer.public
    assert services.log.checkpoint().size == 2


async def test_one_key_speaks_for_one_dock_only(services: Services) -> None:
    pem = SimulatedDock().public_pem
    await services.docks.enrol("dock7", pem, "test")
    with pytest.raises(KeyTakenError, match="dock7"):
        await services.docks.enrol("dock8", pem, "test")


@pytest.mark.parametrize("name", ["gateway", "Dock7", "", "-dock", "d" * 24, "dock/7", "dock\0"])
async def test_a_name_no_dock_can_have_is_refused(services: Services, name: str) -> None:
    with pytest.raises(InvalidError, match="not a dock name"):
        await services.docks.enrol(name, SimulatedDock().public_pem, "test")


@pytest.mark.parametrize(
    "pem", ["", "nonsense", Es256Signer.generate().pem().decode(), "-----BEGIN PUBLIC KEY-----"]
)
async def test_what_is_no_public_key_is_refused(services: Services, pem: str) -> None:
    with pytest.raises(InvalidError, match="key"):
        await services.docks.enrol("dock7", pem, "test")
    assert services.log.checkpoint().size == 1


async def test_a_dock_may_sign_with_ed25519(services: Services) -> None:
    key = Ed25519Signer.generate().public
    await services.docks.enrol("dock7", key.pem(), "test")
    assert await services.docks.key(dock_id("dock7")) == key


async def test_a_docks_newest_announcement_is_kept(services: Services) -> None:
    dock = SimulatedDock()
    dock.boot()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    assert await services.docks.record_state(dock.id, ONLINE)
    assert await services.docks.record_head(dock.id, dock.announcement())
    row = await services.docks.dock("dock7")
    assert (row.state, row.version) == ("online", "0.1.0")
    assert row.last_head is not None
    assert row.last_head["seq"] == 0
    assert row.seen_at == row.head_at


async def test_what_stands_in_the_bays_is_kept_while_the_dock_is_connected(
    services: Services,
) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    bays = (
        BayState(bay="bay1", phase="copying", camera="T\u202e7", done=1, total=2),
        BayState(bay="bay2", phase="free"),
    )
    await services.docks.record_state(dock.id, ONLINE.model_copy(update={"bays": bays}))
    assert (await services.docks.dock("dock7")).bays == [
        {"bay": "bay1", "phase": "copying", "camera": r"T\u202e7", "done": 1, "total": 2},
        {"bay": "bay2", "phase": "free", "done": 0, "total": 0},
    ]
    gone = State(state="offline", version="0.1.0")
    await services.docks.record_state(dock.id, gone)
    assert (await services.docks.dock("dock7")).bays is None


async def test_strangers_are_counted_and_told_apart(services: Services) -> None:
    stranger = SimulatedDock("stranger")
    assert not await services.docks.record_state(stranger.id, ONLINE)
    assert not await services.docks.record_head(stranger.id, stranger.announcement())
    assert [(row.id, row.count) for row in await services.docks.strangers()] == [("stranger", 2)]
    assert await services.docks.docks() == []


async def test_names_made_up_by_the_thousand_do_not_fill_the_database(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_UNKNOWN", 3)
    for number in range(6):
        await services.docks.record_state(dock_id(f"made-up-{number}"), ONLINE)
    assert len(await services.docks.strangers()) == 3


async def test_a_stranger_that_is_enrolled_is_none_any_more(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.record_state(dock.id, ONLINE)
    await services.docks.enrol("dock7", dock.public_pem, "test")
    assert await services.docks.strangers() == []


async def test_a_revocation_names_the_last_entry_that_is_trusted(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    body = DockRevoked(
        dock="dock7", kid=dock.signer.public.kid.hex(), last_epoch=0, last_seq=41, reason="stolen"
    )
    async with services.database.session() as session:
        assert await revoked_from(session, dock.id) is None
        await service.apply(session, body, 9)
        await service.apply(session, body.model_copy(update={"last_seq": 99}), 10)
        assert await revoked_from(session, dock.id) == (0, 41)
    assert (await services.docks.dock("dock7")).revoked_index == 9


async def test_enrolments_come_back_when_the_database_is_lost(tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await services.docks.enrol("dock7", dock.public_pem, "test")
    lose_database(tmp_path)
    async with gateway_on(tmp_path) as services:
        assert await services.docks.key(dock.id) == dock.signer.public
        assert (await services.docks.dock("dock7")).enrolled_index == 1
