"""A card is asked to be writable right before the unlink, and never a moment before or after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge import words
from edge.errors import MountRefused, NoMounter
from edge.mounter.client import Mounter
from edge.session import Docking
from protocols.kinds import ClipErased, SessionClosed
from tests.unit.edge.bayside import Bayside, said, until


class Asked(Mounter):
    """A helper that says what it was asked, and what was on the card then."""

    def __init__(self, folder: Path, refuses: Exception | None = None, times: int = 1000) -> None:
        super().__init__()
        self._folder = folder
        self._refuses = refuses
        self._times = times
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.open = False

    @contextlib.asynccontextmanager
    async def writable(self, mount: Path) -> AsyncIterator[None]:
        """Count what is on the card when the moment begins and ends."""
        assert mount == self._folder
        assert not self.open
        self.begun.append(self._files())
        if self._refuses is not None and len(self.begun) <= self._times:
            raise self._refuses
        self.open = True
        try:
            yield
        finally:
            self.open = False
            self.ended.append(self._files())

    def _files(self) -> int:
        return len(list(self._folder.iterdir()))


@contextlib.asynccontextmanager
async def docked(bay: Bayside, helper: Asked) -> AsyncIterator[Docking]:
    camera = replace(bay.camera(), profile="generic", guarded=True)
    docking = Docking(camera, replace(bay.tools, mounter=helper))
    async with asyncio.TaskGroup() as group:
        group.create_task(docking.run())
        yield docking
        docking.leave()


async def released(bay: Bayside, docking: Docking) -> None:
    await until(lambda: said(docking) == "copied")
    bay.release_all()
    await until(lambda: words.message(docking, full=False).safe)


@pytest.fixture
def filled(erasing: Bayside) -> Bayside:
    for name in "abc":
        (erasing.folder / f"{name}.mp4").write_bytes(name.encode() * 1000)
    return erasing


@pytest.mark.parametrize("by_driver", [False, True])
async def test_each_unlink_has_a_moment_of_its_own(
    filled: Bayside, monkeypatch: pytest.MonkeyPatch, *, by_driver: bool
) -> None:
    monkeypatch.setattr("edge.moment.by_driver", lambda _root: by_driver)
    helper = Asked(filled.folder)
    async with docked(filled, helper) as docking:
        await released(filled, docking)
        assert not docking.stays
    assert (helper.begun, helper.ended) == ([3, 2, 1], [2, 1, 0])
    assert len(filled.bodies(ClipErased)) == 3


@pytest.mark.parametrize("by_driver", [False, True])
@pytest.mark.parametrize("refusal", [NoMounter("no answer"), MountRefused("write-protected")])
async def test_a_card_that_stays_read_only_is_compared_kept_and_not_asked_about_for_ever(
    filled: Bayside, monkeypatch: pytest.MonkeyPatch, refusal: Exception, *, by_driver: bool
) -> None:
    monkeypatch.setattr("edge.moment.by_driver", lambda _root: by_driver)
    monkeypatch.setattr("edge.moment.PAUSES_S", (0.01, 0.01))
    helper = Asked(filled.folder, refusal)
    async with docked(filled, helper) as docking:
        await released(filled, docking)
        assert words.message(docking, full=False) == words.KEPT
        assert docking.stays == str(refusal)
        assert docking.roster.proven
    # Behind a FUSE driver a file may just have been open: there it is asked for again.
    assert helper.begun == ([3, 3, 3] if by_driver else [3])
    assert len(list(filled.folder.iterdir())) == 3
    assert filled.bodies(ClipErased) == []
    (closed,) = filled.bodies(SessionClosed)
    assert (closed.reason, closed.leftovers_total) == ("released", 0)


async def test_a_card_in_use_for_a_moment_is_erased_all_the_same(
    filled: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.moment.by_driver", lambda _root: True)
    monkeypatch.setattr("edge.moment.PAUSES_S", (0.01, 0.01))
    helper = Asked(filled.folder, MountRefused("a file of the card is open"), times=2)
    async with docked(filled, helper) as docking:
        await released(filled, docking)
        assert not docking.stays
    assert helper.begun == [3, 3, 3, 2, 1]
    assert len(filled.bodies(ClipErased)) == 3
