"""Disposals: what became of them. Nobody proposes or approves one by a command."""

from __future__ import annotations

import argparse
import json
import sys

from gateway.commands.arguments import FAILED, Commands, add_api
from gateway.trail.client import ApiClient
from protocols.shown import shown


def add_disposal(commands: Commands) -> None:
    """Add ``disposal``."""
    command = commands.add_parser("disposal", help="what was disposed of, counted over")
    command.set_defaults(run=_list)
    add_api(command)
    parts = command.add_subparsers(metavar="report | reconcile; without: list them")
    report = parts.add_parser("report", help="what became of one, by count and hash")
    report.add_argument("disposal", metavar="DISPOSAL")
    report.set_defaults(run=_report)
    reconcile = parts.add_parser("reconcile", help="every clip that was ever sealed, counted over")
    reconcile.add_argument("--store", action="store_true", help="look for every object, too")
    reconcile.set_defaults(run=_reconcile)
    for part in (report, reconcile):
        part.add_argument("--json", action="store_true", help="one JSON document")
        add_api(part, argparse.SUPPRESS)


def _list(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        for each in client.get("/disposals")["disposals"]:
            who = f"{each['proposed_by']}; {each['approved_by'] or 'nobody'}"
            line = f"{each['disposal']}  {each['state']:<9} {each['clips']} clips, {who}"
            sys.stdout.write(shown(line) + "\n")
    return 0


def _report(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        told = client.get(f"/disposals/{asked.disposal}/report")
    if asked.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
        return _code(told["wrong"])
    lines = [
        f"{told['disposal']}: {told['state']}",
        f"proposed {told['proposed']} clips, {told['bytes']} bytes, by {told['proposed_by']}",
        f"approved by {told['approved_by'] or 'nobody'}",
        f"gone {told['gone']} clips, {told['gone_bytes']} bytes, list {told['list_sha256']}",
        f"signed at log entry {told['closed_index']}",
        *(f"left out {count}: {code}" for code, count in told["left_out"].items()),
    ]
    return _said(lines, told["wrong"])


def _reconcile(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        told = client.get("/disposals/reconciliation", {"store": int(asked.store)})
    if asked.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
        return _code(told["wrong"])
    lines = [
        f"{told['logged']} sealings logged, {told['set_aside']} of them set aside",
        f"{told['sealed']} clips: "
        + ", ".join(f"{count} {state}" for state, count in sorted(told["states"].items())),
        f"{told['tombstones']} tombstones",
        f"{told['stored_bytes']} bytes stored, {told['disposed_bytes']} gone",
        f"{told['looked_at']} objects looked for in the store",
    ]
    return _said(lines, told["wrong"])


def _said(lines: list[str], wrong: list[str]) -> int:
    ends = [f"WRONG: {each}" for each in wrong] or ["log, rows and store agree"]
    sys.stdout.write("".join(f"{shown(line)}\n" for line in [*lines, *ends]))
    return _code(wrong)


def _code(wrong: list[str]) -> int:
    return FAILED if wrong else 0
