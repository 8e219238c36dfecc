"""``evidock-gateway witness``: run a witness, or make its key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from gateway import logs
from gateway.clock import GatewayClock
from gateway.errors import ConfigError
from gateway.witness.service import Witness
from gateway.witness.serving import serve_witness
from gateway.witness.settings import keygen, load_key, load_settings, witness_key
from gateway.witness.state import State


def make_key(config: Path, write: Callable[[str], object]) -> int:
    """Make key and state; print the verifier key.

    Raises:
        SetupError: the settings are no good, or there is a key already.
    """
    own = load_settings(config).witness
    key = keygen(own)
    write(f"{key.vkey()}\n")
    return 0


def run_witness(config: Path) -> int:
    """Run until asked to end.

    Raises:
        GatewayError: it could not start.
    """
    settings = load_settings(config)
    logs.configure(json=settings.witness.log_json)
    if not settings.logs:
        raise ConfigError(f"{config}: no [[logs]]: there is nothing to witness")
    signer = load_key(settings.witness)
    os.umask(0o077)
    state = State(settings.witness.state, witness_key(settings.witness, signer))
    try:
        witness = Witness(
            state,
            signer,
            settings.witness.name,
            logs=[log.key for log in settings.logs],
            clock=GatewayClock().epoch_s,
        )
        asyncio.run(serve_witness(settings, witness))
    finally:
        state.close()
    return 0
