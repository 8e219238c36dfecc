"""A short sample of the soak; `make soak CYCLES=1000` is the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulators import exfat_card, fuse_card
from tests.soak.soak import Soak


@pytest.mark.broker
@pytest.mark.timeout(240)
@pytest.mark.skipif(
    not (exfat_card.available() and fuse_card.available()),
    reason="needs root, FUSE, loop devices and exfat-fuse",
)
def test_cards_that_come_and_are_torn_out_lose_no_recording_and_leave_nothing_behind(
    tmp_path: Path,
) -> None:
    soak = Soak(tmp_path, cycles=16, seed=7, rounds=2)
    soak.run()
    assert sum(bay.cycles for bay in soak.bays) == 16
