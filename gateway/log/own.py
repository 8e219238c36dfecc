"""The gateway's own statements, and who the log belongs to.

Makes the record, link and signature of whatever the gateway states (its one key for that),
and the first of them all, ``log.opened``, which ties the log's name to its keys for good.
"""

from __future__ import annotations

import os

from gateway.clock import GatewayClock
from gateway.errors import LogDamagedError, LogIdentityError
from gateway.keys import GatewayKeys
from gateway.log.checkpoints import SignedCheckpoint
from gateway.log.journal import NewEntry
from hashing.ledger import SubjectLink
from hashing.note import NoteKey, SignatureType
from hashing.statement import sign_statement
from protocols.errors import RecordError
from protocols.kinds import Body, LogOpened
from protocols.records import SALT_BYTES, CheckpointRef, decode_record, encode_record


class OwnStatements:
    """Makes the statements of one gateway; it does not log them."""

    def __init__(self, keys: GatewayKeys, clock: GatewayClock, *, issuer: str) -> None:
        self._keys = keys
        self._clock = clock
        self._issuer = issuer

    def make(
        self,
        body: Body,
        subject: str,
        extra_subjects: tuple[str, ...],
        *,
        link: SubjectLink,
        known: SignedCheckpoint | None,
    ) -> NewEntry:
        """State something.

        Args:
            body: what is stated.
            subject: urn of what it is about.
            extra_subjects: urns of what it also concerns.
            link: its place among the acts on the subject.
            known: the newest checkpoint; None for leaf 0.

        Raises:
            RecordError: the record would be too large.
            HashingError: the subject would not fit a statement.
        """
        record = encode_record(
            body,
            at=self._clock.read(),
            checkpoint=CheckpointRef(size=known.size, root=known.root.hex()) if known else None,
            salt=os.urandom(SALT_BYTES),
        )
        statement = sign_statement(
            self._keys.statement,
            record=record,
            issuer=self._issuer,
            subject=subject,
            chain=link,
            issued_at=self._clock.synchronised_s(),
        )
        said = (statement, record, body.kind, self._issuer, subject, extra_subjects)
        return NewEntry(*said, subject_seq=link.seq)

    def log_opened(self, origin: str, instance: str) -> LogOpened:
        """What leaf 0 states."""
        return LogOpened(
            origin=origin,
            instance=instance,
            gateway=self._issuer,
            statement_key=self._keys.statement.public.pem(),
            receipt_key=self._keys.receipt.public.pem(),
            checkpoint_key=self._vkey(origin),
            development=self._keys.development,
        )

    def origin_of(self, first_record: bytes) -> str:
        """The log's name from its leaf 0, which must be about this gateway and these keys.

        Raises:
            LogDamagedError: it is no ``log.opened``.
            LogIdentityError: it names another gateway or another key.
        """
        try:
            body = decode_record(first_record).body
        except RecordError as error:
            msg = f"entry 0: {error}"
            raise LogDamagedError(msg) from error
        if not isinstance(body, LogOpened):
            msg = f"entry 0 is a {body.kind}, not log.opened"
            raise LogDamagedError(msg)
        ours = self.log_opened(body.origin, body.instance)
        for what, opened_as, now in (
            ("gateway name", body.gateway, ours.gateway),
            ("statement key", body.statement_key, ours.statement_key),
            ("receipt key", body.receipt_key, ours.receipt_key),
            ("checkpoint key", body.checkpoint_key, ours.checkpoint_key),
        ):
            if opened_as != now:
                msg = f"the log was opened under another {what}; restore the one it was opened with"
                raise LogIdentityError(msg)
        return body.origin

    def _vkey(self, origin: str) -> str:
        return NoteKey(origin, self._keys.checkpoint.public, SignatureType.ED25519).vkey()
