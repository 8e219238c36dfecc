"""What the screen shows, from the daemon's status: values to values.

Whether a camera may be taken is the daemon's ``message.safe`` and nothing else; what else is
said here only tells how far things are. Texts are pairs: Chinese, English.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edge.codes import Barred, Unlike
from edge.kiosk import alarms, phrases, reasons
from edge.kiosk.alarms import Plain
from edge.kiosk.amounts import Pair, ago, local, size, tame, time_left, trust

Answer = Mapping[str, Any]
Shown = dict[str, Any]

# A gateway answers every announcement, which is repeated twice a minute while clips wait.
_SILENCE_S: Final = 90.0
_NAMED: Final = 20
_READ: Final = frozenset({"sealed", "released", "erased"})


def screen(status: Answer, age_s: float) -> Shown:
    """The bays and what stands beside them.

    Args:
        status: as the daemon's ``watch`` says it.
        age_s: how long ago it said so.
    """
    clock = status.get("clock", {})
    at = local(str(clock.get("utc", "")))
    return {
        "up": True,
        "age_ms": int(age_s * 1000),
        "dock": status.get("dock", ""),
        "time": f"{at:%H:%M}" if at else "--:--",
        "clock": trust(clock),
        "clock_good": clock.get("source") == "ntp",
        "tiles": _tiles(status),
        "queue": queue(status),
        "queue_good": not _waits_in_vain(status),
        "alarms": len(status.get("alarms", ())) + len(_in_no_bay(status)),
        "alarm": _first_alarm(status),
    }


def lost(age_s: float, problem: str) -> Shown:
    """The daemon's word is missing: nothing is known of any camera."""
    return {"up": False, "age_ms": int(age_s * 1000), "problem": problem[:200]}


def queue(status: Answer) -> Pair:
    """What waits for the gateway, and whether it can be reached."""
    waiting, uplink = status["queue"], status.get("uplink", {})
    clips, amount = waiting["clips"], size(waiting["bytes"])
    waits = (f"{clips}个记录待入库，{amount}", f"{clips} clips, {amount} waiting")
    if uplink.get("understood") is False:
        return (
            f"{waits[0]}；网关版本不符，没有丢失",
            f"{waits[1]}; the gateway speaks another version, nothing is lost",
        )
    if _reached(status):
        return waits if clips else ("全部已入库，网关正常", "All stored; gateway connected")
    if trouble := uplink.get("trouble"):
        return f"{waits[0]}；{trouble['zh']}", f"{waits[1]}; {trouble['en']}"
    silent_s = uplink.get("gateway_silent_s")
    since = ago(str(status.get("clock", {}).get("utc", "")), silent_s or status.get("uptime_s", 0))
    if silent_s is None:
        why = (f"{since}起未连上网关", f"gateway not reached since {since}")
    else:
        why = (f"网关未连接，上次联系{since}", f"gateway not reachable, last heard {since}")
    if not clips:
        return why
    return f"{waits[0]}；{why[0]}，没有丢失", f"{waits[1]}; {why[1]}, nothing is lost"


def _reached(status: Answer) -> bool:
    uplink = status.get("uplink", {})
    if not uplink.get("connected"):
        return False
    silent_s = uplink.get("gateway_silent_s")
    if silent_s is None:
        silent_s = status.get("uptime_s", 0)
    return not status["queue"]["clips"] or silent_s <= _SILENCE_S


def _waits_in_vain(status: Answer) -> bool:
    return not _reached(status) or status.get("uplink", {}).get("understood") is False


def _first_alarm(status: Answer) -> Pair | None:
    standing = status.get("alarms", ())
    if not standing:
        return next((why_not(each).what for each in _in_no_bay(status)), None)
    plain = alarms.plain(standing[0]["code"])
    return plain.what if plain else alarms.UNKNOWN


def _tiles(status: Answer) -> list[Shown]:
    """One for each bay that is known, and each that has a camera, in the dock's order."""
    docked: dict[str, list[Answer]] = {}
    for bay in status.get("bays", ()):
        docked.setdefault(bay["bay"], []).append(bay)
    strays: dict[str, list[Answer]] = {}
    for found in (*status.get("usb_refused", ()), *status.get("unplaced", ())):
        if found["bay"]:
            strays.setdefault(found["bay"], []).append(found)
    known = [str(name) for name in status.get("known_bays", ())]
    names = [*known, *sorted({*docked, *strays} - set(known), key=_natural)]
    last = {each["bay"]: each for each in reversed(status.get("recent", ()))}
    tiles = []
    for name in names:
        free = {"bay": tame(name), "kind": "free", "word": phrases.FREE}
        here = [_tile(bay, last.get(name)) for bay in docked.get(name, ())]
        tiles += [*here, *map(_stray, strays.get(name, ()))] or [free]
    return tiles


def _stray(found: Answer) -> Shown:
    """Something in a bay that is not read: a tile of its own, since the bay is not free."""
    plain = why_not(found)
    return {
        "bay": tame(found["bay"]),
        "kind": "attention",
        "word": phrases.CALL,
        "state": phrases.NOT_A_DISK if found.get("code") == Unlike.MTP else phrases.NOT_READ,
        "said": (plain.what[0] + plain.act[0], f"{plain.what[1]} {plain.act[1]}"),
        "camera": "",
        "officer": "",
        "done": 0,
        "total": 0,
        "amount": "",
        "left": None,
        "session": None,
        "link": "/alarms",
    }


def why_not(found: Answer) -> Plain:
    """Why a disk or device that is there is not read, as the mount helper tells it."""
    code = str(found.get("code", ""))
    return reasons.unmounted(code) if "device" in found else reasons.unlike(code)


def _in_no_bay(status: Answer) -> list[Answer]:
    return [each for each in status.get("unplaced", ()) if not each["bay"]]


def trouble(status: Answer | None, slip: Answer) -> Shown:
    """What a docking's page says beyond its clips: what was not taken, and why.

    Args:
        status: the daemon's newest word; None when it is too old.
        slip: the daemon's answer to ``slip``.
    """
    last = {each["bay"]: each for each in reversed((status or {}).get("recent", ()))}
    bays = (status or {}).get("bays", ())
    here = (each for each in bays if _session(each, last.get(each["bay"])) == slip["session"])
    bay: Answer = next(here, {})
    # A docking that ended has put on record what it left; an open one has not yet.
    open_now = bay.get("session") is not None
    problems = bay["problems"] if open_now else slip["leftovers"]
    barred = bay.get("barred")
    return {
        "why": reasons.BARRED.get(barred, reasons.BARRED[Barred.UNKNOWN]) if barred else None,
        "stays": reasons.stays(bay.get("not_erased_code")) if bay.get("not_erased") else None,
        "total": bay.get("problems_total", len(problems)) if open_now else slip["leftovers_total"],
        "problems": [
            {"name": each["name"], "what": reasons.outcome(each["outcome"])}
            for each in problems[:_NAMED]
        ],
    }


def _tile(bay: Answer, last: Answer | None) -> Shown:
    message = bay["message"]
    said: Pair = (message["zh"], message["en"])
    kind, word = _verdict(bay["phase"], message.get("tone"), safe=message["safe"] is True)
    total, done = bay["bytes_total"], bay["bytes_done"]
    camera = bay["camera"]
    return {
        "bay": tame(bay["bay"]),
        "kind": kind,
        "word": word,
        "state": phrases.STATES.get(bay["phase"], said),
        "said": said,
        "camera": tame(camera.get("serial") or camera.get("name") or bay["volume"]),
        "officer": tame(bay.get("officer") or ""),
        "done": done,
        "total": total,
        "amount": _amount(done, total),
        "left": _left(bay, kind),
        "session": _session(bay, last),
    }


def _session(bay: Answer, last: Answer | None) -> str | None:
    """The docking of a camera; one closed once everything was released can still be tagged."""
    session: str | None = bay["session"]
    if session is None and last is not None and last["volume"] == bay["volume"]:
        session = last["session"]
    return session


def _amount(done: int, total: int) -> str:
    if not total:
        return ""
    return size(total) if done >= total else f"{size(done)} / {size(total)}"


def _verdict(phase: str, tone: str | None, *, safe: bool) -> tuple[str, Pair]:
    """What the officer is to do, and the look that goes with it."""
    if safe:
        return "safe", phrases.TAKE
    match phase, tone:
        case "full", _:
            return "full", phrases.LEAVE
        case "looking", _:
            return "looking", phrases.WAIT
        case ("attention" | "refused", _) | (_, "attention"):
            return "attention", phrases.CALL
        case ("copied" | "offline", _) | (_, "waiting"):
            return "copied", phrases.LEAVE
        case _:
            return "busy", phrases.LEAVE


def _left(bay: Answer, kind: str) -> Pair | None:
    """How long it takes still, or how many are stored already."""
    if kind in {"busy", "full"} and bay["bytes_done"] < bay["bytes_total"]:
        return time_left(bay["bytes_total"] - bay["bytes_done"], bay["rate_bytes_s"])
    if kind != "copied":
        return None
    counts = bay["counts"]
    taken = sum(counts.get(phase, 0) for phase in _READ)
    stored = taken - counts.get("sealed", 0)
    return f"已入库 {stored}/{taken}", f"stored {stored} of {taken}"


def _natural(name: str) -> tuple[int, str]:
    """Bay 10 comes after bay 9."""
    digits = "".join(each for each in name if each.isdecimal())[:9]
    return int(digits or 0), name
