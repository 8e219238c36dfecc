"""Keeps the authority open, and tells people when it is not, or ends: nothing else waits for it.

A folder that was half copied, or a disk that failed, must not keep footage out: the gateway runs,
takes in and logs, and only whoever wants a certificate is put off. What is put right on the disk is
taken up without a restart.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from gateway.ca import folder as files
from gateway.ca.service import Authority
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import DatabaseUnavailableError, GatewayError, KeyFileError
from gateway.intake import alarms

_LOOK_S: Final = 5.0
_SOON: Final = timedelta(days=2 * 365)
"""Docks learn a new authority when they renew, within a year; a new root needs a person at each."""
_event = structlog.get_logger("gateway.ca")


class Upkeep:
    """Opens the authority and goes on looking at its folder."""

    def __init__(self, authority: Authority, database: Database, clock: GatewayClock) -> None:
        self._authority, self._database, self._clock = authority, database, clock
        self._said = ""

    async def begin(self) -> None:
        """Open it, or note why not.

        Raises:
            GatewayError: store or database do not answer.
        """
        await self._authority.begin()
        self._tell(self._authority.problem)

    async def run(self) -> None:
        """Take up what is put right, and keep the alarms true, until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailableError as error:
                _event.warning("ca.not-looked-at", reason=str(error))
            except GatewayError as error:
                self._tell(str(error))
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """Look once.

        Raises:
            GatewayError: store or database do not answer.
        """
        await self._authority.look()
        problem = self._authority.problem
        self._tell(problem)
        await self._alarm(alarms.AUTHORITY_AWAY, problem)
        found = self._authority.authorities if self._authority.is_open else None
        ends = [] if found is None else ending(found, self._clock.now())
        await self._alarm(alarms.AUTHORITY_ENDS, "; ".join(ends))

    def _tell(self, problem: str) -> None:
        if problem and problem != self._said:
            _event.error("ca.away", reason=problem, meaning="no dock can enrol or renew")
        elif self._said and not problem:
            _event.info("ca.back")
        self._said = problem

    async def _alarm(self, code: str, text: str) -> None:
        which = {"dock": "", "by": alarms.BY_GATEWAY, "code": code}
        async with self._database.reading() as session:
            standing = [each for each in await alarms.standing(session) if each.code == code]
        if not text and not standing:
            return
        if text and standing and standing[0].text == text[: len(standing[0].text)]:
            return
        async with self._database.session() as session:
            if text:
                at = self._clock.read().utc
                await alarms.raise_alarm(session, **which, about=None, text=text, since=at)
            else:
                await alarms.clear_alarm(session, **which, about=None)


def ending(found: files.Authorities, now: datetime) -> list[str]:
    """What is to be renewed, in words: a quarter of a life before its end, two years at most."""
    parts = (
        (files.ROOT, found.root),
        (files.TLS, found.tls.certificate),
        (files.STATEMENT, found.statement.certificate),
    )
    return [_ends(name, each) for name, each in parts if _ends_soon(each, now)]


def lines(folder: Path, now: datetime) -> list[str]:
    """What there is to say about the authority in a folder, for ``check-config``."""
    if not files.is_there(folder):
        return []
    try:
        found = files.load(folder)
    except KeyFileError as error:
        return [f"the authority cannot be used, no dock can enrol or renew: {error}"]
    return ending(found, now)


def _ends_soon(certificate: x509.Certificate, now: datetime) -> bool:
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - now < min(_SOON, life / 4)


def _ends(name: str, certificate: x509.Certificate) -> str:
    day = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    return f"{name}.pem ends on {day}, and with it all that it signed; ca renew {name}"
