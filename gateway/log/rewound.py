"""A log that was shown a checkpoint of its own that it does not contain.

That happens when store and database were restored from the same old copy, which nothing in
them can tell. The proof is kept in the store, and while it lies there nothing is appended and
no start succeeds: going on would sign a second history. A dock's word is no proof, since a dock
gone bad could stop the gateway with it; a note signed by the log's own key is.
"""

from __future__ import annotations

from gateway.errors import LogBusyError, LogRewoundError, NotFoundError, ObjectMissingError
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.note import Checkpoint, parse_note

KEY = "log/rewound"
WHAT_TO_DO = (
    "a checkpoint that this log has signed and does not contain was shown to it, and is kept in "
    f"the store as {KEY}: bring back the newer store; see docs/operations.md, Backup and restore"
)
_CLEARED = "log/rewound-cleared"


async def refuse(store: Store) -> None:
    """Raise LogRewoundError while the store keeps such a proof."""
    if await store.exists(KEY):
        raise LogRewoundError(WHAT_TO_DO)


async def keep(store: Store, note: bytes) -> None:
    """Keep a proof; the caller has verified it."""
    await store.put_bytes(KEY, note)


async def is_cleared(store: Store, checkpoint: Checkpoint) -> bool:
    """Whether an operator has decided to go on in spite of this very checkpoint."""
    return await store.exists(_cleared_key(checkpoint))


async def clear(store: Store) -> str:
    """Let the log go on although it was rewound; the proof is kept under another name.

    Returns:
        Key of the object that keeps it.

    Raises:
        LogBusyError: a gateway is using the store. NotFoundError: there is no proof.
    """
    hold = store.staging.lock("log")
    if hold is None:
        msg = "a gateway has this log open; stop it first"
        raise LogBusyError(msg)
    try:
        try:
            note = await store.get_bytes(KEY)
        except ObjectMissingError as error:
            msg = "this log has been shown no checkpoint that it does not contain"
            raise NotFoundError(msg) from error
        key = _kept_as(note)
        await store.put_bytes(key, note)
        await store.delete(KEY)
        return key
    finally:
        hold.close()


def _kept_as(note: bytes) -> str:
    try:
        return _cleared_key(Checkpoint.parse(parse_note(note).text))
    except HashingError:
        # Not written by this program; it goes out of the way all the same.
        return f"{_CLEARED}/unreadable"


def _cleared_key(checkpoint: Checkpoint) -> str:
    return f"{_CLEARED}/{checkpoint.size:020d}-{checkpoint.root.hex()}"
