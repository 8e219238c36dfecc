"""The dock's statement key as a file: made once, read at every start, never overwritten.

Losing this file means a new enrolment; leaking it means somebody else can speak as this
dock. So it is created readable by its owner alone and refused when others may read it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from edge import durable
from edge.errors import KeyFileError
from hashing.errors import KeyFormatError
from hashing.keys import Es256Signer

_MAX_PEM: Final = 64 * 1024
_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"
# systemd hands credentials over with a group bit set, so reading by the group is fine.
_UNSAFE: Final = stat.S_IRWXO | stat.S_IWGRP


def generate(path: Path) -> Es256Signer:
    """Make a key and write it durably with mode 0600.

    Raises:
        KeyFileError: a file of this name exists, or it cannot be written.
    """
    signer = Es256Signer.generate()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise KeyFileError(
            f"{path} exists; a dock's key is never overwritten. Move it away first"
        ) from error
    except OSError as error:
        raise KeyFileError(f"cannot write key {path}: {error.strerror}") from error
    try:
        durable.write_all(fd, signer.pem())
        durable.fsync_file(fd)
        durable.fsync_dir(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyFileError(f"cannot write key {path}: {error.strerror}") from error
    finally:
        os.close(fd)
    return signer


def load(path: Path) -> Es256Signer:
    """Read the key.

    Raises:
        KeyFileError: missing, readable by others, or not a P-256 private key.
    """
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
