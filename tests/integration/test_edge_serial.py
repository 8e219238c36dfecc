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
from tests.simulators.serial_camera import AmbaCamera

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


async def test_a_camera_on_a_control_line_tells_the_session_its_number_and_its_clock(
    tmp_path: Path,
) -> None:
    camera = AmbaCamera(tmp_path / "line", offset_s=-3600.0)
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    with daemon.config.open("a") as config:
        config.write(
            f'[[serial.control]]\npath = "{camera.link}"\nbay = "1"\n'
            'zone = "Asia/Shanghai"\nread_clock = "Gtm"\n'
        )
    with camera.plugged():
        async with daemon.running():
            await daemon.until(lambda told: told["serial"][0]["connected"])
            (daemon.folder / "a.mp4").write_bytes(b"first")
            answer = await daemon.until(lambda told: told["clips"]["sealed"] == 1)
            assert answer["clock"]["floor"]
            assert f"clock {answer['clock']['utc'][:4]}" in daemon.cli("status").stdout
    (session,) = opened(daemon)
    assert session.camera.serial == "BWC000123"
    assert session.clock is not None
    assert session.clock.offset_ms is not None
    assert session.clock.offset_error_ms is not None
    assert abs(session.clock.offset_ms + 3_600_000) <= session.clock.offset_error_ms
