"""What a case may say of people: a masked name, and no number that finds a person.

The record of a case goes along with every trail of it. Only what is masked before it comes in
is masked for good.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MASKS: Final = frozenset("*×○某")
_DIGITS: Final = re.compile(r"[0-9]{7,}")
# GB 11643: a place of six digits, a day of birth, three digits and a check; of before 1999
# without century and check.
_DAY: Final = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_IDENTITY: Final = re.compile(
    rf"(?<![0-9])[1-9][0-9]{{5}}(?:(?:18|19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9X]"
    rf"|[0-9]{{2}}{_DAY}[0-9]{{3}})(?![0-9])"
)
_BETWEEN: Final = re.compile(r"[\s\-_.·,，、]+")


def masked_name(name: str) -> str:
    """A person's name as it may be stated.

    Raises:
        ValueError: it is not masked, or holds a number as long as those of cards and phones.
    """
    folded = unicodedata.normalize("NFKC", name)
    if not MASKS & set(folded):
        msg = "not masked: write 张* or 张某; whole names of parties are not taken"
        raise ValueError(msg)
    if _DIGITS.search(_BETWEEN.sub("", folded)):
        msg = "holds a number that could find the person; leave it out"
        raise ValueError(msg)
    return name


def no_identity(text: str) -> str:
    """A text that may be stated.

    Raises:
        ValueError: it holds what looks like a whole identity card number.
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    if _IDENTITY.search(folded) or _IDENTITY.search(_BETWEEN.sub("", folded)):
        msg = "holds what looks like a whole identity card number; mask it"
        raise ValueError(msg)
    return text
