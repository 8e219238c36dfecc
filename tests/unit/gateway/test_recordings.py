"""Chapters are grouped on record, by people, and shown as far as somebody reaches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.access.policy import Role
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId, SessionId
from protocols.kinds import Media
from protocols.progress import Quiet
from protocols.trail import verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import exported, filled
from tests.simulators.people import person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, store
from verifier.pack import verify_pack
from verifier.sources import opened

EAST, WEST = "市局/城东", "市局/城西"
FILES = {
    "REC_0001.MP4": "2026-02-25T12:00:00",
    "REC_0002.MP4": "2026-02-25T12:01:01",
    "REC_0003.MP4": "2026-02-25T12:02:00",
    "REC_0007.MP4": "2026-02-25T15:00:00",
}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened_:
        yield opened_


async def docked(services: Services, unit: str | None = EAST) -> tuple[SessionId, list[ClipId]]:
    dock = SimulatedDock()
    dock.unit = unit
    await enrol(services, dock)
    session = dock.open_session()
    dock.inventory(session, FILES)
    media = Media(container="mov,mp4", duration_ms=60_000, playable=True)
    clips = [
        dock.seal(session, name.encode(), name=name, started=started, media=media)
        for name, started in FILES.items()
    ]
    await admit(services, dock, dock.entries)
    for clip in clips:
        await store(services, dock.clips[clip])
    return session, clips


async def group(client: httpx.AsyncClient, *clips: ClipId, **more: str) -> httpx.Response:
    asked = {"clips": [str(clip) for clip in clips], "why": "one arrest"} | more
    return await client.post("/api/v1/recordings", json=asked)


async def apart(client: httpx.AsyncClient, token: str, why: str) -> httpx.Response:
    return await client.request("DELETE", f"/api/v1/recordings/{token}", json={"why": why})


async def test_what_the_rule_proposes_is_grouped_and_taken_apart_on_record(
    services: Services,
) -> None:
    session, clips = await docked(services)
    first = [str(clip) for clip in clips[:3]]
    async with await person(services, Role.CUSTODIAN, unit=EAST) as client:
        told = (await client.get(f"/api/v1/clips/{clips[1]}/recording")).json()
        assert told["recording"] is None
        chapters = told["proposal"]["chapters"]
        assert [each["clip"] for each in chapters] == first
        assert [each["gap_ms"] for each in chapters] == [None, 1000, -1000]
        alone = (await client.get(f"/api/v1/clips/{clips[3]}/recording")).json()
        assert alone == {"recording": None, "proposal": None}
        size = services.log.checkpoint().size
        made = await group(client, *clips[:3], how="proposal")
        assert made.status_code == HTTPStatus.CREATED, made.text
        entry = await services.log.entry(size)
        assert entry.kind == "recording.grouped"
        assert entry.subject == f"urn:evidock:recording:{made.json()['recording']}"
        again = await group(client, *clips[:3], how="proposal")
        assert (again.status_code, again.json()) == (HTTPStatus.OK, made.json())
        told = (await client.get(f"/api/v1/clips/{clips[0]}/recording")).json()
        assert told == {"recording": made.json(), "proposal": None}
        listed = (await client.get("/api/v1/recordings", params={"session": str(session)})).json()
        assert listed == {"recordings": [made.json()], "proposals": []}
        gone = await apart(client, made.json()["recording"], "two arrests")
        assert gone.json()["ungrouped_by"] == "王警官 <wang>"
        assert (await apart(client, made.json()["recording"], "two arrests")).is_success
        other = await apart(client, made.json()["recording"], "other words")
        assert (other.status_code, other.json()["code"]) == (409, "recording-gone")
        assert services.log.checkpoint().size == size + 2
        told = (await client.get(f"/api/v1/clips/{clips[0]}/recording")).json()
        assert told["recording"] is None
        assert told["proposal"] is not None


async def test_people_group_by_hand_what_no_rule_sees(services: Services) -> None:
    _, clips = await docked(services)
    async with await person(services, Role.HANDLER) as client:
        refused = await group(client, clips[2], clips[3], how="proposal")
        assert (refused.status_code, refused.json()["code"]) == (409, "proposal-differs")
        made = await group(client, clips[3], clips[0])
        assert made.status_code == HTTPStatus.CREATED
        assert [each["clip"] for each in made.json()["chapters"]] == [str(clips[3]), str(clips[0])]
        assert made.json()["chapters"][1]["gap_ms"] == -3 * 3_600_000 - 60_000
        for clip, chapters in ((clips[0], [clips[3], clips[0]]), (clips[1], [])):
            played = (await client.get(f"/api/v1/clips/{clip}/playback")).json()
            assert played["chapters"] == [str(each) for each in chapters]
        taken = await group(client, clips[0], clips[1])
        assert (taken.status_code, taken.json()["code"]) == (409, "clip-grouped")
        twice = await group(client, clips[1], clips[1])
        assert (twice.status_code, twice.json()["code"]) == (422, "clip-twice")
        # A proposal leaves out what is grouped already.
        told = (await client.get(f"/api/v1/clips/{clips[1]}/recording")).json()
        assert [each["clip"] for each in told["proposal"]["chapters"]] == [
            str(clips[1]),
            str(clips[2]),
        ]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"clips": ["dock7.0.2"]}, "request-invalid"),
        ({"clips": ["dock7.0.2", "x"]}, "request-invalid"),
        ({"clips": ["dock7.0.2"] * 201}, "request-invalid"),
        ({"clips": ["dock7.0.2", "dock7.0.3"], "how": "rule"}, "request-invalid"),
        ({"clips": ["dock7.0.2", "dock7.0.3"], "tolerance_ms": -1}, "request-invalid"),
        ({"clips": ["dock7.0.2", "dock7.0.3"], "why": " "}, "request-invalid"),
        ({"clips": ["dock7.0.2", "dock7.0.999"]}, "clip-unknown"),
    ],
)
async def test_what_is_no_recording_is_refused(
    services: Services, asked: dict[str, object], code: str
) -> None:
    await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        size = services.log.checkpoint().size
        refused = await client.post("/api/v1/recordings", json={"why": "a"} | asked)
        assert refused.json()["code"] == code
        assert services.log.checkpoint().size == size


async def test_what_lies_beyond_reach_leaves_no_trace(services: Services) -> None:
    session, clips = await docked(services, EAST)
    async with (
        await person(services, Role.CUSTODIAN, unit=EAST, login="dong") as east,
        await person(services, Role.HANDLER, unit=WEST, login="xi") as west,
        api_of(services) as host,
    ):
        token = (await group(east, *clips[:3])).json()["recording"]
        gone = await west.get(f"/api/v1/clips/{clips[0]}/recording")
        assert (gone.status_code, gone.json()["code"]) == (404, "clip-unknown")
        listed = await west.get("/api/v1/recordings", params={"session": str(session)})
        assert listed.json() == {"recordings": [], "proposals": []}
        assert (await group(west, *clips[:2])).json()["code"] == "clip-unknown"
        assert (await apart(west, token, "a")).json()["code"] == "recording-unknown"
        # By a case one chapter comes within reach, and nothing tells of the others.
        assert (await west.post("/api/v1/cases", json={"case_no": "W1"})).is_success
        for clip in (clips[0], clips[2]):
            link = {"clip": str(clip), "why": "same quarrel", "by": "city"}
            assert (await host.post("/api/v1/cases/W1/links", json=link)).is_success
        told = (await west.get(f"/api/v1/clips/{clips[2]}/recording")).json()["recording"]
        assert [(each["clip"], each["gap_ms"]) for each in told["chapters"]] == [
            (str(clips[0]), None),
            (str(clips[2]), None),
        ]
        assert str(clips[1]) not in str(told)
        assert (await apart(west, token, "a")).json()["code"] == "recording-unknown"
        assert (await apart(west, "0" * 32, "a")).json()["code"] == "recording-unknown"


async def test_a_classified_chapter_is_there_without_its_name(services: Services) -> None:
    _, clips = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN, login="keeper") as keeper,
        await person(services, Role.REVIEWER) as reviewer,
    ):
        await group(keeper, *clips[:3])
        secret = {"label": "secret", "why": "a"}
        assert (await keeper.post(f"/api/v1/clips/{clips[1]}/marks", json=secret)).is_success
        told = (await reviewer.get(f"/api/v1/clips/{clips[0]}/recording")).json()["recording"]
        assert [each["name"] for each in told["chapters"]] == [
            "REC_0001.MP4",
            "***",
            "REC_0003.MP4",
        ]
        assert [each["gap_ms"] for each in told["chapters"]] == [None, None, None]


async def test_a_start_that_was_put_right_counts(services: Services) -> None:
    _, clips = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        start = {
            "field": "started",
            "to": "2026-02-25T12:01:00Z",
            "error_ms": 0,
            "known_by": "a clock",
            "why": "a",
        }
        assert (await client.post(f"/api/v1/clips/{clips[1]}/corrections", json=start)).is_success
        told = (await client.get(f"/api/v1/clips/{clips[1]}/recording")).json()
        # One clock says its zone and the other does not: nobody can tell how they follow.
        assert told["proposal"] is None


async def test_a_database_made_anew_has_the_same_recordings(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        session, clips = await docked(services)
        async with await person(services, Role.CUSTODIAN) as client:
            one = (await group(client, *clips[:2])).json()["recording"]
            await apart(client, one, "no")
            await group(client, *clips[:3])
        async with api_of(services) as host:
            address = f"/api/v1/recordings?session={session}"
            before = (await host.get(address)).json()
    assert len(before["recordings"]) == 1
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert (await host.get(address)).json() == before


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_trails_and_packs_of_chapters_verify(services: Services, tmp_path: Path) -> None:
    clips, trust = await filled(services)
    async with await person(services, Role.CUSTODIAN) as client:
        made = await group(client, *clips[:2])
        assert made.status_code == HTTPStatus.CREATED, made.text
        await apart(client, made.json()["recording"], "no")
    row = await services.evidence.clip(clips[1])
    assert row is not None
    report = verify_trail(await services.trails.of_clip(row), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    kinds = [event.record.kind for event in report.events if event.record is not None]
    assert kinds.count("recording.grouped") == kinds.count("recording.ungrouped") == 1
    await exported(services, tmp_path / "pack")
    with opened(tmp_path / "pack") as source:
        checked = verify_pack(source, trust, Quiet())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
