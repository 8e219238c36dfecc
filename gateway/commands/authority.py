"""The authority for certificates."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.commands.arguments import Commands, add_api, add_config, operating, settings
from gateway.trail.client import ApiClient


def add_ca(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("ca", help="the authority for certificates")
    parts = command.add_subparsers(
        required=True, metavar="init | server | client | renew | certificates | revoke"
    )
    init = parts.add_parser("init", help="make a root and its two authorities")
    server = parts.add_parser("server", help="key and certificate of a server, as the broker")
    server.add_argument("names", nargs="+", metavar="NAME", help="what clients call it")
    client = parts.add_parser("client", help="key and certificate of the gateway at the broker")
    renew = parts.add_parser("renew", help="a new authority, beside which the old one counts on")
    renew.add_argument("part", choices=["tls-ca", "statement-ca", "root"], help="root: all three")
    renew.add_argument("--root-key", type=Path, metavar="FILE", help="from the safe; default: here")
    renew.add_argument("--same-key", action="store_true", help="new dates alone; not for the root")
    for part in (init, server, client, renew):
        add_config(part)
        part.set_defaults(run=_ca_here, act=part.prog.rpartition(" ")[2])
    for part in (server, client):
        part.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets the files")
    listed = parts.add_parser("certificates", help="what was issued")
    listed.add_argument("name", nargs="?", metavar="NAME", help="of that dock or host only")
    listed.set_defaults(run=_ca_certificates)
    revoke = parts.add_parser("revoke", help="take a TLS certificate's right to connect")
    revoke.add_argument("serial", metavar="SERIAL", help="as `ca certificates` shows it")
    revoke.add_argument("--by", required=True, metavar="WHO", help="goes on record")
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="goes on record")
    revoke.set_defaults(run=_ca_revoke)
    for part in (listed, revoke):
        add_api(part)


def _ca_here(asked: argparse.Namespace) -> int:
    operate, config = operating(), settings(asked)
    operate.with_authority(asked.act, config, sys.stdout.write, vars(asked))
    return 0


def _ca_certificates(asked: argparse.Namespace) -> int:
    from gateway.ca.command import show_certificates  # noqa: PLC0415  # needs the whole gateway

    with ApiClient(asked.api) as client:
        show_certificates(client, asked.name, sys.stdout.write)
    return 0


def _ca_revoke(asked: argparse.Namespace) -> int:
    from gateway.ca.command import revoke  # noqa: PLC0415  # as above

    with ApiClient(asked.api) as client:
        revoke(client, asked.serial, asked.by, asked.reason, sys.stdout.write)
    return 0
