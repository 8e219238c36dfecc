"""Accounts, case systems, and signing in."""

from __future__ import annotations

import asyncio
import re
from base64 import b32decode
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select, update

from gateway.access.gate import COOKIE
from gateway.access.host import HostToken, token_for
from gateway.access.policy import Role
from gateway.accounts.models import Client, ClientKey, Credential, SetupLink, SignedIn
from gateway.accounts.secrets import PasswordWeakError, refuse_weak, totp_step
from gateway.accounts.sessions import IDLE, LONGEST
from gateway.accounts.signing_in import FREE_FAILURES
from gateway.clock import GatewayClock
from gateway.services import Services
from gateway.vault import NAME
from tests.simulators.people import browser, case_system, code, person
from tests.simulators.seeded import api_of, gateway_on

SENTENCE = "六月的雨 falls on the dock"
RIGHTS: dict[str, object] = {"name": "李管理", "roles": ["custodian"], "why": "new custodian"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """Lets the gateway's clock run ahead (or back) by what is added to it."""
    ahead: list[timedelta] = []
    now, epoch_s = GatewayClock.now, GatewayClock.epoch_s

    def shift() -> timedelta:
        return sum(ahead, timedelta())

    monkeypatch.setattr(GatewayClock, "now", lambda self: now(self) + shift())
    monkeypatch.setattr(
        GatewayClock, "epoch_s", lambda self: epoch_s(self) + int(shift().total_seconds())
    )
    return ahead


def secret_of(uri: str) -> bytes:
    return b32decode(parse_qs(urlsplit(uri).query)["secret"][0])


async def set_up(
    services: Services, token: str, first: dict[str, str] | None = None, password: str = SENTENCE
) -> bytes:
    """Use a link as a person does; returns the second factor."""
    async with browser(services) as client:
        offered = await client.post("/api/v1/setup/offer", json={"token": token})
        secret = secret_of(offered.json()["totp_uri"])
        shown = code(secret, services.clock.epoch_s())
        body = {"token": token, "password": password, "code": shown, **(first or {})}
        answer = await client.post("/api/v1/setup", json=body)
        assert answer.is_success, answer.text
    return secret


async def custodian(services: Services) -> bytes:
    async with api_of(services) as host:
        made = await host.post("/api/v1/accounts", json=RIGHTS | {"login": "li", "by": "root"})
        assert made.status_code == HTTPStatus.CREATED, made.text
    return await set_up(services, made.json()["token"])


async def sign_in(
    client: httpx.AsyncClient, login: str, shown: str, password: str = SENTENCE
) -> httpx.Response:
    body = {"login": login, "password": password, "code": shown}
    return await client.post("/api/v1/session", json=body)


# --- from the first start to the first sign-in ---------------------------------------


async def test_the_first_link_makes_an_operator_who_lets_others_in(
    services: Services, later: list[timedelta]
) -> None:
    token = await services.setup_links.first()
    assert token is not None
    secret = await set_up(services, token, {"login": "admin", "name": "周运维"})
    assert await services.setup_links.first() is None
    later.append(timedelta(seconds=60))
    async with browser(services) as client:
        answer = await sign_in(client, "admin", code(secret, services.clock.epoch_s()))
        assert answer.status_code == HTTPStatus.OK, answer.text
        cookie = answer.headers["set-cookie"]
        for part in (f"{COOKIE}=", "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert part in cookie
        value = re.split("[=;]", cookie)[1]
        client.headers["cookie"] = f"{COOKIE}={value}"
        made = await client.post("/api/v1/accounts", json=RIGHTS | {"login": "li"})
        assert made.status_code == HTTPStatus.CREATED, made.text
        assert (await client.delete("/api/v1/session")).status_code == HTTPStatus.NO_CONTENT
        again = await client.get("/api/v1/session")
        assert again.status_code == HTTPStatus.UNAUTHORIZED
    assert await kinds(services) == ["log.opened", "account.set", "account.set"]


async def test_a_copy_of_the_database_alone_opens_no_second_factor(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    later.append(timedelta(seconds=60))
    folder = services.config.gateway.data_dir
    for path in folder.glob("gateway.db*"):
        assert secret not in path.read_bytes()
    (folder / NAME).rename(folder / "kept")
    services.vault.__init__(folder)  # type: ignore[misc]  # as after a restart
    async with browser(services) as client:
        answer = await sign_in(client, "li", code(secret, services.clock.epoch_s()))
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.json()["code"] == "factors-unreadable"
        (folder / "kept").rename(folder / NAME)
        answer = await sign_in(client, "li", code(secret, services.clock.epoch_s()))
        assert answer.status_code == HTTPStatus.OK, answer.text


async def test_a_second_factor_of_before_the_vault_counts_on(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    later.append(timedelta(seconds=60))
    async with services.database.session() as session:
        await session.execute(update(Credential).values(totp=secret))
    async with browser(services) as client:
        answer = await sign_in(client, "li", code(secret, services.clock.epoch_s()))
        assert answer.status_code == HTTPStatus.OK, answer.text


async def kinds(services: Services) -> list[str]:
    rows, _ = await services.log.page(0, 100, most_bytes=1 << 20)
    return [row.kind for row in rows]


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_a_new_first_link_ends_the_one_before(services: Services) -> None:
    before, after = await services.setup_links.first(), await services.setup_links.first()
    async with browser(services) as client:
        for token, status in ((before, 404), (after, 200)):
            answer = await client.post("/api/v1/setup/offer", json={"token": token})
            assert answer.status_code == status


async def test_a_link_serves_once_for_three_days_and_with_the_app_s_code(
    services: Services, later: list[timedelta]
) -> None:
    token = await services.setup_links.first()
    assert token is not None
    whole = {"token": token, "password": SENTENCE, "login": "admin", "name": "周"}
    async with browser(services) as client:
        wrong = await client.post("/api/v1/setup", json=whole | {"code": "000000"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "code-wrong")
        nobody = {"token": token, "password": SENTENCE, "code": "000000"}
        offered = await client.post("/api/v1/setup/offer", json={"token": token})
        shown = code(secret_of(offered.json()["totp_uri"]), services.clock.epoch_s())
        unnamed = await client.post("/api/v1/setup", json=nobody | {"code": shown})
        assert (unnamed.status_code, unnamed.json()["code"]) == (422, "first-account")
        both = await asyncio.gather(
            *(client.post("/api/v1/setup", json=whole | {"code": shown}) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in both) == [200, 404]
    assert await kinds(services) == ["log.opened", "account.set"]
    async with api_of(services) as host:
        made = await host.post("/api/v1/accounts/admin/link", json={"by": "root"})
        later.append(timedelta(days=4))
        late = await host.post("/api/v1/setup/offer", json={"token": made.json()["token"]})
        assert (late.status_code, late.json()["code"]) == (404, "link-over")


async def test_a_new_link_ends_what_was_signed_in_with_before(services: Services) -> None:
    await custodian(services)
    account = await services.accounts.account("li")
    value = await services.sessions.begin(account.token)
    token = await services.setup_links.renew("li", "root")
    assert await services.sessions.find(value) is not None
    await set_up(services, token, password=SENTENCE + "!")
    assert await services.sessions.find(value) is None


@pytest.mark.parametrize(
    "password", ["short", "passwordpassword", "aaaaaaaaaaaaaaaa", "li-guanli-li-guanli", "x" * 201]
)
def test_passwords_that_are_guessed_first_are_refused(password: str) -> None:
    with pytest.raises(PasswordWeakError):
        refuse_weak(password, "li", "guanli")


def test_a_sentence_is_a_password_whatever_letters_it_has() -> None:
    refuse_weak(SENTENCE, "li", "李管理")
    refuse_weak("正月十五的灯笼照着老城墙", "li", "李管理")


async def test_the_first_link_takes_nobody_s_account(services: Services) -> None:
    await custodian(services)
    token = await services.setup_links.first()
    async with browser(services) as client:
        offered = await client.post("/api/v1/setup/offer", json={"token": token})
        shown = code(secret_of(offered.json()["totp_uri"]), services.clock.epoch_s())
        whole = {"token": token, "password": SENTENCE, "code": shown, "login": "li", "name": "周"}
        taken = await client.post("/api/v1/setup", json=whole)
        assert (taken.status_code, taken.json()["code"]) == (409, "account-taken")


# --- signing in ----------------------------------------------------------------------


async def test_wrong_names_passwords_and_codes_are_refused_alike(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    later.append(timedelta(seconds=60))
    good = code(secret, services.clock.epoch_s())
    async with browser(services) as client:
        answers = [
            await sign_in(client, "nobody", good),
            await sign_in(client, "li", good, "another sentence"),
            await sign_in(client, "li", "000000"),
        ]
        assert {(each.status_code, each.text) for each in answers} == {(401, answers[0].text)}
        assert (await sign_in(client, "li", good)).status_code == HTTPStatus.OK
        again = await sign_in(client, "li", good)
        assert again.status_code == HTTPStatus.UNAUTHORIZED


async def test_guessing_closes_the_account_for_longer_each_time(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    async with browser(services) as client:
        guesses = [sign_in(client, "li", "000000") for _ in range(FREE_FAILURES + 3)]
        codes = sorted(answer.status_code for answer in await asyncio.gather(*guesses))
        assert codes == [401] * FREE_FAILURES + [429] * 3
        later.append(timedelta(seconds=61))
        assert (await sign_in(client, "li", "000000")).status_code == 401
        closed = await sign_in(client, "li", code(secret, services.clock.epoch_s()))
        assert (closed.status_code, closed.json()["code"]) == (429, "account-closed")
        assert 60 < int(closed.headers["retry-after"]) <= 120
        later.append(timedelta(minutes=2))
        assert (await sign_in(client, "li", code(secret, services.clock.epoch_s()))).is_success
    async with services.database.reading() as session:
        row = await session.scalar(select(Credential))
    assert row is not None
    assert (row.failures, row.closed_until) == (0, None)


async def test_a_clock_that_was_years_ahead_does_not_keep_an_account_closed(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    later.append(timedelta(days=3000))
    async with browser(services) as client:
        for _ in range(FREE_FAILURES):
            await sign_in(client, "li", "000000")
        later[:] = [timedelta(seconds=60)]
        assert (await sign_in(client, "li", code(secret, services.clock.epoch_s()))).is_success


def test_a_code_is_good_for_its_time_and_once() -> None:
    secret, now = b"12345678901234567890", 1_111_111_109
    assert totp_step(secret, "081804", now, 0) == now // 30  # RFC 6238, appendix B, six digits
    assert totp_step(secret, "081 804", now + 30, 0) == now // 30
    assert totp_step(secret, "081804", now + 61, 0) is None
    assert totp_step(secret, "081804", now, now // 30) is None
    for odd in ("", "08180", "0818040", "0818O4", "\uff10\uff18\uff11\uff18\uff10\uff14"):
        assert totp_step(secret, odd, now, 0) is None


@pytest.mark.parametrize(
    "looking_on", [{"x-evidock-live": "1"}, {"accept": "text/event-stream"}], ids=str
)
async def test_a_page_that_draws_itself_anew_keeps_nobody_signed_in(
    services: Services, later: list[timedelta], looking_on: dict[str, str]
) -> None:
    client = await person(services, Role.CUSTODIAN)
    for headers, status in ((looking_on, HTTPStatus.OK), ({}, HTTPStatus.UNAUTHORIZED)):
        later.append(IDLE * 0.6)
        assert (await client.get("/api/v1/session", headers=headers)).status_code == status


async def test_a_session_ends_when_idle_and_after_half_a_day(
    services: Services, later: list[timedelta]
) -> None:
    await custodian(services)
    account = (await services.accounts.account("li")).token
    value = await services.sessions.begin(account)
    minutes = IDLE - timedelta(minutes=1)
    for _ in range(int(LONGEST / minutes)):
        later.append(minutes)
        assert await services.sessions.find(value) is not None
    later.append(minutes)
    assert await services.sessions.find(value) is None
    value = await services.sessions.begin(account)
    later.append(IDLE)
    assert await services.sessions.find(value) is None
    later.append(-timedelta(days=400))
    assert await services.sessions.find(value) is None
    assert await services.sessions.find("made up") is None


async def test_another_site_s_page_can_do_nothing_with_a_person_s_cookie(
    services: Services,
) -> None:
    async with await person(services, Role.HANDLER) as client:
        for headers, status in (
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-site"}, 403),
            ({"sec-fetch-site": "none"}, 403),
            ({"sec-fetch-site": "same-origin"}, 201),
        ):
            body = {"case_no": f"case {headers['sec-fetch-site']}"}
            answer = await client.post("/api/v1/cases", json=body, headers=headers)
            assert answer.status_code == status, headers
        del client.headers["sec-fetch-site"]
        for origin, status in (
            ("http://127.0.0.1:8080", 201),
            ("https://evil.example", 403),
            ("null", 403),
            (None, 403),
        ):
            headers = {} if origin is None else {"origin": origin}
            body = {"case_no": f"case {origin}"}
            answer = await client.post("/api/v1/cases", json=body, headers=headers)
            assert answer.status_code == status, origin
        login = await client.post(
            "/api/v1/session",
            json={"login": "a", "password": "b", "code": "c"},
            headers={"sec-fetch-site": "cross-site"},
        )
        assert login.json()["code"] == "foreign-page"


# --- rights --------------------------------------------------------------------------


async def test_rights_are_on_record_and_whoever_s_change_is_signed_out(services: Services) -> None:
    async with await person(services, Role.CUSTODIAN) as client, api_of(services) as host:
        assert (await client.get("/api/v1/clips")).status_code == HTTPStatus.OK
        rights = {"name": "王", "roles": ["reviewer"], "why": "moved", "by": "root"}
        for _ in range(2):
            changed = await host.put("/api/v1/accounts/wang", json=rights)
            assert changed.status_code == HTTPStatus.OK, changed.text
        assert (await client.get("/api/v1/clips")).status_code == HTTPStatus.UNAUTHORIZED
    assert await kinds(services) == ["log.opened", "account.set", "account.set"]


async def test_who_may_do_nothing_cannot_sign_in(
    services: Services, later: list[timedelta]
) -> None:
    secret = await custodian(services)
    later.append(timedelta(seconds=60))
    async with api_of(services) as host, browser(services) as client:
        rights = RIGHTS | {"active": False, "why": "left", "by": "root"}
        await host.put("/api/v1/accounts/li", json=rights)
        shown = code(secret, services.clock.epoch_s())
        assert (await sign_in(client, "li", shown)).status_code == HTTPStatus.UNAUTHORIZED


async def test_operators_rule_over_their_part_of_the_tree_only(services: Services) -> None:
    async with await person(services, Role.OPERATOR, unit="市局/城东") as client:
        for unit, status in (("市局/城东/一中队", 201), ("市局/城西", 403), (None, 403)):
            body = RIGHTS | {"login": f"a{status}{unit is None}".lower(), "unit": unit}
            assert (await client.post("/api/v1/accounts", json=body)).status_code == status
        assert [each["unit"] for each in (await client.get("/api/v1/accounts")).json()] == [
            "市局/城东/一中队",
            "市局/城东",
        ]
    async with await person(services, Role.OPERATOR, login="top") as top:
        grab = RIGHTS | {"login": "a201false", "unit": None}
        assert (await top.post("/api/v1/accounts", json=grab)).json()["code"] == "account-taken"


async def test_a_database_made_anew_knows_everybody_s_rights_and_nobody_s_secrets(
    tmp_path: Path,
) -> None:
    async with gateway_on(tmp_path) as services:
        await custodian(services)
        await case_system(services)
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services:
        account = await services.accounts.account("li")
        assert (account.name, account.roles, account.active) == ("李管理", ["custodian"], True)
        assert (await services.clients.client("platform")).active
        async with services.database.reading() as session:
            for secret in (Credential, ClientKey, SignedIn, SetupLink):
                assert (await session.scalars(select(secret))).all() == []
        assert await services.setup_links.first() is not None


# --- case systems --------------------------------------------------------------------


async def test_a_case_system_s_key_is_told_once_expires_and_can_be_taken_back(
    services: Services, later: list[timedelta]
) -> None:
    expires = (services.clock.now() + timedelta(days=90)).isoformat()
    asked = {"name": "platform", "expires": expires, "why": "yearly", "by": "root"}
    async with api_of(services) as host:
        made = await host.post("/api/v1/clients", json=asked)
        assert made.status_code == HTTPStatus.CREATED, made.text
        key = made.json()["key"]
        twice = await host.post("/api/v1/clients", json=asked)
        assert (twice.status_code, twice.json()["code"]) == (409, "client-taken")
        listed = (await host.get("/api/v1/clients")).text
        assert key not in listed
        async with browser(services, authorization=f"Bearer {key}") as client:
            assert (await client.get("/api/v1/clips")).status_code == HTTPStatus.OK
            later.append(timedelta(days=91))
            assert (await client.get("/api/v1/clips")).status_code == HTTPStatus.UNAUTHORIZED
            later.clear()
            ended = {"why": "stolen", "by": "root"}
            for _ in range(2):
                await host.post("/api/v1/clients/platform/end", json=ended)
            assert (await client.get("/api/v1/clips")).status_code == HTTPStatus.UNAUTHORIZED
        anew = await host.post("/api/v1/clients", json=asked)
        assert anew.json()["key"] != key
        past = asked | {"name": "other", "expires": "2020-01-01T00:00:00Z"}
        assert (await host.post("/api/v1/clients", json=past)).json()["code"] == "expiry-past"
    async with services.database.reading() as session:
        assert len((await session.scalars(select(Client))).all()) == 1


@pytest.mark.parametrize(
    "shown", ["Bearer", "Bearer evc_x", "Bearer evh_x", "Basic cm9vdDpyb290", "x", "Bearer é"]
)
async def test_what_is_no_key_lets_nobody_in(services: Services, shown: str) -> None:
    async with browser(services) as client:
        headers = {b"authorization": shown.encode("latin-1")}
        answer = await client.get("/api/v1/clips", headers=headers)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED


# --- the gateway's own machine ---------------------------------------------------------


def test_the_machine_s_token_is_found_by_its_user_while_the_gateway_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.host._SYSTEM", tmp_path / "none" / "such")
    (tmp_path / "none").write_text("a file, so that no folder can be made below it")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("EVIDOCK_TOKEN", raising=False)
    url, token = "http://127.0.0.1:18080", HostToken()
    with token.left_for(18080):
        left = tmp_path / "evidock-gateway" / "api-18080.token"
        assert left.stat().st_mode & 0o777 == 0o600
        assert token_for(url) == token.text
        assert token_for("http://localhost:18080") == token.text
        assert token_for("http://127.0.0.1:18081") is None
        assert token_for("http://gateway.example:18080") is None
        left.chmod(0o666)
        assert token_for(url) is None
        left.chmod(0o600)
        monkeypatch.setenv("EVIDOCK_TOKEN", "evc_of a case system")
        assert token_for(url) == "evc_of a case system"
        monkeypatch.delenv("EVIDOCK_TOKEN")
        with HostToken().left_for(18080):
            assert token_for(url) != token.text
    assert token_for(url) is None
