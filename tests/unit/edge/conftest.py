"""Bays of a dock that several files put cameras into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.edge.bayside import Bayside


@pytest.fixture
def bay(tmp_path: Path) -> Iterator[Bayside]:
    """One that leaves everything on the card."""
    bay = Bayside(tmp_path)
    yield bay
    bay.close()


@pytest.fixture
def erasing(tmp_path: Path) -> Iterator[Bayside]:
    """One that erases what is released."""
    bay = Bayside(tmp_path, erase=True)
    yield bay
    bay.close()
