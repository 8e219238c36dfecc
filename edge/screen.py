"""`evidock-edge status` as text: the daemon's own answer, or the database without a daemon."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from edge.config import Config
from edge.errors import NotAllowed, not_allowed
from edge.ledger_queries import LedgerQueries
from edge.schema import open_for_reading

TIMEOUT_S = 10.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
# Those of edge.items that do not say of themselves what they mean.
_PHASES = {
    "settled": "looked up",
    "known": "sealed earlier, being compared",
    "left": "left on the card",
    "aside": "no recording, left alone",
    "unreadable": "unreadable places",
}


def ask(path: Path, question: dict[str, Any], within_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """Ask the daemon; None when none answers.

    Args:
        path: the status socket.
        question: one JSON object.
        within_s: how long an answer is waited for.

    Raises:
        NotAllowed: a daemon may well be there, but this user may not ask it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer = json.loads(stream.readline())
        except PermissionError as error:
            raise NotAllowed(not_allowed(path)) from error
        except (OSError, ValueError):
            return None
    return answer if isinstance(answer, dict) else None


def nobody(path: Path) -> dict[str, Any]:
    """What is said where no daemon answers at its status socket."""
    return {
        "error": f"no dock answers at {path}: is it running? systemctl status evidock-edge tells, "
        "and journalctl -u evidock-edge why it ended"
    }


def from_database(config: Config) -> dict[str, Any]:
    """What the ledger says without a daemon.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    ledger = LedgerQueries(open_for_reading(config.database), config.dock.dock)
    try:
        stats = ledger.stats()
    finally:
        ledger.close()
    queue = {"clips": stats["clips"]["sealed"], "bytes": stats["bytes"]["sealed"]}
    return {**stats, "queue": queue, "bays": None}


def table(answer: dict[str, Any]) -> str:
    """The answer for people."""
    lines = [*_heading(answer), ""]
    if answer["bays"] is None:
        lines.append("the daemon is not running; this is what its ledger says")
    for bay in answer["bays"] or ():
        lines += _bay(bay)
    if answer["bays"] == []:
        lines.append("no camera is docked")
    lines += [
        f"SERIAL {port['path']}: {port['problem']}"
        for port in answer.get("serial", ())
        if not port["connected"]
    ]
    lines += [
        f"NOT MOUNTED {each['device']} {each['bay'] or each['port']}: {each['reason']}"
        for each in answer.get("unplaced", ())
    ]
    for alarm in answer["alarms"]:
        about = f" ({alarm['about']})" if alarm["about"] else ""
        lines.append(f"ALARM {alarm['code']}{about}: {alarm['text']}")
    lines += [
        f"REFUSED {refusal['entry']} {refusal['code']}: {refusal['reason']}"
        for refusal in answer["refusals"]
    ]
    return "\n".join(lines)


# A gateway answers every announcement, which is repeated twice a minute while clips wait.
_SILENCE_S = 90.0


def _heading(answer: dict[str, Any]) -> list[str]:
    head, queue, clips = answer["head"], answer["queue"], answer["clips"]
    at = f"{head['epoch']}.{head['seq']}" if head else "empty"
    lines = [
        (
            f"dock {answer['dock']}  ledger {at}  waiting for release: {queue['clips']} clips, "
            f"{size(queue['bytes'])}  released: {clips['released'] + clips['erased']}"
        )
    ]
    if "uplink" in answer:
        uplink = answer["uplink"]
        state = "connected" if uplink["connected"] else f"down ({uplink['problem']})"
        if not uplink["understood"]:
            state += ", but the gateway does not speak this version"
        silent_s = uplink["gateway_silent_s"]
        if uplink["connected"] and queue["clips"] and (silent_s is None or silent_s > _SILENCE_S):
            since = "since the dock began" if silent_s is None else f"for {silent_s:.0f} s"
            state += f" to the broker, but the gateway has not been heard {since}"
        lines.append(f"uplink {state}  spool free: {size(answer['free_bytes'])}")
        if trouble := uplink.get("trouble"):
            lines.append(f"  {trouble['zh']}。{trouble['do_zh']}")
        if (certificate := uplink.get("certificate")) and certificate["problem"]:
            until = certificate["until"] or "?"
            lines.append(f"  certificate until {until}, not renewed: {certificate['problem']}")
    if "clock" in answer:
        lines.append(_clock(answer["clock"]))
    return lines


def _clock(clock: dict[str, Any]) -> str:
    bound = "" if clock["error_ms"] is None else f" \u00b1{clock['error_ms']} ms"
    kept = f", kept by {clock['kept_by']}" if clock.get("kept_by") else ""
    server = f" from {clock['server']}" if clock.get("server") else ""
    battery = "" if clock.get("rtc", True) else ", no battery-backed clock"
    return f"clock {clock['utc']} ({clock['source']}{bound}{kept}{server}{battery})"


def _bay(bay: dict[str, Any]) -> list[str]:
    done = f"{size(bay['bytes_done'])} of {size(bay['bytes_total'])}"
    rate = f", {size(bay['rate_bytes_s'])}/s" if bay["rate_bytes_s"] else ""
    message = bay["message"]
    lines = [f"{_bay_name(bay['bay'])}: {message['en']} / {message['zh']}  [{done}{rate}]"]
    if bay["counts"]:
        counts = bay["counts"].items()
        lines.append("  " + ", ".join(f"{n} {_PHASES.get(name, name)}" for name, n in counts))
    if bay.get("not_erased"):
        lines.append(f"  NOT ERASED: {bay['not_erased']}")
    lines += [
        f"  {each['state']} {each['name']} {size(each['done'])} of {size(each['size'])}"
        for each in bay["recordings"]
    ]
    lines += [
        f"  PROBLEM {each['name']}: {each.get('reason', each['state'])}" for each in bay["problems"]
    ]
    return lines


def _bay_name(name: str) -> str:
    return name if name.casefold().startswith("bay") else f"bay {name}"


def size(count: int) -> str:
    """Bytes for people."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"
