"""The docstring of a package is its map: whoever comes anew finds every room on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = ("edge", "gateway", "verifier", "limited", "tokens", "protocols", "hashing")
# Numbered, each of them one step.
UNMAPPED = {"gateway/migrations", "gateway/migrations/versions"}


def packages() -> Iterator[str]:
    for name in PROGRAM:
        for found in sorted((ROOT / name).rglob("__init__.py")):
            package = str(found.parent.relative_to(ROOT))
            # One that maps nothing says in a sentence what it is.
            if package not in UNMAPPED and "``" in found.read_text(encoding="utf-8"):
                yield package


def rooms(package: Path) -> Iterator[str]:
    for found in package.iterdir():
        if found.suffix == ".py" and not found.stem.startswith("__"):
            yield found.stem
        elif (found / "__init__.py").is_file():
            yield found.name


@pytest.mark.parametrize("package", list(packages()))
def test_the_map_of_a_package_shows_every_module_and_no_other(package: str) -> None:
    told = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    missing = {room for room in rooms(ROOT / package) if not re.search(rf"\b{room}\b", told)}
    assert not missing
    listed = set(re.findall(r"^\* ``(\w+)``", told, re.MULTILINE))
    there = {each.stem for each in (ROOT / package).iterdir()}
    assert not listed - there
