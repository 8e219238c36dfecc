"""Packs that others have seen: cosigned checkpoints, time stamps, and what ties them to a pack."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from gateway.config import StampingSection
from gateway.export.command import Manner, export_pack
from gateway.services import Services
from gateway.stamping.rounds import Stamping
from gateway.trail.client import ApiClient
from hashing.note import sign_checkpoint
from hashing.verdict import Outcome, Verdict
from protocols.anchors import Anchors
from protocols.kinds import AlarmRaised
from protocols.pack import layout
from protocols.policy import Policy
from protocols.progress import Quiet
from protocols.timestamps import parse_roots
from tests.simulators.authority import Authority
from tests.simulators.outside import SimulatedWitness, policy_of
from tests.simulators.packs import WANTED, filled, rebagged
from tests.simulators.seeded import SyncBridge, gateway_on
from verifier.outside import Asked, Roots
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

NOTHING = AlarmRaised(code="test", text="nothing")
COURT, PRESS = SimulatedWitness("court"), SimulatedWitness("press")
BOTH = policy_of(COURT, PRESS, needed=2)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as running:
        # Of a dock that changed its key, so that both keys have to be found in the pack.
        await filled(running, rotated=True)
        COURT.asked_by(running)
        PRESS.asked_by(running)
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "own")


async def export(services: Services, out: Path, manner: Manner, said: list[str]) -> Verdict:
    bridge = SyncBridge(services)

    def run() -> Verdict:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            return export_pack(client, WANTED, out, said.append, manner)

    return await asyncio.to_thread(run)


def verified(
    pack: Path, trust: Anchors, policy: Policy | None = None, roots: Roots | None = None
) -> Checked:
    with opened(pack) as source:
        return verify_pack(source, trust, Quiet(), Asked(policy, roots))


def step(checked: Checked, number: int) -> list[tuple[Outcome, str, str]]:
    mine = [each for each in checked.verdict.findings if each.step == number]
    return [(each.outcome, each.subject, each.reason) for each in mine]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came to be")


async def cosign_when_stated(services: Services, before: int) -> None:
    """Witnesses that answer a moment after the export's acts are in the log."""
    await until(lambda: services.log.checkpoint().size == before + 2)
    await asyncio.sleep(0.3)
    await COURT.cosign(services)
    # What comes meanwhile is no part of the pack, nor does it keep the witnesses from agreeing.
    await PRESS.cosign(services)
    await services.log.append_own(NOTHING, "urn:0")


async def test_an_export_waits_for_its_witnesses_and_is_for_what_they_cosigned(
    services: Services, tmp_path: Path
) -> None:
    trust, before = services.log.anchors(), services.log.checkpoint().size
    said: list[str] = []
    manner = Manner(wait_s=20, policy=BOTH)
    verdict, _ = await asyncio.gather(
        export(services, tmp_path / "pack", manner, said), cosign_when_stated(services, before)
    )
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    assert any("waiting for court.example/w, press.example/w" in line for line in said)
    checked = verified(tmp_path / "pack", trust, BOTH)
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert services.log.checkpoint().size == before + 3
    head = (tmp_path / "pack" / layout.CHECKPOINT).read_text()
    assert head.split("\n")[1] == str(before + 2)
    report = json.loads((tmp_path / "pack" / layout.REPORT).read_text())
    assert {each["name"] for each in report["log"]["witnesses"]} == {
        "court.example/w",
        "press.example/w",
    }
    assert report["log"]["witnesses_missing"] == []
    assert report["clips"][0]["times"]["not_after"]["cosigned"]["at"].startswith("2026-02-25")


async def test_without_its_quorum_a_pack_is_delivered_and_says_so(
    services: Services, tmp_path: Path
) -> None:
    trust, pack = services.log.anchors(), tmp_path / "pack"
    below = await COURT.cosign(services)
    await PRESS.cosign(services)
    said: list[str] = []
    verdict = await export(services, pack, Manner(wait_s=0.4, policy=BOTH), said)
    assert verdict.outcome is Outcome.UNWITNESSED
    assert any("not cosigned by court.example/w, press.example/w" in line for line in said)
    report = json.loads((pack / layout.REPORT).read_text())
    assert len(report["log"]["witnesses_missing"]) == 2
    assert any("court.example/w had cosigned no checkpoint" in e for e in report["deviations"])
    assert "尚未见证" in (pack / layout.PAGE).read_text()
    # What they did see goes along, with the way to the pack's own checkpoint.
    assert (pack / layout.cosigned(below)).is_file()
    (found,) = [each for each in step(verified(pack, trust, BOTH), 7) if each[0] != "intact"]
    assert (found[0], found[1]) == (Outcome.UNWITNESSED, layout.cosigned(below))
    assert f"entries {below} to {below + 1} are under no checkpoint" in found[2]
    assert verified(pack, trust).verdict.outcome is Outcome.INTACT
    assert "court.example/w" in " ".join(verified(pack, trust).notes)
    forged(services, pack, below)
    found7 = {each[:2] for each in step(verified(pack, trust), 7)}
    assert (Outcome.ALTERED, layout.cosigned(below)) in found7
    assert verified(pack, trust).verdict.outcome is Outcome.ALTERED


async def test_a_later_cosigned_checkpoint_counts_by_the_way_to_it(
    services: Services, authority: Authority, tmp_path: Path
) -> None:
    trust, pack = services.log.anchors(), tmp_path / "pack"
    before = services.log.checkpoint().size
    manner = Manner(wait_s=2)
    await asyncio.gather(export(services, pack, manner, []), cosigned_apart(services, before))
    # Each on its own checkpoint: a quorum of two is not reached, of one it is.
    assert verified(pack, trust, BOTH).verdict.outcome is Outcome.UNWITNESSED
    for witness in (COURT, PRESS):
        checked = verified(pack, trust, policy_of(witness))
        assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    # Whoever names authorities wants to know by when, and here nobody says.
    roots = parse_roots(authority.root.read_bytes())
    found = step(verified(pack, trust, roots=roots), 8)
    assert [each[:2] for each in found] == [
        (Outcome.UNWITNESSED, "dock7.0.4"),
        (Outcome.UNWITNESSED, "dock7.0.5"),
    ]
    (way,) = (pack / layout.WAYS).iterdir()
    kept = way.read_bytes()
    way.write_bytes(b"A" * 43 + b"=\n")
    rebagged(pack)
    assert (Outcome.ALTERED, way_note(way)) in {e[:2] for e in step(verified(pack, trust), 7)}
    way.unlink()
    rebagged(pack)
    assert (Outcome.ALTERED, way_note(way)) in {e[:2] for e in step(verified(pack, trust), 7)}
    way.write_bytes(kept)
    (pack / layout.way(5)).write_bytes(kept)
    rebagged(pack)
    assert (Outcome.ALTERED, layout.way(5)) in {e[:2] for e in step(verified(pack, trust), 7)}


async def cosigned_apart(services: Services, before: int) -> None:
    await until(lambda: services.log.checkpoint().size == before + 2)
    await PRESS.cosign(services)
    await services.log.append_own(NOTHING, "urn:0")
    await COURT.cosign(services)


def way_note(way: Path) -> str:
    return layout.cosigned(int(way.stem))


def forged(services: Services, pack: Path, size: int) -> None:
    """An administrator's: signed by the log's own key, cosigned, and of other entries."""
    checkpoint = services.log.anchors().checkpoint
    other = type(checkpoint)(checkpoint.origin, size, bytes(32))
    signer = services.log._keys.checkpoint  # an attacker's means
    (pack / layout.cosigned(size)).write_bytes(sign_checkpoint(other, signer, other.origin))
    rebagged(pack)


# --- time stamps ------------------------------------------------------------------------


def stamping(services: Services, authority: Authority) -> None:
    config = StampingSection(url="http://tsa.example/", roots=authority.root, every_s=3600)
    made = Stamping(config, services.log, services.stamps)
    made.http = httpx.AsyncClient(transport=httpx.MockTransport(authority.handle))
    object.__setattr__(services, "stamping", made)
    services.exports._outside._stamping = made


async def test_stamps_go_along_and_say_by_when_a_clip_was_there(
    services: Services, authority: Authority, tmp_path: Path
) -> None:
    trust, pack = services.log.anchors(), tmp_path / "pack"
    stamping(services, authority)
    await services.stamping.round()
    size = services.log.checkpoint().size
    await export(services, pack, Manner(), [])
    roots = parse_roots(authority.root.read_bytes())
    checked = verified(pack, trust, roots=roots)
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    told = step(checked, 8)
    assert [each[1] for each in told] == [layout.stamp(size), "dock7.0.4", "dock7.0.5"]
    assert "sealed, and in the log, not after 20" in told[1][2]
    # Without roots nothing is claimed of them, and that is said.
    plain = verified(pack, trust)
    assert step(plain, 8) == []
    assert any("name the roots" in note for note in plain.notes)
    report = json.loads((pack / layout.REPORT).read_text())
    assert report["clips"][0]["times"]["not_after"]["stamped"]["checkpoint"] == size
    guided(pack, authority.root)
    strange(pack, trust)
    with pytest.MonkeyPatch.context() as without:
        without.setitem(sys.modules, "rfc3161_client", None)
        (found,) = step(verified(pack, trust, roots=roots), 8)
    assert found[0] is Outcome.UNSUPPORTED
    assert "openssl" in found[2]


def strange(pack: Path, trust: Anchors) -> None:
    """What is no checkpoint that somebody saw is named, not passed over."""
    for folder, number in ((layout.COSIGNED, 7), (layout.STAMPED, 8)):
        for name in ("12.txt", "x.note", "00000000000.note"):
            path = pack / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x")
            rebagged(pack)
            (found,) = verified(pack, trust).verdict.problems
            assert (found.step, found.subject) == (number, f"{folder}{name}")
            path.unlink()
    rebagged(pack)


def guided(pack: Path, roots: Path) -> None:
    """The commands of VERIFY.md, time stamps included, as they stand there."""
    blocks = (pack / layout.GUIDE).read_text().split("```sh\n")[1:]
    script = "\n".join(block.partition("```")[0] for block in blocks)
    shell = ["bash", "-c", f"export TSA_ROOTS={roots}\n{script}"]
    done = subprocess.run(shell, cwd=pack, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "time stamps" in done.stdout


async def test_a_stamp_by_nobody_trusted_or_over_something_else_is_named(
    services: Services, authority: Authority, tmp_path: Path
) -> None:
    trust, pack = services.log.anchors(), tmp_path / "pack"
    stamping(services, authority)
    first = services.log.checkpoint().size
    await services.stamping.round()
    await services.log.append_own(NOTHING, "urn:0")
    services.stamping.hasten()
    await services.stamping.round()
    await export(services, pack, Manner(), [])
    roots = parse_roots(authority.root.read_bytes())
    stranger = Authority(tmp_path / "stranger")
    strangers = parse_roots(stranger.root.read_bytes())
    found = step(verified(pack, trust, roots=strangers), 8)
    assert {each[0] for each in found} == {Outcome.UNSIGNED, Outcome.UNWITNESSED}
    shutil.copy(pack / layout.stamp(first + 1), pack / layout.stamp(first))
    rebagged(pack)
    found = step(verified(pack, trust, roots=roots), 8)
    assert (Outcome.UNSIGNED, layout.stamp(first)) in {each[:2] for each in found}
    # The other stamp is over the sealings too.
    assert (Outcome.INTACT, "dock7.0.4") in {each[:2] for each in found}
    (pack / layout.stamp(first)).unlink()
    (pack / layout.stamped(first + 1)).unlink()
    rebagged(pack)
    found = step(verified(pack, trust), 8)
    assert (Outcome.INCOMPLETE, layout.stamp(first + 1)) in {each[:2] for each in found}
