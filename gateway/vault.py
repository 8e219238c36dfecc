"""Secrets that have to be read again, such as second factors and what webhooks are signed with.

The database holds them sealed under one key that lies in a file beside it, so that a copy of the
database alone, such as a backup that went astray, opens nothing. Whoever has both has the secrets.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.durable import sync_folder
from gateway.errors import KeyFileError
from gateway.keys import private_key, write_private

NAME: Final = "vault.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"


class VaultError(KeyFileError):
    """A secret that does not open: the vault's key is another one, or the secret was changed."""


class Vault:
    """Seals and opens small secrets; the key is made when the first one is sealed."""

    def __init__(self, folder: Path) -> None:
        """Prepare; nothing is read yet.

        Args:
            folder: where the key's file is, or is to be.
        """
        self._path = folder / NAME
        self._cipher: AESGCM | None = None

    def seal(self, what: str, secret: bytes) -> bytes:
        """Seal a secret (AES-256-GCM, random nonce).

        Args:
            what: what the secret is for; it opens for nothing else.
            secret: up to some kilobytes.

        Raises:
            KeyFileError: there is no usable key.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._opened(make=True).encrypt(nonce, secret, what.encode())

    def open(self, what: str, sealed: bytes) -> bytes:
        """Open what was sealed.

        Raises:
            VaultError: not with this key, or not for this. KeyFileError: there is no usable key.
        """
        cipher, rest = self._opened(make=False), sealed.removeprefix(_VERSION)
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], what.encode())
        except (InvalidTag, ValueError) as error:
            msg = f"{self._path} does not open a secret ({what}); was it replaced or not restored?"
            raise VaultError(msg) from error

    def _opened(self, *, make: bool) -> AESGCM:
        if self._cipher is None:
            if make and not self._path.exists():
                _make(self._path)
            key = private_key(self._path)
            if len(key) != _KEY_BYTES:
                msg = f"{self._path} holds {len(key)} bytes instead of {_KEY_BYTES}; restore it"
                raise KeyFileError(msg)
            self._cipher = AESGCM(key)
        return self._cipher


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(fresh, os.urandom(_KEY_BYTES))
        # Whole or not there at all, and never over another worker's.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        sync_folder(path.parent)
    except OSError as error:
        msg = f"{path}: cannot make the key of the secrets: {error.strerror}"
        raise KeyFileError(msg) from error
    finally:
        fresh.unlink(missing_ok=True)
