"""The new object of a clip: each leaf from the damaged object or from a replica, each checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.crashpoints import reach
from gateway.errors import ConflictError
from gateway.repair.examining import Found, OwnObject
from gateway.repair.replicas import Replica, ReplicaError
from gateway.repair.sealed import Sealed
from hashing import merkle
from hashing.digest import LEAF_SIZE, leaf_hash_of
from protocols.kinds import MAX_REPAIRED_RUNS, RepairedLeaves
from protocols.located import believed

_TOLD = 20


class NotRepairableError(ConflictError):
    """No replica has what is missing; nothing was changed.

    Attributes:
        refused: what replicas gave instead, in words.
    """

    def __init__(self, reason: str, refused: Sequence[str]) -> None:
        super().__init__(reason)
        self.refused = tuple(refused)


@dataclass(slots=True)
class Built:
    """Where the leaves of a new object came from.

    Attributes:
        sources: name of a replica by leaf; a leaf of the store's own has none.
        refused: what replicas gave and what was not taken, in words.
    """

    sources: dict[int, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def runs(self) -> tuple[RepairedLeaves, ...]:
        """Leaves that follow each other and come from one replica, as they go on record."""
        told: list[RepairedLeaves] = []
        for index, source in sorted(self.sources.items()):
            last = told[-1] if told else None
            if last is not None and (last.last, last.source) == (index - 1, source):
                told[-1] = RepairedLeaves(first=last.first, last=index, source=source)
            elif len(told) < MAX_REPAIRED_RUNS:
                told.append(RepairedLeaves(first=index, last=index, source=source))
            else:
                break
        return tuple(told)


def leaf_list(
    kept: bytes | None, found: Found, sealed: Sealed, replicas: Sequence[Replica]
) -> tuple[bytes, ...] | None:
    """The sealed leaf hashes, from whoever has a list that leads to the sealed root.

    Where nobody kept one, a copy whose bytes lead to that root is one as well.

    Args:
        kept: the store's own list, if it has one; not yet believed.
        found: the object.
        sealed: what is looked for.
        replicas: asked in this order.
    """
    if sealed.leaves <= 1:
        # The root of a tree of one leaf is that leaf's hash.
        return (sealed.root,) if sealed.leaves else ()
    own = None if None in found.leaves else b"".join(leaf for leaf in found.leaves if leaf)
    for raw in (kept, own):
        if (listed := believed(raw, sealed.size, sealed.root)) is not None:
            return listed
    for replica in replicas:
        if (listed := believed(replica.leaf_list(sealed), sealed.size, sealed.root)) is not None:
            return listed
    for replica in replicas:
        hashed = _hashed(replica, sealed)
        if hashed is not None and merkle.root(hashed) == sealed.root:
            return hashed
    return None


def _hashed(replica: Replica, sealed: Sealed) -> tuple[bytes, ...] | None:
    try:
        return tuple(leaf_hash_of([replica.leaf(sealed, index)]) for index in range(sealed.leaves))
    except ReplicaError:
        return None


def build(
    staged: Path, own: Path, sealed: Sealed, leaves: Sequence[bytes], replicas: Sequence[Replica]
) -> Built:
    """Write the whole clip into a new file, and make it durable.

    Args:
        staged: the new file; what lies there is written over.
        own: the damaged object, if there is one.
        sealed: what the clip must be.
        leaves: the sealed leaf hashes.
        replicas: asked in this order for what the object does not have.

    Raises:
        NotRepairableError: some leaf is nowhere to be had; the file is gone again.
        OSError: it cannot be written.
    """
    built = Built()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(staged, flags, 0o600)
    try:
        with _opened(own) as there:
            asked = _Asked(sealed, leaves, there, list(replicas), built)
            for index in range(sealed.leaves):
                _write(descriptor, asked.leaf(index), index * LEAF_SIZE)
                reach("repair.leaf-written")
        os.fsync(descriptor)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return built


@dataclass(slots=True)
class _Asked:
    """Asks the object and then each replica for one leaf after the other."""

    sealed: Sealed
    leaves: Sequence[bytes]
    own: OwnObject | None
    replicas: list[Replica]
    built: Built

    def leaf(self, index: int) -> bytes:
        data = None if self.own is None else self.own.leaf(index)
        if data is not None:
            data = data[: self.sealed.leaf_size(index)]
            if leaf_hash_of([data]) == self.leaves[index]:
                return data
        for replica in list(self.replicas):
            given = self._from(replica, index)
            if given is not None:
                self.built.sources[index] = replica.name
                return given
        told = self.built.refused or ["no replica was left to ask"]
        raise NotRepairableError(
            f"{self.sealed.clip}: leaf {index} is to be had nowhere; nothing was changed. "
            "Name a further replica",
            told,
        )

    def _from(self, replica: Replica, index: int) -> bytes | None:
        try:
            data = replica.leaf(self.sealed, index)
        except ReplicaError as error:
            if error.lasting:
                self.replicas.remove(replica)
            self._refuse(f"{replica.name}: leaf {index}: {error}")
            return None
        if leaf_hash_of([data]) != self.leaves[index]:
            self._refuse(f"{replica.name}: leaf {index}: other bytes than were sealed")
            return None
        return data

    def _refuse(self, reason: str) -> None:
        if len(self.built.refused) < _TOLD:
            self.built.refused.append(reason)


@contextmanager
def _opened(own: Path) -> Iterator[OwnObject | None]:
    try:
        there = OwnObject(own)
    except OSError:
        yield None
        return
    with there:
        yield there


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
