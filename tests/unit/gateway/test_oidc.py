"""Signing in through a provider: a real one on this machine, and what hostile ones would do."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select

from gateway.access.gate import COOKIE
from gateway.accounts.models import Account, Credential, Identity
from gateway.config import load
from gateway.services import Services, build
from tests.simulators.migrated import database_in
from tests.simulators.people import browser
from tests.simulators.provider import SECRET, Person, SimulatedProvider, provider
from tests.simulators.seeded import api_of

ATTEMPT = "__Host-evidock-oidc"
WANG = {"login": "wang", "name": "王警官", "roles": ["custodian"], "why": "custodian", "by": "root"}


@pytest.fixture
def sso() -> Iterator[SimulatedProvider]:
    with provider() as running:
        yield running


def configured(folder: Path, issuer: str, more: str = "") -> Path:
    (folder / "secret").write_text(SECRET + "\n")
    path = folder / "gateway.toml"
    path.write_text(
        f'[oidc]\nissuer = "{issuer}"\nclient_secret_file = "{folder}/secret"\n{more}\n'
    )
    return path


@pytest.fixture
async def services(tmp_path: Path, sso: SimulatedProvider) -> AsyncIterator[Services]:
    async with opened(tmp_path, sso) as running:
        yield running


def opened(folder: Path, sso: SimulatedProvider, more: str = "") -> Any:  # noqa: ANN401  # a context
    return _Opened(folder, configured(folder, sso.issuer, more))


class _Opened:
    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path

    async def __aenter__(self) -> Services:
        await database_in(self._folder)
        self._services = build(load(self._path, data_dir=self._folder))
        await self._services.open()
        return self._services

    async def __aexit__(self, *_: object) -> None:
        await self._services.close()


async def account(services: Services, **more: object) -> httpx.Response:
    async with api_of(services) as host:
        return await host.post("/api/v1/accounts", json={**WANG, "sign_in": "provider", **more})


class Browser:
    """Goes to the provider and back as a browser does."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.cookies: dict[str, str] = {}

    async def begin(self, next_page: str = "/clips") -> str:
        """Where the gateway sends it."""
        answer = await self.get("/signin/provider", {"next": next_page})
        assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
        return answer.headers["location"]

    async def at_provider(self, address: str) -> dict[str, str]:
        """What the provider sends it back with."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(address)
        parts = urlsplit(answer.headers["location"])
        assert parts.path == "/signin/back"
        return {name: values[0] for name, values in parse_qs(parts.query).items()}

    async def get(self, path: str, params: dict[str, str]) -> httpx.Response:
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with browser(self.services, **({"cookie": sent} if sent else {})) as client:
            answer = await client.get(path, params=params)
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0].strip('"')
        return answer

    async def sign_in(self) -> httpx.Response:
        return await self.get("/signin/back", await self.at_provider(await self.begin()))


async def test_who_has_an_account_signs_in_and_goes_on(
    services: Services, sso: SimulatedProvider
) -> None:
    made = await account(services)
    assert made.status_code == HTTPStatus.CREATED, made.text
    assert (made.json()["provider"], made.json()["token"]) == (sso.issuer, None)
    person = Browser(services)
    answer = await person.sign_in()
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert 'content="0; url=/clips"' in answer.text
    cookie = next(each for each in answer.headers.get_list("set-cookie") if COOKIE + "=" in each)
    for part in ("HttpOnly", "Secure", "SameSite=strict"):
        assert part in cookie
    assert (await person.get("/api/v1/session", {})).json()["login"] == "wang"
    assert (await person.get("/signin/back", {})).status_code == HTTPStatus.BAD_REQUEST


async def test_the_button_is_there_and_passwords_still_work(services: Services) -> None:
    page = await Browser(services).get("/signin", {"next": "/cases"})
    assert "/signin/provider?next=/cases" in page.text
    assert "统一身份认证" in page.text
    assert 'name="password"' in page.text


async def test_nobody_is_let_in_whom_no_operator_gave_an_account(services: Services) -> None:
    answer = await Browser(services).sign_in()
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert COOKIE + "=" not in str(answer.headers)
    assert "没有为您开通账户" in answer.text


async def test_an_account_with_a_password_is_not_the_provider_s_to_open(services: Services) -> None:
    await account(services, sign_in="password")
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.FORBIDDEN


async def test_a_name_given_to_somebody_else_opens_no_account(
    services: Services, sso: SimulatedProvider
) -> None:
    await account(services)
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
    sso.person = Person("s-2", "wang")
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.FORBIDDEN
    # The person himself is known by what never changes.
    sso.person = Person("s-1", "wang.married")
    person = Browser(services)
    assert (await person.sign_in()).status_code == HTTPStatus.OK
    assert (await person.get("/api/v1/session", {})).json()["login"] == "wang"


async def test_who_may_do_nothing_any_more_is_not_let_in(services: Services) -> None:
    await account(services)
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
    async with api_of(services) as host:
        rights = {name: WANG[name] for name in ("name", "roles", "why", "by")}
        put = await host.put("/api/v1/accounts/wang", json={**rights, "active": False})
        assert put.json()["provider"] is not None
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.FORBIDDEN


async def test_one_way_in_at_a_time(services: Services) -> None:
    await account(services, sign_in="password")
    async with api_of(services) as host, browser(services) as somebody:
        link = (await host.post("/api/v1/accounts/wang/link", json={"by": "root"})).json()["token"]
        rights = {name: WANG[name] for name in ("name", "roles", "why", "by")}
        await host.put("/api/v1/accounts/wang", json={**rights, "sign_in": "provider"})
        offered = await somebody.post("/api/v1/setup/offer", json={"token": link})
        assert offered.status_code == HTTPStatus.NOT_FOUND
        again = await host.post("/api/v1/accounts/wang/link", json={"by": "root"})
        assert (again.status_code, again.json()["code"]) == (HTTPStatus.CONFLICT, "provided")
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
        await host.put("/api/v1/accounts/wang", json={**rights, "sign_in": "password"})
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.FORBIDDEN
    async with services.database.reading() as session:
        assert (await session.scalars(select(Identity))).all() == []
        assert (await session.scalars(select(Credential))).all() == []


async def test_the_way_in_is_in_the_log_and_comes_back_from_it(
    services: Services, sso: SimulatedProvider
) -> None:
    await account(services)
    rows, _ = await services.log.page(0, 100, most_bytes=1 << 20)
    assert sso.issuer.encode() in rows[-1].record
    async with services.database.reading() as session:
        assert (await session.scalar(select(Account.provider))) == sso.issuer


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_whose_an_account_is_outlives_the_database(
    tmp_path: Path, sso: SimulatedProvider
) -> None:
    """Else whoever is called so at the provider by then would have it."""
    async with opened(tmp_path, sso) as services:
        await account(services)
        sso.person = Person("s-2", "wang")
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
        size = services.log.checkpoint().size
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
        assert services.log.checkpoint().size == size
    forget_database(tmp_path)
    async with opened(tmp_path, sso) as services:
        sso.person = Person("s-1", "wang")
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.FORBIDDEN
        sso.person = Person("s-2", "wang.married")
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK


# --- what others would try ----------------------------------------------------------------


async def test_an_answer_brought_to_another_browser_signs_nobody_in(services: Services) -> None:
    await account(services)
    attacker, victim = Browser(services), Browser(services)
    answer = await attacker.at_provider(await attacker.begin())
    assert (await victim.get("/signin/back", answer)).status_code == HTTPStatus.BAD_REQUEST
    await victim.begin()
    assert (await victim.get("/signin/back", answer)).status_code == HTTPStatus.BAD_REQUEST


async def test_an_answer_serves_once(services: Services) -> None:
    await account(services)
    person = Browser(services)
    answer = await person.at_provider(await person.begin())
    kept = person.cookies[ATTEMPT]
    assert (await person.get("/signin/back", answer)).status_code == HTTPStatus.OK
    again = Browser(services)
    again.cookies[ATTEMPT] = kept
    refused = await again.get("/signin/back", answer)
    assert refused.status_code == HTTPStatus.UNAUTHORIZED


async def test_another_provider_s_answer_is_not_this_one_s(services: Services) -> None:
    await account(services)
    person = Browser(services)
    answer = await person.at_provider(await person.begin())
    for iss in ("https://evil.example", None):
        mixed = {**answer, "iss": iss} if iss else {k: v for k, v in answer.items() if k != "iss"}
        again = Browser(services)
        again.cookies = dict(person.cookies)
        assert (await again.get("/signin/back", mixed)).status_code == HTTPStatus.BAD_REQUEST


async def test_nobody_is_sent_elsewhere_afterwards(services: Services) -> None:
    await account(services)
    for back in ("//evil.example", "https://evil.example", "/\\evil.example"):
        person = Browser(services)
        answer = await person.at_provider(await person.begin(back))
        page = await person.get("/signin/back", answer)
        assert 'content="0; url=/"' in page.text
        assert "evil" not in page.text


OTHERWISE: list[dict[str, Any]] = [
    {"nonce": "another"},
    {"nonce": None},
    {"aud": "another"},
    {"aud": ["evidock", "another"]},
    {"azp": "another"},
    {"iss": "https://evil.example"},
    {"exp": 1_000_000_000},
    {"exp": None},
    {"exp": "tomorrow"},
    {"iat": 1_000_000_000},
    {"iat": None},
    {"iat": 99_999_999_999},
    {"sub": None},
    {"sub": ""},
    {"sub": "s" * 256},
    {"sub": 7},
    {"nbf": 99_999_999_999},
]


async def test_a_token_for_something_else_is_refused(
    services: Services, sso: SimulatedProvider
) -> None:
    await account(services)
    for changed in OTHERWISE:
        sso.spoil = partial(spoiled, changed)
        answer = await Browser(services).sign_in()
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, changed
        assert COOKIE + "=" not in str(answer.headers)


def spoiled(changed: dict[str, Any], claims: dict[str, Any]) -> None:
    claims.update(changed)
    for name in [name for name, value in claims.items() if value is None]:
        del claims[name]


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none'})}.{part(claims)}."


def with_hmac(secret: bytes, claims: dict[str, Any]) -> str:
    text = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), 'sha256'))}"


async def test_a_token_that_the_provider_did_not_sign_is_refused(
    services: Services, sso: SimulatedProvider
) -> None:
    await account(services)
    other = ECKey.generate_key("P-256")
    forgeries: dict[str, Callable[[dict[str, Any]], str]] = {
        "none": unsigned,
        "public key as secret": partial(with_hmac, sso.key.as_pem(private=False)),
        "another key": lambda c: jwt.encode({"alg": "ES256", "kid": "k1"}, c, other),
        "key in the token": lambda c: jwt.encode(
            {"alg": "ES256", "jwk": other.as_dict(private=False)}, c, other
        ),
        "not a token": lambda _: "a.b.c",
        "huge": lambda _: "a" * 100_000,
        "nested": lambda _: "[" * 50_000,
    }
    for what, forge in forgeries.items():
        sso.sign = forge
        answer = await Browser(services).sign_in()
        assert answer.status_code == HTTPStatus.UNAUTHORIZED, what
    sso.sign = sso._sign
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK


async def test_new_keys_are_asked_for_and_not_for_every_forgery(
    services: Services, sso: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account(services)
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
    sso.rotate()
    # Within the minute a forger gets no second question out of the gateway.
    for _ in range(3):
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.UNAUTHORIZED
    assert sso.asked.count("/jwks") == 1
    monkeypatch.setattr("gateway.oidc.provider._AGAIN_S", 0.0)
    assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK
    assert sso.asked.count("/jwks") == 2


async def test_a_provider_that_is_away_or_another_shuts_nobody_out(
    services: Services, sso: SimulatedProvider
) -> None:
    sso.away = True
    page = await Browser(services).get("/signin/provider", {})
    assert page.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert 'name="password"' in page.text
    sso.away = False
    for described in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ["a"]},
    ):
        sso.described = described
        page = await Browser(services).get("/signin/provider", {})
        assert page.status_code == HTTPStatus.SERVICE_UNAVAILABLE, described


async def test_who_cancels_at_the_provider_is_told(
    services: Services, sso: SimulatedProvider
) -> None:
    sso.person = None
    answer = await Browser(services).sign_in()
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert "没有允许您登录" in answer.text


async def test_how_strongly_somebody_was_known_can_be_asked_for(
    tmp_path: Path, sso: SimulatedProvider
) -> None:
    async with opened(tmp_path, sso, 'acr = ["mfa", "card"]') as services:
        await account(services)
        asked = parse_qs(urlsplit(await Browser(services).begin()).query)
        assert asked["acr_values"] == ["mfa card"]
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.UNAUTHORIZED
        sso.person = Person("s-1", "wang", {"acr": "card"})
        assert (await Browser(services).sign_in()).status_code == HTTPStatus.OK


async def test_without_a_provider_there_is_none(tmp_path: Path) -> None:
    async with _Opened(tmp_path, configured(tmp_path, "https://sso.example")) as services:
        assert services.oidc.is_there
    (tmp_path / "gateway.toml").write_text("")
    async with _Opened(tmp_path, tmp_path / "gateway.toml") as services:
        page = await Browser(services).get("/signin/provider", {})
        assert page.status_code == HTTPStatus.NOT_FOUND
        assert "/signin/provider" not in (await Browser(services).get("/signin", {})).text
        refused = await account(services)
        assert (refused.status_code, refused.json()["code"]) == (HTTPStatus.CONFLICT, "oidc-none")


@pytest.mark.parametrize("issuer", ["http://sso.example", "ftp://127.0.0.1", "sso.example"])
def test_a_provider_is_not_asked_in_the_open(tmp_path: Path, issuer: str) -> None:
    with pytest.raises(Exception, match="https"):
        load(configured(tmp_path, issuer))
