"""What the station's rules keep stays on the card, compared, until its day; then it goes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge import words
from edge.config import EraseRule, EraseSection
from edge.erasing_policy import When
from protocols.clock import ClockSource
from protocols.kinds import ClipErased, ClipSealed, SessionClosed
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.dockside import ToldClock

DAY = 86_400 * 10**9


def after_days(count: int) -> EraseSection:
    return EraseSection(enabled=True, when=When.RELEASED, after_days=count)


async def docked_and_released(bay: Bayside, erased: int) -> None:
    async with bay.docked(profile="generic") as docking:

        def safe() -> bool:
            # More than once: it may be said a moment before a recording is found to differ. Not
            # before it is said: a release that a docking cannot hear yet waits half a minute.
            if said(docking) == "copied":
                bay.release_all()
            return words.message(docking, full=False).safe

        await until(safe)
        assert len(bay.bodies(ClipErased)) == erased


async def test_days_pass_while_the_card_is_away_and_it_is_erased_when_docked_again(
    tmp_path: Path,
) -> None:
    clock = ToldClock()
    bay = Bayside(tmp_path, erasing=after_days(3), clock=clock)
    recording = bay.folder / "a.mp4"
    recording.write_bytes(b"a" * 100)
    await docked_and_released(bay, 0)
    clock.now_ns += 2 * DAY
    await docked_and_released(bay, 0)
    assert recording.exists()
    # Ahead of time, and nothing keeps the clock right.
    clock.now_ns, clock.source = clock.now_ns + 400 * DAY, ClockSource.UNSYNCHRONISED
    await docked_and_released(bay, 0)
    assert recording.exists()
    clock.now_ns, clock.source = clock.now_ns - 398 * DAY, ClockSource.NTP
    await docked_and_released(bay, 1)
    assert not recording.exists()
    assert [body.leftovers_total for body in bay.bodies(SessionClosed)] == [0, 0, 0, 0]
    bay.close()


async def test_what_is_kept_is_read_again_and_what_differs_becomes_a_clip(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path, erasing=after_days(3), clock=ToldClock())
    recording = bay.folder / "a.mp4"
    recording.write_bytes(b"a" * 100)
    await docked_and_released(bay, 0)
    stamp = recording.stat()
    recording.write_bytes(b"b" * 100)
    os.utime(recording, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    await docked_and_released(bay, 0)
    assert bay.kinds().count("clip.sealed") == 2
    assert recording.read_bytes() == b"b" * 100
    bay.close()


async def test_marked_recordings_stay_where_the_others_go(tmp_path: Path) -> None:
    rules = (EraseRule(marked=True, when=When.NEVER),)
    erasing = EraseSection(enabled=True, when=When.RELEASED, rules=rules)
    bay = Bayside(tmp_path, erasing=erasing)
    kept, goes = "DSJ_1_000000_20260619_100324_IMP.mp4", "DSJ_1_000000_20260619_100424.mp4"
    media = bay.folder / "DCIM" / "Media" / "Video"
    media.mkdir(parents=True)
    for name in (kept, goes):
        (media / name).write_bytes(name.encode())
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: words.message(docking, full=False).safe)
        assert words.message(docking, full=False) == words.KEPT
    assert [each.name for each in media.iterdir()] == [kept]
    bay.close()


@pytest.mark.parametrize("waiting", [False, True])
async def test_the_day_comes_while_the_card_stands_in_its_bay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, waiting: bool
) -> None:
    """Whether its session is closed, or waits for another recording's release."""
    monkeypatch.setattr("edge.session._RULES_S", 0.05)
    clock = ToldClock()
    bay = Bayside(tmp_path, erasing=after_days(3), clock=clock)
    (bay.folder / "a.mp4").write_bytes(b"a" * 100)
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: said(docking) == "safe")
        if waiting:
            (bay.folder / "b.mp4").write_bytes(b"b" * 200)
            await until(lambda: bay.kinds().count("clip.sealed") == 2)
        sessions = bay.kinds().count("session.opened")
        clock.now_ns += 2 * DAY
        await asyncio.sleep(0.3)
        # Asked about again and again, and nothing of that goes on record.
        assert bay.kinds().count("session.opened") == sessions
        assert (bay.folder / "a.mp4").exists()
        clock.now_ns += 2 * DAY
        await until(lambda: bay.bodies(ClipErased))
        if not waiting:
            await until(lambda: said(docking) == "safe")
    assert len(bay.bodies(ClipErased)) == 1
    assert [path.name for path in bay.folder.iterdir()] == (["b.mp4"] if waiting else [])
    bay.close()


async def test_what_a_camera_s_own_list_marks_stays_too(tmp_path: Path) -> None:
    """The list is read once a session opens, when all recordings were met already."""
    rules = (EraseRule(marked=True, when=When.NEVER),)
    erasing = EraseSection(enabled=True, when=When.RELEASED, rules=rules)
    bay = Bayside(tmp_path, erasing=erasing)
    for second in range(3):
        (bay.folder / f"seg_{1_767_225_600 + second}.mp4").write_bytes(b"%d" % second)
    marks = bay.folder / "manifest.sha256"
    marks.write_text("MARK 2026-01-01T00:00:00Z seg_1767225601.mp4 scuffle\n")
    await docked_and_released(bay, 3)
    assert [each.name for each in bay.folder.iterdir()] == ["seg_1767225601.mp4"]
    first = bay.bodies(ClipSealed)[0]
    assert (first.source.path, first.source.marked) == ("seg_1767225601.mp4", True)
    bay.close()


async def test_what_a_list_marks_only_after_it_was_sealed_stays_all_the_same(
    tmp_path: Path,
) -> None:
    rules = (EraseRule(marked=True, when=When.NEVER),)
    erasing = EraseSection(enabled=True, when=When.RELEASED, rules=rules)
    bay = Bayside(tmp_path, erasing=erasing)
    for second in range(2):
        (bay.folder / f"seg_{1_767_225_600 + second}.mp4").write_bytes(b"%d" % second)
    marks = bay.folder / "manifest.sha256"
    marks.write_text("\n")
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
    marks.write_text("MARK 2026-01-01T00:00:00Z seg_1767225601.mp4 scuffle\n")
    await docked_and_released(bay, 2)
    assert [each.name for each in bay.folder.iterdir()] == ["seg_1767225601.mp4"]
    bay.close()
