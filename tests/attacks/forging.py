"""Whoever alters a pack can put other bytes wherever they stand, and make the manifests fit."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import cbor2

from hashing.keys import Ed25519Signer, Signer, low_s
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.pack import layout
from protocols.policy import Policy
from protocols.progress import Quiet
from tests.simulators.packs import rebagged
from verifier.outside import Asked
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

Problems = set[tuple[int, Outcome, str]]
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def verified(pack: Path, trust: Anchors | None, policy: Policy | None = None) -> Checked:
    """What the verifier says of a pack whose manifests fit."""
    rebagged(pack)
    with opened(pack) as source:
        return verify_pack(source, trust, Quiet(), Asked(policy))


def problems(checked: Checked) -> Problems:
    return {(each.step, each.outcome, each.subject) for each in checked.verdict.problems}


def index_of(pack: Path, kind: str) -> int:
    """The first entry of a kind."""
    for path in sorted((pack / layout.RECORDS).iterdir()):
        if json.loads(path.read_text())["kind"] == kind:
            return int(path.stem)
    raise LookupError(kind)


def put_statement(pack: Path, index: int, raw: bytes) -> None:
    """Put another statement at a place, everywhere it stands."""
    path = pack / layout.TRAIL
    trail = json.loads(path.read_text())
    entry = next(each for each in trail["entries"] if each["index"] == index)
    entry["statement"] = base64.b64encode(raw).decode()
    (pack / layout.statement(index)).write_bytes(raw)
    path.write_text(json.dumps(trail, ensure_ascii=False))


def trail_of(pack: Path) -> dict[str, Any]:
    trail: dict[str, Any] = json.loads((pack / layout.TRAIL).read_text())
    return trail


def put_trail(pack: Path, trail: dict[str, Any]) -> None:
    (pack / layout.TRAIL).write_text(json.dumps(trail, ensure_ascii=False))


def put_note(pack: Path, note: bytes, other: bytes) -> None:
    """Put another checkpoint wherever the pack has its own."""
    put_trail(pack, trail_of(pack) | {"checkpoint": other.decode()})
    for path in [pack / layout.CHECKPOINT, *(pack / layout.PROOFS).iterdir()]:
        path.write_bytes(path.read_bytes().replace(note, other))


class Taken:
    """A COSE_Sign1 taken apart, to be put together in another way."""

    def __init__(self, raw: bytes) -> None:
        tag = cbor2.loads(raw)
        self.tag: int | None = tag.tag
        protected, self.unprotected, self.payload, self.signature = tag.value
        self.header: dict[Any, Any] = cbor2.loads(protected)
        self._protected: bytes = protected

    @property
    def protected(self) -> bytes:
        """As it arrived, or as the changed header would be written."""
        same = cbor2.loads(self._protected) == self.header
        return self._protected if same else cbor2.dumps(self.header)

    def raw(self) -> bytes:
        """Together again."""
        frame = [self.protected, self.unprotected, self.payload, self.signature]
        return cbor2.dumps(frame if self.tag is None else cbor2.CBORTag(self.tag, frame))

    def signed(self, signer: Signer, *, kid: bool = True) -> bytes:
        """Together again, signed anew over what it says now."""
        if kid:
            self.header[4] = signer.public.kid
        payload = b"" if self.payload is None else self.payload
        message = cbor2.dumps(["Signature1", self.protected, b"", payload])
        signature = signer.sign(message)
        self.signature = signature if isinstance(signer, Ed25519Signer) else low_s(signature)
        return self.raw()


def record_digest(record: bytes) -> bytes:
    return hashlib.sha256(record).digest()
