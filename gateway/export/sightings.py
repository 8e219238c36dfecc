"""Who outside saw the log that a pack comes from: cosigned and stamped checkpoints for it.

A pack is made in a moment and witnesses answer later, so its receipts are for a checkpoint that
they have cosigned already wherever one covers everything in it. What was seen earlier goes along
too: the first sighting after a sealing says by when that footage was there.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.cosigning.kept import MAX_PAGE, CosignedCheckpoints
from gateway.cosigning.rounds import Rounds
from gateway.errors import NotFoundError
from gateway.log.service import Log, SignedCheckpoint
from gateway.stamping.kept import Stamps
from gateway.stamping.rounds import Stamping
from hashing.errors import HashingError
from hashing.note import Checkpoint, cosignatures, open_checkpoint
from protocols.pack.sightings import MAX_SIGHTINGS, Sighting

_LOOK_S = 0.2
_NEWER = 8


@dataclass(frozen=True, slots=True)
class Witnessing:
    """How far the entries of an export have been seen by others.

    Attributes:
        needed: the checkpoint has to be of this size at least.
        asked: names of the witnesses of the configuration.
        cosigned: those of them that cosigned the best checkpoint of that size.
        stamped: whether one of that size is stamped; None where no authority is configured.
    """

    needed: int
    asked: tuple[str, ...]
    cosigned: tuple[str, ...]
    stamped: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether nobody is missing that the configuration names."""
        return len(self.cosigned) == len(self.asked) and self.stamped is not False


class Outside:
    """What witnesses and time stamping authorities gave, as packs need it."""

    def __init__(
        self,
        log: Log,
        cosigned: CosignedCheckpoints,
        rounds: Rounds,
        stamps: Stamps,
        stamping: Stamping,
    ) -> None:
        self._log = log
        self._kept = cosigned
        self._rounds = rounds
        self._stamps = stamps
        self._stamping = stamping

    async def within(self, needed: int, seconds: float) -> Witnessing:
        """Wait for everybody who is configured, but no longer than this.

        Raises:
            GatewayError: database or store cannot be read.
        """
        until = asyncio.get_running_loop().time() + seconds
        if seconds and not (await self._now(needed)).is_whole:
            self._stamping.hasten()
        while True:
            standing = await self._now(needed)
            if standing.is_whole or asyncio.get_running_loop().time() >= until:
                return standing
            await asyncio.sleep(_LOOK_S)

    async def choose(self, needed: int) -> SignedCheckpoint | None:
        """The checkpoint of at least this size with the most cosignatures, the earliest of them.

        None when no witness of the configuration saw one; then the newest has to do.
        """
        best, most = None, 0
        for note in await self._kept.since(needed, MAX_PAGE):
            if (count := len(self._cosigners(note))) > most:
                best, most = note, count
        if best is None:
            return None
        head = open_checkpoint(best, self._log.anchors().checkpoint_key)
        return SignedCheckpoint(head.size, head.root, best)

    async def cosigned(
        self, head: Checkpoint, needed: int, sealed: Iterable[int]
    ) -> tuple[Sighting, ...]:
        """Cosigned checkpoints other than ``head``: the first after each sealing, and the newest.

        Args:
            head: of the pack.
            needed: position after its newest entry.
            sealed: positions of the sealings in it.
        """
        notes: dict[int, bytes] = {}
        for index in sorted(set(sealed)):
            if not any(size > index for size in notes):
                notes |= self._by_size(await self._kept.since(index + 1, 1))
        notes |= self._by_size(await self._kept.newest(1))
        notes |= self._by_size(await self._kept.since(needed, _NEWER))
        notes.pop(head.size, None)
        found = [await self._seen(size, notes[size], head) for size in _few(notes)]
        return tuple(each for each in found if each is not None)

    async def stamped(self, head: Checkpoint, sealed: Iterable[int]) -> tuple[Sighting, ...]:
        """Stamped checkpoints: the first after each sealing, and the newest."""
        sizes = sorted(await self._stamps.sizes())
        wanted = {sizes[-1]} if sizes else set()
        for index in sealed:
            place = bisect_left(sizes, index + 1)
            wanted |= set(sizes[place : place + 1])
        found = []
        for size in _few(wanted):
            stamp = await self._stamps.of(size)
            sighting = None if stamp is None else await self._seen(size, stamp.note, head)
            if stamp is not None and sighting is not None:
                found.append(Sighting(stamp.note, sighting.way, stamp.response))
        return tuple(found)

    async def _now(self, needed: int) -> Witnessing:
        best = await self.choose(needed)
        names = () if best is None else self._cosigners(best.note)
        stamped = None
        if self._stamping.is_configured:
            stamped = (await self._stamps.newest_size() or 0) >= needed
        return Witnessing(needed, self.asked, names, stamped)

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the witnesses of the configuration."""
        return tuple(standing.key.name for standing in self._rounds.standings)

    def _cosigners(self, note: bytes) -> tuple[str, ...]:
        keys = [standing.key for standing in self._rounds.standings]
        return tuple(name for name, _ in cosignatures(note, keys))

    def _by_size(self, notes: Sequence[bytes]) -> dict[int, bytes]:
        key = self._log.anchors().checkpoint_key
        found = {}
        for note in notes:
            try:
                found[open_checkpoint(note, key).size] = note
            except HashingError:
                continue
        return found

    async def _seen(self, size: int, note: bytes, head: Checkpoint) -> Sighting | None:
        old, new = sorted((size, head.size))
        try:
            return Sighting(note, tuple(await self._log.consistency(old, new)))
        except NotFoundError:
            # Of a history that this log has lost; alarms about that are raised elsewhere.
            return None


def _few(sizes: Iterable[int]) -> list[int]:
    """At most as many sizes as a pack holds, ascending; the largest are kept."""
    return sorted(sizes)[-MAX_SIGHTINGS:]
