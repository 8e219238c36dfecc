"""Clips over HTTP: lists, content, proofs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.evidence.service import leaf_list_key, object_key
from gateway.services import Services
from hashing.note import open_checkpoint
from hashing.receipt import decode_receipt, verify_receipt
from hashing.statement import decode_transparent, verify_record, verify_statement
from protocols.ids import ClipId
from protocols.kinds import Media
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, shift_end, store

VIDEO = footage(2_500_000)


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


@pytest.fixture
async def dock(services: Services) -> SimulatedDock:
    made = SimulatedDock()
    await enrol(services, made)
    return made


@pytest.fixture
async def clip(services: Services, dock: SimulatedDock) -> ClipId:
    (sealed,) = await shift_end(services, dock, {"REC1.MP4": VIDEO})
    return sealed


# --- lists ---------------------------------------------------------------------------


async def test_a_clip_is_told_with_its_digests_and_log_positions(
    api: httpx.AsyncClient, clip: ClipId
) -> None:
    told = (await api.get(f"/api/v1/clips/{clip}")).json()
    assert told["clip"] == str(clip)
    assert told["state"] == "stored"
    assert told["size"] == told["received_bytes"] == len(VIDEO)
    assert told["sha256"] == hashlib.sha256(VIDEO).hexdigest()
    assert told["path"] == "DCIM/REC1.MP4"
    assert told["entry_index"] < told["stored_index"]
    assert told["erased_index"] is None
    assert told["links"] == []
    assert told["sealed_clock"]["source"] == "ntp"


async def test_clips_are_listed_from_the_newest_back_page_by_page_without_gap_or_repeat(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    names = {f"R{n}.MP4": footage(n, str(n)) for n in range(7)}
    sealed = await shift_end(services, dock, names, stored=False)
    seen: list[str] = []
    cursor: dict[str, int] = {}
    while True:
        page = (await api.get("/api/v1/clips", params={"limit": 3, **cursor})).json()
        seen += [clip["clip"] for clip in page["clips"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [str(clip) for clip in reversed(sealed)]


async def test_each_filter_keeps_only_what_it_names(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock, clip: ClipId
) -> None:
    other = SimulatedDock("dock8")
    await enrol(services, other)
    (waiting,) = await shift_end(services, other, {"REC1.MP4": VIDEO}, stored=False)

    async def listed(**query: str) -> list[str]:
        answer = await api.get("/api/v1/clips", params=query)
        assert answer.status_code == 200, answer.text
        return [told["clip"] for told in answer.json()["clips"]]

    digest = hashlib.sha256(VIDEO).hexdigest()
    assert await listed(dock="dock8") == [str(waiting)]
    assert await listed(dock="dock9") == []
    assert await listed(state="stored") == [str(clip)]
    assert await listed(state="sealed") == [str(waiting)]
    assert await listed(sha256=digest) == [str(waiting), str(clip)]
    assert await listed(sha256=digest, dock=dock.id) == [str(clip)]
    assert await listed(session="dock8.0.0") == [str(waiting)]


async def test_the_case_filter_lists_what_is_linked_now_and_refuses_unknown_cases(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    first, _second = await shift_end(services, dock, {"A": b"a", "B": b"b"})
    await api.post("/api/v1/cases", json={"case_no": "C 1", "by": "Li"})
    link = {"clip": str(first), "by": "Li", "why": "scene"}
    await api.post("/api/v1/cases/C%201/links", json=link)
    told = (await api.get("/api/v1/clips", params={"case_no": "C 1"})).json()
    assert [clip["clip"] for clip in told["clips"]] == [str(first)]
    missing = await api.get("/api/v1/clips", params={"case_no": "C 2"})
    assert missing.status_code == 404
    assert missing.json()["code"] == "case-unknown"


async def test_a_hostile_file_name_is_shown_escaped_and_downloads_under_a_safe_name(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    name = '../\u202egpj.\x1b[2J"; x="\u6267\u6cd5.MP4'
    session = dock.open_session()
    clip = dock.seal(session, b"x", name=name, path=b"DCIM/\xff\x00\n.MP4")
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    told = (await api.get(f"/api/v1/clips/{clip}")).json()
    assert "\x1b" not in told["name"]
    assert "\u202e" not in told["name"]
    assert told["path"] == "DCIM/\\xff\\u0000\\u000a.MP4"
    field = (await api.get(f"/api/v1/clips/{clip}/content")).headers["content-disposition"]
    assert field.startswith(f'attachment; filename="{clip}-.._')
    assert field.count('"') == 2
    assert "%E6%89%A7%E6%B3%95" in field


# --- content -------------------------------------------------------------------------


async def test_the_whole_content_comes_with_its_digest_as_entity_tag(
    api: httpx.AsyncClient, clip: ClipId
) -> None:
    answer = await api.get(f"/api/v1/clips/{clip}/content")
    assert answer.status_code == 200
    assert answer.content == VIDEO
    assert answer.headers["content-length"] == str(len(VIDEO))
    assert answer.headers["etag"] == f'"{hashlib.sha256(VIDEO).hexdigest()}"'
    digest = base64.b64encode(hashlib.sha256(VIDEO).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "video/mp4"


async def test_head_says_the_same_without_the_bytes(api: httpx.AsyncClient, clip: ClipId) -> None:
    got = await api.get(f"/api/v1/clips/{clip}/content")
    head = await api.head(f"/api/v1/clips/{clip}/content", headers={"range": "bytes=1-2"})
    assert head.status_code == 200
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)


async def test_ranges_put_together_are_the_whole(api: httpx.AsyncClient, clip: ClipId) -> None:
    address = f"/api/v1/clips/{clip}/content"
    pieces = b""
    for start in range(0, len(VIDEO), 999_999):
        answer = await api.get(address, headers={"range": f"bytes={start}-{start + 999_998}"})
        assert answer.status_code == 206
        end = start + len(answer.content) - 1
        assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(VIDEO)}"
        pieces += answer.content
    assert pieces == VIDEO


async def test_a_range_beyond_the_content_names_its_size(
    api: httpx.AsyncClient, clip: ClipId
) -> None:
    address = f"/api/v1/clips/{clip}/content"
    answer = await api.get(address, headers={"range": f"bytes={2**70}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_conditions_are_answered_by_the_entity_tag(
    api: httpx.AsyncClient, clip: ClipId
) -> None:
    address = f"/api/v1/clips/{clip}/content"
    tag = f'"{hashlib.sha256(VIDEO).hexdigest()}"'
    part = {"range": "bytes=0-9"}
    assert (await api.get(address, headers={"if-none-match": tag})).status_code == 304
    assert (await api.get(address, headers={"if-match": '"other"'})).status_code == 412
    assert (await api.get(address, headers={**part, "if-range": tag})).status_code == 206
    other = await api.get(address, headers={**part, "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, VIDEO)


async def test_an_empty_clip_has_empty_content(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    (clip,) = await shift_end(services, dock, {"EMPTY.MP4": b""})
    answer = await api.get(f"/api/v1/clips/{clip}/content")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"


async def test_content_of_a_container_nobody_knows_is_plain_bytes(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    session = dock.open_session()
    clip = dock.seal(session, b"<script>", media=Media(container="html"))
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    answer = await api.get(f"/api/v1/clips/{clip}/content")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"].startswith("sandbox")


async def test_content_that_is_not_stored_yet_or_gone_is_said_so(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    (clip,) = await shift_end(services, dock, {"A.MP4": b"12345"}, stored=False)
    waiting = await api.get(f"/api/v1/clips/{clip}/content")
    assert (waiting.status_code, waiting.json()["code"]) == (404, "content-not-stored")
    await store(services, dock.clips[clip])
    await services.store.put_bytes(object_key(clip), b"1234")
    short = await api.get(f"/api/v1/clips/{clip}/content")
    assert (short.status_code, short.json()["code"]) == (503, "content-missing")
    await services.store.delete(object_key(clip))
    gone = await api.get(f"/api/v1/clips/{clip}/content")
    assert (gone.status_code, gone.json()["code"]) == (503, "content-missing")


# --- proof ---------------------------------------------------------------------------


async def test_a_proof_verifies_with_nothing_but_the_gateways_keys(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock, clip: ClipId
) -> None:
    told = (await api.get(f"/api/v1/clips/{clip}/proof")).json()
    anchors = services.log.anchors()
    checkpoint = open_checkpoint(told["checkpoint"].encode(), anchors.checkpoint_key)
    for part, key in (("sealed", dock.signer.public), ("stored", anchors.statement_key)):
        proven = told[part]
        statement = decode_transparent(base64.b64decode(proven["transparent"]))
        verify_statement(statement, key)
        verify_record(statement, base64.b64decode(proven["record"]))
        receipt = decode_receipt(base64.b64decode(proven["receipt"]))
        assert statement.receipts == (base64.b64decode(proven["receipt"]),)
        assert verify_receipt(receipt, statement.leaf, anchors.receipt_key) == checkpoint.root
        assert (receipt.size, receipt.index) == (checkpoint.size, proven["index"])


async def test_a_clip_not_stored_yet_is_proved_by_its_seal_alone(
    services: Services, api: httpx.AsyncClient, dock: SimulatedDock
) -> None:
    (clip,) = await shift_end(services, dock, {"A.MP4": b"12345"}, stored=False)
    told = (await api.get(f"/api/v1/clips/{clip}/proof")).json()
    assert told["stored"] is None
    assert told["sealed"]["index"] > 0


@pytest.mark.parametrize("what", ["", "/content", "/proof", "/trail"])
async def test_a_clip_nobody_sealed_is_unknown(api: httpx.AsyncClient, what: str) -> None:
    answer = await api.get(f"/api/v1/clips/dock7.0.999999999999999{what}")
    assert (answer.status_code, answer.json()["code"]) == (404, "clip-unknown")


async def test_the_list_of_leaves_leads_to_the_sealed_root(
    api: httpx.AsyncClient, services: Services, dock: SimulatedDock, clip: ClipId
) -> None:
    path = f"/api/v1/clips/{clip}/leaves"
    assert (await api.get(path)).json()["code"] == "leaves-missing"
    leaves = dock.clips[clip].leaves
    await services.store.put_bytes(leaf_list_key(clip), leaves)
    assert (await api.get(path)).content == leaves
    small, empty = await shift_end(services, dock, {"REC2.MP4": b"x", "REC3.MP4": b""})
    # One leaf is its own root, and nothing has none: no list is kept of either.
    root = (await api.get(f"/api/v1/clips/{small}")).json()["root"]
    assert (await api.get(f"/api/v1/clips/{small}/leaves")).content.hex() == root
    assert (await api.get(f"/api/v1/clips/{empty}/leaves")).content == b""
