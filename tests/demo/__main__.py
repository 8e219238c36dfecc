"""`make demo`: one camera's shift with the real programs, told and checked step by step.

Leaves nothing behind when all went well, and everything there is to look at when not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.demo.cards import CameraCard, CardError, copied_card, made_card
from tests.demo.programs import ProgramError
from tests.demo.screen import Screen, size
from tests.demo.station import BAY, CAMERA, Station, fresh
from tests.demo.story import Story, StoryError
from tests.demo.wired import Wired

_PIDS = "running.json"
_FAILURES = (StoryError, ProgramError, CardError, OSError)


def main() -> int:
    """Tell the story; 0 only if everything happened as said."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--footage", type=Path, help="your own files; copied, never touched")
    parser.add_argument("--keep", action="store_true", help="leave both programs running")
    parser.add_argument("--root", type=Path, default=Path("demo-data"), help="scratch folder")
    parser.add_argument("--takes", type=int, default=4, help="good recordings to make")
    parser.add_argument("--seconds", type=int, default=8, help="length of each")
    asked = parser.parse_args()
    # Asked to end, or its terminal closed: what was started is stopped all the same.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    screen = Screen()
    screen.title("Evidock: one camera's shift, from the bay to the case")
    root: Path = asked.root.absolute()
    # Before anything is swept away: the user's own files may lie there.
    if asked.footage and (problem := _unusable(asked.footage, root)):
        screen.bad(problem)
        return 1
    _stop_kept(root)
    began = time.monotonic()
    fresh(root)
    # What a control line says of its camera would be made up for somebody's own footage.
    wired = None if asked.footage else Wired(root / "dev", BAY, CAMERA)
    station = Station(root, dock_tables=wired.tables if wired else "")
    try:
        card = _card(asked, root, screen)
        with wired.plugged() if wired else contextlib.nullcontext():
            Story(station, card, screen, wired).tell()
    except _FAILURES as error:
        _close(station, screen)
        screen.bad(str(error))
        screen.bad(f"logs and data are in {root}")
        return 1
    except KeyboardInterrupt:
        _close(station, screen)
        return 130
    screen.close(f"Everything happened as said, in {time.monotonic() - began:.0f} s.")
    if asked.keep:
        _keep(station, screen)
        return 0
    station.close()
    shutil.rmtree(root)
    return 0


def _unusable(footage: Path, root: Path) -> str | None:
    """Why these files cannot be used; the scratch folder is emptied, so they must not be in it."""
    given = footage.resolve()
    if not given.is_dir():
        return f"{footage} is no folder; nothing was started or changed"
    if given.is_relative_to(root.resolve()) or root.resolve().is_relative_to(given):
        return f"{footage} and the scratch folder {root} overlap; nothing was started or changed"
    return None


def _card(asked: argparse.Namespace, root: Path, screen: Screen) -> CameraCard:
    if asked.footage:
        card = copied_card(root / "card", asked.footage)
        screen.say(f"your files are copied ({size(card.size)}); the originals are not touched")
        return card
    screen.say("making some footage for a camera's card …")
    return made_card(root / "card", takes=asked.takes, seconds=asked.seconds)


def _close(station: Station, screen: Screen) -> None:
    try:
        station.close()
    except ProgramError as error:
        screen.bad(str(error))


def _keep(station: Station, screen: Screen) -> None:
    pids = [station.gateway.pid, station.dock.pid]
    (station.root / _PIDS).write_text(json.dumps(pids))
    screen.say("Both programs go on running. Try:")
    screen.say(f"  a page of the whole API   {station.api}/api/v1/docs")
    token = f'"$(.venv/bin/evidock-gateway token --api {station.api})"'
    screen.say(
        f"  all clips                 curl --oauth2-bearer {token} {station.api}/api/v1/clips"
    )
    if (link := station.first_link()) is not None:
        screen.say(f"  the first account         open {link}")
    add = f'account add li --name Li --role custodian --why "trying it" --api {station.api}'
    screen.say("                            it keeps machines and sees no footage; who sees it:")
    screen.say(f"                            .venv/bin/evidock-gateway {add}")
    screen.say(f"  the pages, signed in      {station.api}/")
    status = f".venv/bin/evidock-edge status --config {station.dock_config}"
    screen.say(f"  the dock                  {status}")
    screen.say(f"  a camera                  copy (do not move) files into {station.bay}:")
    screen.say("                            they are erased there once stored, and the next")
    screen.say(f"                            `make demo` empties {station.root}")
    bring = f"import FILE --config {station.dock_config} --by Li --why trying --from here"
    screen.say(f"  a file by hand            .venv/bin/evidock-edge {bring}")
    screen.say(f"Stop them: kill {' '.join(map(str, pids))}   (the next `make demo` does so too)")


def _stop_kept(root: Path) -> None:
    """End the programs of an earlier run in this folder, and nobody else's."""
    try:
        pids = json.loads((root / _PIDS).read_text())
    except (OSError, ValueError):
        return
    for pid in pids:
        with contextlib.suppress(OSError):
            # A number may belong to another program by now; its command line tells.
            if str(root) in Path(f"/proc/{int(pid)}/cmdline").read_text():
                os.kill(int(pid), signal.SIGTERM)
                _await_end(int(pid))


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 15
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
