"""For how long a card stays writable."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.bays import Bays
from edge.errors import MountRefused
from edge.mounter import kernel, mounts
from edge.mounter.kernel import Reader
from edge.mounter.mounts import Look, Mounted, Mounts
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


class Medium:
    """A card's first page, as it would be read past all caches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages: list[bytes] = [b"as it was"]
        self.made: list[str] = []
        monkeypatch.setattr(kernel, "first_page", self.page)
        monkeypatch.setattr(kernel, "make_writable", lambda *_, **__: self.made.append("rw"))
        monkeypatch.setattr(kernel, "make_readonly", self.closed)
        monkeypatch.setattr(kernel, "detach", lambda _: self.made.append("gone"))
        monkeypatch.setattr(kernel, "until_let_go", lambda _: None)
        monkeypatch.setattr(mounts, "_STEP_S", 0.01)
        monkeypatch.setattr(mounts, "_STILL_S", 0.05)

    def page(self, *_: object, **__: object) -> bytes:
        """The first page now; the last of them from then on."""
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]

    def closed(self, *_: object, **__: object) -> None:
        """The kernel's own driver leaves its marks there."""
        self.pages = [b"as the dock left it"]


@pytest.fixture
def medium(monkeypatch: pytest.MonkeyPatch) -> Medium:
    return Medium(monkeypatch)


def fresh() -> tuple[Mounts, Mounted]:
    it = mounted(fuse=False, last_s=1800)
    it.writable, it.page = False, b"as it was"
    table = Mounts(MounterSection(writable_s=60.0), Bays(()), Reader(0, 0))
    table._mounted[it.volume.number] = it
    return table, it


def test_a_card_that_its_camera_writes_to_is_told_from_one_that_is_silent(medium: Medium) -> None:
    table, it = fresh()
    assert table.look(it) is Look.ANSWERS
    medium.pages = [b"written to"]
    assert table.look(it) is Look.CHANGED
    medium.pages = [b""]
    assert table.look(it) is Look.SILENT


def test_a_card_that_its_camera_wrote_to_is_not_made_writable(medium: Medium) -> None:
    table, it = fresh()
    medium.pages = [b"written to"]
    with pytest.raises(MountRefused, match="itself writes"):
        table.open(it)
    assert "rw" not in medium.made


def test_what_the_dock_itself_wrote_is_no_change(medium: Medium) -> None:
    table, it = fresh()
    table.open(it)
    medium.pages = [b"in use"]
    assert table.look(it) is Look.ANSWERS
    table.close(it)
    assert it.page == b"as the dock left it"
    assert table.look(it) is Look.ANSWERS


def test_a_card_is_read_anew_once_it_has_been_left_alone(medium: Medium) -> None:
    table, it = fresh()
    medium.pages = [b"a", b"b", b"c", b"d"]
    table.written_behind(it)
    assert medium.pages == [b"d"]
    assert medium.made == ["gone"]
    assert (it.ended, list(table)) == (True, [])
    # One that was pulled meanwhile is not waited for.
    table, it = fresh()
    medium.pages = [b""]
    table.written_behind(it)
