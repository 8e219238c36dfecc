"""Secrets and signatures of Standard Webhooks 1.0 (standardwebhooks.com), symmetric ``v1``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """A secret of 256 bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """As receivers are told it: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(message: str, at_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three header fields of a message.

    Args:
        message: its name, the same at each attempt; holds no full stop.
        at_s: seconds since 1970 of this attempt, against messages that are sent again later.
        body: exactly as sent.
        keys: secrets that hold now; while one is being replaced there are two.
    """
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature(message, at_s, body, key)}" for key in keys),
    }


def signature(message: str, at_s: int, body: bytes, secret: bytes) -> str:
    """HMAC-SHA256 over name, time and body, in base64."""
    signed = f"{message}.{at_s}.".encode() + body
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def is_secret(text: str) -> bool:
    """Whether a text is a secret as receivers are told it."""
    try:
        known = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        return False
    return text.startswith(PREFIX) and len(known) == _SECRET_BYTES
