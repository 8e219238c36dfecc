"""A dossier as it was handed over, read and verified, and the small files made from it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from gateway.errors import GatewayError
from gateway.export.schemas import DossierTold
from gateway.export.writing import Pack
from hashing.errors import HashingError
from hashing.note import open_checkpoint
from protocols.anchors import Anchors, AnchorsError
from protocols.ids import ClipId
from protocols.kinds import ClipSealed
from protocols.pack import layout
from protocols.pack.export import Export
from protocols.pack.keys import key_files
from protocols.pack.originals import Original, Originals
from protocols.pack.outside import Outside
from protocols.pack.proofs import EarlierCheckpoints, LogProof
from protocols.pack.sightings import Sighting, way_text
from protocols.trail import TrailDocument, TrailReport, verify_trail
from protocols.trail.document import unbase64


class DossierError(GatewayError):
    """What should be an export's dossier is something else."""


@dataclass(frozen=True, slots=True)
class Content:
    """One dossier, read and verified; what the small files are made from."""

    export: Export
    trail: TrailDocument
    report: TrailReport
    receipts: tuple[bytes, ...]
    earlier: EarlierCheckpoints
    anchors: Anchors
    missing: Mapping[str, str]
    outside: Outside

    def sealed(self) -> dict[ClipId, ClipSealed]:
        """What was sealed, by clip."""
        return {
            event.seals: event.body
            for event in self.report.events
            if event.seals is not None and isinstance(event.body, ClipSealed)
        }


def read_dossier(raw: bytes, number: int) -> Content:
    """Read a dossier and verify its trail against the keys that it brings.

    Raises:
        DossierError: it is none, or another export's.
    """
    try:
        told = DossierTold.model_validate_json(raw)
        anchors = Anchors.from_json(told.trust)
        receipts = decoded(told.receipts)
        export = Export.model_validate(told.export.model_dump())
        head = open_checkpoint(told.trail.checkpoint.encode(), anchors.checkpoint_key)
    except (ValidationError, AnchorsError, HashingError, ValueError) as error:
        raise DossierError("the gateway answered with something that is no dossier") from error
    if export.number != number or len(receipts) != len(told.trail.entries):
        raise DossierError("the gateway answered with the dossier of another export")
    outside = Outside(
        note=told.trail.checkpoint.encode(),
        head=head,
        anchors=anchors,
        needed=max((entry.index for entry in told.trail.entries), default=-1) + 1,
        asked=tuple(told.witnessing.asked),
        cosigned=tuple(Sighting.of(each) for each in told.cosigned),
        stamped=tuple(Sighting.of(each) for each in told.stamped),
    )
    return Content(
        export=export,
        trail=told.trail,
        report=verify_trail(told.trail, anchors),
        receipts=receipts,
        earlier=told.earlier,
        anchors=anchors,
        missing=told.missing,
        outside=outside,
    )


def put_evidence(pack: Pack, content: Content) -> None:
    """Everything but originals, leaf lists and the report."""
    note = content.trail.checkpoint.encode()
    for entry, receipt in zip(content.trail.entries, content.receipts, strict=True):
        steps = tuple(unbase64(step) for step in entry.path)
        pack.put(layout.statement(entry.index), unbase64(entry.statement))
        if entry.record is not None:
            pack.put(layout.record(entry.index), unbase64(entry.record))
        pack.put(layout.receipt(entry.index), receipt)
        pack.put(layout.proof(entry.index), LogProof(entry.index, steps, note).text())
    pack.put(layout.CHECKPOINT, note)
    pack.put(layout.TRAIL, content.trail.model_dump_json().encode())
    pack.put(layout.CONSISTENCY, content.earlier.model_dump_json().encode())
    pack.put(layout.TRUST, content.anchors.to_json().encode())
    pack.put(layout.EXPORT, content.export.to_json())
    _put_keys(pack, content)
    _put_sightings(pack, content)
    sealed = content.sealed()
    rows = [
        Original.of(each.clip, sealed[each.clip], content.missing.get(str(each.clip)))
        for each in content.report.contents
    ]
    pack.put(layout.ORIGINAL_LIST, Originals(originals=tuple(rows)).to_json())


def _put_sightings(pack: Pack, content: Content) -> None:
    ways: dict[int, bytes] = {}
    for size, sighting in content.outside.by_size(content.outside.cosigned):
        pack.put(layout.cosigned(size), sighting.note)
        ways[size] = way_text(sighting.way)
    for size, sighting in content.outside.by_size(content.outside.stamped):
        pack.put(layout.stamped(size), sighting.note)
        pack.put(layout.stamp(size), sighting.response or b"")
        ways[size] = way_text(sighting.way)
    for size, way in ways.items():
        if size != content.outside.head.size:
            pack.put(layout.way(size), way)


def _put_keys(pack: Pack, content: Content) -> None:
    for path, pem in key_files(content.report.events, content.anchors).items():
        pack.put(path, pem.encode())


def as_json(value: object) -> bytes:
    """Plain values as a file that people can read."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def decoded(texts: list[str]) -> tuple[bytes, ...]:
    """Bytes of base64 from the gateway."""
    return tuple(base64.b64decode(text, validate=True) for text in texts)
