"""Whether this host's clock may decide that something's time is over.

Bytes do not come back. A clock that nobody vouches for, or that was set forward under the running
gateway, decides nothing; and the waiting time is counted by a clock that nobody can set.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.clock import GatewayClock
from gateway.errors import ConflictError
from protocols.clock import ClockSource

_JUMP: Final = timedelta(hours=1)


class ClockUnsureError(ConflictError):
    """The clock decides nothing now; see to it."""


class SureClock:
    """The host's clock, as long as it can be believed."""

    def __init__(self, clock: GatewayClock, *, synchronised: bool) -> None:
        """Begin to watch it.

        Args:
            clock: the host's.
            synchronised: ask for a clock that NTP keeps.
        """
        self._clock, self._synchronised = clock, synchronised
        self._began: tuple[datetime, float] | None = None

    def watch(self) -> None:
        """From here on see whether it is set forward; at the start of the gateway."""
        self._began = self._clock.now(), self._clock.running_s()

    def now(self) -> datetime:
        """The time.

        Raises:
            ClockUnsureError: nobody vouches for it, or it was set forward.
        """
        if self._synchronised and self._clock.read().source is not ClockSource.NTP:
            raise ClockUnsureError(
                "this host's clock is not synchronised by NTP; what it says ends no time"
            )
        now = self._clock.now()
        if self._began is not None:
            start, running_s = self._began
            ahead = now - start - timedelta(seconds=self._clock.running_s() - running_s)
            if ahead > _JUMP:
                raise ClockUnsureError(
                    f"this host's clock was set forward by {int(ahead.total_seconds())} s since "
                    "the gateway started; when it is right, start the gateway again"
                )
        return now

    def running_s(self) -> float:
        """Seconds that this host has run; nobody can set them."""
        return self._clock.running_s()
