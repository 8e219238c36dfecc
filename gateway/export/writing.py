"""The files of a pack, written durably one by one, and what is derived from a dossier.

The manifests come last: what a power cut leaves behind is no bag yet, and it lies under a
name that says so (``gateway.export.command``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from gateway.errors import InvalidError, SetupError
from hashing.digest import ContentDigest
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.kinds import ClipSealed, DockEnrolled
from protocols.pack import bag, layout
from protocols.pack.export import Export
from protocols.pack.originals import Original, Originals
from protocols.pack.proofs import EarlierCheckpoints, LogProof
from protocols.trail import TrailDocument, TrailReport
from protocols.trail.document import unbase64


@dataclass(slots=True)
class PackFolder:
    """A pack in the making.

    Attributes:
        root: its folder. digests, sizes: of what was written, by path in the pack.
    """

    root: Path
    digests: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def place(self, path: str) -> Path:
        """Where a file goes; its folder exists.

        Raises:
            InvalidError: not a name for a file of a pack.
        """
        if not layout.is_safe(path):
            msg = f"{path[:200]!r} is no name for a file of a pack"
            raise InvalidError(msg)
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def put(self, path: str, data: bytes) -> None:
        """Write one small file, durably; raises SetupError when it cannot be written."""
        try:
            write_synced(self.place(path), data)
        except OSError as error:
            raise SetupError(f"{self.root / path}: {error.strerror}") from error
        self.digests[path] = hashlib.sha256(data).hexdigest()
        self.sizes[path] = len(data)

    def took(self, path: str, digest: ContentDigest) -> None:
        """A large file was written and hashed elsewhere."""
        self.digests[path] = digest.sha256.hex()
        self.sizes[path] = digest.size

    def finish(self, info: Mapping[str, str]) -> None:
        """Write declaration, bag-info and manifests, and make every folder durable."""
        payload = {path: each for path, each in self.digests.items() if is_payload(path)}
        sizes = [size for path, size in self.sizes.items() if is_payload(path)]
        self.put(layout.BAGIT, bag.DECLARATION)
        fields = [*info.items(), ("Payload-Oxum", bag.oxum(sizes))]
        self.put(layout.BAG_INFO, bag.bag_info(fields))
        self.put(layout.MANIFEST, bag.manifest(payload))
        tags = {path: each for path, each in self.digests.items() if not is_payload(path)}
        self.put(layout.TAG_MANIFEST, bag.manifest(tags))
        for folder, _, _ in os.walk(self.root, topdown=False):
            sync_folder(Path(folder))


def is_payload(path: str) -> bool:
    """Whether a file belongs to the payload of the bag."""
    return path.startswith(layout.DATA)


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

    def sealed(self) -> dict[ClipId, ClipSealed]:
        """What was sealed, by clip."""
        return {
            event.seals: event.body
            for event in self.report.events
            if event.seals is not None and isinstance(event.body, ClipSealed)
        }


def put_evidence(pack: PackFolder, content: Content) -> None:
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
    sealed = content.sealed()
    rows = [
        Original.of(each.clip, sealed[each.clip], content.missing.get(str(each.clip)))
        for each in content.report.contents
    ]
    pack.put(layout.ORIGINAL_LIST, Originals(originals=tuple(rows)).to_json())


def _put_keys(pack: PackFolder, content: Content) -> None:
    anchors = content.anchors
    pack.put(layout.key("gateway-statement"), anchors.statement_key.pem().encode())
    pack.put(layout.key("gateway-receipt"), anchors.receipt_key.pem().encode())
    pack.put(layout.key("log-checkpoint"), anchors.checkpoint_key.key.pem().encode())
    for event in content.report.events:
        body = event.body
        if isinstance(body, DockEnrolled) and event.statement.issuer == anchors.gateway:
            path = layout.key(body.dock)
            if path not in pack.digests:
                pack.put(path, body.statement_key.encode())


def verifier_page() -> bytes:
    """The verifier that goes along, as one HTML file."""
    return files("gateway.export").joinpath("verify.html").read_bytes()


def as_json(value: object) -> bytes:
    """Plain values as a file that people can read."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def decoded(texts: list[str]) -> tuple[bytes, ...]:
    """Bytes of base64 from the gateway."""
    return tuple(base64.b64decode(text, validate=True) for text in texts)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file whole and durably; raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
