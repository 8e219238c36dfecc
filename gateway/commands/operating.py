"""Run and keep a gateway, on its own machine."""

from __future__ import annotations

import argparse
import sys

from gateway.commands.arguments import Commands, add_config, operating, settings


def add_serve(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("serve", help="run the gateway: intake, log and API")
    add_config(command)
    command.add_argument("--port", type=int, metavar="N", help="of the API")
    command.add_argument("--mqtt-port", type=int, metavar="N", help="of the broker")
    command.set_defaults(run=_operate, task="serve")


def add_check_config(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("check-config", help="print the configuration in force")
    add_config(command)
    command.set_defaults(run=_operate, task="check-config", port=None, mqtt_port=None)


def add_migrate(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("migrate", help="bring the database's tables up to date")
    add_config(command)
    command.set_defaults(run=_operate, task="migrate", port=None, mqtt_port=None)


def _operate(asked: argparse.Namespace) -> int:
    operate = operating()
    config = operate.configured(
        asked.config, data_dir=asked.data_dir, port=asked.port, mqtt_port=asked.mqtt_port
    )
    return int(operate.run(operate.Task(asked.task), config, sys.stdout.write))


def add_repair(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "repair", help="find damaged clips in the store, mend them from copies; gateway stopped"
    )
    add_config(command)
    command.add_argument(
        "--clip", action="append", default=[], metavar="CLIP", help="only this one; repeatable"
    )
    command.add_argument(
        "--from",
        action="append",
        default=[],
        dest="sources",
        metavar="WHERE",
        help="a copy: store folder, pack folder, file, or http://… of another gateway; repeatable",
    )
    command.add_argument("--by", metavar="WHO", help="who repairs; goes on record")
    command.add_argument("--reason", metavar="TEXT", help="what happened; goes on record")
    command.add_argument("--json", action="store_true", help="one JSON document")
    command.set_defaults(run=_repair)


def _repair(asked: argparse.Namespace) -> int:
    operate, config = operating(), settings(asked)
    wanted = operate.RepairAsked(
        tuple(asked.clip), tuple(asked.sources), asked.by, asked.reason, asked.json
    )
    return int(operate.repair_stored(config, wanted, sys.stdout.write))
