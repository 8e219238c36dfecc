"""The gateway's three signing keys, one purpose each (TRUST, "Keys").

Statement and receipt keys are ES256, the checkpoint key is Ed25519. Keys are read from PEM files
that nobody else may read, or stay in a token (``tokens``). In its own folder the gateway makes
development keys when there are none at all, with a warning at every start; a folder that holds some
of the keys but not all is refused, because making the missing one would split the log's history in
two. A folder or key that an operator names is only ever read.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from gateway.durable import sync_folder
from gateway.errors import KeyAwayError, KeyFileError
from hashing.errors import KeyFormatError, SigningError
from hashing.keys import Algorithm, Ed25519Signer, Es256Signer, Signer, load_signer
from tokens.errors import TokenAwayError, TokenError
from tokens.uri import TokenKey

STATEMENT, RECEIPT, CHECKPOINT = "statement.pem", "receipt.pem", "checkpoint.pem"
_FILES = (STATEMENT, RECEIPT, CHECKPOINT)
_DEVELOPMENT = "DEVELOPMENT"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAX_KEY_FILE = 16 * 1024

_log = structlog.get_logger("gateway.keys")
_T = TypeVar("_T")

KeyPlace = Path | TokenKey


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """The signers; ``development`` says that this program made them by itself."""

    statement: Signer
    receipt: Signer
    checkpoint: Signer
    development: bool

    async def sign(self, call: Callable[[], _T]) -> _T:
        """Run what signs: beside the event loop where a token is asked, which may take its time."""
        signers = (self.statement, self.receipt, self.checkpoint)
        if all(isinstance(each, Es256Signer | Ed25519Signer) for each in signers):
            return call()
        try:
            return await asyncio.to_thread(call)
        except SigningError as error:
            raise KeyAwayError(f"{error}; nothing was signed, ask again") from error


class Places(Protocol):
    """Where the settings say that keys are; None for the file of that purpose in the folder."""

    @property
    def statement(self) -> KeyPlace | None:
        """Of the statement key."""
        ...

    @property
    def receipt(self) -> KeyPlace | None:
        """Of the receipt key."""
        ...

    @property
    def checkpoint(self) -> KeyPlace | None:
        """Of the checkpoint key."""
        ...


def load_or_make(folder: Path) -> GatewayKeys:
    """Read the keys, or make development keys in a folder that has none.

    Raises:
        KeyFileError: some keys are missing, unusable, or readable by others.
    """
    missing = [name for name in _FILES if not (folder / name).exists()]
    if len(missing) == len(_FILES):
        _make(folder)
    elif missing:
        msg = f"{folder}: {', '.join(missing)} missing; restore the keys from their backup"
        raise KeyFileError(msg)
    keys = load(folder)
    if keys.development:
        _log.warning(
            "keys.development",
            folder=str(folder),
            meaning="keys were made by this program: fit for trying it out, not for evidence",
        )
    return keys


def refuse_lost(folder: Path) -> None:
    """Say that a log's keys are gone, before new ones are made in their place.

    Call it when there is a log already: keys made now could never go on with it, and would
    stand where the lost ones are to be restored.

    Raises:
        KeyFileError: the folder has none of the keys.
    """
    if not any((folder / name).exists() for name in _FILES):
        msg = (
            f"{folder}: the keys are gone that this gateway's log was opened with; restore them "
            "from their backup. No new ones were made: a log is never continued with other keys"
        )
        raise KeyFileError(msg)


def load(folder: Path, named: Places | None = None) -> GatewayKeys:
    """Read the three keys.

    Args:
        folder: holds those that the settings do not name one by one.
        named: where the others are.

    Raises:
        KeyFileError: a key is missing, unusable, readable by others, or another one's as well.
        KeyAwayError: the token of one is not there.
    """
    keys = GatewayKeys(
        _signer((named and named.statement) or folder / STATEMENT, Algorithm.ES256),
        _signer((named and named.receipt) or folder / RECEIPT, Algorithm.ES256),
        _signer((named and named.checkpoint) or folder / CHECKPOINT, Algorithm.EDDSA),
        development=(folder / _DEVELOPMENT).exists(),
    )
    if keys.statement.public == keys.receipt.public:
        msg = "statements and receipts have one key; each purpose needs its own"
        raise KeyFileError(msg)
    return keys


def _signer(place: KeyPlace, algorithm: Algorithm) -> Signer:
    found = _in_token(place) if isinstance(place, TokenKey) else _in_file(place)
    if found.algorithm is not algorithm:
        kind = "P-256" if algorithm is Algorithm.ES256 else "Ed25519"
        msg = f"{place}: not a {kind} private key"
        raise KeyFileError(msg)
    return found


def _in_file(path: Path) -> Signer:
    try:
        return load_signer(private_key(path))
    except KeyFormatError as error:
        msg = f"{path}: {error}"
        raise KeyFileError(msg) from error


def _in_token(place: TokenKey) -> Signer:
    # Here, so that a gateway whose keys are files needs none of it.
    from tokens.signer import TokenSigner  # noqa: PLC0415

    try:
        return TokenSigner.open(place)
    except TokenAwayError as error:
        raise KeyAwayError(str(error)) from error
    except TokenError as error:
        raise KeyFileError(str(error)) from error


def private_key(path: Path) -> bytes:
    """A private key's file.

    Raises:
        KeyFileError: it cannot be read, or can be by others.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                msg = f"{path} is no file"
                raise KeyFileError(msg)
            if mode & _OTHERS:
                msg = f"{path} can be read by others; run: chmod 600 {path}"
                raise KeyFileError(msg)
            return file.read(_MAX_KEY_FILE)
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise KeyFileError(msg) from error


def _make(folder: Path) -> None:
    # All three appear at once: a cut in between must not look like a lost key.
    fresh = folder.with_name(folder.name + ".new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        write_private(fresh / STATEMENT, Es256Signer.generate().pem())
        write_private(fresh / RECEIPT, Es256Signer.generate().pem())
        write_private(fresh / CHECKPOINT, Ed25519Signer.generate().pem())
        write_private(fresh / _DEVELOPMENT, b"Made by evidock-gateway for trying it out.\n")
        sync_folder(fresh)
        fresh.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        msg = f"{folder}: cannot make development keys: {error.strerror}"
        raise KeyFileError(msg) from error


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read, to the disk; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # opened above with its mode
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
