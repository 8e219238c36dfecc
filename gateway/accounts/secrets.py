"""Password hashes and one-time codes.

Argon2id as OWASP's password storage cheat sheet gives it at least (19 MiB, two passes, one lane);
one-time codes as RFC 6238 with what every authenticator app knows (SHA-1, six digits, 30 s).
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from gateway.errors import InvalidError
from gateway.vault import Vault

SHORTEST: Final = 12
LONGEST: Final = 200
STEP_S: Final = 30
_DIGITS: Final = 6
_SECRET_BYTES: Final = 20
_WHAT: Final = "second-factor"
_DRIFT_STEPS: Final = 1
_MEMORY_KIB: Final = 19 * 1024
_ITERATIONS: Final = 2
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
# The first guesses of everybody who guesses, in the length that is allowed here.
_COMMON: Final = ("password", "qwerty", "123456", "111111", "abcdef", "admin", "evidock", "woaini")


class PasswordWeakError(InvalidError):
    """A password that is too easy to guess."""


class Passwords:
    """Makes and checks hashes, few at a time: each takes memory and time, and anybody may ask."""

    def __init__(self) -> None:
        self._few = asyncio.Semaphore(2)
        self._nobodys: str | None = None

    async def hashed(self, password: str) -> str:
        """Argon2id of a password, in the PHC string format."""
        async with self._few:
            return await asyncio.to_thread(_hash, password)

    async def fits(self, password: str, hashed: str | None) -> bool:
        """Whether a password is the one; takes as long where there is none to compare with."""
        async with self._few:
            if self._nobodys is None:
                self._nobodys = await asyncio.to_thread(_hash, os.urandom(8).hex())
            fits = await asyncio.to_thread(_fits, password, hashed or self._nobodys)
            return fits and hashed is not None


def refuse_weak(password: str, *names: str) -> None:
    """Refuse what is guessed first. No rules about kinds of letters (NIST SP 800-63B, 3.1.1).

    Args:
        password: as typed.
        names: what the person is called; no password is made of it.

    Raises:
        PasswordWeakError: too short, too long, or easily guessed.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordWeakError(
            f"a password has {SHORTEST} to {LONGEST} characters; a sentence is easily kept in mind"
        )
    plain = password.casefold()
    rest = plain
    words = (*_COMMON, *(name.casefold() for name in names if name))
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(set(plain)) < SHORTEST // 2 or len(rest) < SHORTEST // 2:
        raise PasswordWeakError(
            "this password is easily guessed: it repeats itself, or is made of words that "
            "everybody tries"
        )


class SecondFactors:
    """Secrets for one-time codes, as the database keeps them: sealed."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def new(self) -> bytes:
        """A new one; raises KeyFileError."""
        return self._vault.seal(_WHAT, os.urandom(_SECRET_BYTES))

    def open(self, kept: bytes) -> bytes:
        """The secret itself.

        Raises:
            KeyFileError: it does not open; a new link gives the person another.
        """
        # As programs before the vault kept it.
        return kept if len(kept) == _SECRET_BYTES else self._vault.open(_WHAT, kept)


def totp_uri(secret: bytes, login: str, issuer: str) -> str:
    """What an authenticator app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(login, issuer)


def totp_step(secret: bytes, code: str, now_s: int, newest: int) -> int | None:
    """The time step a code stands for.

    Args:
        secret: of the account.
        code: as typed.
        now_s: seconds since 1970, by the gateway's clock.
        newest: the newest step that was used; that and earlier ones count no more (RFC 6238, 5.2).

    Returns:
        The step, or None when the code is of none near now.
    """
    typed = code.replace(" ", "").encode()
    totp = _totp(secret)
    at = now_s // STEP_S
    # Every step is compared, and none of them early: how long it takes tells nothing.
    fitting = [
        step
        for step in range(at - _DRIFT_STEPS, at + _DRIFT_STEPS + 1)
        if totp.generate(step * STEP_S) == typed and step > newest
    ]
    return fitting[0] if fitting else None


def _totp(secret: bytes) -> TOTP:
    # What RFC 6238 is made of: as a MAC for six digits, SHA-1 is not broken.
    return TOTP(secret, _DIGITS, SHA1(), STEP_S)  # noqa: S303


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(
        salt=salt, length=_HASH_BYTES, iterations=_ITERATIONS, lanes=1, memory_cost=_MEMORY_KIB
    )


def _hash(password: str) -> str:
    return _argon2id(os.urandom(_SALT_BYTES)).derive_phc_encoded(password.encode())


def _fits(password: str, hashed: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True
