"""A badge is tapped at a real dock: the session of the camera that comes next names it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from edge.wired.frames.badges import ReaderKind
from protocols.kinds import SessionOpened
from protocols.records import decode_record
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.log import SimulatedLog
from tests.simulators.serial_badge import Reader

CARD = "62E3086CED"


def opened(daemon: EdgeDaemon) -> list[SessionOpened]:
    with sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True) as ledger:
        rows = ledger.execute(
            "SELECT record FROM entries WHERE kind = 'session.opened' ORDER BY epoch, seq"
        ).fetchall()
    bodies = [decode_record(record).body for (record,) in rows]
    return [body for body in bodies if isinstance(body, SessionOpened)]


async def test_the_officer_who_taps_is_named_by_the_session_and_by_no_other(
    tmp_path: Path,
) -> None:
    reader = Reader(tmp_path / "reader", ReaderKind.RDM6300)
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    with daemon.config.open("a") as config:
        config.write(f'[[serial.readers]]\npath = "{reader.link}"\ndriver = "rdm6300"\n')
    async with daemon.running():
        answer = await daemon.until(lambda told: not told["serial"][0]["connected"])
        assert answer["serial"][0]["problem"]
        assert f"SERIAL {reader.link}" in daemon.cli("status").stdout
        with reader.plugged():
            await daemon.until(lambda told: told["serial"][0]["connected"])
            reader.hold(CARD, 5)
            await asyncio.sleep(0.5)
            (daemon.folder / "a.mp4").write_bytes(b"first")
            await daemon.until(lambda told: told["clips"]["sealed"] == 1)
        assert [body.officer for body in opened(daemon)] == [f"rdm6300:{CARD}"]
