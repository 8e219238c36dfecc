"""Nothing of the list of forgeries without a key passes the command-line verifier."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.progress import Quiet
from tests.simulators.false_reports import REPORTS, verdict_on
from tests.simulators.spoils import SPOILS, spoilt
from verifier.pack import verify_pack
from verifier.sources import opened


@pytest.mark.parametrize("name", SPOILS)
def test_no_forgery_without_a_key_ends_intact(pack: Path, trust: Anchors, name: str) -> None:
    spoilt(pack, name)
    with opened(pack) as source:
        verdict = verify_pack(source, trust, Quiet()).verdict
    assert verdict.outcome is not Outcome.INTACT
    if name in REPORTS:
        assert verdict.outcome.value == verdict_on(name)
