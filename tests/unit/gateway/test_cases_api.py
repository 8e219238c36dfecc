"""Cases over HTTP: opened, linked and unlinked, each act in the log first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.service import CaseBody, apply
from gateway.services import Services
from protocols.ids import ClipId, case_urn
from protocols.kinds import CaseLinked, CaseOpened, CaseUnlinked
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end

CASE_NO = "云商执〔2026〕17号"


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
    return await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"})


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


def at(case_no: str) -> str:
    return f"/api/v1/cases/{quote(case_no, safe='')}"


async def opened(api: httpx.AsyncClient, case_no: str = CASE_NO, **more: str) -> httpx.Response:
    return await api.post("/api/v1/cases", json={"case_no": case_no, "by": "Li", **more})


async def linked(
    api: httpx.AsyncClient, clip: ClipId, case_no: str = CASE_NO, **more: str
) -> httpx.Response:
    body = {"clip": str(clip), "by": "Li", "why": "recorded at the scene", **more}
    return await api.post(f"{at(case_no)}/links", json=body)


async def unlinked(
    api: httpx.AsyncClient, clip: ClipId, case_no: str = CASE_NO, why: str = "wrong street"
) -> httpx.Response:
    body = {"by": "Wang", "why": why}
    return await api.request("DELETE", f"{at(case_no)}/links/{clip}", json=body)


# --- opening -------------------------------------------------------------------------


async def test_opening_a_case_is_a_statement_that_does_not_disclose_its_number(
    services: Services, api: httpx.AsyncClient
) -> None:
    answer = await opened(api, title="Street inspection", category="inspection", unit="team 2")
    assert answer.status_code == 201
    told = answer.json()
    entry = await services.log.entry(told["opened_index"])
    assert entry.kind == "case.opened"
    assert entry.subject == case_urn(told["case"])
    assert CASE_NO.encode() not in entry.statement
    body = json.loads(entry.record)["body"]
    assert (body["case_no"], body["by"], body["title"]) == (CASE_NO, "Li", "Street inspection")
    assert told["created_at"].endswith("Z")


@pytest.mark.parametrize(
    "case_no",
    [
        ".",
        "..",
        "A\u202eB",
        "A\u2066B",
        "\u200bA",
        "A\u200b",
        "so\u00adft",
        "\ufeffB",
        "A\U000e0041",
        "cafe\u0301",
        "\u1112\u1161\u11ab",
    ],
)
async def test_a_number_that_could_not_be_asked_for_or_told_apart_is_refused(
    services: Services, api: httpx.AsyncClient, case_no: str
) -> None:
    size = services.log.checkpoint().size
    answer = await opened(api, case_no)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert answer.json()["errors"][0]["where"] == "body.case_no"
    assert services.log.checkpoint().size == size


@pytest.mark.parametrize("case_no", ["...", ".a", "caf\u00e9", "\ud55c", "a/../b", "\U0001f4f9"])
async def test_a_number_of_any_other_form_is_opened_and_found(
    api: httpx.AsyncClient, case_no: str
) -> None:
    assert (await opened(api, case_no)).status_code == 201
    assert (await api.get(at(case_no))).json()["case_no"] == case_no


@pytest.mark.parametrize("field", ["by", "why"])
async def test_words_of_a_link_have_nothing_invisible_in_them(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId], field: str
) -> None:
    await opened(api)
    size = services.log.checkpoint().size
    for text in ("Li\u200b", "e\u0301", "\u202eiL"):
        assert (await linked(api, clips[0], **{field: text})).status_code == 422
    assert services.log.checkpoint().size == size


async def test_the_time_a_case_was_opened_outlives_its_database(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        at_first = (await opened(api)).json()["created_at"]
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        assert (await api.get(at(CASE_NO))).json()["created_at"] == at_first


async def test_the_same_case_again_is_answered_alike_and_logged_once(
    services: Services, api: httpx.AsyncClient
) -> None:
    first = await opened(api, title="x")
    size = services.log.checkpoint().size
    again = await opened(api, title="x")
    assert again.status_code == 200
    assert again.json() == first.json()
    assert services.log.checkpoint().size == size


async def test_the_same_number_with_other_particulars_is_a_conflict(
    api: httpx.AsyncClient,
) -> None:
    await opened(api, title="x")
    answer = await opened(api, title="y")
    assert (answer.status_code, answer.json()["code"]) == (409, "case-differs")


async def test_the_same_case_opened_many_times_at_once_is_opened_once(
    services: Services, api: httpx.AsyncClient
) -> None:
    before = services.log.checkpoint().size
    answers = await asyncio.gather(*(opened(api) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert services.log.checkpoint().size == before + 1


@pytest.mark.parametrize(
    "case_no",
    [
        CASE_NO,
        "2026/17",
        "2026/17/trail",
        "2026/17/links/dock7.0.2",
        "100%",
        "%2F",
        "a%252Fb",
        "?x=1#y",
        "a+b c",
        "trail",
        "..%2f..",
        "\U0001f4f7",
    ],
)
async def test_a_case_number_is_data_whatever_is_in_it(
    api: httpx.AsyncClient, clips: list[ClipId], case_no: str
) -> None:
    assert (await opened(api, case_no)).status_code == 201
    assert (await linked(api, clips[0], case_no)).status_code == 201
    told = (await api.get(at(case_no))).json()
    assert told["case_no"] == case_no
    assert [link["clip"] for link in told["links"]] == [str(clips[0])]
    trail = (await api.get(f"{at(case_no)}/trail")).json()
    assert trail["about"]["case_no"] == case_no
    assert (await unlinked(api, clips[0], case_no)).status_code == 200


async def test_a_slash_left_unencoded_is_understood_where_it_is_unambiguous(
    api: httpx.AsyncClient,
) -> None:
    await opened(api, "2026/17")
    assert (await api.get("/api/v1/cases/2026/17")).json()["case_no"] == "2026/17"
    assert (await api.get("/api/v1/cases/2026/17/trail")).status_code == 200


async def test_cases_are_listed_from_the_newest_back(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await opened(api, f"C {number}")
    first = (await api.get("/api/v1/cases", params={"limit": 3})).json()
    rest = (await api.get("/api/v1/cases", params={"cursor": first["next"]})).json()
    numbers = [case["case_no"] for case in first["cases"] + rest["cases"]]
    assert numbers == ["C 4", "C 3", "C 2", "C 1", "C 0"]
    assert rest["next"] is None


async def test_an_unknown_case_is_unknown_everywhere(
    api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    answers = [
        await api.get(at("none")),
        await api.get(f"{at('none')}/trail"),
        await linked(api, clips[0], "none"),
        await unlinked(api, clips[0], "none"),
    ]
    codes = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert codes == [(404, "case-unknown")] * 4


# --- linking -------------------------------------------------------------------------


async def test_a_link_is_stated_with_who_why_and_how_and_shows_in_the_clips_trail(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await opened(api)
    answer = await linked(api, clips[0], how="officer-tag")
    assert answer.status_code == 201
    entry = await services.log.entry(answer.json()["link_index"])
    body = json.loads(entry.record)["body"]
    assert (body["clip"], body["by"], body["how"]) == (str(clips[0]), "Li", "officer-tag")
    of_clip = await services.log.entries_of(clips[0].clip_urn)
    assert entry.index in {shown.index for shown in of_clip}
    told = (await api.get(f"/api/v1/clips/{clips[0]}")).json()
    assert [(link["case_no"], link["unlink_index"]) for link in told["links"]] == [(CASE_NO, None)]


async def test_linking_again_is_the_same_link_and_with_other_words_a_conflict(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await opened(api)
    first = await linked(api, clips[0])
    size = services.log.checkpoint().size
    again = await linked(api, clips[0])
    assert (again.status_code, again.json()) == (200, first.json())
    other = await linked(api, clips[0], why="something else")
    assert (other.status_code, other.json()["code"]) == (409, "link-differs")
    assert services.log.checkpoint().size == size


async def test_many_clips_and_many_cases_may_be_linked(
    api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    for case_no in ("C 1", "C 2"):
        await opened(api, case_no)
        for clip in clips:
            assert (await linked(api, clip, case_no)).status_code == 201
    told = (await api.get(f"/api/v1/clips/{clips[1]}")).json()
    assert [link["case_no"] for link in told["links"]] == ["C 1", "C 2"]


async def test_a_clip_nobody_sealed_cannot_be_linked(
    services: Services, api: httpx.AsyncClient
) -> None:
    await opened(api)
    size = services.log.checkpoint().size
    for name in ("dock7.0.2", "gateway.0.0"):
        body = {"clip": name, "by": "Li", "why": "x"}
        answer = await api.post(f"{at(CASE_NO)}/links", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "clip-unknown")
    assert services.log.checkpoint().size == size


async def test_unlinking_leaves_the_link_on_record_and_a_new_link_may_follow(
    api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await opened(api)
    await linked(api, clips[0])
    gone = (await unlinked(api, clips[0])).json()
    assert (gone["unlinked_by"], gone["unlink_why"]) == ("Wang", "wrong street")
    assert (await linked(api, clips[0], why="right after all")).status_code == 201
    links = (await api.get(at(CASE_NO))).json()["links"]
    assert [link["unlink_index"] is None for link in links] == [False, True]


async def test_the_same_withdrawal_again_is_answered_alike_and_another_finds_nothing(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await opened(api)
    await linked(api, clips[0])
    first = await unlinked(api, clips[0])
    size = services.log.checkpoint().size
    assert (await unlinked(api, clips[0])).json() == first.json()
    other = await unlinked(api, clips[0], why="another reason")
    assert (other.status_code, other.json()["code"]) == (404, "link-unknown")
    never = await unlinked(api, clips[1])
    assert (never.status_code, never.json()["code"]) == (404, "link-unknown")
    assert services.log.checkpoint().size == size


# --- input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.case_no"),
        ({"case_no": ""}, "body.case_no"),
        ({"case_no": " x"}, "body.case_no"),
        ({"case_no": "x\n"}, "body.case_no"),
        ({"case_no": "a\x00b"}, "body.case_no"),
        ({"case_no": "a\u2028b"}, "body.case_no"),
        ({"case_no": "x" * 201}, "body.case_no"),
        ({"case_no": 17}, "body.case_no"),
        ({"case_no": None}, "body.case_no"),
        ({"case_no": "x", "titel": "y"}, "body.titel"),
        ({"case_no": "x", "title": "\x1b[2J"}, "body.title"),
        ({"case_no": "x", "title": "  "}, "body.title"),
        ({"case_no": "x", "by": ""}, "body.by"),
        ({"case_no": "x", "by": None}, "body.by"),
        ([], "body"),
        ("x", "body"),
        (None, "body"),
    ],
)
async def test_a_case_that_could_not_be_stated_is_refused_with_the_field_at_fault(
    services: Services, api: httpx.AsyncClient, body: object, where: str
) -> None:
    size = services.log.checkpoint().size
    whole = {"by": "Li", **body} if isinstance(body, dict) else body
    answer = await api.post("/api/v1/cases", json=whole)
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]
    assert services.log.checkpoint().size == size


async def test_nobody_opens_a_case_without_saying_who(
    services: Services, api: httpx.AsyncClient
) -> None:
    size = services.log.checkpoint().size
    answer = await api.post("/api/v1/cases", json={"case_no": "C 1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.by"
    assert answer.json()["code"] == "by-missing"
    assert services.log.checkpoint().size == size


async def test_a_name_of_the_wrong_form_is_refused_in_words(api: httpx.AsyncClient) -> None:
    told = (await api.post("/api/v1/cases", json={"case_no": " x", "by": "Li\n"})).json()
    assert told["detail"].startswith("2 things in the request are not ")
    why = "must not begin or end with a space, nor hold control characters"
    assert [error["what"] for error in told["errors"]] == [f"no case number: {why}", why]
    told = (await api.get("/api/v1/clips/nonsense")).json()
    assert told["detail"].startswith("1 thing in the request is not ")
    assert told["errors"][0]["what"] == "no clip name, such as dock7.0.4"
    told = (await api.get("/api/v1/clips", params={"session": "nonsense"})).json()
    assert told["errors"][0]["what"] == "no session name, such as dock7.0.4"
    told = (await api.get("/api/v1/docks/Dock_7")).json()
    assert told["errors"][0]["what"].startswith("no dock name: ")


async def test_a_lone_surrogate_in_a_case_number_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/api/v1/cases",
        content=b'{"case_no": "\\ud800", "\\udfff": 1}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


# --- recovery ------------------------------------------------------------------------


async def test_rows_follow_from_the_statements_alone_and_may_be_derived_twice(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    said: list[CaseBody] = [
        CaseOpened(case="aa" * 16, case_no="C 9", by="Li"),
        CaseLinked(
            case="aa" * 16,
            case_no="C 9",
            clip=str(clips[0]),
            link="bb" * 16,
            by="Li",
            why="x",
            how="manual",
        ),
        CaseUnlinked(
            case="aa" * 16, case_no="C 9", clip=str(clips[0]), link="bb" * 16, by="Li", why="y"
        ),
    ]
    for _ in range(2):
        async with services.database.session() as session:
            for index, body in enumerate(said, 1000):
                await apply(session, body, index)
    (link,) = (await api.get(at("C 9"))).json()["links"]
    assert (link["link_index"], link["unlink_index"]) == (1001, 1002)


async def test_a_statement_that_contradicts_an_earlier_one_changes_nothing(
    services: Services, api: httpx.AsyncClient, clips: list[ClipId]
) -> None:
    await opened(api, "C 9")
    token = (await api.get(at("C 9"))).json()["case"]
    link = {"case": token, "case_no": "C 9", "by": "Li", "why": "x", "how": "manual"}

    async def derive(session: AsyncSession) -> None:
        await apply(session, CaseOpened(case="cc" * 16, case_no="C 9", by="Mallory"), 2000)
        nowhere = CaseLinked.model_validate({**link, "clip": "dock9.0.1", "link": "dd" * 16})
        await apply(session, nowhere, 2001)
        first = CaseLinked.model_validate({**link, "clip": str(clips[0]), "link": "ee" * 16})
        await apply(session, first, 2002)
        second = CaseLinked.model_validate({**link, "clip": str(clips[0]), "link": "ff" * 16})
        await apply(session, second, 2003)

    async with services.database.session() as session:
        await derive(session)
    told = (await api.get(at("C 9"))).json()
    assert told["case"] == token
    assert [(row["link"], row["clip"]) for row in told["links"]] == [("ee" * 16, str(clips[0]))]
