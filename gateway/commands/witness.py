"""A witness: a program of another agency."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType

from gateway.commands.arguments import INSTALL, Commands
from gateway.errors import SetupError


def add_witness(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("witness", help="run a witness of logs, for another agency")
    command.set_defaults(run=_witness)
    _add_witness_config(command, None)
    parts = command.add_subparsers(metavar="keygen")
    keygen = parts.add_parser("keygen", help="make its key and its empty memory")
    _add_witness_config(keygen, argparse.SUPPRESS)
    keygen.set_defaults(run=_witness_keygen)


def _add_witness_config(command: argparse.ArgumentParser, default: object) -> None:
    command.add_argument(
        "--config", type=Path, default=default, metavar="FILE", help="TOML: [witness], [[logs]]"
    )


def _witnessing() -> ModuleType:
    try:
        from gateway.witness import command  # noqa: PLC0415  # needs a server
    except ModuleNotFoundError as error:
        msg = f"this installation has no gateway ({error.name} is missing): {INSTALL}"
        raise SetupError(msg) from error
    return command


def _witness_config(asked: argparse.Namespace) -> Path:
    if not isinstance(asked.config, Path):
        raise SetupError("a witness needs --config FILE")
    return asked.config


def _witness(asked: argparse.Namespace) -> int:
    return int(_witnessing().run_witness(_witness_config(asked)))


def _witness_keygen(asked: argparse.Namespace) -> int:
    return int(_witnessing().make_key(_witness_config(asked), sys.stdout.write))
