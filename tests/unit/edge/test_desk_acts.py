"""What a screen may ask for in an officer's name, over the real socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.caselist import CaseList
from edge.desk_acts import DeskActs
from edge.errors import TooFast
from edge.pace import Pace
from edge.status import StatusServer
from protocols.caselist import Cases, OpenCase
from protocols.ids import EntryId
from tests.unit.edge.bayside import until
from tests.unit.edge.dockside import camera_opened, draft_of
from tests.unit.edge.test_status import Shown

Answer = dict[str, Any]
CASE_NO = "云商执〔2026〕17号"


class Desk(Shown):
    """A dock's parts with a socket that knows officers' commands, a session and a clip."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self.cases = CaseList(self.bay.ledger)
        self.status._desk = DeskActs(self.bay.ledger, self.cases, self.bay.signals)
        self.session = self.bay.ledger.open_session(camera_opened())
        self.clip = self.bay.ledger.seal_clip(draft_of(self.session, b"x"))

    async def told(self, cmd: str, **more: object) -> Answer:
        """Ask; the answer."""
        return await self.ask({"cmd": cmd, **more})

    async def refused(self, cmd: str, **more: object) -> str:
        """Ask for what is refused; the reason. Nothing was stated."""
        before = self.bay.kinds()
        answer = await self.told(cmd, **more)
        assert {"error", "code"} <= answer.keys() <= {"error", "code", "values"}
        assert self.bay.kinds() == before
        return str(answer["error"])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(StatusServer(desk.socket, desk.status).run())
        await until(desk.socket.exists)
        yield desk
        server.cancel()
    desk.bay.close()


async def test_open_cases_are_listed_with_their_age(desk: Desk) -> None:
    one = OpenCase(case="0" * 32, case_no=CASE_NO, title="市场检查", unit="never shown")
    desk.cases.take(Cases(revision=1, time="now", cases=(one,), more=4).encode(), retained=False)
    answer = await desk.told("cases", officer=None)
    assert answer["cases"] == [
        {
            "case": "0" * 32,
            "case_no": CASE_NO,
            "title": "市场检查",
            "category": None,
            "officers": [],
        }
    ]
    assert (answer["stale_s"], answer["more"]) == (0, 4)
    assert {"code": "hearing", "zh": "听证", "en": "hearing"} in answer["categories"]
    assert {"code", "zh", "en"} == set(answer["reasons"][0])


async def test_a_dock_that_never_heard_a_gateway_says_so(desk: Desk) -> None:
    answer = await desk.told("cases")
    assert (answer["cases"], answer["stale_s"]) == ([], None)


async def test_a_session_is_tagged_once(desk: Desk) -> None:
    said = {"session": str(desk.session), "case_no": CASE_NO, "category": None, "officer": "王"}
    assert await desk.told("tag", **said) == {"tagged": 1}
    assert await desk.told("tag", **said) == {"tagged": 0}
    assert desk.bay.kinds()[-1] == "clip.tagged"


async def test_a_number_typed_by_hand_is_taken_in_its_one_form(desk: Desk) -> None:
    said = {"clips": [str(desk.clip)], "case_no": "  Cafe\u0301 17 "}
    assert await desk.told("tag", **said) == {"tagged": 1}
    assert await desk.told("tag", clips=[str(desk.clip)], case_no="Caf\u00e9 17") == {"tagged": 0}


async def test_a_note_is_stated_once(desk: Desk) -> None:
    said = {"session": str(desk.session), "reason": "battery", "text": None, "officer": None}
    answer = await desk.told("note", **said)
    assert await desk.told("note", **said) == answer
    assert EntryId.parse(answer["noted"]).dock == "dock7"
    assert desk.bay.kinds()[-2:] == ["clip.sealed", "session.noted"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "name a session or clips"),
        ({"case_no": "1"}, "name a session or clips"),
        ({"session": "SESSION", "clips": ["CLIP"], "case_no": "1"}, "not both"),
        ({"session": "SESSION"}, "name a case"),
        ({"session": "dock7.0.99", "case_no": "1"}, "no session of this dock"),
        ({"session": "CLIP", "case_no": "1"}, "no session of this dock"),
        ({"session": "dock8.0.0", "case_no": "1"}, "no session of this dock"),
        ({"session": "../etc", "case_no": "1"}, "not an entry name"),
        ({"session": 7, "case_no": "1"}, "session"),
        ({"clips": ["CLIP", "dock7.0.0"], "case_no": "1"}, "no clip of this dock"),
        ({"clips": [], "case_no": "1"}, "clips"),
        ({"clips": ["CLIP"] * 1001, "case_no": "1"}, "clips"),
        ({"clips": "CLIP", "case_no": "1"}, "clips"),
        ({"clips": ["CLIP"], "case_no": ""}, "case_no"),
        ({"clips": ["CLIP"], "case_no": "  "}, "case_no"),
        ({"clips": ["CLIP"], "case_no": 17}, "case_no"),
        ({"clips": ["CLIP"], "case_no": "1" * 201}, "case_no"),
        ({"clips": ["CLIP"], "case_no": "1\n2"}, "U\\+000A"),
        ({"clips": ["CLIP"], "case_no": "1\u202e2"}, "U\\+202E"),
        ({"clips": ["CLIP"], "case_no": "\ud800"}, "case_no"),
        ({"clips": ["CLIP"], "case_no": "1\0"}, "U\\+0000"),
        ({"clips": ["CLIP"], "category": "nonsense"}, "no category has the code"),
        ({"clips": ["CLIP"], "case_no": "1", "officer": "\x1b[2J"}, "officer"),
        ({"clips": ["CLIP"], "caseno": "1"}, "caseno"),
    ],
)
async def test_a_tag_that_makes_no_sense_is_refused_with_a_reason(
    desk: Desk, said: Answer, why: str
) -> None:
    named = {"SESSION": str(desk.session), "CLIP": str(desk.clip)}

    def name(value: object) -> object:
        if isinstance(value, list):
            return [name(each) for each in value]
        return named.get(value, value) if isinstance(value, str) else value

    reason = await desk.refused("tag", **{key: name(value) for key, value in said.items()})
    assert re.search(why, reason), reason


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reason": "battery"}, "session"),
        ({"session": "dock7.0.99", "reason": "battery"}, "no session of this dock"),
        ({"session": "dock7.0.0"}, "reason"),
        ({"session": "dock7.0.0", "reason": "tired"}, "no reason has the code 'tired'"),
        ({"session": "dock7.0.0", "reason": "other"}, "write the reason"),
        ({"session": "dock7.0.0", "reason": "other", "text": " "}, "text"),
        ({"session": "dock7.0.0", "reason": "other", "text": "长" * 2001}, "text"),
        ({"session": "dock7.0.0", "reason": "other", "text": "\x07"}, "text"),
    ],
)
async def test_a_note_that_makes_no_sense_is_refused_with_a_reason(
    desk: Desk, said: Answer, why: str
) -> None:
    assert why in await desk.refused("note", **said)


async def test_a_question_of_a_strange_kind_is_answered(desk: Desk) -> None:
    assert "known: status" in await desk.refused("erase")
    assert "known" in await desk.refused("cases ")


async def test_what_is_said_faster_than_people_speak_is_told_to_wait(desk: Desk) -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    desk.status._desk = DeskActs(desk.bay.ledger, desk.cases, desk.bay.signals, pace)
    session = str(desk.session)
    for number in range(30):
        answer = await desk.told("note", session=session, reason="other", text=f"{number}")
        assert "noted" in answer
    before = desk.bay.kinds()
    for cmd, more in (("note", {"reason": "other", "text": "x"}), ("tag", {"case_no": CASE_NO})):
        answer = await desk.told(cmd, session=session, **more)
        assert (answer["code"], answer["values"]) == ("too-fast", {"wait_s": 2})
        assert "try again in 2 s" in answer["error"]
    assert desk.bay.kinds() == before
    # Lists are read as before, and another docking's officer waits for nobody.
    assert "cases" in await desk.told("cases")
    assert "tagged" in await desk.told("tag", clips=[str(desk.clip)], case_no=CASE_NO)
    now[0] = 2.0
    assert "noted" in await desk.told("note", session=session, reason="other", text="x")


def test_made_up_names_and_long_lists_meet_the_docks_own_limit() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    taken = 0
    for number in range(1000):
        with contextlib.suppress(TooFast):
            pace.keep(f"dock7.0.{number}")
            taken += 1
    assert taken == 120
    assert len(pace._each) <= 256
    now[0] = 3600.0
    # Many clips at once are let through, and cost a docking most of what it has.
    pace.keep("dock7.0.1", 1000)
    with pytest.raises(TooFast) as fast:
        pace.keep("dock7.0.1", 1000)
    assert fast.value.wait_s == 24


async def test_a_tag_of_a_whole_docking_costs_what_it_makes(desk: Desk) -> None:
    now = [0.0]
    desk.status._desk = DeskActs(
        desk.bay.ledger, desk.cases, desk.bay.signals, Pace(lambda: now[0])
    )
    desk.bay.ledger.seal_clips(
        [
            draft_of(desk.session, b"x", path=b"%d" % number, name=f"{number:032x}")
            for number in range(99)
        ]
    )
    session, made = str(desk.session), []
    for number in range(30):
        answer = await desk.told("tag", session=session, case_no=f"{number}")
        if answer.get("code") == "too-fast":
            break
        made.append(answer["tagged"])
    # Thirty words of one entry each are let through, and no more entries than for these.
    assert made == [100] * 10
    now[0] = 10.0
    assert (await desk.told("tag", session=session, case_no="x"))["tagged"] == 100


def test_the_docks_own_limit_counts_every_entry_of_large_dockings() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.keep("dock7.0.1")
    pace.made("dock7.0.1", 10_000)
    with pytest.raises(TooFast) as fast:
        pace.keep("dock7.0.2")
    assert fast.value.wait_s == 41
    now[0] = 41.0
    pace.keep("dock7.0.1")


@pytest.mark.parametrize(
    ("cmd", "said", "code", "most"),
    [
        ("tag", {"case_no": "1" * 201}, "text-long", 200),
        ("tag", {"case_no": "1", "officer": "1" * 201}, "text-long", 200),
        ("note", {"reason": "other", "text": "1" * 2001}, "text-long", 2000),
        (
            "tag",
            {"session": None, "clips": ["dock7.0.1"] * 1001, "case_no": "1"},
            "too-many-clips",
            1000,
        ),
    ],
)
async def test_who_writes_too_much_is_told_so_and_not_of_clips(
    desk: Desk, cmd: str, said: Answer, code: str, most: int
) -> None:
    answer = await desk.told(cmd, **{"session": str(desk.session)} | said)
    assert (answer["code"], answer["values"]) == (code, {"most": most})
