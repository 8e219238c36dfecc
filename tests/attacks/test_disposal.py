"""Somebody wants footage gone that has to stay: each way, against a real gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.disposal.others import OtherClocks
from gateway.evidence.models import ClipState
from gateway.evidence.service import mark_disposed, object_key
from gateway.holds.service import ClipDisposedError, NewHold
from gateway.retention.service import RulesOlderError
from gateway.retention.signing import RulesUnsignedError, sign_pack
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType, cosign, parse_note
from hashing.verdict import Outcome
from protocols.clock import ClockReading, ClockSource
from protocols.ids import ClipId
from protocols.kinds import ClipDisposed, ClipTagged
from protocols.trail import verify_trail
from tests.simulators.disk import path_of
from tests.simulators.dock import SimulatedDock
from tests.simulators.keeping import AUTHORITY, PACK, WAIT, YEAR, Office, adopt, docked, office
from tests.simulators.seeded import admit, enrol, gateway_on, link_all, shift_end


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        yield await office(stack, services, tmp_path, monkeypatch)


async def state(desk: Office, clip: ClipId) -> str:
    row = await desk.services.evidence.clip(clip)
    assert row is not None
    return row.state


async def test_a_hold_and_a_disposal_at_one_moment_leave_no_held_clip_disposed(
    desk: Office,
) -> None:
    """Both are decided where the log is written: one of them comes first for everybody."""
    footage = {f"{number}.MP4": bytes([number]) for number in range(12)}
    _, clips = await docked(desk.services, footage)
    desk.ahead += YEAR
    await desk.approved(*clips)
    await desk.services.executing.tick()
    desk.ahead += WAIT

    async def hold(clip: ClipId) -> bool:
        new = NewHold(None, (clip,), "a", "court", None, None, "Li")
        try:
            await desk.services.holds.place(new)
        except ClipDisposedError:
            return False
        return True

    holding = [asyncio.ensure_future(hold(clip)) for clip in reversed(clips)]
    await desk.services.executing.tick()
    held = dict(zip(reversed(clips), await asyncio.gather(*holding), strict=True))
    for clip, was_held in held.items():
        assert (await state(desk, clip) == ClipState.STORED) == was_held
        row = await desk.services.evidence.clip(clip)
        assert row is not None
        document = await desk.services.trails.of_clip(row)
        report = verify_trail(document, desk.services.log.anchors())
        assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    assert True in held.values()


async def test_forged_and_older_rules_shorten_nothing(desk: Office) -> None:
    _, (clip,) = await docked(desk.services, {"A.MP4": b"a"})
    await adopt(desk.services, version=3, keep=24)
    shorter = PACK.format(version=4, keep=1).encode()
    older = PACK.format(version=2, keep=1).encode()
    retention = desk.services.retention
    with pytest.raises(RulesUnsignedError):
        await retention.adopt(
            shorter, sign_pack(shorter, Ed25519Signer.generate()), by="x", why="y"
        )
    with pytest.raises(RulesUnsignedError):
        await retention.adopt(shorter, sign_pack(older, AUTHORITY), by="x", why="y")
    with pytest.raises(RulesOlderError):
        await retention.adopt(older, sign_pack(older, AUTHORITY), by="x", why="y")
    # A file that is put in the place of the adopted one is not read.
    (row, *_) = await retention.adopted()
    path = path_of(desk.services.store, row.key)
    path.unlink()
    path.write_bytes(shorter)
    retention._read = None
    desk.ahead += YEAR
    assert (await desk.propose(clip)).json()["code"] == "rules-missing"


async def test_untying_a_clip_from_its_case_takes_it_out_of_no_hold(desk: Office) -> None:
    _, (clip,) = await docked(desk.services, {"A.MP4": b"a"})
    await link_all(desk.services, "2026-1", [clip])
    held = {"case_no": "2026-1", "reason": "a", "authority": "court"}
    assert (await desk.supervisor.post("/api/v1/holds", json=held)).is_success
    gone = await desk.custodian.request(
        "DELETE", f"/api/v1/cases/2026-1/links/{clip}", json={"why": "wrong"}
    )
    assert gone.is_success
    desk.ahead += YEAR
    refused = (await desk.propose(clip)).json()
    assert (refused["code"], "held for court" in refused["detail"]) == ("not-due", True)


async def test_a_clip_that_was_handed_out_stays_until_its_pack_can_have_arrived(
    desk: Office,
) -> None:
    _, (clip,) = await docked(desk.services, {"A.MP4": b"a"})
    desk.ahead += YEAR
    asked = {"clip": str(clip), "reason": "a", "recipient": "court"}
    assert (await desk.custodian.post("/api/v1/exports", json=asked)).is_success
    assert (await desk.propose(clip)).json()["code"] == "not-due"
    desk.ahead += YEAR
    assert (await desk.propose(clip)).is_success


async def test_a_gateway_that_disposes_of_footage_by_itself_is_found_by_its_own_word(
    desk: Office,
) -> None:
    """An administrator states a tombstone with the gateway's key, and asks nobody."""
    services = desk.services
    _, (clip,) = await docked(services, {"A.MP4": b"a"})
    row = await services.evidence.clip(clip)
    assert row is not None
    body = ClipDisposed.model_validate(
        {
            "clip": str(clip),
            "disposal": "0" * 32,
            "size": row.size,
            "sha256": row.sha256.hex(),
            "root": row.root.hex(),
            "rules": {"version": 1, "sha256": "0" * 64},
            "why": (),
            "proposed": 1,
            "approved": 2,
        }
    )
    said = await services.log.append_own(body, clip.clip_urn)
    async with services.database.session() as session:
        await mark_disposed(session, body, said.index)
    await services.remover.settle()
    assert not path_of(services.store, object_key(clip)).exists()
    document = await services.trails.of_clip(row)
    report = verify_trail(document, services.log.anchors())
    assert report.verdict.outcome is Outcome.ALTERED
    assert "nobody had proposed it" in report.verdict.problems[0].reason


class DockOnTime(SimulatedDock):
    """A dock whose clock shows what it is told."""

    said = datetime(2026, 1, 1, tzinfo=UTC)
    source = ClockSource.NTP

    def reading(self, seq: int) -> ClockReading:
        text = self.said.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return super().reading(seq).model_copy(update={"utc": text, "source": self.source})


async def test_a_gateway_that_starts_with_a_wrong_clock_disposes_of_nothing(desk: Office) -> None:
    """Nothing on the host tells: it was off, and comes back in another year, kept by a bad NTP."""
    services, witness = desk.services, Ed25519Signer.generate()
    key = NoteKey("witness.example/w", witness.public, SignatureType.COSIGNATURE)
    sure, now, dock = services.sure_clock, services.clock.now, DockOnTime()
    sure._others = OtherClocks(services.database, [key])
    dock.said = now()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"})

    async def heard(said: datetime, source: ClockSource = ClockSource.NTP) -> None:
        dock.said, dock.source = said, source
        dock.append(ClipTagged(clip=str(clip), category="scene"))
        await admit(services, dock, dock.entries[-1:])

    await heard(now())
    desk.ahead += YEAR
    await sure.watch()
    refused = (await desk.propose(clip)).json()
    assert (refused["code"], "(dock7)" in refused["detail"]) == ("clock-unsure", True)
    await heard(now())
    await desk.approved(clip)
    await services.executing.tick()
    desk.ahead += WAIT + timedelta(days=40)
    await services.executing.tick()
    assert "another clock" in str(services.executing.blocked)
    # A clock that nobody keeps right is no witness; the log's last word is from long ago.
    await heard(now(), ClockSource.RTC)
    await services.executing.tick()
    assert "the log at the last start" in str(services.executing.blocked)
    assert await state(desk, clip) == ClipState.STORED
    note = cosign(services.log.checkpoint().note, witness, key.name, int(now().timestamp()))
    await services.cosigned.add(services.log.checkpoint().note, parse_note(note).of(key)[0])
    # Set back, it is as wrong.
    desk.ahead.set_by = -timedelta(hours=2)
    await services.executing.tick()
    assert "newest entry of the log" in str(services.executing.blocked)
    desk.ahead.set_by = timedelta()
    await services.executing.tick()
    assert await state(desk, clip) == ClipState.DISPOSED
