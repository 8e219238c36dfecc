"""Rotation and revocation of docks' keys at the gateway: admitted, stated, set aside, rebuilt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, select, text

from gateway import migrations
from gateway.__main__ import main
from gateway.db import Database
from gateway.docks.keys import keys_of
from gateway.docks.models import Dock, DockKey
from gateway.docks.service import KeyTakenError
from gateway.errors import DockKeyDiffersError
from gateway.evidence.models import Clip
from gateway.intake import alarms
from gateway.intake.entries import Entries, Taken
from gateway.intake.leases import Held
from gateway.intake.models import Alarm, Lease, Quarantine, Refusal
from gateway.intake.revoking import RevocationWiderError
from gateway.log.service import Log
from gateway.services import Services
from gateway.trail.client import ApiClient
from hashing.keys import Es256Signer
from hashing.ledger import DockHead, next_dock_link
from hashing.verdict import Outcome
from protocols.ids import DockId, EntryId
from protocols.kinds import DockBooted, DockRevoked
from protocols.messages import Entry
from protocols.records import decode_record
from protocols.rotation import DockKeys, rotated
from protocols.trail import TrailDocument, verify_trail
from protocols.trail.whole import LoggedEntry, WholeLog
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.means import Sent, means_of
from tests.simulators.seeded import SyncBridge, api_of, gateway_on, store

WHO: dict[str, Any] = {"by": "Li Wei", "reason": "the dock was stolen"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


class Known:
    """An enrolled dock and its intake, as a worker has it."""

    def __init__(self, services: Services, dock: SimulatedDock) -> None:
        self.services, self.dock, self.old = services, dock, dock.signer

    async def take(self, entries: Sequence[Entry]) -> Taken:
        async with self.services.database.session() as session:
            now = self.services.clock.now()
            await session.merge(Lease(dock=self.dock.id, worker="w", term=1, expires_at=now))
        with means_of(self.services, Sent()) as means:
            intake = Entries(means, Held(self.dock.id, "w", 1))
            await intake.load()
            return await intake.take(entries)

    async def all(self) -> Taken:
        return await self.take(self.dock.entries[-64:])

    def forged(self, signer: Es256Signer, at: DockHead | None = None) -> Entry:
        link = next_dock_link(at or self.dock.head)
        return self.dock.forge(DockBooted(version="x", ledger_check="x"), link, signer=signer)


@pytest.fixture
async def known(services: Services) -> Known:
    dock = SimulatedDock()
    await services.docks.enrol(dock.id, dock.public_pem, "test")
    dock.boot()
    return Known(services, dock)


async def kinds(services: Services) -> list[str]:
    size = services.log.checkpoint().size
    return [decode_record((await services.log.entry(n)).record).kind for n in range(2, size)]


async def rows(services: Services, model: type[Any]) -> list[Any]:
    async with services.database.reading() as session:
        return list((await session.scalars(select(model))).all())


async def audit(services: Services) -> set[tuple[int, Outcome]]:
    log = WholeLog(services.log.anchors())
    checkpoint = services.log.checkpoint()
    for index in range(checkpoint.size):
        entry = await services.log.entry(index)
        log.take(LoggedEntry(index, entry.statement, entry.record))
    return {
        (each.step, each.outcome) for each in log.found.items if each.outcome is not Outcome.INTACT
    }


# --- rotation ---------------------------------------------------------------------------


async def test_a_rotation_in_the_middle_of_a_page_is_stated_before_what_follows(
    services: Services, known: Known
) -> None:
    known.dock.rotate()
    known.dock.boot()
    known.dock.rotate()
    known.dock.boot()
    taken = await known.all()
    assert (len(taken.logged), taken.refused) == (5, None)
    one = ["key.rotated", "dock.key.rotated", "dock.booted"]
    assert await kinds(services) == ["dock.booted", *one, *one]
    row = await services.docks.dock("dock7")
    assert row.kid == known.dock.signer.public.kid
    assert await audit(services) == set()


async def test_a_gateway_cut_off_before_it_stated_a_rotation_does_so_first(
    services: Services, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.dock.rotate()
    known.dock.boot()

    async def cut(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as power:
        power.setattr(Log, "append_own", cut)
        with pytest.raises(InterruptedError):
            await known.all()
    assert await kinds(services) == ["dock.booted", "key.rotated"]
    await known.all()
    assert await kinds(services) == [
        "dock.booted",
        "key.rotated",
        "dock.key.rotated",
        "dock.booted",
    ]
    assert await services.docks.confirm_rotations(known.dock.id) == 0


async def test_an_entry_by_a_key_that_was_given_up_is_refused_kept_and_an_alarm(
    services: Services, known: Known
) -> None:
    known.dock.rotate()
    await known.all()
    taken = await known.take([known.forged(known.old)])
    assert taken.refused is not None
    assert taken.refused[1].code == "key-given-up"
    assert "given up at entry 0.1" in taken.refused[1].reason
    (kept,) = await rows(services, Refusal)
    assert kept.statement
    assert {alarm.code for alarm in await rows(services, Alarm)} == {alarms.FORKED}


class Pretender:
    """Names a key that it does not hold."""

    def __init__(self, named: Es256Signer) -> None:
        self.public, self.algorithm = named.public, named.algorithm
        self.sign = Es256Signer.generate().sign


async def test_nobody_accuses_a_dock_by_naming_the_key_that_it_gave_up(
    services: Services, known: Known
) -> None:
    known.dock.rotate()
    await known.all()
    liar: Any = Pretender(known.old)
    taken = await known.take([known.forged(liar)])
    assert taken.refused is not None
    assert taken.refused[1].code == "statement-signature"
    assert await rows(services, Alarm) == []


async def test_a_dock_restored_from_before_its_rotation_is_seen(
    services: Services, known: Known
) -> None:
    """The old image goes on where it was: with the old key, at places that are taken."""
    at = known.dock.head
    known.dock.rotate()
    known.dock.boot()
    await known.all()
    forks = []
    for _ in range(3):
        forks.append(known.forged(known.old, at))
        at = DockHead(0, forks[-1].seq, b"x" * 32)
    for fork, code in zip(forks, ["chain-fork", "key-given-up", "key-given-up"], strict=True):
        taken = await known.take([fork])
        assert taken.refused is not None
        assert taken.refused[1].code == code
    assert {alarm.code for alarm in await rows(services, Alarm)} == {alarms.FORKED}
    assert len(await rows(services, Refusal)) == 3


@pytest.mark.parametrize("lie", [{"proof": "A" * 86 + "=="}, {"previous_key": "nonsense"}])
async def test_a_rotation_that_does_not_hold_is_set_aside_and_the_old_key_goes_on(
    services: Services, known: Known, lie: dict[str, Any]
) -> None:
    known.dock.rotate(**lie)
    known.dock.signer = known.old
    known.dock.boot()
    taken = await known.all()
    assert [each.doubt and each.doubt[0] for each in taken.logged] == [None, "key-proof", None]
    assert "dock.key.rotated" not in await kinds(services)
    refused = (await known.take([known.forged(Es256Signer.generate())])).refused
    assert refused is not None
    assert refused[1].code == "statement-signature"


async def test_a_rotation_copied_from_another_dock_or_place_is_set_aside(
    services: Services, known: Known
) -> None:
    body = rotated(known.dock.boot(), known.old.public, Es256Signer.generate())
    known.dock.append(body)
    taken = await known.all()
    assert [each.doubt and each.doubt[0] for each in taken.logged] == [None, None, "key-proof"]
    assert len(await rows(services, DockKey)) == 1


async def test_a_rotation_filed_under_another_dock_is_set_aside(
    services: Services, known: Known
) -> None:
    await known.all()
    link = next_dock_link(known.dock.head)
    name = EntryId(known.dock.id, link.epoch, link.seq)
    body = rotated(name, known.old.public, Es256Signer.generate())
    forged = known.dock.forge(body, link, subject="urn:evidock:dock:dock8")
    (logged,) = (await known.take([forged])).logged
    assert logged.doubt is not None
    assert logged.doubt[0] == "subject"
    assert len(await rows(services, DockKey)) == 1


async def test_a_rotation_by_the_wrong_key_is_not_admitted(known: Known) -> None:
    thief = Es256Signer.generate()
    known.dock.signer = thief
    known.dock.rotate()
    taken = await known.all()
    assert taken.refused is not None
    assert taken.refused[1].code == "statement-signature"


async def test_a_key_is_one_docks_for_ever(services: Services, known: Known) -> None:
    other = SimulatedDock("dock8")
    await services.docks.enrol(other.id, other.public_pem, "test")
    known.dock.rotate(other.signer)
    taken = await known.all()
    assert taken.logged[-1].doubt is not None
    assert taken.logged[-1].doubt[0] == "key-taken"
    known.dock.signer = known.old
    known.dock.rotate()
    await known.all()
    with pytest.raises(KeyTakenError, match="dock7"):
        await services.docks.enrol("dock9", known.old.public.pem(), "test")
    with pytest.raises(DockKeyDiffersError, match=r"gave this key up at its entry 0\.2"):
        await services.docks.enrol("dock7", known.old.public.pem(), "test")
    _, enrolled = await services.docks.enrol("dock7", known.dock.public_pem, "test")
    assert not enrolled


async def test_the_gateways_own_keys_are_no_docks(services: Services, known: Known) -> None:
    anchors = services.log.anchors()
    for key in (anchors.receipt_key, anchors.statement_key, anchors.checkpoint_key.key):
        with pytest.raises(KeyTakenError, match="the gateway itself"):
            await services.docks.enrol("dock9", key.pem(), "test")
    receipt = services.log._keys.receipt  # a gateway gone bad has it
    assert isinstance(receipt, Es256Signer)
    known.dock.rotate(receipt)
    taken = await known.all()
    assert taken.logged[-1].doubt is not None
    assert taken.logged[-1].doubt[0] == "key-taken"


async def test_rotations_come_back_when_the_database_is_lost(tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await services.docks.enrol(dock.id, dock.public_pem, "test")
        dock.boot()
        dock.rotate()
        known = Known(services, dock)
        (clip,) = dock.shift_end({"A.MP4": footage(9)})
        await known.all()
        await store(services, dock.clips[clip])
        await services.revoking.revoke("dock7", (0, dock.entries[-1].seq), **WHO)
        before = await _state(services)
    lose_database(tmp_path)
    async with gateway_on(tmp_path) as services:
        assert await _state(services) == before
        known = Known(services, dock)
        dock.boot()
        assert (await known.all()).refused is None


@pytest.mark.parametrize("gone", [False, True])
async def test_a_store_is_checked_against_every_key_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, gone: bool
) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await services.docks.enrol(dock.id, dock.public_pem, "test")
        for _ in range(2):
            dock.boot()
            dock.rotate()
        dock.boot()
        await Known(services, dock).all()
    if gone:
        lose_database(tmp_path)
    asked = ["log", "check-store", "--data-dir", str(tmp_path)]
    assert await asyncio.to_thread(main, asked) == 0, capsys.readouterr().out


def lose_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def _state(services: Services) -> list[Any]:
    keys = [
        (k.kid, k.dock, k.epoch, k.seq, k.entry_index, k.stated_index)
        for k in await rows(services, DockKey)
    ]
    docks = [(d.id, d.kid, d.revoked_index, d.trusted_seq) for d in await rows(services, Dock)]
    aside = [(q.seq, q.code, q.reason) for q in await rows(services, Quarantine)]
    clips = [(c.seq, c.state, c.note) for c in await rows(services, Clip)]
    up = [(a.code, a.cleared, a.text) for a in await rows(services, Alarm)]
    return [sorted(each, key=str) for each in (keys, docks, aside, clips, up)]


async def test_the_trail_of_a_clip_proves_the_key_that_sealed_it(
    services: Services, known: Known
) -> None:
    await known.all()
    known.dock.rotate()
    (clip,) = known.dock.shift_end({"A.MP4": footage(9)})
    await known.all()
    await store(services, known.dock.clips[clip])
    async with api_of(services) as api:
        answer = await api.get(f"/api/v1/clips/{clip}/trail")
    report = verify_trail(TrailDocument.from_json(answer.content), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems


# --- revocation -------------------------------------------------------------------------


async def test_a_revocation_is_stated_once_and_only_narrows(
    services: Services, known: Known
) -> None:
    await with_entries(known, 40)
    followed: list[DockId] = []

    async def follow(dock: DockId) -> None:
        followed.append(dock)

    services.revoking.on_revoked(follow)
    async with api_of(services) as api:
        asked = {"last_epoch": 0, "last_seq": 40, **WHO}
        answers = [await api.post("/api/v1/docks/dock7/revocation", json=asked) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        size = services.log.checkpoint().size
        wider = await api.post("/api/v1/docks/dock7/revocation", json={**asked, "last_seq": 41})
        assert wider.status_code == 409
        assert "0.40 only" in wider.text
        assert services.log.checkpoint().size == size
        narrow = await api.post("/api/v1/docks/dock7/revocation", json={**asked, "last_seq": 0})
        assert narrow.json()["revoked"]["trusted_seq"] == 0
        stranger = await api.post("/api/v1/docks/dock9/revocation", json=asked)
        assert stranger.status_code == 404
    assert followed == ["dock7"] * 3
    body = decode_record((await services.log.entry(size)).record).body
    assert isinstance(body, DockRevoked)
    assert (body.by, body.reason, body.last_seq) == (*WHO.values(), 0)


async def with_entries(known: Known, last: int) -> None:
    while known.dock.entries[-1].seq < last:
        known.dock.boot()
    await known.all()


async def test_an_entry_beyond_the_log_revokes_nothing_and_is_refused(
    services: Services, known: Known
) -> None:
    async with api_of(services) as api:

        async def revoke(seq: int, **more: bool) -> tuple[int, str]:
            asked = {"last_epoch": 0, "last_seq": seq, **WHO, **more}
            answer = await api.post("/api/v1/docks/dock7/revocation", json=asked)
            return answer.status_code, answer.text

        code, said = await revoke(1)
        assert (code, "nothing of dock7 is logged" in said, "0.0" in said) == (409, True, True)
        await with_entries(known, 4)
        size = services.log.checkpoint().size
        for seq in (5, 99):
            code, said = await revoke(seq)
            assert (code, "beyond its entry 0.4" in said) == (409, True)
        assert services.log.checkpoint().size == size
        assert (await services.docks.dock("dock7")).trusted_seq is None
        assert (await revoke(99, not_logged_yet=True))[0] == 201
        # Decided it is: the same again is no mistake, and a number beyond it is the older refusal.
        assert (await revoke(99))[0] == 200
        code, said = await revoke(100)
        assert (code, "0.99 only" in said) == (409, True)
        assert (await revoke(4))[0] == 201


async def test_what_comes_after_a_revocation_is_logged_and_set_aside(
    services: Services, known: Known
) -> None:
    await services.revoking.revoke("dock7", (0, 0), **WHO)
    known.dock.shift_end({"A.MP4": footage(9)})
    taken = await known.all()
    assert taken.refused is None
    assert [each.doubt and each.doubt[0] for each in taken.logged] == [None, *["revoked"] * 4]
    assert await rows(services, Clip) == []
    assert {alarm.code for alarm in await rows(services, Alarm)} == {alarms.BEYOND}
    await services.decisions.settle_alarm("dock7", alarms.BEYOND, **WHO)


async def test_a_revocation_reaches_back_over_what_is_logged(
    services: Services, known: Known
) -> None:
    clips = [*known.dock.shift_end({"A.MP4": footage(9)}), *known.dock.shift_end({"B": footage(8)})]
    await known.all()
    await store(services, known.dock.clips[clips[0]])
    await services.revoking.revoke("dock7", (0, 4), **WHO)
    states = {row.seq: row.state for row in await rows(services, Clip)}
    assert states == {clips[0].seq: "stored", clips[1].seq: "refused"}
    aside = {row.seq for row in await rows(services, Quarantine)}
    assert aside == {entry.seq for entry in known.dock.entries if entry.seq > 4}
    await services.revoking.revoke("dock7", (0, 2), **WHO)
    assert len(await rows(services, Quarantine)) == len(known.dock.entries) - 3
    assert {alarm.code for alarm in await rows(services, Alarm)} == {alarms.BEYOND}


async def test_a_thief_who_rotates_a_revoked_key_gains_nothing(
    services: Services, known: Known
) -> None:
    await known.all()
    await services.revoking.revoke("dock7", (0, 0), **WHO)
    known.dock.rotate()
    known.dock.shift_end({"A.MP4": footage(9)})
    taken = await known.all()
    assert {each.doubt and each.doubt[0] for each in taken.logged} == {"revoked"}
    assert (await services.docks.dock("dock7")).kid == known.old.public.kid
    assert await rows(services, Clip) == []
    assert await audit(services) == {(4, Outcome.REVOKED)}


async def test_a_clip_from_before_the_revocation_stays_valid(
    services: Services, known: Known
) -> None:
    (clip,) = known.dock.shift_end({"A.MP4": footage(9)})
    last = known.dock.entries[-1].seq
    known.dock.rotate()
    known.dock.boot()
    await known.all()
    await store(services, known.dock.clips[clip])
    await services.revoking.revoke("dock7", (0, last), **WHO)
    async with api_of(services) as api:
        answer = await api.get(f"/api/v1/clips/{clip}/trail")
    report = verify_trail(TrailDocument.from_json(answer.content), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems


async def test_narrower_is_the_only_way(services: Services, known: Known) -> None:
    await with_entries(known, 5)
    await services.revoking.revoke("dock7", (0, 5), **WHO)
    with pytest.raises(RevocationWiderError, match=r"0\.5 only"):
        await services.revoking.revoke("dock7", (1, 0), **WHO)
    assert known.dock.id == "dock7"


async def test_the_command_says_what_it_means(
    services: Services,
    known: Known,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bridge = SyncBridge(services)
    monkeypatch.setattr(
        "gateway.commands.docks.ApiClient", lambda url: ApiClient(url, transport=bridge)
    )
    who = [word for name, text in WHO.items() for word in (f"--{name}", text)]
    await with_entries(known, 30)
    far = ["--last", "0.40", "--not-logged-yet"]
    assert await asyncio.to_thread(main, ["revoke", "dock7", "--last", "0.99", *who]) == 1
    assert "beyond its entry 0.30" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["revoke", "dock7", *far, *who]) == 0
    for last, code, says in [
        ("0.40", 0, "trusted up to its entry 0.40"),
        ("0.40", 0, "trusted up to its entry 0.40"),
        ("0.41", 1, "0.40 only"),
        ("1.0", 1, "0.40 only"),
        ("0.3", 0, "trusted up to its entry 0.3"),
    ]:
        asked = ["revoke", "dock7", "--last", last, *who]
        assert await asyncio.to_thread(main, asked) == code
        told = capsys.readouterr()
        assert says in told.out + told.err
    for wrong in ("40", "0.", "x.1", "0.-1", "1.2.3"):
        with pytest.raises(SystemExit):
            main(["revoke", "dock7", "--last", wrong, *who])
    assert (await services.docks.dock(known.dock.id)).trusted_seq == 3


# --- a database of before ---------------------------------------------------------------


def _as_of(connection: Connection, revision: str) -> None:
    config = AlembicConfig(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    command.upgrade(config, revision)


async def test_a_database_of_before_gets_the_first_keys_of_its_docks(tmp_path: Path) -> None:
    key = Es256Signer.generate().public
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(_as_of, "0003")
        await connection.execute(
            text(
                "INSERT INTO dock (id, statement_key, kid, how, enrolled_index)"
                " VALUES ('dock7', :pem, :kid, 'test', 4)"
            ),
            {"pem": key.pem(), "kid": key.kid},
        )
    await database.upgrade()
    async with database.reading() as session:
        (row,) = (await session.scalars(select(DockKey))).all()
        assert (row.kid, row.dock, row.epoch, row.seq) == (key.kid, "dock7", None, None)
        assert (row.entry_index, row.stated_index) == (4, 4)
        assert await keys_of(session, DockId("dock7")) == DockKeys(key)
    await database.close()
