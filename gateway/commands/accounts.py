"""Who may sign in, and which case systems may ask."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from urllib.parse import quote

from gateway.access.host import VARIABLE, token_for
from gateway.commands.arguments import Commands, add_api, add_by, by
from gateway.errors import SetupError
from gateway.trail.client import ApiClient

_ROLES = ("officer", "custodian", "handler", "reviewer", "supervisor", "auditor", "operator")


def add_accounts(commands: Commands) -> None:
    """Add ``account``."""
    command = commands.add_parser("account", help="who may sign in and what he may do")
    command.set_defaults(run=_list_accounts)
    add_api(command)
    parts = command.add_subparsers(metavar="add | set | link; without: list them")
    for name, text, run in (
        ("add", "give a person an account, and get the link for him", _add_account),
        ("set", "change what a person may do, or whether at all", _set_account),
    ):
        part = parts.add_parser(name, help=text)
        part.add_argument("login", metavar="LOGIN", help="what the person signs in with")
        part.add_argument("--name", required=True, help="as people write it")
        part.add_argument(
            *("--role", "-r"), action="append", required=True, choices=_ROLES, dest="roles"
        )
        part.add_argument("--unit", metavar="PATH", help="such as 市局/城关分局; none: all units")
        part.add_argument("--officer", metavar="NUMBER", help="under which docks know the person")
        part.add_argument(
            *("--sign-in",), choices=("password", "provider"), help="provider: the one of [oidc]"
        )
        _add_reason(part)
        part.set_defaults(run=run)
        add_api(part, argparse.SUPPRESS)
    parts.choices["set"].add_argument("--inactive", action="store_true", help="may do nothing")
    link = parts.add_parser("link", help="a new link, for who lost password or phone")
    link.add_argument("login", metavar="LOGIN")
    add_by(link)
    link.set_defaults(run=_renew_link)
    add_api(link, argparse.SUPPRESS)


def add_token(commands: Commands) -> None:
    """Add ``token``."""
    command = commands.add_parser("token", help="what commands on this machine show, for curl")
    add_api(command)
    command.set_defaults(run=_show_token)


def _show_token(asked: argparse.Namespace) -> int:
    token = token_for(asked.api)
    if token is None:
        raise SetupError(
            f"no token for {asked.api}: a running gateway leaves one for its own user and root; "
            f"elsewhere {VARIABLE} has the key of a case system"
        )
    sys.stdout.write(f"{token}\n")
    return 0


def add_clients(commands: Commands) -> None:
    """Add ``client``."""
    command = commands.add_parser("client", help="which case systems may ask")
    command.set_defaults(run=_list_clients)
    add_api(command)
    parts = command.add_subparsers(metavar="add | end; without: list them")
    add = parts.add_parser("add", help="let a case system ask, and get its key")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=("case-system", "auditor"), default="case-system")
    add.add_argument("--unit", metavar="PATH", help="such as 市局/城关分局; none: all units")
    add.add_argument(
        "--expires",
        required=True,
        type=_moment,
        metavar="TIME",
        help="2027-06-30, or 2027-06-30T08:00+08:00; without zone it is this machine's",
    )
    add.set_defaults(run=_add_client)
    end = parts.add_parser("end", help="take a case system's key back")
    end.add_argument("name", metavar="NAME")
    end.set_defaults(run=_end_client)
    for part in (add, end):
        _add_reason(part)
        add_api(part, argparse.SUPPRESS)


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError) as error:
        msg = f"{text!r} is no day or time such as 2027-06-30 or 2027-06-30T08:00+08:00"
        raise argparse.ArgumentTypeError(msg) from error


def _add_reason(command: argparse.ArgumentParser) -> None:
    command.add_argument("--why", required=True, metavar="REASON", help="goes on record")
    add_by(command)


def _rights(asked: argparse.Namespace) -> dict[str, object]:
    return {
        "name": asked.name,
        "roles": asked.roles,
        "unit": asked.unit,
        "officer": asked.officer,
        "sign_in": asked.sign_in,
        "why": asked.why,
        "by": by(asked),
    }


def _list_accounts(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        accounts = client.get("/accounts")
        if not accounts:
            sys.stdout.write("nobody has an account yet; `account add LOGIN ...` gives one\n")
        for each in accounts:
            state = ", ".join(each["roles"]) if each["active"] else "may do nothing"
            unit = each["unit"] or "all units"
            sys.stdout.write(f"{each['login']:<20} {each['name']}: {state}; {unit}\n")
    return 0


def _add_account(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        made = client.post("/accounts", {"login": asked.login, **_rights(asked)})
    if made["url"] is None:
        sys.stdout.write(f"{asked.login} signs in through {made['provider']}\n")
    else:
        _show_link(asked, made["url"])
    return 0


def _set_account(asked: argparse.Namespace) -> int:
    rights = {**_rights(asked), "active": not asked.inactive}
    with ApiClient(asked.api) as client:
        client.put(f"/accounts/{quote(asked.login, safe='')}", rights)
    sys.stdout.write(f"{asked.login}: set, and signed out\n")
    return 0


def _renew_link(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        made = client.post(f"/accounts/{quote(asked.login, safe='')}/link", {"by": by(asked)})
    _show_link(asked, made["url"])
    return 0


def _show_link(asked: argparse.Namespace, url: str) -> None:
    sys.stdout.write(
        f"{asked.login} sets password and second factor here, once, within three days:\n{url}\n"
    )


def _list_clients(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        clients = client.get("/clients")
        if not clients:
            sys.stdout.write("no case system has a key yet; `client add NAME ...` gives one\n")
        for each in clients:
            state = f"until {each['expires_at']}" if each["active"] else "ended"
            unit = each["unit"] or "all units"
            sys.stdout.write(f"{each['name']:<20} {each['role']}; {state}; {unit}\n")
    return 0


def _add_client(asked: argparse.Namespace) -> int:
    body = {"name": asked.name, "unit": asked.unit, "expires": asked.expires, "why": asked.why}
    body["role"] = asked.role
    with ApiClient(asked.api) as client:
        made = client.post("/clients", {**body, "by": by(asked)})
    sys.stdout.write(f"{asked.name} shows this key, which is told here and never again:\n")
    sys.stdout.write(f"Authorization: Bearer {made['key']}\n")
    return 0


def _end_client(asked: argparse.Namespace) -> int:
    body = {"by": by(asked), "why": asked.why}
    with ApiClient(asked.api) as client:
        client.post(f"/clients/{quote(asked.name, safe='')}/end", body)
    sys.stdout.write(f"{asked.name} may ask no longer\n")
    return 0
