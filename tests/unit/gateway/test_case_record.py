"""The record of a case as case systems keep it: particulars, numbers, mergers, units, seals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.access.policy import Role
from gateway.cases.acting import CaseBusyError
from gateway.cases.effects import CaseBody, apply
from gateway.holds.service import NewHold
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.kinds import CaseMerged, CaseRenumbered, CaseSealed, CaseSet, ClipTagged
from protocols.trail import TrailDocument, answers_case, verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, shift_end

NO = "云商执〔2026〕17号"
WHOLE: dict[str, Any] = {
    "title": "Street inspection",
    "category": "行政处罚",
    "cause": "占道经营",
    "filed": "2026-02-25",
    "unit": "市局/城东",
    "parties": [{"name": "张*", "type": "person", "role": "当事人"}],
    "officers": [
        {"name": "王强", "number": "014032", "valid_until": "2027-01-01", "regular": True},
        {"name": "李明", "number": "014033", "regular": False},
    ],
    "stages": [
        {
            "name": "调查取证",
            "start": "2026-02-25T14:00:00+08:00",
            "end": "2026-02-25T15:00:00+08:00",
            "place": "北京路",
        },
        {"name": "决定"},
    ],
    "decision": {"type": "罚款", "date": "2026-03-01", "number": "罚2026-1"},
    "external_ids": [{"system": "provincial", "id": "P-1"}],
    "archive_no": "D-1",
    "by": "Li",
}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


@pytest.fixture
async def clips(services: Services) -> list[ClipId]:
    dock = SimulatedDock()
    await enrol(services, dock)
    return await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b", "C.MP4": b"c"})


def at(case_no: str, more: str = "") -> str:
    return f"/api/v1/cases/{quote(case_no, safe='')}{more}"


async def put(api: httpx.AsyncClient, case_no: str = NO, /, **other: object) -> httpx.Response:
    return await api.put(at(case_no), json={**WHOLE, **other})


async def act(api: httpx.AsyncClient, case_no: str, what: str, /, **more: object) -> httpx.Response:
    return await api.post(at(case_no, f"/{what}"), json={"by": "Li", "why": "so it is", **more})


async def link(api: httpx.AsyncClient, case_no: str, clip: ClipId) -> httpx.Response:
    return await act(api, case_no, "links", clip=str(clip))


async def get(api: httpx.AsyncClient, case_no: str) -> dict[str, Any]:
    told: dict[str, Any] = (await api.get(at(case_no))).json()
    return told


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


def size(services: Services) -> int:
    return services.log.checkpoint().size


# --- particulars ---------------------------------------------------------------------


async def test_particulars_open_a_case_and_come_back_as_they_were_given(
    services: Services, api: httpx.AsyncClient
) -> None:
    answer = await put(api)
    assert answer.status_code == HTTPStatus.CREATED
    told = answer.json()
    for name in ("title", "category", "cause", "filed", "unit", "parties", "archive_no"):
        assert told[name] == WHOLE[name], name
    assert told["officers"][0] == WHOLE["officers"][0]
    assert told["stages"][0] == WHOLE["stages"][0]
    assert told["decision"] == WHOLE["decision"]
    assert (told["state"], told["asked"], told["numbers"]) == ("open", "current", [NO])
    entry = await services.log.entry(told["set_index"])
    assert (entry.kind, told["set_index"]) == ("case.set", told["opened_index"] + 1)
    assert "张".encode() not in entry.statement
    assert json.loads(entry.record)["body"]["parties"][0]["name"] == "张*"


async def test_the_same_particulars_again_state_nothing_and_others_replace_them_whole(
    services: Services, api: httpx.AsyncClient
) -> None:
    await put(api)
    before = size(services)
    again = await put(api)
    assert (again.status_code, size(services)) == (HTTPStatus.OK, before)
    told = (await api.put(at(NO), json={"by": "Wang", "cause": "无照经营"})).json()
    assert (told["cause"], told["title"], told["officers"]) == ("无照经营", None, [])
    assert (told["unit"], size(services)) == ("市局/城东", before + 1)


async def test_a_case_opened_the_short_way_takes_particulars_and_a_unit_later(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/api/v1/cases", json={"case_no": "2026/17", "by": "Li"})
    answer = await put(api, "2026/17")
    assert (answer.status_code, answer.json()["unit"]) == (HTTPStatus.OK, "市局/城东")
    assert (await put(api, "2026/17", unit="市局/城西")).json()["code"] == "case-unit-differs"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parties", [{"name": "张三"}]),
        ("parties", [{"name": "张* 13812345678"}]),
        ("parties", [{"name": "某公司 53010219900307123X", "type": "organisation"}]),
        ("parties", [{"name": "张*", "role": "530102 19900307 123x"}]),
        ("parties", [{"name": "张*"}] * 51),
        ("cause", "当事人\uff15\uff13010219900307123X"),
        ("cause", "x" * 501),
        ("title", "a\u202eb"),
        ("filed", 20260225),
        ("filed", "2026-02-30"),
        ("officers", [{"name": "王强", "regular": "perhaps"}]),
        ("officers", [{"name": "王\x00强"}]),
        ("stages", [{"name": "a"}, {"name": "a"}]),
        ("stages", [{"name": "a", "start": "2026-02-25T14:00:00"}]),
        ("stages", [{"name": "a", "start": "2026-02-25"}]),
        ("stages", [{"name": "a", "start": 1772000000}]),
        ("stages", [{"name": "a", "start": "9999-12-31T23:59:59-14:00"}]),
        ("stages", [{"name": "a", "start": "2026-02-25T25:00:00Z"}]),
        ("stages", [{"name": "a", "end": "2026-02-25T14:00:00Z"}]),
        (
            "stages",
            [{"name": "a", "start": "2026-02-25T14:00:00Z", "end": "2026-02-25T14:00:00+08:00"}],
        ),
        ("decision", {"date": "2026-03-01"}),
        ("external_ids", [{"system": "x", "id": "y", "more": 1}]),
        ("party", []),
    ],
)
async def test_particulars_that_could_not_be_stated_are_refused_whole(
    services: Services, api: httpx.AsyncClient, field: str, value: object
) -> None:
    before = size(services)
    assert refused(await put(api, **{field: value})) == (422, "request-invalid")
    assert size(services) == before


async def test_the_largest_particulars_fit_a_record(api: httpx.AsyncClient) -> None:
    wide = "\U00020000"
    largest = {
        "title": wide * 2000,
        "cause": wide * 500,
        "parties": [{"name": wide * 99 + "*", "role": wide * 100}] * 50,
        "officers": [{"name": wide * 100, "number": wide * 100}] * 50,
        "stages": [{"name": wide * 97 + f"{n:03}", "place": wide * 200} for n in range(50)],
        "external_ids": [{"system": wide * 100, "id": wide * 100}] * 20,
        "why": wide * 2000,
    }
    body = json.dumps({"by": "Li", **largest}, ensure_ascii=False).encode()
    answer = await api.put(at(NO), content=body, headers={"content-type": "application/json"})
    assert answer.status_code == HTTPStatus.CREATED


@pytest.mark.parametrize("case_no", ["..", "A\u202eB", "a\nb"])
async def test_a_number_that_could_not_be_told_apart_opens_no_case(
    services: Services, api: httpx.AsyncClient, case_no: str
) -> None:
    before = size(services)
    answer = await api.put(
        f"/api/v1/cases/{quote(case_no, safe='').replace('.', '%2E')}", json=WHOLE
    )
    assert answer.status_code in {404, 405, 422}
    assert size(services) == before


# --- numbers -------------------------------------------------------------------------


async def test_a_renumbered_case_answers_under_every_number_it_had(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await put(api)
    await link(api, NO, clips[0])
    assert (await act(api, NO, "renumber", case_no="新-1")).json()["case_no"] == "新-1"
    before = size(services)
    assert (await act(api, NO, "renumber", case_no="新-1")).status_code == HTTPStatus.OK
    assert size(services) == before
    told = await get(api, NO)
    assert (told["case_no"], told["asked"], told["numbers"]) == ("新-1", "former", [NO, "新-1"])
    assert (await link(api, NO, clips[1])).status_code == HTTPStatus.CREATED
    listed = (await api.get("/api/v1/clips", params={"case_no": NO})).json()["clips"]
    assert {each["clip"] for each in listed} == {str(clip) for clip in clips[:2]}
    # Nobody else gets a number that a case had.
    taken = await api.post("/api/v1/cases", json={"case_no": NO, "by": "Li"})
    assert refused(taken) == (409, "case-differs")
    await put(api, "other")
    assert refused(await act(api, "other", "renumber", case_no=NO)) == (409, "case-number-taken")
    assert (await act(api, "新-1", "renumber", case_no=NO)).json()["case_no"] == NO


async def verified(services: Services, api: httpx.AsyncClient, case_no: str) -> TrailDocument:
    document = TrailDocument.from_json((await api.get(at(case_no, "/trail"))).content)
    assert outcomes(services, document, case_no) == {Outcome.INTACT}
    return document


def outcomes(services: Services, document: TrailDocument, case_no: str) -> set[Outcome]:
    anchors = services.log.anchors()
    report = verify_trail(document, anchors)
    answered = answers_case(case_no, document, report, anchors)
    return {finding.outcome for finding in (*report.verdict.findings, *answered.findings)}


async def test_the_trail_of_a_renumbered_case_answers_for_each_of_its_numbers(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await put(api)
    await link(api, NO, clips[0])
    await act(api, NO, "renumber", case_no="新-1")
    await put(api, "other")
    document = await verified(services, api, "新-1")
    assert outcomes(services, document, NO) == {Outcome.INTACT}
    assert Outcome.INCOMPLETE in outcomes(services, document, "other")


# --- mergers -------------------------------------------------------------------------


async def merged(api: httpx.AsyncClient, clips: list[ClipId]) -> None:
    """A with one clip and one it shares with B became part of B."""
    for case_no, those in (("A", clips[:2]), ("B", clips[1:])):
        await put(api, case_no)
        for clip in those:
            assert (await link(api, case_no, clip)).status_code == HTTPStatus.CREATED
    assert (await act(api, "A", "merge", into="B")).status_code == HTTPStatus.OK


async def test_a_merged_case_is_answered_for_by_the_one_it_became_part_of(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await merged(api, clips)
    told = await get(api, "A")
    assert (told["case_no"], told["asked"], told["numbers"]) == ("B", "merged", ["A", "B"])
    assert [part["case_no"] for part in told["merged"]] == ["A"]
    assert {row["clip"] for row in told["links"]} == {str(clip) for clip in clips}
    assert len(told["links"]) == len(clips) + 1
    before = size(services)
    assert (await act(api, "A", "merge", into="B")).status_code == HTTPStatus.OK
    assert size(services) == before
    assert refused(await act(api, "B", "merge", into="A")) == (409, "case-into-itself")
    assert refused(await act(api, "B", "merge", into="B")) == (409, "case-into-itself")
    for what in ("seal", "unseal", "transfer", "renumber"):
        answer = await act(
            api,
            "A",
            what,
            **{"transfer": {"unit": "x"}, "renumber": {"case_no": "Z"}}.get(what, {}),
        )
        assert refused(answer) == (409, "case-merged"), what
    assert refused(await put(api, "A")) == (409, "case-merged")
    listed = (await api.get("/api/v1/cases")).json()["cases"]
    assert [case["case_no"] for case in listed] == ["B"]
    gone = (await api.get("/api/v1/cases", params={"state": "merged"})).json()["cases"]
    assert [(case["case_no"], case["state"]) for case in gone] == [("A", "merged")]


async def test_the_trail_of_merged_cases_has_both_chains_and_misses_none_unseen(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await merged(api, clips)
    document = await verified(services, api, "B")
    assert set(document.clips) == {str(clip) for clip in clips}
    assert outcomes(services, document, "A") == {Outcome.INTACT}
    # The merged case's newest act left out: its chain has no hole, and yet it shows.
    tokens = {part["case"] for part in (await get(api, "B"))["merged"]}
    report = verify_trail(document, services.log.anchors())
    newest = max(
        event.index
        for event in report.events
        if event.statement.subject.rpartition(":")[2] in tokens
    )
    left = tuple(entry for entry in document.entries if entry.index != newest)
    for case_no in ("A", "B"):
        assert Outcome.INCOMPLETE in outcomes(
            services, document.model_copy(update={"entries": left}), case_no
        )
    whole = {entry.index for entry in document.entries}
    none = {
        event.index
        for event in report.events
        if event.statement.subject.rpartition(":")[2] in tokens
    }
    left = tuple(entry for entry in document.entries if entry.index in whole - none)
    assert Outcome.INCOMPLETE in outcomes(
        services, document.model_copy(update={"entries": left}), "B"
    )


async def test_untying_a_clip_that_two_merged_cases_had_unties_it_whole(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await merged(api, clips)
    body = {"by": "Li", "why": "another street"}
    answer = await api.request("DELETE", at("B", f"/links/{clips[1]}"), json=body)
    assert answer.status_code == HTTPStatus.OK
    document = await verified(services, api, "B")
    assert set(document.clips) == {str(clips[0]), str(clips[2])}
    trail = TrailDocument.from_json((await api.get(f"/api/v1/clips/{clips[1]}/trail")).content)
    report = verify_trail(trail, services.log.anchors())
    assert {finding.outcome for finding in report.verdict.findings} == {Outcome.INTACT}
    said = [event.body.kind for event in report.events if event.body is not None]
    assert said.count("case.unlinked") == 2
    # Tied again, through the old number.
    assert (await link(api, "A", clips[1])).status_code == HTTPStatus.CREATED
    assert set((await verified(services, api, "A")).clips) == {str(clip) for clip in clips}


@pytest.mark.usefixtures("both_engines")
async def test_a_chain_of_mergers_ends_at_the_last_one(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await merged(api, clips)
    await put(api, "C")
    assert (await act(api, "B", "merge", into="C")).status_code == HTTPStatus.OK
    assert refused(await act(api, "C", "merge", into="A")) == (409, "case-into-itself")
    before = size(services)
    assert (await act(api, "A", "merge", into="B")).json()["case_no"] == "C"
    assert size(services) == before
    for case_no in ("A", "B", "C"):
        assert (await get(api, case_no))["case_no"] == "C"
        assert set((await verified(services, api, case_no)).clips) == {str(clip) for clip in clips}
    trail = TrailDocument.from_json((await api.get(f"/api/v1/clips/{clips[0]}/trail")).content)
    report = verify_trail(trail, services.log.anchors())
    assert {finding.outcome for finding in report.verdict.findings} == {Outcome.INTACT}


async def test_a_hold_on_a_merged_case_goes_on_for_the_one_that_answers(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    for case_no in ("A", "B"):
        await put(api, case_no)
    await link(api, "A", clips[0])
    order = {"case_no": "A", "reason": "appeal", "authority": "court", "by": "Li"}
    hold = (await api.post("/api/v1/holds", json=order)).json()["hold"]
    await act(api, "A", "merge", into="B")
    covering = await api.get("/api/v1/holds", params={"clip": str(clips[0]), "in_force": True})
    assert [(row["hold"], row["case_no"]) for row in covering.json()["holds"]] == [(hold, "B")]
    lifted = await api.post(f"/api/v1/holds/{hold}/lift", json={"reason": "over", "by": "Li"})
    assert lifted.status_code == HTTPStatus.OK
    await verified(services, api, "A")


async def test_nothing_is_stated_of_a_case_in_the_moment_it_is_merged(
    services: Services, api: httpx.AsyncClient
) -> None:
    for case_no in ("A", "B"):
        await put(api, case_no)
    one, two = await services.cases.case("A"), await services.cases.case("B")
    before = size(services)
    late = CaseMerged(
        case=two.token, case_no="B", merged=one.token, merged_no="A", acts=1, by="L", why="x"
    )
    with pytest.raises(CaseBusyError):
        await services.cases.acts.state(late)
    assert size(services) == before
    await act(api, "A", "merge", into="B")
    order = NewHold(one, (), "appeal", "court", None, None, "Li")
    with pytest.raises(CaseBusyError):
        await services.holds.place(order)
    assert size(services) == before + 1
    await verified(services, api, "B")


async def test_an_officers_tag_with_a_number_of_before_is_for_the_case_that_answers(
    services: Services, api: httpx.AsyncClient
) -> None:
    for case_no in ("A", "B"):
        await put(api, case_no)
    await act(api, "A", "renumber", case_no="A2")
    await act(api, "A2", "merge", into="B")
    await act(api, "B", "seal")
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"})
    first = len(dock.entries)
    dock.append(ClipTagged(clip=str(clip), case_no="A", officer="014032"))
    await admit(services, dock, dock.entries[first:])
    assert await services.cases.follow_tags() == 0
    await act(api, "B", "unseal")
    assert await services.cases.follow_tags() == 1
    (row,) = (await get(api, "B"))["links"]
    assert (row["clip"], row["how"]) == (str(clip), "officer-tag")
    await verified(services, api, "A")


# --- units and seals -----------------------------------------------------------------


async def test_a_case_that_moves_is_seen_by_the_other_unit_and_not_by_its_own(
    services: Services, clips: list[ClipId], api: httpx.AsyncClient
) -> None:
    await put(api)
    await link(api, NO, clips[0])
    async with (
        await person(services, Role.CUSTODIAN, login="east", unit="市局/城东") as east,
        await person(services, Role.CUSTODIAN, login="west", unit="市局/城西") as west,
    ):
        shown = await east.get(at(NO))
        assert (shown.status_code, (await west.get(at(NO))).status_code) == (200, 404)
        for what, more in (
            ("transfer", {"unit": "市局/城西"}),
            ("seal", {}),
            ("merge", {"into": NO}),
            ("renumber", {"case_no": "mine"}),
        ):
            answer = await west.post(at(NO, f"/{what}"), json={"why": "mine", **more})
            assert refused(answer) == (404, "case-unknown"), what
        taken = await west.put(at(NO), json={"why": "mine"})
        assert refused(taken) == (409, "case-number-taken")
        moved = await east.post(
            at(NO, "/transfer"), json={"why": "jurisdiction", "unit": "市局/城西"}
        )
        assert (moved.status_code, moved.json()["unit"]) == (200, "市局/城西")
        assert ((await east.get(at(NO))).status_code, (await west.get(at(NO))).status_code) == (
            404,
            200,
        )
        for client, expected in ((east, set()), (west, {str(clips[0])})):
            listed = (await client.get("/api/v1/clips")).json()["clips"]
            assert {each["clip"] for each in listed} == expected
    async with await person(services, Role.HANDLER, login="handler") as handler:
        answer = await handler.post(at(NO, "/seal"), json={"why": "mine"})
        assert refused(answer) == (403, "not-allowed")


async def test_the_clips_of_a_merged_case_are_seen_by_the_unit_of_the_one_that_goes_on(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await put(api, "A", unit="市局/城东")
    await put(api, "B", unit="市局/城西")
    await link(api, "A", clips[0])
    await act(api, "A", "merge", into="B")
    async with (
        await person(services, Role.CUSTODIAN, login="east", unit="市局/城东") as east,
        await person(services, Role.CUSTODIAN, login="west", unit="市局/城西") as west,
    ):
        for client, expected in ((east, set()), (west, {str(clips[0])})):
            listed = (await client.get("/api/v1/clips")).json()["clips"]
            assert {each["clip"] for each in listed} == expected
        assert (await east.get(at("A"))).status_code == HTTPStatus.NOT_FOUND
        assert (await west.get(at("A"))).json()["case_no"] == "B"


async def test_a_case_system_of_a_unit_opens_cases_of_that_unit_and_no_other(
    services: Services,
) -> None:
    shown = {"authorization": f"Bearer {await case_system(services, unit='市局/城东')}"}
    async with browser(services, **shown) as system:
        body = {"by": "Li", "cause": "x"}
        assert (await system.put(at("1"), json=body)).json()["unit"] == "市局/城东"
        beyond = await system.put(at("2"), json={**body, "unit": "市局/城西"})
        assert refused(beyond) == (403, "beyond-your-unit")


async def test_a_sealed_case_stays_as_it_is_until_it_is_unsealed(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await put(api)
    await put(api, "other")
    await link(api, NO, clips[0])
    sealed = await act(api, NO, "seal", archive_no="D-2")
    assert (sealed.json()["state"], sealed.json()["archive_no"]) == ("sealed", "D-2")
    before = size(services)
    assert (await act(api, NO, "seal")).status_code == HTTPStatus.OK
    answers = [
        await link(api, NO, clips[1]),
        await api.request("DELETE", at(NO, f"/links/{clips[0]}"), json={"by": "L", "why": "x"}),
        await put(api, cause="something else"),
        await act(api, NO, "seal", archive_no="D-3"),
        await act(api, NO, "renumber", case_no="x"),
        await act(api, NO, "transfer", unit="x"),
        await act(api, NO, "merge", into="other"),
        await act(api, "other", "merge", into=NO),
        await act(api, NO, "excuses", stage="决定"),
    ]
    assert {refused(answer) for answer in answers} == {(409, "case-sealed")}
    assert (await link(api, NO, clips[0])).status_code == HTTPStatus.OK
    assert size(services) == before
    assert refused(await api.post(at(NO, "/unseal"), json={"by": "L"})) == (422, "request-invalid")
    assert (await act(api, NO, "unseal")).json()["state"] == "open"
    assert (await act(api, NO, "unseal")).status_code == HTTPStatus.OK
    assert size(services) == before + 1
    assert (await link(api, NO, clips[1])).status_code == HTTPStatus.CREATED
    await verified(services, api, NO)


async def test_an_unknown_case_is_unknown_to_every_act(
    services: Services, api: httpx.AsyncClient
) -> None:
    acts: dict[str, dict[str, object]] = {
        "renumber": {"case_no": "x"},
        "merge": {"into": "y"},
        "transfer": {"unit": "u"},
        "seal": {},
        "unseal": {},
        "excuses": {"stage": "s"},
    }
    before = size(services)
    for what, more in acts.items():
        assert refused(await act(api, "none", what, **more)) == (404, "case-unknown"), what
        assert refused(await act(api, "none", what, **{**more, "why": " "}))[0] == 422
    assert size(services) == before


# --- search --------------------------------------------------------------------------


@pytest.mark.usefixtures("both_engines")
async def test_cases_are_found_by_what_is_known_of_them(api: httpx.AsyncClient) -> None:
    for number in range(4):
        await put(api, f"W-{number}", cause="占道经营" if number % 2 else "无照经营")
    await api.put(
        at("x_9%"),
        json={"by": "Li", "cause": "Noise 50% off", "category": "other", "filed": "2026-05-01"},
    )
    await act(api, "W-3", "seal")
    await act(api, "W-0", "renumber", case_no="N-0")
    asked: dict[str, set[str]] = {
        "number=W-": {"N-0", "W-1", "W-2", "W-3"},
        "number=W-1": {"W-1"},
        "text=占道": {"W-1", "W-3"},
        "text=W-2": {"W-2"},
        "text=道占": set(),
        "cause=照": {"N-0", "W-2"},
        "cause=营": {"N-0", "W-1", "W-2", "W-3"},
        "cause=NOISE 50%25 O": {"x_9%"},
        "cause=x_9": set(),
        "number=x_": {"x_9%"},
        "number=%25": set(),
        "unit=市局": {"N-0", "W-1", "W-2", "W-3"},
        "unit=市": set(),
        "category=other": {"x_9%"},
        "officer=014033": {"N-0", "W-1", "W-2", "W-3"},
        "officer=王强&state=sealed": {"W-3"},
        "officer=王": set(),
        "stage=调查取证&state=open": {"N-0", "W-1", "W-2"},
        "filed_from=2026-03-01": {"x_9%"},
        "filed_from=2026-02-25&filed_to=2026-02-25": {"N-0", "W-1", "W-2", "W-3"},
        "filed_to=2026-02-24": set(),
    }
    for query, expected in asked.items():
        answer = await api.get(f"/api/v1/cases?{query}")
        assert {case["case_no"] for case in answer.json()["cases"]} == expected, query
    first = (await api.get("/api/v1/cases?number=W-&limit=3")).json()
    rest = (await api.get(f"/api/v1/cases?number=W-&cursor={first['next']}")).json()
    numbers = [case["case_no"] for case in first["cases"] + rest["cases"]]
    assert (numbers, rest["next"]) == (["W-3", "W-2", "W-1", "N-0"], None)
    for bad in ("filed_from=yesterday", "state=gone", "titel=x", "text=%00"):
        assert (await api.get(f"/api/v1/cases?{bad}")).status_code == 422, bad


# --- recovery ------------------------------------------------------------------------


async def test_rows_come_back_from_the_log_alone(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        dock = SimulatedDock()
        await enrol(services, dock)
        clips = await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b", "C.MP4": b"c"})
        await merged(api, clips)
        await act(api, "B", "excuses", stage="决定")
        await act(api, "B", "transfer", unit="市局/城西")
        await act(api, "B", "renumber", case_no="B2")
        await act(api, "B2", "seal", archive_no="D-9")
        told = await get(api, "A")
        trail = (await api.get(at("A", "/trail"))).json()
        found = (await api.get("/api/v1/cases?text=占道")).json()
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        assert await get(api, "A") == told
        assert (await api.get(at("A", "/trail"))).json()["entries"] == trail["entries"]
        assert (await api.get("/api/v1/cases?text=占道")).json() == found
        assert refused(await put(api, "B2", cause="x", unit=None)) == (409, "case-sealed")


async def test_what_contradicts_the_log_before_it_stays_on_record_and_changes_nothing(
    services: Services, api: httpx.AsyncClient
) -> None:
    for case_no in ("A", "B"):
        await put(api, case_no)
    before = {case_no: await get(api, case_no) for case_no in ("A", "B")}
    one, two = before["A"]["case"], before["B"]["case"]
    said: list[CaseBody] = [
        CaseRenumbered(case=one, case_no="B", former="A", by="M", why="x"),
        CaseMerged(case=one, case_no="A", merged=one, merged_no="A", acts=1, by="M", why="x"),
        CaseMerged(case=one, case_no="A", merged="ff" * 16, merged_no="?", acts=1, by="M", why="x"),
        CaseSealed(case="ff" * 16, case_no="?", by="M", why="x"),
        CaseSet(case="ff" * 16, case_no="?", by="M"),
    ]
    async with services.database.session() as session:
        for index, body in enumerate(said, 5000):
            await apply(session, body, index)
    assert {case_no: await get(api, case_no) for case_no in ("A", "B")} == before
    odd = CaseSet.model_validate(
        {
            "case": two,
            "case_no": "B",
            "by": "M",
            "filed": "when",
            "stages": [{"name": "a", "start": "0001-01-01T00:00:00+14:00", "end": "soon"}],
        }
    )
    for _ in range(2):
        async with services.database.session() as session:
            await apply(session, odd, 6000)
    assert (await get(api, "B"))["stages"][0]["end"] == "soon"
