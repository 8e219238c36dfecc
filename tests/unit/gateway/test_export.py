"""Handing clips out: on record first, resumed after a cut, never half a pack that looks whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.errors import ConflictError, GatewayError, SetupError
from gateway.evidence.service import leaf_list_key, object_key
from gateway.export import service
from gateway.export.command import PLAIN, ExportWanted, Manner, export_pack
from gateway.export.fetching import NotAsSealedError
from gateway.services import Services
from gateway.trail.client import ApiClient, ApiError
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.ids import ClipId, dock_urn
from protocols.kinds import ClipExported, DockRevoked
from protocols.pack import layout
from protocols.progress import Quiet
from protocols.records import decode_record
from tests.simulators.disk import path_of
from tests.simulators.packs import CASE_NO, FIRST, WANTED, exported, filled
from tests.simulators.seeded import SyncBridge, api_of, gateway_on
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

ASKED = {"reason": "hearing", "recipient": "court", "by": "Li"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as running:
        yield running


@pytest.fixture
async def clips(services: Services) -> list[ClipId]:
    return (await filled(services))[0]


def verified(pack: Path, trust: Anchors | None = None) -> Checked:
    with opened(pack) as source:
        return verify_pack(source, trust, Quiet())


async def acts(services: Services) -> list[ClipExported]:
    rows, _ = await services.log.page(0, 200, most_bytes=8 << 20)
    bodies = [decode_record(row.record).body for row in rows]
    return [body for body in bodies if isinstance(body, ClipExported)]


async def test_every_clip_that_is_handed_out_says_so_in_its_own_chain(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    verdict = await exported(services, tmp_path / "pack")
    assert verdict.outcome is Outcome.INTACT, verdict.problems
    said = await acts(services)
    assert [body.clip for body in said] == [str(clip) for clip in clips[:2]]
    assert {(body.export, body.recipient, body.by) for body in said} == {
        (1, WANTED.recipient, WANTED.by)
    }
    assert all(body.original for body in said)
    assert not (tmp_path / ".pack.partial").exists()


async def test_exports_are_numbered_and_can_be_looked_up(
    services: Services, clips: list[ClipId]
) -> None:
    async with api_of(services) as api:
        for number in (1, 2):
            said = await api.post("/api/v1/exports", json={"clip": str(clips[2]), **ASKED})
            assert said.status_code == 201
            assert said.json()["number"] == number
        told = (await api.get("/api/v1/exports/2")).json()
        assert (told["clips"], told["recipient"]) == ([str(clips[2])], "court")
        assert (await api.get("/api/v1/exports/3")).status_code == 404


async def test_a_gateway_that_was_cut_between_the_acts_of_one_export_goes_on_with_the_rest(
    services: Services, clips: list[ClipId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_ACTS_AT_ONCE", 1)
    asked = {"case_no": CASE_NO, **ASKED, "key": "0123456789abcdef"}

    def cut(point: str) -> None:
        assert point == "export.acts-logged"
        raise GatewayError(point)

    async with api_of(services) as api:
        with monkeypatch.context() as cutting:
            cutting.setattr(service, "reach", cut)
            assert (await api.post("/api/v1/exports", json=asked)).status_code >= 500
        assert len(await acts(services)) == 1
        for _ in range(2):
            said = await api.post("/api/v1/exports", json=asked)
            assert said.status_code == 201
            assert (said.json()["number"], len(said.json()["indices"])) == (1, 2)
    assert [body.clip for body in await acts(services)] == [str(clip) for clip in clips[:2]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**ASKED}, 422),
        ({**ASKED, "clip": "dock7.0.3", "case_no": CASE_NO}, 422),
        ({**ASKED, "reason": " ", "case_no": CASE_NO}, 422),
        ({"case_no": CASE_NO, "recipient": "court", "by": "Li"}, 422),
        ({**ASKED, "case_no": "none"}, 404),
        ({**ASKED, "clip": "dock7.0.99"}, 404),
    ],
)
async def test_nothing_is_handed_out_without_case_reason_and_recipient(
    services: Services, clips: list[ClipId], body: dict[str, str], status: int
) -> None:
    assert clips
    async with api_of(services) as api:
        assert (await api.post("/api/v1/exports", json=body)).status_code == status
    assert await acts(services) == []


async def test_one_clip_can_be_handed_out_by_itself(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    wanted = ExportWanted(None, str(clips[2]), "viewing", "lawyer", "Li")
    await exported(services, tmp_path / "pack", wanted)
    checked = verified(tmp_path / "pack", services.log.anchors())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert checked.about == str(clips[2])
    # Of the others in its docking only what no chain can spare goes along.
    there = (tmp_path / "pack" / layout.MANIFEST).read_text()
    assert [line.split("/")[2] for line in there.splitlines() if layout.ORIGINALS in line] == [
        str(clips[2])
    ]


async def test_a_clip_whose_bytes_are_gone_makes_the_pack_incomplete_and_says_so(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    await services.store.delete(object_key(clips[0]))
    verdict = await exported(services, tmp_path / "pack")
    assert verdict.outcome is Outcome.INCOMPLETE
    checked = verified(tmp_path / "pack", services.log.anchors())
    (problem,) = checked.verdict.problems
    assert (problem.step, problem.outcome, problem.subject) == (
        2,
        Outcome.INCOMPLETE,
        str(clips[0]),
    )
    assert "does not have its bytes" in problem.reason


async def test_what_is_not_as_sealed_is_not_delivered(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    await services.store.put_bytes(object_key(clips[0]), FIRST[:-1] + b"x")
    with pytest.raises(NotAsSealedError, match=str(clips[0])):
        await exported(services, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


async def test_a_pack_is_never_written_over_anything(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    (tmp_path / "pack").symlink_to("/nowhere")
    with pytest.raises(SetupError, match="is there already"):
        await exported(services, tmp_path / "pack")
    assert await acts(services) == []


class CutOff(httpx.BaseTransport):
    """A network that fails after so many bytes of content."""

    def __init__(self, inner: httpx.BaseTransport, after: int) -> None:
        self._inner = inner
        self._after = after
        self.ranges: list[str | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if not request.url.path.endswith("/content"):
            return answer
        self.ranges.append(request.headers.get("range"))
        data = answer.read()
        if self._after >= len(data):
            return httpx.Response(answer.status_code, stream=httpx.ByteStream(data))
        return httpx.Response(answer.status_code, stream=Broken(data[: self._after]))


class Broken(httpx.SyncByteStream):
    """Some bytes, then nothing more."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data
        msg = "cut off"
        raise httpx.ReadError(msg)


async def run(
    transport: httpx.BaseTransport,
    out: Path,
    wanted: ExportWanted = WANTED,
    manner: Manner = PLAIN,
) -> Outcome:
    def act() -> Outcome:
        with ApiClient("http://127.0.0.1:8080", transport=transport) as client:
            return export_pack(client, wanted, out, lambda _: None, manner).outcome

    return await asyncio.to_thread(act)


async def test_a_cut_leaves_no_pack_and_the_same_command_goes_on_where_it_was(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    out, bridge = tmp_path / "pack", SyncBridge(services)
    with pytest.raises(ApiError):
        await run(CutOff(bridge, 1_100_000), out)
    assert not out.exists()
    going_on = CutOff(bridge, 10 << 20)
    assert await run(going_on, out) is Outcome.INTACT
    assert going_on.ranges[0] == "bytes=1048576-"
    assert len(await acts(services)) == 2, "one export, though it took two runs"
    assert verified(out, services.log.anchors()).verdict.outcome is Outcome.INTACT


@pytest.mark.folder
async def test_originals_are_read_from_the_store_when_it_is_at_hand(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    store = Manner(store=path_of(services.store, "clips").parents[1])
    names = list(map(str, clips[:2]))
    watched = CutOff(SyncBridge(services), 0)
    assert await run(watched, tmp_path / "pack", manner=store) is Outcome.INTACT
    assert watched.ranges == [], "not one byte over HTTP"
    assert verified(tmp_path / "pack", services.log.anchors()).verdict.outcome is Outcome.INTACT
    lists = {name: tmp_path / "pack/data/leaves" / f"{name}.sha256" for name in names}
    # A list that leads elsewhere is not believed, whoever keeps it.
    for clip in clips[:2]:
        good = lists[str(clip)].read_bytes()
        await services.store.put_bytes(leaf_list_key(clip), bytes(len(good)))
    assert await run(watched, tmp_path / "again", manner=store) is Outcome.INTACT
    for name, path in lists.items():
        assert (tmp_path / "again/data/leaves" / f"{name}.sha256").read_bytes() == path.read_bytes()
    # A good list does not hide that the bytes are others.
    for clip in clips[:2]:
        await services.store.put_bytes(leaf_list_key(clip), lists[str(clip)].read_bytes())
    await services.store.put_bytes(object_key(clips[0]), FIRST[:-1] + b"x")
    with pytest.raises(NotAsSealedError, match=str(clips[0])):
        await run(watched, tmp_path / "spoilt", manner=store)
    with pytest.raises(SetupError, match="run again"):
        await run(watched, tmp_path / "nowhere", manner=Manner(store=tmp_path / "none"))
    assert not (tmp_path / "spoilt").exists()
    assert not (tmp_path / "nowhere").exists()


async def test_what_a_cut_tore_is_fetched_anew(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    out, bridge = tmp_path / "pack", SyncBridge(services)
    with pytest.raises(ApiError):
        await run(CutOff(bridge, 1_100_000), out)
    torn = tmp_path / ".pack.partial/pack/data/originals/dock7.0.3/_.MP4"
    os.truncate(torn, 100)
    os.truncate(torn, 1_000_000)
    assert await run(bridge, out) is Outcome.INTACT
    assert verified(out, services.log.anchors()).verdict.outcome is Outcome.INTACT


async def test_what_lies_half_done_is_not_finished_under_another_reason(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    out, bridge = tmp_path / "pack", SyncBridge(services)
    with pytest.raises(ApiError):
        await run(CutOff(bridge, 10), out)
    with pytest.raises(SetupError, match="half done"):
        await run(bridge, out, replace(WANTED, recipient="somebody else"))


async def test_two_runs_do_not_write_one_pack(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    out, bridge = tmp_path / "pack", SyncBridge(services)

    class Meanwhile(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            client = ApiClient("http://127.0.0.1:8080", transport=bridge)
            with client, pytest.raises(ConflictError, match="another run"):
                export_pack(client, WANTED, out, lambda _: None)
            return bridge.handle_request(request)

    assert await run(Meanwhile(), out) is Outcome.INTACT


async def test_a_clip_of_a_dock_whose_key_was_stolen_before_is_revoked_in_its_pack(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    kid = (await services.docks.key(clips[0].dock) or services.log.anchors().statement_key).kid
    body = DockRevoked(dock=clips[0].dock, kid=kid.hex(), last_epoch=0, last_seq=2, reason="stolen")
    await services.log.append_own(body, dock_urn(clips[0].dock))
    verdict = await exported(services, tmp_path / "pack")
    assert verdict.outcome is Outcome.REVOKED
    checked = verified(tmp_path / "pack", services.log.anchors())
    assert checked.verdict.exit_code == Outcome.REVOKED.exit_code
    assert {each.outcome for each in checked.verdict.problems} == {Outcome.REVOKED}
    assert "完整" not in (tmp_path / "pack" / layout.PAGE).read_text().split("</h1>")[1][:200]


async def test_a_link_made_meanwhile_asks_for_another_export(
    services: Services, clips: list[ClipId]
) -> None:
    async with api_of(services) as api:
        number = (await api.post("/api/v1/exports", json={"case_no": CASE_NO, **ASKED})).json()
        link = {"clip": str(clips[2]), "by": "Li", "why": "scene"}
        await api.post(f"/api/v1/cases/{CASE_NO}/links", json=link)
        said = await api.get(f"/api/v1/exports/{number['number']}/dossier")
        assert said.status_code == 409
        assert "export again" in said.json()["detail"]


async def test_a_case_without_clips_is_not_exported(services: Services) -> None:
    async with api_of(services) as api:
        await api.post("/api/v1/cases", json={"case_no": "empty", "by": "Li"})
        said = await api.post("/api/v1/exports", json={"case_no": "empty", **ASKED})
        assert said.status_code in {400, 422}


async def test_the_report_of_a_pack_is_escaped_and_names_what_it_cannot_show(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    assert clips
    wanted = replace(WANTED, recipient="<script>alert(1)</script>")
    await exported(services, tmp_path / "pack", wanted)
    page = (tmp_path / "pack" / layout.PAGE).read_text()
    assert "for you to check: this page was made before the list of files existed" in page
    assert "由您自己核验" in page
    assert "the exporter's own word, and not signed" in page
    assert "未经签名" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    for words in ("电子数据完整性报告", "Integrity report", "FRE 902(14)", "本包不能证明的事项"):
        assert words in page
