"""A dock's statement key gives way to a new one: what proves that, and which key signs where.

The dock says so itself, in its own ledger, under the key that it gives up; the new key proves in
the same record that somebody holds it. So neither a gateway gone bad nor a stranger can give a
dock another key, and no dock can take a key that is not its own. From the entry after that one on
the new key signs: a place in the ledger has exactly one key, whatever any clock says (SPEC 10).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hashing.errors import HashingError
from hashing.keys import Algorithm, KeyKind, PublicKey, Signer
from protocols.errors import RotationError
from protocols.ids import EntryId, dock_urn
from protocols.kinds import KeyRotated

Place: TypeAlias = tuple[int, int]
"""Epoch and number of an entry of a ledger; they order as the ledger does."""

_HEAD = "evidock key rotation v1"


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation whose proof holds.

    Attributes:
        place: of the entry that states it, the last one under the key that is given up.
        previous: the key that is given up. key: the one that signs from the next entry on.
    """

    place: Place
    previous: PublicKey
    key: PublicKey


@dataclass(frozen=True, slots=True)
class DockKeys:
    """The keys of one dock, each from the entry after its rotation on."""

    first: PublicKey
    rotations: tuple[Rotation, ...] = ()

    @property
    def newest(self) -> PublicKey:
        """The key that signs after the last known rotation."""
        return self.rotations[-1].key if self.rotations else self.first

    @property
    def last_place(self) -> Place:
        """Of the last known rotation; before every place when there is none."""
        return self.rotations[-1].place if self.rotations else (-1, -1)

    @property
    def kids(self) -> frozenset[bytes]:
        """Ids of all of them."""
        return frozenset({self.first.kid, *(each.key.kid for each in self.rotations)})

    def at(self, place: Place) -> PublicKey:
        """The one key that signs the entry at this place."""
        key = self.first
        for rotation in self.rotations:
            if rotation.place >= place:
                break
            key = rotation.key
        return key

    def given_up(self, kid: bytes | None, place: Place) -> Place | None:
        """Where a key was given up that signs no more at this place; None for any other."""
        for rotation in self.rotations:
            if rotation.previous.kid == kid and rotation.place < place:
                return rotation.place
        return None

    def after(self, rotation: Rotation) -> DockKeys:
        """These keys and one more.

        Raises:
            RotationError: it does not continue them, or names a key this dock had before.
        """
        if rotation.place <= self.last_place:
            raise RotationError("it stands before a rotation that is known already")
        if rotation.previous.kid != self.newest.kid:
            raise RotationError("it gives up another key than the one that signs there")
        if rotation.key.kid in self.kids:
            raise RotationError("it goes back to a key that this dock had before")
        return DockKeys(self.first, (*self.rotations, rotation))


def proof_text(entry: EntryId, previous: bytes, kid: bytes) -> bytes:
    """What the new key signs: bound to dock, place and both keys, so that it fits nowhere else."""
    lines = (_HEAD, dock_urn(entry.dock), f"{entry.epoch}.{entry.seq}", previous.hex(), kid.hex())
    return ("\n".join(lines) + "\n").encode("ascii")


def rotated(
    entry: EntryId,
    previous: PublicKey,
    new: Signer,
    *,
    by: str | None = None,
    reason: str | None = None,
    certificates: Sequence[str] = (),
) -> KeyRotated:
    """What a dock states at this entry, which the key that is given up has yet to sign.

    Args:
        entry: the place where it will stand.
        previous: the key that signs there.
        new: signs from the next entry on.
        by: who wants it.
        reason: why, in their words.
        certificates: as in ``dock.enrolled``; told to readers, and proves nothing here.
    """
    key = new.public
    proof = new.sign(proof_text(entry, previous.kid, key.kid))
    return KeyRotated(
        statement_key=key.pem(),
        kid=key.kid.hex(),
        previous_key=previous.pem(),
        proof=base64.b64encode(proof).decode(),
        by=by,
        reason=reason,
        certificates=tuple(certificates) or None,
    )


def open_rotation(body: KeyRotated, entry: EntryId) -> Rotation:
    """Check what a record states of a rotation, but for who signed the record.

    Args:
        body: as stated.
        entry: where the statement stands; one copied from elsewhere does not fit.

    Raises:
        RotationError: a key cannot be used, or nothing proves that somebody holds the new one.
    """
    try:
        previous, key = (
            PublicKey.from_pem(body.previous_key),
            PublicKey.from_pem(body.statement_key),
        )
        proof = base64.b64decode(body.proof, validate=True)
    except (HashingError, ValueError) as error:
        raise RotationError(f"unusable key or proof: {error}") from error
    if key.kind is not KeyKind.P256:
        raise RotationError("a statement key is a P-256 key")
    if key.kid.hex() != body.kid:
        raise RotationError(f"names {body.kid[:16]}… for a key that is {key.kid.hex()[:16]}…")
    if key.kid == previous.kid:
        raise RotationError("the new key is the old one")
    try:
        key.verify(Algorithm.ES256, proof_text(entry, previous.kid, key.kid), proof)
    except HashingError as error:
        raise RotationError(f"nobody proves to hold the new key: {error}") from error
    return Rotation((entry.epoch, entry.seq), previous, key)
