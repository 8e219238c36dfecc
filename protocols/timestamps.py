"""RFC 3161 time stamps over checkpoints: whether an answer is one, and by whom.

What is stamped is the text of the checkpoint: origin, size, root, without signatures, just what
witnesses sign. So a stamp stays good whatever cosignatures are added.

The cryptography of it is ``rfc3161-client``'s, which is asked for when the first stamp is
checked: docks have no use for it, and whoever verifies without it is told so. Certificates have
to be valid at the time of the stamp, not today.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING

from cryptography import x509

from hashing.note import parse_note
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_RESPONSE = 64 << 10
MAX_ROOTS = 1 << 20


class StampError(ProtocolError):
    """Not a time stamp over this checkpoint by a trusted authority."""


class StampsUnreadableError(ProtocolError):
    """The library that reads time stamps is not installed; nothing was checked."""


def parse_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Certificates of authorities that are trusted for time stamps.

    Raises:
        StampError: there is none, or they are not in PEM form.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise StampError("no certificates in PEM form") from error


def stamped_text(note: bytes) -> bytes:
    """What a stamp over this checkpoint is over; raises DecodeError when it is no note."""
    return parse_note(note).text.encode()


def check_stamp(
    response: bytes,
    note: bytes,
    roots: Sequence[x509.Certificate],
    *,
    nonce: int | None = None,
) -> datetime:
    """When the authority says that it saw this checkpoint.

    Args:
        response: a TimeStampResp in DER.
        note: the checkpoint.
        roots: who is trusted, one at least.
        nonce: of the question; None for a stamp that was kept.

    Raises:
        StampError: it is none over this, or by nobody who is trusted.
        StampsUnreadableError: this machine has nothing to read it with.
        DecodeError: the note is none.
    """
    text = stamped_text(note)
    if len(response) > MAX_RESPONSE:
        raise StampError(f"a time stamp of {len(response)} bytes; {MAX_RESPONSE} allowed")
    client = _client()
    try:
        stamp = client.decode_timestamp_response(response)
        builder = client.VerifierBuilder(roots=list(roots), nonce=nonce)
        builder.build().verify_message(stamp, text)
        return _time_of(stamp)
    except (client.VerificationError, ValueError, TypeError) as error:
        raise StampError(f"no time stamp that can be trusted: {error}"[:300]) from error


def claimed_time(response: bytes) -> datetime:
    """What time a stamp names, by nobody in particular: nothing is verified.

    Raises:
        StampError: it cannot be read. StampsUnreadableError: nothing to read it with.
    """
    client = _client()
    try:
        return _time_of(client.decode_timestamp_response(response[:MAX_RESPONSE]))
    except (ValueError, TypeError) as error:
        raise StampError(f"no time stamp: {error}"[:300]) from error


def _time_of(stamp: TimeStampResponse) -> datetime:
    return stamp.tst_info.gen_time.astimezone(UTC)


def _client() -> ModuleType:
    try:
        import rfc3161_client  # noqa: PLC0415  # docks do without it
    except ImportError as error:
        msg = "time stamps need the package rfc3161-client (evidock[timestamps])"
        raise StampsUnreadableError(msg) from error
    return rfc3161_client
