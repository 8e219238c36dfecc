"""Rotations that a dock shows before its ledger arrives: who signs for it now, and since where.

A dock whose TLS certificate has run out cannot upload the entry that says which key it signs with
now, and without that its proof would be by a stranger's key. So it shows the entry itself with its
proof (`docs/enrolment.md`): signed under the key that it gave up, with possession of the new one
proved inside. Read like this a rotation changes no key; only the log does that.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hashing.errors import HashingError
from hashing.ledger import DockLink
from hashing.statement import decode_statement, verify_record, verify_statement
from protocols.errors import EnrolmentError, RecordError, RotationError
from protocols.ids import DockId, EntryId, dock_urn
from protocols.kinds import KeyRotated
from protocols.records import decode_record
from protocols.rotation import DockKeys, Rotation, open_rotation

MOST_SHOWN: Final = 4
"""Rotations in a row that one proof can carry; a dock gives no further key up until heard."""
MAX_SHOWN: Final = 48_000
"""Most characters of all of them in a header."""


@dataclass(frozen=True, slots=True)
class SignedRotation:
    """An entry of a dock's ledger that is said to be a ``key.rotated``; nothing is verified.

    Attributes:
        statement: COSE_Sign1. record: JSON.
    """

    statement: bytes
    record: bytes


def shown_text(rotations: Iterable[SignedRotation]) -> str:
    """The header's value: base64url of statement, a dot, of record; oldest first, by commas.

    Raises:
        EnrolmentError: too many, or too long.
    """
    found = [f"{_text(each.statement)}.{_text(each.record)}" for each in rotations]
    text = ",".join(found)
    if len(found) > MOST_SHOWN or len(text) > MAX_SHOWN:
        raise EnrolmentError(
            f"{len(found)} rotations in {len(text)} characters are more than a proof can carry"
        )
    return text


def read_shown(text: str) -> tuple[SignedRotation, ...]:
    """Read the header's value; empty for none.

    Raises:
        EnrolmentError: it is malformed, or too much.
    """
    if not text.strip():
        return ()
    if len(text) > MAX_SHOWN:
        raise EnrolmentError(f"rotations in {len(text)} characters; {MAX_SHOWN} allowed")
    parts = text.split(",")
    if len(parts) > MOST_SHOWN:
        raise EnrolmentError(f"{len(parts)} rotations; {MOST_SHOWN} allowed")
    return tuple(_read(part.strip()) for part in parts)


def open_shown(shown: SignedRotation, dock: DockId, keys: DockKeys) -> tuple[Rotation, bytes]:
    """Check one against the keys that are known, as the log would at its place.

    Args:
        shown: as it arrived.
        dock: whose it has to be.
        keys: as far as they are known; the one at its place must have signed it.

    Returns:
        The rotation, and the statement's hash. Whether it continues the keys is the caller's to
        ask (``DockKeys.after``).

    Raises:
        RotationError: it is none, another dock's, or not signed by the key at its place.
    """
    try:
        statement = decode_statement(shown.statement)
        link = statement.chain
        if not isinstance(link, DockLink) or {statement.issuer, statement.subject} != {
            dock_urn(dock)
        }:
            raise RotationError(f"what is shown is no statement of {dock} about itself")
        place = (link.epoch, link.seq)
        verify_statement(statement, keys.at(place))
        verify_record(statement, shown.record)
        body = decode_record(shown.record).body
    except (HashingError, RecordError) as error:
        raise RotationError(f"what is shown does not hold: {error}") from error
    if not isinstance(body, KeyRotated):
        raise RotationError(f"what is shown is a {body.kind}, not a rotation")
    rotation = open_rotation(body, EntryId(dock, *place))
    if rotation.previous != keys.at(place):
        raise RotationError("it gives up another key than the one that signs there")
    return rotation, statement.hash


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _read(part: str) -> SignedRotation:
    statement, dot, record = part.partition(".")
    if not dot or not statement or not record:
        raise EnrolmentError("a rotation is shown as STATEMENT.RECORD, both in base64url")
    return SignedRotation(_bytes(statement), _bytes(record))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnrolmentError("a rotation is shown in base64url, without padding") from error
