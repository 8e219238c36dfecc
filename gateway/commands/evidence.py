"""Trails and the log: over the API like any stranger, or the store itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gateway.commands.arguments import (
    USAGE,
    Commands,
    add_api,
    add_config,
    add_policy,
    fail,
    operating,
    position,
    settings,
)
from gateway.enrol import load_trust
from gateway.trail.client import ApiClient
from gateway.trail.command import TrailAsked, show_trail
from gateway.trail.log_command import show_entry, show_log, verify_log
from gateway.trail.witnessed import load_policy


def add_trail(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("trail", help="print and verify the trail of a case or clip")
    command.add_argument("what", metavar="CASE_OR_CLIP", help="case number, or dock7.0.12")
    add_api(command)
    command.add_argument("--trust", type=Path, metavar="FILE", help="keys to verify against")
    command.add_argument(
        "--verify", action="store_true", help="insist on verifying; done whenever --trust is given"
    )
    command.add_argument("--content", action="store_true", help="fetch and compare the clips too")
    command.add_argument(
        "--whole-log", action="store_true", help="read the whole log too: nothing left out"
    )
    command.add_argument("--json", action="store_true", help="one JSON document")
    add_policy(command)
    command.set_defaults(run=_trail)


def _trail(asked: argparse.Namespace) -> int:
    needs = asked.verify or asked.content or asked.whole_log or asked.policy is not None
    if asked.trust is None and needs:
        reason = "--verify, --content, --whole-log, --policy need --trust FILE: keys of your own"
        return fail(reason, USAGE)
    anchors = None if asked.trust is None else load_trust(asked.trust)
    with ApiClient(asked.api) as client:
        wanted = TrailAsked(
            asked.what,
            anchors,
            asked.content,
            asked.whole_log,
            asked.json,
            None if asked.policy is None else load_policy(asked.policy),
        )
        return show_trail(client, wanted, sys.stdout.write)


def add_log(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("log", help="look at the log, or check all of it")
    command.set_defaults(run=_log)
    parts = command.add_subparsers(
        metavar="show INDEX | verify | print | check-store | clear-rewound"
    )
    show = parts.add_parser("show", help="one entry")
    show.add_argument("index", type=position, metavar="INDEX")
    show.set_defaults(run=_log_show)
    verify = parts.add_parser("verify", help="every entry against keys of your own")
    verify.add_argument("--trust", type=Path, required=True, metavar="FILE")
    verify.add_argument("--json", action="store_true", help="one JSON document")
    add_policy(verify)
    verify.add_argument(
        "--tsa", type=Path, metavar="FILE", help="roots, PEM, of authorities for time stamps"
    )
    verify.set_defaults(run=_log_verify)
    sheet = parts.add_parser("print", help="the newest checkpoint on paper, as text and QR code")
    sheet.add_argument("--out", type=Path, metavar="FILE.html", help="a new page to be printed")
    sheet.set_defaults(run=_log_print)
    check = parts.add_parser(
        "check-store", help="the store itself, offline; the gateway is stopped"
    )
    add_config(check)
    check.add_argument("--content", action="store_true", help="read and hash every clip too")
    check.add_argument("--json", action="store_true", help="one JSON document")
    check.set_defaults(run=_log_check_store)
    clear = parts.add_parser("clear-rewound", help="go on with a log that has lost its newest part")
    add_config(clear)
    clear.set_defaults(run=_log_clear_rewound)
    add_api(command)
    for part in (show, verify, sheet):
        # Without a default of its own, so that one given before the part stays.
        add_api(part, argparse.SUPPRESS)


def _log(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        return show_log(client, sys.stdout.write)


def _log_show(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        return show_entry(client, asked.index, sys.stdout.write)


def _log_print(asked: argparse.Namespace) -> int:
    from gateway.trail.printing import print_checkpoint  # noqa: PLC0415  # nobody else draws

    with ApiClient(asked.api) as client:
        sys.stdout.write(print_checkpoint(client, asked.out))
    return 0


def _log_verify(asked: argparse.Namespace) -> int:
    anchors = load_trust(asked.trust)
    policy = None if asked.policy is None else load_policy(asked.policy)
    with ApiClient(asked.api) as client:
        return verify_log(
            client,
            anchors,
            sys.stdout.write,
            as_json=asked.json,
            policy=policy,
            tsa=asked.tsa,
        )


def _log_check_store(asked: argparse.Namespace) -> int:
    operate, config = operating(), settings(asked)
    return int(
        operate.check_stored(config, sys.stdout.write, content=asked.content, as_json=asked.json)
    )


def _log_clear_rewound(asked: argparse.Namespace) -> int:
    operate, config = operating(), settings(asked)
    return int(operate.clear_rewound(config, sys.stdout.write))
