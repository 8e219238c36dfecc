"""Time stamps in the object store: one object for each, with the checkpoint it is over."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from gateway.errors import ObjectMissingError
from gateway.storage.store import Store
from hashing import cbor
from hashing.errors import HashingError

FOLDER = "log/stamped"
_MAX = 256 << 10
_event = structlog.get_logger("gateway.stamping")


@dataclass(frozen=True, slots=True)
class Stamped:
    """A checkpoint with its stamp: the signed note, and the authority's answer in DER."""

    note: bytes
    response: bytes


def stamped_key(size: int) -> str:
    """Object key of the stamp over the checkpoint of a size."""
    return f"{FOLDER}/{size:020d}"


class Stamps:
    """Kept stamps."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, size: int, stamped: Stamped) -> None:
        """Keep one; durable at return. The caller has checked it; raises StoreError."""
        data = cbor.dumps({"v": 1, "note": stamped.note, "response": stamped.response})
        await self._store.put_bytes(stamped_key(size), data)

    async def newest_size(self) -> int | None:
        """Size of the largest checkpoint with a stamp; raises StoreError."""
        return max(await self.sizes(), default=None)

    async def sizes(self) -> list[int]:
        """Sizes of the checkpoints that have a stamp, ascending; raises StoreError."""
        names = [key.rpartition("/")[2] async for key in self._store.iterate(FOLDER)]
        return [int(name) for name in names if name.isdecimal()]

    async def of(self, size: int) -> Stamped | None:
        """The stamp over the checkpoint of this size; raises StoreError."""
        return await self._read(stamped_key(size))

    async def since(self, size: int, limit: int) -> list[Stamped]:
        """Stamps over checkpoints of at least this size, the smallest first; raises StoreError."""
        keys = [key async for key in self._store.iterate(FOLDER) if key >= stamped_key(size)]
        read = [await self._read(key) for key in keys[:limit]]
        return [stamped for stamped in read if stamped is not None]

    async def _read(self, key: str) -> Stamped | None:
        try:
            document = cbor.loads_strict(await self._store.get_bytes(key), max_size=_MAX)
        except (HashingError, ObjectMissingError) as error:
            _event.warning("stamp.unreadable", key=key, reason=str(error))
            return None
        match document:
            case {"v": 1, "note": bytes(note), "response": bytes(response)}:
                return Stamped(note, response)
            case _:
                _event.warning("stamp.unreadable", key=key, reason="not a kept stamp")
                return None
