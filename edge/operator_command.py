"""`evidock-edge clear-alarm | orphans | power-cycle | rotate-key`: what operators ask the dock for.

The dock alone writes its ledger; without one that runs, nothing is done.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from edge.asking import added, asked

_FAILED: Final = 1
# The power goes for some seconds, and a board may be told twice.
_POWER_S: Final = 60.0
# A token may be slow, and is asked three times.
_SIGNING_S: Final = 120.0
# They are read whole, the first time.
_READING_S: Final = 3600.0


def add_commands(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the commands to the parser."""
    clear = added(commands, "clear-alarm", "say that an alarm was seen to", _clear)
    clear.add_argument("code", help="the alarm's code, as status shows it")
    clear.add_argument("about", nargs="?", help="what it is about, where status names it")
    clear.add_argument("--by", help="who looked into it; goes on record")
    clear.add_argument("--reason", help="what was found; goes on record")
    added(commands, "orphans", "list files of the spool that no clip names", _orphans)
    rotate = added(commands, "rotate-key", "give the statement key up for a new one", _rotate)
    rotate.add_argument("--by", required=True, help="who wants it; goes on record")
    rotate.add_argument("--reason", required=True, help="why; goes on record")
    rotate.add_argument(
        "--key",
        metavar="PLACE",
        help="the new key, made with keygen: pkcs11:... of a token, or a file; without it one is "
        "made beside the old one",
    )
    power = added(commands, "power-cycle", "take a bay's power and give it back", _power)
    power.add_argument("bay", help="the bay, as status names it")
    power.add_argument("--by", required=True, help="who wants it; goes on record")
    power.add_argument("--reason", required=True, help="why; goes on record")
    power.add_argument(
        "--force", action="store_true", help="even while a recording is read; never while erasing"
    )


def _clear(options: argparse.Namespace) -> int:
    names = ("code", "about", "by", "reason")
    question = {"cmd": "clear-alarm", **{name: getattr(options, name) for name in names}}
    answer = asked(options, question)
    if answer is None:
        return _FAILED
    if answer["cleared"] is None:
        sys.stderr.write("evidock-edge: no such alarm stands\n")
        return _FAILED
    sys.stdout.write(f"cleared on record as {answer['cleared']}\n")
    return 0


def _orphans(options: argparse.Namespace) -> int:
    answer = asked(options, {"cmd": "orphans"}, _READING_S)
    if answer is None:
        return _FAILED
    for each in answer["orphans"]:
        sys.stdout.write("  ".join(_orphan(each)) + "\n")
    if not answer["orphans"]:
        sys.stdout.write("every file in the spool is a clip's\n")
    return 0


def _orphan(told: dict[str, Any]) -> tuple[str, ...]:
    if told["sha256"] is None:
        return told["name"], told["problem"]
    clips = ", ".join(f"as {clip['clip']} ({clip['state']})" for clip in told["clips"])
    return told["sha256"], str(told["size"]), told["name"], clips or "no clip"


def _rotate(options: argparse.Namespace) -> int:
    names = ("by", "reason", "key")
    question = {"cmd": "rotate-key", **{name: getattr(options, name) for name in names}}
    answer = asked(options, question, _SIGNING_S)
    if answer is None:
        return _FAILED
    sys.stdout.write(
        f"entry {answer['entry']} gives the old key up; from the next entry on key "
        f"{answer['kid'][:16]}… signs, which is {answer['key']}\n"
    )
    if options.key is not None:
        sys.stdout.write(
            "name it in the settings as well ([dock] key); then the old key can be destroyed\n"
        )
    sys.stdout.write(answer["public"])
    return 0


def _power(options: argparse.Namespace) -> int:
    names = ("bay", "by", "reason")
    question = {"cmd": "power-cycle", **{name: getattr(options, name) for name in names}}
    question["forced"] = options.force
    answer = asked(options, question, _POWER_S)
    if answer is None:
        return _FAILED
    known = {"confirmed": "the board says so", "sent": "the board cannot say whether it did"}
    sys.stdout.write(f"bay {options.bay} is powered again: {known[answer['power']]}\n")
    return 0
