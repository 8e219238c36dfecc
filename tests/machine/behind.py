"""A camera that goes on writing to its card while the dock has it mounted."""

from __future__ import annotations

import hashlib
import os
import time

from tests.machine.gadgets import (
    Camera,
    bay,
    bays,
    card,
    opened,
    records,
    report,
    safe,
    say,
    status,
    wait,
)

_STEPS = 5
_PAUSE_S = 2.0


def a_writing_camera() -> None:
    """A file grows and another appears: nothing half-written may be sealed as whole."""
    ready = os.urandom(300_000)
    image = card("BUSY", {"DCIM/A.MP4": ready, "DCIM/GROWS.MP4": b"begun"}, mib=64)
    camera = Camera(1, "BWC000008", image)
    camera.plug()
    wait("a camera in bay 1", lambda: bay("1"))
    wanted = {"DCIM/A.MP4": ready, "DCIM/GROWS.MP4": b"begun"}
    said = set()
    with opened(image) as root:
        for number in range(_STEPS):
            wanted["DCIM/GROWS.MP4"] += os.urandom(100_000)
            (root / "DCIM/GROWS.MP4").write_bytes(wanted["DCIM/GROWS.MP4"])
            if number == _STEPS // 2:
                wanted["DCIM/NEW.MP4"] = os.urandom(50_000)
                (root / "DCIM/NEW.MP4").write_bytes(wanted["DCIM/NEW.MP4"])
            os.sync()
            time.sleep(_PAUSE_S)
            said |= {each["reason"] for each in status()["unplaced"]}
    at = time.monotonic()
    say(f"while it wrote, the dock said: {said or [each['message']['en'] for each in bays('1')]}")
    wait("safe in bay 1", lambda: safe("1"))
    say(f"left alone to safe: {time.monotonic() - at:.1f} s")
    sealed = _sealed()
    whole = {name: [hashlib.sha256(content).hexdigest()] for name, content in wanted.items()}
    if sealed != whole:
        report()
        raise SystemExit(f"sealed: {sealed}; whole would be: {whole}")
    say("each of its recordings was sealed once, whole")
    camera.pull()
    wait("bay 1 to be empty", lambda: bay("1") is None)
    with opened(image) as root:
        left = [each.name for each in root.rglob("*.MP4")]
    if left:
        raise SystemExit(f"left on the card: {left}")


def _sealed() -> dict[str, list[str]]:
    sessions = {each["session"] for each in records("session.inventory") if _has(each)}
    found: dict[str, list[str]] = {}
    for each in records("clip.sealed"):
        if each["session"] in sessions:
            found.setdefault(each["source"]["path"], []).append(each["content"]["sha256"])
    return found


def _has(page: dict[str, list[dict[str, str]]]) -> bool:
    return any(each.get("path") == "DCIM/GROWS.MP4" for each in page["files"])
