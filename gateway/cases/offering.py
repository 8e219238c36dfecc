"""The open cases as docks are told of them (protocols/SPEC 5, ``Cases``).

Told when a case is opened, changed or closed, when this worker takes a dock over, when a dock
comes back, and every few minutes, so that a dock can say how old its list is. All docks are
told of the same cases: the gateway does not know which unit a dock belongs to. Nothing about the
parties of a case and nobody's name is sent, of its officers the numbers alone, and a title only
as far as a screen shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from pydantic import ValidationError
from sqlalchemy import func, select

from gateway.cases.models import Case
from gateway.clock import GatewayClock
from gateway.config import CasesSection, ChoiceSetting
from gateway.db import Database
from protocols.caselist import MAX_CASES, TITLE_LENGTH, Cases, Choice, OpenCase
from protocols.ids import DockId

AGAIN_S = 600.0
_NUMBER_LENGTH = 60
_MOST_OFFICERS = 16

Tell = Callable[[DockId, bytes], Awaitable[bool]]


class Offering:
    """What one worker has told its docks about open cases."""

    def __init__(
        self, database: Database, settings: CasesSection, clock: GatewayClock, tell: Tell
    ) -> None:
        """Prepare; nothing is told before ``tell``.

        Args:
            database: where the cases are.
            settings: what else can be chosen.
            clock: for the time in the message.
            tell: sends one message to one dock, retained; False when it was not taken.
        """
        self._database = database
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._revision = -1
        self._made_at = float("-inf")
        self._payload = b""
        self._told: set[DockId] = set()

    def forget(self, dock: DockId | None = None) -> None:
        """A dock, or every one, may not have what it was told."""
        if dock is None:
            self._told.clear()
        else:
            self._told.discard(dock)

    async def tell(self, docks: Iterable[DockId], now: float) -> None:
        """Tell each of these docks what it was not told yet.

        Args:
            docks: those this worker serves.
            now: seconds of the loop's clock.

        Raises:
            DatabaseUnavailableError: call again later.
        """
        await self._renew(now)
        payload = self._payload
        for dock in [dock for dock in docks if dock not in self._told]:
            # Before it is sent: a dock that comes back meanwhile is told once more.
            self._told.add(dock)
            if not await self._tell(dock, payload):
                self._told.discard(dock)

    async def _renew(self, now: float) -> None:
        async with self._database.reading() as session:
            newest = await session.scalar(select(func.max(Case.changed_index)))
        revision = 0 if newest is None else newest + 1
        if revision == self._revision and now < self._made_at + AGAIN_S:
            return
        cases = await self._listed(revision)
        # A thousand cases take a while to write out, and the intake lives in this loop too.
        self._payload = await asyncio.to_thread(lambda: cases.fitted().encode())
        self._revision, self._made_at = revision, now
        self._told.clear()

    async def _listed(self, revision: int) -> Cases:
        opened = (Case.survivor.is_(None), Case.sealed_index.is_(None))
        newest = select(Case).where(*opened).order_by(Case.opened_index.desc()).limit(MAX_CASES)
        async with self._database.reading() as session:
            rows = (await session.scalars(newest)).all()
            count = await session.scalar(select(func.count()).select_from(Case).where(*opened)) or 0
        listed = [case for row in rows if (case := _open_case(row)) is not None]
        return Cases(
            revision=revision,
            time=self._clock.read().utc,
            cases=tuple(listed),
            more=max(count - len(listed), 0),
            categories=_choices(self._settings.categories),
            reasons=_choices(self._settings.reasons),
        )


def _choices(settings: Iterable[ChoiceSetting]) -> tuple[Choice, ...]:
    return tuple(Choice.model_validate(setting.model_dump()) for setting in settings)


def _open_case(row: Case) -> OpenCase | None:
    """A case for docks; None when its number could not be shown on a screen."""
    try:
        return OpenCase(
            case=row.token,
            case_no=row.case_no,
            title=_shortened(row.title),
            category=row.category,
            unit=row.unit,
            officers=_officers(row),
        )
    except ValidationError:
        # The API takes none of these; a log that was brought from elsewhere may have them.
        return None


def _officers(row: Case) -> tuple[str, ...]:
    """Numbers of whoever acts in a case, so that a dock puts an officer's own cases first."""
    said = (row.particulars or {}).get("officers", ())
    numbers = [number for officer in said if (number := officer.get("number"))]
    return tuple(number for number in numbers if len(number) <= _NUMBER_LENGTH)[:_MOST_OFFICERS]


def _shortened(title: str | None) -> str | None:
    """A title in one line of a screen; None when nothing is left of it."""
    line = " ".join((title or "").split())
    cut = line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
    return cut or None
