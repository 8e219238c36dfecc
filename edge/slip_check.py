"""`evidock-edge verify-slip`: whether a ledger, or the gateway's trail, holds what a slip says.

The whole ledger is proved first, as ``verify-ledger`` does, and has to contain the very entry
the slip names as its head; then the session's clips are counted and digested anew from the
signed records. With ``--trail`` it is held against trail documents that a gateway handed out,
which are verified first with the dock's trust file. Needs no daemon and no private key.

The exit code is that of the verdict: 0 intact, 10 altered, 11 incomplete (cut off before the
slip's head, or with a gap), 13 another key, 15 all is as on the slip and something is not
stated as stored; a trail may have the others that a trail has; 2 when the text is no slip.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edge import config as configuration
from edge import verify
from edge.errors import ConfigError, LedgerDamaged
from edge.ledger_check import check_file
from edge.schema import open_for_reading
from hashing.ledger import DockHead
from hashing.verdict import Outcome
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError
from protocols.errors import SlipError
from protocols.ids import EntryId
from protocols.shown import shown
from protocols.slip import Slip, SlipClip, difference
from protocols.trail import MAX_TRAIL, TrailDocument, TrailError, hold_slip, verify_trail


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    command = commands.add_parser(
        "verify-slip", help="hold a ledger against the text of a slip's QR code"
    )
    command.add_argument("text", help="what the code says: EVIDOCK-SLIP:1:...")
    verify.add_ledger_options(command)
    command.add_argument(
        "--trail",
        type=Path,
        action="append",
        metavar="FILE",
        help="a trail document of the gateway's instead of a ledger; may be given several times",
    )
    command.add_argument("--trust", type=Path, help="with --trail: the dock's trust.json")
    command.set_defaults(command=verify_slip)


def verify_slip(options: argparse.Namespace) -> int:
    """Check one ledger against one slip and say the verdict.

    Raises:
        ConfigError: the text is no slip, or the options do not say what to check.
        LedgerError: there is no such ledger.
    """
    try:
        slip = Slip.parse(options.text)
    except SlipError as error:
        raise ConfigError(str(error)) from error
    if options.trail:
        return _hold(slip, options)
    path, dock, key = verify.asked(options)
    if dock is not None and dock != slip.session.dock:
        raise ConfigError(f"the slip is of dock {slip.session.dock}, the ledger of {dock}")
    head = DockHead(slip.head.epoch, slip.head.seq, slip.head_hash)
    try:
        check_file(path, dock=slip.session.dock, key=key, expect_head=head)
    except LedgerDamaged as error:
        return _say(verify.outcome_of(str(error)), str(error))
    differs = difference(slip, sealed_in(path, slip))
    if differs is not None:
        return _say(Outcome.ALTERED, differs)
    return _say(
        Outcome.INTACT,
        f"the ledger holds entry {slip.head}, which the slip names, and the {slip.count} clips "
        f"of {slip.session} are those of the slip",
    )


def _hold(slip: Slip, options: argparse.Namespace) -> int:
    trust = options.trust
    if trust is None:
        verify.must_be_told(options, "--trail and --trust", options.trail)
        trust = configuration.load(options.config or configuration.DEFAULT).dock.trust
    anchors = _anchors(trust)
    reports = [verify_trail(_trail(path), anchors) for path in options.trail]
    held = hold_slip(slip, reports, anchors.gateway)
    sys.stdout.writelines(f"{clip}: stored, entry {index}\n" for clip, index in held.stored)
    sys.stdout.writelines(f"{clip}: not stated as stored\n" for clip in held.waiting)
    return _say(held.outcome, held.reason)


def _anchors(path: Path) -> Anchors:
    try:
        return Anchors.from_json(path.read_bytes()[: MAX_ANCHORS + 1])
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except AnchorsError as error:
        raise ConfigError(f"{path}: {error}") from error


def _trail(path: Path) -> TrailDocument:
    try:
        with path.open("rb") as file:
            return TrailDocument.from_json(file.read(MAX_TRAIL + 1))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except TrailError as error:
        raise ConfigError(f"{path}: {error}") from error


def sealed_in(path: Path, slip: Slip) -> list[SlipClip]:
    """The clips of the slip's session, from the records of a ledger that was proved."""
    connection = open_for_reading(path)
    try:
        rows = connection.execute(
            "SELECT epoch, seq, record FROM entries WHERE kind = 'clip.sealed'"
            " AND json_extract(CAST(record AS TEXT), '$.body.session') = ?",
            (str(slip.session),),
        ).fetchall()
    finally:
        connection.close()
    return [_clip(EntryId(slip.session.dock, epoch, seq), raw) for epoch, seq, raw in rows]


def _clip(clip: EntryId, raw: bytes) -> SlipClip:
    content = json.loads(raw)["body"]["content"]
    return SlipClip(clip, bytes.fromhex(content["sha256"]), content["size"])


def _say(outcome: Outcome, reason: str) -> int:
    # Whoever made the file chose names in it, and must not forge what is read on the terminal.
    sys.stdout.write(f"{outcome}: {shown(reason)}\n")
    return outcome.exit_code
