"""Issuing and revoking: every certificate is on record before anybody is handed it.

Order of writing: the certificate into the object store, then its row. A row that a cut or a
restored database lost is made again from the store when the authority opens, so a revocation
is never forgotten. What was recorded and never handed out harms nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.ca import folder as files
from gateway.ca import profiles
from gateway.ca.folder import Authorities
from gateway.ca.models import Certificate
from gateway.ca.profiles import Purpose
from gateway.ca.requests import kid_of
from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.docks.service import revoked_docks
from gateway.errors import (
    AuthorityAwayError,
    ConflictError,
    KeyFileError,
    LogDamagedError,
    NotFoundError,
)
from gateway.storage.store import Store

ISSUED: Final = "ca/issued"
REVOKED: Final = "ca/revoked"
GATEWAY: Final = "gateway"
"""Common name of the gateway itself at the broker; no dock can have it."""
_SAME_DAY: Final = timedelta(days=1)
_ENDING: Final = timedelta(days=45)
_event = structlog.get_logger("gateway.ca")


class CertificateUnknownError(NotFoundError):
    """No certificate of that serial number was issued here."""


class CertificateKeyTakenError(ConflictError):
    """The key is or was another name's or purpose's, or one of its certificates was revoked."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that the broker must refuse."""

    serial: int
    at: datetime


class Authority:
    """One gateway's authority; a context is not needed, ``open`` is."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: GatewayClock,
        *,
        folder: Path,
        name: str,
        own: bool,
    ) -> None:
        """Prepare; nothing is read before ``open``.

        Args:
            database: the index of what was issued.
            store: the original of that.
            clock: for dates in certificates.
            folder: where keys and certificates are.
            name: the gateway's.
            own: it is the gateway's own folder, in which an authority may be made.
        """
        self._database, self._store, self._clock = database, store, clock
        self._folder, self._name, self._own = folder, name, own
        self._authorities: Authorities | None = None
        self._problem = ""
        self._seen: files.Stamp = ()
        self._issuing = asyncio.Lock()

    @property
    def authorities(self) -> Authorities:
        """The keys and their certificates.

        Raises:
            AuthorityAwayError: they cannot be used.
        """
        if self._authorities is None:
            raise AuthorityAwayError(self._problem or "the authority is not open")
        return self._authorities

    @property
    def is_open(self) -> bool:
        """Whether there are keys to issue with."""
        return self._authorities is not None

    @property
    def problem(self) -> str:
        """What is wrong with the folder; empty when all is well. What was read before stays."""
        return self._problem

    async def begin(self) -> None:
        """As ``open``, but for what is wrong with the authority alone, which is only noted.

        Raises:
            GatewayError: store or database could not do it.
        """
        self._seen = await asyncio.to_thread(files.stamp, self._folder)
        try:
            await self.open(make=True)
        except (KeyFileError, LogDamagedError) as error:
            self._problem = str(error)
        else:
            self._problem = ""

    async def look(self) -> None:
        """Read the folder again when it has changed, or could not be used; raises as ``begin``."""
        now = await asyncio.to_thread(files.stamp, self._folder)
        if now != self._seen or self._problem:
            await self.begin()

    async def open(self, *, make: bool) -> None:
        """Read the keys and complete the rows from the store.

        Args:
            make: make a development authority where there is none and nothing was ever issued.

        Raises:
            KeyFileError: there is none, or it is unusable.
            GatewayError: store or database could not do it.
        """
        issued = await self._adopt()
        missing = not await asyncio.to_thread(files.is_there, self._folder)
        if missing and issued:
            msg = (
                f"{self._folder}: the authority is gone that docks were enrolled with; restore it "
                "from its backup. No new one was made: docks would not trust it"
            )
            raise KeyFileError(msg)
        if missing and make and self._own:
            now, name = self._clock.now(), self._name
            await asyncio.to_thread(files.make, self._folder, name, now, development=True)
        self._authorities = await asyncio.to_thread(files.load, self._folder)

    # --- issuing ---------------------------------------------------------------------

    async def issue(
        self,
        purpose: Purpose,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        hosts: Sequence[str] = (),
    ) -> Certificate:
        """Issue a certificate, or give the one that the same key got a moment ago.

        A statement key has one certificate for good; any other key gets a new one when its
        newest is more than a day old.

        Args:
            purpose: what it is for.
            name: its common name; checked by the caller, as is possession of the key.
            key: P-256.
            hosts: of a server.

        Returns:
            Its row; recorded durably.

        Raises:
            CertificateKeyTakenError: the key is or was for something else, or was revoked.
            GatewayError: store or database could not do it; ask again.
        """
        kid = kid_of(key)
        async with self._issuing:
            known = await self._of_key(kid)
            for row in known:
                _refuse_other(row, purpose, name)
            issuer = self.authorities.issuer(purpose)
            now = profiles.not_before(issuer, self._clock.now())
            usable = [
                row
                for row in known
                if _still_newest(row, purpose, now) and _is_by(row, issuer.certificate)
            ]
            if usable and not hosts:
                return max(usable, key=lambda row: row.not_before)
            made = profiles.issue(issuer, purpose, name, key, now=now, hosts=hosts)
            return await self._record(made)

    async def key_is_free(self, purpose: Purpose, name: str, kid: bytes) -> None:
        """Say whether a key could get a certificate.

        Raises:
            CertificateKeyTakenError: it could not.
        """
        for row in await self._of_key(kid):
            _refuse_other(row, purpose, name)

    def chain(self, row: Certificate) -> list[bytes]:
        """A certificate with those it leads to, the root last; DER."""
        own = x509.load_der_x509_certificate(row.der)
        return [files.der(each) for each in self.authorities.chain(own)]

    # --- revoking --------------------------------------------------------------------

    async def revoke(self, serial: str, by: str, reason: str) -> Certificate:
        """Take a certificate's right to connect; the broker learns it from the list.

        Args:
            serial: in hex, as the listing shows it.
            by: who decides.
            reason: why.

        Raises:
            CertificateUnknownError: none of that number was issued.
        """
        row = await self.certificate(serial)
        if row.revoked_at is not None:
            return row
        now = self._clock.now()
        document = {"at": now.isoformat(), "by": by, "reason": reason}
        said = json.dumps(document, ensure_ascii=False).encode()
        await self._store.put_bytes(f"{REVOKED}/{row.serial}", said)
        reach("ca.revocation-stored")
        async with self._database.session() as session:
            await _mark_revoked(session, row.serial, document)
        _event.warning("ca.revoked", serial=row.serial, name=row.name, by=by)
        return await self.certificate(serial)

    async def recover_revocation(self, serial: int, at: datetime) -> None:
        """Put a revocation on record again that only the list still had; again changes nothing.

        Of whom it was, who ended it and why is known no more; the list says since when.

        Raises:
            GatewayError: store or database could not do it.
        """
        number = f"{serial:x}"
        if not await self._store.exists(f"{REVOKED}/{number}"):
            why = "it is on the list of revoked certificates; store and database had forgotten it"
            document = {"at": at.isoformat(), "by": "the list", "reason": why}
            said = json.dumps(document, ensure_ascii=False).encode()
            await self._store.put_bytes(f"{REVOKED}/{number}", said)
            _event.warning("ca.revocation-recovered", serial=number)
        raw = await self._store.get_bytes(f"{REVOKED}/{number}")
        async with self._database.session() as session:
            await _mark_revoked(session, number, _said(number, raw))

    async def recover(self, der: bytes) -> Certificate | None:
        """Put a certificate on record again that was issued here and forgotten; None for any other.

        Args:
            der: as a peer has just shown it, who has its key.

        Raises:
            GatewayError: store or database could not do it.
        """
        try:
            found = x509.load_der_x509_certificate(der)
            row = _row_of(found)
        except (ValueError, UnsupportedAlgorithm, LogDamagedError):
            return None
        if not any(files.is_signed(found, by) for by in self.authorities.tls_certificates):
            return None
        async with self._issuing:
            row = await self._record(found)
            if await self._store.exists(f"{REVOKED}/{row.serial}"):
                raw = await self._store.get_bytes(f"{REVOKED}/{row.serial}")
                async with self._database.session() as session:
                    await _mark_revoked(session, row.serial, _said(row.serial, raw))
        _event.warning("ca.certificate-recovered", serial=row.serial, name=row.name)
        return await self.certificate(row.serial)

    # --- look-ups --------------------------------------------------------------------

    async def certificate(self, serial: str) -> Certificate:
        """One certificate.

        Raises:
            CertificateUnknownError: none of that number was issued here.
        """
        number = serial.lower().replace(":", "").lstrip("0")
        async with self._database.reading() as session:
            row = await session.get(Certificate, number)
        if row is None:
            raise CertificateUnknownError(f"no certificate {serial[:60]!r} was issued here")
        return row

    async def certificates(self, name: str | None = None) -> Sequence[Certificate]:
        """All certificates, or those of one name, newest first."""
        query = select(Certificate).order_by(Certificate.not_before.desc(), Certificate.serial)
        if name is not None:
            query = query.where(Certificate.name == name)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def revoked_docks(self) -> dict[str, datetime]:
        """Docks whose TLS certificates count as revoked with them, and since when."""
        async with self._database.reading() as session:
            return await revoked_docks(session)

    async def ending(self) -> list[Certificate]:
        """The newest certificates of hosts that end within 45 days; docks see to theirs."""
        newest: dict[tuple[str, str], Certificate] = {}
        for row in await self.certificates():
            if row.purpose in {Purpose.SERVER, Purpose.CLIENT} and row.revoked_at is None:
                newest.setdefault((row.purpose, row.name), row)
        now = self._clock.now()
        return [row for row in newest.values() if now < row.not_after < now + _ENDING]

    async def _of_key(self, kid: bytes) -> Sequence[Certificate]:
        async with self._database.reading() as session:
            return (await session.scalars(select(Certificate).where(Certificate.kid == kid))).all()

    # --- records ---------------------------------------------------------------------

    async def _record(self, made: x509.Certificate) -> Certificate:
        row = _row_of(made)
        await self._store.put_bytes(f"{ISSUED}/{row.serial}", row.der)
        reach("ca.certificate-stored")
        async with self._database.session() as session:
            session.add(row)
        reach("ca.certificate-recorded")
        _event.info("ca.issued", serial=row.serial, purpose=row.purpose, name=row.name)
        return row

    async def _adopt(self) -> int:
        """Rows for whatever the store has and the database has not; the number of certificates."""
        issued = [key async for key in self._store.iterate(ISSUED)]
        revoked = [key async for key in self._store.iterate(REVOKED)]
        async with self._database.reading() as session:
            rows = (await session.scalars(select(Certificate))).all()
        known = {row.serial for row in rows}
        gone = {row.serial for row in rows if row.revoked_at is not None}
        fresh = [key for key in issued if _serial(key) not in known]
        ended = [key for key in revoked if _serial(key) not in gone]
        if fresh or ended:
            made = [_row_of(_stored(key, await self._store.get_bytes(key))) for key in fresh]
            said = {_serial(key): _said(key, await self._store.get_bytes(key)) for key in ended}
            async with self._database.session() as session:
                session.add_all(made)
                await session.flush()
                for serial, document in said.items():
                    await _mark_revoked(session, serial, document)
            _event.warning("ca.recovered", certificates=len(fresh), revocations=len(ended))
        return len(issued)


def _refuse_other(row: Certificate, purpose: Purpose, name: str) -> None:
    if (row.purpose, row.name) != (purpose, name):
        what = "another name" if row.purpose == purpose else "another purpose"
        raise CertificateKeyTakenError(f"this key has a certificate for {what}; make a new key")
    if row.revoked_at is not None:
        raise CertificateKeyTakenError("a certificate of this key was revoked; make a new key")


def _is_by(row: Certificate, issuer: x509.Certificate) -> bool:
    return files.is_signed(x509.load_der_x509_certificate(row.der), issuer)


def _still_newest(row: Certificate, purpose: Purpose, now: datetime) -> bool:
    if purpose is Purpose.STATEMENT:
        return True
    # One that begins in the future was issued while the clock here was ahead: of no use to a dock.
    return now - _SAME_DAY < row.not_before <= now < row.not_after


def _row_of(made: x509.Certificate) -> Certificate:
    key = made.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise LogDamagedError("a stored certificate is not of a P-256 key")
    name = str(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    return Certificate(
        serial=f"{made.serial_number:x}",
        purpose=_purpose_of(made, name),
        name=name,
        kid=kid_of(key),
        der=files.der(made),
        not_before=made.not_valid_before_utc,
        not_after=made.not_valid_after_utc,
    )


def _purpose_of(made: x509.Certificate, name: str) -> Purpose:
    (use,) = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if use == Purpose.DOCK.use:
        return Purpose.CLIENT if name == GATEWAY else Purpose.DOCK
    return Purpose.STATEMENT if use == Purpose.STATEMENT.use else Purpose.SERVER


def _serial(key: str) -> str:
    return key.rpartition("/")[2]


def _stored(key: str, raw: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(raw)
    except ValueError as error:
        raise LogDamagedError(f"{key} is no certificate; restore the store") from error


def _said(key: str, raw: bytes) -> dict[str, str]:
    try:
        document = json.loads(raw)
        datetime.fromisoformat(document["at"])
        return {name: str(document[name]) for name in ("at", "by", "reason")}
    except (ValueError, KeyError, TypeError) as error:
        raise LogDamagedError(f"{key} is no revocation; restore the store") from error


async def _mark_revoked(session: AsyncSession, serial: str, document: dict[str, str]) -> None:
    row = await session.get(Certificate, serial)
    if row is not None and row.revoked_at is None:
        row.revoked_at = datetime.fromisoformat(document["at"])
        row.revoked_by = document["by"]
        row.revoked_reason = document["reason"]
