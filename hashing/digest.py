"""Digests of a recording while its bytes stream past, at the speed of the copy.

One pass gives the SHA-256 of the whole file and the SHA-256 of every 1 MiB leaf, whose Merkle root
goes into the sealed record. The two run on two threads: on a board without SHA instructions one
core cannot keep up with both. Reading the camera, writing the spool and comparing what was read
back belong to the caller; this module sees bytes only, and never more than 4 MiB of them at once.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hashing import merkle

LEAF_SIZE = 1 << 20
TREE_ALG = "rfc9162-sha256"

_MAX_BUFFERED = 4 << 20
_LEAF_PREFIX = b"\x00"
# Below this a chunk costs more to queue and to release the interpreter lock for than to copy.
_SMALL_CHUNK = 16 << 10


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """What a record states about a file's bytes.

    Attributes:
        size: bytes.
        sha256: of the whole file, as `sha256sum` prints it.
        leaves: `leaf_hash_of` every 1 MiB, the last one shorter; none for an empty file.
        root: RFC 9162 root over the leaves.
    """

    size: int
    sha256: bytes
    leaves: tuple[bytes, ...]
    root: bytes


def leaf_hash_of(parts: Iterable[bytes]) -> bytes:
    """SHA-256(0x00 || parts...) of one file leaf that arrived in parts (RFC 9162 section 2.1.1)."""
    leaf = hashlib.sha256(_LEAF_PREFIX)
    for part in parts:
        leaf.update(part)
    return leaf.digest()


def digest_bytes(data: bytes) -> ContentDigest:
    """Digest of bytes that are already in memory."""
    with Digester() as digester:
        digester.update(data)
        return digester.finish()


class Digester:
    """Streaming digest of one file; any split of the bytes gives the same result.

    Use as a context manager: leaving it joins the threads whatever happened. The first MiB waits
    in memory, so a small file starts no thread. `update` blocks while 4 MiB wait to be hashed.
    """

    def __init__(self, listed: tuple[bytes, ...] | None = None, *, threaded: bool = True) -> None:
        """Begin.

        Args:
            listed: leaf hashes that are known already, from a list that leads to a sealed root;
                they are passed on, and only the whole is hashed. That says what the bytes are
                where the same record seals both.
            threaded: hash in threads of its own; otherwise in the caller's, who has many files.
        """
        self._listed = listed
        self._threaded = threaded
        self._size = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._whole = hashlib.sha256()
        self._leaves = _LeafHasher()
        self._lanes: list[_Lane] = []
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()

    def update(self, data: bytes) -> None:
        """Take the next bytes; the object is kept until hashed, not copied.

        Raises:
            TypeError: not `bytes`; a reused buffer would change under the hashing threads.
            RuntimeError: the digest is finished or aborted.
        """
        if not self._open:
            raise RuntimeError("digest is finished or aborted")
        if type(data) is not bytes:
            raise TypeError(f"a digest takes bytes, not {type(data).__name__}")
        if not data:
            return
        self._size += len(data)
        if not self._threaded:
            for consume in self._consumers():
                consume(data)
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= LEAF_SIZE:
            self._hand_over()

    def finish(self) -> ContentDigest:
        """Wait for the threads and return the digest of all bytes taken.

        Raises:
            RuntimeError: the digest is finished or aborted.
        """
        if not self._open:
            raise RuntimeError("digest is finished or aborted")
        try:
            if self._lanes:
                self._hand_over()
            for lane in self._lanes:
                lane.finish()
            for chunk in self._pending:
                for consume in self._consumers():
                    consume(chunk)
        finally:
            self.abort()
        leaves = self._leaves.finish() if self._listed is None else self._listed
        return ContentDigest(self._size, self._whole.digest(), leaves, merkle.root(leaves))

    def abort(self) -> None:
        """Drop what waits and join the threads; harmless after `finish` and when repeated."""
        self._open = False
        self._pending.clear()
        for lane in self._lanes:
            lane.abort()

    def _consumers(self) -> Iterator[Callable[[bytes], None]]:
        yield self._whole.update
        if self._listed is None:
            yield self._leaves.update

    def _hand_over(self) -> None:
        if not self._lanes:
            # One by one: should the second not start, the first is still there to be joined.
            for consume in self._consumers():
                self._lanes.append(_Lane(consume))
        chunks = self._pending
        if self._pending_bytes < len(chunks) * _SMALL_CHUNK:
            chunks = [b"".join(chunks)]
        for chunk in chunks:
            for lane in self._lanes:
                lane.put(chunk)
        self._pending = []
        self._pending_bytes = 0


class _LeafHasher:
    """Cuts a stream into 1 MiB leaves, hashing across chunk borders without joining chunks."""

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._leaf = hashlib.sha256(_LEAF_PREFIX)
        self._room = LEAF_SIZE

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: self._room]
            self._leaf.update(part)
            self._room -= len(part)
            view = view[len(part) :]
            if not self._room:
                self._close_leaf()

    def finish(self) -> tuple[bytes, ...]:
        if self._room < LEAF_SIZE:
            self._close_leaf()
        return tuple(self._done)

    def _close_leaf(self) -> None:
        self._done.append(self._leaf.digest())
        self._leaf = hashlib.sha256(_LEAF_PREFIX)
        self._room = LEAF_SIZE


class _Lane:
    """One thread that consumes chunks in order, with a bound on the bytes that wait."""

    def __init__(self, consume: Callable[[bytes], None]) -> None:
        self._consume = consume
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._closed = False
        self._failure: BaseException | None = None
        # A daemon, so that a digest nobody closed cannot keep a stopping program alive.
        self._thread = threading.Thread(target=self._run, name="evidock-digest", daemon=True)
        self._thread.start()

    def put(self, chunk: bytes) -> None:
        with self._changed:
            while self._buffered and self._buffered + len(chunk) > _MAX_BUFFERED:
                self._raise_failure()
                self._changed.wait()
            self._raise_failure()
            self._chunks.append(chunk)
            self._buffered += len(chunk)
            self._changed.notify_all()

    def finish(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._raise_failure()

    def abort(self) -> None:
        with self._changed:
            self._chunks.clear()
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (chunk := self._next()) is not None:
            try:
                self._consume(chunk)
            except BaseException as failure:  # noqa: BLE001 -- handed to the thread that feeds us
                with self._changed:
                    self._failure = failure
                    self._changed.notify_all()
                return
            with self._changed:
                self._buffered -= len(chunk)
                self._changed.notify_all()

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._chunks:
                if self._closed:
                    return None
                self._changed.wait()
            return self._chunks.popleft()
