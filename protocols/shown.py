"""Claims of others, made fit to show on screens and to keep in databases."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    r"""A claim with its control and direction characters escaped, as ``\u202e``.

    A card chooses its names: such characters could forge what an operator reads on a terminal
    or page, and U+0000 fits no PostgreSQL text. The record keeps the exact form.
    """
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
