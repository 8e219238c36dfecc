"""The list of open cases: strict, small, and with nothing in it that does not show."""

from __future__ import annotations

import json

import pytest

from protocols.caselist import CATEGORIES, REASONS, Cases, OpenCase
from protocols.errors import MessageError
from protocols.messages import MAX_JSON

NOW = "2026-03-01T08:00:00.000Z"


def case(number: int = 17, **more: object) -> OpenCase:
    document = {"case": f"{number:032x}", "case_no": f"云商执〔2026〕{number}号", **more}
    return OpenCase.model_validate(document)


def cases(*those: OpenCase) -> Cases:
    return Cases(revision=1, time=NOW, cases=those, categories=CATEGORIES, reasons=REASONS)


def test_a_list_comes_back_as_it_was_sent() -> None:
    sent = cases(case(title="市场检查", officers=("王警官 530001",)), case(18))
    assert Cases.decode(sent.encode()) == sent


def test_a_list_is_cut_to_what_fits_and_says_how_many_are_missing() -> None:
    sent = cases(*(case(n, title="标题" * 40) for n in range(1000))).fitted()
    assert len(sent.encode()) <= MAX_JSON
    assert 100 < len(sent.cases) < 1000
    assert sent.more == 1000 - len(sent.cases)
    assert [each.case for each in sent.cases[:2]] == [f"{0:032x}", f"{1:032x}"]
    assert Cases.decode(sent.encode()) == sent


def test_fields_of_a_newer_gateway_are_ignored() -> None:
    document = json.loads(cases(case()).encode()) | {"weather": "fine"}
    assert Cases.decode(json.dumps(document).encode()) == cases(case())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("revision", "1"),
        ("revision", True),
        ("revision", -1),
        ("time", 7),
        ("cases", {}),
        ("cases", ["x"]),
        ("cases", [{"case": "00", "case_no": "1"}]),
        ("cases", [{"case": "0" * 32, "case_no": 17}]),
        ("cases", [{"case": "0" * 32, "case_no": ""}]),
        ("cases", [{"case": "0" * 32, "case_no": "1\u202e2"}]),
        ("cases", [{"case": "0" * 32, "case_no": "1\n2"}]),
        ("cases", [{"case": "0" * 32, "case_no": " 1"}]),
        ("cases", [{"case": "0" * 32, "case_no": "1" * 201}]),
        ("cases", [{"case": "0" * 32, "case_no": "e\u0301"}]),
        ("cases", [{"case": "0" * 32, "case_no": "\ud800"}]),
        ("cases", [{"case": "0" * 32, "case_no": "1"}] * 1001),
        ("more", 1.5),
        ("categories", [{"code": "Über", "zh": "x", "en": "x"}]),
        ("reasons", [{"code": "x", "zh": "\x1b[2J", "en": "x"}]),
    ],
)
def test_what_is_not_of_the_shape_is_refused(name: str, value: object) -> None:
    document = json.loads(cases().encode()) | {name: value}
    with pytest.raises(MessageError, match=name):
        Cases.decode(json.dumps(document).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b"{", b"[" * 60_000, b" " * (MAX_JSON + 1)])
def test_what_is_no_list_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError):
        Cases.decode(raw)


def test_what_a_list_carries_is_known() -> None:
    # Whoever adds a field has to ask whether a dock's screen may show it.
    assert set(OpenCase.model_fields) == {
        *("case", "case_no", "title", "category", "unit", "officers")
    }
