"""Every fixed text of the pages, in Chinese and English: one module for each page.

What depends on an act, a role or a problem is named like that. A name stands in one module only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.web.words import (
    admin,
    cases,
    clip_acts,
    clips,
    docks,
    entrance,
    keeping,
    log,
    player,
    policy,
    problems,
    shell,
    today,
    trail,
)


class Pair(NamedTuple):
    """A text in both languages."""

    zh: str
    en: str


_PAGES: Final = (
    shell,
    policy,
    entrance,
    problems,
    today,
    clips,
    trail,
    player,
    clip_acts,
    cases,
    keeping,
    docks,
    log,
    admin,
)


def _gathered() -> dict[str, Pair]:
    found: dict[str, Pair] = {}
    for page in _PAGES:
        for name, pair in page.WORDS.items():
            if name in found:
                msg = f"{name} has words in two modules"
                raise ValueError(msg)
            found[name] = Pair(*pair)
    return found


WORDS: Final = _gathered()
"""By name."""
