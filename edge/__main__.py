"""`evidock-edge`: the commands of a dock, one small function each.

Exit codes: 0 done, 1 could not be done, 2 wrong usage or settings, which a person has to
mend first; 3 a token refuses its PIN, which nothing may try over and over. `verify-ledger` and
`verify-slip` end with their verdict instead, from 10 on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import structlog

from edge import (
    binding,
    checks,
    daemon,
    desk_command,
    import_command,
    keys,
    logs,
    operator_command,
    rotation,
    screen,
    slip_check,
    verify,
)
from edge import config as configuration
from edge.clock import DockClock
from edge.doctor import command as doctor
from edge.enrolment import command as enrolment
from edge.errors import ConfigError, EdgeError, KeyFileError, PinRefused
from edge.ledger import Ledger
from edge.mounter import command as mounter
from edge.profiles import command as profiles
from edge.setup import command as setup
from edge.spool import Spool
from protocols.ids import EntryId
from tokens.errors import TokenUriError
from tokens.uri import key_place

log = structlog.get_logger()

_FAILED = 1
_USAGE = 2
_PIN = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except EdgeError as error:
        sys.stderr.write(f"evidock-edge: {error}\n")
        return _exit_code(error)
    except KeyboardInterrupt:
        return _FAILED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say.
        sys.stderr.close()
        return _FAILED
    except OSError as error:
        sys.stderr.write(f"evidock-edge: {error}\n")
        return _FAILED


def _exit_code(error: EdgeError) -> int:
    if isinstance(error, PinRefused):
        return _PIN
    return _USAGE if isinstance(error, ConfigError | KeyFileError) else _FAILED


def version() -> str:
    """This program's version."""
    try:
        return package_version("evidock")
    except PackageNotFoundError:
        return "0+source"


def _run(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    warnings = checks.check(config)
    logs.configure(json=config.dock.log_json, level=options.log_level)
    for warning in warnings:
        log.warning("config.doubtful", problem=warning)
    try:
        asyncio.run(daemon.run(config, version()))
    except BaseExceptionGroup as group:
        ours, others = group.split(EdgeError)
        if ours is None or others is not None:
            raise
        # The first reason is enough to act on; the others follow from it.
        raise _first(ours) from group
    return 0


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _kiosk(options: argparse.Namespace) -> int:
    # Here, so that no other command carries a web server in its memory.
    from edge.kiosk.command import serve  # noqa: PLC0415

    config = configuration.load(options.config)
    logs.configure(json=config.dock.log_json, level=options.log_level)
    asyncio.run(serve(config))
    return 0


def _status(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    while True:
        answer = screen.ask(config.status_socket, {"cmd": "status"})
        shown = answer or screen.from_database(config)
        text = json.dumps(shown, ensure_ascii=False) if options.json else screen.table(shown)
        clear = "\x1b[2J\x1b[H" if options.watch and not options.json else ""
        sys.stdout.write(f"{clear}{text}\n")
        sys.stdout.flush()
        if not options.watch:
            return 0
        time.sleep(1)


def _accept_spool(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    with daemon.alone(config.dock.state_dir), ExitStack() as closing:
        signer = rotation.signer_for(config)
        ledger = Ledger(config.database, dock=config.dock.dock, signer=signer, clock=DockClock())
        closing.callback(ledger.close)
        spool = Spool(config.spool_dir, config.spool.reserve_mb << 20)
        sys.stdout.write(f"{binding.accept_spool(ledger, spool)}\n")
    return 0


def _reopen(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    with daemon.alone(config.dock.state_dir), ExitStack() as closing:
        signer = rotation.signer_for(config)
        ledger = Ledger(config.database, dock=config.dock.dock, signer=signer, clock=DockClock())
        closing.callback(ledger.close)
        head = ledger.head()
        last = None if head is None else EntryId(ledger.dock, head.epoch, head.seq)
        entry = ledger.reopen(options.epoch, options.approval, last)
        sys.stdout.write(f"the ledger goes on as {entry}; start the dock\n")
    return 0


def _check_config(options: argparse.Namespace) -> int:
    config = configuration.load(options.config)
    for warning in checks.check(config):
        sys.stderr.write(f"evidock-edge: warning: {warning}\n")
    if not options.quiet:
        sys.stdout.write(configuration.describe(config))
    return 0


def _place(text: str) -> configuration.KeyPlace:
    try:
        return key_place(text)
    except TokenUriError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _keygen(options: argparse.Namespace) -> int:
    try:
        signer = keys.generate(options.out)
    except KeyFileError as error:
        # Nothing is wrong with any setting: there is a key already, or no room for one.
        sys.stderr.write(f"evidock-edge: {error}\n")
        return _FAILED
    sys.stdout.write(signer.public.pem())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="evidock-edge", description="the dock's program")
    parser.add_argument("--version", action="version", version=f"evidock-edge {version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_status(commands)
    check = commands.add_parser("check-config", help="check the configuration and print it")
    _config_option(check)
    check.add_argument("--quiet", action="store_true", help="say only what is wrong")
    check.set_defaults(command=_check_config)
    accept = commands.add_parser(
        "accept-spool", help="go on with the spool as it is, although clips are missing or unknown"
    )
    _config_option(accept)
    accept.set_defaults(command=_accept_spool)
    reopen = commands.add_parser(
        "reopen-ledger", help="go on in a new epoch, which the gateway's operator approved"
    )
    _config_option(reopen)
    reopen.add_argument("epoch", type=int, help="as approved")
    reopen.add_argument("--approval", required=True, help="as `evidock-gateway approve-epoch` says")
    reopen.set_defaults(command=_reopen)
    keygen = commands.add_parser("keygen", help="make the statement key; prints the public key")
    keygen.add_argument(
        "--out", type=_place, required=True, help="PEM file, or pkcs11:... of a token"
    )
    keygen.set_defaults(command=_keygen)
    verify.add_command(commands)
    desk_command.add_commands(commands)
    operator_command.add_commands(commands)
    import_command.add_command(commands)
    slip_check.add_command(commands)
    profiles.add_command(commands)
    setup.add_command(commands)
    mounter.add_command(commands)
    doctor.add_command(commands)
    enrolment.add_command(commands)
    return parser


def _add_run(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    run = commands.add_parser("run", help="run the dock")
    run.set_defaults(command=_run)
    kiosk = commands.add_parser("kiosk", help="serve the dock's screen to a browser beside it")
    kiosk.set_defaults(command=_kiosk)
    for each in (run, kiosk):
        _config_option(each)
        each.add_argument(
            "--log-level", default="info", choices=["debug", "info", "warning", "error"]
        )


def _add_status(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    status = commands.add_parser("status", help="show bays, queue and alarms")
    _config_option(status)
    status.add_argument("--json", action="store_true", help="the daemon's answer as it is")
    status.add_argument("--watch", action="store_true", help="again every second")
    status.set_defaults(command=_status)


def _config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=configuration.DEFAULT,
        help="TOML file of the dock; default: %(default)s",
    )


if __name__ == "__main__":
    sys.exit(main())
