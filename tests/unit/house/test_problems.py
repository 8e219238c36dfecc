"""Every code that the API answers with stands in docs/errors.md, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import gateway
from gateway.errors import ConflictError, InvalidError, LogError, NotFoundError

TOP = Path(gateway.__file__).parents[1]
_ROW = re.compile(r"^\| `([a-z-]+)` \| ([0-9, ]+) \|", re.MULTILINE)
# Docks are answered there, in words of their own (protocols/SPEC.md).
_FOR_DOCKS = TOP / "gateway/enrolment/listener.py"
_MAKES = {
    "gateway/access/principals.py": "_refused",
    "gateway/marks/routes.py": "_refused",
}
_FAMILIES = {each.__name__ for each in (NotFoundError, ConflictError, InvalidError)}
# What is no constant where it is named.
_STATES: tuple[type[LogError], ...] = (LogError, *LogError.__subclasses__())
_HANDED_ON: dict[str, dict[str, tuple[str, ...]]] = {
    "gateway/access/principals.py": {"code": ()},
    "gateway/marks/routes.py": {"code": ()},
    "gateway/previews/routes.py": {
        "code": (
            *("not-encrypted", "key-untried"),
            *("preview-none", "preview-unneeded", "preview-waiting"),
        ),
    },
    "gateway/problems.py": {
        "error.state": tuple(each.state for each in _STATES),
        "_code(error)": ("checkpoint-late", "authority-away"),
        "code": (
            *("nothing-here", "body-unreadable", "refused"),
            *("database-unavailable", "key-away", "store-away", "store-full"),
        ),
    },
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((TOP / "gateway").rglob("*.py")):
        if path != _FOR_DOCKS:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield path.relative_to(TOP).as_posix(), tree


def named(path: str, tree: ast.Module) -> Iterator[str]:
    """Codes that stand where a problem is made."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        at = {"Problem": 1, _MAKES.get(path): 0}.get(node.func.id)
        if at is None or len(node.args) <= at:
            continue
        code = node.args[at]
        if isinstance(code, ast.Constant):
            yield str(code.value)
        else:
            yield from _HANDED_ON[path][ast.unparse(code)]


def derived() -> Iterator[str]:
    """Codes that follow from the names of errors (gateway/problems)."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    known = set(_FAMILIES)
    while more := {name for name, of in bases.items() if of & known} - known:
        known |= more
    for name in known - _FAMILIES:
        yield "-".join(re.findall(r"[A-Z][a-z]*", name.removesuffix("Error"))).lower()


def test_every_code_of_a_problem_is_told_and_no_other() -> None:
    told = [code for code, _ in _ROW.findall((TOP / "docs/errors.md").read_text(encoding="utf-8"))]
    assert told == sorted(set(told))
    answered = {*derived(), *(code for path, tree in trees() for code in named(path, tree))}
    assert (answered - set(told), set(told) - answered) == (set(), set())
