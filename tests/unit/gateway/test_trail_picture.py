"""The trail as a picture: what it folds, where it draws, what it leaves to the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from gateway.access.policy import Role
from gateway.holds.service import NewHold
from gateway.services import Services
from gateway.views.service import NewView
from gateway.web.picture import LANES, MOST_ROWS, Told, drawn
from gateway.web.trails import trail_of
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import person
from tests.simulators.seeded import enrol, gateway_on, link_all, shift_end


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


def event(index: int, kind: str | None, day: str = "2026-06-19") -> Told:
    return Told(index, kind, kind or "?", day, f"{index}", "clock", f"says {index}", 4, 2)


def test_hundreds_of_views_are_one_row_and_the_list_has_them() -> None:
    picture = drawn([event(0, "clip.stored"), *(event(n, "clip.viewed") for n in range(1, 300))])
    stored, views = picture.rows
    assert (stored.count, stored.day) == (1, "2026-06-19")
    assert (views.count, views.first, views.last, views.day) == (299, 1, 299, "")
    assert (stored.said, views.name, views.said) == ("says 0", "clip.viewed", "")
    assert picture.left == 0


def test_another_day_is_another_row() -> None:
    days = ["2026-06-19", "2026-06-20"]
    picture = drawn([event(n, "clip.viewed", day) for n, day in enumerate(days)])
    assert [row.day for row in picture.rows] == days


def test_what_is_too_long_to_draw_is_said_to_be() -> None:
    kinds = ("clip.viewed", "clip.exported")
    picture = drawn([event(n, kinds[n % 2]) for n in range(MOST_ROWS + 30)])
    assert (len(picture.rows), picture.left) == (MOST_ROWS, 30)


async def test_footage_goes_from_the_bay_over_dock_and_gateway_to_case_and_people(
    services: Services,
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"REC1.MP4": b"footage"})
    await link_all(services, "17", [clip])
    await services.views.state(NewView(clip, "person:1", "play", "Li", "complaint"))
    row = await services.evidence.clip(clip)
    assert row is not None
    document = await services.trails.of_clip(row)
    for language, word in (("zh", "查看"), ("en", "clip viewed")):
        trail = await trail_of(services, document, language)
        assert trail["outcome"] == "intact"
        moved = [each for each in trail["events"] if each.whence is not None]
        assert [(LANES[each.whence], LANES[each.lane]) for each in moved] == [
            *(("camera", "dock"), ("dock", "store"), ("store", "case"), ("store", "people"))
        ]
        assert moved[-1].name == word
        assert "complaint" in moved[-1].said


async def test_what_the_trail_knows_by_name_is_told_by_it(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    mine, other = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    await link_all(services, "云商执〔2026〕17号", [other, mine])
    new = NewHold(None, (mine,), "review", "市检察院", "3号", None, "Li")
    hold = await services.holds.place(new)
    async with await person(services, Role.SUPERVISOR) as client:
        path = f"/api/v1/holds/{hold.row.token}/lift"
        assert (await client.post(path, json={"reason": "over"})).status_code == HTTPStatus.OK
    row = await services.evidence.clip(mine)
    assert row is not None
    document = await services.trails.of_clip(row)
    told = {
        language: " ".join(
            each.said for each in (await trail_of(services, document, language))["events"]
        )
        for language in ("zh", "en")
    }
    assert "关于案件 云商执〔2026〕17号]" in told["zh"]
    assert f"关于记录 {other}]" in told["zh"]
    assert "依据机关 市检察院，文书 3号" in told["zh"]
    assert "（此冻结依据 市检察院 3号）" in told["zh"]
    assert "全部放行" in told["zh"]
    assert "about case 云商执〔2026〕17号]" in told["en"]
    assert "(the hold for 市检察院 3号)" in told["en"]
