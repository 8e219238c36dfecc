"""One time stamp: its question, and whether an answer is one (RFC 3161).

What is stamped is the text of the checkpoint: origin, size, root, without signatures, just what
witnesses sign. So a stamp stays good whatever cosignatures are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from gateway.errors import GatewayError, SetupError
from hashing.note import parse_note

MAX_RESPONSE = 64 << 10


class StampError(GatewayError):
    """Not a time stamp over this checkpoint by a trusted authority."""


def load_roots(path: Path) -> tuple[x509.Certificate, ...]:
    """Certificates of authorities that are trusted for time stamps.

    Raises:
        SetupError: the file cannot be read, or has none.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SetupError(f"{path}: no certificates in PEM form") from error


def request_for(note: bytes) -> TimeStampRequest:
    """The question for a checkpoint, with a nonce and for the authority's certificate."""
    builder = TimestampRequestBuilder().data(_text(note)).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def check_stamp(
    response: bytes,
    note: bytes,
    roots: Sequence[x509.Certificate],
    *,
    asked: TimeStampRequest | None = None,
) -> datetime:
    """When the authority says that it saw this checkpoint.

    Args:
        response: a TimeStampResp in DER.
        note: the checkpoint.
        roots: who is trusted, one at least.
        asked: the question, for its nonce; None for a stamp that was kept.

    Raises:
        StampError: it is none over this, or by nobody who is trusted.
        DecodeError: the note is none.
    """
    text = _text(note)
    if len(response) > MAX_RESPONSE:
        raise StampError(f"a time stamp of {len(response)} bytes; {MAX_RESPONSE} allowed")
    builder = VerifierBuilder(roots=list(roots), nonce=None if asked is None else asked.nonce)
    try:
        stamp = decode_timestamp_response(response)
        builder.build().verify_message(stamp, text)
        return stamp.tst_info.gen_time.astimezone(UTC)
    except (VerificationError, ValueError, TypeError) as error:
        raise StampError(f"no time stamp that can be trusted: {error}"[:300]) from error


def _text(note: bytes) -> bytes:
    return parse_note(note).text.encode()
