"""The digests of a pack's files: every file is read once, and all cores read.

A file of a few MiB is hashed by one thread from end to end, several files at a time: handing its
pieces from thread to thread took as long as hashing them. A larger original has two threads of its
own, one for the whole and one for the leaves. Of a pack of any size only a few MiB are held.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from threading import Event, Lock
from typing import BinaryIO

from hashing.digest import ContentDigest, Digester
from protocols.pack import layout
from protocols.progress import Progress
from verifier.sources import Source

Digest = tuple[str, ContentDigest | None]
"""SHA-256 in hex; of an original its leaves, too."""

# Two of them wait for each thread of a large original.
_CHUNK = 2 << 20
# Below this a file is hashed before another thread would have begun with it.
_TINY = 64 << 10
_LARGE = 16 << 20
_WAITING = 4


class _EndedError(Exception):
    """Nobody waits for this file any more."""


def hashed(
    source: Source, paths: Iterable[str], progress: Progress
) -> Iterator[tuple[str, Digest | OSError]]:
    """Every file with its digest, or with why it cannot be read; in no order.

    Args:
        source: the pack.
        paths: files of it, each once.
        progress: told how many bytes were read.
    """
    sized = sorted(((source.sizes[path], path) for path in paths), reverse=True)
    threads = os.cpu_count() or 1
    reader = _Reader(source, progress)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="evidock-verify")
    try:
        # The largest first: what comes last should not keep one core busy and the others waiting.
        larger = (pool.submit(reader.digest, path) for size, path in sized if size >= _TINY)
        waiting = set(islice(larger, threads * _WAITING))
        yield from (reader.digest(path) for size, path in sized if size < _TINY)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            waiting.update(islice(larger, len(done)))
            yield from (each.result() for each in done)
    finally:
        # Whoever breaks off does not wait for the rest of 200 GB.
        reader.ended.set()
        pool.shutdown(cancel_futures=True)


class _Reader:
    """Reads for all threads, one at a time: a disk that turns between two files loses its speed."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._progress = progress
        self._one = Lock()
        self.ended = Event()

    def digest(self, path: str) -> tuple[str, Digest | OSError]:
        try:
            with self._source.open(path) as file:
                if path.startswith(layout.ORIGINALS):
                    return path, self._content(file, self._source.sizes[path])
                return path, self._whole(file)
        except OSError as error:
            return path, error

    def _whole(self, file: BinaryIO) -> Digest:
        hasher = hashlib.sha256()
        for chunk in self._chunks(file):
            hasher.update(chunk)
        return hasher.hexdigest(), None

    def _content(self, file: BinaryIO, size: int) -> Digest:
        with Digester(threaded=size >= _LARGE) as digester:
            for chunk in self._chunks(file):
                digester.update(chunk)
            content = digester.finish()
        return content.sha256.hex(), content

    def _chunks(self, file: BinaryIO) -> Iterator[bytes]:
        while True:
            with self._one:
                if self.ended.is_set():
                    raise _EndedError
                chunk = file.read(_CHUNK)
                self._progress.advance(len(chunk))
            if not chunk:
                return
            yield chunk
