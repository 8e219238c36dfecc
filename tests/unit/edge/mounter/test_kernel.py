"""What file systems are told when they are mounted."""

from __future__ import annotations

import pytest

from edge.mounter.kernel import Reader
from edge.mounter.settings import FsType
from edge.timing.filetimes import UNKNOWN, file_times
from edge.timing.moments import Shows


@pytest.mark.parametrize("kind", FsType)
def test_no_option_lets_a_file_be_run_or_written_by_others(kind: FsType) -> None:
    for options in Reader(120, 121).options(kind):
        _harmless(kind, options.split(","))


def _harmless(kind: FsType, told: list[str]) -> None:
    if kind is FsType.EXT4:
        # Playing its journal back would write to the card.
        assert "noload" in told
    else:
        assert {"uid=120", "gid=121", "fmask=0177", "dmask=0077"} <= set(told)
    assert "errors=remount-ro" in told


@pytest.mark.parametrize(("kind", "digits"), [(FsType.VFAT, True), (FsType.EXFAT, False)])
def test_a_fat_card_is_mounted_so_that_its_times_are_the_cameras_digits(
    kind: FsType, *, digits: bool
) -> None:
    """Seen by the reader of file times, as the kernel lists what a mount was told."""
    options = Reader(120, 121).options(kind)[-1]
    mountinfo = f"36 25 8:17 / /cards/1/0.1 ro,nosuid - {kind} /dev/sdb1 ro,{options}\n"
    times = file_times(mountinfo, "/cards/1/0.1")
    if digits:
        assert (times.shows, times.shift_ms) == (Shows.LOCAL, 0)
    else:
        assert times == UNKNOWN


def test_short_names_are_read_in_the_cameras_code_page_where_the_kernel_has_it() -> None:
    best, plain = Reader(120, 121, 950).options(FsType.VFAT)
    assert best == f"{plain},codepage=950"
    # Two names that differ in an emoji alone must not look alike.
    assert "utf8=1" in plain.split(",")
