"""Copies of clips are made beside them, name them, and are given by the rules of footage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.policy import Role
from gateway.previews.keys import digest_of
from gateway.previews.service import object_key
from gateway.previews.wanted import Kind
from gateway.services import Services
from protocols.ids import ClipId
from protocols.kinds import ClipKeySupplied
from protocols.records import decode_record
from tests.simulators.dock import SimulatedDock
from tests.simulators.filmed import encrypted, filmed, looked_at
from tests.simulators.people import person
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end

WHY = {"how": "play", "reason": "complaint 2026-114"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        yield opened


async def docked(services: Services, **recordings: bytes) -> list[ClipId]:
    dock = SimulatedDock()
    await enrol(services, dock)
    return await shift_end(services, dock, dict(recordings))


async def told(client: httpx.AsyncClient, clip: ClipId) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/clips/{clip}/playback")
    assert answer.status_code == HTTPStatus.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_clip_gets_pictures_and_a_preview_where_browsers_need_one(
    services: Services,
) -> None:
    plays, other = await docked(
        services, a=filmed(), b=filmed("mpegts", "mpeg2video", "mp2", size=(1920, 1080), seconds=1)
    )
    async with api_of(services) as api:
        assert (await told(api, other))["waits"] is True
        await services.preview_worker.drain()
        first, second = await told(api, plays), await told(api, other)
        assert (first["source"], first["mime"]) == ("original", "video/mp4")
        assert first["url"] == f"/api/v1/clips/{plays}/content"
        assert first["previews"]["preview"]["state"] == "unneeded"
        assert (second["source"], second["mime"]) == ("preview", "video/mp4")
        assert "not evidence" in second["why"]["en"]
        assert "不是证据" in second["why"]["zh"]
        preview = (await api.get(second["url"])).content
        seen = looked_at(preview)
        row = await services.evidence.clip(other)
        assert row is not None
        assert seen["comment"] == (
            "Evidock derived copy, not evidence. "
            f"Original: clip {other}, SHA-256 {row.sha256.hex()}"
        )
        assert (seen["codecs"], seen["size"]) == (["h264", "aac"], (1280, 720))
        assert second["previews"]["preview"]["source_sha256"] == row.sha256.hex()
        listed = (await api.get("/api/v1/clips")).json()["clips"]
        assert [each["previews"]["preview"] for each in listed] == ["made", "unneeded"]
        strip = await api.get(f"/api/v1/clips/{other}/contact-strip")
        times = (await api.get(f"/api/v1/clips/{other}/contact-strip/times")).json()
        assert looked_at(strip.content)["size"] == (times["width"], times["height"])
        assert times["times_ms"] == sorted(times["times_ms"])


async def test_pictures_show_nobody_until_a_reason_is_given(services: Services) -> None:
    (clip,) = await docked(services, a=filmed())
    await services.preview_worker.drain()
    async with await person(services, Role.SUPERVISOR) as client:
        unsaid = await client.get(f"/api/v1/clips/{clip}/thumbnail")
        assert unsaid.headers["cache-control"] == "private, no-cache"
        for kind in ("contact-strip", "preview"):
            refused = await client.get(f"/api/v1/clips/{clip}/{kind}")
            assert (refused.status_code, refused.json()["code"]) == (409, "view-needed")
        await client.post(f"/api/v1/clips/{clip}/views", json=WHY)
        said = await client.get(f"/api/v1/clips/{clip}/thumbnail")
        assert said.headers["cache-control"] == "no-store"
        for answer, size in ((unsaid, (160, 90)), (said, (320, 180))):
            assert looked_at(answer.content)["size"] == size
            assert str(clip).encode() in answer.content
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            again = {"if-none-match": answer.headers["etag"]}
            same = await client.get(f"/api/v1/clips/{clip}/thumbnail", headers=again)
            assert same.status_code == (304 if answer is said else 200)
    officer = await person(services, Role.OFFICER, officer="officer 014032")
    async with officer as client:
        own = await client.get(f"/api/v1/clips/{clip}/thumbnail")
        assert own.content == said.content


async def test_beyond_reach_there_is_no_copy(services: Services) -> None:
    (clip,) = await docked(services, a=filmed())
    await services.preview_worker.drain()
    async with await person(services, Role.CUSTODIAN, unit="市局/城东") as client:
        for last in ("thumbnail", "contact-strip", "contact-strip/times", "preview", "playback"):
            answer = await client.get(f"/api/v1/clips/{clip}/{last}")
            assert answer.json()["code"] == "clip-unknown"
        answer = await client.post(f"/api/v1/clips/{clip}/preview")
        assert answer.json()["code"] == "clip-unknown"


async def test_copies_that_were_deleted_are_made_again(services: Services) -> None:
    (clip,) = await docked(services, a=filmed())
    await services.preview_worker.drain()
    await services.store.delete(object_key(clip, Kind.THUMBNAIL))
    async with api_of(services) as api:
        gone = await api.get(f"/api/v1/clips/{clip}/thumbnail")
        assert (gone.status_code, gone.json()["code"]) == (404, "preview-waiting")
        assert await services.preview_worker.drain() == 1
        assert (await api.get(f"/api/v1/clips/{clip}/thumbnail")).is_success


# --- encrypted recordings ------------------------------------------------------------

KEY = "76a6c65c5ea762046bd749a2e632ccbb"


async def supply(client: httpx.AsyncClient, clip: ClipId, key: str) -> httpx.Response:
    body = {"key": key, "reason": "vendor's key of this camera"}
    return await client.post(f"/api/v1/clips/{clip}/keys", json=body)


async def test_a_key_opens_a_clip_for_copies_and_is_told_to_nobody(
    services: Services, tmp_path: Path
) -> None:
    sealed = encrypted(KEY)
    (clip,) = await docked(services, a=sealed)
    await services.preview_worker.drain()
    async with await person(services, Role.CUSTODIAN) as client:
        before = await told(client, clip)
        assert before["previews"]["preview"]["code"] == "encrypted"
        assert "密钥" in before["previews"]["thumbnail"]["why"]["zh"]
        size = services.log.checkpoint().size
        wrong = await supply(client, clip, "00" * 16)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "key-wrong")
        assert services.log.checkpoint().size == size
        right = await supply(client, clip, KEY)
        assert (right.status_code, right.json()["index"]) == (201, size), right.text
        await services.preview_worker.drain()
        after = await told(client, clip)
        assert after["source"] == "preview"
        await client.post(f"/api/v1/clips/{clip}/views", json=WHY)
        preview = (await client.get(after["url"])).content
        assert looked_at(preview)["lines"][0] == pytest.approx(238, abs=6)
        assert (await client.get(f"/api/v1/clips/{clip}/content")).content == sealed
        trail = await client.get(f"/api/v1/clips/{clip}/trail")
        page = await client.get(f"/clips/{clip}")
    entry = await services.log.entry(size)
    body = decode_record(entry.record).body
    assert isinstance(body, ClipKeySupplied)
    assert body.digest == digest_of(KEY, bytes.fromhex(body.salt)).hex()
    raw = bytes.fromhex(KEY)
    assert entry.kind == "clip.key.supplied"
    for kept in (right.content, trail.content, page.content, after, entry.record):
        assert KEY not in str(kept)
    for data in database_and_log(tmp_path):
        assert raw not in data
        assert KEY.encode() not in data


def database_and_log(folder: Path) -> list[bytes]:
    found = [*folder.rglob("gateway.db*"), *folder.rglob("objects/log/**/*")]
    return [path.read_bytes() for path in found if path.is_file()]


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_a_clip_that_is_not_encrypted_takes_no_key(services: Services) -> None:
    (clip,) = await docked(services, a=filmed())
    async with await person(services, Role.CUSTODIAN) as client:
        answer = await supply(client, clip, KEY)
        assert (answer.status_code, answer.json()["code"]) == (409, "not-encrypted")
        assert (await supply(client, clip, "short")).status_code == 422
    async with await person(services, Role.HANDLER, login="li") as client:
        assert (await supply(client, clip, KEY)).json()["code"] == "not-allowed"


async def test_a_database_made_anew_asks_for_the_key_again(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        (clip,) = await docked(services, a=encrypted(KEY))
        async with await person(services, Role.CUSTODIAN) as client:
            assert (await supply(client, clip, KEY)).status_code == 201
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services:
        await services.preview_worker.drain()
        async with await person(services, Role.CUSTODIAN) as client:
            assert (await told(client, clip))["previews"]["preview"]["code"] == "key-away"
            assert (await supply(client, clip, KEY)).status_code == 201
            await services.preview_worker.drain()
            assert (await told(client, clip))["source"] == "preview"
