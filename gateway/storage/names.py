"""Names of objects: up to ten parts, harmless in every file system, bucket and URL."""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import InvalidError

_PART: Final = "[a-z0-9_-][a-z0-9._-]{0,99}"
_KEY: Final = re.compile(rf"{_PART}(/{_PART}){{0,9}}\Z")
_NAME: Final = re.compile(rf"{_PART}\Z")
ASIDE: Final = "damaged"
"""Below it lies what was set aside, under its own key and a number."""
MOST_ASIDE: Final = 1000


def checked_key(key: str) -> str:
    """A key as it is.

    Raises:
        InvalidError: not a key: up to ten parts of ``a-z 0-9 . _ -``, none beginning with a dot.
    """
    if not _KEY.match(key):
        msg = f"{key[:120]!r} is no object key"
        raise InvalidError(msg)
    return key


def checked_name(name: str) -> str:
    """A plain name as it is.

    Raises:
        InvalidError: not a plain name of ``a-z 0-9 . _ -``.
    """
    if not _NAME.match(name):
        msg = f"{name[:120]!r} is no name for a staging file"
        raise InvalidError(msg)
    return name
