"""`evidock-edge cases | tag | note`: what the dock's screen does, from a shell.

They ask the running dock, which alone writes its ledger; without one nothing is said.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from edge.asking import added, asked

_FAILED: Final = 1


def add_commands(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the commands to the parser."""
    cases = added(commands, "cases", "list the open cases that the gateway told of", _cases)
    cases.add_argument("--officer", help="put this officer's own cases first")
    tag = added(commands, "tag", "name a case or category for clips, in an officer's name", _tag)
    about = tag.add_mutually_exclusive_group(required=True)
    about.add_argument("--session", help="all clips of this docking, those to come included")
    about.add_argument("--clip", action="append", dest="clips", help="a clip; may be repeated")
    tag.add_argument("--case-no", help="a case number; it need not be known yet")
    tag.add_argument("--category", help="a code that `cases` lists")
    tag.add_argument("--officer", help="who says so; recorded as a claim")
    note = added(commands, "note", "say of a docking why there is no video", _note)
    note.add_argument("session", help="the docking, such as dock7.0.12")
    note.add_argument("reason", help="a code that `cases` lists")
    note.add_argument("--text", help="in a few words")
    note.add_argument("--officer", help="who says so; recorded as a claim")


def _cases(options: argparse.Namespace) -> int:
    answer = _asked(options, "cases", "officer")
    if answer is None:
        return _FAILED
    for case in answer["cases"]:
        sys.stdout.write("  ".join(filter(None, (case["case_no"], case["title"]))) + "\n")
    if answer["more"]:
        sys.stdout.write(f"and {answer['more']} older ones\n")
    for what in ("categories", "reasons"):
        told = ", ".join(f"{each['code']} ({each['zh']})" for each in answer[what])
        sys.stdout.write(f"{what}: {told}\n")
    stale_s = answer["stale_s"]
    sys.stdout.write(f"as of {stale_s} s ago\n" if stale_s is not None else "of unknown age\n")
    return 0


def _tag(options: argparse.Namespace) -> int:
    answer = _asked(options, "tag", "session", "clips", "case_no", "category", "officer")
    if answer is None:
        return _FAILED
    sys.stdout.write(f"{answer['tagged']} clips tagged on record\n")
    return 0


def _note(options: argparse.Namespace) -> int:
    answer = _asked(options, "note", "session", "reason", "text", "officer")
    if answer is None:
        return _FAILED
    sys.stdout.write(f"noted on record as {answer['noted']}\n")
    return 0


def _asked(options: argparse.Namespace, cmd: str, *names: str) -> dict[str, Any] | None:
    return asked(options, {"cmd": cmd, **{name: getattr(options, name) for name in names}})
