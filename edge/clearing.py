"""An alarm was seen to: who says so and why goes on record with it.

Most alarms end by themselves once their cause is gone. What accuses somebody does not end on a
word alone: there the ledger is told who looked, and what was found.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge import orphans
from edge.codes import Declined
from edge.desk_acts import Line, Text, declined, problem
from edge.ledger import Ledger
from edge.signals import Signals
from edge.spool import Spool
from protocols.ids import EntryId

ACCUSING: Final = frozenset(
    {"entries-not-ours", "gateway-log-forked", "gateway-proof-damaged", "recordings-vanished"}
)


class Asked(BaseModel):
    """The question ``clear-alarm``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cmd: Literal["clear-alarm"]
    code: Line
    about: str | None = None
    by: Line | None = None
    reason: Text | None = None


class Clearing:
    """Answers ``clear-alarm`` for one ledger."""

    def __init__(self, ledger: Ledger, spool: Spool, signals: Signals) -> None:
        self._ledger = ledger
        self._spool = spool
        self._signals = signals

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Clear an alarm on record; ``cleared`` is None when no such alarm stands.

        Raises:
            LedgerError: not committed.
        """
        try:
            asked = Asked.model_validate(question)
        except ValidationError as error:
            return problem(error)
        if asked.code in ACCUSING and not (asked.by and asked.reason):
            text = f"{asked.code}: say who looked into it and what was found"
            return declined(Declined.TEXT_NEEDED, text)
        entry = await asyncio.to_thread(self._clear, asked)
        self._signals.ledger.ring()
        return {"cleared": None if entry is None else str(entry)}

    def _clear(self, asked: Asked) -> EntryId | None:
        entry = self._ledger.clear_alarm(asked.code, asked.about, by=asked.by, why=asked.reason)
        if entry is not None and asked.code == orphans.CODE:
            orphans.saw_to(self._ledger, self._spool)
        return entry
