"""What a log asks of a witness: the body of ``add-checkpoint``, byte for byte (C2SP tlog-witness).

``old`` and the size that the witness cosigned last, the RFC 6962 consistency proof from there in
base64, one hash a line, an empty line, and the checkpoint as a signed note. Both ends read and
write it here. Whether the proof holds is the witness's question (``gateway/witness``).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Self

from hashing.merkle import HASH_SIZE, MAX_TREE_SIZE
from hashing.note import MAX_NOTE
from protocols.errors import ProtocolError

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
"""Content type of a refusal whose body is the size that the witness cosigned last."""
_LINE = 45  # 32 bytes in base64, and a newline
_SIZE = re.compile(rb"(?:0|[1-9][0-9]{0,18})")
_HEAD = re.compile(rb"old (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/]{43}=\n){0,%d})\n" % MAX_PROOF)
MAX_BODY = MAX_NOTE + MAX_PROOF * _LINE + len("old \n\n") + len(str(MAX_TREE_SIZE))


class WitnessingError(ProtocolError):
    """Not in the form of a question to a witness, or of its answer."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A checkpoint that is to be cosigned.

    Attributes:
        old_size: what the log takes for the size that the witness cosigned last.
        proof: consistency path from there to the checkpoint; 32 bytes each.
        note: the checkpoint, a signed note; nothing in it is checked here.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        """The body."""
        lines = [f"old {self.old_size}", *(base64.b64encode(h).decode() for h in self.proof)]
        return "\n".join(lines).encode() + b"\n\n" + self.note

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a body; there is one way to write each.

        Raises:
            WitnessingError: it is not one.
        """
        if len(body) > MAX_BODY:
            raise WitnessingError(f"a body of {len(body)} bytes; {MAX_BODY} allowed")
        head = _HEAD.match(body)
        if head is None:
            raise WitnessingError(
                "not a line 'old' with a size, then at most 63 lines of one base64 hash each, "
                "then an empty line"
            )
        proof = tuple(_hash(line) for line in head[2].splitlines())
        return cls(_size(head[1]), proof, body[head.end() :])


def encode_size(size: int) -> bytes:
    """Body of a refusal that says which size was cosigned last."""
    return b"%d\n" % size


def parse_size(body: bytes) -> int:
    """Read such a body.

    Raises:
        WitnessingError: it is not one.
    """
    if not body.endswith(b"\n") or not _SIZE.fullmatch(body[:-1]):
        raise WitnessingError("the witness named no size")
    return _size(body[:-1])


def _size(digits: bytes) -> int:
    size = int(digits)
    if size > MAX_TREE_SIZE:
        raise WitnessingError(f"{size} is no size of a tree")
    return size


def _hash(line: bytes) -> bytes:
    decoded = base64.b64decode(line)
    # Bits left over in the last digit would be a second way to write the same hash.
    if len(decoded) != HASH_SIZE or base64.b64encode(decoded) != line:
        raise WitnessingError("a line of the proof is not the base64 of 32 bytes")
    return decoded
