"""C2SP tlog-proof texts, and the ways from earlier checkpoints to the pack's."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from protocols.errors import ProtocolError
from protocols.json_once import read_once
from protocols.trail.document import Path, Position, TrailConsistency

MAX_CONSISTENCY = 64 << 20
MAX_EARLIER = 50_000
_HEAD = "c2sp.org/tlog-proof@v1\n"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")
_STEP = re.compile("[A-Za-z0-9+/]{43}=")
_HASH = 32


class ProofFileError(ProtocolError):
    """A proof file is not in its form."""


@dataclass(frozen=True, slots=True)
class LogProof:
    """Where an entry stands, the way from it to the root, and the checkpoint."""

    index: int
    path: tuple[bytes, ...]
    note: bytes

    def text(self) -> bytes:
        """The proof as C2SP writes it."""
        hashes = "".join(f"{base64.b64encode(step).decode()}\n" for step in self.path)
        return f"{_HEAD}index {self.index}\n{hashes}\n".encode() + self.note

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read one without extra data.

        Raises:
            ProofFileError: not in the one form that is written here.
        """
        head, blank, note = raw.partition(b"\n\n")
        lines = head.decode(errors="replace").split("\n")
        if not blank or f"{lines[0]}\n" != _HEAD or not lines[1:]:
            raise ProofFileError("not a tlog-proof")
        found = _INDEX.match(lines[1])
        if found is None:
            raise ProofFileError("tlog-proof without an index")
        proof = cls(int(found[1]), tuple(_hash(line) for line in lines[2:]), note)
        if proof.text() != raw:
            raise ProofFileError("tlog-proof in another form than its own")
        return proof


class EarlierCheckpoints(BaseModel):
    """``consistency.json``: for whoever pinned an earlier checkpoint, the way to the pack's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    size: Position
    earlier: Annotated[tuple[TrailConsistency, ...], Field(max_length=MAX_EARLIER)]

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read it.

        Raises:
            ProofFileError: too large, or not such a list.
        """
        if len(raw) > MAX_CONSISTENCY:
            raise ProofFileError(f"{len(raw)} bytes; {MAX_CONSISTENCY} allowed")
        try:
            ways = cls.model_validate(read_once(raw))
        except (ValueError, RecursionError) as error:
            raise ProofFileError("not a list of ways from earlier checkpoints") from error
        if not all(_STEP.fullmatch(step) for way in ways.earlier for step in way.path):
            # Most ways are for trust files of others: here nobody follows them.
            raise ProofFileError("its ways hold something else than hashes")
        sizes = [way.from_size for way in ways.earlier]
        if any(one >= other for one, other in pairwise([*sizes, ways.size])):
            # Of two ways from one size, one reader takes the first and another the last.
            raise ProofFileError("its ways do not ascend to the size of its checkpoint, each once")
        return ways

    def way_from(self, size: int) -> TrailConsistency | None:
        """The way from a checkpoint of that size, if it is here."""
        return next((way for way in self.earlier if way.from_size == size), None)


def way(from_size: int, path: Sequence[bytes]) -> TrailConsistency:
    """A way as it is written down."""
    steps: Path = tuple(base64.b64encode(step).decode() for step in path)
    return TrailConsistency(from_size=from_size, path=steps)


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except ValueError as error:
        raise ProofFileError("tlog-proof with a line that is no base64") from error
    if len(raw) != _HASH:
        raise ProofFileError("tlog-proof with a hash that is not 32 bytes")
    return raw
