"""A case in which everything happened that a report tells, and one body of each rich kind."""

from __future__ import annotations

from gateway.services import Services
from hashing.digest import LEAF_SIZE, digest_bytes
from protocols.ids import ClipId
from protocols.kinds import (
    AbsentFiles,
    CameraClaim,
    CameraClock,
    CameraDigest,
    CardHistory,
    ClipErased,
    ClipLost,
    ClipRepaired,
    ClipSealed,
    ClipTagged,
    ClockOffset,
    Disposition,
    EraseIntended,
    FoundDamaged,
    Interval,
    InventoryFile,
    Leftover,
    Media,
    NumberGap,
    RepairedLeaves,
    SessionInventory,
    SessionNoted,
    SessionOpened,
    Source,
    Stream,
)
from tests.simulators.dock import SimulatedClip, SimulatedDock, content_of, footage
from tests.simulators.packs import CASE_NO
from tests.simulators.seeded import admit, enrol, link_all, store

HIDDEN = "<b>\u202eX\u2028</b> & 'q' \"d\" \U000e0041"
DATA = footage(LEAF_SIZE + 5)
OPENED = SessionOpened(
    bay="bay1",
    volume="v",
    profile="p",
    camera=CameraClaim(serial="s", model="m"),
    port="1-1.2",
    card=CardHistory(seen="swapped", reason="another camera"),
    clock=ClockOffset(offset_ms=-4, offset_error_ms=2, set_to_dock=True, method="asked"),
    registered="lost",
)
SEALED = ClipSealed(
    content=content_of(digest_bytes(DATA)),
    source=Source(
        path_b64="/w==",
        name=f"con.{HIDDEN}.MP4",
        mtime="2026-02-20T06:12:00.000Z",
        volume="v",
        profile="p",
        camera=CameraClaim(name=HIDDEN, serial="s"),
        officer="officer 1",
        unit="unit 2",
        marked=True,
        camera_digest=CameraDigest(path="sums", state="holds"),
    ),
    camera_clock=CameraClock(
        started="2026-02-20T05:58:12",
        ended="2026-02-20T06:00:00",
        offset_ms=1500,
        method="file time",
        interval=Interval(latest="2026-02-20T05:00:00.5Z", basis="battery"),
        doubts=("before it was made", HIDDEN),
    ),
    session="dock7.0.1",
    media=Media(
        container="mov",
        duration_ms=12_250,
        streams=(Stream(type="video", codec="h264", width=1920, height=1080), Stream(type="data")),
        playable=False,
        warnings=("cut short",),
        vendor_signature="C2PA",
    ),
)


def inventory(session: str) -> SessionInventory:
    """Two recordings, one that is still written, files of other kinds, gaps, and absent ones."""
    files = [
        InventoryFile(path_b64="/w==", disposition=Disposition.INGEST),
        InventoryFile(path="DCIM/B.MP4", disposition=Disposition.INGEST),
        InventoryFile(path="DCIM/C.MP4", disposition=Disposition.GROWING),
        InventoryFile(path="LOG.TXT", disposition=Disposition.IGNORED, reason=HIDDEN),
        InventoryFile(path="DCIM/A.MP4", disposition=Disposition.KNOWN, clip="dock7.0.0"),
    ]
    gaps = tuple(NumberGap(path="DCIM", after=n, before=n + 2, missing=1) for n in range(0, 36, 3))
    absent = AbsentFiles(path="manifest", count=2, files=("X.MP4", "Y.MP4"))
    return SessionInventory(
        session=session, page=0, last=True, files=tuple(files), gaps=gaps, absent=(absent,)
    )


def repaired(clip: ClipId) -> ClipRepaired:
    """Both leaves of the clip from copies."""
    return ClipRepaired(
        clip=str(clip),
        repair="r1",
        size=len(DATA),
        sha256=SEALED.content.sha256,
        root=SEALED.content.tree.root,
        read_back="fadvise",
        before=FoundDamaged(sha256="1" * 64),
        replaced=2,
        leaves=tuple(RepairedLeaves(first=n, last=n, source=f"copy {n}") for n in (0, 1)),
        by="Li",
        reason=HIDDEN,
    )


async def eventful(services: Services, dock: SimulatedDock) -> list[ClipId]:
    """A docking of two clips with everything that may be said of them; both in a case."""
    await enrol(services, dock)
    dock.boot()
    session = dock.append(OPENED)
    dock.append(inventory(str(session)))
    body = SEALED.model_copy(update={"session": str(session)})
    first = dock.append(body)
    dock.clips[first] = SimulatedClip(first, session, "A", DATA, digest_bytes(DATA))
    second = dock.seal(session, b"x", name="B.MP4", started=None)
    dock.append(ClipTagged(clip=str(first), case_no=CASE_NO, category=HIDDEN, officer="officer 1"))
    dock.append(SessionNoted(session=str(session), reason="no video", text=HIDDEN))
    left = Leftover(path="DCIM/C.MP4", outcome="growing", reason="still recording")
    dock.close_session(session, leftovers=(left,), reason="removed")
    await admit(services, dock, dock.entries)
    sent = len(dock.entries)
    for clip in (first, second):
        released = await store(services, dock.clips[clip])
        name = str(clip)
        dock.append(EraseIntended(clip=name, session=str(session), release_index=released))
        digest = dock.clips[clip].digest.sha256.hex()
        dock.append(ClipErased(clip=name, session=str(session), reread_sha256=digest))
    dock.append(ClipLost(clip=str(second), reason="the spool's disk failed"))
    await admit(services, dock, dock.entries[sent:])
    await services.log.append_own(repaired(first), first.clip_urn)
    await link_all(services, CASE_NO, [first, second])
    return [first, second]
