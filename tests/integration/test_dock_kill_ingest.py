"""SIGKILL at every point of taking and sealing a recording ends in the same state.

A child process plays one shift on real files: it starts up as the daemon does, docks a
card and takes what it does not know yet. It is killed at a named point and started again.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.clock import DockClock
from edge.crashpoints import VARIABLE
from edge.ingest import Ingest
from edge.ledger import ClipState, Ledger
from edge.probe import Prober
from edge.spool import Spool
from hashing.keys import Es256Signer
from tests.unit.edge.dockside import DOCK, VOLUME, FolderCard, camera_opened

ROOT = Path(__file__).parents[2]
RECORDINGS = {b"DCIM/%d.MP4" % n: n * 700_001 for n in range(4)}
POINTS = [
    "session.opened",
    "ingest.copied:2",
    "ingest.synced:1",
    "ingest.read-back:3",
    "ingest.published:2",
    "seal.before-commit:4",
    "seal.after-commit:2",
]
# With one commit for all of them.
TOGETHER = ["ingest.published:3", "seal.before-commit:3", "seal.after-commit"]


def open_dock(root: Path) -> tuple[Ledger, Spool]:
    """What the daemon opens at its start."""
    signer = Es256Signer.from_pem((root / "key.pem").read_bytes())
    ledger = Ledger(root / "ledger.db", dock=DOCK, signer=signer, clock=DockClock())
    return ledger, Spool(root / "spool", 0)


def play_shift(root: Path, *, together: bool) -> None:
    """Start, clean up, dock the card, take what is not known, undock. Runs in the child."""
    ledger, spool = open_dock(root)
    ledger.check()
    spool.drop_halves()
    spool.set_orphans_aside(ledger.spool_names())
    for row in ledger.spooled(ClipState.SEALED):
        if row.spool_name not in spool.names():
            ledger.mark_lost(row.clip, "its spool file is missing")
    for left in ledger.sessions(open_only=True):
        ledger.close_session(left.session, "power")
    card = FolderCard(root / "card")
    session = ledger.open_session(camera_opened())
    with Prober() as prober:
        ingest = Ingest(spool, ledger, prober, DockClock())
        tasks = [
            task
            for path in RECORDINGS
            for task in [card.task(path, session)]
            if ledger.known_clip(VOLUME, path, task.size, task.mtime_ns) is None
        ]
        for some in [tasks] if together else [[task] for task in tasks]:
            ingest.finish_all([(ingest.copy(task, lambda _: None), task) for task in some])
    ledger.close_session(session, "removed")
    ledger.close()


def run_shift(root: Path, crash_at: str | None, *, together: bool = False) -> int:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if crash_at is not None:
        environment[VARIABLE] = crash_at
    program = (
        "import sys; from pathlib import Path;"
        "from tests.integration.test_dock_kill_ingest import play_shift;"
        "play_shift(Path(sys.argv[1]), together=bool(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), "yes" if together else ""],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    return done.returncode


def sealed_clips(root: Path) -> int:
    ledger, _ = open_dock(root)
    try:
        return ledger.check().clips
    finally:
        ledger.close()


@pytest.mark.parametrize(
    ("point", "together"), [*((point, False) for point in POINTS), *((p, True) for p in TOGETHER)]
)
def test_killed_at_any_point_every_recording_is_sealed_once(
    tmp_path: Path, point: str, *, together: bool
) -> None:
    (tmp_path / "key.pem").write_bytes(Es256Signer.generate().pem())
    card = FolderCard(tmp_path / "card")
    digests = {}
    for path, size in RECORDINGS.items():
        data = os.urandom(size)
        card.put(path, data)
        digests[path] = hashlib.sha256(data).digest()
    assert run_shift(tmp_path, point, together=together) == -signal.SIGKILL
    if together:
        # One commit: all of them or none, whichever of them it was.
        assert sealed_clips(tmp_path) == (4 if point.startswith("seal.after") else 0)
    assert run_shift(tmp_path, None, together=together) == 0
    assert run_shift(tmp_path, None) == 0

    ledger, spool = open_dock(tmp_path)
    report = ledger.check()
    rows = ledger.spooled(ClipState.SEALED)
    assert {row.path: row.sha256 for row in rows} == digests
    assert report.clips == len(rows) == len(RECORDINGS)
    assert spool.names() == {row.spool_name for row in rows}
    assert spool.drop_halves() == []
    for row in rows:
        assert row.spool_name is not None
        stored = spool.path(row.spool_name).read_bytes()
        assert hashlib.sha256(stored).digest() == row.sha256
    assert ledger.sessions(open_only=True) == []
    assert [row.closed for row in ledger.sessions()] == ["power", "removed", "removed"]
    ledger.close()
