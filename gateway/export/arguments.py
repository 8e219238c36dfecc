"""``evidock-gateway export``: what is said on its command line."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from gateway.commands.arguments import API, Commands
from gateway.trail.client import ApiClient
from gateway.trail.witnessed import load_policy
from protocols.progress import Line, Progress, Quiet, Unit

_MOST_WAIT_S = 86_400.0
_FETCHED = Unit("MiB fetched", 1 << 20)
_WAIT = "wait so long for cosignatures and a time stamp; the pack is made in any case"


def add_export(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("export", help="hand out an evidence pack that anyone can check")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--case", metavar="NO", help="a case, with every clip linked to it")
    what.add_argument("--clip", metavar="CLIP", help="one clip, such as dock7.0.12")
    place = command.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=Path, metavar="DIR", help="a new folder")
    place.add_argument("--zip", type=Path, metavar="FILE", help="a new ZIP file instead")
    command.add_argument("--reason", required=True, help="why it is handed out; goes on record")
    command.add_argument("--recipient", required=True, help="to whom; goes on record")
    command.add_argument("--by", required=True, help="who hands it out; goes on record")
    command.add_argument(
        "--acknowledge",
        action="append",
        default=[],
        metavar="MARK",
        help="a mark of a clip that you took note of; goes on record; may be repeated",
    )
    command.add_argument(
        "--wait-witnesses", type=_seconds, default=0.0, metavar="SECONDS", help=_WAIT
    )
    command.add_argument(
        "--policy", type=Path, metavar="FILE", help="which witnesses are waited for, and checked"
    )
    command.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="read originals from the gateway's store on this machine, which is faster",
    )
    command.add_argument("--progress", action="store_true", help="tell it on no terminal, too")
    command.add_argument("--api", default=API, metavar="URL", help=f"default: {API}")
    command.set_defaults(run=_export)


def _export(asked: argparse.Namespace) -> int:
    # It knows the shapes of the API, which take a while to load and nothing else here needs.
    from gateway.export.command import ExportWanted, Manner, export_pack  # noqa: PLC0415

    noted = tuple(asked.acknowledge)
    wanted = ExportWanted(
        asked.case, asked.clip, asked.reason, asked.recipient, asked.by, acknowledged=noted
    )
    policy = None if asked.policy is None else load_policy(asked.policy)
    manner = Manner(asked.zip is not None, asked.wait_witnesses, policy, asked.store)
    begin = _shown if asked.progress or sys.stderr.isatty() else lambda _: Quiet()
    with ApiClient(asked.api) as client:
        out = asked.out or asked.zip
        return export_pack(client, wanted, out, sys.stdout.write, manner, begin).exit_code


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_WAIT_S:
        msg = f"seconds, 0 to {_MOST_WAIT_S:.0f}"
        raise argparse.ArgumentTypeError(msg)
    return seconds


def _shown(total: int) -> Progress:
    """How far it has come, for people."""
    return Line(total, _to_terminal, time.monotonic, _FETCHED)


def _to_terminal(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
