"""Pages for those who keep the gateway: people, case systems, the policy, and how it is doing.

Supervisors and auditors read them; forms are only for those who may act. A link or key is shown
once, by the reader's own browser, and stands in no page.
"""

from __future__ import annotations

import asyncio
import os
import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Annotated, Any, Final

from cryptography import x509
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import POLICY, Act, Reach, Role
from gateway.access.scope import Scope
from gateway.accounts.schemas import Login
from gateway.errors import NotFoundError
from gateway.evidence.models import ClipState
from gateway.given import Given
from gateway.services import Services
from gateway.web.drawing import page
from gateway.web.menu import tabs
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/admin")
_Reading = Annotated[Scope, allowed(Act.PEOPLE_READ)]
_PEOPLE: Final = [role for role in Role if role is not Role.CASE_SYSTEM]
_SOON: Final = timedelta(days=30)
_LITTLE: Final = 0.1
_WAITING: Final = (ClipState.SEALED, ClipState.RECEIVING)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of how the gateway is doing.

    Attributes:
        tone: ``good``, ``warn``, ``bad``, or empty where there is nothing to judge.
        note: more, from outside.
    """

    name: str
    value: str
    tone: str = ""
    note: str = ""


@router.get("")
async def people(services: Given, request: Request, scope: _Reading) -> Response:
    """The people of the reader's part of the unit tree."""
    rows = [row for row in await services.accounts.listing() if scope.has_unit(row.unit)]
    values = {"rows": rows, "standing": await services.accounts.standing()}
    return page(request, "admin.html", _asker(services, scope) | values)


@router.get("/people/{login}")
async def one(
    services: Given, request: Request, scope: _Reading, login: Annotated[Login, Path()]
) -> Response:
    """One person: rights, and how he signs in."""
    row = await services.accounts.account(login)
    if not scope.has_unit(row.unit):
        # As for somebody who is not there.
        raise NotFoundError("nobody of that name has an account")
    standing = (await services.accounts.standing()).get(row.token)
    values = {"row": row, "standing": standing}
    return page(request, "person.html", _asker(services, scope) | values)


@router.get("/systems")
async def systems(services: Given, request: Request, scope: _Reading) -> Response:
    """Case systems and their keys."""
    rows = [row for row in await services.clients.listing() if scope.has_unit(row.unit)]
    return page(request, "systems.html", _asker(services, scope) | {"rows": rows})


@router.get("/policy")
async def policy(services: Given, request: Request, scope: _Reading) -> Response:
    """Who may do what, as it stands, and the rules by which footage is kept."""
    values = {
        "cells": [(act.value, [POLICY[role, act].name.lower() for role in Role]) for act in Act],
        "roles": list(Role),
        "rules": list(await services.retention.adopted()),
    }
    return page(request, "policy.html", _asker(services, scope) | values)


@router.get("/state")
async def state(services: Given, request: Request, scope: _Reading) -> Response:
    """How the gateway is doing."""
    values = {"facts": await _facts(services)}
    return page(request, "state.html", _asker(services, scope) | values)


def _asker(services: Services, scope: Scope) -> dict[str, Any]:
    who = scope.principal
    return {
        "who": who,
        "now": services.clock.now(),
        "manages": who.reach(Act.PEOPLE_MANAGE) is not Reach.NONE,
        "all_roles": _PEOPLE,
        "provider": services.oidc,
        "tabs": tabs(who),
    }


# --- how it is doing ----------------------------------------------------------------


async def _facts(services: Services) -> list[Fact]:
    room = await asyncio.to_thread(
        _room, services.store.staging.folder, str(services.config.store_at)
    )
    waiting = await services.overview.waiting(_WAITING)
    config = services.config
    ends = await asyncio.to_thread(_end_of, config.api.cert)
    return [
        _broker(services),
        room,
        Fact("queue", f"{waiting:,}", "good" if not waiting else ""),
        _witnesses(services),
        Fact("log-size", f"{services.log.checkpoint().size:,}"),
        _authority(services),
        _revocations(services),
        _api(services, ends),
        *await _endings(services),
        Fact("database", "SQLite" if config.database_url.startswith("sqlite") else "PostgreSQL"),
        Fact("versions", f"Evidock {version('evidock')}", note=f"Python {_python()}"),
    ]


def _broker(services: Services) -> Fact:
    said = services.vitals.broker
    if said is None:
        return Fact("broker", "no-intake")
    well = said == "connected"
    return Fact("broker", "well" if well else "away", "good" if well else "bad", said)


def _room(folder: FilePath, store: str) -> Fact:
    try:
        usage = os.statvfs(folder)
    except OSError as error:
        return Fact("store", "away", "bad", error.strerror or "")
    free, size = usage.f_bavail * usage.f_frsize, usage.f_blocks * usage.f_frsize
    told = f"{free / 10**9:,.1f} / {size / 10**9:,.1f} GB"
    return Fact("store", told, "good" if free > size * _LITTLE else "warn", store)


def _witnesses(services: Services) -> Fact:
    standings = services.rounds.standings
    if not standings:
        return Fact("witnesses", "none")
    well = sum(each.problem is None for each in standings)
    refuses = any(each.refuses for each in standings)
    tone = "bad" if refuses else "good" if well == len(standings) else "warn"
    return Fact("witnesses", f"{well} / {len(standings)}", tone)


def _authority(services: Services) -> Fact:
    if not services.issues:
        return Fact("authority", "none")
    problem = services.authority.problem
    return Fact("authority", "away" if problem else "well", "bad" if problem else "good", problem)


def _revocations(services: Services) -> Fact:
    problem = services.revocations.problem
    return Fact("crl", "away" if problem else "well", "bad" if problem else "good", problem or "")


def _api(services: Services, ends: datetime | None) -> Fact:
    url = services.config.api.url
    if ends is None:
        return Fact("api", url)
    left = ends - services.clock.now()
    tone = "bad" if left <= timedelta() else "warn" if left < _SOON else "good"
    return Fact("api", url, tone, f"{ends:%Y-%m-%d}")


async def _endings(services: Services) -> list[Fact]:
    if not services.issues:
        return []
    return [
        Fact("ends", row.name, "warn", f"{row.not_after:%Y-%m-%d}")
        for row in await services.authority.ending()
    ]


def _end_of(certificate: FilePath | None) -> datetime | None:
    if certificate is None:
        return None
    try:
        return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError, IndexError):
        return None


def _python() -> str:
    return platform.python_version()
