"""A witness at another agency: the real ``evidock-gateway witness``, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.witness.settings import keygen, load_settings
from hashing.note import NoteKey
from protocols.witnessing import AddCheckpoint
from tests.demo.programs import free_port

_START_S = 60


@dataclass(frozen=True)
class Court:
    """A witness that runs.

    Attributes:
        key: its verifier key.
        url: where it is asked.
    """

    key: NoteKey
    url: str

    def ask(self, old: int, proof: tuple[bytes, ...], note: bytes) -> httpx.Response:
        """Ask it to cosign a checkpoint."""
        body = AddCheckpoint(old, proof, note).encode()
        return httpx.post(f"{self.url}/add-checkpoint", content=body, trust_env=False)


@contextmanager
def court(folder: Path, log: NoteKey) -> Iterator[Court]:
    """Run one that watches a log."""
    folder.mkdir(parents=True)
    port, config = free_port(), folder / "witness.toml"
    config.write_text(
        f'[witness]\nname = "court.example/w1"\nport = {port}\n[[logs]]\nvkey = "{log.vkey()}"\n'
    )
    key = keygen(load_settings(config).witness)
    command = [sys.executable, "-m", "gateway", "witness", "--config", str(config)]
    with (folder / "log").open("ab") as told, subprocess.Popen(command, stderr=told) as program:
        try:
            running = Court(key, f"http://127.0.0.1:{port}")
            _until_there(running.url)
            yield running
        finally:
            program.kill()


def _until_there(url: str) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < end, "the witness did not come up"
            time.sleep(0.05)
        else:
            return
