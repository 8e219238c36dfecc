"""What is to be heeded about a clip: objections are acknowledged, what is classified is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.access.policy import POLICY, Act, Reach, Role
from gateway.clock import GatewayClock
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.pack import layout
from protocols.progress import Quiet
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import CASE_NO, exported, filled
from tests.simulators.people import person
from tests.simulators.seeded import api_of, enrol, gateway_on, link_all, shift_end
from verifier.pack import verify_pack
from verifier.sources import opened

CITY, EAST, WEST = "市局", "市局/城东", "市局/城西"
OFFICER = "014032"
OBJECTS = {"label": "privacy", "why": "she asked for it"}
SECRET = {"label": "secret", "why": "decision 3 of 2026"}
SAID = {"how": "play", "reason": "complaint 2026-114"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened_:
        yield opened_


async def docked(services: Services, unit: str | None = EAST) -> ClipId:
    dock = SimulatedDock()
    dock.officer, dock.unit = OFFICER, unit
    await enrol(services, dock)
    return (await shift_end(services, dock, {"secret-place.MP4": b"footage"}))[0]


async def mark(client: httpx.AsyncClient, clip: ClipId, **asked: object) -> httpx.Response:
    return await client.post(f"/api/v1/clips/{clip}/marks", json=asked)


async def lift(client: httpx.AsyncClient, clip: ClipId, name: str, why: str) -> httpx.Response:
    at = f"/api/v1/clips/{clip}/marks/{name}"
    return await client.request("DELETE", at, json={"why": why})


async def view(client: httpx.AsyncClient, clip: ClipId, *marks: str) -> httpx.Response:
    body = SAID | {"acknowledged": list(marks)}
    return await client.post(f"/api/v1/clips/{clip}/views", json=body)


# --- objections --------------------------------------------------------------------


async def test_a_mark_is_on_record_until_it_is_taken_back_and_after(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN, unit=EAST) as client:
        size = services.log.checkpoint().size
        made = await mark(client, clip, **OBJECTS)
        assert made.status_code == HTTPStatus.CREATED, made.text
        entry = await services.log.entry(size)
        assert (entry.kind, entry.subject) == ("clip.marked", clip.clip_urn)
        again = await mark(client, clip, **OBJECTS)
        assert (again.status_code, again.json()) == (HTTPStatus.OK, made.json())
        (row,) = (await client.get("/api/v1/clips")).json()["clips"]
        assert [each["label"] for each in row["marks"]] == ["privacy"]
        gone = await lift(client, clip, made.json()["mark"], "she took it back")
        assert gone.json()["unmarked_by"] == "王警官 <wang>"
        assert (await lift(client, clip, made.json()["mark"], "she took it back")).is_success
        other = await lift(client, clip, made.json()["mark"], "other words")
        assert (other.status_code, other.json()["code"]) == (409, "mark-gone")
        assert (await client.get(f"/api/v1/clips/{clip}")).json()["marks"] == []
        assert (await client.get(f"/api/v1/clips/{clip}/marks")).json() == [gone.json()]
        assert services.log.checkpoint().size == size + 2


@pytest.mark.parametrize("label", ["privacy", "trade-secret", "minor", "third-party"])
async def test_whoever_views_or_hands_out_took_note_of_what_stands_against_it(
    services: Services, label: str
) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        name = (await mark(client, clip, label=label, why="a")).json()["mark"]
        handed = {"clip": str(clip), "reason": "court", "recipient": "court 2"}
        size = services.log.checkpoint().size
        for refused in (
            await view(client, clip),
            await view(client, clip, "0" * 32),
            await client.post("/api/v1/exports", json=handed),
        ):
            assert (refused.status_code, refused.json()["code"]) == (409, "marks-unacknowledged")
            assert name in refused.json()["detail"]
        assert services.log.checkpoint().size == size
        assert (await view(client, clip, name)).json()["acknowledged"] == [name]
        assert (await client.get(f"/api/v1/clips/{clip}/content")).content == b"footage"
        made = await client.post("/api/v1/exports", json=handed | {"acknowledged": [name]})
        assert made.status_code == HTTPStatus.CREATED, made.text
        # What is said against it after a view was stated has not been seen yet.
        later = (await mark(client, clip, label=label, why="b")).json()["mark"]
        asked = await client.get(f"/api/v1/clips/{clip}/content")
        assert (asked.status_code, asked.json()["code"]) == (409, "view-needed")
        assert later in asked.json()["detail"]
        assert (await view(client, clip, name, later)).is_success
        assert (await client.get(f"/api/v1/clips/{clip}/content")).is_success


async def test_what_is_important_asks_for_nothing(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        await mark(client, clip, label="important", why="the knife")
        assert (await view(client, clip)).is_success


async def test_a_mark_ends_at_its_time(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = await docked(services)
    until = services.clock.now() + timedelta(days=1)
    async with await person(services, Role.CUSTODIAN, unit=EAST) as client:
        over = await mark(client, clip, **OBJECTS, until="2020-01-01T00:00:00Z")
        assert (over.status_code, over.json()["code"]) == (422, "mark-over")
        assert (await mark(client, clip, **SECRET, until=until.isoformat())).status_code == 201
        assert (await mark(client, clip, **SECRET, until=until.isoformat())).status_code == 200
    now = GatewayClock.now
    reviewer = await person(services, Role.REVIEWER)
    assert (await view(reviewer, clip)).status_code == HTTPStatus.FORBIDDEN
    monkeypatch.setattr(GatewayClock, "now", lambda self: now(self) + timedelta(hours=25))
    async with await person(services, Role.REVIEWER) as reviewer:
        assert (await view(reviewer, clip)).is_success


@pytest.mark.parametrize(
    "asked",
    [
        {"label": "privacy"},
        {"label": "lost", "why": "a"},
        {"label": "privacy", "why": " "},
        {"label": "privacy", "why": "\u202ea"},
        {"label": "privacy", "why": "a", "until": "2099-01-01"},
        {"label": "privacy", "why": "a", "until": "2099-01-01T00:00:00"},
        {"label": "privacy", "why": "a", "mark": "0" * 32},
    ],
)
async def test_what_is_no_mark_is_refused(services: Services, asked: dict[str, object]) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        refused = await mark(client, clip, **asked)
        assert (refused.status_code, refused.json()["code"]) == (422, "request-invalid")
        assert (await client.get(f"/api/v1/clips/{clip}/marks")).json() == []


async def test_an_officer_objects_for_privacy_on_his_own_clips_and_lifts_only_that(
    services: Services,
) -> None:
    clip = await docked(services)
    async with (
        await person(services, Role.OFFICER, officer=OFFICER) as own,
        await person(services, Role.OFFICER, login="li", officer="other") as other,
        await person(services, Role.CUSTODIAN, login="keeper") as keeper,
    ):
        assert (await mark(other, clip, **OBJECTS)).json()["code"] == "clip-unknown"
        for label in ("secret", "important", "minor"):
            refused = await mark(own, clip, label=label, why="a")
            assert (refused.status_code, refused.json()["code"]) == (403, "privacy-only")
        made = await mark(own, clip, **OBJECTS)
        assert made.status_code == HTTPStatus.CREATED
        theirs = (await mark(keeper, clip, **OBJECTS)).json()["mark"]
        refused = await lift(own, clip, theirs, "a")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-your-mark")
        assert (await lift(own, clip, made.json()["mark"], "a")).is_success
        unknown = await lift(own, clip, "0" * 32, "a")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "mark-unknown")


# --- classes of secrecy ------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SUPERVISOR, Role.HANDLER, Role.AUDITOR])
async def test_what_is_classified_is_for_whom_the_policy_names(
    services: Services, role: Role
) -> None:
    clip = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN, unit=EAST, login="keeper") as keeper,
        await person(services, role, unit=CITY) as client,
    ):
        await mark(keeper, clip, **SECRET)
        sees = POLICY[role, Act.CLIPS_SECRET] is not Reach.NONE
        (row,) = (await client.get("/api/v1/clips")).json()["clips"]
        told = (await client.get(f"/api/v1/clips/{clip}")).json()
        for each in (row, told):
            assert each["concealed"] is not sees
            assert [each["label"] for each in each["marks"]] == ["secret"]
            assert (OFFICER in json.dumps(each)) == sees
            assert ("secret-place" in json.dumps(each)) == sees
            assert (EAST in json.dumps(each, ensure_ascii=False)) == sees
        for answer in (
            await view(client, clip),
            *[
                await client.get(f"/api/v1/clips/{clip}/{what}")
                for what in ("trail", "proof", "views", "marks", "corrections")
            ],
        ):
            refused = answer.status_code == 403 and answer.json()["code"] == "classified"
            assert refused is not sees, answer.text
        given = await client.get(f"/api/v1/clips/{clip}/content")
        assert given.status_code == (HTTPStatus.OK if sees else HTTPStatus.FORBIDDEN)
        for page in ("/clips", f"/clips/{clip}"):
            text = (await client.get(page)).text
            assert (OFFICER in text) == sees, page
            assert ("secret-place" in text) == sees, page
        # To be found by a name that is concealed would be to tell it.
        found = await client.get("/clips", params={"officer": OFFICER})
        assert (str(clip) in found.text) == sees
        listed = await client.get("/api/v1/classified")
        assert listed.status_code == (HTTPStatus.OK if sees else HTTPStatus.FORBIDDEN)


async def test_no_pack_and_no_trail_of_a_case_gives_a_classified_clip_away(
    services: Services,
) -> None:
    clip = await docked(services)
    await link_all(services, "2026-1", [clip])
    async with (
        await person(services, Role.CUSTODIAN, login="keeper") as keeper,
        await person(services, Role.REVIEWER) as reviewer,
    ):
        handed = {"case_no": "2026-1", "reason": "court", "recipient": "court 2"}
        assert (await keeper.post("/api/v1/exports", json=handed)).status_code == 201
        assert (await reviewer.get("/api/v1/cases/2026-1/trail")).is_success
        await mark(keeper, clip, **SECRET)
        refused = await reviewer.get("/api/v1/cases/2026-1/trail")
        assert (refused.status_code, refused.json()["code"]) == (403, "classified")
        assert (await keeper.get("/api/v1/cases/2026-1/trail")).is_success
        assert (await keeper.get("/api/v1/exports/1/dossier")).is_success
        (listed,) = (await keeper.get("/api/v1/classified")).json()["clips"]
        assert listed["clip"] == str(clip)


async def test_an_officer_does_not_play_what_he_recorded_once_it_is_classified(
    services: Services,
) -> None:
    clip = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN, login="keeper") as keeper,
        await person(services, Role.OFFICER, officer=OFFICER) as own,
    ):
        assert (await own.get(f"/api/v1/clips/{clip}/content")).is_success
        name = (await mark(keeper, clip, label="top-secret", why="a")).json()["mark"]
        refused = await own.get(f"/api/v1/clips/{clip}/content")
        assert (refused.status_code, refused.json()["code"]) == (403, "classified")
        (row,) = (await own.get("/api/v1/clips")).json()["clips"]
        assert (row["clip"], row["concealed"]) == (str(clip), True)
        await lift(keeper, clip, name, "no longer")
        assert (await own.get(f"/api/v1/clips/{clip}/content")).is_success


async def test_a_class_is_the_clips_own_units_to_set_and_to_lift(services: Services) -> None:
    clip = await docked(services, WEST)
    async with (
        await person(services, Role.HANDLER, unit=EAST) as east,
        await person(services, Role.HANDLER, unit=WEST, login="xi") as west,
        api_of(services) as host,
    ):
        assert (await mark(east, clip, **OBJECTS)).json()["code"] == "clip-unknown"
        assert (await east.post("/api/v1/cases", json={"case_no": "E1"})).is_success
        link = {"clip": str(clip), "why": "same quarrel", "by": "city"}
        assert (await host.post("/api/v1/cases/E1/links", json=link)).is_success
        refused = await mark(east, clip, **SECRET)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-your-units-clip")
        assert (await mark(east, clip, **OBJECTS)).status_code == HTTPStatus.CREATED
        name = (await mark(west, clip, **SECRET)).json()["mark"]
        refused = await lift(east, clip, name, "a")
        assert (refused.status_code, refused.json()["code"]) == (403, "not-your-units-clip")
        assert (await lift(west, clip, name, "a")).is_success


# --- records -----------------------------------------------------------------------


async def test_a_database_made_anew_has_the_same_marks(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        clip = await docked(services)
        async with api_of(services) as host:
            first = (await mark(host, clip, **OBJECTS, by="Li")).json()["mark"]
            await mark(host, clip, **SECRET, by="Li", until="2099-01-01T00:00:00+08:00")
            await mark(host, clip, label="minor", why="a", by="Li")
            body = {"why": "b", "by": "Li"}
            await host.request("DELETE", f"/api/v1/clips/{clip}/marks/{first}", json=body)
            before = (await host.get(f"/api/v1/clips/{clip}/marks")).json()
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert (await host.get(f"/api/v1/clips/{clip}/marks")).json() == before


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_a_pack_says_what_was_marked_and_acknowledged_and_verifies(
    services: Services, tmp_path: Path
) -> None:
    clips, trust = await filled(services)
    async with await person(services, Role.CUSTODIAN) as client:
        name = (await mark(client, clips[0], **OBJECTS)).json()["mark"]
        handed = {"case_no": CASE_NO, "reason": "court", "recipient": "court 2"}
        made = await client.post("/api/v1/exports", json=handed | {"acknowledged": [name]})
        assert made.status_code == HTTPStatus.CREATED, made.text
        await lift(client, clips[0], name, "she took it back")
    await exported(services, tmp_path / "pack")
    with opened(tmp_path / "pack") as source:
        checked = verify_pack(source, trust, Quiet())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    report = json.loads((tmp_path / "pack" / layout.REPORT).read_bytes())
    said = [event["text"] for event in report["events"]]
    assert any(f"is marked privacy ({name})" in text for text in said)
    assert any(f"marks acknowledged: {name}" in text for text in said)
