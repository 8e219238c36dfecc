"""What a newcomer reads is true as far as a machine can tell: links, locks, entry points."""

from __future__ import annotations

import re
import shlex
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from edge.__main__ import main as edge
from gateway.__main__ import main as gateway
from verifier.__main__ import main as verifier

TOP = Path(__file__).parents[3]
PAGES = [
    *(TOP / name for name in ("README.md", "CHANGELOG.md", "systemd/README.md")),
    *(TOP / name / "SPEC.md" for name in ("hashing", "protocols")),
    *sorted((TOP / "docs").rglob("*.md")),
]
LOCKS = sorted((TOP / "requirements").glob("*.txt"))
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
_PROGRAMS: dict[str, Callable[[list[str]], int]] = {
    "evidock-edge": edge,
    "evidock-gateway": gateway,
    "evidock-verify": verifier,
}
_COMMAND = re.compile(
    r"^ *(?:sudo (?:-u \w+ )?)?(evidock-(?:edge|gateway|verify)) (.*)$", re.MULTILINE
)
_SAID = re.compile(r"`(evidock-(?:edge|gateway|verify)) ([a-z-]+)[^`]*`")
# What follows belongs to the shell, or is a remark.
_REST = re.compile(r" (?:&&|[|>]|#|;|/etc/systemd/).*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target, _ in targets if not (page.parent / target).exists()]
    assert missing == []
    inside = [(page.parent / target if target else page, to) for target, to in targets if to]
    assert [to for there, to in inside if to not in _headings(there)] == []


def _headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_command_that_is_told_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))
    for program, rest in _COMMAND.findall(shown.replace("\\\n", " ")):
        words = shlex.split(_REST.sub("", f" {rest}").translate({ord("["): " ", ord("]"): " "}))
        assert _understood(program, words), f"{program} {rest}"
    for program, name in _SAID.findall(text):
        # Its own help ends a command that there is with 0; `CASE`, `pack` are no commands.
        assert program == "evidock-verify" or _understood(program, [name, "--help"]), name


def _understood(program: str, words: list[str]) -> bool:
    """Whether a program takes the words; nothing is run."""

    def parse(self: ArgumentParser, args: list[str]) -> NoReturn:
        unknown = ArgumentParser.parse_known_args(self, args)[1]
        raise SystemExit(2 if unknown else 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArgumentParser, "parse_args", parse)
        with pytest.raises(SystemExit) as ended:
            _PROGRAMS[program](words)
    return ended.value.code == 0


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
        # Only who fuzzes by hand needs what is in this one.
        assert lock.name == "fuzz.txt" or _pins(lock) <= tested, lock.name


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
