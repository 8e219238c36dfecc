"""What the gateway's own keys can lie about, how far it goes, and who names it afterwards."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType, cosign
from hashing.verdict import Outcome
from protocols.pack import layout
from protocols.policy import parse_policy
from protocols.records import CheckpointRef
from tests.attacks.forging import problems, put_note, verified
from tests.simulators.dock import SimulatedDock
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.intake import running_intake
from tests.simulators.mosquitto import mosquitto
from tests.simulators.packs import CASE_NO, exported, rebagged, report_made_anew
from tests.simulators.seeded import admit, enrol, gateway_on, link_all, store


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@pytest.mark.broker
async def test_a_false_release_erases_after_the_docks_own_delay_and_not_before(
    tmp_path: Path, port: int
) -> None:
    """The dock cannot see the store: a lie in the right words is a release.

    What bounds it is not the gateway's: days between the release and the erasing, and a clock
    that somebody keeps right to count them with. Both recordings stay on the card here.
    """
    days = 'when = "released"\nafter_days = 30\n'
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = EdgeDaemon(tmp_path / "dock", intake.services.log.anchors(), port=port, erase=True)
        daemon.config.write_text(daemon.config.read_text() + days)
        await intake.services.docks.enrol(daemon.dock, daemon.public.pem(), "test")
        recording = daemon.folder / "a.mp4"
        recording.write_bytes(os.urandom(100_000))
        async with daemon.running():
            told = await daemon.until(lambda s: s["clips"]["released"] == 1)
            # Stated as stored, receipt and checkpoint in order; and gone from the store.
            for path in (tmp_path / "gateway/store/objects/clips").rglob("*"):
                if path.is_file():
                    path.unlink()
            await asyncio.sleep(2)
            assert told["clips"].get("erased", 0) == 0
            assert recording.exists()


async def test_what_was_released_and_is_not_there_is_named_by_export_and_verifier(
    tmp_path: Path,
) -> None:
    """Stated as stored, with every signature right, and the bytes were never there."""
    async with gateway_on(tmp_path / "gateway") as services:
        trust = services.log.anchors()
        dock = SimulatedDock()
        await enrol(services, dock)
        (clip,) = dock.shift_end({"A.MP4": b"footage" * 1000})
        await admit(services, dock, dock.entries)
        await store(services, dock.clips[clip])
        (tmp_path / "gateway/store/objects/clips" / Path(*str(clip).split("."))).unlink()
        await link_all(services, CASE_NO, [clip])
        await exported(services, tmp_path / "pack")
    checked = verified(tmp_path / "pack", trust)
    assert (2, Outcome.INCOMPLETE, str(clip)) in problems(checked)
    assert checked.verdict.outcome is Outcome.INCOMPLETE


async def test_docks_of_the_administrators_own_count_for_no_policy(tmp_path: Path) -> None:
    """Puppets that name his checkpoint, and keys of his that cosign: a quorum is of other keys."""
    court = Ed25519Signer.generate()
    key = NoteKey("court.example/w1", court.public, SignatureType.COSIGNATURE)
    policy = parse_policy(f"witness court {key.vkey()}\nquorum court\n".encode())
    async with gateway_on(tmp_path / "gateway") as services:
        trust = services.log.anchors()
        puppets = [SimulatedDock(f"puppet{number}") for number in range(3)]
        for puppet in puppets:
            await enrol(services, puppet)
            now = services.log.checkpoint()
            puppet.accepted = CheckpointRef(size=now.size, root=now.root.hex())
            (clip,) = puppet.shift_end({"A.MP4": puppet.id.encode()})
            await admit(services, puppet, puppet.entries)
            await store(services, puppet.clips[clip])
        await link_all(services, CASE_NO, [clip for puppet in puppets for clip in puppet.clips])
        await exported(services, tmp_path / "pack")
    note = (tmp_path / "pack" / layout.CHECKPOINT).read_bytes()
    # Under the witness's very name: names are free, keys are not.
    put_note(tmp_path / "pack", note, cosign(note, Ed25519Signer.generate(), key.name, 1))
    report_made_anew(tmp_path / "pack", trust)
    rebagged(tmp_path / "pack")
    checked = verified(tmp_path / "pack", trust, policy)
    assert problems(checked) == {(7, Outcome.UNWITNESSED, "checkpoint")}
    assert verified(tmp_path / "pack", trust).verdict.outcome is Outcome.INTACT
