"""Failures of a file system, as the gateway's own."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.errors import ObjectMissingError, StoreError, StoreFullError

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Raise what the file system says about an object as ObjectMissing-, StoreFull-, StoreError."""
    try:
        yield
    except FileNotFoundError as error:
        msg = f"no object {key}"
        raise ObjectMissingError(msg) from error
    except OSError as error:
        kind = StoreFullError if error.errno in FULL else StoreError
        raise kind(f"{key}: {error.strerror}") from error
