"""`evidock-edge import` at the dock: begins dockings of what is brought, and tells how they go.

What came of an import is in the ledger for good, and here for whoever waits for it, as long as
the program runs. Begun once, an import goes on without whoever asked for it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge.cameras import by_hand
from edge.cameras.base import Camera, shown
from edge.cameras.own import Own
from edge.desk_acts import Line, Text, problem
from edge.errors import ImportRefused
from edge.items import Item, Phase
from edge.session import Docking
from protocols.ids import SessionId
from protocols.kinds import Imported

log = structlog.get_logger()

Answer = dict[str, Any]
COMMANDS: Final = ("import", "imported")
_AT_ONCE: Final = 4
_REMEMBERED: Final = 20
_SHOWN: Final = 20
_DONE: Final = frozenset({Phase.SEALED, Phase.RELEASED, Phase.ERASED})


def _path(text: str) -> str:
    try:
        path = Path(os.fsdecode(base64.b64decode(text, validate=True)))
    except (binascii.Error, ValueError) as error:
        msg = "not base64"
        raise ValueError(msg) from error
    if not path.is_absolute() or "\0" in str(path):
        msg = "not a whole path, from the root on"
        raise ValueError(msg)
    return text


class _ImportAsked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cmd: Literal["import"]
    path_b64: Annotated[str, Field(max_length=8192), AfterValidator(_path)]
    by: Line
    why: Text
    origin: Text
    officer: Line | None = None
    unit: Line | None = None
    bay: Line | None = None

    @property
    def bringing(self) -> by_hand.Bringing:
        """What is brought."""
        return by_hand.Bringing(
            path=Path(os.fsdecode(base64.b64decode(self.path_b64))),
            imported=Imported(by=self.by, why=self.why, origin=self.origin),
            officer=self.officer,
            unit=self.unit,
            bay=self.bay or by_hand.BAY,
        )


class _Going:
    """One import."""

    def __init__(self, number: int, docking: Docking) -> None:
        self.number, self.docking = number, docking
        self.ended = False

    def told(self) -> Answer:
        """How far it has come."""
        items = [item for item in self.docking.roster if item.found.is_recording]
        left = self.docking.leftovers() if self.ended else []
        stated: SessionId | None = self.docking.stated_as
        return {
            "import": self.number,
            "done": self.ended,
            "session": None if stated is None else str(stated),
            "files": len(items),
            "sealed": self.docking.roster.seals,
            "known": sum(_is_known(item) for item in items) - self.docking.roster.seals,
            "bytes_total": sum(item.size for item in items),
            "bytes_done": sum(
                item.size if item.clip else min(item.done, item.size) for item in items
            ),
            "waits": self._waits(items),
            "left": [
                {"path": shown(each.path_bytes()), "outcome": each.outcome, "reason": each.reason}
                for each in left[:_SHOWN]
            ],
            "left_total": len(left),
        }

    def _waits(self, items: Iterable[Item]) -> str | None:
        """Why the next file is not read right now, if something is in the way."""
        waiting = [item.reason for item in items if item.phase is Phase.WAITING and item.reason]
        return waiting[0] if waiting and not self.ended else None


class Imports:
    """What is brought to this dock."""

    def __init__(
        self,
        own: Own,
        docked: Callable[[], Iterable[Docking]],
        docking: Callable[[Camera], Docking],
    ) -> None:
        """Begin with nothing.

        Args:
            own: what is the dock's own and never imported.
            docked: what stands in the bays now.
            docking: makes the docking of a camera.
        """
        self._own, self._docked, self._docking = own, docked, docking
        self._serve: Callable[[Docking], object] | None = None
        self._imports: dict[int, _Going] = {}
        self._newest = 0
        self._acting = asyncio.Lock()

    def open(self, serve: Callable[[Docking], object]) -> None:
        """Take imports from now on; ``serve`` runs a docking beside everything else."""
        self._serve = serve

    async def answer(self, question: Answer) -> Answer:
        """Begin an import, or tell how one goes.

        Raises:
            ImportRefused: what is named is not to be imported; says why.
        """
        match question:
            case {"cmd": "imported", "import": int(number)} if number in self._imports:
                return self._imports[number].told()
            case {"cmd": "imported"}:
                raise ImportRefused(
                    "no such import since the dock started; `evidock-edge import` of the same "
                    "folder takes what is missing and knows the rest"
                )
            case _:
                pass
        try:
            asked = _ImportAsked.model_validate(question)
        except ValidationError as error:
            return problem(error)
        async with self._acting:
            return await self._begin(asked.bringing)

    async def _begin(self, bringing: by_hand.Bringing) -> Answer:
        going = sum(not each.ended for each in self._imports.values())
        if self._serve is None or going >= _AT_ONCE:
            raise ImportRefused(f"{going} imports are going on; one more has to wait for them")
        camera = await asyncio.to_thread(self._checked, bringing)
        docking = self._docking(camera)
        self._newest += 1
        self._imports[self._newest] = _Going(self._newest, docking)
        for number in list(self._imports)[:-_REMEMBERED]:
            if self._imports[number].ended:
                del self._imports[number]
        log.info("import.began", number=self._newest, volume=camera.volume)
        self._serve(docking)
        return self._imports[self._newest].told()

    def ended(self, docking: Docking) -> None:
        """Say that a docking is over."""
        for each in self._imports.values():
            if each.docking is docking:
                each.ended = True

    def _checked(self, bringing: by_hand.Bringing) -> Camera:
        """What is brought, if it may be; blocks."""
        camera = by_hand.source(replace(bringing, own=self._own.linked()))
        what = camera.root if camera.only is None else camera.root / os.fsdecode(camera.only)
        why = self._own.conflict(what)
        if why is not None:
            raise ImportRefused(f"{bringing.path} is not imported: {why}")
        for docked in self._docked():
            root = docked.camera.root.resolve()
            if root == what or root in what.parents or what in root.parents:
                raise ImportRefused(
                    f"{bringing.path} is what stands in bay {docked.camera.bay} already"
                )
        return camera


def _done(item: Item) -> int:
    return item.size if item.clip else min(item.done, item.size)


def _is_known(item: Item) -> bool:
    return item.phase in _DONE
