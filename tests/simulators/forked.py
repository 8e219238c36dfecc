"""Real gateways without the seconds that importing takes: forked from one process that has."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["gateway.serve", "gateway.logs"])


def start_gateway(config: Path, log: Path, crash_at: str | None = None) -> ForkServerProcess:
    """A gateway as ``evidock-gateway serve`` runs it; ``crash_at`` names a crash point."""
    process = _CONTEXT.Process(target=_serve, args=(config, log, crash_at), daemon=True)
    process.start()
    return process


def _serve(config: Path, log: Path, crash_at: str | None) -> None:
    from gateway.config import load  # noqa: PLC0415  # in the child alone
    from gateway.serve import serve  # noqa: PLC0415

    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    if crash_at:
        os.environ["EVIDOCK_CRASH_AT"] = crash_at
    asyncio.run(serve(load(config)))
