"""`evidock-edge import`: files that did not come off a docked camera, sealed by the running dock.

Only a dock seals, so the running one is asked; it reads what is named and changes nothing there.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from edge import config as configuration
from edge import screen
from edge.asking import added, asked

_FAILED: Final = 1
_EVERY_S: Final = 0.5
# A folder on a slow disk is looked at before anything is answered.
_BEGINNING_S: Final = 60.0
# The dock may be busy, or start anew; its ledger knows more than this command.
_PATIENCE: Final = 20


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    command = added(
        commands, "import", "seal files that somebody brings: a phone's, an export's", _import
    )
    command.add_argument("what", type=Path, metavar="FOLDER", help="a folder, or one file")
    command.add_argument("--by", required=True, help="who brings it; goes on record")
    command.add_argument("--why", required=True, help="why; goes on record")
    command.add_argument(
        "--from", dest="origin", required=True, help="where it is from; goes on record"
    )
    command.add_argument("--officer", help="who recorded it; recorded as a claim")
    command.add_argument("--unit", help="of which unit it is; recorded as a claim")
    command.add_argument("--bay", help="what to call it on the dock's screen; default: by hand")


def _import(options: argparse.Namespace) -> int:
    names = ("by", "why", "origin", "officer", "unit", "bay")
    where = os.fsencode(os.path.abspath(options.what))  # noqa: PTH100  # keeps links, and any bytes
    question = {"cmd": "import", "path_b64": base64.b64encode(where).decode()}
    question |= {name: value for name in names if (value := getattr(options, name)) is not None}
    answer = asked(options, question, _BEGINNING_S)
    if answer is None:
        return _FAILED
    try:
        ended = _followed(options, answer)
    except KeyboardInterrupt:
        sys.stderr.write("\nevidock-edge: the dock goes on with it; `status` shows how far it is\n")
        raise
    return _FAILED if ended is None else _told(ended)


def _followed(options: argparse.Namespace, answer: dict[str, Any]) -> dict[str, Any] | None:
    """The last answer of an import, once it is done; None after saying why there is none."""
    socket = configuration.load(options.config).status_socket
    question = {"cmd": "imported", "import": answer["import"]}
    silent = 0
    while not answer["done"]:
        _show(answer)
        time.sleep(_EVERY_S)
        told = screen.ask(socket, question)
        silent = 0 if told is not None else silent + 1
        if silent > _PATIENCE or (told is not None and "error" in told):
            said = (told or screen.nobody(socket))["error"]
            sys.stderr.write(f"evidock-edge: {said}\n")
            return None
        answer = told or answer
    return answer


def _show(answer: dict[str, Any]) -> None:
    if not sys.stderr.isatty():
        return
    done, total = answer["bytes_done"] >> 20, answer["bytes_total"] >> 20
    waits = f", {answer['waits']}" if answer["waits"] else ""
    sys.stderr.write(f"\r\x1b[K{done} of {total} MiB, {answer['sealed']} sealed{waits}")
    sys.stderr.flush()


def _told(answer: dict[str, Any]) -> int:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if answer["session"] is None:
        sys.stderr.write("evidock-edge: it is not on record; the dock's log says why\n")
        return _FAILED
    sys.stdout.write(
        f"imported on record as {answer['session']}: {answer['sealed']} sealed, "
        f"{answer['known']} known from before, {answer['left_total']} left\n"
    )
    for left in answer["left"]:
        sys.stdout.write(f"  {left['path']}: {left['outcome']}: {left['reason']}\n")
    return _FAILED if answer["left_total"] else 0
