"""Footage whose time is over: two people, a waiting time, a second look, a tombstone, no bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from gateway.access.policy import POLICY, Act, Reach, Role
from gateway.accounts.models import Identity
from gateway.disposal.others import OtherClocks
from gateway.disposal.sureness import ClockUnsureError, SureClock
from gateway.evidence.models import ClipState
from gateway.evidence.service import leaf_list_key, object_key
from gateway.export.command import ExportWanted
from gateway.log.checking import Checked, check_store
from gateway.services import Services
from gateway.storage.local import LocalStore
from gateway.trail.checks import contents_match
from gateway.trail.client import ApiClient
from hashing.verdict import Finding, Outcome
from protocols.clock import ClockReading, ClockSource
from protocols.ids import ClipId
from protocols.progress import Quiet
from protocols.trail import verify_trail
from tests.simulators.disk import path_of
from tests.simulators.keeping import WAIT, YEAR, Ahead, Office, adopt, believed, docked, office
from tests.simulators.packs import exported
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import SyncBridge, api_of, gateway_on, link_all
from verifier.pack import verify_pack
from verifier.sources import opened

ABC = {"A.MP4": b"a" * 100, "B.MP4": b"b" * 200, "C.MP4": b"c" * 300}


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        yield await office(stack, services, tmp_path, monkeypatch)


async def state(services: Services, clip: ClipId) -> str:
    row = await services.evidence.clip(clip)
    assert row is not None
    return row.state


async def outcome(desk: Office, token: str) -> dict[str, str | None]:
    """What became of each clip of a disposal: None when it went."""
    told = (await desk.supervisor.get(f"/api/v1/disposals/{token}")).json()
    assert told["state"] == "closed", told
    return {each["clip"]: each["left_code"] for each in told["items"]}


async def test_what_is_due_goes_after_two_people_and_three_days_and_stays_on_record(
    desk: Office,
) -> None:
    services = desk.services
    _, (one, two, three) = await docked(services, ABC)
    await services.store.put_bytes(leaf_list_key(one), b"leaves")
    key = object_key(one)
    assert await services.store.set_aside(key) is not None
    assert (await desk.propose(one)).json()["code"] == "not-due"
    desk.ahead += YEAR
    page = (await desk.custodian.get("/api/v1/disposals/dry-run?limit=2")).json()
    assert [each["clip"] for each in page["clips"]] == [str(one), str(two)]
    assert page["clips"][0]["reasons"][1]["code"] == "rule:scene"
    rest = await desk.custodian.get(f"/api/v1/disposals/dry-run?cursor={page['next']}")
    assert [each["clip"] for each in rest.json()["clips"]] == [str(three)]
    token = await desk.approved(one, two)
    for hours in (0, 71):
        await desk.wait(timedelta(hours=hours))
        assert await state(services, one) == ClipState.STORED
    await desk.wait(timedelta(hours=2))
    assert await outcome(desk, token) == {str(one): None, str(two): None}
    assert not path_of(services.store, key).exists()
    assert not path_of(services.store, leaf_list_key(one)).exists()
    assert not path_of(services.store, f"damaged/{key}").exists()
    assert await state(services, one) == ClipState.DISPOSED
    assert await state(services, three) == ClipState.STORED
    kinds = [entry.kind for entry in await services.log.entries_of(one.clip_urn)]
    last = ["disposal.proposed", "disposal.approved", "clip.disposed", "disposal.closed"]
    assert kinds[-4:] == last
    for client in (desk.custodian, desk.supervisor):
        gone = await client.get(f"/api/v1/clips/{one}/content")
        assert (gone.status_code, gone.json()["code"]) == (410, "clip-disposed")
        assert "王警官 <wang>" in gone.json()["detail"]
        assert "王警官 <li>" in gone.json()["detail"]
        said = {"how": "play", "reason": "a"}
        assert (await client.post(f"/api/v1/clips/{one}/views", json=said)).status_code == 410
        assert (await client.head(f"/api/v1/clips/{one}/content")).status_code == 410
        assert (await client.get(f"/api/v1/clips/{one}/trail")).status_code == HTTPStatus.OK
    report = (await desk.custodian.get(f"/api/v1/disposals/{token}/report")).json()
    assert (report["gone"], report["gone_bytes"], report["wrong"]) == (2, 300, [])
    assert report["list_sha256"] == report["signed_list_sha256"]
    # Once more changes nothing.
    size = services.log.checkpoint().size
    await desk.wait()
    assert services.log.checkpoint().size == size


async def test_one_person_alone_disposes_of_nothing(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    token = (await desk.propose(clip)).json()["disposal"]
    at = f"/api/v1/disposals/{token}/approve"
    assert (await desk.custodian.post(at, json={"reason": "a"})).json()["code"] == "not-allowed"
    # Somebody who is both, under one account and under two with one officer number.
    both = (Role.CUSTODIAN, Role.SUPERVISOR)
    async with (
        await person(desk.services, *both, login="wu", officer="014032") as wu,
        await person(desk.services, *both, login="wu2", officer="014032") as again,
    ):
        other = await wu.post("/api/v1/disposals", json={"reason": "a", "clips": [str(clip)]})
        assert other.json()["code"] == "not-due", other.text
        await desk.supervisor.post(f"/api/v1/disposals/{token}/refuse", json={"reason": "a"})
        own = await wu.post("/api/v1/disposals", json={"reason": "a", "clips": [str(clip)]})
        for client in (wu, again):
            at = f"/api/v1/disposals/{own.json()['disposal']}/approve"
            assert (await client.post(at, json={"reason": "a"})).json()["code"] == "same-person"
    await desk.wait()
    assert await state(desk.services, clip) == ClipState.STORED


async def test_accounts_that_nothing_tells_apart_are_no_two_people(desk: Office) -> None:
    """One human may have two login names; a number, or a name at one provider, makes it two."""
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    asked = {"reason": "a", "clips": [str(clip)]}
    token = (await desk.propose(clip)).json()["disposal"]
    at = f"/api/v1/disposals/{token}/approve"
    async with (
        await person(desk.services, Role.CUSTODIAN, login="zhao") as nobody,
        await person(desk.services, Role.SUPERVISOR, login="qian") as other,
        await person(desk.services, Role.SUPERVISOR, login="sun", officer=" 0140\uff131") as typed,
    ):
        said = await nobody.post("/api/v1/disposals", json=asked)
        assert (said.status_code, said.json()["code"]) == (409, "person-unsure")
        assert (await other.post(at, json={"reason": "a"})).json()["code"] == "person-unsure"
        assert (await typed.post(at, json={"reason": "a"})).json()["code"] == "same-person"
        await knows(desk.services, "wang", "https://one.example")
        await knows(desk.services, "qian", "https://two.example")
        assert (await other.post(at, json={"reason": "a"})).json()["code"] == "person-unsure"
        await knows(desk.services, "qian", "https://one.example")
        assert (await other.post(at, json={"reason": "a"})).is_success


async def knows(services: Services, login: str, issuer: str) -> None:
    """Let a provider have a name for somebody."""
    account = await services.accounts.account(login)
    async with services.database.session() as session:
        session.add(Identity(issuer=issuer, subject=login, account=account.token))


async def test_why_a_classified_clip_is_kept_is_told_to_whom_it_is_for(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (clip, other, _) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    token = await desk.approved(clip, other)
    held = {"clips": [str(clip), str(other)], "authority": "informant", "reason": "a"}
    await desk.supervisor.post("/api/v1/holds", json=held)
    said = {"label": "secret", "why": "a"}
    assert (await desk.custodian.post(f"/api/v1/clips/{clip}/marks", json=said)).is_success
    await desk.wait()
    async with await person(desk.services, Role.AUDITOR, login="auditor") as auditor:
        for client, reasons in (
            (desk.supervisor, {"hold"}),
            (auditor, {"classified", "hold"}),
        ):
            for path in ("", "/report"):
                told = (await client.get(f"/api/v1/disposals/{token}{path}")).json()["items"]
                assert {each["left_code"] for each in told} == reasons
                assert ("informant" in str(told[0])) == (client is desk.supervisor)
    # Were a custodian not allowed to see it, neither would the dry run tell him.
    monkeypatch.setitem(POLICY, (Role.CUSTODIAN, Act.CLIPS_SECRET), Reach.NONE)
    page = await desk.custodian.get("/api/v1/disposals/dry-run?due_only=false")
    assert str(clip) not in page.text
    assert str(other) in page.text
    assert (await desk.propose(clip)).status_code == HTTPStatus.NOT_FOUND


async def test_programs_and_commands_neither_propose_nor_approve(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    token = (await desk.propose(clip)).json()["disposal"]
    shown = {"authorization": f"Bearer {await case_system(desk.services)}"}
    async with api_of(desk.services) as host, browser(desk.services, **shown) as program:
        for client, code in ((host, "not-a-person"), (program, "not-allowed")):
            for path, body in (
                ("", {"reason": "a", "clips": [str(clip)]}),
                (f"/{token}/approve", {"reason": "a"}),
                (f"/{token}/refuse", {"reason": "a"}),
                (f"/{token}/withdraw", {"reason": "a"}),
            ):
                said = await client.post(f"/api/v1/disposals{path}", json=body)
                assert (said.status_code, said.json()["code"]) == (403, code), path


async def test_what_happened_meanwhile_keeps_a_clip_and_the_reason_is_told(desk: Office) -> None:
    footage = {f"{name}.MP4": name.encode() for name in "ABCDE"}
    _, (gone, held, linked, exported, missing) = await docked(desk.services, footage)
    desk.ahead += YEAR
    token = await desk.approved(gone, held, linked, exported, missing)
    why = {"reason": "a", "authority": "法院"}
    await desk.supervisor.post("/api/v1/holds", json=why | {"clips": [str(held)]})
    await link_all(desk.services, "2026-1", [linked])
    async with api_of(desk.services) as host:
        handed = {"clip": str(exported), "reason": "a", "recipient": "b", "by": "Li"}
        assert (await host.post("/api/v1/exports", json=handed)).is_success
    async with desk.services.database.session() as session:
        from gateway.evidence.service import mark_missing  # noqa: PLC0415  # as the intake does

        await mark_missing(session, missing)
    await desk.wait()
    assert await outcome(desk, token) == {
        str(gone): None,
        str(held): "hold",
        str(linked): "case",
        str(exported): "exported",
        str(missing): "not-stored",
    }
    report = (await desk.custodian.get(f"/api/v1/disposals/{token}/report")).json()
    assert report["left_out"] == {"hold": 1, "case": 1, "exported": 1, "not-stored": 1}
    assert report["proposed"] == 5
    assert report["wrong"] == []


async def test_other_rules_than_those_that_were_read_dispose_of_nothing(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    token = await desk.approved(clip)
    await adopt(desk.services, version=2, keep=6)
    await desk.wait()
    assert await outcome(desk, token) == {str(clip): "rules-changed"}


async def test_a_disposal_is_refused_while_it_waits_and_withdrawn_by_who_proposed_it(
    desk: Office,
) -> None:
    _, (one, two, _) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    for clip, client, what in (
        (one, desk.supervisor, "refuse"),
        (two, desk.custodian, "withdraw"),
    ):
        token = await desk.approved(clip)
        said = await client.post(f"/api/v1/disposals/{token}/{what}", json={"reason": "a"})
        assert said.json()["state"] == "refused"
        again = await client.post(f"/api/v1/disposals/{token}/{what}", json={"reason": "a"})
        assert again.json()["code"] == "disposal-over"
    await desk.wait()
    assert {await state(desk.services, clip) for clip in (one, two)} == {"stored"}


async def test_nothing_is_approved_twice_or_after_it_was_refused(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    token = await desk.approved(clip)
    at = f"/api/v1/disposals/{token}"
    for what in ("approve", "refuse", "approve"):
        said = await desk.supervisor.post(f"{at}/{what}", json={"reason": "a"})
        assert (said.status_code == HTTPStatus.OK) == (what == "refuse")


async def test_a_list_without_names_is_what_is_due_within_reach(desk: Office) -> None:
    await docked(desk.services, ABC, "east", "市局/城东")
    _, west = await docked(desk.services, ABC, "west", "市局/城西")
    await docked(desk.services, ABC, "untagged", "市局/城西", tag=None)
    assert (await desk.propose()).json()["code"] == "nothing-due"
    desk.ahead += YEAR
    east = await person(
        desk.services, Role.CUSTODIAN, login="wu", unit="市局/城东", officer="014034"
    )
    top = await desk.propose(due={"unit": "市局/城西"})
    assert (top.json()["clips"], top.json()["unit"]) == (3, "市局/城西")
    detail = (await desk.custodian.get(f"/api/v1/disposals/{top.json()['disposal']}")).json()
    assert {each["clip"] for each in detail["items"]} == {str(clip) for clip in west}
    async with east:
        beyond = await east.get(f"/api/v1/disposals/{top.json()['disposal']}")
        assert (beyond.status_code, beyond.json()["code"]) == (404, "disposal-unknown")
        named = {"reason": "a", "clips": [str(west[0])]}
        assert (await east.post("/api/v1/disposals", json=named)).status_code == 404
        far = {"reason": "a", "due": {"unit": "市局/城西"}}
        assert (await east.post("/api/v1/disposals", json=far)).json()["code"] == "beyond-your-unit"
        # Who reaches both units puts no clip of one before the people of the other.
        mixed = await desk.propose(west[0], due={"unit": "市局/城东"})
        assert (mixed.status_code, mixed.json()["code"]) == (404, "not-found")
        mine = await east.post("/api/v1/disposals", json={"reason": "a"})
        assert (mine.json()["clips"], mine.json()["unit"]) == (3, "市局/城东")
        assert (await east.get("/api/v1/disposals/reconciliation")).status_code == 403
        listed = (await east.get("/api/v1/disposals")).json()["disposals"]
        assert [each["disposal"] for each in listed] == [mine.json()["disposal"]]


async def test_without_rules_nothing_is_proposed(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        believed(services)
        _, (clip, *_) = await docked(services, ABC)
        async with await person(services, Role.CUSTODIAN, officer="1") as client:
            asked = {"reason": "a", "clips": [str(clip)]}
            said = await client.post("/api/v1/disposals", json=asked)
            assert said.json()["code"] == "rules-missing"


async def test_a_disposed_clip_is_neither_repaired_nor_held_nor_proposed_again(
    desk: Office,
) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    await desk.approved(clip)
    await desk.wait()
    repairs = desk.services.repairs
    assert await repairs.clip(clip) is None
    assert clip not in [row.id async for row in repairs.clips()]
    why = {"reason": "a", "authority": "法院", "clips": [str(clip)]}
    held = await desk.supervisor.post("/api/v1/holds", json=why)
    assert held.json()["code"] == "clip-disposed"
    assert (await desk.propose(clip)).json()["code"] == "not-due"
    retention = (await desk.custodian.get(f"/api/v1/clips/{clip}/retention")).json()
    assert [each["code"] for each in retention["reasons"]] == ["not-stored"]


async def test_bytes_that_come_back_go_again(desk: Office) -> None:
    from gateway.evidence.service import mark_back, mark_missing  # noqa: PLC0415  # as the intake does

    services = desk.services
    _, (clip, *_) = await docked(services, ABC)
    desk.ahead += YEAR
    await desk.approved(clip)
    await desk.wait()
    await services.store.put_bytes(object_key(clip), b"a" * 100)
    counted = await services.reconciling.reconcile(store=True)
    assert counted.wrong == [f"{clip} has a tombstone, and its bytes are in the store"]
    async with services.database.session() as session:
        assert not await mark_missing(session, clip)
        assert await mark_back(session, clip)
    assert await state(services, clip) == ClipState.DISPOSED
    await services.executing.tick()
    assert (await services.reconciling.reconcile(store=True)).wrong == []


@pytest.mark.folder
async def test_every_clip_ever_sealed_is_counted_over(desk: Office) -> None:
    services = desk.services
    _, clips = await docked(services, ABC)
    desk.ahead += YEAR
    token = await desk.approved(*clips[:2])
    await desk.wait()
    counted = await services.reconciling.reconcile(store=True)
    assert (counted.sealed, counted.logged, counted.tombstones, counted.wrong) == (3, 3, 2, [])
    assert counted.states == {"disposed": 2, "stored": 1}
    assert (counted.stored_bytes, counted.disposed_bytes) == (300, 300)
    path_of(services.store, object_key(clips[2])).unlink()
    async with services.database.session() as session:
        from gateway.evidence.service import get_clip  # noqa: PLC0415  # somebody edits a row

        row = await get_clip(session, clips[0])
        assert row is not None
        row.state = ClipState.STORED.value
    wrong = (await services.reconciling.reconcile(store=True)).wrong
    assert len(wrong) == 3
    report = (await desk.custodian.get(f"/api/v1/disposals/{token}/report")).json()
    assert report["wrong"] == [f"{clips[0]} has a tombstone, and its row is stored"]


@pytest.mark.folder
async def test_what_was_disposed_of_is_known_again_to_a_database_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gateway"
    async with gateway_on(folder) as services, AsyncExitStack() as stack:
        desk = await office(stack, services, tmp_path, monkeypatch)
        _, (one, two, three) = await docked(services, ABC)
        desk.ahead += YEAR
        await desk.approved(one)
        await desk.wait()
        waiting = await desk.approved(two)
        before = (await desk.custodian.get("/api/v1/disposals")).json()["disposals"]
        before[1]["waited_s"] = 0.0
    forget_database(folder)
    async with gateway_on(folder) as services, api_of(services) as host:
        assert (await host.get("/api/v1/disposals")).json()["disposals"] == before
        assert await state(services, one) == ClipState.DISPOSED
        assert await state(services, three) == ClipState.STORED
        # The waiting begins anew: what was waited is on no record.
        believed(services)
        await services.executing.tick()
        desk.ahead += WAIT
        await services.executing.tick()
        told = (await host.get(f"/api/v1/disposals/{waiting}")).json()
        assert told["state"] == "closed"


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


# --- clocks ------------------------------------------------------------------------


async def test_a_clock_that_is_set_forward_ends_no_time_and_no_waiting(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead.set_by = YEAR
    async with await person(desk.services, Role.CUSTODIAN, login="wu", officer="1") as client:
        asked = {"reason": "a", "clips": [str(clip)]}
        said = await client.post("/api/v1/disposals", json=asked)
        assert said.json()["code"] == "clock-unsure"
    desk.ahead.set_by = timedelta()
    desk.ahead += YEAR
    token = await desk.approved(clip)
    await desk.services.executing.tick()
    desk.ahead.set_by = WAIT
    await desk.services.executing.tick()
    assert await state(desk.services, clip) == ClipState.STORED
    # Waited by the clock that nobody sets, and the other one shows a time that cannot be.
    desk.ahead += WAIT
    await desk.services.executing.tick()
    assert await state(desk.services, clip) == ClipState.STORED
    told = (await desk.supervisor.get(f"/api/v1/disposals/{token}")).json()
    assert "set forward" in told["blocked"]
    desk.ahead.set_by = timedelta()
    await desk.services.executing.tick()
    assert await outcome(desk, token) == {str(clip): None}


async def test_time_in_which_the_gateway_did_not_run_is_no_waiting(desk: Office) -> None:
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    await desk.approved(clip)
    await desk.services.executing.tick()
    desk.services.executing._ran.clear()  # as after a start
    desk.ahead += WAIT
    await desk.services.executing.tick()
    assert await state(desk.services, clip) == ClipState.STORED
    await desk.wait()
    assert await state(desk.services, clip) == ClipState.DISPOSED


async def test_a_clock_that_nobody_keeps_right_decides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gateway.clock import GatewayClock  # noqa: PLC0415  # patched here

    ahead = Ahead(monkeypatch)
    unsure = SureClock(GatewayClock(), synchronised=False)
    unsure.now()

    def said(source: ClockSource) -> None:
        reading = ClockReading(utc="x", source=source, error_ms=1, boot="b", monotonic_ns=1)
        monkeypatch.setattr(GatewayClock, "read", lambda _: reading)

    sure = SureClock(GatewayClock(), synchronised=True)
    for source in (ClockSource.RTC, ClockSource.UNSYNCHRONISED):
        said(source)
        with pytest.raises(ClockUnsureError):
            sure.now()
    said(ClockSource.NTP)
    await sure.watch()
    ahead += YEAR
    sure.now()
    ahead.set_by = timedelta(minutes=50)
    sure.now()
    ahead.set_by = timedelta(minutes=70)
    with pytest.raises(ClockUnsureError):
        sure.now()


async def test_where_no_other_clock_is_heard_of_a_gateway_that_runs_on_is_believed(
    desk: Office,
) -> None:
    sure = desk.services.sure_clock
    # As by docks without NTP and without a witness.
    sure._others = OtherClocks(desk.services.database, [])
    await sure.watch()
    desk.ahead += YEAR
    await sure.compared()
    await sure.watch()
    with pytest.raises(ClockUnsureError, match="the log at the last start"):
        await sure.compared()


# --- what others find ----------------------------------------------------------------


async def test_a_pack_of_a_disposed_clip_is_intact_and_says_that_nobody_has_the_bytes(
    desk: Office, tmp_path: Path
) -> None:
    trust = desk.services.log.anchors()
    _, (clip, *_) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    await desk.approved(clip)
    await desk.wait()
    wanted = ExportWanted(None, str(clip), "hearing", "court", "Li")
    made = await exported(desk.services, tmp_path / "pack", wanted)
    assert made.outcome is Outcome.INTACT, made.problems
    with opened(tmp_path / "pack") as source:
        checked = verify_pack(source, trust, Quiet())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert any(f"{clip} was disposed of" in note for note in checked.notes)
    report = (tmp_path / "pack" / "data" / "report.json").read_text()
    assert "到期处置" in (tmp_path / "pack" / "report.html").read_text()
    assert '"clip.disposed"' in report
    assert not list((tmp_path / "pack" / "data").rglob("*.MP4"))  # nothing else runs


async def test_a_trail_with_content_takes_what_is_gone_for_gone(desk: Office) -> None:
    trust = desk.services.log.anchors()
    _, (gone, taken, _) = await docked(desk.services, ABC)
    desk.ahead += YEAR
    await desk.approved(gone)
    await desk.wait()
    # Somebody removes another one without a word.
    path_of(desk.services.store, object_key(taken)).unlink()
    bridge = SyncBridge(desk.services)

    def look(clip: ClipId) -> Finding:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            report = verify_trail(client.clip_trail(clip), trust)
            (finding,) = contents_match(client, report.contents)
            return finding

    found = await asyncio.to_thread(look, gone)
    assert (found.outcome, "disposed of" in found.reason) == (Outcome.INTACT, True)
    assert (await asyncio.to_thread(look, taken)).outcome is Outcome.INCOMPLETE


@pytest.mark.folder
async def test_the_store_is_looked_through_for_what_is_gone_without_a_tombstone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gateway"
    async with gateway_on(folder) as services, AsyncExitStack() as stack:
        desk = await office(stack, services, tmp_path, monkeypatch)
        _, (gone, taken, kept) = await docked(services, ABC)
        desk.ahead += YEAR
        await desk.approved(gone, kept)
        await desk.wait()
        path_of(services.store, object_key(taken)).unlink()
        await services.store.put_bytes(object_key(kept), ABC["C.MP4"])
        keys = services.log._keys
    checked = Checked(
        store=LocalStore(folder / "store"),
        database=None,
        keys=keys,
        name="gateway",
        object_key=object_key,
        content=False,
    )
    problems = (await check_store(checked)).problems
    assert [(each.subject, each.reason.partition(";")[0]) for each in problems] == [
        (object_key(kept), "disposed of, and still in the store"),
        (object_key(taken), "is not in the store"),
    ]
