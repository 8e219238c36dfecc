"""Cases to docks and officers' words back, with both real programs' parts and a real broker.

The dock is the real program in its own process; the gateway is the real intake in this one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge import keys, screen
from edge.clock import DockClock
from edge.crashpoints import VARIABLE
from edge.ledger import Ledger, Tag
from edge.ledger_check import check_file
from gateway.cases.service import NewCase
from gateway.evidence.service import ClipFilter
from hashing.verdict import Outcome
from protocols.caselist import Cases, OpenCase
from protocols.ids import ClipId, EntryId
from protocols.kinds import ClipTagged
from protocols.records import decode_record
from protocols.topics import ToDock, to_dock
from protocols.trail import TrailDocument, verify_trail
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.intake import RunningIntake, eventually, running_intake
from tests.simulators.log import SimulatedLog
from tests.simulators.mosquitto import mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
CASE_NO = "云商执〔2026〕17号"
LATER = "云商执〔2026〕18号"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


async def asked(daemon: EdgeDaemon, cmd: str, **more: object) -> dict[str, Any]:
    """What the dock's socket answers."""
    path = daemon.home / "state" / "status.sock"
    answer = await asyncio.to_thread(screen.ask, path, {"cmd": cmd, **more})
    return answer or {}


async def offered(daemon: EdgeDaemon) -> list[str]:
    answer = await asked(daemon, "cases")
    return [case["case_no"] for case in answer.get("cases", [])]


async def until_offered(daemon: EdgeDaemon, *case_nos: str) -> None:
    async def so() -> bool:
        return await offered(daemon) == list(case_nos)

    await eventually(so)


async def linked(intake: RunningIntake, clip: str) -> list[tuple[str, str, str]]:
    rows = await intake.services.cases.links_of_clip(ClipId.parse(clip))
    return [(case_no, link.how, link.who) for link, case_no in rows]


async def prepared(tmp_path: Path, intake: RunningIntake) -> EdgeDaemon:
    """A dock that is enrolled and has a camera with two recordings."""
    daemon = EdgeDaemon(tmp_path / "dock", intake.services.log.anchors(), port=intake.port)
    await intake.services.docks.enrol(daemon.dock, daemon.public.pem(), "test")
    for name in ("a.mp4", "b.mp4"):
        (daemon.folder / name).write_bytes(os.urandom(200_000))
    return daemon


async def clips_of(intake: RunningIntake) -> list[str]:
    return [str(row.id) for row in await intake.services.evidence.find(ClipFilter(), 10)]


async def open_case(intake: RunningIntake, case_no: str) -> None:
    await intake.services.cases.open(NewCase(case_no, "市场检查", "inspection", None, "Li"))


async def intact(intake: RunningIntake, case_no: str) -> list[str]:
    """Kinds of a case's trail, which holds."""
    services = intake.services
    document = await services.trails.of_case(await services.cases.case(case_no))
    raw = document.model_dump_json()
    report = verify_trail(TrailDocument.from_json(raw), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    return [event.record.kind for event in report.events if event.record is not None]


async def test_an_officer_names_a_case_from_the_list_and_the_clips_are_linked(
    tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await prepared(tmp_path, intake)
        async with daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            await open_case(intake, CASE_NO)
            await until_offered(daemon, CASE_NO)
            clips = await clips_of(intake)
            row = await intake.services.evidence.clip(ClipId.parse(clips[0]))
            assert row is not None
            said = {"session": row.session, "case_no": CASE_NO, "officer": "王警官"}
            assert await asked(daemon, "tag", **said) == {"tagged": 2}
            assert await asked(daemon, "tag", **said) == {"tagged": 0}
            noted = await asked(daemon, "note", session=row.session, reason="battery")
            assert "noted" in noted
            # A number nobody knows yet: the case system will, later.
            assert await asked(daemon, "tag", clips=clips[:1], case_no=LATER) == {"tagged": 1}

            async def both() -> bool:
                return [len(await linked(intake, clip)) for clip in clips] == [1, 1]

            await eventually(both)
            assert await linked(intake, clips[1]) == [(CASE_NO, "officer-tag", "王警官")]
            await open_case(intake, LATER)

            async def later() -> bool:
                return len(await linked(intake, clips[0])) == 2

            await eventually(later)
            kinds = await intact(intake, CASE_NO)
            assert (kinds.count("clip.tagged"), kinds.count("session.noted")) == (3, 1)
            assert "case.linked" in await intact(intake, LATER)


async def test_a_dock_without_its_gateway_still_knows_the_cases_and_takes_tags(
    tmp_path: Path,
) -> None:
    port = free_port()
    with mosquitto(tmp_path, port=port):
        async with running_intake(tmp_path / "gateway", port) as intake:
            daemon = await prepared(tmp_path, intake)
            await open_case(intake, CASE_NO)
            async with daemon.running():
                await until_offered(daemon, CASE_NO)
                await daemon.until(lambda s: bay(s)["phase"] == "safe")
                clips = await clips_of(intake)
    # Neither broker nor gateway, and a dock whose power was cut twice.
    async with daemon.running():
        assert await offered(daemon) == [CASE_NO]
        assert isinstance((await asked(daemon, "cases"))["stale_s"], int)
        said = {"clips": clips, "case_no": CASE_NO, "officer": "王警官"}
        assert await asked(daemon, "tag", **said) == {"tagged": 2}
    with mosquitto(tmp_path, port=port):
        async with running_intake(tmp_path / "gateway", port) as intake, daemon.running():

            async def both() -> bool:
                return [len(await linked(intake, clip)) for clip in clips] == [1, 1]

            await eventually(both)
            await intact(intake, CASE_NO)


async def test_a_tag_outlives_a_power_cut_for_what_was_not_sealed_yet(tmp_path: Path) -> None:
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    for name in ("a.mp4", "b.mp4"):
        (daemon.folder / name).write_bytes(os.urandom(200_000))
    # The power goes right after the first of two recordings is sealed, in a tagged docking.
    daemon.start(**{VARIABLE: "seal.after-commit"})
    assert daemon.process is not None
    await asyncio.to_thread(daemon.process.wait, 30)
    tagged(daemon)
    (daemon.folder / "next.mp4").write_bytes(b"of the next shift")
    async with daemon.running():
        await daemon.until(lambda s: s["clips"]["sealed"] == 3)
    report = check_file(daemon.database, dock=daemon.dock, key=daemon.public)
    assert report.entries
    assert sorted(names_tagged(daemon)) == ["a.mp4", "b.mp4"]


def offline(daemon: EdgeDaemon) -> Ledger:
    signer = keys.load(daemon.home / "dock.key.pem")
    return Ledger(daemon.database, dock=daemon.dock, signer=signer, clock=DockClock())


def tagged(daemon: EdgeDaemon) -> None:
    """What the dock writes when an officer tags the docking that is open."""
    ledger = offline(daemon)
    (session,) = ledger.sessions(open_only=True)
    assert ledger.tag_session(session.session, Tag(CASE_NO)) == 1
    ledger.close()


def names_tagged(daemon: EdgeDaemon) -> list[str]:
    ledger = offline(daemon)
    bodies = [decode_record(e.record).body for e in ledger.entries(0, 0, 99, max_bytes=1 << 30)]
    clips = [EntryId.parse(body.clip) for body in bodies if isinstance(body, ClipTagged)]
    rows = [ledger.clip(clip.epoch, clip.seq) for clip in clips]
    ledger.close()
    return [row.path.decode() for row in rows if row is not None]


async def test_the_commands_do_what_the_screen_does(tmp_path: Path) -> None:
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    (daemon.folder / "a.mp4").write_bytes(b"a")
    nobody = await asyncio.to_thread(daemon.cli, "cases")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("evidock-edge: no dock answers at ")
    async with daemon.running():
        answer = await daemon.until(lambda s: s["clips"]["sealed"] == 1)
        (session,) = answer["open_sessions"]
        listed = await asyncio.to_thread(daemon.cli, "cases")
        assert "battery (电量耗尽)" in listed.stdout
        assert listed.stdout.endswith("of unknown age\n")
        said = ("tag", "--session", session, "--case-no", CASE_NO, "--officer", "王警官")
        told = await asyncio.to_thread(daemon.cli, *said)
        assert (told.returncode, told.stdout) == (0, "1 clips tagged on record\n")
        noted = await asyncio.to_thread(daemon.cli, "note", session, "battery")
        assert noted.stdout.startswith("noted on record as dock7.0.")
        wrong = await asyncio.to_thread(daemon.cli, "note", session, "tired")
        assert wrong.returncode == 1
        assert "no reason has the code 'tired'" in wrong.stderr


async def test_a_hostile_list_changes_nothing_at_the_dock(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await prepared(tmp_path, intake)
        await open_case(intake, CASE_NO)
        async with daemon.running():
            await until_offered(daemon, CASE_NO)
            topic = to_dock(daemon.dock, ToDock.CASES)
            good = Cases(revision=9, time="now", cases=(OpenCase(case="0" * 32, case_no="x"),))
            hostile = [
                b"",
                b"\xff" * 100,
                b"[" * 60_000,
                b" " * (1 << 20),
                good.encode().replace(b'"x"', b"17"),
                good.encode().replace(b'"x"', b'"1\\u202e2"'),
                good.encode().replace(b'"revision":9', b'"revision":true'),
            ]
            async with aiomqtt.Client("127.0.0.1", port, identifier="stranger") as stranger:
                for payload in hostile:
                    await stranger.publish(topic, payload, qos=1)
                    await stranger.publish(topic, payload, qos=1, retain=bool(payload))
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            assert await offered(daemon) == [CASE_NO]
            log = daemon.log.read_text()
            assert log.count("message.malformed") >= 1
        # What the broker keeps now is nonsense; the gateway puts that right at the next start.
        async with daemon.running():
            await until_offered(daemon, CASE_NO)
