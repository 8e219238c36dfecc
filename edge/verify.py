"""`evidock-edge verify-ledger`: whether a ledger file is whole and is what its dock signed.

Changes nothing and needs no daemon and no private key. The exit code is that of the verdict:
0 intact, 10 altered (edit, fork, repeat, or an entry that is not what was signed), 11
incomplete (gap or cut), 13 signed by another key. A chain cut off at its end is intact in
itself; whoever holds a later head (a slip, a session's close, the gateway) names it with
``--expect-head``.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any, Final

from edge import config as configuration
from edge import keys
from edge.errors import ConfigError, LedgerDamaged
from edge.ledger_check import check_file
from hashing.errors import KeyFormatError
from hashing.keys import PublicKey
from hashing.ledger import DockHead, Fault
from hashing.verdict import Outcome
from protocols.ids import DockId
from protocols.shown import shown

_HEAD = re.compile(r"(\d{1,10}):(\d{1,15}):([0-9a-f]{64})\Z")
_SQLITE: Final = b"SQLite format 3\0"
_INCOMPLETE: Final = (f"{Fault.GAP} ", f"{Fault.CUT} ")


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    verify = commands.add_parser("verify-ledger", help="prove the ledger; exit code = verdict")
    add_ledger_options(verify)
    verify.add_argument("--expect-head", metavar="EPOCH:SEQ:HASH", help="an entry it must contain")
    verify.set_defaults(command=verify_ledger)


def add_ledger_options(command: argparse.ArgumentParser) -> None:
    """Options that say which ledger, and whose it is."""
    command.add_argument(
        "--config", type=Path, help=f"TOML file of the dock; default: {configuration.DEFAULT}"
    )
    command.add_argument("--db", type=Path, help="this ledger.db")
    command.add_argument("--public-key", type=Path, help="PEM of the dock's public key")


def verify_ledger(options: argparse.Namespace) -> int:
    """Check one file and say the verdict.

    Raises:
        ConfigError: the options do not say what to check, or name what is no ledger.
        LedgerError: there is no such file.
    """
    path, dock, key = asked(options)
    try:
        report = check_file(path, dock=dock, key=key, expect_head=_head(options.expect_head))
    except LedgerDamaged as error:
        outcome = outcome_of(str(error))
        sys.stdout.write(f"{outcome}: {shown(str(error))}\n")
        return outcome.exit_code
    head = report.walk.head
    at = f"{head.epoch}:{head.seq}:{head.hash.hex()}" if isinstance(head, DockHead) else "empty"
    sys.stdout.write(
        f"{Outcome.INTACT}: {report.entries} entries, {report.signatures} signatures, "
        f"{report.clips} clips; head {at}\n"
    )
    return Outcome.INTACT.exit_code


def outcome_of(reason: str) -> Outcome:
    """The verdict that a broken ledger's reason stands for."""
    if reason.startswith(_INCOMPLETE):
        return Outcome.INCOMPLETE
    return Outcome.UNKNOWN_KEY if "signed under key" in reason else Outcome.ALTERED


def asked(options: argparse.Namespace) -> tuple[Path, DockId | None, PublicKey]:
    """Which ledger the options name, whose it should be, and the key it should be signed with.

    Raises:
        ConfigError: they do not say, or name what is no ledger.
    """
    given = _public(options)
    if options.db is not None:
        _must_be_database(options.db)
    if options.config is None and options.db is not None and given is not None:
        return options.db, None, given
    must_be_told(options, "--db and --public-key", options.db, given)
    config = configuration.load(options.config or configuration.DEFAULT)
    # Any key that the ledger ever had proves all of it.
    key = given or keys.load(config.dock.key).public
    return options.db or config.database, config.dock.dock, key


def must_be_told(options: argparse.Namespace, needed: str, *given: object) -> None:
    """Where there are no dock's settings to take the rest from, ask for the option itself.

    Raises:
        ConfigError: some was given and not all, and this is no dock's own machine.
    """
    some = any(each is not None for each in given)
    if some and options.config is None and not configuration.DEFAULT.exists():
        raise ConfigError(f"{needed} are both needed where there is no --config of a dock")


def _must_be_database(path: Path) -> None:
    """Tell a slip of the hand from an altered ledger.

    Raises:
        ConfigError: the file is something else.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(len(_SQLITE))
    except OSError:
        # Said by whoever opens it next.
        return
    if begins != _SQLITE:
        raise ConfigError(f"{path} is not a ledger: no SQLite database begins like this")


def _public(options: argparse.Namespace) -> PublicKey | None:
    path: Path | None = options.public_key
    if path is None:
        return None
    try:
        pem = path.read_bytes()
        if b"PRIVATE KEY" in pem:
            raise ConfigError(f"{path} is a private key; the public one is asked for here")
        return PublicKey.from_pem(pem)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except KeyFormatError as error:
        raise ConfigError(f"{path}: {error}") from error


def _head(text: str | None) -> DockHead | None:
    if text is None:
        return None
    found = _HEAD.match(text)
    if not found:
        raise ConfigError("--expect-head: epoch, number and hash in hex, as 0:17:ab12...")
    return DockHead(int(found[1]), int(found[2]), bytes.fromhex(found[3]))
