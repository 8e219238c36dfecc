"""Where a store's objects lie on this machine, for tests that spoil them behind its back."""

from __future__ import annotations

from pathlib import Path

from gateway.storage.local import LocalStore
from gateway.storage.store import Store


def path_of(store: Store, key: str) -> Path:
    """The file of an object, whether it is there or not."""
    assert isinstance(store, LocalStore), store
    return store.path(key)
