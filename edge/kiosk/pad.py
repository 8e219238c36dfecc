"""Keys for case numbers on a screen that can write no Chinese: what known numbers are made of.

A case number is digits and fixed pieces between them, as in 云商执〔2026〕17号: whoever has the
pieces as keys and ten digits can type any number of that station.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_PIECE = re.compile(r"[^0-9]+")
# One row of keys that a glove can hit, on the smallest screen.
_MOST: Final = 8
_LONGEST: Final = 12
_ALWAYS: Final = ("〔", "〕", "号", "-", "/", "_")


def marks(numbers: Iterable[str]) -> list[str]:
    """The pieces of these numbers, the most used first, and what numbers often have."""
    found = Counter(
        piece for number in numbers for piece in _PIECE.findall(number) if len(piece) <= _LONGEST
    )
    pieces = [piece for piece, _ in found.most_common(_MOST)]
    return [*pieces, *(each for each in _ALWAYS if each not in pieces)][:_MOST]
