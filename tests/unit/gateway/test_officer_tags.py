"""What an officer named at a dock becomes a link: once, in time, and not against anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.cases.models import CaseLink, OfficerTag
from gateway.cases.service import NewCase, NewLink
from gateway.docks import service as docks
from gateway.evidence.models import Clip
from gateway.intake import effects
from gateway.intake.models import Quarantine
from gateway.log.models import LogEntry
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId, EntryId
from protocols.kinds import CaseLinked, ClipTagged, DockRevoked, SessionNoted
from protocols.records import decode_record
from protocols.trail import TrailDocument, verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, shift_end

CASE_NO = "云商执〔2026〕17号"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as running:
        yield running


@pytest.fixture
async def dock(services: Services) -> SimulatedDock:
    dock = SimulatedDock()
    await enrol(services, dock)
    return dock


@pytest.fixture
async def clips(services: Services, dock: SimulatedDock) -> list[ClipId]:
    return await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})


async def open_case(services: Services, case_no: str = CASE_NO) -> None:
    await services.cases.open(NewCase(case_no, "Inspection", None, None, "Li"))


async def tag(
    services: Services, dock: SimulatedDock, clip: ClipId, case_no: str | None = CASE_NO
) -> EntryId:
    name = dock.append(
        ClipTagged(clip=str(clip), case_no=case_no, category="hearing", officer="王警官")
    )
    await admit(services, dock, dock.entries[-1:])
    return name


async def unlink(services: Services, clip: ClipId) -> None:
    await services.cases.unlink(CASE_NO, clip, by="Wang", why="another street")


async def links(services: Services) -> list[CaseLink]:
    async with services.database.reading() as session:
        return list(await session.scalars(select(CaseLink).order_by(CaseLink.link_index)))


async def acts(services: Services) -> int:
    """How many links are in the log, whatever the rows say."""
    query = select(LogEntry.record).where(LogEntry.kind == CaseLinked.kind)
    async with services.database.reading() as session:
        return len((await session.scalars(query)).all())


async def unsettled(services: Services) -> int:
    query = select(OfficerTag).where(OfficerTag.settled.is_(False))
    async with services.database.reading() as session:
        return len((await session.scalars(query)).all())


async def test_a_tag_of_an_open_case_links_the_clip_in_the_officers_name(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    entry = await tag(services, dock, clips[0])
    await services.cases.follow_tags()
    (link,) = await links(services)
    assert (link.clip, link.how, link.who) == (clips[0], "officer-tag", "王警官")
    assert link.why == f"tagged at dock dock7, its entry {entry}"
    row = await services.evidence.clip(clips[0])
    assert row is not None
    assert (row.tagged_case, row.tagged_category) == (CASE_NO, "hearing")


async def test_a_tag_waits_for_a_case_that_is_opened_later(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await tag(services, dock, clips[0])
    await services.cases.follow_tags()
    assert await links(services) == []
    await open_case(services, "another")
    await services.cases.follow_tags()
    assert await links(services) == []
    await open_case(services)
    await services.cases.follow_tags()
    assert [link.clip for link in await links(services)] == [clips[0]]


async def test_a_tag_is_followed_once_however_often_and_by_however_many(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    for clip in clips:
        await tag(services, dock, clip)
    await asyncio.gather(*(services.cases.follow_tags() for _ in range(5)))
    await services.cases.follow_tags()
    assert (await acts(services), await unsettled(services)) == (2, 0)


async def test_a_link_that_a_person_withdrew_is_not_made_again_by_the_same_tag(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    await tag(services, dock, clips[0])
    await services.cases.follow_tags()
    await unlink(services, clips[0])
    await services.cases.follow_tags()
    assert await acts(services) == 1
    # The officer says it again, knowing better or not: that is a new word.
    await tag(services, dock, clips[0])
    await services.cases.follow_tags()
    assert await acts(services) == 2


async def test_a_tag_of_what_is_linked_already_does_nothing_even_after_it_is_unlinked(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    await services.cases.link(CASE_NO, NewLink(clips[0], "Li", "scene", "manual"))
    await tag(services, dock, clips[0])
    await unlink(services, clips[0])
    await services.cases.follow_tags()
    assert await acts(services) == 1


async def test_a_crash_between_link_and_note_makes_no_second_link(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    await tag(services, dock, clips[0])
    await services.cases.follow_tags()
    async with services.database.session() as session:
        for row in await session.scalars(select(OfficerTag)):
            row.settled = False
    await services.cases.follow_tags()
    assert (await acts(services), await unsettled(services)) == (1, 0)


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_a_rebuilt_database_follows_no_tag_again(
    tmp_path: Path, services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    for clip in clips:
        await tag(services, dock, clip)
    await services.cases.follow_tags()
    await unlink(services, clips[0])
    await tag(services, dock, clips[1], "not open yet")
    await services.close()
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as rebuilt:
        await rebuilt.cases.follow_tags()
        assert (await acts(rebuilt), await unsettled(rebuilt)) == (2, 1)
        await open_case(rebuilt, "not open yet")
        await rebuilt.cases.follow_tags()
        assert (await acts(rebuilt), await unsettled(rebuilt)) == (3, 0)


async def test_effects_of_a_tag_may_happen_twice(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await tag(services, dock, clips[0])
    async with services.database.session() as session:
        for entry in (await session.scalars(select(LogEntry).order_by(LogEntry.index))).all():
            await effects.apply(session, entry, entry.index)
    assert await unsettled(services) == 1


@pytest.mark.parametrize("of", ["unknown", "foreign", "revoked"])
async def test_a_tag_that_has_no_effect_links_nothing(
    services: Services, dock: SimulatedDock, clips: list[ClipId], of: str
) -> None:
    await open_case(services)
    if of == "revoked":
        await revoke(services, dock, last_seq=len(dock.entries) - 1)
    named = {"unknown": EntryId(dock.id, 0, 0), "foreign": EntryId.parse("dock9.0.3")}
    await tag(services, dock, named.get(of, clips[0]))
    await services.cases.follow_tags()
    assert (await acts(services), await unsettled(services)) == (0, 0)


async def revoke(services: Services, dock: SimulatedDock, *, last_seq: int) -> None:
    row = await services.docks.dock(dock.id)
    body = DockRevoked(
        dock=dock.id, kid=row.kid.hex(), last_epoch=0, last_seq=last_seq, reason="stolen"
    )

    async def also(session: object, indices: list[int]) -> None:
        await docks.apply(session, body, indices[0])  # type: ignore[arg-type]  # the log's own

    await services.log.append_own(body, f"urn:evidock:dock:{dock.id}", also=also)


async def test_a_waiting_tag_dies_with_the_key_that_signed_it(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    entry = await tag(services, dock, clips[0])
    await revoke(services, dock, last_seq=entry.seq - 1)
    await open_case(services)
    await services.cases.follow_tags()
    assert (await acts(services), await unsettled(services)) == (0, 0)


async def test_a_tag_of_a_category_alone_waits_for_no_case(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await tag(services, dock, clips[0], None)
    assert await unsettled(services) == 0
    row = await services.evidence.clip(clips[0])
    assert isinstance(row, Clip)
    assert row.tagged_category == "hearing"


async def test_an_officers_name_cannot_forge_what_a_handler_reads(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    for officer in ("\u202eLi", "x\u0085" * 100, None):
        clip = str(clips[0 if officer else 1])
        dock.append(ClipTagged(clip=clip, case_no=CASE_NO, officer=officer))
    await admit(services, dock, dock.entries[-3:])
    await services.cases.follow_tags()
    assert [link.who for link in await links(services)] == [
        "\\u202eLi",
        "an officer at dock7",
    ]


async def test_the_trail_of_a_tagged_case_shows_tag_note_and_link_and_is_intact(
    services: Services, dock: SimulatedDock, clips: list[ClipId]
) -> None:
    await open_case(services)
    row = await services.evidence.clip(clips[0])
    assert row is not None
    # Said after the docking was closed: outside its span, and yet part of its story.
    dock.append(SessionNoted(session=row.session, reason="battery", text="没电了"))
    await admit(services, dock, dock.entries[-1:])
    for clip in clips:
        await tag(services, dock, clip)
    await services.cases.follow_tags()
    document = await services.trails.of_case(await services.cases.case(CASE_NO))
    report = verify_trail(
        TrailDocument.from_json(document.model_dump_json()), services.log.anchors()
    )
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    kinds = [event.record.kind for event in report.events if event.record is not None]
    assert kinds[-6:] == [
        "case.opened",
        "session.noted",
        "clip.tagged",
        "clip.tagged",
        "case.linked",
        "case.linked",
    ]


async def test_a_note_inside_a_docking_is_part_of_its_chain_and_is_never_withheld(
    services: Services, dock: SimulatedDock
) -> None:
    session = dock.open_session()
    dock.inventory(session, ["A.MP4"])
    clip = dock.seal(session, b"a", name="A.MP4")
    dock.append(SessionNoted(session=str(session), reason="battery"))
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    stored = await services.evidence.clip(clip)
    assert stored is not None
    document = await services.trails.of_clip(stored)
    report = verify_trail(document, services.log.anchors())
    assert {each.reason for each in report.verdict.problems} == {"not stored yet"}
    noted = [event for event in report.events if isinstance(event.body, SessionNoted)]
    assert len(noted) == 1
    hidden = document.model_copy(
        update={
            "entries": tuple(
                each.model_copy(update={"record": None}) if each.index == noted[0].index else each
                for each in document.entries
            )
        }
    )
    problems = verify_trail(hidden, services.log.anchors()).verdict.problems
    assert any("withheld" in problem.reason for problem in problems)


async def test_a_dock_speaks_of_its_own_sessions_only(
    services: Services, dock: SimulatedDock
) -> None:
    name = dock.append(SessionNoted(session="dock9.0.0", reason="battery"))
    await admit(services, dock, dock.entries)
    async with services.database.reading() as session:
        found = await session.get(Quarantine, (name.dock, name.epoch, name.seq))
    assert found is not None
    assert found.code == "session-foreign"
    assert decode_record(dock.entries[0].record).kind == "session.noted"


async def test_notes_of_a_docks_sessions_are_listed_with_their_clips(
    services: Services, dock: SimulatedDock
) -> None:
    empty, full = dock.open_session(), dock.open_session()
    dock.seal(full, b"a")
    dock.append(SessionNoted(session=str(full), reason="other", text="\u202ehalf", officer="王"))
    dock.append(SessionNoted(session=str(empty), reason="battery"))
    await admit(services, dock, dock.entries)
    async with api_of(services) as api:
        page = (await api.get(f"/api/v1/docks/{dock.id}/notes?limit=1")).json()
        rest = (await api.get(f"/api/v1/docks/{dock.id}/notes?cursor={page['next']}")).json()
        assert (await api.get("/api/v1/docks/dock9/notes")).status_code == 404
    (newest,), (older,) = page["notes"], rest["notes"]
    assert (newest["session"], newest["reason"], newest["clips"]) == (str(empty), "battery", 0)
    assert (older["session"], older["text"], older["clips"]) == (str(full), "\\u202ehalf", 1)
    assert (older["entry"], older["officer"], rest["next"]) == ("dock7.0.3", "王", None)
