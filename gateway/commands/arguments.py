"""What several subcommands take, and how they fail."""

from __future__ import annotations

import argparse
import gc
import getpass
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gateway.errors import SetupError

if TYPE_CHECKING:
    from gateway.config import Config

API = "http://127.0.0.1:8080"
INSTALL = "install requirements/gateway.txt"
FAILED = 1
USAGE = 2
Commands = Any  # argparse names this type privately


def fail(reason: str, code: int) -> int:
    """Say why, and with which code."""
    sys.stderr.write(f"evidock-gateway: {reason}\n")
    return code


def add_config(command: argparse.ArgumentParser) -> None:
    """Options of what works on the gateway's own machine."""
    command.add_argument("--config", type=Path, metavar="FILE", help="TOML configuration")
    command.add_argument("--data-dir", type=Path, metavar="DIR", help="where everything is kept")


def add_api(command: argparse.ArgumentParser, default: str = API) -> None:
    """The option of what asks a running gateway."""
    command.add_argument("--api", default=default, metavar="URL", help=f"of the gateway ({API})")


def add_by(command: argparse.ArgumentParser) -> None:
    """Who does it."""
    command.add_argument("--by", metavar="WHO", help="goes on record; your user name by default")


def by(asked: argparse.Namespace) -> str:
    """Who does it; raises SetupError."""
    if asked.by is not None:
        return str(asked.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise SetupError("this user has no name; say who you are with --by") from error


def add_policy(command: argparse.ArgumentParser) -> None:
    """The option of what verifies."""
    command.add_argument(
        "--policy", type=Path, metavar="FILE", help="which witnesses must have cosigned"
    )


def position(text: str) -> int:
    """A position in the log."""
    if (
        not (text.isascii() and text.isdecimal())
        or len(text) > len(str(1 << 63))
        or int(text) >= 1 << 63
    ):
        msg = "a position in the log, 0 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def operating() -> ModuleType:
    """What does the work on the gateway's own machine; raises SetupError."""
    # Nothing that is imported goes: looking through it for what does is a sixth of a start.
    gc.disable()
    try:
        from gateway import operate  # noqa: PLC0415  # whoever reads a trail needs no server
    except ModuleNotFoundError as error:
        msg = f"this installation has no gateway ({error.name} is missing): {INSTALL}"
        raise SetupError(msg) from error
    finally:
        gc.enable()
    return operate


def settings(asked: argparse.Namespace) -> Config:
    """The settings in force, for what is done beside a gateway."""
    configured = operating().configured
    config: Config = configured(asked.config, data_dir=asked.data_dir, port=None, mqtt_port=None)
    return config
