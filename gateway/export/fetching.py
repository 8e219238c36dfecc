"""One original from the gateway into the pack: resumed where it was cut, compared at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from gateway.errors import ConflictError, SetupError
from hashing.digest import ContentDigest, Digester
from protocols.trail import ExpectedContent

_CHUNK = 1 << 20
Advance = Callable[[int], None]
Read = Callable[[int], Iterator[bytes]]
"""The clip's bytes from this one on."""


class NotAsSealedError(ConflictError):
    """The gateway's copy of a clip is not what its dock sealed."""


def fetch(
    read: Read,
    expected: ExpectedContent,
    target: Path,
    advance: Advance,
    leaves: tuple[bytes, ...] | None = None,
) -> ContentDigest:
    """Bring an original into a file; the whole pack is made durable at its end.

    What an earlier run left is hashed and kept; when the whole then differs, it is fetched
    once more from its beginning, because a torn file proves nothing about the gateway's.

    Args:
        read: brings the bytes.
        expected: what was sealed.
        target: the file.
        advance: told of bytes that are in.
        leaves: hashes that lead to the sealed root; without them the leaves are hashed, too.

    Raises:
        NotAsSealedError: the gateway's bytes differ. SetupError: the file cannot be written.
        ApiError: the gateway does not answer, or refuses; run again to go on.
    """
    try:
        with _opened(target) as file:
            resumed = os.fstat(file.fileno()).st_size > 0
            digest = _fetched(read, expected, file, advance, leaves)
            if resumed and not _is(digest, expected):
                file.truncate(0)
                digest = _fetched(read, expected, file, advance, leaves)
    except OSError as error:
        raise SetupError(f"{target}: {error.strerror}; run again to go on") from error
    check_as_sealed(digest, expected)
    return digest


def check_as_sealed(digest: ContentDigest, expected: ExpectedContent) -> None:
    """Refuse what is not what was sealed.

    Raises:
        NotAsSealedError: the gateway's bytes differ.
    """
    if not _is(digest, expected):
        raise NotAsSealedError(
            f"{expected.clip}: the gateway's copy has SHA-256 {digest.sha256.hex()}, sealed was "
            f"{expected.sha256.hex()}; nothing was delivered. Look into its store: "
            "evidock-gateway log check-store --content"
        )


def _fetched(
    read: Read,
    expected: ExpectedContent,
    file: BinaryIO,
    advance: Advance,
    leaves: tuple[bytes, ...] | None,
) -> ContentDigest:
    with Digester(leaves) as digester:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            digester.update(chunk)
            advance(len(chunk))
        have = file.tell()
        if have < expected.size:
            for chunk in read(have):
                file.write(chunk)
                digester.update(chunk)
                advance(len(chunk))
        file.flush()
        return digester.finish()


def _opened(target: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(target, flags, 0o640), "r+b")


def _is(digest: ContentDigest, expected: ExpectedContent) -> bool:
    said = (expected.size, expected.sha256, expected.root)
    return (digest.size, digest.sha256, digest.root) == said
