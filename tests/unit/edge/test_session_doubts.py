"""Recordings that read otherwise at each look, or are touched while they are compared."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

import pytest

from edge.cameras import folder, mass_storage
from edge.durable import UncachedReader
from edge.items import Phase
from edge.session import Docking
from protocols.kinds import AlarmRaised, ClipErased, ClipSealed, SessionClosed, SessionInventory
from tests.unit.edge.bayside import Bayside, until


def released(bay: Bayside, docking: Docking) -> bool:
    """Release whatever the session waits for by now."""
    if docking.roster.count(Phase.SEALED):
        bay.release_all()
    return True


async def test_a_card_that_reads_otherwise_each_time_is_left_to_people(
    erasing: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = itertools.count()
    real = UncachedReader.sha256

    def lying(reader: UncachedReader) -> tuple[bytes, int]:
        _, size = real(reader)
        return next(counter).to_bytes(32, "big"), size

    monkeypatch.setattr(UncachedReader, "sha256", lying)
    (erasing.folder / "a.mp4").write_bytes(b"footage")
    async with erasing.docked() as docking:
        await until(lambda: released(erasing, docking) and erasing.bodies(SessionClosed))
    assert len(erasing.bodies(ClipSealed)) <= 3
    assert len(erasing.bodies(AlarmRaised)) <= 3
    (left,) = erasing.bodies(SessionClosed)[0].leftovers
    assert (left.path, left.outcome) == ("a.mp4", "changed")
    assert (erasing.folder / "a.mp4").exists()


async def test_a_touch_beside_the_comparison_makes_no_second_clip(
    erasing: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = erasing.folder / "a.mp4"
    real = UncachedReader.sha256
    touched: list[int] = []

    def touching(reader: UncachedReader) -> tuple[bytes, int]:
        digest = real(reader)
        if not touched:
            touched.append(1)
            before = at.stat().st_ctime_ns
            while at.stat().st_ctime_ns == before:
                at.chmod(0o600)
        return digest

    monkeypatch.setattr(UncachedReader, "sha256", touching)
    at.write_bytes(b"footage")
    async with erasing.docked() as docking:
        await until(lambda: released(erasing, docking) and erasing.bodies(ClipErased))
    assert touched
    assert len(erasing.bodies(ClipSealed)) == 1
    assert erasing.bodies(AlarmRaised) == []
    assert not at.exists()


async def test_a_recording_rewritten_in_place_while_docked_is_read_again(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path)
    at = bay.folder / "a.mp4"
    at.write_bytes(b"one thing")
    async with bay.docked(folder.PROFILE) as docking:
        await until(lambda: released(bay, docking) and bay.bodies(SessionClosed))
        before = at.stat()
        at.write_bytes(b"two thing")
        os.utime(at, ns=(before.st_atime_ns, before.st_mtime_ns))
        await until(lambda: released(bay, docking) and len(bay.bodies(SessionClosed)) == 2)
    first, second = bay.bodies(ClipSealed)
    assert first.content.sha256 != second.content.sha256
    bay.close()


async def test_a_card_that_loses_its_files_at_every_other_look_does_not_fill_the_ledger(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time its files are back they go on record; the looks become rarer for that."""
    monkeypatch.setattr("edge.session._FRUITLESS", 3)
    media, away = bay.folder / "DCIM", bay.home / "away"
    media.mkdir()
    (media / "a.mp4").write_bytes(b"footage")
    async with bay.docked(mass_storage.PROFILE) as docking:
        await until(lambda: docking.roster.count(Phase.SEALED))
        for _ in range(30):
            media.rename(away)
            await asyncio.sleep(0.07)
            away.rename(media)
            await asyncio.sleep(0.07)
        assert len(bay.bodies(SessionInventory)) < 12  # of thirty
        # What is new is found all the same, and a clip that comes of it makes looks frequent.
        (media / "b.mp4").write_bytes(b"more")
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)  # both
