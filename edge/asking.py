"""What the commands share that ask the running dock: how they are named, and how they ask."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edge import config as configuration
from edge import screen


def added(commands: Any, name: str, told: str, does: object) -> argparse.ArgumentParser:  # noqa: ANN401  # argparse keeps this type private
    """Add a command that needs no more than the dock's settings."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=told)
    parser.add_argument(
        "--config",
        type=Path,
        default=configuration.DEFAULT,
        help="TOML file of the dock; default: %(default)s",
    )
    parser.set_defaults(command=does)
    return parser


def asked(
    options: argparse.Namespace, question: dict[str, Any], within_s: float = screen.TIMEOUT_S
) -> dict[str, Any] | None:
    """The dock's answer; None after saying why there is none."""
    socket = configuration.load(options.config).status_socket
    answer = screen.ask(socket, question, within_s) or screen.nobody(socket)
    if "error" in answer:
        sys.stderr.write(f"evidock-edge: {answer['error']}\n")
        return None
    return answer
