"""What somebody brings by hand is sealed as a docking of its own, and never written to."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from edge.cameras.base import FileState
from edge.cameras.by_hand import Bringing, card_of, source
from edge.cameras.mass_storage import around, parse_mounts
from edge.cameras.own import Own
from edge.errors import ImportRefused, Unreadable
from edge.imports import Imports
from edge.session import Docking
from protocols.kinds import (
    ClipErased,
    ClipSealed,
    Disposition,
    EraseIntended,
    Imported,
    SessionClosed,
    SessionInventory,
    SessionOpened,
)
from tests.unit.edge.bayside import Bayside, until

WHO = {"by": "李警官", "why": "the victim's phone", "origin": "王某, at the counter"}


class Brought:
    """A dock to which things are brought."""

    def __init__(self, bay: Bayside, group: asyncio.TaskGroup) -> None:
        self.bay, self._group = bay, group
        self.dockings: list[Docking] = []
        own = Own(state=(bay.home / "state",))
        self.imports = Imports(own, lambda: self.dockings, lambda c: Docking(c, bay.tools))
        self.imports.open(self._serve)

    def _serve(self, docking: Docking) -> None:
        self.dockings.append(docking)
        self._group.create_task(self._run(docking))

    async def _run(self, docking: Docking) -> None:
        try:
            await docking.run()
        finally:
            self.dockings.remove(docking)
            self.imports.ended(docking)

    async def begin(self, path: Path | bytes, **more: object) -> dict[str, Any]:
        """Ask as the command does."""
        where = base64.b64encode(os.fsencode(path)).decode()
        return await self.imports.answer({"cmd": "import", "path_b64": where} | WHO | more)

    async def whole(self, path: Path, **more: object) -> dict[str, Any]:
        """Import until it is done."""
        told = await self.begin(path, **more)
        assert "error" not in told, told
        return await self.done(told["import"])

    async def done(self, number: int) -> dict[str, Any]:
        """Wait for an import."""
        told: dict[str, Any] = {}
        async with asyncio.timeout(20):
            while not told.get("done"):
                await asyncio.sleep(0.02)
                told = await self.imports.answer({"cmd": "imported", "import": number})
        return told


@asynccontextmanager
async def dock(bay: Bayside) -> AsyncIterator[Brought]:
    async with asyncio.TaskGroup() as group:
        yield Brought(bay, group)


def fill(folder: Path, names: list[bytes]) -> None:
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(name)


def put_aside(folder: Path) -> None:
    folder.rename(folder.with_name("aside"))


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    folder = tmp_path / "phone"
    folder.mkdir()
    return folder


async def test_every_file_is_sealed_and_says_who_brought_it_why_and_from_where(
    bay: Bayside, phone: Path
) -> None:
    files = {"VID_1.mp4": b"v" * 5000, "notes.txt": b"n", "Thumbs.db": b"t", "._x": b"x", "e": b""}
    for name, data in files.items():
        (phone / name).write_bytes(data)
    (phone / "deep").mkdir()
    (phone / "deep" / "VID_2.mp4").write_bytes(b"w")
    async with dock(bay) as brought:
        told = await brought.whole(phone, officer="014032", unit="市局/城东")
    assert (told["sealed"], told["known"], told["left_total"]) == (6, 0, 0)
    (opened,) = bay.bodies(SessionOpened)
    assert opened.imported == Imported.model_validate(WHO)
    assert (opened.bay, opened.profile, opened.officer) == ("by hand", "generic", "014032")
    assert (opened.read_only, opened.clock, opened.card) == (True, None, None)
    sealed = {body.source.path: body for body in bay.bodies(ClipSealed)}
    assert set(sealed) == {*files, "deep/VID_2.mp4"}
    for body in sealed.values():
        assert body.source.imported == Imported.model_validate(WHO)
        assert (body.source.officer, body.source.unit) == ("014032", "市局/城东")
    listed = [file for page in bay.bodies(SessionInventory) for file in page.files]
    assert {file.disposition for file in listed} == {Disposition.INGEST}
    (closed,) = bay.bodies(SessionClosed)
    assert (closed.reason, closed.sealed, closed.leftovers_total) == ("removed", 6, 0)
    assert str(told["session"]) == closed.session


async def test_one_file_is_taken_and_nothing_beside_it(bay: Bayside, phone: Path) -> None:
    (phone / "one.dav").write_bytes(b"1")
    (phone / "two.dav").write_bytes(b"2")
    (phone / "deep").mkdir()
    async with dock(bay) as brought:
        told = await brought.whole(phone / "one.dav")
    assert told["sealed"] == 1
    assert [body.source.path for body in bay.bodies(ClipSealed)] == ["one.dav"]
    listed = [file.path for page in bay.bodies(SessionInventory) for file in page.files]
    assert listed == ["one.dav"]


async def test_links_are_named_and_not_followed_and_names_may_be_anything(
    bay: Bayside, phone: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not brought")
    (phone / "link.mp4").symlink_to(secret)
    (phone / "folder").symlink_to(tmp_path)
    os.mkfifo(phone / "pipe")
    names = [b"control\x01\n.mp4", b"latin\xe9.mp4", b"-rf", '"\u202e\\'.encode()]
    fill(phone, names)
    async with dock(bay) as brought:
        told = await brought.whole(phone)
    assert (told["sealed"], told["left_total"]) == (4, 0)
    assert {body.source.path_bytes() for body in bay.bodies(ClipSealed)} == set(names)
    listed = [file for page in bay.bodies(SessionInventory) for file in page.files]
    refused = {file.path for file in listed if file.disposition is Disposition.REFUSED}
    assert refused == {"link.mp4", "folder", "pipe"}


async def test_the_same_folder_again_is_known_by_its_bytes(bay: Bayside, phone: Path) -> None:
    (phone / "a.mp4").write_bytes(b"aaaa")
    (phone / "b.mp4").write_bytes(b"bbbb")
    async with dock(bay) as brought:
        await brought.whole(phone)
        (phone / "c.mp4").write_bytes(b"cccc")
        again = await brought.whole(phone)
        assert (again["sealed"], again["known"]) == (1, 2)
        # Same name, size and time, other bytes: it is another recording.
        before = (phone / "a.mp4").stat()
        (phone / "a.mp4").write_bytes(b"AAAA")
        os.utime(phone / "a.mp4", ns=(before.st_atime_ns, before.st_mtime_ns))
        other = await brought.whole(phone)
        assert (other["sealed"], other["known"]) == (1, 2)
    assert len(bay.bodies(ClipSealed)) == 4
    assert len(bay.bodies(SessionOpened)) == 3


async def test_another_folder_under_the_same_name_is_not_known(bay: Bayside, phone: Path) -> None:
    (phone / "a.mp4").write_bytes(b"aaaa")
    stamp = (phone / "a.mp4").stat().st_mtime_ns
    async with dock(bay) as brought:
        await brought.whole(phone)
        put_aside(phone)
        phone.mkdir()  # noqa: ASYNC240  # at once
        (phone / "a.mp4").write_bytes(b"aaaa")
        os.utime(phone / "a.mp4", ns=(stamp, stamp))
        again = await brought.whole(phone)
    assert (again["sealed"], again["known"]) == (1, 0)


async def test_nothing_is_ever_erased_though_the_dock_erases(tmp_path: Path, phone: Path) -> None:
    bay = Bayside(tmp_path / "bay", erase=True)
    (phone / "a.mp4").write_bytes(b"aaaa")
    async with dock(bay) as brought:
        await brought.whole(phone)
        bay.release_all()
        again = await brought.whole(phone)
        assert (again["sealed"], again["known"]) == (0, 1)
    assert (phone / "a.mp4").read_bytes() == b"aaaa"
    assert not bay.bodies(EraseIntended)
    assert not bay.bodies(ClipErased)
    assert [body.reason for body in bay.bodies(SessionClosed)] == ["removed", "released"]
    bay.close()
    camera = source(Bringing(phone, Imported.model_validate(WHO)))
    with pytest.raises(Unreadable, match="nothing is erased"):
        card_of(camera).unlink(b"a.mp4", FileState.of((phone / "a.mp4").stat()))


async def test_a_source_that_vanishes_while_it_is_read_is_said_to_have(
    bay: Bayside, phone: Path
) -> None:
    (phone / "a.mp4").write_bytes(b"a" * 100)
    (phone / "b.mp4").write_bytes(b"b" * 100)
    async with dock(bay) as brought:
        told = await brought.begin(phone)
        await until(lambda: not brought.dockings or brought.dockings[0].roster.looked)
        put_aside(phone)
        ended = await brought.done(told["import"])
    (closed,) = bay.bodies(SessionClosed)
    assert closed.reason == "removed"
    sealed = {body.source.path for body in bay.bodies(ClipSealed)}
    left = {each.path for each in closed.leftovers}
    assert sealed | left == {"a.mp4", "b.mp4"}
    assert ended["left_total"] == len(left)


async def test_a_source_that_is_gone_before_it_is_listed_is_not_called_empty(
    bay: Bayside, phone: Path
) -> None:
    (phone / "a.mp4").write_bytes(b"a")
    async with dock(bay) as brought:
        told = await brought.begin(phone)
        put_aside(phone)
        ended = await brought.done(told["import"])
    (closed,) = bay.bodies(SessionClosed)
    assert closed.leftovers_total == ended["left_total"] > 0


async def test_what_may_not_be_imported_is_refused_and_nothing_is_on_record(
    bay: Bayside, phone: Path, tmp_path: Path
) -> None:
    state = bay.home / "state"
    state.mkdir(exist_ok=True)
    (state / "key.pem").write_text("secret")
    (tmp_path / "way-in").symlink_to(state)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with dock(bay) as brought:
        for path in (state, bay.home, tmp_path / "way-in", state / "key.pem", Path("/")):
            with pytest.raises(ImportRefused, match="the dock's own"):
                await brought.begin(path)
        for path in (tmp_path / "none", pipe):
            with pytest.raises(ImportRefused):
                await brought.begin(path)
        (tmp_path / "way-to-kernel").symlink_to("/proc/self")
        shown = ("/proc", "/proc/version", "/sys/kernel", "/dev", "/dev/null")
        for path in (*map(Path, shown), tmp_path / "way-to-kernel"):
            with pytest.raises(ImportRefused, match="the kernel shows of itself"):
                await brought.begin(path)
        for more in ({"by": ""}, {"why": " "}, {"origin": None}, {"by": "a\u202eb"}, {"more": 1}):
            assert "error" in await brought.begin(phone, **more)
        relative = base64.b64encode(b"phone").decode()
        for path_b64 in (relative, "*", ""):
            question = {"cmd": "import", "path_b64": path_b64} | WHO
            assert "error" in await brought.imports.answer(question)
        for number in (7, "x"):
            with pytest.raises(ImportRefused, match="no such import"):
                await brought.imports.answer({"cmd": "imported", "import": number})
    assert bay.kinds() == []


def test_what_the_kernel_shows_is_known_by_its_file_system_wherever_it_is_mounted() -> None:
    mounts = parse_mounts(
        "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "21 20 0:5 / /srv/jail/proc rw - proc proc rw\n"
        "22 20 8:2 / /srv/in rw - vfat /dev/sdb1 rw\n"
        "23 22 0:6 / /srv/in rw - sysfs sysfs rw"
    )
    for path, kind in (("/srv/jail/proc/1", "proc"), ("/srv/in/a", "sysfs"), ("/srv", "ext4")):
        mount = around(mounts, Path(path))
        assert mount is not None
        assert mount.type == kind


async def test_a_file_of_the_docks_own_is_not_given_away_under_a_second_name(
    bay: Bayside, phone: Path
) -> None:
    state = bay.home / "state"
    state.mkdir(exist_ok=True)
    (state / "key.pem").write_text("secret")
    (phone / "b.mp4").write_bytes(b"b")
    os.link(state / "key.pem", phone / "a.mp4")
    os.link(phone / "b.mp4", phone / "c.mp4")
    async with dock(bay) as brought:
        whole, one = await brought.whole(phone), await brought.whole(phone / "a.mp4")
    assert [(each["path"], "second name" in each["reason"]) for each in whole["left"]] == [
        ("a.mp4", True)
    ]
    assert (whole["sealed"], one["sealed"]) == (2, 0)
    assert len(bay.bodies(ClipSealed)) == 2


async def test_what_stands_in_a_bay_is_not_imported_as_well(bay: Bayside, phone: Path) -> None:
    (phone / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking, dock(bay) as brought:
        brought.dockings.append(docking)
        for path in (bay.folder, bay.folder.parent):
            with pytest.raises(ImportRefused):
                await brought.begin(path)
        brought.dockings.remove(docking)


@pytest.mark.parametrize("missing", ["--by", "--why", "--from"])
def test_nobody_imports_without_saying_who_why_and_from_where(
    missing: str, phone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [word for name in ("--by", "--why", "--from") if name != missing for word in (name, "a")]
    with pytest.raises(SystemExit) as ended:
        main(["import", str(phone), *said])
    assert ended.value.code == 2
    assert missing in capsys.readouterr().err


async def test_an_empty_folder_is_on_record_as_empty(bay: Bayside, phone: Path) -> None:
    async with dock(bay) as brought:
        told = await brought.whole(phone)
    assert (told["files"], told["sealed"]) == (0, 0)
    assert bay.kinds() == ["session.opened", "session.inventory", "session.closed"]
