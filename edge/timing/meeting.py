"""What is learnt of a camera's clock when it is docked, for the record of its session.

Nothing here keeps footage from being taken: a camera that does not answer, or not in time,
is docked without an offset.
"""

from __future__ import annotations

from protocols.kinds import ClockOffset


class Clocks:
    """The clocks of the cameras that stand at this dock."""

    async def met(
        self, bay: str, volume: str, serial: str | None = None, *, newest_ns: int | None = None
    ) -> ClockOffset | None:
        """What is known of the clock of the camera that was docked here; waits seconds at most.

        Args:
            bay: where it stands.
            volume: its card.
            serial: as the card claims it.
            newest_ns: the newest time of change of a recording on its card.

        Returns:
            What ``SessionOpened.clock`` states; None when there is nothing to state.
        """
        del bay, volume, serial, newest_ns
        return None

    def named(self, bay: str) -> str | None:
        """The number that the camera in this bay gave on its control line; a claim."""
        del bay
        return None
