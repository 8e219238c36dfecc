"""How far the docked cameras are charged, where a maker's command to ask that is known.

Said beside what the bay says, and needed for nothing: a camera without an answer is as safe to
take as one with a full battery. What a camera says of its battery is a claim.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from edge.wired.control import CameraControl
from edge.wired.errors import WiredError

log = structlog.get_logger()

_ASK_S: Final = 30.0


class Batteries:
    """Asks every control line that can be asked, again and again.

    Args:
        lines: by bay; those without a command are passed over.
    """

    def __init__(self, lines: Mapping[str, CameraControl], ask_s: float = _ASK_S) -> None:
        self._lines = {bay: line for bay, line in lines.items() if line.tells_battery}
        self._ask_s = ask_s
        self._known: dict[str, tuple[int, int]] = {}

    def charge(self, bay: str) -> int | None:
        """Percent, as the camera in this bay said last; None when it is not there any more."""
        line, known = self._lines.get(bay), self._known.get(bay)
        if line is None or known is None:
            return None
        state = line.port.state
        # What was plugged in since may be another camera.
        return known[1] if state.connected and state.opened == known[0] else None

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for bay, line in self._lines.items():
                group.create_task(self._ask(bay, line))

    async def _ask(self, bay: str, line: CameraControl) -> None:
        while True:
            await line.port.connected()
            opened = line.port.state.opened
            try:
                self._known[bay] = (opened, await line.battery())
            except WiredError as error:
                self._known.pop(bay, None)
                log.info("battery.unknown", bay=bay, reason=str(error))
            await asyncio.sleep(self._ask_s)
