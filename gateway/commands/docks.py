"""Whose word counts: docks invited, enrolled, let go on, revoked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import quote

from gateway.commands.arguments import Commands, add_api, add_by, by, position
from gateway.enrol import enrol
from gateway.trail.client import ApiClient


def add_invite(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("invite", help="let a dock enrol by itself, once, soon")
    command.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    add_by(command)
    command.add_argument(
        "--qr", action=argparse.BooleanOptionalAction, help="draw it; so by default at a terminal"
    )
    add_api(command)
    command.set_defaults(run=_invite)


def add_invitations(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("invitations", help="who was invited; withdraw an invitation")
    command.add_argument("--withdraw", type=position, metavar="NUMBER", help="end that one")
    add_by(command)
    add_api(command)
    command.set_defaults(run=_invitations)


def _invite(asked: argparse.Namespace) -> int:
    from gateway.enrolment.command import invite  # noqa: PLC0415  # draws, which others need not

    qr = sys.stdout.isatty() if asked.qr is None else asked.qr
    with ApiClient(asked.api) as client:
        invite(client, asked.dock, by(asked), sys.stdout.write, qr=qr)
    return 0


def _invitations(asked: argparse.Namespace) -> int:
    from gateway.enrolment.command import show_invitations, withdraw  # noqa: PLC0415  # as above

    with ApiClient(asked.api) as client:
        if asked.withdraw is None:
            show_invitations(client, sys.stdout.write)
        else:
            withdraw(client, asked.withdraw, by(asked), sys.stdout.write)
    return 0


def add_enrol(commands: Commands) -> None:
    """Add the subcommand."""
    command = commands.add_parser("enrol", help="trust a dock's key; write its trust file")
    command.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    command.add_argument("--key", type=Path, required=True, metavar="FILE", help="public key, PEM")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the trust file")
    add_api(command)
    command.set_defaults(run=_enrol)


def _enrol(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        anchors = enrol(client, asked.dock, asked.key, asked.out)
    sys.stdout.write(f"{asked.dock} is enrolled; {asked.out} trusts {anchors.origin}\n")
    return 0


def add_decisions(commands: Commands) -> None:
    """Add ``approve-epoch``, ``clear-alarm`` and ``revoke``."""
    epoch = commands.add_parser("approve-epoch", help="let a dock that lost its ledger go on")
    epoch.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    epoch.add_argument("epoch", type=int, metavar="EPOCH", help="one more than its last one")
    epoch.set_defaults(run=_approve_epoch)
    clear = commands.add_parser("clear-alarm", help="say that an accusing alarm was looked into")
    clear.add_argument("code", metavar="CODE", help="such as ledger-forked")
    clear.add_argument("dock", metavar="DOCK", help="the dock it is about")
    clear.set_defaults(run=_clear_alarm)
    revoke = commands.add_parser(
        "revoke", help="trust a dock up to one entry of its ledger and no further; cannot be undone"
    )
    revoke.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    revoke.add_argument(
        "--last",
        type=_place,
        required=True,
        metavar="EPOCH.SEQ",
        help="the last entry that is trusted, as on its last slip or in `GET /docks`: 0.118",
    )
    revoke.add_argument(
        "--not-logged-yet",
        action="store_true",
        help="that entry has not arrived here yet, and is meant all the same",
    )
    revoke.set_defaults(run=_revoke)
    for command in (epoch, clear, revoke):
        command.add_argument("--by", required=True, metavar="WHO", help="goes on the log")
        command.add_argument("--reason", required=True, metavar="TEXT", help="goes on the log")
        add_api(command)


def _approve_epoch(asked: argparse.Namespace) -> int:
    body = {"epoch": asked.epoch, "by": asked.by, "reason": asked.reason}
    with ApiClient(asked.api) as client:
        told = client.post(f"/docks/{quote(asked.dock, safe='')}/epochs", body)
    approval = told["approval"]
    sys.stdout.write(
        f"{asked.dock} may begin epoch {asked.epoch}: log entry {approval}. On the dock:\n"
        f"  evidock-edge reopen-ledger {asked.epoch} --approval {approval}\n"
    )
    return 0


def _clear_alarm(asked: argparse.Namespace) -> int:
    dock, code = quote(asked.dock, safe=""), quote(asked.code, safe="")
    with ApiClient(asked.api) as client:
        body = {"by": asked.by, "reason": asked.reason}
        told = client.post(f"/docks/{dock}/alarms/{code}/settle", body)
    sys.stdout.write(f"cleared; log entry {told['index']} says by whom and why\n")
    return 0


def _revoke(asked: argparse.Namespace) -> int:
    epoch, seq = asked.last
    body = {
        "last_epoch": epoch,
        "last_seq": seq,
        "by": asked.by,
        "reason": asked.reason,
        "not_logged_yet": asked.not_logged_yet,
    }
    with ApiClient(asked.api) as client:
        told = client.post(f"/docks/{quote(asked.dock, safe='')}/revocation", body)
    sys.stdout.write(
        f"{asked.dock} is trusted up to its entry {epoch}.{seq}; log entry "
        f"{told['revoked']['index']} says so. What it signed up to there stays valid; what comes\n"
        "later is logged and set aside. A dock that is to go on gets a new name and a new key.\n"
    )
    return 0


def _place(text: str) -> tuple[int, int]:
    epoch, dot, seq = text.partition(".")
    if not dot:
        msg = "an entry of a ledger, epoch and number, such as 0.118"
        raise argparse.ArgumentTypeError(msg)
    return position(epoch), position(seq)
