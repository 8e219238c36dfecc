"""What must be true after any fault, checked from outside with the real programs.

Every recording ever docked is sealed exactly once and stored byte for byte, the dock has
every release, its ledger is contiguous, and the log contains everything it ever signed.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hashing.merkle import verify_consistency
from hashing.note import Checkpoint, open_checkpoint
from protocols.anchors import Anchors
from tests.demo.programs import must, script
from tests.demo.station import DOCK, Station

PATIENCE_S = 60


def wait_for(true: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until something is true; fails with what did not happen."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout_s:g} s")


@dataclass
class Witness:
    """Remembers every checkpoint the gateway ever showed, as an outside witness would."""

    station: Station
    seen: dict[int, Checkpoint] = field(default_factory=dict)

    def look(self) -> None:
        """Take down the newest checkpoint, and hold it against all earlier ones."""
        anchors = Anchors.from_json(self.station.trust.read_bytes())
        note = httpx.get(f"{self.station.api}/tlog/checkpoint").raise_for_status()
        new = open_checkpoint(note.content, anchors.checkpoint_key)
        for old in self.seen.values():
            assert old.size <= new.size, f"the log went back from {old.size} to {new.size}"
            self._consistent(old, new)
        self.seen[new.size] = new

    def _consistent(self, old: Checkpoint, new: Checkpoint) -> None:
        proof = self.station.get("/log/proofs/consistency", **{"from": old.size, "to": new.size})
        path = [base64.b64decode(step) for step in proof["path"]]
        verify_consistency(old.size, old.root, new.size, new.root, path)


def digests(folder: Path) -> Counter[str]:
    """SHA-256 of every file below a folder."""
    return Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    )


def all_released(station: Station, expected: int) -> Callable[[], bool]:
    """Whether gateway and dock both say that so many clips are stored and none waits."""

    def true() -> bool:
        status = station.status_or_none()
        if status is None or status["queue"]["clips"]:
            return False
        try:
            clips = station.clips()
        except httpx.HTTPError:
            return False
        return Counter(clip["state"] for clip in clips)["stored"] >= expected

    return true


def check(station: Station, docked: Counter[str]) -> None:
    """Assert what must hold once everything has come to rest."""
    clips = [clip for clip in station.clips() if clip["state"] != "lost"]
    assert Counter(clip["sha256"] for clip in clips) == docked
    assert {clip["state"] for clip in clips} <= {"stored"}
    for clip in clips:
        stored = station.stored_object(clip["clip"]).read_bytes()
        assert hashlib.sha256(stored).hexdigest() == clip["sha256"]
    assert not [alarm for alarm in station.status()["alarms"] if alarm["code"] == "log-forked"]
    must(script("evidock-edge"), "verify-ledger", "--config", station.dock_config)


def make_card(folder: Path, recordings: dict[str, bytes]) -> Path:
    """A card with these files, by path."""
    for name, data in recordings.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


__all__ = ["DOCK", "Witness", "all_released", "check", "digests", "make_card", "wait_for"]
