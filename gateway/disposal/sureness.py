"""Whether this host's clock may decide that something's time is over.

Bytes do not come back. A clock that nobody vouches for, that was set forward under the running
gateway, or that is far ahead of every other clock that is heard of, decides nothing; and the
waiting time is counted by a clock that nobody can set.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.clock import GatewayClock
from gateway.disposal.others import OtherClocks, Said
from gateway.errors import ConflictError
from protocols.clock import ClockSource

_JUMP: Final = timedelta(hours=1)
AHEAD: Final = timedelta(days=31)
"""So far this clock may be ahead of all others: over holidays no camera is docked."""


class ClockUnsureError(ConflictError):
    """The clock decides nothing now; see to it.

    Attributes:
        zh: the same for who reads Chinese.
    """

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


class SureClock:
    """The host's clock, as long as it can be believed."""

    def __init__(
        self, clock: GatewayClock, others: OtherClocks | None = None, *, synchronised: bool
    ) -> None:
        """Begin to watch it.

        Args:
            clock: the host's.
            others: that it is compared with; None compares with none.
            synchronised: ask for a clock that NTP keeps.
        """
        self._clock, self._others, self._synchronised = clock, others, synchronised
        self._began: tuple[datetime, float] | None = None
        self._logged: datetime | None = None

    async def watch(self) -> None:
        """From here on see whether it is set forward; at the start of the gateway.

        Raises:
            DatabaseUnavailableError: what the log says of the time cannot be known.
        """
        self._began = self._clock.now(), self._clock.running_s()
        if self._others is not None:
            self._logged = await self._others.logged()

    async def compared(self) -> datetime:
        """The time, after it was held against what other clocks say.

        Raises:
            ClockUnsureError: as ``now``; it is behind the log, or far ahead of every other clock.
            DatabaseUnavailableError: what they say cannot be known now.
        """
        now = self.now()
        if self._others is not None:
            _refuse_behind(now, await self._others.logged())
            said = await self._others.latest()
            if said is not None:
                _refuse_ahead(now, said)
            elif self._began is not None and self._logged is not None:
                # The next best: when the log had grown last before this start. Since then the
                # clock that nobody can set has watched this one.
                _refuse_ahead(self._began[0], Said(self._logged, "the log at the last start"))
        return now

    def now(self) -> datetime:
        """The time.

        Raises:
            ClockUnsureError: nobody vouches for it, or it was set forward.
        """
        if self._synchronised and self._clock.read().source is not ClockSource.NTP:
            raise ClockUnsureError(
                "this host's clock is not synchronised by NTP; what it says ends no time",
                "本机时钟没有经 NTP 对时，不能据以判断期限已满",
            )
        now = self._clock.now()
        if self._began is not None:
            start, running_s = self._began
            ahead = now - start - timedelta(seconds=self._clock.running_s() - running_s)
            if ahead > _JUMP:
                by = int(ahead.total_seconds())
                raise ClockUnsureError(
                    f"this host's clock was set forward by {by} s since "
                    "the gateway started; when it is right, start the gateway again",
                    f"网关启动以来，本机时钟被拨快 {by} 秒；校准后请重新启动网关",
                )
        return now

    def running_s(self) -> float:
        """Seconds that this host has run; nobody can set them."""
        return self._clock.running_s()


def _refuse_behind(now: datetime, logged: datetime | None) -> None:
    if logged is not None and now < logged - _JUMP:
        raise ClockUnsureError(
            f"this host's clock shows {now:%Y-%m-%dT%H:%M:%SZ}, and the newest entry of the log "
            f"was taken in at {logged:%Y-%m-%dT%H:%M:%SZ}: one of the two is wrong",
            f"本机时钟为 {now:%Y-%m-%dT%H:%M:%SZ}，而日志最新一条记于 "
            f"{logged:%Y-%m-%dT%H:%M:%SZ}：两者必有一错",
        )


def _refuse_ahead(now: datetime, said: Said) -> None:
    if now - said.at > AHEAD:
        raise ClockUnsureError(
            f"this host's clock showed {now:%Y-%m-%d}, and the latest time that another clock "
            f"showed is {said.at:%Y-%m-%d} ({said.by}); if this one is right, it is believed as "
            "soon as a dock whose clock NTP keeps is heard of, or a witness has cosigned",
            f"本机时钟为 {now:%Y-%m-%d}，其他时钟最近所示为 {said.at:%Y-%m-%d}（{said.by}）；"
            "若本机无误，待经 NTP 对时的采集站有了消息，或有见证人签名，即予采信",
        )
