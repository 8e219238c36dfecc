"""Lines that people type and read: what reads the same is the same, nothing in it is invisible.

A case number that a person picks from a list or types by hand has to equal the one the case
system gave, and nothing in it may turn the direction of what follows or hide from a reader.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

# Control, format, surrogate, line and paragraph separators: none of them shows.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    """Check a line that is to be stated or shown.

    Raises:
        ValueError: blank at an end, not in Unicode normal form C, or with a character that
            does not show; the text says which.
    """
    for character in text:
        if unicodedata.category(character) in _HIDDEN:
            msg = f"U+{ord(character):04X} does not show in a line"
            raise ValueError(msg)
    if text != text.strip():
        msg = "begins or ends with a space"
        raise ValueError(msg)
    if not unicodedata.is_normalized("NFC", text):
        msg = "not in Unicode normal form C (NFC)"
        raise ValueError(msg)
    return text


def typed(text: str) -> str:
    """A line as a person typed it, in its one form: NFC, without spaces around it."""
    return unicodedata.normalize("NFC", text).strip()


PlainText = Annotated[str, Field(min_length=1), AfterValidator(plain)]
