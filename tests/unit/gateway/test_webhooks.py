"""Webhooks: every event at least once and in order, signed, and nowhere it must not go."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as Oracle
from standardwebhooks.webhooks import WebhookVerificationError
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway.access.policy import Role
from gateway.config import WebhooksSection
from gateway.errors import ConfigError
from gateway.services import Services
from gateway.webhooks import addresses, delivering, sending
from gateway.webhooks.addresses import Reachable, WebhookAddressError
from gateway.webhooks.delivering import Pace
from gateway.webhooks.models import Webhook
from gateway.webhooks.sending import Sender
from protocols.records import decode_record
from tests.simulators.people import browser, case_system, person
from tests.simulators.receiving import Receiver, receiving
from tests.simulators.seeded import api_of, gateway_on

HERE = WebhooksSection(allow=("127.0.0.0/8",))
QUICK = Pace(waits=(0.05, 0.1), give_up=3600, look=0.2, pause=0.01)


@contextlib.asynccontextmanager
async def open_at(folder: Path) -> AsyncIterator[Services]:
    async with gateway_on(folder) as opened:
        deliveries = opened.webhooks.deliveries
        deliveries.sender, deliveries.pace = Sender(HERE), QUICK
        yield opened


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with open_at(tmp_path) as opened:
        yield opened


@contextlib.asynccontextmanager
async def delivering_to(services: Services) -> AsyncIterator[None]:
    task = asyncio.ensure_future(services.webhooks.deliveries.run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def platform(services: Services, **more: Any) -> httpx.AsyncClient:  # noqa: ANN401  # as case_system
    key = await case_system(services, days=30, **more)
    return browser(services, authorization=f"Bearer {key}")


async def subscribed(
    asker: httpx.AsyncClient, url: str, *kinds: str, **more: str | None
) -> dict[str, Any]:
    body = {"url": url, "by": "L", "why": "a", **({"kinds": list(kinds)} if kinds else {}), **more}
    answer = await asker.post("/api/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def happens(client: httpx.AsyncClient, *numbers: str) -> list[int]:
    indices = []
    for number in numbers:
        opened = await client.post("/api/v1/cases", json={"case_no": number, "by": "L"})
        assert opened.status_code == 201, opened.text
        indices.append(opened.json()["opened_index"])
    return indices


async def standing(client: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/v1/webhooks/{made['webhook']}")).json()
    return found


async def until_state(client: httpx.AsyncClient, made: dict[str, Any], state: str) -> None:
    async with asyncio.timeout(20):
        while (await standing(client, made))["state"] != state:  # noqa: ASYNC110  # the API's word
            await asyncio.sleep(0.02)


async def tried(client: httpx.AsyncClient, made: dict[str, Any]) -> list[dict[str, Any]]:
    page = (await client.get(f"/api/v1/webhooks/{made['webhook']}/deliveries")).json()
    found: list[dict[str, Any]] = page["deliveries"]
    return found


async def test_events_come_in_order_and_signed_as_others_check_it(services: Services) -> None:
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, receiver.url, "case.opened")
        async with delivering_to(services):
            indices = await happens(client, "1", "2", "3")
            await receiver.until(3)
            async with asyncio.timeout(20):
                while len(await tried(client, made)) < 3:  # noqa: ASYNC110  # the API's word
                    await asyncio.sleep(0.02)
        assert receiver.indices == indices
        oracle = Oracle(made["secret"])
        for message in receiver.came:
            told = oracle.verify(message.body, message.headers)
            assert told["type"] == "case.opened"
            assert message.headers["content-type"] == "application/json"
            with pytest.raises(WebhookVerificationError):
                oracle.verify(message.body + b" ", message.headers)
        assert len({message.headers["webhook-id"] for message in receiver.came}) == 3
        rows = await tried(client, made)
        assert [(row["event"], row["status"], row["problem"]) for row in rows] == [
            (index, 204, None) for index in reversed(indices)
        ]


async def test_the_record_names_the_host_and_never_the_secret(services: Services) -> None:
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, f"{receiver.url}?token=hush", "case.opened")
        entry = await services.log.entry(made["set_index"])
        body = decode_record(entry.record).body
        assert (body.kind, body.host, body.kinds) == ("webhook.set", "127.0.0.1", ("case.opened",))  # type: ignore[attr-defined]
        secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
        for hidden in (b"hush", made["secret"].encode(), secret, b"evidock?"):
            assert hidden not in entry.record
        async with services.database.reading() as session:
            row = (await session.scalars(select(Webhook))).one()
        assert row.secret is not None
        assert secret not in row.secret
        assert "secret" not in await standing(client, made)


async def test_what_failed_is_sent_again_and_nothing_overtakes_it(services: Services) -> None:
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, receiver.url, "case.opened")
        receiver.status = 500
        async with delivering_to(services):
            indices = await happens(client, "1", "2")
            await receiver.until(3)
            assert set(receiver.indices) == {indices[0]}
            assert len({message.headers["webhook-id"] for message in receiver.came}) == 1
            await until_state(client, made, "failing")
            receiver.status, receiver.came = 200, []
            await receiver.until(2)
            await until_state(client, made, "on")
        assert receiver.indices == indices
        attempts = [row["attempt"] for row in await tried(client, made)]
        assert attempts[:2] == [1, max(attempts)]


async def test_one_dead_receiver_delays_nobody_else(services: Services) -> None:
    async with receiving() as dead, receiving() as alive, await platform(services) as client:
        dead.silent = True
        await subscribed(client, dead.url, "case.opened")
        await subscribed(client, alive.url, "case.opened")
        async with delivering_to(services):
            indices = await happens(client, "1", "2", "3")
            await alive.until(3)
            await dead.until(1)
            assert (alive.indices, len(dead.came)) == (indices, 1)


async def test_a_restart_goes_on_where_it_stood(tmp_path: Path) -> None:
    async with receiving() as receiver:
        async with open_at(tmp_path) as services, await platform(services) as client:
            await subscribed(client, receiver.url, "case.opened")
            async with delivering_to(services):
                first = await happens(client, "1")
                await receiver.until(1)
                await asyncio.sleep(0.1)
            missed = await happens(client, "2", "3")
        async with open_at(tmp_path) as services, delivering_to(services):
            await receiver.until(3)
            await asyncio.sleep(0.1)
    assert receiver.indices == first + missed


async def test_a_cut_before_an_answer_is_noted_tells_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver:
        async with open_at(tmp_path) as services, await platform(services) as client:
            await subscribed(client, receiver.url, "case.opened")
            stuck = asyncio.Event()

            async def cut(*_: object, **__: object) -> None:
                await stuck.wait()

            with monkeypatch.context() as patch:
                patch.setattr(delivering, "_keep", cut)
                async with delivering_to(services):
                    (index,) = await happens(client, "1")
                    await receiver.until(1)
        async with open_at(tmp_path) as services, delivering_to(services):
            await receiver.until(2)
    assert receiver.indices == [index, index]
    assert receiver.came[0].headers["webhook-id"] == receiver.came[1].headers["webhook-id"]


async def test_gone_and_three_days_of_failure_stop_with_an_alarm_and_nothing_is_lost(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        receiving() as receiver,
        await platform(services) as client,
        api_of(services) as host,
    ):
        made = await subscribed(client, receiver.url, "case.opened")
        receiver.status = 410
        async with delivering_to(services):
            indices = await happens(client, "1", "2")
            await until_state(client, made, "stopped")
            assert len(receiver.came) == 1
            alarms = (await host.get("/api/v1/attention")).json()["alarms"]
            assert [alarm["code"] for alarm in alarms] == ["webhook-stopped"]
            receiver.status, receiver.came = 200, []
            resumed = await client.post(f"/api/v1/webhooks/{made['webhook']}/resume")
            assert resumed.json()["state"] == "on"
            await receiver.until(2)
            assert receiver.indices == indices
            assert (await host.get("/api/v1/attention")).json()["alarms"] == []
            receiver.status = 503
            begun = services.clock.now()
            for hours in (0, 71, 73):
                now = begun + timedelta(hours=hours)
                monkeypatch.setattr(services.clock, "now", lambda now=now: now)
                monkeypatch.setattr(
                    services.webhooks.deliveries, "pace", Pace((0.0,), 72 * 3600, 0.1, 0.01)
                )
                if hours == 0:
                    await happens(client, "3")
                count = len(receiver.came)
                await receiver.until(count + 1)
                state = "stopped" if hours == 73 else "failing"
                await until_state(client, made, state)


async def test_a_new_secret_counts_beside_the_old_one_for_a_day(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, receiver.url, "case.opened")
        newer = await client.post(f"/api/v1/webhooks/{made['webhook']}/secret")
        assert newer.status_code == 201
        old, new = made["secret"], newer.json()["secret"]
        assert old != new
        async with delivering_to(services):
            await happens(client, "1")
            await receiver.until(1)
            for secret in (old, new):
                Oracle(secret).verify(receiver.came[0].body, receiver.came[0].headers)
            later = services.clock.now() + timedelta(hours=25)
            monkeypatch.setattr(services.clock, "now", lambda: later)
            (index,) = receiver.indices
            at = f"/api/v1/webhooks/{made['webhook']}/deliveries/{index}/resend"
            assert (await client.post(at)).status_code == 200
        newest = receiver.came[-1]
        Oracle(new).verify(newest.body, newest.headers)
        with pytest.raises(WebhookVerificationError):
            Oracle(old).verify(newest.body, newest.headers)


async def test_an_event_is_sent_again_when_asked_and_only_to_whom_it_is_for(
    services: Services,
) -> None:
    async with (
        receiving() as receiver,
        await platform(services, unit="市局/城东") as client,
        await person(services, Role.HANDLER, unit="市局/城西") as west,
    ):
        made = await subscribed(client, receiver.url, "case.linked")
        (mine,) = await happens(client, "1")
        hers = (await west.post("/api/v1/cases", json={"case_no": "W1"})).json()["opened_index"]
        at = f"/api/v1/webhooks/{made['webhook']}/deliveries"
        sent = await client.post(f"{at}/{mine}/resend")
        assert (sent.status_code, sent.json()["status"], sent.json()["resent"]) == (200, 204, True)
        assert receiver.indices == [mine]
        for other in (hers, 10**6, 0):
            refused = await client.post(f"{at}/{other}/resend")
            assert (refused.status_code, refused.json()["code"]) == (404, "event-unknown"), other


async def test_receivers_are_their_case_systems_and_of_operators_above(
    services: Services,
) -> None:
    async with (
        receiving() as receiver,
        await platform(services, name="east", unit="市局/城东") as east,
        await platform(services, name="west", unit="市局/城西") as west,
        await person(services, Role.OPERATOR, login="op", unit="市局/城东") as operator,
        await person(services, Role.OPERATOR, login="far", unit="市局/城西") as far,
    ):
        made = await subscribed(operator, receiver.url, client="east", by=None)
        at = f"/api/v1/webhooks/{made['webhook']}"
        for client, there in ((east, True), (operator, True), (west, False), (far, False)):
            assert ((await client.get(at)).status_code == 200) is there
            assert (len((await client.get("/api/v1/webhooks")).json()) == 1) is there
        for client in (west, far):
            body = {"url": receiver.url, "why": "a", "client": "east"}
            if client is west:
                body["by"] = "L"
            refused = await client.post("/api/v1/webhooks", json=body)
            assert (refused.status_code, refused.json()["code"]) == (404, "client-unknown")
        ended = await east.request("DELETE", at, json={"by": "L", "why": "over"})
        assert ended.json()["state"] == "ended"
        again = await east.request("DELETE", at, json={"by": "L", "why": "over"})
        assert again.json() == ended.json()
        for what in ("/secret", "/resume", "/deliveries/1/resend"):
            over = await east.post(f"{at}{what}")
            assert (over.status_code, over.json()["code"]) == (409, "webhook-over"), what


async def test_an_ended_case_system_is_told_nothing(services: Services) -> None:
    async with receiving() as receiver, await platform(services) as client:
        await subscribed(client, receiver.url)
        await services.clients.end("platform", by="t", why="over")
        async with delivering_to(services), api_of(services) as host:
            await happens(host, "1")
            await asyncio.sleep(0.3)
        assert receiver.came == []


async def test_there_are_only_so_many(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.webhooks.service.MOST_OF_ONE", 1)
    async with receiving() as receiver, await platform(services) as client:
        await subscribed(client, receiver.url)
        body = {"url": receiver.url, "by": "L", "why": "a"}
        many = await client.post("/api/v1/webhooks", json=body)
        assert (many.status_code, many.json()["code"]) == (409, "webhooks-many")


async def test_an_event_that_is_refused_for_what_it_says_does_not_hold_up_the_rest(
    services: Services,
) -> None:
    services.webhooks.deliveries.pace = replace(QUICK, waits=(0.0,), aside=3)
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, receiver.url, "case.opened")
        indices = await happens(client, "1", "2", "3")
        refused = Response(status_code=422)
        receiver.answer = lambda message: refused if message.index == indices[1] else None
        async with delivering_to(services):
            await receiver.until(5)
            # Who lets nobody in is not there: nothing is set aside, however often it says so.
            receiver.status = 403
            later = await happens(client, "4", "5")
            await receiver.until(11)
            receiver.status = 204
            await until_state(client, made, "on")
        first, second, third = indices
        assert receiver.indices[:6] == [first, second, second, second, third, later[0]]
        assert set(receiver.indices[5:11]) == {later[0]}
        (aside,) = [row for row in await tried(client, made) if "aside" in (row["problem"] or "")]
        assert (aside["event"], aside["attempt"]) == (second, 3)
        assert aside["problem"] == "it answered 422, 3 times; set aside"
        receiver.answer = None
        at = f"/api/v1/webhooks/{made['webhook']}/deliveries/{second}/resend"
        assert (await client.post(at)).json()["problem"] is None


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120.0),
        ("Sun, 22 Nov 2026 21:02:00 GMT", 120.0),
        ("Sun, 22 Nov 2026 20:00:00 GMT", 0.0),
        ("99999999999999999999", 28800.0),
        ("soon", 0.0),
        ("-1", 0.0),
        ("", 0.0),
    ],
)
def test_a_receiver_that_asks_for_time_gets_it_within_bounds(said: str, wait_s: float) -> None:
    headers = {"retry-after": said, "date": "Sun, 22 Nov 2026 21:00:00 GMT"}
    asked_s = sending._asked_to_wait(httpx.Headers(headers))
    assert Pace(waits=(0.0,)).wait(1, asked_s).total_seconds() == wait_s


async def test_what_a_receiver_asks_for_is_heard(services: Services) -> None:
    services.webhooks.deliveries.pace = replace(QUICK, waits=(0.0,))
    async with receiving() as receiver, await platform(services) as client:
        made = await subscribed(client, receiver.url, "case.opened")
        receiver.answer = lambda _: Response(status_code=503, headers={"retry-after": "3600"})
        async with delivering_to(services):
            await happens(client, "1")
            await until_state(client, made, "failing")
        at = datetime.fromisoformat((await standing(client, made))["next_try"])
        assert timedelta(minutes=59) < at - services.clock.now() <= timedelta(hours=1)


# --- where it lets itself be sent ----------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://172.16.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://240.0.0.1/",
        "ftp://example.com/",
        "https://user:password@example.com/",
        "https:///nowhere",
        "file:///etc/passwd",
        "http://93.184.215.14/",
        "https://93.184.215.14:0/",
        "https://93.184.215.14/#x",
        "https://例子.example/",
        "no address",
        "",
    ],
)
async def test_it_is_not_sent_where_it_must_not_go(url: str) -> None:
    with pytest.raises(WebhookAddressError) as refused:
        await Reachable(WebhooksSection()).find(url)
    assert "10.0.0.1" not in str(refused.value)


async def test_a_name_goes_to_the_very_address_that_was_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [["93.184.215.14"], ["93.184.215.14", "10.0.0.1"], []]

    async def resolved(_host: str, _port: int) -> list[object]:
        return [ipaddress.ip_address(each) for each in answers.pop(0)]

    monkeypatch.setattr(addresses, "_resolved", resolved)
    reachable = Reachable(WebhooksSection())
    found = await reachable.find("https://cases.example:8443/evidock?a=b")
    assert str(found.url) == "https://93.184.215.14:8443/evidock?a=b"
    assert (found.host, found.header) == ("cases.example", "cases.example:8443")
    refused = []
    for _ in answers.copy():
        with pytest.raises(WebhookAddressError, match="does not connect there") as error:
            await reachable.find("https://cases.example/")
        refused.append(str(error.value))
    # Which names there are inside is told to nobody.
    assert refused[0] == refused[1]


async def test_what_is_allowed_is_what_the_operator_listed() -> None:
    reachable = Reachable(WebhooksSection(allow=("10.20.0.0/16", "fc00::/7")))
    assert str((await reachable.find("https://10.20.1.1/")).url) == "https://10.20.1.1/"
    assert (await reachable.find("https://[fc00::1]/")).host == "fc00::1"
    for url in ("https://10.21.0.1/", "http://10.20.1.1/", "https://127.0.0.1/"):
        with pytest.raises(WebhookAddressError):
            await reachable.find(url)
    plain = Reachable(WebhooksSection(allow=("10.20.0.0/16",), plain_http=True))
    assert (await plain.find("http://10.20.1.1/")).url.scheme == "http"
    with pytest.raises(ValueError, match="a network is such as"):
        WebhooksSection(allow=("10.20.0.1/16",))
    with pytest.raises(ConfigError):
        Sender(WebhooksSection(ca=Path("/nonexistent")))


async def _answering(receiver: Receiver, answer: Response) -> sending.Outcome:
    receiver.answer = lambda _: answer
    return await Sender(HERE).send(receiver.url, {}, b"{}")


async def test_redirects_endless_answers_and_silence_are_failures_of_the_receiver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with receiving() as receiver, receiving() as inner:
        outcome = await _answering(receiver, RedirectResponse(inner.url, 307))
        assert (outcome.status, inner.came) == (307, [])
        assert outcome.problem == "it redirects; redirects are not followed"

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)

        outcome = await _answering(receiver, StreamingResponse(endless()))
        assert (outcome.status, outcome.problem) == (200, None)
        receiver.silent = True
        with monkeypatch.context() as patch:
            patch.setattr(sending, "ANSWER_S", 0.4)
            outcome = await Sender(HERE).send(receiver.url, {}, b"{}")
        assert (outcome.status, outcome.problem) == (None, "no answer within 0 s")
    outcome = await Sender(HERE).send(receiver.url, {}, b"{}")
    # No more than that, and not how long it took: what listens around the gateway is not told.
    assert (outcome.problem, outcome.took_ms) == ("no connection", 1000)


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert (await Sender(HERE).send(receiver.url, {}, b"{}")).problem is None


async def test_the_api_refuses_such_addresses_and_says_nothing_of_the_network(
    services: Services,
) -> None:
    async with await platform(services) as client:
        body = {"url": "https://169.254.169.254/", "by": "L", "why": "a"}
        refused = await client.post("/api/v1/webhooks", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "webhook-address")
        assert (await client.get("/api/v1/webhooks")).json() == []
