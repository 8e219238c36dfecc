"""No camera is the dock's own directory, by whatever name it goes."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from edge import checks, config
from edge.__main__ import main
from edge.cameras.own import CODE, Own
from edge.errors import ConfigError
from edge.session import Docking
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.log import SimulatedLog
from tests.unit.edge.bayside import Bayside
from tests.unit.edge.test_hotplug import mount_or_skip

FILE = """\
[dock]
id = "dock7"
state_dir = "state"
key = "keys/dock.key"
trust = "trust/trust.json"

[cameras]
folders = [{{ path = "{folder}" }}]
profiles_dir = "profiles"
binding_key = "binding/key"

[uplink.tls]
ca = "tls/ca.pem"
cert = "certs/dock.pem"
key = "tls/dock.key"

[status]
socket = "run/s"
"""


def configured(home: Path, folder: str) -> config.Config:
    home.joinpath("etc").mkdir(exist_ok=True)
    text = FILE.format(folder=folder).replace('= "', '= "../')
    (home / "etc" / "edge.toml").write_text(text.replace("../dock7", "dock7"))
    return config.load(home / "etc" / "edge.toml")


@pytest.mark.parametrize(
    "folder",
    [
        *("", ".", "state", "state/spool", "state/spool/deep", "state/other"),
        *("etc", "keys", "trust", "tls", "certs", "run", "profiles", "binding", "keys/../etc"),
    ],
)
def test_a_folder_that_is_holds_or_lies_in_what_is_the_docks_own_is_refused(
    tmp_path: Path, folder: str
) -> None:
    loaded = configured(tmp_path, folder)
    with pytest.raises(ConfigError, match=r"cannot be a camera: it .* the dock's own"):
        checks.own_folders(loaded)


def test_a_folder_beside_all_that_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "inbox").mkdir()
    checks.own_folders(configured(tmp_path, "inbox"))
    checks.own_folders(configured(tmp_path, "keys/../not-there-yet"))


def test_check_config_and_run_refuse_it_with_the_code_of_wrong_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, "state")
    for command in ("check-config", "run"):
        assert main([command, "--config", str(tmp_path / "etc" / "edge.toml")]) == 2
        assert "cannot be a camera" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_link_in_either_place_hides_nothing(tmp_path: Path) -> None:
    state, key = tmp_path / "disk" / "state", tmp_path / "secrets" / "dock.key"
    state.mkdir(parents=True)
    key.parent.mkdir()
    key.write_text("private")
    (tmp_path / "state").symlink_to(state)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "dock.key").symlink_to(key)
    own = Own((tmp_path / "state",), (tmp_path / "etc" / "dock.key",))
    for place in ("disk", "disk/state", "secrets", "etc"):
        (tmp_path / "link").symlink_to(tmp_path / place)
        assert own.conflict(tmp_path / place)
        assert own.conflict(tmp_path / "link")
        (tmp_path / "link").unlink()
    (tmp_path / "free").mkdir()
    assert own.conflict(tmp_path / "free") is None


def test_a_directory_mounted_in_two_places_is_known_again(tmp_path: Path) -> None:
    disk, here, there = tmp_path / "disk", tmp_path / "here", tmp_path / "there"
    (disk / "state" / "inner").mkdir(parents=True)
    (disk / "cards").mkdir()
    here.mkdir()
    there.mkdir()
    with contextlib.ExitStack() as closing:
        mount_or_skip(closing, "--bind", str(disk / "state"), str(here))
        # The dock works on the one place, the camera is told of by the other.
        own = Own((here,))
        for place in (disk, disk / "state", disk / "state" / "inner", here, here / "inner"):
            assert own.conflict(place), place
        assert own.conflict(disk / "cards") is None
        # And the other way about.
        mount_or_skip(closing, "--bind", str(disk / "state" / "inner"), str(there))
        assert Own((disk / "state",)).conflict(there)
        subprocess.run(["umount", str(there)], check=True)
        subprocess.run(["mount", "--bind", str(disk), str(there)], check=True)
        assert Own((disk / "state",)).conflict(there)
        assert Own((disk / "state",)).conflict(there / "cards") is None


async def test_a_card_that_became_the_docks_own_after_it_was_found_is_not_opened(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path, settle_s=0.0)
    try:
        (bay.folder / "a.mp4").write_bytes(b"a")
        found = bay.camera()
        (bay.config.dock.state_dir / "ledger.db").write_bytes(b"of the dock")
        bay.folder.rename(tmp_path / "before")
        bay.folder.symlink_to(bay.config.dock.state_dir)
        async with asyncio.timeout(20):
            await Docking(found, bay.tools).run()
        assert bay.kinds() == []
    finally:
        bay.close()


async def test_a_running_dock_raises_an_alarm_and_keeps_its_ledger(tmp_path: Path) -> None:
    cameras = 'folders = [{ path = "inbox", bay = "1" }]'
    daemon = EdgeDaemon(
        tmp_path / "dock", SimulatedLog().anchors, port=free_port(), cameras=cameras, erase=True
    )
    async with daemon.running():
        (daemon.home / "inbox").symlink_to("state")
        status = await daemon.until(lambda s: s["alarms"])
        (alarm,) = status["alarms"]
        assert (alarm["code"], alarm["about"]) == (CODE, f"{daemon.home}/inbox")
        assert status["bays"] == []
        assert status["clips"]["sealed"] == 0


def test_a_mount_that_does_not_answer_is_not_taken_for_the_disk_around_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    assert Own((state,)).conflict_of_mount(tmp_path / "media" / "gone") is None
