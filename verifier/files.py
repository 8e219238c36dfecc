"""Files that somebody named or sent: opened without waiting, and only if they are files.

Opening a pipe that nobody writes to waits for ever, and a device has no end; neither is ever
a part of a pack. What a shell puts in place of a command, as in ``--trust <(ssh dock7 …)``, is a
pipe without a name to which that command writes: that one is read, so long and no longer.
"""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO, Final

from verifier.errors import NoFileError, VerifierError

PATIENCE_S: Final = 60.0
"""For all that comes through a pipe: somebody may have to type a password first."""


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


def read_given(path: Path, most: int, patience: float = PATIENCE_S) -> bytes:
    """The first bytes of a file that whoever runs this program named, or of a command in its place.

    Raises:
        VerifierError: it is neither, cannot be read, or its command is not done in time.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise VerifierError(f"{path}: {error.strerror}") from error
    try:
        if _is_unnamed_pipe(handle):
            return _read_pipe(path, handle, most, time.monotonic() + patience)
    except OSError as error:
        raise VerifierError(f"{path}: {error.strerror}") from error
    finally:
        os.close(handle)
    return read_regular(path, most)


def _is_unnamed_pipe(handle: int) -> bool:
    """A named one may have no writer, and never get one."""
    if not stat.S_ISFIFO(os.fstat(handle).st_mode):
        return False
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink()).startswith("pipe:[")
    except OSError:
        return False


def _read_pipe(path: Path, handle: int, most: int, until: float) -> bytes:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    raw = b""
    while len(raw) < most:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            msg = (
                f"{path}: a pipe whose command did not end in time ({len(raw)} bytes came); save "
                "what it writes first, and name that file"
            )
            raise VerifierError(msg)
        chunk = os.read(handle, most - len(raw))
        if not chunk:
            break
        raw += chunk
    return raw
