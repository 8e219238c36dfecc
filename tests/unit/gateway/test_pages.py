"""Pages as the server draws them: for whom, with what in them, and what hostile text becomes."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.access.policy import POLICY, Act, Role
from gateway.accounts.service import NewAccount
from gateway.cases.changes import Asker
from gateway.intake import alarms
from gateway.services import Services
from gateway.webhooks.models import Delivery, Webhook
from gateway.webhooks.sending import NO_ANSWER, NO_CONNECTION
from protocols.messages import BayState, State
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all, shift_end

HOSTILE = '<img src=x onerror="alert(1)">\u202e王'
EAST, WEST = "市局/城东", "市局/城西"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


async def docked(services: Services, name: str, unit: str, clips: int) -> SimulatedDock:
    """A dock that has stood through a shift's end: its clips are stored."""
    dock = SimulatedDock(name)
    dock.unit, dock.officer = unit, f"officer of {name}"
    await enrol(services, dock)
    dock.boot()
    await admit(services, dock, dock.entries)
    await shift_end(services, dock, {f"{n}.MP4": f"{name} {n}".encode() for n in range(clips)})
    return dock


async def read(client: httpx.AsyncClient, path: str) -> str:
    """A page; nothing hostile in it is anything but text."""
    answer = await client.get(path)
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert "<img src=x" not in answer.text
    assert "\u202e" not in answer.text
    return answer.text


def count(text: str, name: str) -> int:
    found = re.search(rf'data-count="{name}".*?<strong>([\d,]+)</strong>', text)
    assert found is not None, name
    return int(found[1].replace(",", ""))


# --- today -------------------------------------------------------------------------


async def test_today_counts_what_came_within_the_reader_s_reach(services: Services) -> None:
    east = await docked(services, "dock7", EAST, 3)
    await docked(services, "dock8", WEST, 2)
    await link_all(services, "17", list(east.clips)[:1])
    unstored = SimulatedDock("dock9")
    unstored.unit = WEST
    await enrol(services, unstored)
    await shift_end(services, unstored, {"A.MP4": b"a"}, stored=False)
    async with await person(services, Role.CUSTODIAN) as client:
        text = await read(client, "/")
        names = ("docked", "sealed", "stored", "erased", "late", "unlinked")
        assert [count(text, name) for name in names] == [3, 6, 5, 0, 0, 5]
        lists = re.findall(r'<a href="(/clips[^"]*)"><strong>', text)
        assert len(lists) == len(names)
        for path in lists:
            await read(client, html.unescape(path))
    async with await person(services, Role.CUSTODIAN, login="li", unit=EAST) as client:
        text = await read(client, "/today/parts")
        assert [count(text, name) for name in names] == [1, 3, 3, 0, 0, 2]
        assert "<html" not in text


@pytest.mark.parametrize(("hour", "since"), [(15, "2026-11-21"), (16, "2026-11-22")])
async def test_today_begins_at_the_agency_s_midnight(
    services: Services, monkeypatch: pytest.MonkeyPatch, hour: int, since: str
) -> None:
    at = datetime(2026, 11, 22, hour, tzinfo=UTC)
    monkeypatch.setattr("gateway.clock.GatewayClock.now", lambda _: at)
    async with await person(services, Role.CUSTODIAN) as client:
        assert f'datetime="{since}T16:00:00Z"' in await read(client, "/today/parts")


async def test_a_search_that_cannot_be_done_says_why_above_its_form(services: Services) -> None:
    async with await person(services, Role.CUSTODIAN) as client:
        answer = await client.get("/clips?case_no=nope")
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "没有这个案号的案件" in answer.text
        assert 'name="case_no" value="nope"' in answer.text
        answer = await client.get("/clips?sealed_from=yesterday")
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "无法理解" in answer.text
        assert "没有这个页面" in (await client.get("/clips/none")).text


async def test_what_is_not_stored_after_a_day_is_late(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    await shift_end(services, dock, {"A.MP4": b"a", "B.MP4": b"b"}, stored=False)
    async with await person(services, Role.CUSTODIAN) as client:
        assert count(await read(client, "/"), "late") == 0
        now = services.clock.now()
        monkeypatch.setattr("gateway.overview.service.LATE", now - now)
        text = await read(client, "/")
        assert count(text, "late") == 2
        assert 'data-tone="bad" data-count="late"' in text


async def test_today_shows_bays_and_alarms_to_those_who_see_docks(services: Services) -> None:
    dock = await docked(services, "dock7", EAST, 1)
    bays = (
        BayState(bay="A1", phase="copying", camera=HOSTILE[:64], done=1, total=4),
        BayState(bay=HOSTILE[:64], phase="of-a-newer-dock"),
    )
    await services.docks.record_state(dock.id, State(state="online", version="1", bays=bays))
    async with services.database.session() as session:
        told = {"about": HOSTILE, "text": HOSTILE, "since": "2026-11-22T10:00:00Z"}
        await alarms.raise_alarm(session, dock="dock7", by="dock", code="odd", **told)
    async with await person(services, Role.OPERATOR) as client:
        text = await read(client, "/")
        assert "正在采集" in text
        assert "of-a-newer-dock" in text
        assert '<progress max="4" value="1"' in text
        assert "data-count" not in text
    async with await person(services, Role.OFFICER, login="sun", officer="none") as client:
        text = await read(client, "/")
        assert "dock7" not in text
        assert count(text, "sealed") == 0


async def test_strangers_are_sent_to_sign_in_and_come_back(services: Services) -> None:
    async with browser(services) as client:
        for path, to in (("/", "/signin"), ("/today/parts", "/signin?next=/today/parts")):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, to)


# --- cases -------------------------------------------------------------------------


def forms(text: str) -> set[str]:
    """What can be done on a page: the last part of the address of each of its forms."""
    return {path.rpartition("/")[2] for path in re.findall(r'data-path="([^"]*)"', text)}


async def test_cases_are_looked_for_and_counted_as_far_as_was_looked(services: Services) -> None:
    async with api_of(services) as api:
        causes = "无照经营", "未明码标价", HOSTILE.replace("\u202e", ""), "未明码标价"
        for n, cause in enumerate(causes):
            asked = {"cause": cause, "unit": EAST if n else WEST, "by": "Li"}
            assert (await api.put(f"/api/v1/cases/2026-{n}", json=asked)).is_success
        done = {"by": "Li", "why": "done"}
        assert (await api.post("/api/v1/cases/2026-1/seal", json=done)).is_success
    async with await person(services, Role.CUSTODIAN) as client:
        listed = re.compile(r'<th scope="row"><a href="/cases/\w+"><bdi>([^<]*)')
        for path, numbers, said in (
            ("/cases", ["2026-3", "2026-2", "2026-1", "2026-0"], "共 4 件。"),
            ("/cases?limit=3", ["2026-3", "2026-2", "2026-1"], "本页 3 件，还有更早的。"),
            ("/cases?cause=明码&unit=&state=", ["2026-3", "2026-1"], "共 2 件。"),
            ("/cases?text=标价&state=sealed", ["2026-1"], "共 1 件。"),
            ("/cases?number=2026&officer=none", [], "没有符合条件"),
        ):
            text = await read(client, path)
            assert (listed.findall(text), said in text) == (numbers, True), path
        text = await read(client, "/cases?cause=明码&limit=1")
        (following,) = re.findall(r'href="([^"]*)" rel="next"', text)
        text = await read(client, html.unescape(following))
        assert (listed.findall(text), "没有更早的了" in text) == (["2026-1"], True)
        assert (await client.get("/cases?filed_from=soon")).status_code == 422
    async with await person(services, Role.REVIEWER, login="li", unit=WEST) as client:
        text = await read(client, "/cases")
        assert (listed.findall(text), forms(text)) == (["2026-0"], set())


async def test_a_case_offers_what_its_state_and_the_reader_s_roles_allow(
    services: Services,
) -> None:
    dock = await docked(services, "dock7", EAST, 1)
    await link_all(services, "17", list(dock.clips))
    acts = {"seal", "renumber", "merge", "transfer"}
    row = await services.cases.case("17")
    always = {"holds", "links", str(next(iter(dock.clips)))}
    readers = {Role.CUSTODIAN: always | acts, Role.HANDLER: always, Role.AUDITOR: set()}
    for role, offered in readers.items():
        async with await person(services, role, login=role.value) as client:
            assert forms(await read(client, f"/cases/{row.token}")) == offered
    await services.case_changes.seal("17", "A-1", Asker("Li", "done"))
    async with await person(services, Role.CUSTODIAN, login="sun") as client:
        text = await read(client, f"/cases/{row.token}")
        assert forms(text) == {"holds", "unseal"}
        assert "案卷已封存" in text
    await services.case_changes.unseal("17", Asker("Li", "more"))
    await link_all(services, "18", [])
    into = await services.case_changes.merge("17", "18", Asker("Li", "one"))
    async with await person(services, Role.CUSTODIAN, login="wu") as client:
        text = await read(client, f"/cases/{row.token}")
        assert forms(text) == set()
        assert f'href="/cases/{into.token}"' in text
        assert f'href="/cases/{row.token}"' in await read(client, f"/cases/{into.token}")


# --- docks -------------------------------------------------------------------------


async def test_docks_say_how_far_their_ledgers_are_logged(services: Services) -> None:
    dock = await docked(services, "dock7", EAST, 2)
    head = dock.announcement()
    assert head.seq is not None
    async with await person(services, Role.SUPERVISOR) as client:
        for ahead, said in ((0, "全部已入日志"), (3, "尚有 3 条未入日志")):
            announced = head.model_copy(update={"seq": head.seq + ahead})
            await services.docks.record_head(dock.id, announced)
            assert said in await read(client, "/docks/parts")
            assert said in await read(client, "/docks/dock7/parts")
        text = await read(client, "/docks/dock7")
        assert "2 × 已入库并回读" in text
        assert dock.signer.public.kid.hex() in text


async def test_only_who_manages_docks_finds_forms(services: Services) -> None:
    dock = await docked(services, "dock7", EAST, 1)
    async with services.database.session() as session:
        told = {"text": HOSTILE, "since": "2026-11-22T10:00:00Z"}
        for code in (alarms.FORKED, alarms.STOPPED):
            await alarms.raise_alarm(
                session, dock=dock.id, by=alarms.BY_GATEWAY, code=code, about=None, **told
            )
    for role, forms in ((Role.CUSTODIAN, 0), (Role.OPERATOR, 3)):
        async with await person(services, role, login=role.value) as client:
            text = await read(client, "/docks/dock7")
            paths = re.findall(r'data-path="([^"]*)"', text)
            assert len(paths) == forms
            assert text.count('class="alarm"') == 2
            if paths:
                # What ends by itself has no form; every other form is for a route there is.
                assert paths[0] == "/docks/dock7/alarms/ledger-forked/settle"
                asked = {"reason": "examined: a restored disk image"}
                done = await client.post(f"/api/v1{paths[0]}", json=asked)
                assert done.status_code == HTTPStatus.OK
            listed = await read(client, "/docks")
            assert ("data-path" in listed) == bool(forms)


async def test_a_revoked_dock_says_up_to_where_it_is_trusted(services: Services) -> None:
    dock = await docked(services, "dock7", EAST, 1)
    last = (0, dock.entries[-1].seq)
    await services.revoking.revoke("dock7", last, by="zhou", reason="stolen")
    async with await person(services, Role.OPERATOR) as client:
        text = await read(client, "/docks/dock7")
        assert f"只信任到条目 0.{last[1]}" in text
        assert "/revocation" not in text
        assert "已吊销" in await read(client, "/docks")
        assert (await client.get("/docks/dock99")).status_code == HTTPStatus.NOT_FOUND
        assert (await client.get("/docks/UPPER!")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


# --- the log -----------------------------------------------------------------------


async def test_entries_are_for_those_who_read_the_whole_log(services: Services) -> None:
    dock = await docked(services, "dock7", EAST, 60)
    await link_all(services, "2026-17", list(dock.clips)[:1])
    async with await person(services, Role.AUDITOR) as client:
        size = services.log.checkpoint().size
        text = await read(client, "/log")
        assert services.log.checkpoint().note.decode().split("\n")[2] in text
        listed: list[int] = []
        path: str | None = "/log"
        while path is not None:
            text = await read(client, path)
            listed += [int(found) for found in re.findall(r'<a href="/log/(\d+)">', text)]
            more = re.search(r'href="(/log\?before=\d+)#entries" rel="next"', text)
            path = None if more is None else more[1]
        assert listed == list(range(size - 1, -1, -1))
        text = await read(client, "/log")
        (case,), clip = await services.cases.find(limit=1), list(dock.clips)[-1]
        for path, name in (
            (f"/cases/{case.token}", "2026-17"),
            ("/admin/people/wang", "王警官"),
            (f"/clips/{clip}", str(clip)),
        ):
            assert f'<a href="{path}"><bdi>{name}</bdi></a>' in text
        assert "officer of dock7" in await read(client, "/log/5")
        assert (await client.get(f"/log/{size}")).status_code == HTTPStatus.NOT_FOUND
        assert (await client.get("/log/-1")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    beyond = {"login": "li", "unit": EAST}
    for role, known in ((Role.AUDITOR, beyond), (Role.OPERATOR, {"login": "zhou"})):
        async with await person(services, role, **known) as client:
            assert '<a href="/log/' not in await read(client, "/log")
            text = await read(client, "/log/5")
            assert '"record": null' in text
            assert "officer of dock7" not in text
    assert dock.head is not None


async def test_records_of_any_form_are_shown_as_text(services: Services) -> None:
    dock = SimulatedDock()
    dock.officer, dock.unit = HOSTILE, "</script><script>alert(1)</script>"
    await enrol(services, dock)
    dock.append_bytes(b"\xff\x00 not a record \xe2\x80\xae</script>")
    await admit(services, dock, dock.entries)
    first = len(dock.entries)
    dock.boot()
    dock.open_session()
    await admit(services, dock, dock.entries[first:])
    async with await person(services, Role.AUDITOR) as client:
        for index in range(services.log.checkpoint().size):
            text = await read(client, f"/log/{index}")
            assert "alert(1)</script>" not in text
            assert text.count("</script>") == text.count("<script")
        assert "无法读懂的记录" in await read(client, "/log/2")


# --- keeping the gateway -----------------------------------------------------------


async def test_people_are_listed_and_changed_by_what_their_page_sends(services: Services) -> None:
    for login, unit in (("li", EAST), ("zhao", WEST)):
        new = NewAccount(login, HOSTILE, None, frozenset({Role.OFFICER}), unit, why="test")
        await services.accounts.set(new, "test")
    async with await person(services, Role.OPERATOR, login="zhou") as client:
        text = await read(client, "/admin")
        assert [name in text for name in ("people/li", "people/zhao", "people/zhou")] == [True] * 3
        assert 'data-path="/accounts"' in text
        text = await read(client, "/admin/people/li")
        assert 'data-method="PUT" data-path="/accounts/li"' in text
        assert 'name="roles" data-as="list" value="officer" checked' in text
        assert 'value="operator" checked' not in text
        assert (await client.get("/admin/people/none")).status_code == HTTPStatus.NOT_FOUND
    async with await person(services, Role.SUPERVISOR, login="qian", unit=EAST) as client:
        text = await read(client, "/admin")
        assert "people/zhao" not in text
        assert "data-path" not in text
        assert "data-path" not in await read(client, "/admin/people/li")
        for name in ("zhao", "nobody"):
            answer = await client.get(f"/admin/people/{name}")
            assert answer.status_code == HTTPStatus.NOT_FOUND
    async with await person(services, Role.CUSTODIAN, login="sun") as client:
        assert (await client.get("/admin")).status_code == HTTPStatus.FORBIDDEN
        assert "/admin" not in await read(client, "/")


async def test_keys_of_case_systems_are_listed_without_them(services: Services) -> None:
    key = await case_system(services, "platform", EAST)
    async with await person(services, Role.OPERATOR) as client:
        text = await read(client, "/admin/systems")
        assert "platform" in text
        assert "即将到期" in text
        assert key not in text
        assert 'data-path="/clients/platform/end"' in text
        ended = await client.post("/api/v1/clients/platform/end", json={"why": "test"})
        assert ended.status_code == HTTPStatus.OK
        text = await read(client, "/admin/systems")
        assert "已收回" in text
        assert "/clients/platform/end" not in text


async def test_receivers_are_shown_with_what_became_of_each_attempt(services: Services) -> None:
    await case_system(services, "platform", EAST)
    async with await person(services, Role.OPERATOR) as client:
        asked = {"client": "platform", "url": "https://8.8.8.8/in", "why": "a"}
        made = (await client.post("/api/v1/webhooks", json=asked)).json()
        tried = (
            (200, None, "已送达"),
            (302, "it redirects", "转址不予跟随"),
            (503, "it answered 503", "对方答复 503"),
            (None, f"{NO_ANSWER} 15 s", "没有按时答复"),
            (None, NO_CONNECTION, "无法连接"),
            (None, "no address", "地址无法解析"),
        )
        async with services.database.session() as session:
            row = await session.get_one(Webhook, made["webhook"])
            row.failures = 5
            for n, (status, problem, _) in enumerate(tried):
                told = {"status": status, "problem": problem, "took_ms": n, "attempt": n + 1}
                at = services.clock.now()
                what = {"webhook": row.token, "event_index": n, "kind": "case.linked", "at": at}
                session.add(Delivery(**what, **told))
        assert "连续失败 5 次" in await read(client, "/admin/webhooks")
        text = await read(client, f"/admin/webhooks/{row.token}")
        said = re.findall(r'<td data-label="结果">(.*?)</td>', text)
        assert all(words in line for (_, _, words), line in zip(reversed(tried), said, strict=True))
        assert forms(text) == {"resume", "secret", "resend", row.token}
        assert made["secret"] not in text
        ended = await client.request("DELETE", f"/api/v1/webhooks/{row.token}", json={"why": "b"})
        assert ended.is_success
        assert forms(await read(client, f"/admin/webhooks/{row.token}")) == set()
    async with await person(services, Role.SUPERVISOR, login="li") as client:
        assert (await client.get("/admin/webhooks")).status_code == HTTPStatus.FORBIDDEN
        assert "/admin/webhooks" not in await read(client, "/admin")


async def test_the_policy_is_shown_cell_by_cell(services: Services) -> None:
    async with await person(services, Role.AUDITOR) as client:
        text = await read(client, "/admin/policy")
        cells = re.findall(r'<td data-reach="(\w+)">', text)
        assert cells == [POLICY[role, act].name.lower() for act in Act for role in Role]


async def test_the_state_says_what_is_not_well(services: Services) -> None:
    services.vitals.broker = f"refused: {HOSTILE}"
    async with await person(services, Role.OPERATOR) as client:
        text = await read(client, "/admin/state")
        assert re.search(r'data-fact="broker".*?data-tone="bad"', text)
        services.vitals.broker = "connected"
        text = await read(client, "/admin/state")
        assert re.search(r'data-fact="broker".*?data-tone="good"', text)


# --- where there is nothing --------------------------------------------------------


async def test_a_person_s_browser_is_told_on_a_page_and_a_program_as_before(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with await person(services, Role.OPERATOR) as client:
        for path, headers, drawn in (
            ("/nothing<b>", page, True),
            ("/nothing", {}, False),
            ("/api/v1/nothing", page, False),
            ("/static/nothing.js", page, False),
            ("/tlog/nothing", page, False),
        ):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == HTTPStatus.NOT_FOUND
            kind = answer.headers["content-type"]
            assert kind.startswith("text/html" if drawn else "application/problem+json"), path
            assert answer.headers["cache-control"] == "no-store"
        posted = await client.post("/nothing", headers=page)
        assert posted.headers["content-type"] == "application/problem+json"

        async def fails(*_: object, **__: object) -> None:
            raise ZeroDivisionError(HOSTILE)

        monkeypatch.setattr(type(services.docks), "docks", fails)
        answer = await client.get("/docks", headers=page)
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "网关出了差错" in answer.text
        assert "ZeroDivision" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        answer = await client.get("/api/v1/docks", headers=page)
        assert answer.json()["code"] == "gateway-failed"
