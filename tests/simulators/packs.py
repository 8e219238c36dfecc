"""Real evidence packs for tests: exported by the real command from a gateway in this process."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from gateway.cases.service import NewCase
from gateway.export.command import ExportWanted, export_pack
from gateway.keys import GatewayKeys
from gateway.services import Services
from gateway.trail.client import ApiClient
from hashing.keys import Signer
from hashing.note import open_checkpoint
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.kinds import Media
from protocols.pack import bag, layout
from protocols.pack.export import Export
from protocols.pack.outside import Outside
from protocols.pack.page import report_page
from protocols.pack.report import told
from protocols.trail import TrailDocument, verify_trail
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import SyncBridge, admit, api_of, enrol, gateway_on, store

CASE_NO = "云商执〔2026〕17号"
WANTED = ExportWanted(CASE_NO, None, "court hearing\n第二行", "People's Court 人民法院", "Li 李")
FIRST = footage(1_200_000)
NAME = "执法 …/记录.MP4"


async def filled(
    services: Services, dock: SimulatedDock | None = None, *, rotated: bool = False
) -> tuple[list[ClipId], Anchors]:
    """A docking of three clips, two of them linked to a case; and the trust file of that day.

    With ``rotated`` the dock changed its key before that, and once more in the midst of it.
    """
    dock = dock or SimulatedDock()
    await enrol(services, dock)
    trust = services.log.anchors()
    dock.boot()
    if rotated:
        await rotate(services, dock)
    session = dock.open_session()
    dock.inventory(session, ["A.MP4", "B.MP4", "C.MP4"])
    clips = [
        dock.seal(
            session,
            FIRST,
            name=NAME,
            path=b"DCIM/A.MP4",
            media=Media(container="mov,mp4", duration_ms=250_000),
        ),
        dock.seal(session, b"", name="B.MP4"),
        dock.seal(session, b"somebody else's", name="C.MP4"),
    ]
    if rotated:
        await rotate(services, dock)
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    for clip in clips:
        await store(services, dock.clips[clip])
    async with api_of(services) as api:
        opened = await api.post("/api/v1/cases", json={"case_no": CASE_NO, "by": "Li"})
        assert opened.status_code == 201
        for clip in clips[:2]:
            link = {"clip": str(clip), "by": "Li", "why": "scene"}
            said = await api.post(f"/api/v1/cases/{CASE_NO}/links", json=link)
            assert said.status_code == 201
    return clips, trust


async def rotate(services: Services, dock: SimulatedDock) -> None:
    """Rotate the dock's key, log that, and have the gateway state it."""
    dock.rotate()
    await admit(services, dock, dock.entries)
    assert await services.docks.confirm_rotations(dock.id) == 1


async def exported(services: Services, out: Path, wanted: ExportWanted = WANTED) -> Verdict:
    """Run the real command against these services."""
    bridge = SyncBridge(services)

    def run() -> Verdict:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            return export_pack(client, wanted, out, lambda _: None)

    return await asyncio.to_thread(run)


@dataclass(frozen=True)
class Made:
    """A whole pack of the case, trust files from before it was made and after, and the keys.

    Attributes:
        keys: the gateway's, one purpose each: an attacker's means.
        dock: the dock's statement key.
    """

    pack: Path
    trust: Anchors
    later: Anchors
    keys: GatewayKeys
    dock: Signer

    @property
    def receipts(self) -> Signer:
        """Signs receipts at this gateway, and nothing else."""
        return self.keys.receipt


async def made(folder: Path, *, rotated: bool = False) -> Made:
    """Make one in ``folder/pack``."""
    dock = SimulatedDock()
    async with gateway_on(folder / "gateway") as services:
        _, trust = await filled(services, dock, rotated=rotated)
        await exported(services, folder / "pack")
        await services.cases.open(NewCase("later", None, None, None, "Li"))
        keys, later = services.log._keys, services.log.anchors()
        return Made(folder / "pack", trust, later, keys, dock.signer)


def rebagged(pack: Path) -> None:
    """Make the manifests fit what lies there now, as whoever alters a pack would."""
    digests = {
        str(path.relative_to(pack)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(pack.rglob("*"))
        if path.is_file() and path.name not in {layout.MANIFEST, layout.TAG_MANIFEST}
    }
    payload = {path: each for path, each in digests.items() if path.startswith(layout.DATA)}
    sizes = [(pack / path).stat().st_size for path in payload]
    info = (pack / layout.BAG_INFO).read_text().splitlines()
    kept = [line for line in info if not line.startswith("Payload-Oxum")]
    text = "\n".join([*kept, f"Payload-Oxum: {bag.oxum(sizes)}"]) + "\n"
    (pack / layout.BAG_INFO).write_text(text)
    tags = {path: each for path, each in digests.items() if path not in payload}
    tags[layout.BAG_INFO] = hashlib.sha256(text.encode()).hexdigest()
    raw = bag.manifest(payload)
    (pack / layout.MANIFEST).write_bytes(raw)
    tags[layout.MANIFEST] = hashlib.sha256(raw).hexdigest()
    (pack / layout.TAG_MANIFEST).write_bytes(bag.manifest(tags))


def report_made_anew(pack: Path, trust: Anchors) -> None:
    """Report and page of a pack, for what is in it now; without footage that is missing."""
    document = TrailDocument.from_json((pack / layout.TRAIL).read_bytes())
    before = json.loads((pack / layout.REPORT).read_bytes())
    note = document.checkpoint.encode()
    outside = Outside(
        note,
        open_checkpoint(note, trust.checkpoint_key),
        trust,
        max(entry.index for entry in document.entries) + 1,
        tuple(before["log"]["witnesses_asked"]),
    )
    findings = (
        Finding(each["step"], Outcome(each["outcome"]), each["subject"], each["reason"])
        for each in before["verification"]["findings"]
    )
    report = {"made": before["made"]} | told(
        document,
        verify_trail(document, trust),
        Export.from_json((pack / layout.EXPORT).read_bytes()),
        outside,
        Verdict(tuple(findings)),
        {},
    )
    (pack / layout.REPORT).write_text(json.dumps(report))
    (pack / layout.PAGE).write_bytes(report_page(report))
