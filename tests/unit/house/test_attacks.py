"""The table of attacks in the threat model is true: its tests are there, and none is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hashing.verdict import Outcome
from tests.unit.verifier.test_pack import ATTACKS

TOP = Path(__file__).parents[3]
_ROW = re.compile(r"^\| (?P<attack>.+?) \| (?P<seen>.+?) \| (?P<verdict>.+?) \| (?P<tests>.+) \|$")
_TEST = re.compile(r"`(?P<file>test_\w+)(?:::(?P<name>\w+)|\[(?P<case>[^`]+)\])`")


def rows() -> list[dict[str, str]]:
    text = (TOP / "docs/threat-model.md").read_text(encoding="utf-8")
    section = text.partition("\n## Attacks that are tried\n")[2].partition("\n## ")[0]
    found = [row.groupdict() for line in section.splitlines() if (row := _ROW.match(line))]
    return [row for row in found if row["tests"] not in {"test", "---"}]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {each.name for each in tree.body if isinstance(each, kinds)}


FILES = {path.stem: path for path in TOP.glob("tests/**/test_*.py")}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["attack"])
def test_every_attack_of_the_table_has_its_test(row: dict[str, str]) -> None:
    named = list(_TEST.finditer(row["tests"]))
    assert named, row["tests"]
    for test in named:
        path = FILES[test["file"]]
        assert test["name"] is None or test["name"] in names_in(path), test[0]
        assert test["case"] is None or test["case"] in path.read_text(encoding="utf-8"), test[0]


def test_every_attack_that_is_tried_stands_in_the_table() -> None:
    told = {(test["file"], test["name"]) for row in rows() for test in _TEST.finditer(row["tests"])}
    tried = {
        (path.stem, name)
        for path in TOP.glob("tests/attacks/test_*.py")
        for name in names_in(path)
        if name.startswith("test_")
    }
    assert tried <= told, sorted(tried - told)


def test_every_forged_pack_stands_in_the_table() -> None:
    cases = {test["case"] for row in rows() for test in _TEST.finditer(row["tests"])}
    assert {attack.name for attack in ATTACKS} <= cases


def test_every_verdict_has_an_attack_that_gives_it() -> None:
    told = " ".join(row["verdict"] for row in rows())
    assert [outcome for outcome in Outcome if f"`{outcome.value}`" not in told] == []
