"""One time stamp: its question, and whether an answer is one (RFC 3161)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import HashAlgorithm, TimeStampRequest, TimestampRequestBuilder

from gateway.errors import GatewayError, SetupError
from protocols import timestamps
from protocols.errors import ProtocolError
from protocols.timestamps import parse_roots, stamped_text


class StampError(GatewayError):
    """Not a time stamp over this checkpoint by a trusted authority."""


def load_roots(path: Path) -> tuple[x509.Certificate, ...]:
    """Certificates of authorities that are trusted for time stamps.

    Raises:
        SetupError: the file cannot be read, or has none.
    """
    try:
        return parse_roots(path.read_bytes())
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except ProtocolError as error:
        raise SetupError(f"{path}: {error}") from error


def request_for(note: bytes) -> TimeStampRequest:
    """The question for a checkpoint, with a nonce and for the authority's certificate."""
    builder = (
        TimestampRequestBuilder().data(stamped_text(note)).hash_algorithm(HashAlgorithm.SHA256)
    )
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def check_stamp(
    response: bytes,
    note: bytes,
    roots: Sequence[x509.Certificate],
    *,
    asked: TimeStampRequest | None = None,
) -> datetime:
    """When the authority says that it saw this checkpoint (``protocols.timestamps``).

    Args:
        response: a TimeStampResp in DER.
        note: the checkpoint.
        roots: who is trusted, one at least.
        asked: the question, for its nonce; None for a stamp that was kept.

    Raises:
        StampError: it is none over this, or by nobody who is trusted.
        DecodeError: the note is none.
    """
    try:
        return timestamps.check_stamp(
            response, note, roots, nonce=None if asked is None else asked.nonce
        )
    except ProtocolError as error:
        raise StampError(str(error)) from error
