"""The line to the daemon: its newest word, how old that is, and questions to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from edge.codes import Declined
from edge.errors import EdgeError
from edge.signals import Bell

log = structlog.get_logger()

# The daemon says something every second. What it said longer ago than this is not shown.
FRESH_S: Final = 3.0
_SILENT_S: Final = 2.5
_CONNECT_S: Final = 2.0
# A large ledger takes its time for the first answer, and again for a slip of many clips.
_FIRST_S: Final = 15.0
_PAUSE_S: Final = 0.4
_LIMIT: Final = 16 << 20

Answer = dict[str, Any]


class NoAnswer(EdgeError):  # noqa: N818  # a state, not a mistake
    """The daemon is not there, or does not answer in time."""

    declined = Declined.NO_ANSWER


class Refused(EdgeError):  # noqa: N818  # a state, not a mistake
    """What was asked for is not done.

    Attributes:
        code: why, of ``edge.codes.Declined``; a newer daemon's may be none of them.
        values: the numbers in it.
    """

    def __init__(self, text: str, code: str, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.values = values or {}


class DaemonLine:
    """Watches the daemon for as long as ``run`` runs; connects again by itself.

    Attributes:
        changed: rung at every word of the daemon, and when it is lost.
        problem: why there is no line; empty while there is one.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._answer: Answer | None = None
        self._heard_at = time.monotonic()
        self.changed = Bell()
        self.problem = "not connected yet"

    @property
    def age_s(self) -> float:
        """Seconds since the daemon's newest word, or since this program began."""
        return time.monotonic() - self._heard_at

    @property
    def answer(self) -> Answer | None:
        """The daemon's status; None when the newest is too old to be shown."""
        return None if self._answer is None or self.age_s > FRESH_S else self._answer

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, ValueError, TimeoutError) as error:
                self._lost(str(error) or "no word in time")
            await asyncio.sleep(_PAUSE_S)

    async def ask(self, question: Answer) -> Answer:
        """Ask one question.

        Raises:
            NoAnswer: nobody answers.
            Refused: the answer is an error.
        """
        try:
            reader, writer = await self._connected()
            try:
                writer.write(json.dumps(question).encode() + b"\n")
                answer = await _word(reader, _FIRST_S)
            finally:
                writer.close()
        except (OSError, ValueError, TimeoutError) as error:
            raise NoAnswer(str(error) or "no answer in time") from error
        if isinstance(answer.get("error"), str):
            values = answer.get("values")
            raise Refused(
                answer["error"],
                str(answer.get("code", Declined.FAILED)),
                values if isinstance(values, dict) else None,
            )
        return answer

    async def _listen(self) -> None:
        reader, writer = await self._connected()
        try:
            writer.write(b'{"cmd": "watch"}\n')
            self._heard(await _word(reader, _FIRST_S))
            log.info("daemon.heard", socket=str(self._socket))
            while True:
                self._heard(await _word(reader, _SILENT_S))
        finally:
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_unix_connection(self._socket, limit=_LIMIT)

    def _heard(self, answer: Answer) -> None:
        if isinstance(answer.get("error"), str):
            raise ConnectionError(answer["error"])
        self._answer, self._heard_at, self.problem = answer, time.monotonic(), ""
        self.changed.ring()

    def _lost(self, problem: str) -> None:
        if not self.problem:
            log.warning("daemon.lost", problem=problem)
        # Nothing it said before counts any more, however young: it may have been its last word.
        self._answer, self.problem = None, problem
        self.changed.ring()


async def _word(reader: asyncio.StreamReader, timeout_s: float) -> Answer:
    async with asyncio.timeout(timeout_s):
        line = await reader.readline()
    if not line:
        raise ConnectionError("the dock's program closed the line")
    try:
        answer = json.loads(line)
    except RecursionError as error:
        raise ConnectionError("the dock's program said nothing that can be read") from error
    if not isinstance(answer, dict):
        raise ConnectionError("the dock's program said nothing that can be read")
    return answer
