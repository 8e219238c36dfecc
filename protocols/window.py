"""How much may be on its way from one dock: bytes and messages, adapted to the link.

The window is what keeps a broker from dropping QoS 1 messages (Mosquitto queues about
1,000) and what keeps a slow link from timing out: it grows while answers come back
within the target delay, shrinks when they take twice as long, and halves when one is
lost. Delay as the signal is LEDBAT's idea (RFC 6817); loss as the signal is TCP's.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.messages import LedgerWant, Want

TARGET_DELAY_S = 1.0
_FIRST_WINDOW = 1024 * 1024
_SMOOTHING = 0.125  # RFC 6298 section 2, alpha


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings per dock.

    Attributes:
        part_size: bytes of a part; divides the leaf size.
        window_bytes: most bytes outstanding.
        window_messages: most messages outstanding, of every kind.
        min_timeout_s: an answer is never given up sooner.
    """

    part_size: int = 256 * 1024
    window_bytes: int = 8 * 1024 * 1024
    window_messages: int = 32
    min_timeout_s: float = 5.0


@dataclass(slots=True)
class _Asked:
    cost: int
    at: float


class Window:
    """What was asked of one dock and is not answered yet."""

    def __init__(self, limits: Limits) -> None:
        """Start with 1 MiB, or less where the ceiling is lower."""
        self._limits = limits
        self._size = max(limits.part_size, min(_FIRST_WINDOW, limits.window_bytes))
        self._asked: dict[Want, _Asked] = {}
        self._delay_s: float | None = None
        self._shrunk_at = float("-inf")
        self.bytes = 0

    def __contains__(self, want: Want) -> bool:
        """Whether this very want is outstanding (any ledger page counts as one)."""
        if isinstance(want, LedgerWant):
            return any(isinstance(each, LedgerWant) for each in self._asked)
        return want in self._asked

    def fits(self, cost: int) -> bool:
        """Whether one more want of this size may be sent; the first one always may."""
        if not self._asked:
            return True
        return len(self._asked) < self._limits.window_messages and self.bytes + cost <= self._size

    @property
    def timeout_s(self) -> float:
        """How long an answer may take: four times the usual delay."""
        return max(self._limits.min_timeout_s, 4 * (self._delay_s or 0.0))

    def ask(self, want: Want, cost: int, now: float) -> None:
        """A want was sent."""
        self._asked[want] = _Asked(cost, now)
        self.bytes += cost

    def arrived(self, want: Want, now: float) -> bool:
        """An answer came; False when it was not outstanding."""
        if isinstance(want, LedgerWant):
            want = next((each for each in self._asked if isinstance(each, LedgerWant)), want)
        asked = self._asked.pop(want, None)
        if asked is None:
            return False
        self.bytes -= asked.cost
        delay = now - asked.at
        before = self._delay_s if self._delay_s is not None else delay
        self._delay_s = before + _SMOOTHING * (delay - before)
        if delay <= TARGET_DELAY_S:
            self._size = min(self._limits.window_bytes, self._size + asked.cost)
        elif delay > 2 * TARGET_DELAY_S:
            self._shrink(now)
        return True

    def expire(self, now: float) -> list[Want]:
        """Give up what is overdue, and take it for lost."""
        limit = now - self.timeout_s
        overdue = [want for want, asked in self._asked.items() if asked.at <= limit]
        for want in overdue:
            self.bytes -= self._asked.pop(want).cost
        if overdue:
            self._shrink(now)
        return overdue

    def forget(self, epoch: int, seq: int) -> None:
        """Nothing of this clip is waited for any more."""
        gone = [
            want
            for want in self._asked
            if not isinstance(want, LedgerWant) and (want.epoch, want.seq) == (epoch, seq)
        ]
        for want in gone:
            self.bytes -= self._asked.pop(want).cost

    def next_deadline(self) -> float | None:
        """When the oldest unanswered want is overdue."""
        if not self._asked:
            return None
        return min(asked.at for asked in self._asked.values()) + self.timeout_s

    def _shrink(self, now: float) -> None:
        # Once per delay: the answers of one congested window are one signal, not many.
        if now - self._shrunk_at < max(TARGET_DELAY_S, self._delay_s or 0.0):
            return
        self._shrunk_at = now
        self._size = max(self._limits.part_size, self._size // 2)
