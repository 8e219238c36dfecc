"""An administrator with all of a gateway's keys, against a real dock, witness and verifier."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.cases.service import NewCase
from gateway.errors import GatewayError
from gateway.evidence.service import ClipFilter
from gateway.intake import alarms
from gateway.services import Services
from hashing.keys import Es256Signer
from hashing.ledger import DockHead, DockLink
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.kinds import DockBooted
from protocols.policy import Policy, parse_policy
from tests.attacks.administrator import rewrite, swap_object
from tests.attacks.forging import Problems, problems, verified
from tests.simulators.court import Court, court
from tests.simulators.dock import SimulatedDock
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.intake import RunningIntake, eventually, running_intake
from tests.simulators.mosquitto import mosquitto
from tests.simulators.packs import CASE_NO, WANTED, exported
from tests.simulators.seeded import admit, api_of, link_all
from verifier.__main__ import main

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
FIRST = "旧案〔2025〕1号"
WAS = "as it was"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def cosigned(court: Court, services: Services) -> tuple[int, bytes]:
    """Have the newest checkpoint cosigned; its size, and the note with the witness's line."""
    checkpoint = services.log.checkpoint()
    answer = await asyncio.to_thread(court.ask, 0, (), checkpoint.note)
    assert answer.status_code == 200, answer.text
    return checkpoint.size, checkpoint.note + answer.content


async def docked(intake: RunningIntake, daemon: EdgeDaemon) -> ClipId:
    """A recording of the dock, stored and linked to a case."""
    await daemon.until(lambda s: bay(s)["phase"] == "safe")
    (row,) = await intake.services.evidence.find(ClipFilter(), 10)
    await link_all(intake.services, CASE_NO, [row.id])
    return row.id


async def enrolled(intake: RunningIntake, folder: Path, *, erase: bool = False) -> EdgeDaemon:
    daemon = EdgeDaemon(folder, intake.services.log.anchors(), port=intake.port, erase=erase)
    await intake.services.docks.enrol(daemon.dock, daemon.public.pem(), "test")
    (daemon.folder / "a.mp4").write_bytes(os.urandom(200_000))
    return daemon


async def test_a_history_written_anew_is_seen_by_witness_dock_and_verifier(
    tmp_path: Path, port: int, stack: ExitStack
) -> None:
    """A row is edited and the tree recomputed, and everybody outside sees it by himself."""
    data, anew = tmp_path / "gateway", tmp_path / "anew"
    async with running_intake(data, port) as intake:
        # Pinned before any of it: what gives him away is not in this file.
        trust = intake.services.log.anchors()
        await intake.services.cases.open(NewCase(FIRST, WAS, None, None, "Li"))
        daemon = await enrolled(intake, tmp_path / "dock", erase=True)
        witness = stack.enter_context(court(tmp_path / "court", trust.checkpoint_key))
        async with daemon.running():
            clip = await docked(intake, daemon)
            await quiet(intake.services, daemon)
        size, note = await cosigned(witness, intake.services)
        policy = parse_policy(f"witness court {witness.key.vkey()}\nquorum court\n".encode())
        saved = tmp_path / "saved.note"
        saved.write_bytes(note)
    rewrite(data, anew, WAS, "as the administrator wants it")
    async with running_intake(anew, port) as intake:
        services = intake.services
        assert services.log.anchors().origin == trust.origin
        await refused(witness, services, size)
        await distrusted(intake, daemon)
        found = await pack_of(services, tmp_path / "pack", trust, policy)
        assert (7, Outcome.UNWITNESSED, "checkpoint") in found
        assert (7, Outcome.ALTERED, "checkpoint") in found
        swap_object(anew, str(clip), os.urandom(200_000))
        with pytest.raises(GatewayError, match="nothing was delivered"):
            await exported(services, tmp_path / "swapped", WANTED)
        await audited(services, tmp_path, trust, saved)


async def refused(witness: Court, services: Services, size: int) -> None:
    """By the witness: two roots of one size, and a larger tree that does not contain its own."""
    same = services.log.checkpoint()
    if same.size == size:
        answer = await asyncio.to_thread(witness.ask, size, (), same.note)
        assert answer.status_code == 409
    await services.cases.open(NewCase("one more", None, None, None, "Li"))
    larger = services.log.checkpoint()
    proof = tuple(await services.log.consistency(size, larger.size))
    answer = await asyncio.to_thread(witness.ask, size, proof, larger.note)
    assert answer.status_code == 422, answer.text


async def distrusted(intake: RunningIntake, daemon: EdgeDaemon) -> None:
    """By the dock: an alarm, nothing safe, nothing erased; and the gateway has to say so, too."""
    recording = daemon.folder / "b.mp4"
    recording.write_bytes(os.urandom(100_000))
    async with daemon.running():
        told = await daemon.until(lambda s: "gateway-proof-damaged" in codes(s))
        await asyncio.sleep(2)
        assert bay(daemon.status() or told)["phase"] != "safe"
        assert recording.exists()
    assert alarms.REWOUND in await intake.standing()


def codes(status: dict[str, Any]) -> set[str]:
    return {alarm["code"] for alarm in status["alarms"]}


async def pack_of(services: Services, out: Path, trust: Anchors, policy: Policy) -> Problems:
    """What the verifier says of a pack of the history written anew."""
    await exported(services, out, WANTED)
    return problems(verified(out, trust, policy))


async def audited(services: Services, folder: Path, trust: Anchors, saved: Path) -> None:
    """By ``evidock-verify log``, against a checkpoint that somebody kept."""
    kept = folder / "log"
    kept.mkdir()
    (folder / "trust.json").write_text(trust.to_json())
    async with api_of(services) as api:
        (kept / "checkpoint").write_bytes((await api.get("/api/v1/log/checkpoint")).content)
        page = await api.get("/api/v1/log/entries?start=0&limit=200")
        (kept / "entries-0.json").write_bytes(page.content)
    words = ["log", str(kept), "--trust", str(folder / "trust.json"), "--checkpoint", str(saved)]
    assert main(words) == Outcome.ALTERED.exit_code


# --- in the name of a dock ----------------------------------------------------------------


async def test_an_entry_forged_with_a_stolen_dock_key_is_shown_to_the_dock_which_raises_an_alarm(
    tmp_path: Path, port: int
) -> None:
    """Over a real broker: the gateway shows what is logged, the dock did not make it."""
    data = tmp_path / "gateway"
    async with AsyncExitStack() as dock:
        async with running_intake(data, port) as intake:
            daemon = await enrolled(intake, tmp_path / "dock")
            await dock.enter_async_context(daemon.running())
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            forged = await forge(intake.services, daemon)
        # A gateway that starts hears the head that the broker kept, and looks beyond it.
        async with running_intake(data, port):
            told = await daemon.until(lambda s: "entries-not-ours" in codes(s))
    text = next(a["text"] for a in told["alarms"] if a["code"] == "entries-not-ours")
    assert f"{daemon.dock}.{forged.epoch}.{forged.seq}" in text
    assert "the key was copied" in text


async def forge(services: Services, daemon: EdgeDaemon) -> DockLink:
    """Log an entry under the dock's name, rightly chained, by the key that was on its disk."""
    stolen = Es256Signer.from_pem((daemon.home / "dock.key.pem").read_bytes())
    dock = SimulatedDock(daemon.dock, signer=stolen)
    head = await quiet(services, daemon)
    link = DockLink(head.epoch, head.seq + 1, head.hash)
    entry = dock.forge(DockBooted(version="0.1.0", ledger_check="intact"), link)
    await admit(services, dock, [entry])
    return link


async def quiet(services: Services, daemon: EdgeDaemon) -> DockHead:
    """The newest entry of the dock, when nothing has come for a while."""
    before = None
    while (head := await services.log.dock_head(daemon.dock)) is None or head != before:
        before = head
        await asyncio.sleep(1.5)
    return head


async def test_an_old_image_of_a_dock_that_is_put_back_stops_and_people_are_told(
    tmp_path: Path, port: int
) -> None:
    data, image = tmp_path / "gateway", tmp_path / "image"
    async with running_intake(data, port) as intake:
        daemon = await enrolled(intake, tmp_path / "dock")
        async with daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            await quiet(intake.services, daemon)
        shutil.copytree(daemon.home / "state", image, ignore=shutil.ignore_patterns("*.sock"))
        (daemon.folder / "b.mp4").write_bytes(os.urandom(50_000))
        async with daemon.running():
            await daemon.until(lambda s: s["clips"]["released"] == 2)
            await quiet(intake.services, daemon)
        shutil.rmtree(daemon.home / "state")
        shutil.copytree(image, daemon.home / "state")
        recording = daemon.folder / "c.mp4"
        recording.write_bytes(os.urandom(50_000))
        async with daemon.running():
            told = await daemon.until(lambda s: "entries-not-ours" in codes(s))

            async def forked() -> bool:
                return alarms.FORKED in await intake.standing()

            await eventually(forked)
            assert bay(daemon.status() or told)["phase"] != "safe"
        assert recording.exists()
