"""Nonces that need no memory: a time, some chance, and a tag that only this process can make.

One is good for five minutes, however often it is shown: what is signed over it names one
certificate request, and that is answered alike each time. A restart of the gateway ends all of
them, and whoever holds one asks again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from protocols.enrolment import NONCE_LIFE_S

_TIME: Final = 8
_CHANCE: Final = 8
_TAG: Final = 16


class Nonces:
    """Makes and recognises them; 32 bytes each."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def make(self, now_s: int) -> bytes:
        """A fresh one; ``now_s`` is any clock's seconds."""
        said = now_s.to_bytes(_TIME, "big") + secrets.token_bytes(_CHANCE)
        return said + self._tag(said)

    def is_good(self, nonce: bytes, now_s: int) -> bool:
        """Whether it was made here, within the last five minutes."""
        said, tag = nonce[: _TIME + _CHANCE], nonce[_TIME + _CHANCE :]
        made_s = int.from_bytes(said[:_TIME], "big")
        return hmac.compare_digest(tag, self._tag(said)) and 0 <= now_s - made_s < NONCE_LIFE_S

    def _tag(self, said: bytes) -> bytes:
        return hmac.new(self._secret, said, hashlib.sha256).digest()[:_TAG]
