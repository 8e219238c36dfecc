"""Pages about keeping: what is due and why, who finds which form, and what each form sends."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from gateway.access.policy import Role
from gateway.disposal.sureness import ClockUnsureError
from gateway.errors import StoreAwayError
from gateway.evidence.service import object_key
from gateway.previews.models import Preview
from gateway.previews.wanted import ENCRYPTED, State
from gateway.retention.signing import sign_pack
from tests.simulators.keeping import AUTHORITY, PACK, YEAR, Office, docked, office
from tests.simulators.people import person
from tests.simulators.seeded import gateway_on, link_all

HOSTILE = '<img src=x onerror="alert(1)">王'
EAST, WEST = "市局/城东", "市局/城西"


@dataclass
class Form:
    """A form that says which address of the API it is for, and what it sends untouched."""

    method: str
    path: str
    said: dict[str, object] = field(default_factory=dict)
    asks: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        path = has.get("data-path")
        if tag == "form" and path is not None:
            self.found.append(Form(has.get("data-method") or "POST", path))
        name = has.get("name")
        if tag in {"input", "select", "textarea"} and name and self.found:
            said = {"null": None, "words": (has.get("value") or "").split()}
            if has.get("type") == "hidden":
                kind = has.get("data-as") or ""
                self.found[-1].said[name] = said.get(kind, has.get("value"))
            else:
                self.found[-1].asks.add(name)


async def forms(client: httpx.AsyncClient, path: str) -> list[Form]:
    parser = _Forms()
    parser.feed(await read(client, path))
    return parser.found


async def send(client: httpx.AsyncClient, page: str, path: str, **typed: object) -> httpx.Response:
    """Fill in the first form for this address that asks for what is typed, and send it."""
    asked = [each for each in await forms(client, page) if each.path == path]
    form = next(each for each in asked if each.asks >= typed.keys())
    at = re.sub(r"\{(\w+)\}", lambda name: quote(str(typed.pop(name[1])), safe=""), form.path)
    said = await client.request(form.method, f"/api/v1{at}", json=form.said | typed)
    assert said.is_success, said.text
    return said


async def read(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert "<img src=x" not in answer.text
    return answer.text


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        yield await office(stack, services, tmp_path, monkeypatch)


async def test_what_the_forms_of_a_clip_send_is_what_the_api_takes(desk: Office) -> None:
    footage = {"GX010001.MP4": b"a", "GX020001.MP4": b"b"}
    _, (clip, other) = await docked(desk.services, footage, unit=EAST)
    at, about = f"/clips/{clip}", f"/clips/{clip}"
    why = {"why": HOSTILE}
    custodian = desk.custodian
    corrections = f"{about}/corrections"
    await send(custodian, at, corrections, **why, field="officer", to="020771")
    dated = {"to": "2026-05-04T00:00:00.000Z", "error_ms": 2000, "known_by": HOSTILE}
    await send(custodian, at, corrections, **why, **dated)
    await send(custodian, at, f"{about}/marks", **why, label="privacy")
    await send(custodian, at, "/holds", reason=HOSTILE, authority=HOSTILE)
    both = {"clips": [str(clip), str(other)]}
    await send(custodian, at, "/recordings", **why, **both)
    await link_all(desk.services, "2026-1", [other])
    await send(custodian, at, "/cases/{case_no}/links", **why, case_no="2026-1")
    text = await read(custodian, at)
    officer = re.search(r"020771</bdi>.*?</dd>", text)
    assert officer is not None
    assert "officer 014032" in officer[0]
    for told in ("2026-05-04 00:00:00 UTC", "个人隐私异议", "已冻结", f"/clips/{other}", "2026-1"):
        assert told in text
    # What was said is taken back by what the page then has.
    listed = {(each.method, each.path) for each in await forms(custodian, at)}
    (mark,) = [path for method, path in listed if method == "DELETE" and "/marks/" in path]
    (apart,) = [path for method, path in listed if path.startswith("/recordings/")]
    for path in (mark, apart):
        await send(custodian, at, path, **why)
    (back,) = [each for each in await forms(custodian, at) if each.said.get("field") == "officer"]
    assert back.said == {"field": "officer", "to": None}
    # Chips tell: what stands in the table of claims only is put right no more.
    said = await custodian.post(f"/api/v1{back.path}", json=back.said | why)
    assert said.is_success, said.text
    (lift,) = [each.path for each in await forms(desk.supervisor, at) if "lift" in each.path]
    await send(desk.supervisor, at, lift, reason="over")
    text = await read(custodian, at)
    assert "020771</bdi> <span" not in text
    assert "/lift" not in text


async def test_forms_are_for_those_whom_the_table_lets(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, {"A.MP4": b"a"}, unit=EAST)
    desk.ahead += YEAR
    token = (await desk.propose(clip)).json()["disposal"]
    hold = {"reason": "a", "authority": "b", "case_no": "2026-1", "until": "2026-01-01"}
    await link_all(desk.services, "2026-1", [clip])
    assert (await desk.supervisor.post("/api/v1/holds", json=hold)).is_success
    of_a_clip = {"corrections", "marks", "holds", "recordings", "links"}
    lists = {
        Role.CUSTODIAN: (of_a_clip, {"disposals", "holds", "withdraw"}),
        Role.HANDLER: ({"marks", "holds", "recordings", "links"}, {"holds"}),
        Role.REVIEWER: ({"holds", "lift"}, {"holds", "lift"}),
        Role.SUPERVISOR: ({"holds", "lift"}, {"holds", "lift", "approve", "refuse", "rules"}),
        Role.AUDITOR: (set[str](), set[str]()),
    }
    paths = ("/keeping?due_only=false", "/keeping/holds", "/keeping/unclassified")
    for role, (on_clip, on_pages) in lists.items():
        async with await person(
            desk.services, role, login=role.value, officer=role.value
        ) as client:
            client.follow_redirects = True
            found = [each.path for each in await forms(client, f"/clips/{clip}")]
            assert {path.rpartition("/")[2] for path in found} == on_clip, role
            named = set()
            for path in (*paths, "/keeping/rules", f"/keeping/disposals/{token}"):
                named |= {each.path.rpartition("/")[2] for each in await forms(client, path)}
            # Nothing else is due, so nothing is to be proposed.
            assert named == on_pages - {"disposals"}, role
    async with await person(desk.services, Role.SUPERVISOR, login="qian", unit=EAST) as client:
        # Rules are for those above all units; who cannot be told from the proposer decides nothing.
        assert await forms(client, "/keeping/rules") == []
    async with await person(desk.services, Role.SUPERVISOR, login="qian") as client:
        text = await read(client, f"/keeping/disposals/{token}")
        assert "无从确认提请人与批准人是两个人" in text
        assert "/approve" not in text
    for client, waits in ((desk.supervisor, True), (desk.custodian, False)):
        text = await read(client, "/")
        assert ("1 批处置待批准" in text) == ("1 项冻结应复查" in text) == waits
    async with await person(desk.services, Role.OFFICER, login="sun", officer="x") as client:
        assert (await client.get("/keeping")).status_code == HTTPStatus.FORBIDDEN
        assert "/keeping" not in await read(client, "/")


async def test_the_key_of_an_encrypted_clip_is_asked_of_who_may_supply_it(desk: Office) -> None:
    _, (clip, open_one) = await docked(desk.services, {"A.MP4": b"a", "B.MP4": b"b"})
    async with desk.services.database.session() as session:
        failed = {"state": State.FAILED.value, "code": ENCRYPTED}
        of_clip = (Preview.dock == clip.dock, Preview.seq == clip.seq)
        await session.execute(update(Preview).where(*of_clip).values(failed))
    (form,) = [
        each for each in await forms(desk.custodian, f"/clips/{clip}") if "keys" in each.path
    ]
    assert (form.path, form.asks) == (f"/clips/{clip}/keys", {"key", "reason"})
    asked = {"key": "0" * 32, "reason": "a"}
    said = await desk.custodian.post(f"/api/v1{form.path}", json=asked)
    # It is no footage at all, which the gateway finds; the form is understood.
    assert said.json()["code"] in {"key-untried", "not-encrypted"}, said.text
    for client, at in ((desk.supervisor, clip), (desk.custodian, open_one)):
        assert f"/clips/{at}/keys" not in await read(client, f"/clips/{at}")


async def test_what_is_due_is_counted_within_reach_and_what_nobody_classified_is_listed(
    desk: Office,
) -> None:
    services = desk.services
    await docked(services, {"A.MP4": b"a" * 150_000, "B.MP4": b"b"}, "east", EAST)
    _, (_, secret) = await docked(
        services, {"C.MP4": b"c", "secret-place.MP4": b"d"}, "west", WEST, tag=None
    )
    mark = {"label": "secret", "why": "decision 3"}
    marked = await desk.custodian.post(f"/api/v1/clips/{secret}/marks", json=mark)
    assert marked.is_success, marked.text
    assert "没有符合条件的记录" in await read(desk.custodian, "/keeping")
    desk.ahead += YEAR
    text = await read(desk.custodian, "/keeping")
    assert "现在到期 2 段，0.2 MB" in text
    assert text.count('name="clips"') == 2
    assert "12个月" in text
    async with await person(services, Role.CUSTODIAN, login="wu", unit=WEST) as west:
        assert 'name="clips"' not in await read(west, "/keeping")
        text = await read(west, "/keeping?due_only=false&unit=&by=")
        assert text.count("尚未分类") == 2
        assert "A.MP4" not in text
    async with await person(services, Role.REVIEWER, login="chen") as reviewer:
        text = await read(reviewer, "/keeping/unclassified")
        assert [name in text for name in ("A.MP4", "C.MP4", "***")] == [False, True, True]
        assert "secret-place" not in text
        # Nothing of it is told on its own page either, nor asked for.
        text = await read(reviewer, f"/clips/{secret}")
        assert "decision 3" not in text
        assert "data-path" not in text


async def test_a_disposal_tells_what_would_stay_and_whether_the_store_agrees(
    desk: Office,
) -> None:
    services = desk.services
    _, (gone, held) = await docked(services, {"A.MP4": b"a", "B.MP4": b"b"})
    desk.ahead += YEAR
    token = await desk.approved(gone, held)
    at = f"/keeping/disposals/{token}"
    why = {"reason": "a", "authority": HOSTILE, "clips": [str(held)]}
    await desk.supervisor.post("/api/v1/holds", json=why)
    text = await read(desk.supervisor, at)
    assert text.count("现在有依据保留") == 1
    services.executing.blocked = ClockUnsureError("nobody vouches", "无人担保")
    text = await read(desk.supervisor, at)
    assert ["无人担保" in text, "nobody vouches" in text] == [True, False]
    mark = {"label": "secret", "why": "a"}
    marked = await desk.custodian.post(f"/api/v1/clips/{held}/marks", json=mark)
    assert marked.is_success, marked.text
    async with await person(services, Role.AUDITOR, login="zhou") as auditor:
        text = await read(auditor, at)
        assert [word in text for word in ("A.MP4", "B.MP4", "已冻结")] == [True, False, False]
    await desk.wait()
    text = await read(desk.supervisor, at)
    assert "日志、数据库与存储一致" in text
    assert "留下: 已冻结" in text
    assert "held for" in text
    async with await person(services, Role.AUDITOR, login="zheng") as auditor:
        text = await read(auditor, at)
        assert [word in text for word in ("原因不向您显示", "held for")] == [True, False]
    assert [each.path for each in await forms(desk.supervisor, at)] == []
    assert "全部相符" in await read(desk.supervisor, "/keeping/disposals/count?store=true")
    await services.store.put_bytes(object_key(gone), b"a")
    assert "核对不符" in await read(desk.supervisor, at)
    assert "核对不符" in await read(desk.supervisor, "/keeping/disposals/count?store=true")
    async with await person(services, Role.SUPERVISOR, login="qian", unit=EAST) as beyond:
        assert (await beyond.get(at)).status_code == HTTPStatus.NOT_FOUND
        count = await beyond.get("/keeping/disposals/count")
        assert count.status_code == HTTPStatus.FORBIDDEN


async def test_rules_are_read_on_a_page_and_adopted_by_what_it_sends(desk: Office) -> None:
    raw = PACK.format(version=2, keep='"permanent"').replace('"m"', f"'{HOSTILE}'").encode()
    typed = {
        "pack": base64.b64encode(raw).decode(),
        "signature": sign_pack(raw, AUTHORITY),
        "why": "市局〔2026〕8号",
    }
    assert "12 个月" in await read(desk.supervisor, "/keeping/rules")
    await send(desk.supervisor, "/keeping/rules", "/rules", **typed)
    text = await read(desk.custodian, "/keeping/rules")
    assert "<b>永久</b>" in text
    assert AUTHORITY.public.kid.hex() in text
    assert "以前的规则" in text
    (row, *_) = await desk.services.retention.adopted()
    assert (row.version, row.why) == (2, typed["why"])


async def test_why_a_page_cannot_be_had_is_in_the_log_alone(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(**_: object) -> None:
        raise StoreAwayError("GET https://secret.inner/evidence")

    monkeypatch.setattr(desk.services.reconciling, "reconcile", away)
    with capture_logs() as said:
        answer = await desk.supervisor.get("/keeping/disposals/count?store=true")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "secret" not in answer.text
    assert ["secret.inner" in each.get("reason", "") for each in said].count(True) == 1
