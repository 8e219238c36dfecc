"""What an operator does on the gateway's own machine: serve, check-config, migrate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from gateway import logs
from gateway.config import Config, describe, load
from gateway.db import Database
from gateway.serve import serve


class Task(StrEnum):
    """The commands of an operator."""

    SERVE = "serve"
    CHECK_CONFIG = "check-config"
    MIGRATE = "migrate"


def configured(
    path: Path | None, *, data_dir: Path | None, port: int | None, mqtt_port: int | None
) -> Config:
    """Read the configuration and set up logging as it says.

    Raises:
        ConfigError: it does not hold together.
    """
    config = load(path, data_dir=data_dir, port=port, mqtt_port=mqtt_port)
    logs.configure(json=config.gateway.log_json)
    return config


def run(task: Task, config: Config, write: Callable[[str], object]) -> int:
    """Do it; returns the exit code.

    Raises:
        GatewayError: it could not be done.
    """
    match task:
        case Task.SERVE:
            asyncio.run(serve(config))
        case Task.CHECK_CONFIG:
            write(describe(config))
        case Task.MIGRATE:
            asyncio.run(_migrate(config.database_url))
    return 0


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await database.upgrade()
    finally:
        await database.close()
