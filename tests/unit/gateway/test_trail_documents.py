"""What a trail holds, and that it verifies with the gateway's keys alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.cases.service import NewCase, NewLink
from gateway.services import Services
from gateway.trail import gather
from gateway.trail.gather import TrailTooLargeError
from hashing.statement import decode_statement
from hashing.verdict import Outcome, Verdict
from protocols.ids import ClipId
from protocols.kinds import ClipErased, ClipSealed, EraseIntended, SessionOpened
from protocols.trail import TrailDocument, TrailEvent, verify_trail
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import admit, enrol, gateway_on, shift_end, store

CASE_NO = "2026/17"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def dock(services: Services) -> SimulatedDock:
    made = SimulatedDock()
    await enrol(services, made)
    return made


async def linked(services: Services, clips: list[ClipId], case_no: str = CASE_NO) -> None:
    await services.cases.open(NewCase(case_no, None, None, None, "Li"))
    for clip in clips:
        await services.cases.link(case_no, NewLink(clip, "Li", "scene", "manual"))


async def of_case(services: Services, case_no: str = CASE_NO) -> TrailDocument:
    case = await services.cases.case(case_no)
    return await services.trails.of_case(case)


async def of_clip(services: Services, clip: ClipId) -> TrailDocument:
    row = await services.evidence.clip(clip)
    assert row is not None
    return await services.trails.of_clip(row)


def verified(services: Services, document: TrailDocument) -> tuple[Verdict, tuple[TrailEvent, ...]]:
    raw = document.model_dump_json()
    report = verify_trail(TrailDocument.from_json(raw), services.log.anchors())
    return report.verdict, report.events


def disclosed(events: tuple[TrailEvent, ...]) -> list[str]:
    return [event.record.kind for event in events if event.record is not None]


async def test_the_trail_of_a_case_runs_from_the_logs_opening_to_its_links_and_is_intact(
    services: Services, dock: SimulatedDock
) -> None:
    clips = await shift_end(services, dock, {"A.MP4": footage(3_000_000), "B.MP4": b""})
    await linked(services, clips)
    document = await of_case(services)
    verdict, events = verified(services, document)
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert document.clips == tuple(str(clip) for clip in clips)
    assert disclosed(events) == [
        "log.opened",
        "dock.enrolled",
        "session.opened",
        "session.inventory",
        "clip.sealed",
        "clip.sealed",
        "session.closed",
        "clip.stored",
        "clip.stored",
        "case.opened",
        "case.linked",
        "case.linked",
    ]


async def test_the_trail_of_a_clip_is_intact_and_names_it_alone(
    services: Services, dock: SimulatedDock
) -> None:
    clips = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    document = await of_clip(services, clips[0])
    verdict, _ = verified(services, document)
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert document.clips == (str(clips[0]),)


async def test_records_of_other_clips_of_the_session_are_withheld_their_statements_are_not(
    services: Services, dock: SimulatedDock
) -> None:
    clips = await shift_end(services, dock, {f"{n}.MP4": b"%d" % n for n in range(5)})
    await linked(services, clips[1:2])
    for document in (await of_case(services), await of_clip(services, clips[1])):
        verdict, events = verified(services, document)
        assert verdict.outcome is Outcome.INTACT, verdict.problems
        sealed = [event for event in events if event.statement.subject.startswith("urn:evidock:cl")]
        assert len({event.statement.subject for event in sealed}) == 5
        opened = {str(event.statement.subject) for event in sealed if event.record is not None}
        assert opened == {clips[1].clip_urn}


async def test_a_clips_trail_shows_its_cases_acts_but_not_their_other_links(
    services: Services, dock: SimulatedDock
) -> None:
    clips = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    await linked(services, clips)
    verdict, events = verified(services, await of_clip(services, clips[1]))
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    case_acts = [event for event in events if event.statement.subject.startswith("urn:evidock:ca")]
    assert [event.record is not None for event in case_acts] == [True, False, True]


async def test_a_cases_trail_shows_no_other_case_of_its_clips(
    services: Services, dock: SimulatedDock
) -> None:
    clips = await shift_end(services, dock, {"A.MP4": b"a"})
    await linked(services, clips)
    await linked(services, clips, "secret")
    document = await of_case(services)
    verdict, events = verified(services, document)
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    other = await services.cases.case("secret")
    assert all(other.token not in event.statement.subject for event in events)
    assert b"secret" not in b"".join(e.record.raw for e in events if e.record is not None)


async def test_an_unlinked_clips_content_leaves_the_trail_its_link_does_not(
    services: Services, dock: SimulatedDock
) -> None:
    first, second = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    await linked(services, [first, second])
    await services.cases.unlink(CASE_NO, second, by="Wang", why="wrong street")
    document = await of_case(services)
    verdict, events = verified(services, document)
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert document.clips == (str(first),)
    assert disclosed(events).count("case.linked") == 2
    assert disclosed(events)[-1] == "case.unlinked"
    assert disclosed(events).count("clip.sealed") == 1


async def test_what_a_dock_says_of_a_clip_in_a_later_session_belongs_to_its_trail(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"})
    later = dock.open_session()
    row = await services.evidence.clip(clip)
    assert row is not None
    assert row.stored_index is not None
    dock.append(EraseIntended(clip=str(clip), session=str(later), release_index=row.stored_index))
    dock.append(
        ClipErased(
            clip=str(clip), session=str(later), reread_sha256=dock.clips[clip].digest.sha256.hex()
        )
    )
    await admit(services, dock, dock.entries[-3:])
    verdict, events = verified(services, await of_clip(services, clip))
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert disclosed(events)[-1] == "clip.erased"
    opened = [
        e for e in events if e.record is not None and isinstance(e.record.body, SessionOpened)
    ]
    assert len(opened) == 1


async def test_two_sessions_of_one_dock_at_once_stay_contiguous_and_apart(
    services: Services, dock: SimulatedDock
) -> None:
    one, two = dock.open_session(officer="first"), dock.open_session(officer="second")
    dock.inventory(one, ["A.MP4"])
    dock.inventory(two, ["B.MP4"])
    mine = dock.seal(one, b"a", name="A.MP4")
    other = dock.seal(two, b"b", name="B.MP4")
    dock.close_session(one)
    dock.close_session(two)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[mine])
    await store(services, dock.clips[other])
    verdict, events = verified(services, await of_clip(services, mine))
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    records = b"".join(event.record.raw for event in events if event.record is not None)
    assert b"first" in records
    assert b"second" not in records
    assert b"B.MP4" not in records


async def test_a_session_not_closed_yet_is_said_to_be_incomplete(
    services: Services, dock: SimulatedDock
) -> None:
    session = dock.open_session()
    clip = dock.seal(session, b"a")
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    verdict, _ = verified(services, await of_clip(services, clip))
    assert verdict.outcome is Outcome.INCOMPLETE
    assert {problem.reason for problem in verdict.problems} == {"not closed yet"}


async def test_a_clip_that_claims_another_docks_session_opens_nothing_there(
    services: Services, dock: SimulatedDock
) -> None:
    await shift_end(services, dock, {"A.MP4": b"a"})
    liar = SimulatedDock("dock8")
    await enrol(services, liar)
    liar.boot()
    session = dock.entries[0]
    assert decode_statement(session.statement).subject == "urn:evidock:session:dock7.0.0"
    clip = liar.seal(ClipId(dock.id, 0, 0), b"x")
    await admit(services, liar, liar.entries)
    _, events = verified(services, await of_clip(services, clip))
    assert all(event.statement.issuer != "urn:evidock:dock:dock7" for event in events)


async def test_another_docks_word_about_a_clip_is_no_part_of_its_trail(
    services: Services, dock: SimulatedDock
) -> None:
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"})
    liar = SimulatedDock("dock8")
    await enrol(services, liar)
    liar.append(ClipErased(clip=str(clip), session="dock8.0.0", reread_sha256="00" * 32))
    await admit(services, liar, liar.entries)
    verdict, events = verified(services, await of_clip(services, clip))
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert "clip.erased" not in disclosed(events)


async def test_a_record_nobody_understands_does_not_stop_a_trail(
    services: Services, dock: SimulatedDock
) -> None:
    session = dock.open_session()
    dock.append_bytes(b"\xff not json", session.session_urn)
    clip = dock.seal(session, b"a")
    dock.append_bytes(b"{}", clip.clip_urn)
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    verdict, events = verified(services, await of_clip(services, clip))
    assert verdict.outcome is Outcome.UNSUPPORTED
    assert any(e.record and isinstance(e.record.body, ClipSealed) for e in events)


async def test_a_trail_larger_than_one_document_may_be_is_refused(
    services: Services, dock: SimulatedDock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    await linked(services, clips)
    monkeypatch.setattr(gather, "MAX_ENTRIES", 5)
    with pytest.raises(TrailTooLargeError, match="more than 5 entries"):
        await of_case(services)
    monkeypatch.setattr(gather, "MAX_ENTRIES", 500)
    monkeypatch.setattr(gather, "MAX_BYTES", 100)
    with pytest.raises(TrailTooLargeError, match="MiB"):
        await of_case(services)
