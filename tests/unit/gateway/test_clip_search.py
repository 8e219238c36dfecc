"""Lists of clips: every filter, both ways through the pages, and what follows when rows change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from gateway.cases.counting import count_anew, units_above
from gateway.cases.models import Case
from gateway.cases.service import NewCase
from gateway.evidence.models import Clip, CountsTo
from gateway.services import Services
from protocols.ids import ClipId
from protocols.kinds import ClipTagged
from protocols.messages import Entry
from tests.simulators.dock import SHIFT_END_NS, SimulatedDock, footage
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all, store

EAST, WEST = "市局/城东/一中队", "市局/城西"
SHIFT_END = datetime.fromtimestamp(SHIFT_END_NS // 10**9, UTC)


pytestmark = pytest.mark.usefixtures("both_engines")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


@pytest.fixture
async def clips(services: Services) -> dict[str, ClipId]:
    """Three of one docking in the east, one of the west, of which the second is stored."""
    east = SimulatedDock("east")
    east.officer, east.unit = "014032", EAST
    await enrol(services, east)
    session = east.open_session()
    made = {
        "first": east.seal(session, footage(5, "1"), name="DSJ_1.MP4", marked=True),
        "second": east.seal(
            session, footage(6, "2"), name="DSJ_2.MP4", started="2026-02-20T08:00:00+08:00"
        ),
        "unset": east.seal(session, footage(7, "3"), name="dsj_3.MP4", started=None),
    }
    east.append(ClipTagged(clip=str(made["first"]), case_no="案1", category="evidence"))
    await admit(services, east, east.entries)
    west = SimulatedDock("west")
    west.officer, west.unit = "020001", WEST
    await enrol(services, west)
    made |= {"west": west.shift_end({"DSJ_4.MP4": footage(8, "4")})[0]}
    await admit(services, west, west.entries)
    await store(services, east.clips[made["second"]])
    return made


async def found(api: httpx.AsyncClient, query: Mapping[str, object]) -> list[str]:
    answer = await api.get("/api/v1/clips", params={name: str(query[name]) for name in query})
    assert answer.status_code == 200, answer.text
    return [clip["clip"] for clip in answer.json()["clips"]]


SHORT = {
    "order": "log",
    "started_from": "2026-02-01T00:00:00Z",
    "started_to": "2026-03-20T00:00:00Z",
}
FILTERS: list[tuple[dict[str, str], str]] = [
    ({}, "west unset second first"),
    ({"officer": "014032"}, "unset second first"),
    ({"camera": "T71082"}, "west unset second first"),
    ({"camera": "T7108"}, ""),
    ({"unit": EAST}, "unset second first"),
    ({"unit": "市局/城东"}, "unset second first"),
    ({"unit": "市局"}, "west unset second first"),
    ({"unit": "市"}, ""),
    ({"dock": "west"}, "west"),
    ({"session": "east.0.0"}, "unset second first"),
    ({"tagged_case": "案1"}, "first"),
    ({"tagged_category": "evidence"}, "first"),
    ({"state": "stored"}, "second"),
    ({"marked": "true"}, "first"),
    ({"marked": "false", "dock": "east"}, "unset second"),
    ({"linked": "false"}, "west unset second first"),
    ({"linked": "true"}, ""),
    ({"name": "DSJ_"}, "west second first"),
    ({"name": "DSJ_2"}, "second"),
    ({"name": "%"}, ""),
    ({"start_known": "false"}, "unset"),
    ({"start_known": "true"}, "west second first"),
    ({"started_from": "2026-02-20T00:00:00Z", "started_to": "2026-02-20T00:00:01Z"}, "second"),
    ({"started_from": "2026-02-24T20:00:00Z"}, "west first"),
    ({"started_to": "2026-02-24T00:00:00Z"}, "second"),
    (SHORT, "west second first"),
    (SHORT | {"unit": EAST, "marked": "false"}, "second"),
    ({"order": "start"}, "west first second"),
    ({"order": "stored"}, "second"),
    ({"stored_from": "2026-02-25T00:00:00Z"}, "second"),
    ({"stored_to": "2026-02-25T00:00:00Z"}, ""),
    ({"unit": "市局/城东", "marked": "true", "name": "DSJ", "officer": "014032"}, "first"),
]


async def test_every_filter_finds_what_it_says_and_nothing_else(
    api: httpx.AsyncClient, clips: dict[str, ClipId]
) -> None:
    for query, expected in FILTERS:
        assert await found(api, query) == [str(clips[name]) for name in expected.split()], query
    for wrong in ("started_from=2026-02-20T00:00:00", "name=", "order=newest"):
        answer = await api.get(f"/api/v1/clips?{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), wrong


async def test_a_time_of_sealing_is_from_then_on_and_before(
    api: httpx.AsyncClient, clips: dict[str, ClipId]
) -> None:
    sealed = SHIFT_END + timedelta(seconds=clips["second"].seq)
    range_ = {"sealed_from": sealed, "sealed_to": sealed + timedelta(milliseconds=1)}
    query = {name: moment.isoformat() for name, moment in range_.items()}
    assert await found(api, query | {"dock": "east"}) == [str(clips["second"])]


@pytest.mark.parametrize(
    "listed", [{"order": "log"}, {"order": "start"}, {"order": "sealed"}, SHORT]
)
async def test_pages_have_no_gap_and_no_repeat_while_clips_come_in(
    services: Services, api: httpx.AsyncClient, listed: dict[str, str]
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    await admit(services, dock, _many(dock, 7))
    there = [str(clip) for clip in dock.clips]
    seen: list[str] = []
    cursor: dict[str, int] = {}
    while True:
        asked: dict[str, str | int] = {"limit": 3, **listed, **cursor}
        page = (await api.get("/api/v1/clips", params=asked)).json()
        seen += [clip["clip"] for clip in page["clips"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
        before = len(dock.entries)
        _many(dock, 2)
        await admit(services, dock, dock.entries[before:])
    # What comes in has its place among the newer, or by its start among the older.
    assert [name for name in seen if name in there] == list(reversed(there))
    assert len(seen) == len(set(seen))


def _many(dock: SimulatedDock, count: int) -> list[Entry]:
    session = dock.open_session()
    for number in range(count):
        # Two by two at the same time, as chapters of one recording are.
        started = f"2026-02-25T05:{number // 2:02}:00"
        dock.seal(session, footage(number + 1, str(len(dock.entries))), started=started)
    return dock.entries


async def test_a_clip_that_was_stored_more_than_a_day_after_it_ended_is_late(
    services: Services, api: httpx.AsyncClient, clips: dict[str, ClipId]
) -> None:
    # The gateway's clock is today's, the docks' is of February.
    assert await found(api, {"late": "true", "state": "stored"}) == [str(clips["second"])]
    assert await found(api, {"late": "false"}) == []
    fresh = services.clock.now() - timedelta(hours=23)
    async with services.database.session() as session:
        row = await session.scalar(select(Clip).where(Clip.dock == "west"))
        assert row is not None
        row.ended_latest = fresh
    assert await found(api, {"late": "false"}) == [str(clips["west"])]
    assert len(await found(api, {"late": "true"})) == 3


async def test_a_case_shows_its_clips_and_a_clip_whether_it_has_a_case(
    services: Services, api: httpx.AsyncClient, clips: dict[str, ClipId]
) -> None:
    await link_all(services, "案2", [clips["first"], clips["west"]])
    assert await found(api, {"case_no": "案2"}) == [str(clips["west"]), str(clips["first"])]
    assert await found(api, {"case_no": "案2", "dock": "east"}) == [str(clips["first"])]
    assert await found(api, {"linked": "true"}) == [str(clips["west"]), str(clips["first"])]
    assert (await api.get(f"/api/v1/clips/{clips['west']}")).json()["linked"] is True
    await services.cases.unlink("案2", clips["west"], by="Li", why="wrong")
    assert await found(api, {"linked": "true"}) == [str(clips["first"])]


# --- to which units clips count --------------------------------------------------------


async def counted(services: Services, clip: ClipId) -> dict[str, bool]:
    query = (
        select(CountsTo.name, CountsTo.own)
        .join(Clip, Clip.entry_index == CountsTo.entry_index)
        .where(CountsTo.kind == "unit")
        .where(Clip.dock == clip.dock, Clip.epoch == clip.epoch, Clip.seq == clip.seq)
    )
    async with services.database.reading() as session:
        return {row.name: row.own for row in await session.execute(query)}


async def test_a_clip_counts_to_its_unit_and_to_those_of_its_cases_and_all_above(
    services: Services, clips: dict[str, ClipId]
) -> None:
    clip = clips["first"]
    own = {"市局": True, "市局/城东": True, EAST: True}
    assert await counted(services, clip) == own
    for number, unit in enumerate(("市局/城西/二中队", "省厅", None)):
        await services.cases.open(NewCase(f"案{number}", None, None, unit, "Li"))
        async with api_of(services) as api:
            asked = {"clip": str(clip), "by": "Li", "why": "scene"}
            assert (await api.post(f"/api/v1/cases/案{number}/links", json=asked)).is_success
    west = {"市局/城西": False, "市局/城西/二中队": False}
    assert await counted(services, clip) == own | west | {"省厅": False}
    await services.cases.unlink("案1", clip, by="Li", why="wrong")
    assert await counted(services, clip) == own | west


async def test_a_change_of_a_clips_or_a_cases_unit_is_followed_in_the_same_transaction(
    services: Services, clips: dict[str, ClipId]
) -> None:
    await services.cases.open(NewCase("案1", None, None, "甲", "Li"))
    async with api_of(services) as api:
        asked = {"clip": str(clips["west"]), "by": "Li", "why": "scene"}
        assert (await api.post("/api/v1/cases/案1/links", json=asked)).is_success
    async with services.database.session() as session:
        case = await session.scalar(select(Case).where(Case.case_no == "案1"))
        clip = await session.scalar(select(Clip).where(Clip.dock == "west"))
        assert case is not None
        assert clip is not None
        case.unit, clip.unit = "乙/丙", "甲"
    assert await counted(services, clips["west"]) == {"乙": False, "乙/丙": False, "甲": True}


async def test_counting_anew_changes_nothing_that_is_right_and_mends_what_is_not(
    services: Services, clips: dict[str, ClipId]
) -> None:
    clip = clips["first"]
    before = await counted(services, clip)
    async with services.database.session() as session:
        for row in await session.scalars(select(CountsTo).where(CountsTo.name == EAST)):
            await session.delete(row)
        at = await _index(services, clip)
        session.add(CountsTo(kind="unit", name="elsewhere", entry_index=at, own=True))
    for _ in range(2):
        async with services.database.session() as session:
            connection = await session.connection()
            keys = [(clip.dock, clip.epoch, clip.seq), ("nowhere", 0, 0)]
            await connection.run_sync(count_anew, keys)
        assert await counted(services, clip) == before


async def _index(services: Services, clip: ClipId) -> int:
    row = await services.evidence.clip(clip)
    assert row is not None
    return row.entry_index


@pytest.mark.parametrize(
    ("unit", "above"),
    [
        (None, []),
        ("", []),
        ("a", ["a"]),
        ("a/b", ["a", "a/b"]),
        ("/a//b/", ["/a", "/a/", "/a//b", "/a//b/"]),
    ],
)
def test_the_units_above_are_those_of_which_a_unit_is_within(
    unit: str | None, above: list[str]
) -> None:
    assert sorted(units_above(unit)) == above


async def test_a_corrected_clip_is_found_by_what_counts_and_by_the_names_that_were_claimed(
    api: httpx.AsyncClient, clips: dict[str, ClipId]
) -> None:
    at = f"/api/v1/clips/{clips['first']}/corrections"
    day = {"started_from": "2026-01-01T00:00:00Z", "started_to": "2026-01-02T00:00:00Z"}
    for field, to in (
        ("officer", "020001"),
        ("unit", "省厅/一处"),
        ("started", "2026-01-01T08:00:00+08:00"),
    ):
        more = {"error_ms": 1000, "known_by": "clock in the picture"} if field == "started" else {}
        body = {"field": field, "to": to, "why": "swapped", "by": "Li", **more}
        assert (await api.post(at, json=body)).is_success
    first = [str(clips["first"])]
    for query in (
        {"officer": "014032"},
        {"officer": "020001"},
        {"unit": "省厅"},
        {"unit": EAST},
        day,
    ):
        assert first[0] in await found(api, query), query
    body = {"field": "started", "to": None, "why": "mistaken", "by": "Li"}
    assert (await api.post(at, json=body)).is_success
    assert await found(api, day) == []
    assert first[0] in await found(api, {"started_from": "2026-02-24T20:00:00Z"})
