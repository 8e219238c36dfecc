"""What a form sends that was left empty asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping


def filled_in(typed: object) -> object:
    """What was typed, without fields that were left blank; anything else as it is."""
    if not isinstance(typed, Mapping):
        return typed
    return {name: value for name, value in typed.items() if not _is_blank(value)}


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()
