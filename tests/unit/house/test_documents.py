"""What a newcomer reads is true as far as a machine can tell: links, locks, entry points."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
PAGES = [TOP / "README.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").rglob("*.md"))]
LOCKS = sorted((TOP / "requirements").glob("*.txt"))
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    index = (TOP / "docs/decisions/README.md").read_text(encoding="utf-8")
    pages = [page.name for page in (TOP / "docs/decisions").glob("0*.md")]
    assert [name for name in pages if f"]({name})" not in index] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_every_package_by_digest_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)
    packages = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9._-]+==[0-9]", package) for package in packages)
    assert all("--hash=sha256:" in package for package in packages)


def test_the_programs_run_with_the_very_versions_the_tests_ran_with() -> None:
    tested = _pins(TOP / "requirements/dev.txt")
    for lock in LOCKS:
        assert _pins(lock) <= tested, lock.name


def test_every_target_that_help_names_is_there() -> None:
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r'@echo "  make ([a-z]+)', makefile))
    assert {"demo", "test", "check", "bench"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_package_that_is_shipped_is_there() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [name for name in packages if not (TOP / name / "__init__.py").is_file()] == []


def _pins(lock: Path) -> set[str]:
    return set(
        re.findall(r"^([a-z0-9._-]+==[^ ]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    )
