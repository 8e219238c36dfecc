"""The dock's statement key, in a file or a token: made once, never overwritten.

Losing it means a new enrolment; leaking it means somebody else can speak as this dock. So a
file is created readable by its owner alone and refused when others may read it; a token is asked
for a key that it never gives out (``tokens``, which is only loaded where there is one).
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

import structlog

from edge import durable
from edge.config import CREDENTIALS, KeyPlace, key_file
from edge.crashpoints import reach
from edge.errors import KeyFileError, PinRefused, TokenAway
from hashing.errors import KeyFormatError
from hashing.keys import Algorithm, Es256Signer, Signer
from tokens.errors import NoSuchKeyError, PinRefusedError, TokenAwayError, TokenError
from tokens.uri import TokenKey

log = structlog.get_logger()

_MAX_PEM: Final = 64 * 1024
_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"
# systemd hands credentials over with a group bit set, so reading by the group is fine.
_UNSAFE: Final = stat.S_IRWXO | stat.S_IWGRP


def generate(place: KeyPlace) -> Signer:
    """Make a key: in a token so that it cannot leave it, else a file of mode 0600, durably.

    Raises:
        KeyFileError: there is one of this name, or it cannot be made.
        TokenAway: the token is not there.
    """
    return _in_token(place, new=True) if isinstance(place, TokenKey) else _write(place)


def load(place: KeyPlace) -> Signer:
    """Read the key, or find it in its token and try it once; blocks.

    Raises:
        KeyFileError: missing, readable by others, or not a P-256 private key.
        TokenAway: the token is not there.
    """
    return _in_token(place, new=False) if isinstance(place, TokenKey) else _read(place)


def load_or_make(place: KeyPlace) -> Signer:
    """The key that is there, else a new one.

    Raises:
        KeyFileError: it is there and cannot be used, or none can be made.
        TokenAway: the token is not there.
    """
    if not isinstance(place, TokenKey):
        return _read(place) if place.exists() else _write(place)
    try:
        return load(place)
    except KeyFileError as error:
        if not isinstance(error.__cause__, NoSuchKeyError):
            raise
    return generate(place)


def sweep(path: Path) -> int:
    """Remove what a power cut left of writing this key: a private key must not lie about.

    Returns:
        How many files are gone; one that cannot be removed is left and logged.
    """
    left = re.compile(rf"\.+{re.escape(path.name)}(?:\.[0-9a-f]{{16}}\.tmp)+")
    gone = 0
    try:
        for each in path.parent.iterdir():
            if left.fullmatch(each.name):
                each.unlink(missing_ok=True)
                gone += 1
        if gone:
            durable.fsync_dir(path.parent)
            log.warning("key.leftover-removed", key=str(path), files=gone)
    except OSError as error:
        # A folder of credentials cannot be written, nor was it by a dock.
        log.info("key.not-swept", key=str(path), reason=error.strerror)
    return gone


def is_units_own(place: KeyPlace) -> bool:
    """Whether only the dock's unit can use it: its file, or its PIN, is a credential of that."""
    file = key_file(place)
    return file is not None and CREDENTIALS in file.parts


# --- in a token ---------------------------------------------------------------------


def _in_token(place: TokenKey, *, new: bool) -> Signer:
    # Here, so that a dock whose key is a file carries none of it in its memory.
    from tokens import signer  # noqa: PLC0415

    try:
        found = signer.generate(place) if new else signer.TokenSigner.open(place)
    except TokenAwayError as error:
        raise TokenAway(f"{error}; put it in, the dock goes on by itself") from error
    except PinRefusedError as error:
        raise PinRefused(str(error)) from error
    except TokenError as error:
        raise KeyFileError(str(error)) from error
    if found.algorithm is not Algorithm.ES256:
        raise KeyFileError(f"{place.described}: a statement key is a P-256 key")
    return found


# --- in a file ----------------------------------------------------------------------


def _write(path: Path) -> Es256Signer:
    signer = Es256Signer.generate()
    # Under another name first: a cut must leave no half a key that looks like a lost one.
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        durable.write_atomic(temp, signer.pem())
        reach("key.written")
        # Unlike a rename, a link never takes the place of a key that is there.
        path.hardlink_to(temp)
        durable.fsync_dir(path.parent)
        reach("key.linked")
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists; a dock's key is never overwritten. Move it away first"
        ) from error
    except OSError as error:
        raise KeyFileError(f"cannot write key {path}: {error.strerror}") from error
    finally:
        temp.unlink(missing_ok=True)
    return signer


def _read(path: Path) -> Es256Signer:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileError(f"cannot read key {path}: {_hint(error, path)}") from error
    try:
        # Of the open file, so that what was checked is what is read.
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        pem = os.read(fd, _MAX_PEM)
        if _PUBLIC in pem:
            raise KeyFileError(
                f"key {path}: this is the public key, which is for the gateway; "
                "`evidock-edge keygen` wrote the private one where its --out said"
            )
        if mode & _UNSAFE:
            raise KeyFileError(
                f"key {path} has mode {mode:04o}: others can use it. Run: chmod 600 {path}"
            )
        return Es256Signer.from_pem(pem)
    except OSError as error:
        raise KeyFileError(f"cannot read key {path}: {error.strerror}") from error
    except KeyFormatError as error:
        raise KeyFileError(f"key {path}: {error}") from error
    finally:
        os.close(fd)


def _hint(error: OSError, path: Path) -> str:
    if "${" in str(path):
        return (
            "it is a credential of the dock's unit, which only `evidock-edge run` inside that unit "
            "gets. Elsewhere, name the public key, or decrypt it (systemd-creds decrypt)"
        )
    if isinstance(error, FileNotFoundError):
        return (
            f"there is none. A new dock makes one with: evidock-edge keygen --out {path}; one that "
            "is enrolled needs the key it was enrolled with"
        )
    if isinstance(error, PermissionError):
        # A new key would not be the enrolled one, so nobody is told to make one here.
        return f"this program runs as user {os.geteuid()}, who may not. Give the file to that user"
    return str(error.strerror)
