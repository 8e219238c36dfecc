from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import StoreFullError
from gateway.evidence.service import object_key
from gateway.intake import alarms
from gateway.intake.service import IntakeWorker
from gateway.services import Services
from gateway.storage.local import LocalStore
from hashing.digest import LEAF_SIZE
from protocols.messages import NackReason
from tests.simulators.disk import path_of
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import RunningIntake, config_for, opened, running_intake, working
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mqtt_dock import MqttDock

pytestmark = pytest.mark.broker


class BadDisk(LocalStore):
    """A store on a disk that errs for a while.

    Attributes:
        spoils: so many next clips get a wrong byte. cuts: so many lose their end.
        refuses: so many find no space.
    """

    spoils = 0
    cuts = 0
    refuses = 0
    puts = 0

    async def put_file(self, key: str, staged: Path) -> None:
        self.puts += 1
        if self.refuses:
            self.refuses -= 1
            raise StoreFullError(f"{key}: No space left on device")
        await super().put_file(key, staged)
        path = self.path(key)
        path.chmod(0o600)
        if self.spoils:
            self.spoils -= 1
            with path.open("r+b") as file:
                file.seek(LEAF_SIZE + 3)
                file.write(b"\x00bitrot")
        elif self.cuts:
            self.cuts -= 1
            with path.open("r+b") as file:
                file.truncate(1000)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@asynccontextmanager
async def intake_on(disk: BadDisk, folder: Path, port: int) -> AsyncIterator[RunningIntake]:
    async with opened(config_for(folder, port)) as services:
        on_bad_disk: Services = replace(services, store=disk)
        worker = IntakeWorker(on_bad_disk)
        async with working(worker):
            yield RunningIntake(on_bad_disk, worker, port)


@pytest.mark.parametrize("fault", ["spoils", "cuts"])
async def test_a_clip_that_reads_back_wrong_is_fetched_again_before_it_is_released(
    fault: str, tmp_path: Path, port: int
) -> None:
    disk = BadDisk(tmp_path / "store")
    setattr(disk, fault, 2)
    dock = SimulatedDock()
    (clip,) = dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE)})
    async with intake_on(disk, tmp_path, port) as intake:
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released(60)
        assert disk.puts == 3
        assert await intake.content(clip) == dock.clips[clip].data
        assert await intake.standing() == set()
    assert online.release_count[clip] == 1


async def test_a_disk_that_always_errs_releases_nothing_and_is_not_written_to_death(
    tmp_path: Path, port: int
) -> None:
    disk = BadDisk(tmp_path / "store")
    disk.spoils = 10**6
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE)})
    async with intake_on(disk, tmp_path, port) as intake:
        online = await intake.enrol(dock)
        async with online.connected():
            with pytest.raises(TimeoutError):
                await online.until(lambda: bool(online.release_count), 6)
        assert disk.puts == 3
        assert await intake.standing() == {alarms.READ_BACK}


async def test_a_full_disk_stops_the_intake_until_there_is_room(tmp_path: Path, port: int) -> None:
    disk = BadDisk(tmp_path / "store")
    disk.refuses = 2
    dock = SimulatedDock()
    (clip,) = dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE)})
    async with intake_on(disk, tmp_path, port) as intake:
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released(60)
            assert alarms.STOPPED in await intake.standing()
            await intake.until_standing()
        assert await intake.content(clip) == dock.clips[clip].data


@pytest.mark.parametrize("database", ["kept", "rebuilt from the log"])
async def test_a_clip_that_a_restored_store_lacks_is_fetched_again_before_it_is_released(
    database: str, tmp_path: Path, port: int
) -> None:
    dock = SimulatedDock()
    clip, other = dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE), "B.MP4": footage(10)})
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released(60)
        path = path_of(intake.services.store, object_key(clip))
    path.unlink()
    if database != "kept":
        for name in ("gateway.db", "gateway.db-wal", "gateway.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
    async with running_intake(tmp_path, port) as intake:
        # A dock whose release never arrived asks again.
        again = MqttDock(dock, intake.services.log.anchors(), port)
        again.missing[clip] = NackReason.BUSY
        async with again.connected():
            await again.until(lambda: other in again.released, 60)
            await intake.until_standing(alarms.CONTENT_MISSING)
            assert clip not in again.release_count
            again.missing.clear()
            await again.announce()
            await again.until_released(60)
            await intake.until_standing()
        assert await intake.content(clip) == dock.clips[clip].data
        about = await intake.services.log.entries_of(clip.clip_urn)
        assert [row.kind for row in about] == ["clip.sealed", "clip.stored"]
    assert again.alarms == []
