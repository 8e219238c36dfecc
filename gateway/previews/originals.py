"""A stored clip as the maker takes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.evidence import service as evidence
from gateway.evidence.models import Clip
from gateway.previews.maker import Original
from gateway.storage.store import Store


@asynccontextmanager
async def original_of(clip: Clip, store: Store, key: str | None) -> AsyncIterator[Original]:
    """Where it lies as long as the context is open, what it must be, and what opens it.

    Args:
        clip: a clip that is stored.
        store: where it is.
        key: of an encrypted one, 32 hex digits.

    Raises:
        StoreError: it could not be brought here.
    """
    async with store.as_file(evidence.object_key(clip.id)) as path:
        yield Original(str(clip.id), path, clip.size, clip.sha256, key)
