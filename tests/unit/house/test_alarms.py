"""Every alarm that a dock can raise is told on its screen in plain words, in both languages."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import edge
from edge import proofs, registry, uplink_door
from edge.kiosk import alarms
from edge.mounter import client

TOP = Path(edge.__file__).parents[1]
_RAISES = frozenset({"raise_alarm", "_raise"})
# What they hand on is named where they are called, or below.
_HANDED_ON = {
    ("edge.daemon", "code"): (client.USB_REFUSED, client.USB_MTP),
    ("edge.opening", "alarm"): registry.CODES,
    ("edge.uplink_door", "found.alarm"): (uplink_door.OURS, uplink_door.THEIRS),
    ("edge.proofs", "f'gateway-{error.code}'"): tuple(f"gateway-{code}" for code in proofs._CODES),
}


def calls() -> Iterator[tuple[str, ast.expr]]:
    """The module and the code of each call that raises an alarm."""
    for path in sorted((TOP / "edge").rglob("*.py")):
        module = ".".join(path.relative_to(TOP).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield from ((module, code) for code in _code(node))


def _code(call: ast.Call) -> Iterator[ast.expr]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in _RAISES:
        yield call.args[0]
    if name == "to_thread" and getattr(call.args[0], "attr", "") in _RAISES:
        yield call.args[1]


def codes() -> set[str]:
    """What they raise; an expression that is not understood fails the test."""
    found: set[str] = set()
    for module, code in calls():
        written = ast.unparse(code.value if isinstance(code, ast.Starred) else code)
        if (module, written) in _HANDED_ON:
            found.update(_HANDED_ON[module, written])
            continue
        value: object = importlib.import_module(module)
        for name in written.split("."):
            value = getattr(value, name)
        assert isinstance(value, str), (module, written)
        found.add(value)
    return found


def test_every_alarm_has_plain_words() -> None:
    raised = codes()
    assert {"clock-behind", "recordings-vanished", "usb-refused", "clip-lost"} <= raised
    assert {code for code in raised if alarms.plain(code) is None} == set()


def test_no_plain_words_are_left_over_and_all_are_in_both_languages() -> None:
    assert set(alarms._KNOWN) <= codes() | {"gateway-log-forked"}
    for plain in alarms._KNOWN.values():
        for chinese, english in (plain.what, plain.act):
            assert any("\u4e00" <= each <= "\u9fff" for each in chinese)
            assert english.isascii()
