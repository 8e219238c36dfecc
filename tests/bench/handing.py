"""A gateway's folder filled with large clips, fast: the real log and rows, files made in place.

What is measured begins after that: handing out, and checking what was handed out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.evidence.service import leaf_list_key, object_key
from gateway.services import Services
from hashing.digest import ContentDigest, Digester
from protocols.ids import ClipId
from protocols.kinds import (
    Body,
    CameraClaim,
    CameraClock,
    ClipSealed,
    ClipStored,
    Media,
    Source,
)
from tests.simulators.disk import path_of
from tests.simulators.dock import VOLUME, SimulatedDock, content_of
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, state

CASE_NO = "bench 1"
_CHUNK = 4 << 20


async def fill(folder: Path, sizes: Sequence[int], boots: int = 0) -> list[ClipId]:
    """A docking of clips of these sizes, stored and linked to the case.

    Args:
        folder: of the gateway.
        sizes: bytes of each recording.
        boots: further entries of the dock within the docking, which every pack has to carry.
    """
    dock = SimulatedDock()
    async with gateway_on(folder) as services:
        await enrol(services, dock)
        session = dock.open_session()
        dock.inventory(session, [f"REC{number:05}.MP4" for number in range(len(sizes))])
        clips = []
        digests = {}
        for number, size in enumerate(sizes):
            staged = folder / "footage"
            digest = _make(staged, size)
            clip = dock.append(_sealed(digest, f"REC{number:05}.MP4", str(session)))
            place = path_of(services.store, object_key(clip))
            place.parent.mkdir(parents=True, exist_ok=True)
            staged.rename(place)
            # As the intake keeps it.
            await services.store.put_bytes(leaf_list_key(clip), b"".join(digest.leaves))
            clips.append(clip)
            digests[clip] = digest
        for _ in range(boots):
            dock.boot()
        dock.close_session(session, sealed=len(sizes), released=len(sizes))
        for start in range(0, len(dock.entries), 512):
            await admit(services, dock, dock.entries[start : start + 512])
        await _stored(services, clips)
    return clips


async def _stored(services: Services, clips: Sequence[ClipId]) -> None:
    for clip in clips:
        row = await services.evidence.clip(clip)
        assert row is not None
        body = ClipStored(
            clip=str(clip),
            size=row.size,
            sha256=row.sha256.hex(),
            root=row.root.hex(),
            statement_hash=row.statement_hash.hex(),
            stores=("local",),
            read_back="fadvise",
        )
        await state(services, body, clip)
    async with api_of(services) as api:
        opened = await api.post("/api/v1/cases", json={"case_no": CASE_NO, "by": "bench"})
        assert opened.status_code == 201, opened.text
        for clip in clips:
            link = {"clip": str(clip), "by": "bench", "why": "bench"}
            said = await api.post(f"/api/v1/cases/{CASE_NO}/links", json=link)
            assert said.status_code == 201, said.text


def _make(path: Path, size: int) -> ContentDigest:
    with path.open("wb") as file, Digester() as digester:
        for start in range(0, size, _CHUNK):
            piece = os.urandom(min(_CHUNK, size - start))
            file.write(piece)
            digester.update(piece)
        return digester.finish()


def _sealed(digest: ContentDigest, name: str, session: str) -> Body:
    return ClipSealed(
        content=content_of(digest),
        source=Source(
            path=f"DCIM/{name}",
            name=name,
            mtime="2026-02-25T06:12:00.000Z",
            volume=VOLUME,
            profile="generic",
            camera=CameraClaim(serial="T71082"),
        ),
        camera_clock=CameraClock(started="2026-02-25T05:58:12", method="file time"),
        session=session,
        media=Media(container="mov,mp4", playable=True),
    )
