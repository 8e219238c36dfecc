"""Files that somebody named or sent: opened without waiting, and only if they are files.

Opening a pipe that nobody writes to waits for ever, and a device has no end; neither is ever
a trust file, a policy or a part of a pack.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from verifier.errors import NoFileError, VerifierError


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: of the file.
        follow: a symbolic link at its end.

    Raises:
        NoFileError: it is a pipe, a device, a socket or a folder.
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    handle = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoFileError(
            f"{path}: not a regular file, but a pipe, device or folder; save it first"
        )
    return os.fdopen(handle, "rb")


def read_regular(path: Path, most: int) -> bytes:
    """The first bytes of a regular file.

    Raises:
        VerifierError: it is none, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            return file.read(most)
    except OSError as error:
        raise VerifierError(f"{path}: {error.strerror}") from error
