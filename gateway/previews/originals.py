"""A stored clip as the maker takes it."""

from __future__ import annotations

from gateway.evidence import service as evidence
from gateway.evidence.models import Clip
from gateway.previews.maker import Original
from gateway.storage.local import LocalStore


def original_of(clip: Clip, store: LocalStore, key: str | None) -> Original:
    """Where it lies, what it must be, and what opens it.

    Args:
        clip: a clip that is stored.
        store: where it is.
        key: of an encrypted one, 32 hex digits.
    """
    path = store.path(evidence.object_key(clip.id))
    return Original(str(clip.id), path, clip.size, clip.sha256, key)
