"""``evidock-gateway``: one small function for each subcommand.

Exit codes: 0 done, 1 could not be done, 2 wrong usage or configuration; ``trail``,
``export``, ``repair``, ``log verify`` and ``log check-store`` end with the exit code of their
verdict, 10 and above.
"""

from __future__ import annotations

import argparse
import getpass
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

_INSTALL = "install requirements/gateway.txt"
try:
    from gateway.enrol import enrol, load_trust
    from gateway.errors import GatewayError, LogError, SetupError
    from gateway.export.arguments import add_export
    from gateway.trail.client import ApiClient
    from gateway.trail.command import TrailAsked, show_trail
    from gateway.trail.log_command import show_entry, show_log, verify_log
    from gateway.trail.witnessed import load_policy
except ModuleNotFoundError as error:
    # Docks have this command too, and not what it needs.
    sys.exit(f"evidock-gateway: no gateway is installed ({error.name} is missing): {_INSTALL}")

_API = "http://127.0.0.1:8080"
_FAILED = 1
_USAGE = 2
Commands = Any  # argparse names this type privately


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and say what went wrong in words for the person at the terminal."""
    parser = argparse.ArgumentParser(
        prog="evidock-gateway", description="Stores sealed clips and proves what became of them."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evidock')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    of_operators = (_add_serve, _add_check_config, _add_migrate, _add_ca)
    about_docks = (_add_invite, _add_invitations, _add_enrol, _add_decisions)
    of_evidence = (_add_trail, add_export, _add_log, _add_repair)
    for add in (*of_operators, *about_docks, *of_evidence, _add_witness):
        add(commands)
    asked = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a case number's characters must not stop a trail.
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(asked.run(asked))
    except KeyboardInterrupt:
        return _FAILED
    except LogError as error:
        return _fail(f"{error.state}: {error}", _FAILED)
    except SetupError as error:
        return _fail(str(error), _USAGE)
    except GatewayError as error:
        return _fail(str(error), _FAILED)
    except BrokenPipeError:
        # Whoever read the output has gone; what is still buffered goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED


def _fail(reason: str, code: int) -> int:
    sys.stderr.write(f"evidock-gateway: {reason}\n")
    return code


def _add_config(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="TOML configuration")
    command.add_argument("--data-dir", type=Path, metavar="DIR", help="where everything is kept")


def _add_api(command: argparse.ArgumentParser, default: str = _API) -> None:
    command.add_argument("--api", default=default, metavar="URL", help=f"of the gateway ({_API})")


def _add_policy(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--policy", type=Path, metavar="FILE", help="which witnesses must have cosigned"
    )


# --- serve, check-config, migrate ----------------------------------------------------


def _add_serve(commands: Commands) -> None:
    command = commands.add_parser("serve", help="run the gateway: intake, log and API")
    _add_config(command)
    command.add_argument("--port", type=int, metavar="N", help="of the API")
    command.add_argument("--mqtt-port", type=int, metavar="N", help="of the broker")
    command.set_defaults(run=_operate, task="serve")


def _add_check_config(commands: Commands) -> None:
    command = commands.add_parser("check-config", help="print the configuration in force")
    _add_config(command)
    command.set_defaults(run=_operate, task="check-config", port=None, mqtt_port=None)


def _add_migrate(commands: Commands) -> None:
    command = commands.add_parser("migrate", help="bring the database's tables up to date")
    _add_config(command)
    command.set_defaults(run=_operate, task="migrate", port=None, mqtt_port=None)


def _operating() -> ModuleType:
    try:
        from gateway import operate  # noqa: PLC0415  # whoever reads a trail needs no server
    except ModuleNotFoundError as error:
        msg = f"this installation has no gateway ({error.name} is missing): {_INSTALL}"
        raise SetupError(msg) from error
    return operate


def _operate(asked: argparse.Namespace) -> int:
    operate = _operating()
    config = operate.configured(
        asked.config, data_dir=asked.data_dir, port=asked.port, mqtt_port=asked.mqtt_port
    )
    return int(operate.run(operate.Task(asked.task), config, sys.stdout.write))


# --- enrol, trail, log: over the API, like any stranger ------------------------------


def _add_enrol(commands: Commands) -> None:
    command = commands.add_parser("enrol", help="trust a dock's key; write its trust file")
    command.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    command.add_argument("--key", type=Path, required=True, metavar="FILE", help="public key, PEM")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the trust file")
    _add_api(command)
    command.set_defaults(run=_enrol)


def _add_decisions(commands: Commands) -> None:
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
    revoke.set_defaults(run=_revoke)
    for command in (epoch, clear, revoke):
        command.add_argument("--by", required=True, metavar="WHO", help="goes on the log")
        command.add_argument("--reason", required=True, metavar="TEXT", help="goes on the log")
        _add_api(command)


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
    body = {"last_epoch": epoch, "last_seq": seq, "by": asked.by, "reason": asked.reason}
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
    return _position(epoch), _position(seq)


def _enrol(asked: argparse.Namespace) -> int:
    with ApiClient(asked.api) as client:
        anchors = enrol(client, asked.dock, asked.key, asked.out)
    sys.stdout.write(f"{asked.dock} is enrolled; {asked.out} trusts {anchors.origin}\n")
    return 0


# --- invite, invitations, ca ---------------------------------------------------------


def _add_invite(commands: Commands) -> None:
    command = commands.add_parser("invite", help="let a dock enrol by itself, once, soon")
    command.add_argument("dock", metavar="DOCK", help="its name, such as dock7")
    _add_by(command)
    command.add_argument(
        "--qr", action=argparse.BooleanOptionalAction, help="draw it; so by default at a terminal"
    )
    _add_api(command)
    command.set_defaults(run=_invite)


def _add_invitations(commands: Commands) -> None:
    command = commands.add_parser("invitations", help="who was invited; withdraw an invitation")
    command.add_argument("--withdraw", type=_position, metavar="NUMBER", help="end that one")
    _add_by(command)
    _add_api(command)
    command.set_defaults(run=_invitations)


def _add_by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", metavar="WHO", help="goes on record; your user name by default")


def _by(asked: argparse.Namespace) -> str:
    if asked.by is not None:
        return str(asked.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise SetupError("this user has no name; say who you are with --by") from error


def _invite(asked: argparse.Namespace) -> int:
    from gateway.enrolment.command import invite  # noqa: PLC0415  # draws, which others need not

    qr = sys.stdout.isatty() if asked.qr is None else asked.qr
    with ApiClient(asked.api) as client:
        invite(client, asked.dock, _by(asked), sys.stdout.write, qr=qr)
    return 0


def _invitations(asked: argparse.Namespace) -> int:
    from gateway.enrolment.command import show_invitations, withdraw  # noqa: PLC0415  # as above

    with ApiClient(asked.api) as client:
        if asked.withdraw is None:
            show_invitations(client, sys.stdout.write)
        else:
            withdraw(client, asked.withdraw, _by(asked), sys.stdout.write)
    return 0


def _add_ca(commands: Commands) -> None:
    command = commands.add_parser("ca", help="the authority for certificates")
    parts = command.add_subparsers(
        required=True, metavar="init | server | client | certificates | revoke"
    )
    init = parts.add_parser("init", help="make a root and its two authorities")
    server = parts.add_parser("server", help="key and certificate of a server, as the broker")
    server.add_argument("names", nargs="+", metavar="NAME", help="what clients call it")
    client = parts.add_parser("client", help="key and certificate of the gateway at the broker")
    for part in (init, server, client):
        _add_config(part)
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
        _add_api(part)


def _ca_here(asked: argparse.Namespace) -> int:
    operate = _operating()
    config = operate.configured(asked.config, data_dir=asked.data_dir, port=None, mqtt_port=None)
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


def _add_trail(commands: Commands) -> None:
    command = commands.add_parser("trail", help="print and verify the trail of a case or clip")
    command.add_argument("what", metavar="CASE_OR_CLIP", help="case number, or dock7.0.12")
    _add_api(command)
    command.add_argument("--trust", type=Path, metavar="FILE", help="keys to verify against")
    command.add_argument(
        "--verify", action="store_true", help="insist on verifying; done whenever --trust is given"
    )
    command.add_argument("--content", action="store_true", help="fetch and compare the clips too")
    command.add_argument(
        "--whole-log", action="store_true", help="read the whole log too: nothing left out"
    )
    command.add_argument("--json", action="store_true", help="one JSON document")
    _add_policy(command)
    command.set_defaults(run=_trail)


def _trail(asked: argparse.Namespace) -> int:
    needs = asked.verify or asked.content or asked.whole_log or asked.policy is not None
    if asked.trust is None and needs:
        reason = "--verify, --content, --whole-log, --policy need --trust FILE: keys of your own"
        return _fail(reason, _USAGE)
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


def _add_log(commands: Commands) -> None:
    command = commands.add_parser("log", help="look at the log, or check all of it")
    command.set_defaults(run=_log)
    parts = command.add_subparsers(
        metavar="show INDEX | verify | print | check-store | clear-rewound"
    )
    show = parts.add_parser("show", help="one entry")
    show.add_argument("index", type=_position, metavar="INDEX")
    show.set_defaults(run=_log_show)
    verify = parts.add_parser("verify", help="every entry against keys of your own")
    verify.add_argument("--trust", type=Path, required=True, metavar="FILE")
    verify.add_argument("--json", action="store_true", help="one JSON document")
    _add_policy(verify)
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
    _add_config(check)
    check.add_argument("--content", action="store_true", help="read and hash every clip too")
    check.add_argument("--json", action="store_true", help="one JSON document")
    check.set_defaults(run=_log_check_store)
    clear = parts.add_parser("clear-rewound", help="go on with a log that has lost its newest part")
    _add_config(clear)
    clear.set_defaults(run=_log_clear_rewound)
    _add_api(command)
    for part in (show, verify, sheet):
        # Without a default of its own, so that one given before the part stays.
        _add_api(part, argparse.SUPPRESS)


def _position(text: str) -> int:
    if (
        not (text.isascii() and text.isdecimal())
        or len(text) > len(str(1 << 63))
        or int(text) >= 1 << 63
    ):
        msg = "a position in the log, 0 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


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
    operate = _operating()
    config = operate.configured(asked.config, data_dir=asked.data_dir, port=None, mqtt_port=None)
    return int(
        operate.check_stored(config, sys.stdout.write, content=asked.content, as_json=asked.json)
    )


def _log_clear_rewound(asked: argparse.Namespace) -> int:
    operate = _operating()
    config = operate.configured(asked.config, data_dir=asked.data_dir, port=None, mqtt_port=None)
    return int(operate.clear_rewound(config, sys.stdout.write))


# --- repair ---------------------------------------------------------------------------


def _add_repair(commands: Commands) -> None:
    command = commands.add_parser(
        "repair", help="find damaged clips in the store, mend them from copies; gateway stopped"
    )
    _add_config(command)
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
    operate = _operating()
    config = operate.configured(asked.config, data_dir=asked.data_dir, port=None, mqtt_port=None)
    wanted = operate.RepairAsked(
        tuple(asked.clip), tuple(asked.sources), asked.by, asked.reason, asked.json
    )
    return int(operate.repair_stored(config, wanted, sys.stdout.write))


# --- witness: a program of another agency ---------------------------------------------


def _add_witness(commands: Commands) -> None:
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
        msg = f"this installation has no gateway ({error.name} is missing): {_INSTALL}"
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


if __name__ == "__main__":
    sys.exit(main())
