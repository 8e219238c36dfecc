"""What a repair that was cut had still to say: a note in the store, from before the swap on.

The object comes first and the log second (protocols/SPEC 6), so between the two a repaired
object would lie there without a word. The note is that word: whoever opens the log next states it
if the object is whole, and drops it if the swap never came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog
from pydantic import ValidationError

from gateway.storage.store import Store
from protocols.ids import ClipId
from protocols.kinds import ClipRepaired

_FOLDER = "repairs"
_event = structlog.get_logger("gateway.repair")


async def keep(store: Store, body: ClipRepaired) -> None:
    """Write down what will have been done, durably."""
    await store.put_bytes(_key(body), body.model_dump_json().encode())


async def drop(store: Store, body: ClipRepaired) -> None:
    """It was said, or did not happen."""
    await store.delete(_key(body))


async def left(store: Store) -> AsyncIterator[ClipRepaired]:
    """What earlier runs left; a note that cannot be read stays where it is, and is told."""
    async for key in store.iterate(_FOLDER):
        try:
            yield ClipRepaired.model_validate_json(await store.get_bytes(key))
        except ValidationError as error:
            _event.error("repair.note-unreadable", key=key, reason=str(error))


def _key(body: ClipRepaired) -> str:
    clip = ClipId.parse(body.clip)
    return f"{_FOLDER}/{clip.dock}/{clip.epoch}/{clip.seq}"
