"""Which marks there are, and what each does.

A class of secrecy narrows who may play a clip, hand it out and read whose it is. An objection,
and a minor in the picture, keep nothing from anybody, but whoever views or hands out has to say
that he took note. What is important is kept as long as what an officer marked on his camera.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Label(StrEnum):
    """What a clip is marked as; words of ``clip.marked``."""

    PRIVACY = "privacy"
    """a person objects, for his privacy (个人隐私)"""
    TRADE_SECRET = "trade-secret"  # noqa: S105  # no password
    """商业秘密"""
    SECRET = "secret"  # noqa: S105  # no password
    """a state secret of the lowest class (秘密)"""
    HIGHLY_SECRET = "highly-secret"  # noqa: S105  # no password
    """机密"""
    TOP_SECRET = "top-secret"  # noqa: S105  # no password
    """绝密"""
    MINOR = "minor"
    """somebody under age is to be seen or heard (未成年人)"""
    THIRD_PARTY = "third-party"
    """somebody who is no party objects"""
    IMPORTANT = "important"
    """important evidence"""


CLASSES: Final = (Label.SECRET, Label.HIGHLY_SECRET, Label.TOP_SECRET)
"""Classes of state secrets, the lowest first."""

TO_ACKNOWLEDGE: Final = (Label.PRIVACY, Label.TRADE_SECRET, Label.MINOR, Label.THIRD_PARTY)
"""What whoever views or hands out has to take note of first."""

OF_OFFICERS: Final = (Label.PRIVACY,)
"""What an officer may say of what he recorded: he must not shut others out of it."""
