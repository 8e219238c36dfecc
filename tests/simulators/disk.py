"""Where a store's objects lie on this machine, for tests that spoil them behind its back."""

from __future__ import annotations

from pathlib import Path

from gateway.storage.local import LocalStore
from gateway.storage.store import Store
from tests.simulators.bucket import Buckets

served: tuple[Buckets, str] | None = None
"""The service, and the address in it, of a test whose gateway keeps its objects in a bucket."""


def path_of(store: Store, key: str) -> Path:
    """The file of an object, whether it is there or not."""
    if isinstance(store, LocalStore):
        return store.path(key)
    assert served is not None
    buckets, where = served
    return buckets.path_of(where, key)
