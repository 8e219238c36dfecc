"""``trail`` and ``log`` as commands: what they print, and what a lying gateway cannot hide."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import InvalidError
from gateway.evidence.service import object_key
from gateway.services import Services
from gateway.trail.client import ApiClient, ApiError
from gateway.trail.command import TrailAsked, show_trail
from gateway.trail.log_command import show_entry, show_log, verify_log
from hashing.keys import Es256Signer
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.ids import ClipId, case_urn, dock_urn
from protocols.kinds import CaseOpened, ClipLost, ClipStored, DockEnrolled, DockRevoked
from protocols.records import CheckpointRef
from protocols.trail import TrailDocument
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import (
    SyncBridge,
    admit,
    api_of,
    enrol,
    gateway_on,
    shift_end,
    state,
    store,
)

CASE_NO = "云商执2026/17号"
Alter = Callable[[dict[str, Any]], None]


class Liar(httpx.BaseTransport):
    """Alters the JSON of what a gateway answers at addresses that end in a word."""

    def __init__(self, inner: httpx.BaseTransport, ending: str, alter: Alter) -> None:
        self._inner = inner
        self._ending = ending
        self._alter = alter

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if not request.url.path.endswith(self._ending):
            return answer
        document = json.loads(answer.read())
        self._alter(document)
        return httpx.Response(200, json=document)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def clips(services: Services) -> list[ClipId]:
    """Two clips, both linked to one case."""
    dock = SimulatedDock()
    await enrol(services, dock)
    sealed = await shift_end(services, dock, {"A.MP4": footage(2_100_000), "B.MP4": b"b"})
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": CASE_NO, "by": "Li"})
        address = f"/api/v1/cases/{CASE_NO.replace('/', '%2F')}/links"
        for clip in sealed:
            link = {"clip": str(clip), "by": "Li", "why": "scene\u3002\nsecond line"}
            assert (await api.post(address, json=link)).status_code == 201
    return sealed


async def trail(
    services: Services,
    what: str = CASE_NO,
    *,
    anchors: Anchors | None = None,
    content: bool = False,
    whole_log: bool = False,
    as_json: bool = False,
    alter: Alter | None = None,
) -> tuple[int, str]:
    """Run the command against the gateway in this process, verified unless told otherwise."""
    bridge: httpx.BaseTransport = SyncBridge(services)
    if alter is not None:
        bridge = Liar(bridge, "/trail", alter)
    asked = TrailAsked(what, anchors or services.log.anchors(), content, whole_log, as_json)
    return await run(bridge, lambda client, write: show_trail(client, asked, write))


async def run(
    bridge: httpx.BaseTransport, command: Callable[[ApiClient, Callable[[str], object]], int]
) -> tuple[int, str]:
    said: list[str] = []

    def work() -> int:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            return command(client, said.append)

    return await asyncio.to_thread(work), "".join(said)


async def audited(
    services: Services, *, anchors: Anchors | None = None, alter: Alter | None = None
) -> tuple[int, str]:
    bridge: httpx.BaseTransport = SyncBridge(services)
    if alter is not None:
        bridge = Liar(bridge, "/entries", alter)
    trusted = anchors or services.log.anchors()
    return await run(
        bridge, lambda client, write: verify_log(client, trusted, write, as_json=False)
    )


# --- trail ---------------------------------------------------------------------------


async def test_the_trail_of_a_case_is_printed_in_order_and_verifies_with_its_contents(
    services: Services, clips: list[ClipId]
) -> None:
    code, text = await trail(services, content=True)
    assert code == 0, text
    lines = text.splitlines()
    assert lines[0].startswith(f"trail of {CASE_NO}: 12 entries of evidock/gateway/")
    assert [line.split()[0] for line in lines[2:14]] == [str(n) for n in range(12)]
    assert f"clip.stored: {clips[0]}" in text
    assert ": 2 sealed now; " in text
    assert "; 0 not taken" in text
    assert "the camera's clock said 2026-02-25T05:58:12" in text
    assert "\u00b112 ms" in text
    assert "step  2  the clip's bytes match the digests in its record: 2 of 2 intact" in text
    assert lines[14:][-3] == "verdict: intact"
    assert lines[-2].startswith("note: as of checkpoint 12")
    assert lines[-1] == "note: no witnesses are required by this trust file"


async def test_a_clip_may_be_asked_for_by_its_name(services: Services, clips: list[ClipId]) -> None:
    code, text = await trail(services, str(clips[1]), content=True)
    assert code == 0, text
    assert "record not disclosed" in text


@pytest.mark.usefixtures("clips")
async def test_a_case_numbered_like_a_clip_is_found(services: Services) -> None:
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": "dock9.0.1", "by": "Li"})
    code, text = await trail(services, "dock9.0.1")
    assert code == 0, text
    assert "case.opened: dock9.0.1" in text


async def test_the_json_form_holds_events_and_findings(
    services: Services, clips: list[ClipId]
) -> None:
    code, text = await trail(services, as_json=True)
    told = json.loads(text)
    assert code == told["verdict"]["exit_code"] == 0
    assert told["asked"] == CASE_NO
    assert any("add --content" in note for note in told["notes"])
    assert told["clips"] == [str(clip) for clip in clips]
    assert told["events"][0]["kind"] == "log.opened"
    assert all(finding["outcome"] == "intact" for finding in told["verdict"]["findings"])


@pytest.mark.usefixtures("clips")
async def test_without_keys_of_ones_own_nothing_is_called_verified(services: Services) -> None:
    asked = TrailAsked(CASE_NO, None, content=False, whole_log=False, as_json=False)
    code, text = await run(SyncBridge(services), lambda c, write: show_trail(c, asked, write))
    assert code == 0
    assert "not verified" in text
    assert "verdict" not in text
    for wanted in (replace(asked, content=True), replace(asked, whole_log=True)):
        with pytest.raises(InvalidError):
            await run(SyncBridge(services), partial(_show, wanted))


def _show(asked: TrailAsked, client: ApiClient, write: Callable[[str], object]) -> int:
    return show_trail(client, asked, write)


@pytest.mark.usefixtures("clips")
async def test_keys_of_another_gateway_verify_nothing(services: Services, tmp_path: Path) -> None:
    async with gateway_on(tmp_path / "other") as other:
        wrong = other.log.anchors()
        code, text = await trail(services, anchors=wrong)
        told = json.loads((await trail(services, anchors=wrong, as_json=True))[1])
    assert code >= Outcome.ALTERED.exit_code
    assert "verdict: intact" not in text
    says = f"this trust file is for the log {wrong.origin}, the gateway answers for "
    assert text.startswith(f"{says}{services.log.anchors().origin}: the wrong file, or another")
    assert told["notes"][0] == text.splitlines()[0]


@pytest.mark.usefixtures("clips")
async def test_problems_alike_are_told_five_times_and_counted_and_json_keeps_them_all(
    services: Services, tmp_path: Path
) -> None:
    async with gateway_on(tmp_path / "other") as other:
        wrong = other.log.anchors()
        _, text = await trail(services, anchors=wrong)
        _, json_text = await trail(services, anchors=wrong, as_json=True)
    findings = [
        finding
        for finding in json.loads(json_text)["verdict"]["findings"]
        if (finding["step"], finding["outcome"]) == (4, "unsigned")
    ]
    reasons = {finding["reason"] for finding in findings}
    assert (len(findings) > 5, len(reasons)) == (True, 1)
    lines = [line for line in text.splitlines() if line.startswith("  step  4  unsigned: ")]
    assert len(lines) == 6
    assert lines[-1].endswith(f"... and {len(findings) - 5} more like this")


@pytest.mark.usefixtures("clips")
async def test_a_name_of_nothing_is_neither_clip_nor_case(services: Services) -> None:
    with pytest.raises(ApiError, match=r"dock7\.0\.999: neither a clip nor a case of that name"):
        await trail(services, "dock7.0.999")


async def test_one_flipped_bit_of_stored_footage_is_found_and_named(
    services: Services, clips: list[ClipId]
) -> None:
    data = bytearray(footage(2_100_000))
    data[1_500_000] ^= 1
    await services.store.put_bytes(object_key(clips[0]), bytes(data))
    assert (await trail(services))[0] == 0
    code, text = await trail(services, content=True)
    assert code == Outcome.ALTERED.exit_code
    assert f"step  2  altered: {clips[0]}: 2100000 bytes with SHA-256" in text


async def test_footage_that_is_gone_or_cut_is_incomplete_or_altered(
    services: Services, clips: list[ClipId]
) -> None:
    await services.store.delete(object_key(clips[0]))
    code, text = await trail(services, content=True)
    assert code == Outcome.INCOMPLETE.exit_code
    assert f"incomplete: {clips[0]}: content not to be had" in text


def withhold_clip(document: dict[str, Any]) -> None:
    document["clips"] = document["clips"][:1]


def drop_newest_link(document: dict[str, Any]) -> None:
    document["entries"].pop(-2)
    document["clips"] = document["clips"][1:]


def flip_record(document: dict[str, Any]) -> None:
    record = document["entries"][4]["record"]
    document["entries"][4]["record"] = (
        record[:40] + ("A" if record[40] != "A" else "B") + record[41:]
    )


def swap_entries(document: dict[str, Any]) -> None:
    entries = document["entries"]
    entries[3], entries[4] = entries[4], entries[3]


def drop_dock_entry(document: dict[str, Any]) -> None:
    document["entries"].pop(4)


def no_entries(document: dict[str, Any]) -> None:
    document["entries"] = []


def foreign_clip(document: dict[str, Any]) -> None:
    document["clips"].append("dock7.0.0")


@pytest.mark.parametrize(
    ("alter", "outcome", "says"),
    [
        (withhold_clip, Outcome.INCOMPLETE, "linked but left out"),
        (drop_newest_link, Outcome.INCOMPLETE, "seq 1"),
        (flip_record, Outcome.ALTERED, "record"),
        (swap_entries, Outcome.ALTERED, "stands after entry"),
        (drop_dock_entry, Outcome.INCOMPLETE, "gap"),
        (no_entries, Outcome.INCOMPLETE, "no statement in it opens this case"),
        (foreign_clip, Outcome.ALTERED, "not linked to the case"),
    ],
)
@pytest.mark.usefixtures("clips")
async def test_what_a_lying_gateway_does_to_a_trail_is_found(
    services: Services, alter: Alter, outcome: Outcome, says: str
) -> None:
    code, text = await trail(services, alter=alter)
    assert code == outcome.exit_code, text
    assert says in text


async def test_another_cases_genuine_trail_is_no_answer(
    services: Services, clips: list[ClipId]
) -> None:
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": "other", "by": "Li"})
        other = (await api.get("/api/v1/cases/other/trail")).json()
        of_clip = (await api.get(f"/api/v1/clips/{clips[1]}/trail")).json()

    def answer(with_: dict[str, Any]) -> Alter:
        return lambda document: document.update(with_)

    code, text = await trail(services, alter=answer(other))
    assert (code, "opens another case" in text) == (Outcome.INCOMPLETE.exit_code, True)
    code, text = await trail(services, str(clips[0]), alter=answer(of_clip))
    assert (code, "about another clip" in text) == (Outcome.INCOMPLETE.exit_code, True)


async def test_a_gateway_that_states_it_stored_something_else_convicts_itself(
    services: Services,
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"}, stored=False)
    await services.store.put_bytes(object_key(clip), b"b")
    body = ClipStored(
        clip=str(clip),
        size=1,
        sha256="00" * 32,
        root="00" * 32,
        statement_hash="00" * 32,
        stores=("local",),
        read_back="fadvise",
    )
    await state(services, body, clip)
    code, text = await trail(services, str(clip))
    assert code == Outcome.ALTERED.exit_code
    assert "stored as something else than was sealed" in text


async def test_a_docks_word_that_it_is_stored_counts_for_nothing(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    (clip,) = await shift_end(services, dock, {"A.MP4": b"a"}, stored=False)
    digest = dock.clips[clip].digest
    body = ClipStored(
        clip=str(clip),
        size=digest.size,
        sha256=digest.sha256.hex(),
        root=digest.root.hex(),
        statement_hash="00" * 32,
        stores=("local",),
        read_back="fadvise",
    )
    dock.append(body, clip.clip_urn)
    await admit(services, dock, dock.entries[-1:])
    code, text = await trail(services, str(clip))
    assert code == Outcome.INCOMPLETE.exit_code
    assert f"incomplete: {clip}: not stored yet" in text


async def test_hostile_names_do_not_reach_the_terminal_as_they_are(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    session = dock.open_session(officer="\x1b]0;owned\x07")
    clip = dock.seal(session, b"a", name="\x1b[2J\u202egpj.MP4")
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    _, text = await trail(services, str(clip))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u001b[2J\\u202egpj.MP4" in text


@pytest.mark.usefixtures("clips")
async def test_an_answer_that_is_no_trail_is_an_error_and_no_verdict(services: Services) -> None:
    with pytest.raises(ApiError, match="something else"):
        await trail(services, alter=lambda document: document.update(v=2))
    with pytest.raises(ApiError, match="no case of exactly that number"):
        await trail(services, "unknown")


def cut_newest_link(document: dict[str, Any]) -> None:
    document["entries"].pop()
    document["clips"] = document["clips"][:1]


@pytest.mark.usefixtures("clips")
async def test_only_the_whole_log_shows_that_a_chain_was_cut_at_its_end(
    services: Services,
) -> None:
    assert (await trail(services, whole_log=True))[0] == 0
    code, text = await trail(services, alter=cut_newest_link)
    assert code == 0
    assert "could have been left out of this trail" in text
    code, text = await trail(services, alter=cut_newest_link, whole_log=True)
    assert code == Outcome.INCOMPLETE.exit_code
    assert "incomplete: entry 11: on urn:evidock:case:" in text
    assert "could have been left out" not in text


async def test_the_whole_log_holds_nothing_more_on_a_clips_trail(
    services: Services, clips: list[ClipId]
) -> None:
    code, text = await trail(services, str(clips[0]), whole_log=True)
    assert code == 0, text


@pytest.mark.usefixtures("clips")
async def test_a_trail_is_titled_with_what_was_asked(services: Services) -> None:
    def retitle(document: dict[str, Any]) -> None:
        document["about"]["case_no"] = "another case"

    _, text = await trail(services, alter=retitle)
    assert text.startswith(f"trail of {CASE_NO}: ")
    assert "another case" not in text


@pytest.mark.usefixtures("clips")
async def test_a_trail_continues_the_checkpoint_that_was_pinned_long_ago(
    services: Services,
) -> None:
    pinned = services.log.anchors()
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": "later", "by": "Li"})
    code, text = await trail(services, anchors=pinned)
    assert code == 0, text
    assert services.log.checkpoint().size > pinned.checkpoint.size

    def forget(document: dict[str, Any]) -> None:
        document["consistency"] = None

    code, text = await trail(services, anchors=pinned, alter=forget)
    assert code == Outcome.INCOMPLETE.exit_code
    assert "nothing proves that it continues the pinned checkpoint" in text


async def test_a_docks_entry_under_a_cases_name_spoils_no_trail(
    services: Services, clips: list[ClipId]
) -> None:
    case = await services.cases.case(CASE_NO)
    other = SimulatedDock("dock9")
    await enrol(services, other)
    other.append(ClipLost(clip=str(clips[0]), reason="poison"), case_urn(case.token))
    await admit(services, other, other.entries)
    code, text = await trail(services, whole_log=True)
    assert code == 0, text


# --- log -----------------------------------------------------------------------------


@pytest.mark.usefixtures("clips")
async def test_the_whole_log_verifies_and_names_the_first_wrong_entry_when_it_does_not(
    services: Services,
) -> None:
    pinned = services.log.anchors()
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": "later", "by": "Li"})
    code, text = await audited(services, anchors=pinned)
    assert code == 0, text
    assert "verdict: intact" in text

    def flip(page: dict[str, Any]) -> None:
        page["entries"][3]["record"] = page["entries"][4]["record"]

    code, text = await audited(services, alter=flip)
    assert code == Outcome.ALTERED.exit_code
    assert "altered: entry 3: record" in text
    assert "step  3  the record matches its statement: 12 of 13 entries intact" in text


@pytest.mark.usefixtures("clips")
async def test_verifying_the_log_says_how_many_entries_were_checked(services: Services) -> None:
    _, text = await audited(services)
    assert text.count("12 of 12 entries intact") == 3
    assert "checkpoint: intact, 12 entries build the tree that was signed" in text
    assert "1 of 1" not in text

    def spoil(page: dict[str, Any]) -> None:
        page["entries"][4]["statement"] = "AAAA"

    _, text = await audited(services, alter=spoil)
    assert "step  4" in text
    assert "12 of 12" not in text


@pytest.mark.usefixtures("clips")
async def test_a_log_with_one_entry_swapped_for_another_is_another_log(services: Services) -> None:
    def swap(page: dict[str, Any]) -> None:
        page["entries"][4]["statement"] = page["entries"][3]["statement"]

    code, text = await audited(services, alter=swap)
    assert code == Outcome.ALTERED.exit_code
    assert "not-logged: log: 12 entries build another tree than signed" in text


@pytest.mark.usefixtures("clips")
async def test_a_log_of_another_gateway_or_cut_short_is_refused(
    services: Services, tmp_path: Path
) -> None:
    async with gateway_on(tmp_path / "other") as other:
        wrong = other.log.anchors()
        code, text = await audited(services, anchors=wrong)
    assert code == Outcome.UNSIGNED.exit_code
    assert text.startswith(f"this trust file is for the log {wrong.origin}, ")
    with pytest.raises(ApiError, match="no entry 0"):
        await audited(services, alter=lambda page: page.update(entries=[]))


async def test_a_statement_by_a_key_the_log_never_enrolled_is_found(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    stranger = SimulatedDock("dock7", signer=Es256Signer.generate())
    stranger.boot()
    await admit(services, stranger, stranger.entries)
    code, text = await audited(services)
    assert code == Outcome.UNSIGNED.exit_code
    assert "unsigned: entry 2" in text


def enrolled(dock: SimulatedDock, signer: Es256Signer) -> DockEnrolled:
    public = signer.public
    return DockEnrolled(
        dock=dock.id, statement_key=public.pem(), kid=public.kid.hex(), how="by an insider"
    )


async def test_a_docks_key_that_is_swapped_in_the_log_is_found(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    forger = Es256Signer.generate()
    await services.log.append_own(enrolled(dock, forger), dock_urn(dock.id))
    dock.signer = forger
    dock.boot()
    await admit(services, dock, dock.entries)
    code, text = await audited(services)
    assert code == Outcome.UNSIGNED.exit_code
    assert "is enrolled again, under another key; the first one counts" in text


async def test_a_second_case_under_one_number_is_found(
    services: Services, clips: list[ClipId]
) -> None:
    twin = "ab" * 16
    body = CaseOpened(case=twin, case_no=CASE_NO, by="an insider")
    await services.log.append_own(body, case_urn(twin))
    code, text = await audited(services)
    assert code == Outcome.ALTERED.exit_code, clips
    assert "a second case is opened under the number" in text


async def test_a_log_that_is_not_the_one_a_dock_knew_is_found(services: Services) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    at = services.log.checkpoint()
    dock.accepted = CheckpointRef(size=at.size, root=at.root.hex())
    dock.boot()
    await admit(services, dock, dock.entries)
    assert (await audited(services))[0] == 0
    dock.accepted = CheckpointRef(size=at.size, root="ab" * 32)
    dock.boot()
    await admit(services, dock, dock.entries[-1:])
    code, text = await audited(services)
    assert (code, "knew another log of size 2" in text) == (Outcome.ALTERED.exit_code, True)
    dock.accepted = CheckpointRef(size=400, root="ab" * 32)
    dock.boot()
    await admit(services, dock, dock.entries[-1:])
    assert "which was not there yet" in (await audited(services))[1]


@pytest.mark.parametrize(("last", "outcome"), [(1, Outcome.REVOKED), (2, Outcome.INTACT)])
async def test_entries_beyond_the_last_trusted_one_are_found_though_logged_before(
    services: Services, last: int, outcome: Outcome
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    for _ in range(3):
        dock.boot()
    await admit(services, dock, dock.entries)
    body = DockRevoked(
        dock=dock.id,
        kid=dock.signer.public.kid.hex(),
        last_epoch=0,
        last_seq=last,
        reason="stolen",
    )
    await services.log.append_own(body, dock_urn(dock.id))
    assert (await audited(services))[0] == outcome.exit_code
    dock.boot()
    await admit(services, dock, dock.entries[-1:])
    assert (await audited(services))[0] == Outcome.REVOKED.exit_code


@pytest.mark.usefixtures("clips")
async def test_the_newest_entries_and_one_entry_are_shown(services: Services) -> None:
    code, text = await run(SyncBridge(services), show_log)
    assert code == 0
    assert "case.linked" in text
    assert services.log.anchors().origin in text
    code, text = await run(SyncBridge(services), lambda c, write: show_entry(c, 1, write))
    assert code == 0
    assert '"kind": "dock.enrolled"' in text
    assert "chain      seq 0 prev " + "00" * 32 in text
    with pytest.raises(ApiError):
        await run(SyncBridge(services), lambda c, write: show_entry(c, 99, write))


def test_trail_documents_of_this_gateway_are_plain_json() -> None:
    assert TrailDocument.from_json('{"about":{},"checkpoint":"","entries":[]}').v == 1
