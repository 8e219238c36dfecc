"""The screen's pages over a told daemon: what they ask, what they refuse, what they show."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from edge import config as configuration
from edge.config import KioskSection
from edge.kiosk.command import application, serve
from edge.kiosk.line import DaemonLine, NoAnswer
from edge.kiosk.pad import marks
from tests.simulators.told_daemon import ToldDaemon, bay_of, slip_answer, status_of
from tests.unit.edge.bayside import until
from tests.unit.edge.test_config import MINIMAL

URL = "http://127.0.0.1:8470"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


class Screen:
    """A server without its sockets, and the daemon it watches."""

    def __init__(self, socket: Path) -> None:
        self.daemon = ToldDaemon(socket, status_of(bay_of("1", "copied")))
        self.line = DaemonLine(socket)
        transport = httpx.ASGITransport(application(self.line, KioskSection()))
        self.client = httpx.AsyncClient(transport=transport, base_url=URL)

    async def get(self, path: str) -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def post(self, path: str, *, page: str | None = None, **fields: object) -> httpx.Response:
        """Send a form as a browser does, with the secret of the page it is on."""
        text = await self.get(page or path)
        found = re.search(r'name="token" value="([^"]+)"', text)
        assert found is not None
        return await self.client.post(
            path, data={"token": found[1], **fields}, headers={"origin": URL}
        )


@pytest.fixture
async def screen(tmp_path: Path) -> AsyncIterator[Screen]:
    screen = Screen(tmp_path / "s.sock")
    async with screen.daemon.running(), screen.client, asyncio.TaskGroup() as group:
        task = group.create_task(screen.line.run())
        await until(lambda: screen.line.answer is not None)
        yield screen
        task.cancel()


async def test_the_first_page_is_there_with_and_without_a_daemon(screen: Screen) -> None:
    assert 'id="tiles"' in await screen.get("/")
    for path in ("/static/kiosk.js", "/static/kiosk.css", "/static/icons.svg"):
        await screen.get(path)


async def test_every_answer_forbids_the_browser_all_but_this_server(screen: Screen) -> None:
    for path in ("/", "/static/kiosk.js", "/nothing"):
        headers = (await screen.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    page = await screen.get("/")
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=|https?://", page)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8470", "127.0.0.1", "", "127.0.0.1:80"]
)
async def test_a_name_that_points_here_is_not_served(screen: Screen, host: str) -> None:
    for path in ("/", "/events", "/static/kiosk.js"):
        answer = await screen.client.get(path, headers={"host": host})
        assert answer.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": URL, "sec-fetch-site": "cross-site"},
        {"origin": "https://127.0.0.1:8470"},
    ],
)
async def test_a_form_of_another_site_changes_nothing(
    screen: Screen, headers: dict[str, str]
) -> None:
    answer = await screen.client.post(
        "/docking/dock7.0.1/reason", data={"choice": "battery"}, headers=headers
    )
    assert answer.status_code == 403
    assert screen.daemon.asked == []


@pytest.mark.parametrize("token", ["", "wrong", "ünïcode"])
async def test_a_form_without_this_servers_secret_changes_nothing(
    screen: Screen, token: str
) -> None:
    answer = await screen.client.post(
        "/docking/dock7.0.1/reason",
        data={"token": token, "choice": "battery"},
        headers={"origin": URL},
    )
    assert answer.status_code == 403
    assert "too old" in answer.text
    assert screen.daemon.asked == []


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"a" * 300_000, "application/x-www-form-urlencoded", 403),
        (b"&".join([b"a=1"] * 5000), "application/x-www-form-urlencoded", 403),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 403),
        (b"token=%ff", "application/x-www-form-urlencoded", 403),
        (b"{}", "application/json", 415),
        (b"{}", "text/plain", 415),
    ],
)
async def test_what_is_no_form_of_ours_is_refused(
    screen: Screen, content: bytes, kind: str, code: int
) -> None:
    answer = await screen.client.post(
        "/docking/dock7.0.1/case", content=content, headers={"origin": URL, "content-type": kind}
    )
    assert answer.status_code == code
    assert screen.daemon.asked == []


async def test_other_methods_are_refused(screen: Screen) -> None:
    assert (await screen.client.delete("/")).status_code == 405
    assert (await screen.client.put("/docking/x/case")).status_code == 405


async def test_all_clips_of_a_docking_are_tagged_by_its_name(screen: Screen) -> None:
    screen.daemon.answers["tag"] = {"tagged": 2}
    screen.daemon.answers["slip"] = {"slip": slip_answer("dock7.0.1", ("a.mp4", "b.mp4"))}
    answer = await screen.post(
        "/docking/dock7.0.1/case",
        clip=["dock7.0.50", "dock7.0.51"],
        choice="云商执〔2026〕17号",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/docking/dock7.0.1?done=2")
    assert screen.daemon.asked[-1] == {
        "cmd": "tag",
        "session": "dock7.0.1",
        "case_no": "云商执〔2026〕17号",
        "category": None,
        "officer": "张三 016042",
    }
    assert "2 clips tagged" in await screen.get(answer.headers["location"])


async def test_some_clips_are_tagged_by_their_names_and_strangers_are_not(screen: Screen) -> None:
    screen.daemon.answers["slip"] = {"slip": slip_answer("dock7.0.1", ("a.mp4", "b.mp4"))}
    path = "/docking/dock7.0.1/category"
    await screen.post(path, clip=["dock7.0.51", "dock7.0.999"], choice="evidence")
    asked = screen.daemon.asked[-1]
    assert (asked["clips"], asked["category"], asked["case_no"]) == (
        ["dock7.0.51"],
        "evidence",
        None,
    )
    before = len(screen.daemon.asked)
    for fields in ({"clip": [], "choice": "evidence"}, {"clip": ["dock7.0.51"]}):
        answer = await screen.post(path, **fields)
        assert answer.status_code == 409
    assert all(asked["cmd"] != "tag" for asked in screen.daemon.asked[before:])


async def test_clips_of_a_docking_that_the_power_cut_are_offered_as_ones_own(
    screen: Screen,
) -> None:
    (clip,) = slip_answer()["clips"]
    cut = {**clip, "clip": "dock7.0.8", "session": "dock7.0.7", "cut": True}
    old = {**clip, "clip": "dock7.0.5", "session": "dock7.0.4", "cut": False}
    slip = slip_answer("dock7.0.9", ()) | {"earlier": [cut, old], "earlier_total": 2}
    screen.daemon.answers["slip"] = {"slip": slip}
    page = await screen.get("/docking/dock7.0.9/case")
    assert 'value="dock7.0.8" checked' in page
    assert 'value="dock7.0.5">' in page
    await screen.post("/docking/dock7.0.9/case", clip=["dock7.0.8"], choice="x")
    assert screen.daemon.asked[-1]["clips"] == ["dock7.0.8"]


async def test_why_there_is_no_video_is_noted(screen: Screen) -> None:
    answer = await screen.post("/docking/dock7.0.1/reason", choice="battery", text=" cold ")
    assert answer.headers["location"].endswith("?noted=1")
    assert screen.daemon.asked[-1] == {
        "cmd": "note",
        "session": "dock7.0.1",
        "reason": "battery",
        "text": "cold",
        "officer": "张三 016042",
    }
    assert "on record" in await screen.get(answer.headers["location"])


async def test_what_the_daemon_refuses_is_said_with_its_reason(screen: Screen) -> None:
    screen.daemon.answers["note"] = {"error": f"session is closed {HOSTILE}"}
    answer = await screen.post("/docking/dock7.0.1/reason", choice="battery")
    assert answer.status_code == 409
    assert "session is closed &lt;script&gt;" in answer.text
    assert "没有办成" in answer.text
    screen.daemon.answers["note"] = {"error": "x", "code": "text-long", "values": {"most": 2000}}
    answer = await screen.post("/docking/dock7.0.1/reason", choice="battery")
    assert "2000 letters at most" in answer.text
    assert "最多2000个字" in answer.text
    screen.daemon.answers["slip"] = {"error": "dock7.0.9 is no session of this dock"}
    assert (await screen.client.get("/slip/dock7.0.9")).status_code == 409
    assert (await screen.client.get("/docking/dock7.0.1/nothing")).status_code == 404


async def test_a_dock_without_a_list_of_cases_says_so(screen: Screen) -> None:
    del screen.daemon.answers["cases"]
    assert "no list of cases" in await screen.get("/docking/dock7.0.1/case")
    screen.daemon.answers["cases"] = {"cases": [], "categories": [], "reasons": [], "stale_s": 9000}
    page = await screen.get("/docking/dock7.0.1/case")
    assert "no open case of yours" in page
    assert "This list is 2 h old" in page


async def test_whatever_things_are_called_is_text(screen: Screen) -> None:
    slip = slip_answer("dock7.0.1", (HOSTILE, "x" * 4096, "\u202eevil"))
    slip |= {
        "officer": HOSTILE,
        "bay": HOSTILE,
        "volume": HOSTILE,
        "camera": {"serial": HOSTILE},
        "leftovers_total": 1,
        "leftovers": [{"name": HOSTILE, "outcome": "unreadable", "reason": HOSTILE}],
        "notes": [{"reason": HOSTILE, "text": HOSTILE}],
    }
    case = {"case_no": HOSTILE, "title": HOSTILE}
    choice = {"code": HOSTILE, "zh": HOSTILE, "en": HOSTILE}
    screen.daemon.answers["slip"] = {"slip": slip}
    screen.daemon.answers["cases"] = {
        "cases": [case],
        "categories": [choice],
        "reasons": [choice],
        "stale_s": None,
    }
    alarm = {"code": HOSTILE, "text": HOSTILE, "about": HOSTILE, "raised": HOSTILE}
    row = {"session": HOSTILE, "bay": HOSTILE, "volume": HOSTILE, "opened": HOSTILE}
    screen.daemon.tell(
        status_of(alarms=[alarm], recent=[{**row, "clips": 1, "released": 1}], refusals=[])
    )
    await until(lambda: (screen.line.answer or {}).get("alarms") == [alarm])
    pages = ["", "/case", "/category", "/reason"]
    for path in [
        "/alarms",
        "/slips",
        "/slip/dock7.0.1",
        *(f"/docking/dock7.0.1{p}" for p in pages),
    ]:
        page = await screen.get(path)
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert ">49<" not in page, path
        assert "\u202e" not in page, path


async def test_the_other_language_comes_first_when_it_is_asked_for(screen: Screen) -> None:
    assert 'data-first="0"' in await screen.get("/")
    answer = await screen.post("/language", page="/slips", back="/slips")
    assert answer.headers["location"] == "/slips"
    assert 'data-first="1"' in await screen.get("/")
    await screen.post("/language", page="/", back="/")
    assert 'data-first="0"' in await screen.get("/")


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "http://evil.example", "x", "/a\nb"]
)
async def test_a_language_leads_nowhere_else(screen: Screen, back: str) -> None:
    answer = await screen.post("/language", page="/", back=back)
    assert answer.headers["location"] == "/"


async def test_a_daemon_that_hangs_is_not_believed_any_more(screen: Screen) -> None:
    screen.daemon.silent = True
    await until(lambda: screen.line.answer is None, 6)
    assert screen.line.problem
    assert (await screen.client.get("/alarms")).status_code == 503
    screen.daemon.silent = False
    await until(lambda: screen.line.answer is not None)


async def test_a_daemon_that_starts_again_is_found_again(screen: Screen, tmp_path: Path) -> None:
    line = DaemonLine(tmp_path / "other.sock")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        for _ in range(2):
            async with ToldDaemon(tmp_path / "other.sock").running():
                await until(lambda: line.answer is not None)
            # Its last word counts no more, however young it is.
            await until(lambda: line.answer is None, 1)
        task.cancel()
    assert screen.line.answer is not None


async def test_what_a_broken_daemon_says_ends_nothing(tmp_path: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"[1]\n")
        writer.close()

    server = await asyncio.start_unix_server(nonsense, tmp_path / "s.sock")
    line = DaemonLine(tmp_path / "s.sock")
    async with server, asyncio.TaskGroup() as group:
        task = group.create_task(line.run())
        await until(lambda: "nothing that can be read" in line.problem)
        task.cancel()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "localhost", "example.org"])  # noqa: S104  # what must be refused
def test_the_screen_is_for_this_machine_alone(host: str) -> None:
    with pytest.raises(ValueError, match="this machine alone"):
        KioskSection(host=host)


@pytest.mark.parametrize(
    "said",
    [b"[" * 100_000, b"\xff\xfe", b"null", b"{", b"9" * 10_000, b'{"error": 1, "bays": 7}', b"{}"],
)
async def test_whatever_the_daemon_says_the_screen_outlives_it(tmp_path: Path, said: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said + b"\n")
        writer.close()

    line = DaemonLine(tmp_path / "s.sock")
    async with await asyncio.start_unix_server(serve, tmp_path / "s.sock"):
        running = asyncio.ensure_future(line.run())
        await asyncio.sleep(0.6)
        assert not running.done()
        with contextlib.suppress(NoAnswer):
            # Of no use at the most, and then a page of its own says so.
            await line.ask({"cmd": "cases"})
        running.cancel()


async def test_whoever_takes_all_streams_does_not_keep_the_screen_blank(screen: Screen) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = application(screen.line, KioskSection(port=port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    asked = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    opened = []
    for _ in range(17):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asked)
        opened.append((reader, writer))
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.readline()
    async with asyncio.timeout(5):
        # The oldest ends; its browser would come back by itself.
        await opened[0][0].readuntil(b"\r\n0\r\n\r\n")
        await opened[-1][0].readuntil(b'data: {"up": true')
    for _, writer in opened:
        writer.close()
    server.should_exit = True
    await serving


async def test_whoever_connects_and_asks_nothing_keeps_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.kiosk.command._SAY_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "edge.toml"
    config.write_text(f"{MINIMAL}\n[kiosk]\nport = {port}\n")
    serving = asyncio.ensure_future(serve(configuration.load(config)))
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    await asyncio.sleep(0.3)
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(64)]
    for said, (_, writer) in zip((b"", head, head + b"\r\n" + head), opened, strict=False):
        writer.write(said)
    async with asyncio.timeout(5):
        for reader, writer in opened:
            await reader.read()
            writer.close()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/")).status_code == 200
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_why_nothing_was_read_or_erased_is_said_in_both_languages(screen: Screen) -> None:
    slip = {**slip_answer("dock7.0.1"), "leftovers_total": 1}
    slip["leftovers"] = [{"name": HOSTILE, "outcome": "growing", "reason": HOSTILE}]
    screen.daemon.answers["slip"] = {"slip": slip}
    problem = {"name": HOSTILE, "outcome": "changed"}
    bay = bay_of("1", "copied", problems=[problem], not_erased="x", not_erased_code="in-use")
    stray = {"device": HOSTILE, "port": HOSTILE, "bay": "2", "reason": HOSTILE, "code": HOSTILE}
    refusal = {"entry": "dock7.0.9", "code": "chain-fork", "reason": HOSTILE}
    told = status_of(bay, unplaced=[stray], refusals=[refusal])
    screen.daemon.tell(told)
    await until(lambda: bool(screen.line.answer and screen.line.answer.get("unplaced")))
    for path, *said in (
        ("/docking/dock7.0.1", "The card is in use", "存储卡正被占用", "kept changing"),
        ("/slip/dock7.0.1", "still being written", "仍在写入"),
        ("/alarms", "cannot be opened", "请勿格式化", "does not continue the one it knows"),
    ):
        # An answer older than three seconds is none, and drawing a page may take longer than that.
        screen.daemon.tell(told)
        await until(lambda: screen.line.answer is not None)
        page = await screen.get(path)
        assert all(each in page for each in said), path
        assert "<img" not in page


async def test_a_case_that_is_on_no_list_is_recorded_as_typed(screen: Screen) -> None:
    screen.daemon.answers["tag"] = {"tagged": 1}
    clip = slip_answer("dock7.0.1")["clips"][0]["clip"]
    answer = await screen.post("/docking/dock7.0.1/case", clip=[clip], choice="云商执〔2026〕99号")
    assert answer.status_code == 303
    assert screen.daemon.asked[-1]["case_no"] == "云商执〔2026〕99号"


async def test_codes_on_record_are_shown_by_their_names(screen: Screen) -> None:
    slip = slip_answer("dock7.0.1", ("DCIM/1/a.mp4", "DCIM/2/a.mp4"))
    slip["clips"][0] |= {"category": "other", "case_no": "other"}
    slip["clips"][1] |= {"category": "new-code"}
    slip["notes"] = [{"reason": "other", "text": "x", "officer": None}]
    screen.daemon.answers["slip"] = {"slip": slip}
    page = await screen.get("/docking/dock7.0.1")
    for said in ("其他", "其他（请说明）", "other, as written", "new-code"):
        assert f">{said}</span>" in page
    # What tells two recordings apart is not cut away: the name first, its folder beneath.
    page = await screen.get("/docking/dock7.0.1/case")
    assert page.count('<b class="name">a.mp4</b><small class="folder">DCIM/') == 2


@pytest.mark.parametrize(
    ("numbers", "keys"),
    [
        ([], ["〔", "〕", "号", "-", "/", "_"]),
        (
            ["云商执〔2026〕17号", "云商执〔2026〕3号"],
            ["云商执〔", "〕", "号", "〔", "-", "/", "_"],
        ),
        (["A-1-2", "A-1-3"], ["A-", "-", "〔", "〕", "号", "/", "_"]),
        (["x" * 100 + "1"], ["〔", "〕", "号", "-", "/", "_"]),
        ([f"{chr(0x4E00 + n)}1" for n in range(50)], [chr(0x4E00 + n) for n in range(8)]),
    ],
)
def test_keys_are_what_the_stations_case_numbers_are_made_of(
    numbers: list[str], keys: list[str]
) -> None:
    assert marks(numbers) == keys
