"""Fixtures: a real pack, exported once by the real command, and a copy of it for each attack.

A folder of tests takes them up by importing them into its ``conftest.py``.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.anchors import Anchors
from tests.simulators.packs import Made, made

__all__ = ["genuine", "pack", "trust"]


@pytest.fixture(scope="session")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("genuine")
    yield asyncio.run(made(folder))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pack(genuine: Made, tmp_path: Path) -> Path:
    shutil.copytree(genuine.pack, tmp_path / "pack")
    return tmp_path / "pack"


@pytest.fixture
def trust(genuine: Made) -> Anchors:
    return genuine.trust
