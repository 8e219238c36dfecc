"""What a dock is granted: two certificates for two keys, and a place on the log.

Nothing is handed out before it is on record, and each step finds what an earlier, cut attempt has
left: the token bound, a certificate issued, the statement logged. So a dock that repeats itself
gets the same answers, and ``dock.enrolled`` is stated once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.ca.models import Certificate
from gateway.ca.profiles import Purpose
from gateway.ca.requests import CertificateRequest, read_request
from gateway.ca.service import Authority, CertificateKeyTakenError, CertificateUnknownError
from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.docks.models import Dock
from gateway.docks.service import Docks, DockUnknownError, KeyTakenError
from gateway.enrolment.following import Following
from gateway.enrolment.invitations import Invitations, Keys
from gateway.enrolment.models import Invitation
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.errors import DockKeyDiffersError
from protocols.enrolment import RenewalClaim
from protocols.following import SignedRotation
from protocols.ids import DockId, dock_id

_MOST_VALID: Final = 10
"""TLS certificates of one dock that are valid at a time; a dock gone bad must not fill the disk."""
_event = structlog.get_logger("gateway.enrolment")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a dock says of itself when it enrols: its name, the token, and its other key."""

    dock: str
    token: str
    other_kid: bytes


class Enrolment:
    """The acts of enrolment; one at a time, they are few."""

    def __init__(
        self,
        invitations: Invitations,
        authority: Authority,
        docks: Docks,
        clock: GatewayClock,
        following: Following,
    ) -> None:
        self._invitations, self._authority = invitations, authority
        self._docks, self._clock = docks, clock
        self._following = following
        self._acting = asyncio.Lock()

    async def enrol(self, purpose: Purpose, said: Credentials, csr: bytes) -> Certificate:
        """Give a dock the certificate for one of its two keys.

        When the other key has its certificate already, the dock is on the log at return.

        Args:
            purpose: ``DOCK`` or ``STATEMENT``.
            said: who asks.
            csr: PKCS #10 in DER.

        Raises:
            EnrolmentRefusedError: it is not granted; RequestError: the request is no good.
            GatewayError: it could not be done now; the same again may.
        """
        async with self._acting:
            invitation = await self._invitations.judge(said.dock, said.token)
            request = _request(csr, invitation.dock)
            if said.other_kid == request.kid:
                reason = "one key for TLS and statements; make a key for each"
                raise EnrolmentRefusedError("other-key", reason)
            keys = _keys(purpose, request.kid, said.other_kid)
            await self._invitations.compare(invitation, keys)
            await self._check_keys(dock_id(invitation.dock), keys)
            await self._check_order(invitation, purpose)
            await self._invitations.bind(invitation, keys)
            reach("enrolment.bound")
            made = await self._issue(purpose, request)
            reach("enrolment.issued")
            await self._state_once_both(invitation, keys)
            reach("enrolment.stated")
            return made

    async def renew_with(self, der: bytes, purpose: Purpose, csr: bytes) -> Certificate:
        """Give a certificate to a dock that was recognised by its TLS certificate.

        Args:
            der: the peer's certificate; TLS has verified it, not whether it was revoked.
            purpose: ``DOCK``, or ``STATEMENT`` for the one it has, again.
            csr: PKCS #10 in DER.

        Raises:
            EnrolmentRefusedError, RequestError, GatewayError: as ``enrol``.
        """
        dock = await self.recognise(der)
        return await self._renew(dock, purpose, csr)

    async def renew_by(
        self, claim: RenewalClaim, csr: bytes, shown: tuple[SignedRotation, ...] = ()
    ) -> Certificate:
        """Give a TLS certificate to a dock that was recognised by its statement key.

        Args:
            claim: its proof, with a nonce that the caller has found good.
            csr: PKCS #10 in DER.
            shown: rotations of which the log may not have heard yet.

        Raises:
            EnrolmentRefusedError, RequestError, GatewayError: as ``enrol``.
        """
        # A dock proves itself for the root that it has pinned, which may be one before this.
        roots = self._authority.authorities.fingerprints
        async with self._acting:
            await self._standing(claim.dock)
            followed = await self._following.follow(claim.dock, shown)
            await self._following.verify(claim, followed.keys, roots=roots, csr=csr)
            request = _request(csr, claim.dock)
            if request.kid in followed.keys.kids:
                raise _signs_statements()
            await self._check_renewable(claim.dock, request.kid)
            await self._following.remember(claim.dock, followed, request.kid)
            return await self._issue(Purpose.DOCK, request)

    async def recognise(self, der: bytes) -> DockId:
        """The enrolled dock whose TLS certificate this is; its invitation ends with that.

        Raises:
            EnrolmentRefusedError: no certificate of ours, or one that no longer counts.
        """
        row = await self._own(der)
        if row.revoked_at is not None:
            raise EnrolmentRefusedError("certificate-revoked", "this certificate was revoked")
        if not row.not_before <= self._clock.now() < row.not_after:
            reason = "this certificate has expired; renew by a proof with the statement key"
            raise EnrolmentRefusedError("certificate-expired", reason)
        dock = dock_id(row.name)
        await self._standing(dock, missing="not-enrolled")
        await self._invitations.ended_by_use(dock, row.kid)
        return dock

    async def withdraw(self, number: int, by: str) -> Invitation:
        """End an invitation, and what was issued on it, unless that was used.

        Raises:
            NotFoundError: there is none of that number.
        """
        async with self._acting:
            row = await self._invitations.withdraw(number)
            if row.used_at is None:
                # A key on the log is ended there alone, whoever holds it.
                logged = await self._find(row.dock) is not None
                ended = {row.tls_kid} if logged else {row.tls_kid, row.statement_kid}
                for each in await self._authority.certificates(row.dock):
                    if each.kid in ended:
                        reason = f"invitation {number} was withdrawn"
                        await self._authority.revoke(each.serial, by, reason)
            return row

    # --- one step each ---------------------------------------------------------------

    async def _renew(self, dock: DockId, purpose: Purpose, csr: bytes) -> Certificate:
        async with self._acting:
            request = _request(csr, dock)
            if purpose is Purpose.STATEMENT:
                await self._check_statement_key(dock, request.kid)
            else:
                await self._check_renewable(dock, request.kid)
            return await self._issue(purpose, request)

    async def _check_renewable(self, dock: DockId, kid: bytes) -> None:
        await self._check_not_a_statement_key(kid)
        await self._check_count(dock, kid)

    async def _issue(self, purpose: Purpose, request: CertificateRequest) -> Certificate:
        try:
            return await self._authority.issue(purpose, request.name, request.key)
        except CertificateKeyTakenError as error:
            raise EnrolmentRefusedError("key-taken", str(error)) from error

    async def _check_keys(self, dock: DockId, keys: Keys) -> None:
        """Both keys at once, so that neither is bound when the other one is no good."""
        row = await self._find(dock)
        if row is not None:
            _refuse_revoked(row)
            await self._check_statement_key(dock, keys.statement)
        elif await self._docks.speaker(keys.statement) is not None:
            raise EnrolmentRefusedError("key-taken", "that statement key is another dock's")
        await self._check_not_a_statement_key(keys.tls)
        try:
            await self._authority.key_is_free(Purpose.DOCK, dock, keys.tls)
            await self._authority.key_is_free(Purpose.STATEMENT, dock, keys.statement)
        except CertificateKeyTakenError as error:
            raise EnrolmentRefusedError("key-taken", str(error)) from error

    async def _check_order(self, invitation: Invitation, purpose: Purpose) -> None:
        """The key of a dock on the log is no secret's name: it proves itself before it is bound."""
        begun = invitation.bound_at is not None
        if purpose is Purpose.DOCK and not begun and await self._find(invitation.dock) is not None:
            reason = f"{invitation.dock} is on the log: ask for its statement certificate first"
            raise EnrolmentRefusedError("statement-first", reason)

    async def _check_statement_key(self, dock: DockId, kid: bytes) -> None:
        key = await self._docks.key(dock)
        if key is None or key.kid != kid:
            reason = f"{dock} is enrolled with another statement key; such keys are rotated instead"
            raise EnrolmentRefusedError("statement-key", reason)

    async def _check_not_a_statement_key(self, kid: bytes) -> None:
        if await self._docks.speaker(kid) is not None:
            raise _signs_statements()

    async def _check_count(self, dock: DockId, kid: bytes) -> None:
        now = self._clock.now()
        valid = [
            row
            for row in await self._authority.certificates(dock)
            if row.purpose == Purpose.DOCK and row.revoked_at is None and row.not_after > now
        ]
        if len(valid) >= _MOST_VALID and kid not in {row.kid for row in valid}:
            reason = f"{dock} has {len(valid)} valid certificates; revoke those it has no use for"
            raise EnrolmentRefusedError("too-many", reason)

    async def _state_once_both(self, invitation: Invitation, keys: Keys) -> None:
        rows = await self._authority.certificates(invitation.dock)
        has = {(row.purpose, row.kid): row for row in rows}
        statement = has.get((Purpose.STATEMENT, keys.statement))
        if statement is None or (Purpose.DOCK, keys.tls) not in has:
            return
        how = f"invitation {invitation.id} by {invitation.made_by}"
        try:
            await self._docks.enrol(
                invitation.dock, _public_pem(statement), how, self._authority.chain(statement)
            )
        except DockKeyDiffersError as error:
            raise EnrolmentRefusedError("statement-key", str(error)) from error
        except KeyTakenError as error:
            raise EnrolmentRefusedError("key-taken", str(error)) from error

    async def _own(self, der: bytes) -> Certificate:
        row: Certificate | None
        try:
            serial = x509.load_der_x509_certificate(der).serial_number
            row = await self._authority.certificate(f"{serial:x}")
        except ValueError:
            row = None
        except CertificateUnknownError:
            # A backup of before may have been restored.
            row = await self._authority.recover(der)
        if row is None:
            raise EnrolmentRefusedError("certificate-unknown", "not issued here")
        if row.der != der or row.purpose != Purpose.DOCK:
            raise EnrolmentRefusedError("certificate-unknown", "not the certificate of a dock")
        return row

    async def _standing(self, dock: DockId, missing: str = "dock-unknown") -> None:
        row = await self._find(dock)
        if row is None:
            raise _unknown(dock, missing)
        _refuse_revoked(row)

    async def _find(self, dock: str) -> Dock | None:
        try:
            return await self._docks.dock(dock)
        except DockUnknownError:
            return None


def _request(csr: bytes, dock: str) -> CertificateRequest:
    request = read_request(csr)
    if request.name != dock:
        reason = f"the request names another than {dock}, which the credentials are of"
        raise EnrolmentRefusedError("csr-name", reason)
    return request


def _keys(purpose: Purpose, own: bytes, other: bytes) -> Keys:
    return Keys(own, other) if purpose is Purpose.DOCK else Keys(other, own)


def _refuse_revoked(row: Dock) -> None:
    if row.revoked_index is not None:
        reason = f"{row.id} was revoked, entry {row.revoked_index} of the log"
        raise EnrolmentRefusedError("dock-revoked", reason)


def _signs_statements() -> EnrolmentRefusedError:
    reason = "that key signs statements; make another one for TLS"
    return EnrolmentRefusedError("key-taken", reason)


def _unknown(dock: DockId, code: str = "dock-unknown") -> EnrolmentRefusedError:
    reason = f"{dock} is not on the log; enrol both keys first"
    return EnrolmentRefusedError(code, reason)


def _public_pem(row: Certificate) -> str:
    key = x509.load_der_x509_certificate(row.der).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
