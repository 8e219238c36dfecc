"""A log that may lie, as values: signed checkpoints over any leaves, with any proofs."""

from __future__ import annotations

from dataclasses import dataclass, field

from hashing.keys import Ed25519Signer
from hashing.merkle import consistency_proof, leaf_hash, leaf_reader, root
from hashing.note import Checkpoint, NoteKey, SignatureType, sign_checkpoint
from protocols.witnessing import AddCheckpoint

TREE_ORIGIN = "evidock.example/tree"


@dataclass
class TreeLog:
    """Entries under one key; ``leaves`` may be edited, as an administrator would a row."""

    leaves: list[bytes] = field(default_factory=list)
    signer: Ed25519Signer = field(default_factory=Ed25519Signer.generate)
    origin: str = TREE_ORIGIN

    @property
    def key(self) -> NoteKey:
        """The log's public key."""
        return NoteKey(self.origin, self.signer.public, SignatureType.ED25519)

    def grow(self, count: int, what: str = "entry") -> None:
        """Append entries."""
        self.leaves += [leaf_hash(f"{what} {len(self.leaves) + n}".encode()) for n in range(count)]

    def note(self, size: int) -> bytes:
        """The signed checkpoint of the first ``size`` entries."""
        checkpoint = Checkpoint(self.origin, size, root(self.leaves[:size]))
        return sign_checkpoint(checkpoint, self.signer, self.origin)

    def asked(self, old: int, size: int) -> bytes:
        """The body that asks a witness to go from ``old`` to ``size``."""
        proof = consistency_proof(leaf_reader(self.leaves), old, size)
        return AddCheckpoint(old, tuple(proof), self.note(size)).encode()

    def fork(self, at: int, count: int) -> TreeLog:
        """Another history under the same key, from position ``at`` on."""
        other = TreeLog(self.leaves[:at], self.signer, self.origin)
        other.grow(count, "another history's entry")
        return other
