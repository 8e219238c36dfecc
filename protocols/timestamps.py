"""RFC 3161 time stamps over checkpoints: whether an answer is one, and by whom.

What is stamped is the text of the checkpoint: origin, size, root, without signatures, just what
witnesses sign. So a stamp stays good whatever cosignatures are added.

The cryptography of it is ``rfc3161-client``'s, which is asked for when the first stamp is
checked: docks have no use for it, and whoever verifies without it is told so. Certificates have
to be valid at the time of the stamp, not today.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING

from cryptography import x509

from hashing.note import parse_note
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse
    from rfc3161_client.tsp import Accuracy

MAX_RESPONSE = 64 << 10
MAX_ROOTS = 1 << 20
_NIST = "2.16.840.1.101.3.4.2."
_STRONG = frozenset({*(f"{_NIST}{n}" for n in (1, 2, 3, 8, 9, 10)), "1.2.156.10197.1.401"})
"""SHA-2 and SHA-3 from 256 bits on, and SM3."""
# A time past the year 9999, or an error that no calendar holds, is OverflowError.
_UNREADABLE = (ValueError, TypeError, OverflowError)


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
    """By when the authority says that it saw this checkpoint: its time and its error.

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
        _refuse_weak(stamp)
        return _time_of(stamp)
    except (client.VerificationError, *_UNREADABLE) as error:
        raise StampError(f"no time stamp that can be trusted: {error}"[:300]) from error


def claimed_time(response: bytes) -> datetime:
    """What time a stamp names, with its error, by nobody in particular: nothing is verified.

    Raises:
        StampError: it cannot be read. StampsUnreadableError: nothing to read it with.
    """
    client = _client()
    try:
        return _time_of(client.decode_timestamp_response(response[:MAX_RESPONSE]))
    except _UNREADABLE as error:
        raise StampError(f"no time stamp: {error}"[:300]) from error


def _time_of(stamp: TimeStampResponse) -> datetime:
    """The latest that it can have been: half of what an authority says is how far it may be off."""
    info = stamp.tst_info
    error: Accuracy | None = info.accuracy  # an authority need not name any
    if error is None:
        return info.gen_time.astimezone(UTC)
    parts = (error.seconds or 0, error.millis or 0, error.micros or 0)
    if min(parts) < 0:
        raise ValueError("an error below nothing")
    off = timedelta(seconds=parts[0], milliseconds=parts[1], microseconds=parts[2])
    return info.gen_time.astimezone(UTC) + off


def _refuse_weak(stamp: TimeStampResponse) -> None:
    """Whoever asks chooses what is stamped: by a digest with collisions two things are."""
    for used in stamp.signed_data.digest_algorithms:
        if used.dotted_string not in _STRONG:
            raise ValueError(f"signed over {used.dotted_string}, a digest that is not taken")


def _client() -> ModuleType:
    try:
        import rfc3161_client  # noqa: PLC0415  # docks do without it
    except ImportError as error:
        msg = "time stamps need the package rfc3161-client (evidock[timestamps])"
        raise StampsUnreadableError(msg) from error
    return rfc3161_client
