"""Rule packs: how long clips are kept."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.commands.arguments import Commands, add_api, add_by, by
from gateway.trail.client import ApiClient


def add_rules(commands: Commands) -> None:
    """Add ``rules``."""
    command = commands.add_parser("rules", help="how long clips are kept")
    command.set_defaults(run=_show, version=None)
    add_api(command)
    parts = command.add_subparsers(metavar="sign | check | adopt | show; without: list them")
    sign = parts.add_parser("sign", help="sign a rule pack, away from any gateway")
    sign.add_argument("pack", type=Path, metavar="FILE.toml")
    sign.add_argument("--key", type=Path, required=True, metavar="KEY.pem")
    sign.set_defaults(run=_sign)
    check = parts.add_parser("check", help="what a rule pack says, and whether it could be adopted")
    check.add_argument("pack", type=Path, metavar="FILE.toml")
    check.add_argument(
        *("--key",), type=Path, action="append", default=[], metavar="PUBLIC.pem", dest="keys"
    )
    check.set_defaults(run=_check)
    adopt = parts.add_parser("adopt", help="let a signed rule pack count from now on")
    adopt.add_argument("pack", type=Path, metavar="FILE.toml")
    adopt.add_argument("--why", required=True, metavar="REASON", help="goes on record")
    add_by(adopt)
    adopt.set_defaults(run=_adopt)
    show = parts.add_parser("show", help="what an adopted rule pack says")
    show.add_argument("version", type=int, metavar="VERSION")
    show.set_defaults(run=_show)
    for part in (adopt, show):
        add_api(part, argparse.SUPPRESS)


def _sign(asked: argparse.Namespace) -> int:
    from gateway.retention import command  # noqa: PLC0415  # other commands need no rules

    command.sign(asked.pack, asked.key, sys.stdout.write)
    return 0


def _check(asked: argparse.Namespace) -> int:
    from gateway.retention import command  # noqa: PLC0415  # other commands need no rules

    command.check(asked.pack, asked.keys, sys.stdout.write)
    return 0


def _adopt(asked: argparse.Namespace) -> int:
    from gateway.retention import command  # noqa: PLC0415  # other commands need no rules

    with ApiClient(asked.api) as client:
        command.adopt(client, asked.pack, by=by(asked), why=asked.why, write=sys.stdout.write)
    return 0


def _show(asked: argparse.Namespace) -> int:
    from gateway.retention import command  # noqa: PLC0415  # other commands need no rules

    with ApiClient(asked.api) as client:
        command.show(client, asked.version, sys.stdout.write)
    return 0
