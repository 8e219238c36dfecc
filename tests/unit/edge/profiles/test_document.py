"""docs/profiles.md is true: its example works as printed, its tables are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.profiles import library
from edge.profiles.schema import (
    GROUPS,
    CardTable,
    ClaimsTable,
    FileTable,
    MarkTable,
    NumberingTable,
    PiecesTable,
    ProfileFile,
    Reads,
)
from tests.simulators.cards import put

PAGE = (Path(__file__).parents[4] / "docs/profiles.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:text|toml)\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_does_what_the_page_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing, profile, shown = BLOCKS
    own, card = tmp_path / "own", tmp_path / "card"
    own.mkdir()
    (own / "kestrel.toml").write_text(profile, encoding="utf-8")
    for name in listing.splitlines():
        put(card, name.encode(), b"")
    assert main(["profile", "test", str(card), "--profiles-dir", str(own)]) == 0
    assert capsys.readouterr().out == shown


def test_the_page_lists_every_profile_with_its_source() -> None:
    for name, profile in library.shipped().items():
        assert f"| `{name}` | {profile.file.title} | {profile.file.source} |" in PAGE


def test_no_profile_claims_a_trial_that_the_page_denies() -> None:
    assert "None of these was tried on a real camera's card" in PAGE
    assert [name for name, one in library.shipped().items() if one.file.tried] == []


@pytest.mark.parametrize(
    "table",
    [ProfileFile, CardTable, FileTable, MarkTable, ClaimsTable, NumberingTable, PiecesTable],
)
def test_the_page_names_every_setting(table: type) -> None:
    fields: dict[str, object] = getattr(table, "model_fields")  # noqa: B009  # of any table
    assert [name for name in fields if not re.search(rf"[`\[]{name}[`\]]", PAGE)] == []


def test_the_page_names_every_group_and_every_small_file() -> None:
    words = set(re.findall(r"[a-z_-]+", PAGE))
    assert GROUPS | set(Reads) <= words
