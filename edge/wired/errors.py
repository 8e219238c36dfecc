"""What the wired side raises on purpose, split by what the caller can do.

::

    EdgeError
     └ WiredError
        ├ PortAway        not plugged in, in use or just lost: it is opened again by itself
        ├ NoAnswer        the device said nothing, or nothing that fits, in time: ask again
        ├ Refused         the device said no; the text says what it said
        ├ Unsupported     this device or its configuration cannot do that: never ask again
        ├ SwitchMismatch  a relay says that it is not as it was told to be
        └ ClockUnsteady   a camera's clock moved while it was read: its offset means nothing
"""

from __future__ import annotations

from edge.errors import EdgeError


class WiredError(EdgeError):
    """Something on a serial line."""


class PortAway(WiredError):  # noqa: N818 -- a state, not a mistake
    """The device is not there, or cannot be opened now."""


class NoAnswer(WiredError):  # noqa: N818 -- a state, not a mistake
    """No fitting answer in time."""


class Refused(WiredError):  # noqa: N818 -- a state, not a mistake
    """The device refused."""


class Unsupported(WiredError):  # noqa: N818 -- a state, not a mistake
    """The device cannot do that."""


class SwitchMismatch(WiredError):  # noqa: N818 -- a state, not a mistake
    """A channel is not as it was told to be."""

    def __init__(self, what: str, channel: int, *, wanted: bool, found: bool) -> None:
        states = ("off", "on")
        super().__init__(
            f"{what}: channel {channel} was switched {states[wanted]} and says {states[found]}"
        )
        self.channel = channel
        self.wanted = wanted
        self.found = found


class ClockUnsteady(WiredError):  # noqa: N818 -- a state, not a mistake
    """Readings of a clock contradict each other."""
