"""Every reason a person at the dock can be given has plain words, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import edge
import edge.kiosk.line
import edge.mounter.service
from edge.codes import Barred, Declined, Stays, Unlike, Unmounted
from edge.errors import EdgeError, MountRefused
from edge.items import Outcome
from edge.kiosk import reasons
from edge.kiosk.alarms import Plain
from edge.kiosk.amounts import Pair
from gateway.docks import keys
from gateway.intake import admit, revoking
from hashing.ledger import Fault
from protocols.kinds import Leftover

EDGE = Path(edge.__file__).parent


def errors(above: type[EdgeError] = EdgeError) -> Iterator[type[EdgeError]]:
    """Every error the dock raises on purpose."""
    yield above
    for each in above.__subclasses__():
        yield from errors(each)


def gateway_codes() -> set[str]:
    """What the gateway refuses entries with, from its own source."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(admit.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
            code = node.args[0]
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
            elif isinstance(code, ast.Name):
                found.add(getattr(admit, code.id))
            else:
                assert ast.unparse(code) == "f'chain-{broken.fault}'"
                found |= {f"chain-{fault}" for fault in Fault}
    # Of what is logged and set aside, people at the dock are told of keys.
    return found | {revoking.CODE, keys.TAKEN, keys.UNPROVED}


TABLES: list[tuple[set[str], Mapping[str, Pair | Plain]]] = [
    (set(Declined), reasons.DECLINED),
    (set(Stays), reasons.STAYS),
    (set(Unmounted), reasons.UNMOUNTED),
    (set(Unlike), reasons.UNLIKE),
    (set(Barred), reasons.BARRED),
    (set(get_args(Outcome)), reasons.OUTCOMES),
    (set(get_args(Leftover.model_fields["outcome"].annotation)), reasons.OUTCOMES),
    (gateway_codes(), reasons.REFUSALS),
]


@pytest.mark.parametrize(("codes", "told"), TABLES)
def test_every_code_has_words_and_no_words_are_left_over(
    codes: set[str], told: Mapping[str, Pair | Plain]
) -> None:
    assert codes
    assert codes == set(told)


@pytest.mark.parametrize(("codes", "told"), TABLES)
def test_all_words_are_in_both_languages_and_name_the_same_numbers(
    codes: set[str], told: Mapping[str, Pair | Plain]
) -> None:
    for code in codes:
        said = told[code]
        for chinese, english in [said.what, said.act] if isinstance(said, Plain) else [said]:
            assert any("\u4e00" <= each <= "\u9fff" for each in chinese), code
            assert english.isascii(), code
            assert _numbers(chinese) == _numbers(english), code


def _numbers(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_error_of_the_dock_tells_the_screen_why() -> None:
    found = {each.declined for each in errors()}
    assert {Declined.NO_SESSION, Declined.NO_CLIP, Declined.NO_ANSWER} <= found
    assert found <= set(Declined)


def test_no_code_is_written_that_is_none() -> None:
    """A refusal with a sentence alone would be told in general words where better ones exist."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(EDGE.rglob("*.py"))]
    written = {each for text in sources for each in re.findall(r"Declined\.([A-Z_]+)", text)}
    assert written <= set(Declined.__members__)
    status = (EDGE / "status.py").read_text(encoding="utf-8")
    desk = (EDGE / "desk_acts.py").read_text(encoding="utf-8")
    assert (status + desk).count('{"error"') == 1


def test_a_code_of_a_newer_program_is_told_all_the_same() -> None:
    assert reasons.declined("brand-new", {}) == reasons.DECLINED[Declined.FAILED]
    assert reasons.declined(Declined.TEXT_LONG, {}) == reasons.DECLINED[Declined.FAILED]
    assert "2000" in reasons.declined(Declined.TEXT_LONG, {"most": 2000})[1]
    assert reasons.stays("brand-new") == reasons.stays(None) == reasons.STAYS[Stays.REFUSED]
    assert reasons.unmounted("brand-new") == reasons.UNMOUNTED[Unmounted.FAILED]
    assert reasons.unlike("brand-new") == reasons.UNLIKE[Unlike.NO_DISK]
    assert reasons.outcome("brand-new") == reasons.OUTCOMES["incomplete"]
    assert reasons.refusal("brand-new") not in reasons.REFUSALS.values()
    assert MountRefused("of a newer helper", "brand-new").stays == "brand-new"
