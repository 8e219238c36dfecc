"""What the log proves about itself: receipts, paths, the trust anchors. Nothing is appended.

A receipt and the checkpoint sent with it must be of one size. Take ``checkpoint()`` once
and hand it to ``receipts`` and ``proved`` as ``at``: the log may grow in between.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import LogDamagedError, LogRewoundError, NotFoundError
from gateway.keys import GatewayKeys
from gateway.log.checkpoints import Checkpoints, SignedCheckpoint
from gateway.log.lookups import LogLookups
from gateway.log.models import LogEntry
from gateway.log.tree import StoredTree
from hashing.errors import ProofError
from hashing.keys import Signer
from hashing.merkle import consistency_proof, inclusion_proof, root_at, root_from_inclusion
from hashing.receipt import sign_receipt
from protocols.anchors import Anchors
from protocols.ids import gateway_urn
from protocols.messages import Proved


class SignsOnce:
    """A signer that signs the same bytes once: a root, for all receipts that lead to it.

    Attributes:
        at: size and root of the tree that is signed. issued_at: seconds since 1970.
    """

    def __init__(self, signer: Signer, at: tuple[int, bytes], issued_at: int) -> None:
        self.algorithm, self.public = signer.algorithm, signer.public
        self.at, self.issued_at = at, issued_at
        self.sign = functools.lru_cache(maxsize=2)(signer.sign)


class LogProofs(LogLookups):
    """Proofs from the newest signed checkpoint back."""

    def __init__(
        self, database: Database, keys: GatewayKeys, clock: GatewayClock, *, name: str
    ) -> None:
        super().__init__(database)
        self._keys = keys
        self._clock = clock
        self._issuer = gateway_urn(name)
        self._tree = StoredTree(database)
        self._checkpoints: Checkpoints | None = None
        self._current: SignedCheckpoint | None = None
        self._receipting: SignsOnce | None = None

    def checkpoint(self) -> SignedCheckpoint:
        """The newest signed checkpoint."""
        if self._current is None:
            msg = "the log is not open"
            raise RuntimeError(msg)
        return self._current

    async def receipt(self, index: int, *, at: SignedCheckpoint | None = None) -> bytes:
        """RFC 9942 receipt for one entry at a checkpoint; see ``receipts``."""
        return (await self.receipts([index], at=at))[0]

    async def receipts(
        self, indices: Sequence[int], *, at: SignedCheckpoint | None = None
    ) -> list[bytes]:
        """RFC 9942 receipts for entries.

        Those at one checkpoint share one signature: the key may be in a slow token, and whoever
        has many of them verifies it once (docs/decisions/0020).

        Args:
            indices: positions.
            at: the checkpoint they are for; the newest by default.

        Raises:
            NotFoundError: a position the checkpoint does not cover.
            LogDamagedError: the database would lead to another root than was signed.
            KeyAwayError: they cannot be signed now.
        """
        at = at or self.checkpoint()
        paths = await self._proof(indices, at.size)
        leaves = await self._leaves(indices)
        for index, path in zip(indices, paths, strict=True):
            if root_from_inclusion(leaves[index], index, at.size, path) != at.root:
                msg = f"entry {index} does not lead to the root signed for size {at.size}"
                raise LogDamagedError(msg)
        signer, origin = self._signer(at), self.anchors().origin

        def signed() -> list[bytes]:
            return [
                sign_receipt(
                    signer,
                    size=at.size,
                    index=index,
                    path=path,
                    root=at.root,
                    issuer=self._issuer,
                    subject=origin,
                    issued_at=signer.issued_at,
                )
                for index, path in zip(indices, paths, strict=True)
            ]

        return await self._keys.sign(signed)

    async def proved(self, from_size: int, *, at: SignedCheckpoint | None = None) -> Proved:
        """A checkpoint with the way to it from one that a dock has accepted.

        Raises:
            LogRewoundError: ``from_size`` is beyond the checkpoint. A dock that can prove
                such a size holds a history that this log has lost.
        """
        at = at or self.checkpoint()
        if from_size > at.size:
            msg = f"somebody holds a checkpoint of size {from_size}; this log has {at.size}"
            raise LogRewoundError(msg)
        path = await self.consistency(from_size, at.size)
        return Proved(at.note, from_size, tuple(path))

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """RFC 9162 inclusion path of an entry in the tree of a given size.

        Raises:
            NotFoundError: no such size yet, or no such entry in it.
        """
        return (await self._proof([index], size))[0]

    async def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """RFC 9162 consistency path between two sizes.

        Raises:
            NotFoundError: not two sizes this log has had, in this order.
        """
        self._check_size(new_size)
        try:
            return await self._tree.compute(
                lambda read: consistency_proof(read, old_size, new_size)
            )
        except ProofError as error:
            raise NotFoundError(str(error)) from error

    async def nodes(self, wanted: Iterable[tuple[int, int]]) -> list[bytes]:
        """Complete nodes of the tree, by level and index.

        Raises:
            LogDamagedError: the database lacks one.
        """
        places = list(wanted)
        return await self._tree.compute(lambda read: [read(*place) for place in places])

    async def confirm(self, size: int, root: bytes) -> None:
        """Check that this log contains a checkpoint somebody has accepted.

        Raises:
            LogRewoundError: it does not, now or any more.
        """
        if size > self.checkpoint().size:
            msg = f"a checkpoint of size {size} is known; this log has {self.checkpoint().size}"
            raise LogRewoundError(msg)
        if await self._tree.compute(lambda read: root_at(read, size)) != root:
            msg = f"a checkpoint of size {size} with another root is known"
            raise LogRewoundError(msg)

    def anchors(self) -> Anchors:
        """What a dock or verifier has to trust, with the newest checkpoint pinned."""
        if self._checkpoints is None:
            msg = "the log is not open"
            raise RuntimeError(msg)
        return Anchors(
            self._issuer,
            self._keys.statement.public,
            self._keys.receipt.public,
            self._checkpoints.key,
            self.checkpoint().note,
        )

    def _signer(self, at: SignedCheckpoint) -> SignsOnce:
        """Signs the root of a checkpoint; the last one is remembered, with when it signed."""
        place = (at.size, at.root)
        signer = self._receipting
        if signer is None or signer.at != place:
            signer = SignsOnce(self._keys.receipt, place, self._clock.epoch_s())
            self._receipting = signer
        return signer

    async def _proof(self, indices: Sequence[int], size: int) -> list[list[bytes]]:
        self._check_size(size)
        try:
            return await self._tree.compute(
                lambda read: [inclusion_proof(read, index, size) for index in indices]
            )
        except ProofError as error:
            raise NotFoundError(str(error)) from error

    def _check_size(self, size: int) -> None:
        if size > self.checkpoint().size:
            msg = f"the log has {self.checkpoint().size} entries, not {size}"
            raise NotFoundError(msg)

    async def _leaves(self, indices: Sequence[int]) -> dict[int, bytes]:
        query = select(LogEntry.index, LogEntry.leaf).where(LogEntry.index.in_(indices))
        async with self._database.reading() as session:
            rows = await session.execute(query)
            return {index: leaf for index, leaf in rows}  # noqa: C416  # a row is not a pair to mypy
