"""The log over HTTP: enough for an auditor to check it without any other help."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.errors import LogRewoundError
from gateway.keys import load
from gateway.services import Services
from hashing.merkle import leaf_hash, root, verify_consistency, verify_inclusion
from hashing.note import Checkpoint, open_checkpoint, sign_checkpoint
from protocols.kinds import AlarmRaised
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, api_of, enrol, gateway_on

NOTHING = AlarmRaised(code="test", text="nothing")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        for number in range(8):
            await opened.log.append_own(NOTHING, f"urn:{number}")
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def statements(api: httpx.AsyncClient, limit: int) -> list[bytes]:
    """Every statement, page by page."""
    found: list[bytes] = []
    start: int | None = 0
    while start is not None:
        page = (
            await api.get("/api/v1/log/entries", params={"start": start, "limit": limit})
        ).json()
        found += [base64.b64decode(entry["statement"]) for entry in page["entries"]]
        start = page["next"]
    return found


@pytest.mark.parametrize("limit", [1, 4, 9, 200])
async def test_the_entries_lead_to_the_signed_root(
    api: httpx.AsyncClient, services: Services, limit: int
) -> None:
    answer = await api.get("/api/v1/log/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    checkpoint = open_checkpoint(answer.content, services.log.anchors().checkpoint_key)
    leaves = [leaf_hash(statement) for statement in await statements(api, limit)]
    assert (len(leaves), root(leaves)) == (checkpoint.size, checkpoint.root)


async def test_a_page_of_large_records_ends_early_and_the_next_one_goes_on(
    api: httpx.AsyncClient, services: Services
) -> None:
    dock = SimulatedDock("dock9")
    start: int | None = await enrol(services, dock) + 1
    for _ in range(50):
        dock.append_bytes(b"z" * (256 * 1024))
    await admit(services, dock, dock.entries)
    sizes = []
    while start is not None:
        answer = await api.get("/api/v1/log/entries", params={"start": start, "limit": 200})
        page = answer.json()
        assert [entry["index"] for entry in page["entries"]] == list(
            range(start, start + len(page["entries"]))
        )
        sizes.append(len(page["entries"]))
        start = page["next"]
        assert len(answer.content) < 12 << 20
    assert sizes == [31, 19]


async def test_an_entry_larger_than_a_page_is_a_page_of_its_own(services: Services) -> None:
    rows, following = await services.log.page(2, 5, most_bytes=1)
    assert ([row.index for row in rows], following) == ([2], 3)
    rows, following = await services.log.page(8, 5, most_bytes=1)
    assert ([row.index for row in rows], following) == ([8], None)


async def test_one_entry_is_shown_with_its_record(
    api: httpx.AsyncClient, services: Services
) -> None:
    shown = (await api.get("/api/v1/log/entries/3")).json()
    row = await services.log.entry(3)
    assert base64.b64decode(shown["record"]) == row.record
    assert (shown["index"], shown["subject"], shown["kind"]) == (3, "urn:2", "alarm.raised")


async def test_an_inclusion_path_leads_to_the_checkpoints_root(
    api: httpx.AsyncClient, services: Services
) -> None:
    proof = (await api.get("/api/v1/log/proofs/inclusion", params={"index": 5})).json()
    path = [base64.b64decode(step) for step in proof["path"]]
    at = services.log.checkpoint()
    verify_inclusion((await services.log.entry(5)).leaf, 5, proof["size"], path, at.root)


async def test_a_consistency_path_leads_from_an_old_root_to_the_new(
    api: httpx.AsyncClient, services: Services
) -> None:
    proof = (await api.get("/api/v1/log/proofs/consistency", params={"from": 3})).json()
    path = [base64.b64decode(step) for step in proof["path"]]
    leaves = [leaf_hash(statement) for statement in await statements(api, 50)]
    at = services.log.checkpoint()
    verify_consistency(3, root(leaves[:3]), proof["size"], at.root, path)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("entries/9", 404),
        ("entries/9223372036854775807", 404),
        ("entries/9223372036854775808", 422),
        ("entries/-1", 422),
        ("entries/x", 422),
        ("entries?start=-1", 422),
        ("entries?limit=0", 422),
        ("entries?limit=201", 422),
        ("entries?start=9223372036854775807", 200),
        ("proofs/inclusion", 422),
        ("proofs/inclusion?index=9", 404),
        ("proofs/inclusion?index=1&size=1", 404),
        ("proofs/inclusion?index=1&size=10", 404),
        ("proofs/inclusion?index=0&size=0", 404),
        ("proofs/consistency?from=9&to=8", 404),
        ("proofs/consistency?from=0&to=10", 404),
        ("proofs/consistency?from=0&to=9", 200),
        ("proofs/consistency?from=99999999999999999999", 422),
    ],
)
async def test_every_question_has_an_answer_that_is_no_failure(
    api: httpx.AsyncClient, address: str, status: int
) -> None:
    answer = await api.get(f"/api/v1/log/{address}")
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_checkpoint_that_anybody_kept_can_be_held_against_the_log(
    api: httpx.AsyncClient, services: Services
) -> None:
    note = (await api.get("/api/v1/log/checkpoint")).text
    await services.log.append_own(NOTHING, "urn:more")
    answer = await api.post("/api/v1/log/checkpoint", json={"note": note})
    assert (answer.status_code, answer.json()) == (
        200,
        {"contained": True, "size": 9, "log_size": 10},
    )
    beyond = sign_checkpoint(
        Checkpoint(services.log.anchors().origin, 99, bytes(32)),
        load(services.config.keys_dir).checkpoint,
        services.log.anchors().origin,
    )
    answer = await api.post("/api/v1/log/checkpoint", json={"note": beyond.decode()})
    assert answer.json() == {"contained": False, "size": 99, "log_size": 10}
    with pytest.raises(LogRewoundError):
        await services.log.append_own(NOTHING, "urn:more")
    assert (await api.get("/api/v1/log/entries/9")).status_code == 200


@pytest.mark.parametrize(
    "note", ["", "nonsense", "x\n1\n\n\u2014 x AAAA\n", "\ud800", "\u20ac" * 65536]
)
async def test_a_note_that_is_none_of_this_log_is_refused_and_stops_nothing(
    api: httpx.AsyncClient, services: Services, note: str
) -> None:
    body = json.dumps({"note": note}).encode()
    answer = await api.post(
        "/api/v1/log/checkpoint", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {413, 422}
    await services.log.append_own(NOTHING, "urn:more")
