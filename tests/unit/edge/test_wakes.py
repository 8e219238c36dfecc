"""What wakes the dock: a real mount, a real event of a disk, and nothing where there is none."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from edge.cameras.mass_storage import MOUNTS
from edge.wakes import Wakes


async def test_nothing_is_heard_after_the_time_is_over(tmp_path: Path) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text("")
    with Wakes(listed) as wakes:
        began = time.monotonic()
        woken = await wakes.wait(0.05)
        assert not woken.mounts
        assert time.monotonic() - began < 5


async def test_a_mount_and_an_unmount_wake_at_once(tmp_path: Path) -> None:
    point = tmp_path / "card"
    point.mkdir()
    with Wakes(MOUNTS) as wakes:
        if not mounted(point):
            pytest.skip("needs the right to mount")
        try:
            assert await heard(wakes)
        finally:
            subprocess.run(["umount", str(point)], check=True)  # noqa: ASYNC221  # takes no time
        assert await heard(wakes)


def mounted(point: Path) -> bool:
    done = subprocess.run(["mount", "-t", "tmpfs", "x", str(point)], capture_output=True)  # noqa: PLW1510
    return done.returncode == 0


async def heard(wakes: Wakes) -> bool:
    """Whether mounts changed; disks of other programs' tests may wake as well."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (await wakes.wait(1.0)).mounts:
            return True
    return False


def test_of_a_disk_that_came_after_it_left_both_are_remembered(tmp_path: Path) -> None:
    wakes = Wakes(tmp_path)
    wakes._note("8:1", "add")
    wakes._note("8:1", "remove")
    assert (wakes._woken.gone, wakes._woken.came) == ({"8:1"}, set())
    wakes._note("8:1", "add")
    assert (wakes._woken.gone, wakes._woken.came) == ({"8:1"}, {"8:1"})
    assert wakes._woken


async def test_a_disk_in_no_bay_is_remembered_and_wakes_nobody(tmp_path: Path) -> None:
    wakes = Wakes(tmp_path, lambda disk: disk == "8:1")
    wakes._note("7:0", "add")
    began = time.monotonic()
    assert (await wakes.wait(0.05)).came == {"7:0"}
    assert time.monotonic() - began >= 0.05
    wakes._note("8:1", "remove")
    assert (await wakes.wait(60)).gone == {"8:1"}
    assert time.monotonic() - began < 30
