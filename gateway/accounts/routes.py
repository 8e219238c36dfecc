"""Accounts, case systems and signing in over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import segno
from fastapi import APIRouter, Path, Request, Response

from gateway.access.gate import (
    A_PERSON,
    ANYBODY_KNOWN,
    COOKIE,
    OPEN_TO_ALL,
    Who,
    allowed,
    refuse_foreign,
)
from gateway.access.policy import POLICY, Act, Role
from gateway.access.scope import Scope
from gateway.accounts import cookie
from gateway.accounts.clients import UNKNOWN as UNKNOWN_CLIENT
from gateway.accounts.clients import ClientUnknownError, NewClient
from gateway.accounts.schemas import (
    AccountAsked,
    AccountMadeTold,
    AccountTold,
    ClientAsked,
    ClientEndAsked,
    ClientMadeTold,
    ClientTold,
    LinkAsked,
    LinkLookedAt,
    LinkTold,
    Login,
    OfferedTold,
    RightsAsked,
    SetUpAsked,
    SignInAsked,
    WhoTold,
)
from gateway.accounts.service import UNKNOWN, AccountUnknownError
from gateway.given import Given
from gateway.problems import Problem

router = APIRouter(tags=["accounts"])
_Reading = Annotated[Scope, allowed(Act.PEOPLE_READ)]
_Managing = Annotated[Scope, allowed(Act.PEOPLE_MANAGE)]
_LoginPath = Annotated[Login, Path()]


@router.post("/session", dependencies=[OPEN_TO_ALL])
async def sign_in(
    services: Given, request: Request, asked: SignInAsked, response: Response
) -> WhoTold:
    """Sign in; the answer's cookie stands for the person until it is idle for half an hour."""
    refuse_foreign(request)
    who, value = await services.signing_in.sign_in(asked.login, asked.password, asked.code)
    cookie.keep(response, value)
    return WhoTold.of(who)


@router.get("/session", dependencies=[ANYBODY_KNOWN])
async def get_session(who: Who) -> WhoTold:
    """Who is asking, and what he may do."""
    return WhoTold.of(who)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT.value, dependencies=[A_PERSON])
async def sign_out(services: Given, request: Request, response: Response) -> None:
    """Sign out."""
    await services.sessions.end(request.cookies[COOKIE])
    cookie.drop(response)


@router.post("/setup/offer", dependencies=[OPEN_TO_ALL])
async def look_at_link(services: Given, asked: LinkLookedAt) -> OfferedTold:
    """What a set-up link offers; looking uses nothing up."""
    offered = await services.setup_links.offered(asked.token, asked.login or "")
    account = offered.account
    return OfferedTold(
        login=account.login if account else None,
        name=account.name if account else None,
        totp_uri=offered.totp_uri,
        secret=parse_qs(urlsplit(offered.totp_uri).query)["secret"][0],
        qr=segno.make(offered.totp_uri, error="m").svg_data_uri(scale=4, border=4),
    )


@router.post("/setup", dependencies=[OPEN_TO_ALL])
async def set_up(services: Given, asked: SetUpAsked) -> AccountTold:
    """Set password and second factor by a link, which is good no more after that."""
    made = await services.setup_links.use(asked.token, asked.password, asked.code, asked.first())
    return AccountTold.of(made)


@router.get("/policy", dependencies=[ANYBODY_KNOWN])
async def get_policy() -> dict[str, dict[str, str]]:
    """Who may do what: how far each act reaches for each role."""
    told: dict[str, dict[str, str]] = {}
    for (role, act), reach in POLICY.items():
        told.setdefault(act.value, {})[role.value] = reach.name.lower()
    return told


@router.get("/accounts")
async def list_accounts(services: Given, scope: _Reading) -> list[AccountTold]:
    """The people of one's own part of the unit tree."""
    rows = await services.accounts.listing()
    return [AccountTold.of(row) for row in rows if scope.has_unit(row.unit)]


@router.post("/accounts", status_code=HTTPStatus.CREATED.value)
async def add_account(services: Given, scope: _Managing, asked: AccountAsked) -> AccountMadeTold:
    """Give a person an account, and a link to set password and second factor with."""
    _refuse_beyond(scope, asked.unit)
    by = scope.principal.signs(asked.by)
    row = await services.accounts.add(asked.account(asked.login, _provider(services, asked)), by)
    told = AccountTold.of(row).model_dump()
    if row.provider is not None:
        return AccountMadeTold(**told, token=None, url=None)
    token = await services.setup_links.renew(row.login, by)
    return AccountMadeTold(**told, token=token, url=_url(services, token))


@router.put("/accounts/{login}")
async def set_account(
    services: Given, scope: _Managing, login: _LoginPath, asked: RightsAsked
) -> AccountTold:
    """Change what a person may do, or whether at all; it ends what he is signed in with."""
    before = await services.accounts.account(login)
    if not scope.has_unit(before.unit):
        raise AccountUnknownError(UNKNOWN)
    _refuse_beyond(scope, asked.unit)
    by = scope.principal.signs(asked.by)
    provider = before.provider if asked.sign_in is None else _provider(services, asked)
    return AccountTold.of(await services.accounts.set(asked.account(login, provider), by))


@router.post("/accounts/{login}/link", status_code=HTTPStatus.CREATED.value)
async def renew_link(
    services: Given, scope: _Managing, login: _LoginPath, asked: LinkAsked
) -> LinkTold:
    """A new link for a person who lost password or phone; earlier ones are good no more."""
    if not scope.has_unit((await services.accounts.account(login)).unit):
        raise AccountUnknownError(UNKNOWN)
    token = await services.setup_links.renew(login, scope.principal.signs(asked.by))
    return LinkTold(token=token, url=_url(services, token))


@router.get("/clients")
async def list_clients(services: Given, scope: _Reading) -> list[ClientTold]:
    """Case systems, ended ones too."""
    rows = await services.clients.listing()
    return [ClientTold.of(row) for row in rows if scope.has_unit(row.unit)]


@router.post("/clients", status_code=HTTPStatus.CREATED.value)
async def add_client(services: Given, scope: _Managing, asked: ClientAsked) -> ClientMadeTold:
    """Let a case system ask."""
    _refuse_beyond(scope, asked.unit)
    new = NewClient(asked.name, asked.unit, asked.expires, asked.why, Role(asked.role))
    row, key = await services.clients.add(new, scope.principal.signs(asked.by))
    return ClientMadeTold(**ClientTold.of(row).model_dump(), key=key)


@router.post("/clients/{name}/end")
async def end_client(
    services: Given, scope: _Managing, name: _LoginPath, asked: ClientEndAsked
) -> ClientTold:
    """Take a case system's key back."""
    if not scope.has_unit((await services.clients.client(name)).unit):
        raise ClientUnknownError(UNKNOWN_CLIENT)
    by = scope.principal.signs(asked.by)
    return ClientTold.of(await services.clients.end(name, by=by, why=asked.why))


def _provider(services: Given, asked: RightsAsked) -> str | None:
    if asked.sign_in != "provider":
        return None
    issuer = services.config.oidc.issuer
    if issuer is None:
        raise Problem(
            HTTPStatus.CONFLICT, "oidc-none", "no provider is configured; see [oidc] in the docs"
        )
    return issuer


def _url(services: Given, token: str) -> str:
    return f"{services.config.api.url}/setup#{token}"


def _refuse_beyond(scope: Scope, unit: str | None) -> None:
    if not scope.has_unit(unit):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "beyond-your-unit",
            "this is beyond your part of the unit tree; somebody above you can do it",
        )
