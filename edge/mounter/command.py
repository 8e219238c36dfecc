"""``evidock-edge mounter``: starts the mount helper, as root."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import signal
from pathlib import Path
from typing import Any

from edge import config as configuration
from edge import logs
from edge.bays import Bays
from edge.errors import ConfigError, NotAllowed
from edge.mounter.authorize import Guard
from edge.mounter.kernel import Reader
from edge.mounter.mounts import Mounts
from edge.mounter.service import Service


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the program's."""
    mounter = commands.add_parser("mounter", help="mount cards, as root (evidock-mounter.service)")
    mounter.add_argument(
        "--config",
        type=Path,
        default=configuration.DEFAULT,
        help="TOML file of the dock; default: %(default)s",
    )
    mounter.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"]
    )
    mounter.set_defaults(command=_mounter)


def _mounter(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    settings = config.mounter
    if settings is None:
        raise ConfigError(
            f"{options.config}: there is no [mounter]; cards are mounted by the system"
        )
    if os.geteuid() != 0:
        raise NotAllowed("only root may mount; systemctl start evidock-mounter does it")
    try:
        user = pwd.getpwnam(settings.user)
    except KeyError as error:
        raise ConfigError(f"mounter.user: there is no user {settings.user}") from error
    logs.configure(json=config.dock.log_json, level=options.log_level)
    bays = Bays(config.bays)
    service = Service(
        settings,
        bays,
        Mounts(settings, bays, Reader(user.pw_uid, user.pw_gid, settings.codepage)),
        Guard(bays, settings.usb_vendor) if settings.usb_guard else None,
        frozenset({0, user.pw_uid}),
    )
    asyncio.run(_until_ended(service))
    return 0


async def _until_ended(service: Service) -> None:
    work = asyncio.ensure_future(service.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        # A thread that hangs on a card cannot be ended; every mount is adopted next time.
        os._exit(0)
