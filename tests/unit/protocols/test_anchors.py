"""The trust file: everything a gateway says is checked against it and nothing else."""

import json

import pytest

from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError
from tests.simulators.log import SimulatedLog


@pytest.fixture(scope="module")
def anchors() -> Anchors:
    return SimulatedLog().anchors


def test_a_trust_file_reads_back_as_written(anchors: Anchors) -> None:
    again = Anchors.from_json(anchors.to_json())
    assert again == anchors
    assert again.origin == "evidock.example/log"
    assert again.checkpoint.size == 1


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"origin": "elsewhere"},
        {"statement_key": "no key"},
        {"checkpoint_key": "no vkey"},
        {"checkpoint": "no note"},
        {"surprise": 1},
        {"gateway": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_damaged_trust_file_is_refused(anchors: Anchors, change: dict[str, object]) -> None:
    document = json.loads(anchors.to_json()) | change
    with pytest.raises(AnchorsError, match="not a usable trust file"):
        Anchors.from_json(json.dumps(document))


def test_a_checkpoint_signed_by_somebody_else_is_refused(anchors: Anchors) -> None:
    document = json.loads(anchors.to_json())
    document["checkpoint"] = SimulatedLog().note().decode()
    with pytest.raises(AnchorsError):
        Anchors.from_json(json.dumps(document))


def test_one_key_for_two_purposes_is_refused(anchors: Anchors) -> None:
    document = json.loads(anchors.to_json())
    document["receipt_key"] = document["statement_key"]
    with pytest.raises(AnchorsError, match="one key"):
        Anchors.from_json(json.dumps(document))


def test_a_huge_trust_file_is_refused() -> None:
    with pytest.raises(AnchorsError, match="allowed"):
        Anchors.from_json(" " * (MAX_ANCHORS + 1))
