"""What somebody may not see or do, tried from beside: cursors, coverage, mergers, late keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.access.policy import Role
from gateway.evidence.models import ClipState
from gateway.previews.keys import NewKey
from gateway.previews.maker import GivenUpError
from gateway.previews.models import ClipKey
from gateway.retention.pack import When
from gateway.services import Services
from protocols.ids import ClipId
from protocols.kinds import Media
from tests.simulators.dock import SimulatedDock
from tests.simulators.keeping import YEAR, Office, docked, office
from tests.simulators.people import person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all

EAST, WEST = "市局/城东", "市局/城西"
TEN_MINUTES = Media(container="mp4", playable=True, duration_ms=600_000)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        yield opened


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        yield await office(stack, services, tmp_path, monkeypatch)


async def recorded(services: Services, unit: str, *started: str) -> list[ClipId]:
    dock = SimulatedDock("dock" + str(len(unit)) + unit[-1].encode().hex())
    dock.unit = unit
    await enrol(services, dock)
    session = dock.open_session()
    clips = [
        dock.seal(session, at.encode(), name=f"{number}.MP4", started=at, media=TEN_MINUTES)
        for number, at in enumerate(started)
    ]
    await admit(services, dock, dock.entries)
    return clips


async def grave(services: Services) -> None:
    """Let the rules keep for ever the files of one category, and what is marked."""
    rules = await services.retention.in_force()
    assert rules is not None
    assert rules.pack is not None
    most = rules.pack.case[0].model_copy(update={"category": "命案", "keep": "permanent"})
    marked = rules.pack.item[0].model_copy(
        update={"id": "marked", "when": When(marked=True), "keep": "permanent"}
    )
    pack = rules.pack.model_copy(
        update={"case": (most, *rules.pack.case), "item": (marked, *rules.pack.item)}
    )
    services.retention._read = rules.row.sha256, pack


async def test_a_cursor_of_somebody_elses_clip_tells_not_when_it_was_recorded(
    services: Services,
) -> None:
    hours = [f"2026-02-25T{hour:02}:00:00+08:00" for hour in (8, 10, 12)]
    mine = await recorded(services, EAST, *hours)
    (theirs,) = await recorded(services, WEST, "2026-02-25T11:00:00+08:00")
    (secret,) = await recorded(services, EAST + "/一中队", "2026-02-25T09:00:00+08:00")
    async with api_of(services) as host:
        asked = {"label": "secret", "why": "a", "by": "Li"}
        assert (await host.post(f"/api/v1/clips/{secret}/marks", json=asked)).is_success
    async with await person(services, Role.REVIEWER, unit=EAST) as client:
        at = "/api/v1/clips?order=start&limit=1&cursor="
        never = await client.get(f"{at}999999")
        assert (never.status_code, never.json()["code"]) == (422, "cursor-unknown")
        for clip in (theirs, secret):
            row = await services.evidence.clip(clip)
            assert row is not None
            said = await client.get(f"{at}{row.entry_index}")
            assert (said.status_code, said.json()["detail"]) == (422, never.json()["detail"])
        found, cursor = list[str](), ""
        for _ in mine:
            page = (await client.get(f"{at.removesuffix('&cursor=')}{cursor}")).json()
            found += [each["clip"] for each in page["clips"]]
            cursor = f"&cursor={page['next']}"
        assert found == [str(clip) for clip in reversed(mine)]


async def test_coverage_tells_not_when_classified_footage_was_recorded(services: Services) -> None:
    (clip,) = await recorded(services, EAST, "2026-02-25T11:00:00+08:00")
    await link_all(services, "案1", [clip])
    stages = [
        {"name": f"{hour}", "start": f"2026-02-25T{hour}:00:00+08:00", "end": f"{end}:00:00+08:00"}
        for hour, end in (("10", "2026-02-25T11"), ("11", "2026-02-25T12"), ("15", "2026-02-25T16"))
    ]
    at = f"/api/v1/cases/{quote('案1')}"
    async with api_of(services) as host:
        whole = {"by": "Li", "unit": EAST, "stages": stages}
        assert (await host.put(at, json=whole)).is_success
        asked = {"label": "secret", "why": "a", "by": "Li"}
        assert (await host.post(f"/api/v1/clips/{clip}/marks", json=asked)).is_success
        assert (await host.get(f"{at}/coverage")).json()["stages"][1]["clips"] == [str(clip)]
    async with await person(services, Role.REVIEWER, unit=EAST) as client:
        told = (await client.get(f"{at}/coverage")).json()
        assert told["undated"] == [str(clip)]
        for stage in told["stages"]:
            # All alike: it may show any of them, and so none is said to lack footage for sure.
            said = (stage["covered"], stage["sure"], stage["clips"], stage["perhaps"])
            assert said == ("missing", False, [], [str(clip)])
            assert [each["sure"] for each in stage["gaps"]] == [False]


async def test_a_key_that_comes_after_its_clip_went_is_kept_nowhere(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = desk.services
    _, (clip,) = await docked(services, {"A.MP4": b"a"})
    before = await services.evidence.clip(clip)
    assert before is not None
    desk.ahead += YEAR
    await desk.approved(clip)
    await desk.wait()
    gone = await services.evidence.clip(clip)
    assert gone is not None
    assert gone.state == ClipState.DISPOSED
    # It was stored when somebody began to supply the key, and trying took that long.
    monkeypatch.setattr("gateway.previews.keys._try", lambda _: None)
    size = services.log.checkpoint().size
    with pytest.raises(GivenUpError):
        await services.clip_keys.supply(before, NewKey("0" * 32, "Li", "a"))
    assert services.log.checkpoint().size == size
    async with services.database.reading() as session:
        assert await session.get(ClipKey, (clip.dock, clip.epoch, clip.seq)) is None


async def test_a_merger_ends_nothing_early(desk: Office) -> None:
    """Of a category that is kept for ever, into one of no weight, into another such one."""
    services = desk.services
    _, (clip,) = await docked(services, {"A.MP4": b"a"})
    await grave(services)
    await link_all(services, "案1", [clip])
    async with api_of(services) as host:
        for number, category in (("案1", "命案"), ("案2", "检查"), ("案3", "检查")):
            said = {"by": "Li", "category": category}
            assert (await host.put(f"/api/v1/cases/{quote(number)}", json=said)).is_success
        for one, into in (("案1", "案2"), ("案2", "案3")):
            why = {"by": "Li", "why": "a", "into": into}
            assert (await host.post(f"/api/v1/cases/{quote(one)}/merge", json=why)).is_success
        why = {"by": "Li", "why": "a"}
        assert (await host.post(f"/api/v1/cases/{quote('案3')}/seal", json=why)).is_success
    desk.ahead += YEAR * 3
    refused = (await desk.propose(clip)).json()
    assert (refused["code"], "kept for ever" in refused["detail"]) == ("not-due", True)


async def test_a_milder_category_ends_nothing_early(desk: Office) -> None:
    services = desk.services
    _, (clip, other) = await docked(services, {"A.MP4": b"a", "B.MP4": b"b"})
    await grave(services)
    why = {"by": "Li", "why": "a"}
    async with api_of(services) as host:
        for number, first in (("案1", "命案"), ("案2", "检查")):
            await link_all(services, number, [clip if number == "案1" else other])
            for category in (first, None, "检查"):
                said = {"by": "Li", "category": category}
                assert (await host.put(f"/api/v1/cases/{quote(number)}", json=said)).is_success
            assert (await host.post(f"/api/v1/cases/{quote(number)}/seal", json=why)).is_success
    desk.ahead += YEAR * 3
    refused = (await desk.propose(clip)).json()
    assert refused["code"] == "not-due"
    assert "案1, once of category 命案: its file is kept for ever" in refused["detail"]
    # That it had no category for a moment is no reason; that somebody calls it important is one.
    marks = f"/api/v1/clips/{other}/marks"
    marked = await desk.custodian.post(marks, json={"label": "important", "why": "a"})
    assert (await desk.propose(other)).json()["code"] == "not-due"
    name = marked.json()["mark"]
    lifted = await desk.custodian.request("DELETE", f"{marks}/{name}", json={"why": "b"})
    assert lifted.is_success, lifted.text
    assert (await desk.propose(other)).is_success
