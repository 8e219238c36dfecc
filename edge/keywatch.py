"""Notices when the token of the statement key is gone, tells people, and puts it on record after.

While the key is away nothing can be signed, an alarm neither: so it stands on the screens by this
dock's word alone, and both its beginning and its end are stated once the key signs again. Asked
for once a minute, so that a token that was pulled at night is known before the first camera of the
morning; while it is away every few seconds, so that putting it back is all there is to do.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, runtime_checkable

import structlog

from edge.clock import DockClock
from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.signals import Signals
from hashing.errors import SigningError
from hashing.keys import Signer

log = structlog.get_logger()

CODE: Final = "statement-key-away"
_EVERY_S: Final = 60.0
_AWAY_S: Final = 3.0
_PROBE: Final = b"evidock: does this key sign"


@runtime_checkable
class Removable(Signer, Protocol):
    """A signer that may lose its key for a while."""

    @property
    def problem(self) -> str:
        """Why it could not sign the last time; empty when it could."""
        ...


class KeyWatch:
    """Watches one signer; one whose key is a file needs no watching.

    Args:
        signer: the dock's.
        ledger: takes the alarm once it can be signed.
        signals: rung when copying may go on.
    """

    def __init__(self, signer: Signer, ledger: Ledger, signals: Signals, clock: DockClock) -> None:
        self._signer = signer if isinstance(signer, Removable) else None
        self._ledger = ledger
        self._signals = signals
        self._clock = clock
        self._alarm: dict[str, Any] | None = None

    def follow(self, signer: Signer) -> None:
        """The key was rotated: watch the new one; from the next start on if none was watched."""
        self._signer = signer if isinstance(signer, Removable) else None

    def standing(self) -> list[dict[str, Any]]:
        """The alarm that cannot be signed, as the ledger's alarms are shown."""
        return [] if self._alarm is None else [self._alarm]

    async def run(self) -> None:
        """Look until cancelled."""
        while self._signer is not None or self._alarm is not None:
            try:
                await asyncio.to_thread(self.look)
            except LedgerDamaged:
                raise
            except LedgerError as error:
                log.warning("ledger.refused", error=str(error))
            self._signals.ledger.ring()
            # One signature that failed elsewhere is noticed here within the short time.
            for _ in range(int(_EVERY_S / _AWAY_S)):
                await asyncio.sleep(_AWAY_S)
                signer = self._signer
                if self._alarm is not None or (signer is not None and signer.problem):
                    break

    def look(self) -> None:
        """Ask for a signature; blocks for as long as the token takes.

        Raises:
            LedgerError: the alarm is not on record yet; the next look does it.
        """
        try:
            if self._signer is not None:
                self._signer.sign(_PROBE)
        except SigningError as error:
            self._away(str(error))
            return
        if self._alarm is not None:
            self._state(self._alarm)

    def _away(self, reason: str) -> None:
        if self._alarm is not None:
            return
        at = self._clock.read().utc
        self._alarm = {"code": CODE, "text": reason, "about": None, "raised": at}
        log.error("key.away", reason=reason)

    def _state(self, alarm: dict[str, Any]) -> None:
        text = f"from about {alarm['raised']} the statement key could not sign: {alarm['text']}"
        with self._ledger.together():
            self._ledger.raise_alarm(CODE, text)
            self._ledger.clear_alarm(CODE, why="the key signs again")
        self._alarm = None
        log.info("key.back")
