"""What one dock is asked for next, and how much of it at a time.

The transfer says what is missing; this keeps it within the dock's share of the worker's
memory, sends it in as few pulls as possible, and leaves the ledger alone for a while after
an entry was refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.intake.leases import Held
from gateway.intake.means import Means
from gateway.intake.receiving import Receiving
from protocols.messages import MAX_WANTS, LedgerWant, Nack, NackReason, Pull, Want
from protocols.topics import ToDock
from protocols.transfer import Transfer

_REFILL_S = 0.02
_LEDGER_ANSWER_S = 30.0


class Asking:
    """The pulls that go to one dock."""

    def __init__(self, means: Means, lease: Held, transfer: Transfer, receiving: Receiving) -> None:
        """Start with nothing asked.

        Args:
            means: the worker's services.
            lease: whose worker and term every pull names.
            transfer: says what is missing.
            receiving: says how much waits in memory.
        """
        self._means = means
        self._lease = lease
        self._transfer = transfer
        self._receiving = receiving
        self._held_until = 0.0
        self._ledger_until = float("-inf")
        self._asked_at = 0.0
        self._refill_below = 0

    def awaits_page(self, now: float) -> bool:
        """Whether a ledger page was asked for, and not so long ago that none can come.

        A nack does not end the wait: anybody may send one before the dock's own answer.
        """
        return now < self._ledger_until

    def answered(self) -> None:
        """A ledger page came that was of use."""
        self._ledger_until = float("-inf")

    def hold_ledger(self, until: float) -> None:
        """Ask for no ledger page before this moment."""
        self._held_until = until

    async def pull(self, now: float, *, behind: bool, look_again: Callable[[], None]) -> None:
        """Ask for what is missing and fits.

        Args:
            now: seconds.
            behind: whether the dock has announced entries that are not logged.
            look_again: to be called when it is worth calling this again.
        """
        if not (behind or self._transfer.clips or self._transfer.outstanding_bytes):
            self._means.shares.leave(self._lease.dock)
            return
        early = now < self._asked_at + _REFILL_S
        if early and self._transfer.outstanding_bytes > self._refill_below:
            # Asking for every part by itself would double the number of messages.
            asyncio.get_running_loop().call_later(_REFILL_S, look_again)
            return
        wants = self._transfer.next_wants(now, budget_bytes=self._budget(now))
        wants = self._without_held(wants, now)
        self._asked_at = now
        self._refill_below = self._transfer.outstanding_bytes // 2
        for start in range(0, len(wants), MAX_WANTS):
            await self.ask(tuple(wants[start : start + MAX_WANTS]))

    async def ask(self, wants: tuple[Want, ...]) -> None:
        """Send one pull; if it is lost, its wants run out and are asked for again."""
        if any(isinstance(want, LedgerWant) for want in wants):
            self._ledger_until = asyncio.get_running_loop().time() + _LEDGER_ANSWER_S
        pull = Pull(self._lease.worker, self._lease.term, wants)
        await self._means.publish(self._lease.dock, ToDock.PULL, pull.encode())

    def _without_held(self, wants: list[Want], now: float) -> list[Want]:
        if now >= self._held_until:
            return wants
        for want in wants:
            if isinstance(want, LedgerWant):
                # A refused entry is the next one still: no use asking for it at once.
                self._transfer.refused(Nack(want, NackReason.BUSY), now)
        return [want for want in wants if not isinstance(want, LedgerWant)]

    def _budget(self, now: float) -> int:
        share = self._means.shares.bytes_for(self._lease.dock, now)
        held = self._transfer.outstanding_bytes + self._receiving.buffered_bytes
        if share and not self._transfer.outstanding_bytes:
            # Leaves that wait for one lost part must not keep that very part from coming.
            return max(share - held, self._means.settings.part_size)
        return share - held
