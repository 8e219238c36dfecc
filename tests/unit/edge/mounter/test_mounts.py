"""For how long a card stays writable."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.bays import Bays
from edge.errors import MountRefused
from edge.mounter.kernel import Reader
from edge.mounter.mounts import Mounted, Mounts
from edge.mounter.ports import Volume
from edge.mounter.settings import MounterSection

MOUNTS = Mounts(MounterSection(writable_s=60.0), Bays(()), Reader(0, 0))


def mounted(*, fuse: bool, last_s: float) -> Mounted:
    volume = Volume(
        node=Path("/dev/sdb1"),
        number="8:17",
        port="p",
        type="exfat",
        holds=True,
        usb=True,
        place="0.1",
    )
    now = time.monotonic()
    point = Path("/cards/1/0.1")
    return Mounted(volume, point, fuse, "7", writable=True, until=now + 5, last=now + last_s)


def test_the_limit_moves_while_the_card_is_needed_and_never_beyond_the_last() -> None:
    early, late = mounted(fuse=True, last_s=1800), mounted(fuse=True, last_s=20)
    MOUNTS.longer(early)
    assert early.until > time.monotonic() + 50
    MOUNTS.longer(late)
    assert late.until == late.last


def test_a_moment_of_one_unlink_is_not_made_longer() -> None:
    it = mounted(fuse=False, last_s=1800)
    until = it.until
    with pytest.raises(MountRefused):
        MOUNTS.longer(it)
    assert it.until == until
