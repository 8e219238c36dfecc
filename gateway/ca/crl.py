"""The list of certificates that the broker refuses, in a file that it reads: one of each authority.

Whole or not at all on the disk, and newer each time by its own dates and number, since a broker
that reloads keeps the old list beside the new one and goes by the newer. It is made again daily
and good for thirty days: a gateway that stands still does not shut the docks out of the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from sqlalchemy import and_, or_, select

from gateway.ca.models import Certificate
from gateway.ca.profiles import CRL_LIFE, Issuer, Purpose
from gateway.ca.service import Authority, Revocation
from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.docks.service import revoked_docks
from gateway.durable import sync_folder
from gateway.errors import (
    AuthorityAwayError,
    ClockWrongError,
    DatabaseUnavailableError,
    SetupError,
)
from protocols.ids import DockId

_RENEW: Final = timedelta(days=1)
_EARLIER: Final = timedelta(minutes=10)
"""How far back a list begins: the broker's clock may be behind."""
_LOOK_S: Final = 2.0
_HEAD: Final = b"-----BEGIN X509 CRL-----"
_event = structlog.get_logger("gateway.ca")


def build_crl(
    issuer: Issuer, revoked: Iterable[Revocation], *, number: int, begin: datetime
) -> x509.CertificateRevocationList:
    """Sign a list.

    Args:
        issuer: the TLS authority.
        revoked: what is on it.
        number: higher than on every list before.
        begin: its date; later than on every list before.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begin)
        .next_update(begin + CRL_LIFE)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.serial)
        builder = builder.add_revoked_certificate(entry.revocation_date(each.at).build())
    return builder.sign(issuer.key, hashes.SHA256())


class RevocationList:
    """Keeps one file up to date."""

    def __init__(
        self, database: Database, authority: Authority, clock: GatewayClock, path: Path
    ) -> None:
        """Prepare; nothing is written yet.

        Args:
            database: who is revoked.
            authority: signs it; open before the first write.
            clock: for its dates.
            path: the file; its folder is made when it is not there.
        """
        self._database, self._authority = database, authority
        self._clock, self._path = clock, path
        self._problem: str | None = None
        self._recovered: set[int] = set()
        self._writing = asyncio.Lock()

    @property
    def problem(self) -> str | None:
        """Why the list could not be written; None when all is well. A broker goes by it."""
        return self._problem

    async def run(self) -> None:
        """Go on until cancelled: write it when somebody is revoked, and daily."""
        while True:
            try:
                if await self.refresh():
                    await self._warn_of_ends()
            except (SetupError, DatabaseUnavailableError, AuthorityAwayError) as error:
                if self._problem != str(error):
                    _event.error("crl.not-written", reason=str(error))
                self._problem = str(error)
            else:
                self._problem = None
            await asyncio.sleep(_LOOK_S)

    async def follow(self, dock: DockId) -> None:
        """A dock was revoked: have it on the list at once, where there is one."""
        if not self._authority.is_open:
            return
        try:
            await self.refresh()
        except (SetupError, DatabaseUnavailableError) as error:
            # Stated it is; the list is tried again every other second.
            _event.error("crl.not-written", dock=dock, reason=str(error))

    async def refresh(self) -> bool:
        """Write the list when it is not the one that ought to be there; returns whether it did.

        Raises:
            SetupError: the file cannot be written. GatewayError: the database does not answer.
        """
        async with self._writing:
            issuers = self._authority.authorities.tls_issuers
            before = await asyncio.to_thread(_read, self._path, issuers)
            revoked, ended = await self._revoked(), await self._ended()
            for each in _forgotten(before, {each.serial for each in revoked} | ended):
                # Not for the broker alone: who renews, and which keys are barred, goes by it too.
                if each.serial not in self._recovered:
                    await self._authority.recover_revocation(each.serial, each.at)
                    self._recovered.add(each.serial)
            return await asyncio.to_thread(self._write_if_due, revoked, ended)

    async def _warn_of_ends(self) -> None:
        for row in await self._authority.ending():
            _event.warning(
                "ca.certificate-ends",
                name=row.name,
                purpose=row.purpose,
                at=row.not_after.isoformat(),
                advice=f"issue the next one: ca {row.purpose}",
            )

    async def _revoked(self) -> list[Revocation]:
        now = self._clock.now()
        async with self._database.reading() as session:
            docks = await revoked_docks(session)
            of_docks = and_(Certificate.purpose == Purpose.DOCK, Certificate.name.in_(docks))
            query = select(Certificate).where(
                Certificate.purpose != Purpose.STATEMENT,
                Certificate.not_after > now - _RENEW,
                or_(Certificate.revoked_at.is_not(None), of_docks),
            )
            rows = (await session.scalars(query.order_by(Certificate.serial))).all()
        return [
            Revocation(int(row.serial, 16), row.revoked_at or docks.get(row.name) or now)
            for row in rows
        ]

    async def _ended(self) -> set[int]:
        """Certificates that nobody takes any more, revoked or not."""
        query = select(Certificate.serial).where(
            Certificate.not_after <= self._clock.now() - _RENEW
        )
        async with self._database.reading() as session:
            return {int(serial, 16) for serial in await session.scalars(query)}

    def _write_if_due(self, revoked: list[Revocation], ended: set[int]) -> bool:
        issuers, now = self._authority.authorities.tls_issuers, self._clock.now()
        begin = now - _EARLIER
        before = _read(self._path, issuers)
        if before:
            if now < issuers[0].certificate.not_valid_before_utc:
                # A list of then has expired long ago: a broker would refuse everybody by it.
                raise ClockWrongError(f"the clock says {now:%Y-%m-%d}: {self._path} stays as it is")
            revoked = [*revoked, *_forgotten(before, {each.serial for each in revoked} | ended)]
            wanted = {each.serial for each in revoked}
            ages = [now - each.last_update_utc for each in before]
            if (
                len(before) == len(issuers)
                and all({entry.serial_number for entry in each} == wanted for each in before)
                and all(timedelta() <= age < _RENEW for age in ages)
            ):
                return False
            for each, age in zip(before, ages, strict=True):
                if age >= timedelta():
                    # Later at least by a second: of two with one date a broker keeps the older.
                    begin = max(begin, each.last_update_utc + timedelta(seconds=1))
        number = max(int(now.timestamp()), *(_number(each) + 1 for each in before), 0)
        # All on each: numbers are random, so that another authority's do no harm, and of one that
        # a restored database has forgotten nobody knows whose it was.
        made = [build_crl(each, revoked, number=number, begin=begin) for each in issuers]
        _write(self._path, b"".join(each.public_bytes(serialization.Encoding.PEM) for each in made))
        _event.info("crl.written", revoked=len(revoked), number=number, lists=len(made))
        return True


def _read(path: Path, issuers: Sequence[Issuer]) -> list[x509.CertificateRevocationList]:
    """The lists that are there of these authorities, one each at most."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    found: list[x509.CertificateRevocationList] = []
    for part in raw.split(_HEAD)[1:]:
        with contextlib.suppress(ValueError):
            found.append(x509.load_pem_x509_crl(_HEAD + part))
    ours = [
        next((each for each in found if each.is_signature_valid(by.key.public_key())), None)
        for by in issuers
    ]
    return [each for each in ours if each is not None]


def _forgotten(
    before: Iterable[x509.CertificateRevocationList], known: set[int]
) -> Iterator[Revocation]:
    """What a list of ours has and the database has not: that was restored from an older day."""
    seen = set(known)
    for each in chain.from_iterable(before):
        if each.serial_number not in seen:
            seen.add(each.serial_number)
            yield Revocation(each.serial_number, each.revocation_date_utc)


def _number(before: x509.CertificateRevocationList) -> int:
    return before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _write(path: Path, text: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as file:  # noqa: PTH123  # opened above
            # Public, and the broker is another user: whatever the umask says.
            os.fchmod(descriptor, 0o644)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        reach("crl.written")
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SetupError(f"{path}: the list of revoked certificates: {error.strerror}") from error
