from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.evidence.models import Clip, ClipState
from gateway.intake import alarms, effects
from gateway.intake.models import Alarm, Quarantine
from gateway.log.models import LogEntry
from gateway.services import Services
from hashing.merkle import EMPTY_ROOT
from protocols.ids import ClipId, EntryId
from protocols.kinds import (
    AlarmCleared,
    AlarmRaised,
    Body,
    ClipErased,
    ClipLost,
    ClipSealed,
    ClipStored,
    ClipTagged,
    EraseIntended,
    SessionClosed,
)
from protocols.records import decode_record, encode_record
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import admit, enrol, gateway_on, store

pytestmark = pytest.mark.usefixtures("both_engines")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as running:
        yield running


@pytest.fixture
async def dock(services: Services) -> SimulatedDock:
    dock = SimulatedDock()
    await enrol(services, dock)
    return dock


async def log_all(services: Services, dock: SimulatedDock) -> None:
    await admit(services, dock, dock.entries)


async def clip_row(services: Services, clip: ClipId) -> Clip:
    row = await services.evidence.clip(clip)
    assert row is not None
    return row


async def quarantined(services: Services, name: EntryId) -> str | None:
    async with services.database.reading() as session:
        row = await session.get(Quarantine, (name.dock, name.epoch, name.seq))
        return None if row is None else row.code


async def test_a_sealed_clip_gets_a_row(services: Services, dock: SimulatedDock) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(1_500_000)}, marked="A.MP4")
    await log_all(services, dock)
    row = await clip_row(services, clip)
    assert (row.state, row.size, row.leaves, row.marked) == (ClipState.SEALED, 1_500_000, 2, True)


async def test_nothing_of_an_orderly_shift_end_is_quarantined(
    services: Services, dock: SimulatedDock
) -> None:
    dock.boot()
    dock.shift_end({"A.MP4": footage(10), "EMPTY.MP4": b""})
    await log_all(services, dock)
    async with services.database.reading() as session:
        assert (await session.scalars(select(Quarantine))).all() == []


async def test_the_effects_of_every_entry_may_happen_twice(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    dock.append(ClipTagged(clip=str(clip), case_no="A1"))
    dock.append(ClipErased(clip=str(clip), session="dock9.0.0", reread_sha256="0" * 64))
    dock.append(AlarmRaised(code="spool-full", text="no room"))
    await log_all(services, dock)
    before = await snapshot(services)
    async with services.database.session() as session:
        for entry in (await session.scalars(select(LogEntry).order_by(LogEntry.index))).all():
            await effects.apply(session, entry, entry.index)
    after = await snapshot(services)
    assert before == after


async def snapshot(services: Services) -> list[list[tuple[object, ...]]]:
    tables = []
    async with services.database.reading() as session:
        for model in (Clip, Quarantine):
            table = model.__table__
            tables.append([tuple(row) for row in await session.execute(select(table))])
    return tables


@pytest.mark.parametrize("record", [b"not json", b'{"kind":"clip.sealed"}', b""])
async def test_an_entry_nobody_understands_is_quarantined_and_the_next_one_works(
    services: Services, dock: SimulatedDock, record: bytes
) -> None:
    strange = dock.append_bytes(record)
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    await log_all(services, dock)
    assert (await quarantined(services, strange) or "").startswith("record-")
    assert (await clip_row(services, clip)).state == ClipState.SEALED


async def test_a_tag_shows_on_the_clip(services: Services, dock: SimulatedDock) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    dock.append(ClipTagged(clip=str(clip), case_no="云商执〔2026〕17号"))
    await log_all(services, dock)
    assert (await clip_row(services, clip)).tagged_case == "云商执〔2026〕17号"


async def test_a_lost_clip_is_wanted_no_more(services: Services, dock: SimulatedDock) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    dock.append(ClipLost(clip=str(clip), reason="disk"))
    await log_all(services, dock)
    assert (await clip_row(services, clip)).state == ClipState.LOST


@pytest.mark.parametrize(
    ("about", "code"),
    [("dock9.0.1", "clip-foreign"), ("dock7.0.77", "clip-later"), ("dock7.0.0", "clip-unknown")],
)
@pytest.mark.parametrize("kind", ["tagged", "lost", "intended", "erased"])
async def test_a_dock_speaks_only_of_clips_it_has_sealed(
    services: Services, dock: SimulatedDock, kind: str, about: str, code: str
) -> None:
    dock.boot()
    body: Body
    match kind:
        case "tagged":
            body = ClipTagged(clip=about, case_no="A1")
        case "lost":
            body = ClipLost(clip=about, reason="?")
        case "intended":
            body = EraseIntended(clip=about, session="dock7.0.0", release_index=4)
        case _:
            body = ClipErased(clip=about, session="dock7.0.0", reread_sha256="0" * 64)
    name = dock.append(body, subject="urn:evidock:dock:dock7")
    await log_all(services, dock)
    assert await quarantined(services, name) == code


async def test_a_clip_of_a_foreign_session_is_refused(
    services: Services, dock: SimulatedDock
) -> None:
    clip = dock.seal(EntryId(dock.id, 0, 50), footage(5))
    await log_all(services, dock)
    assert await quarantined(services, clip) == "session-later"
    assert (await clip_row(services, clip)).state == ClipState.REFUSED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"size": 1 << 40, "leaves": 1 << 20}, "clip-size"),
        ({"size": 2**63 - 1, "leaves": 1 << 43}, "clip-size"),
        ({"size": 5, "leaves": 1, "sha256": EMPTY_ROOT.hex()}, "clip-digest"),
    ],
)
async def test_content_that_cannot_be_is_refused_for_good(
    services: Services, dock: SimulatedDock, change: dict[str, Any], code: str
) -> None:
    session = dock.open_session()
    dock.seal(session, footage(5))
    body = decode_record(dock.entries.pop().record).body
    assert isinstance(body, ClipSealed)
    content = body.content.model_copy(
        update={
            "size": change["size"],
            "sha256": change.get("sha256", body.content.sha256),
            "tree": body.content.tree.model_copy(update={"leaves": change["leaves"]}),
        }
    )
    dock = rewound(dock)
    clip = dock.append(body.model_copy(update={"content": content}))
    await log_all(services, dock)
    assert await quarantined(services, clip) == code
    assert (await clip_row(services, clip)).state == ClipState.REFUSED


def rewound(dock: SimulatedDock) -> SimulatedDock:
    """The same dock before its newest entry."""
    again = SimulatedDock(dock.id, signer=dock.signer)
    for entry in dock.entries:
        again.append_bytes(
            entry.record, subject=EntryId(dock.id, entry.epoch, entry.seq).session_urn
        )
    return again


async def test_an_erasure_without_a_release_is_quarantined_but_believed(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    sha256 = dock.clips[clip].digest.sha256.hex()
    name = dock.append(ClipErased(clip=str(clip), session="dock7.0.0", reread_sha256=sha256))
    await log_all(services, dock)
    assert await quarantined(services, name) == "erased-unreleased"
    assert (await clip_row(services, clip)).erased_index is not None


async def test_an_erasure_after_the_release_is_in_order(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    await log_all(services, dock)
    await store(services, dock.clips[clip])
    count = len(dock.entries)
    sha256 = dock.clips[clip].digest.sha256.hex()
    intended = dock.append(EraseIntended(clip=str(clip), session="dock7.0.0", release_index=9))
    erased = dock.append(ClipErased(clip=str(clip), session="dock7.0.0", reread_sha256=sha256))
    await admit(services, dock, dock.entries[count:])
    assert await quarantined(services, intended) is None
    assert await quarantined(services, erased) is None


async def test_an_erasure_of_other_bytes_is_quarantined(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    await log_all(services, dock)
    await store(services, dock.clips[clip])
    name = dock.append(ClipErased(clip=str(clip), session="dock7.0.0", reread_sha256="0" * 64))
    await admit(services, dock, dock.entries[-1:])
    assert await quarantined(services, name) == "erased-differs"


async def test_a_stored_clip_that_is_called_lost_stays_stored(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    await log_all(services, dock)
    await store(services, dock.clips[clip])
    dock.append(ClipLost(clip=str(clip), reason="spool cleaned"))
    await admit(services, dock, dock.entries[-1:])
    assert (await clip_row(services, clip)).state == ClipState.STORED


async def test_a_session_that_closes_on_another_head_is_quarantined(
    services: Services, dock: SimulatedDock
) -> None:
    session = dock.open_session()
    closed = dock.append(
        SessionClosed(
            session=str(session),
            reason="removed",
            sealed=0,
            released=0,
            erased=0,
            inventory_files=0,
            inventory_pages=0,
            head=str(session),
            head_hash="0" * 64,
        )
    )
    await log_all(services, dock)
    assert await quarantined(services, closed) == "closed-head"


async def test_what_only_a_gateway_may_state_is_quarantined_from_a_dock(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = dock.shift_end({"A.MP4": footage(10)})
    digest = dock.clips[clip].digest
    name = dock.append(
        ClipStored(
            clip=str(clip),
            size=10,
            sha256=digest.sha256.hex(),
            root=digest.root.hex(),
            statement_hash="0" * 64,
            stores=("mine",),
            read_back="o_direct",
        ),
        subject=clip.clip_urn,
    )
    await log_all(services, dock)
    assert await quarantined(services, name) == "kind"
    assert (await clip_row(services, clip)).state == ClipState.SEALED


async def test_a_docks_alarm_is_up_until_it_clears_it(
    services: Services, dock: SimulatedDock
) -> None:
    dock.append(AlarmRaised(code="spool-full", text="1 GB left", about="spool"))
    dock.append(AlarmRaised(code="spool-full", text="none left", about="spool"))
    await log_all(services, dock)
    async with services.database.reading() as session:
        (alarm,) = await alarms.standing(session)
        assert (alarm.code, alarm.text, alarm.times) == ("spool-full", "none left", 2)
    dock.append(AlarmCleared(code="spool-full", about="spool"))
    await admit(services, dock, dock.entries[-1:])
    async with services.database.reading() as session:
        assert await alarms.standing(session) == []
        assert len((await session.scalars(select(Alarm))).all()) == 1


async def test_control_characters_of_an_alarm_are_escaped(
    services: Services, dock: SimulatedDock
) -> None:
    dock.append(AlarmRaised(code="x", text="red\x1b[31m"))
    await log_all(services, dock)
    async with services.database.reading() as session:
        (alarm,) = await alarms.standing(session)
    assert "\x1b" not in alarm.text


async def test_the_longest_record_a_dock_may_sign_is_logged(
    services: Services, dock: SimulatedDock
) -> None:
    raw = encode_record(
        AlarmRaised.model_validate({"code": "x", "text": "y", "pad": "z" * 261_000}),
        at=dock.reading(0),
        checkpoint=None,
        salt=bytes(16),
    )
    name = dock.append_bytes(raw)
    await log_all(services, dock)
    assert await quarantined(services, name) is None
