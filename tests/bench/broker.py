"""A Mosquitto of our own on a free loopback port, with its default limits."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.demo.programs import Program, free_port

START_S = 10


class Mosquitto:
    """One broker; what it holds lives in its memory alone, so a restart forgets it.

    Attributes:
        port: where it listens.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        config = folder / f"mosquitto-{self.port}.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._program = Program("mosquitto", ["mosquitto", "-c", config], folder / "mosquitto.log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._program.start()
        self._program.wait_until(self._listening, "listening", START_S)

    def stop(self) -> None:
        """Stop it; harmless when it does not run."""
        self._program.stop()

    def restart(self) -> None:
        """Stop and start it on the same port."""
        self.stop()
        self.start()

    def _listening(self) -> bool | None:
        with socket.socket() as knock:
            return True if knock.connect_ex(("127.0.0.1", self.port)) == 0 else None
