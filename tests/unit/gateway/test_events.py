"""Events: what is told, to whom, in which order, and that nothing is told twice or lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from gateway.access.gate import COOKIE
from gateway.access.policy import Role
from gateway.accounts.service import NewAccount
from gateway.events import stream
from gateway.events.feed import Feed
from gateway.events.stream import Pace, Streams
from gateway.events.told import happened, is_told
from gateway.problems import Problem
from gateway.services import Services
from protocols.kinds import BODIES, ClipLost
from tests.simulators.dock import SimulatedDock
from tests.simulators.listening import reading, serving
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all, shift_end

EAST, WEST = "市局/城东", "市局/城西"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


async def docked(services: Services, name: str, unit: str | None = None) -> str:
    dock = SimulatedDock(name)
    dock.unit, dock.officer = unit, f"officer of {name}"
    await enrol(services, dock)
    return str((await shift_end(services, dock, {"A.MP4": name.encode()}))[0])


async def past(client: httpx.AsyncClient, query: str = "") -> list[dict[str, object]]:
    answer = await client.get(f"/api/v1/events/past{query}")
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: list[dict[str, object]] = answer.json()["events"]
    return found


async def test_what_happened_is_told_in_the_order_of_the_log(services: Services) -> None:
    clip = await docked(services, "dock7")
    await link_all(services, "东1", [])
    async with api_of(services) as host:
        at = f"/api/v1/cases/{quote('东1')}/links"
        assert (await host.post(at, json={"clip": clip, "by": "L", "why": "a"})).status_code == 201
        events = await past(host)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "dock.enrolled"
    assert kinds[-3:] == ["clip.stored", "case.opened", "case.linked"]
    indices = [event["data"]["index"] for event in events]  # type: ignore[index]
    assert indices == sorted(set(indices))
    linked = events[-1]["data"]
    assert isinstance(linked, dict)
    assert (linked["clips"], linked["cases"][0]["case_no"]) == ([clip], "东1")
    assert {"why", "by"} & set(linked) == set()


async def test_a_receiver_is_told_of_what_he_may_read_and_nothing_else(
    services: Services,
) -> None:
    east = await docked(services, "east", EAST)
    west = await docked(services, "west", WEST)
    async with await person(services, Role.HANDLER, unit=WEST, login="li") as handler:
        assert (await handler.post("/api/v1/cases", json={"case_no": "W1"})).status_code == 201
    key = await case_system(services, unit=EAST)
    async with browser(services, authorization=f"Bearer {key}") as platform:
        told = await past(platform)
        assert {event["type"] for event in told} == {"clip.sealed", "clip.stored"}
        assert west not in str(told)
        assert "W1" not in str(told)
        assert east in str(told)
    async with await person(services, Role.OPERATOR, login="op") as operator:
        told = await past(operator)
        assert all(not event["data"]["clips"] for event in told)  # type: ignore[index]
        assert {event["type"] for event in told} >= {"dock.enrolled", "session.opened"}
    officer = "officer of east"
    async with await person(services, Role.OFFICER, login="o", officer=officer) as own:
        told = await past(own)
        assert {tuple(event["data"]["clips"]) for event in told} == {(east,)}  # type: ignore[index]


async def test_a_link_to_anothers_clip_names_the_case_and_not_the_clip(
    services: Services,
) -> None:
    west = await docked(services, "west", WEST)
    async with await person(services, Role.HANDLER, unit=EAST, login="li") as east:
        assert (await east.post("/api/v1/cases", json={"case_no": "E1"})).status_code == 201
        async with api_of(services) as host:
            body = {"clip": west, "by": "top", "why": "a"}
            at = "/api/v1/cases/E1/links"
            assert (await host.post(at, json=body)).status_code == 201
            gone = await host.request("DELETE", f"{at}/{west}", json={"by": "top", "why": "b"})
            assert gone.status_code == 200
        unlinked = (await past(east))[-1]
    assert unlinked["type"] == "case.unlinked"
    assert unlinked["data"]["clips"] == []  # type: ignore[index]
    assert unlinked["data"]["cases"][0]["case_no"] == "E1"  # type: ignore[index]


async def test_pages_look_at_a_bounded_stretch_and_miss_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await docked(services, "dock7")
    async with api_of(services) as host:
        whole = await past(host)
        monkeypatch.setattr("gateway.events.feed.STRETCH", 2)
        after, found = -1, []
        for _ in range(100):
            page = (await host.get(f"/api/v1/events/past?after={after}")).json()
            assert page["next"] - after <= 2
            after = page["next"]
            found += page["events"]
            if not page["more"]:
                break
        assert found == whole
        only = await past(host, "?kind=clip.stored&kind=dock.enrolled")
        assert {event["type"] for event in only} <= {"clip.stored", "dock.enrolled"}
        for query, status in (("after=-2", 422), ("kind=Clip", 422), ("after=100000", 409)):
            answer = await host.get(f"/api/v1/events/past?{query}")
            assert answer.status_code == status, query


def test_a_dock_tells_of_its_own_clips_and_of_nothing_that_is_not_its_to_state() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    subjects = ("urn:evidock:clip:other.0.1", "urn:evidock:clip:dock7.0.1", "urn:evidock:case:aa")
    found = happened(1, "clip.lost", at, stated_by="dock7", subjects=subjects)
    assert [str(clip) for clip in found.clips] == ["dock7.0.1"]
    assert found.cases == ()
    for kind in BODIES:
        own = kind.startswith(("case.", "dock.e", "dock.r", "account.", "client.", "log."))
        assert not (own and is_told(kind, "dock7")), kind


async def test_what_was_set_aside_has_not_happened(services: Services) -> None:
    dock = SimulatedDock("dock7")
    await enrol(services, dock)
    other = SimulatedDock("dock8")
    await enrol(services, other)
    (clip,) = await shift_end(services, other, {"A.MP4": b"a"})
    first = len(dock.entries)
    dock.append(ClipLost(clip=str(clip), reason="not mine"))
    await admit(services, dock, dock.entries[first:])
    async with api_of(services) as host:
        assert "clip.lost" not in {event["type"] for event in await past(host)}


# --- streams -----------------------------------------------------------------------


async def test_a_stream_tells_what_happens_and_goes_on_where_it_was_left(
    services: Services,
) -> None:
    async with serving(services) as url, api_of(services) as host:
        async with reading(services, url, "?kind=case.opened") as first:
            for number in ("1", "2"):
                await host.post("/api/v1/cases", json={"case_no": number, "by": "L"})
            await first.until("case.opened", "case.opened")
        await host.post("/api/v1/cases", json={"case_no": "3", "by": "L"})
        last = {"last-event-id": str(first.events[0][0])}
        shown = {"authorization": f"Bearer {services.host.text}"}
        async with reading(services, url, "?kind=case.opened&after=0", shown | last) as second:
            await second.until("case.opened", "case.opened")
        numbers = [each[2]["data"]["cases"][0]["case_no"] for each in second.events]
        assert numbers == ["2", "3"]
        assert second.events[0] == first.events[1]
        ahead = await host.get("/api/v1/events", headers={"last-event-id": "99999"})
        assert (ahead.status_code, ahead.json()["code"]) == (409, "event-unknown")


async def test_a_heartbeat_says_where_to_go_on_from_and_is_no_event(services: Services) -> None:
    services.streams_of_events.pace = Pace(heartbeat=0.1, pause=0)
    async with serving(services) as url, reading(services, url) as reader:
        async with asyncio.timeout(20):
            while len(reader.ids) < 3:  # noqa: ASYNC110  # what another task hears
                await asyncio.sleep(0.02)
    assert (reader.events, set(reader.ids)) == ([], {services.log.checkpoint().size - 1})


async def ends_with(
    services: Services, url: str, headers: dict[str, str], end: Awaitable[object]
) -> None:
    services.streams_of_events.pace = Pace(heartbeat=0.05, pause=0)
    async with reading(services, url, headers=headers) as reader:
        await asyncio.sleep(0.2)
        assert not reader.ended
        await end
        await reader.until_ended()


async def test_a_stream_ends_with_the_right_to_it(services: Services) -> None:
    new = NewAccount("li", "李", None, frozenset({Role.CUSTODIAN}), EAST, why="test")
    account = await services.accounts.set(new, "test")
    value = await services.sessions.begin(account.token)
    key = await case_system(services)
    cookie = {"cookie": f"{COOKIE}={value}"}
    bearer = {"authorization": f"Bearer {key}"}
    async with serving(services) as url:
        await ends_with(services, url, bearer, services.clients.end("platform", by="t", why="over"))
        moved = NewAccount("li", "李", None, frozenset({Role.CUSTODIAN}), WEST, why="moved")
        await ends_with(services, url, cookie, services.accounts.set(moved, "test"))
        value = await services.sessions.begin(account.token)
        cookie = {"cookie": f"{COOKIE}={value}"}
        await ends_with(services, url, cookie, services.sessions.end(value))
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/api/v1/events", headers=cookie)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert services.streams_of_events.open == 0


async def test_listening_keeps_nobody_signed_in(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await person(services, Role.CUSTODIAN) as client:
        begun = services.clock.now()
        for minutes, status in ((20, 200), (29, 200), (31, 401)):
            now = begun + timedelta(minutes=minutes)
            monkeypatch.setattr(services.clock, "now", lambda now=now: now)
            assert (await client.get("/api/v1/events/past")).status_code == status, minutes


async def test_a_reader_who_takes_nothing_is_dropped_and_holds_nothing(
    services: Services,
) -> None:
    for number in range(3):
        await docked(services, f"dock{number}")
    streams = Streams(Feed(services.database, services.log), Pace(patience=0.1))

    async def never(_: object) -> None:
        await asyncio.Event().wait()

    async def stays() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def again() -> object:
        return who

    who = await services.clients.of_key(await case_system(services))
    assert who is not None
    response = stream.EventStream(streams, who, again, after=-1, kinds=None)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await response({"type": "http"}, stays, never)
    assert streams.open == 0


async def test_no_asker_takes_all_streams(services: Services) -> None:
    streams = services.streams_of_events
    async with await person(services, Role.CUSTODIAN) as client:
        me = await services.sessions.find(client.headers["cookie"].split("=", 1)[1])
        assert me is not None
        with streams.taken(me.id), pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream, "MOST_OF_ONE", 1)
            many = await client.get("/api/v1/events")
            assert (many.status_code, many.json()["code"]) == (429, "streams-many")
            patch.setattr(stream, "MOST_OF_ONE", 2)
            patch.setattr(stream, "MOST", 1)
            full = await client.get("/api/v1/events")
            assert (full.status_code, full.json()["code"]) == (503, "streams-full")


async def test_a_gateway_that_ends_ends_its_streams_at_once(services: Services) -> None:
    begun = asyncio.get_running_loop().time()
    async with serving(services) as url, reading(services, url) as reader:
        await asyncio.sleep(0.1)
        services.streams_of_events.close()
        await reader.until_ended()
    assert asyncio.get_running_loop().time() - begun < 4


async def test_many_who_come_at_one_moment_are_no_more_than_may_listen(
    services: Services,
) -> None:
    streams = services.streams_of_events
    for _ in range(stream.MOST_OF_ONE + 5):
        streams.refuse_more("wang")  # all are let in before the first is counted
    with contextlib.ExitStack() as stack:
        for _ in range(stream.MOST_OF_ONE):
            stack.enter_context(streams.taken("wang"))
        with pytest.raises(Problem):
            stack.enter_context(streams.taken("wang"))
        stack.enter_context(streams.taken("li"))
    assert streams.open == 0
