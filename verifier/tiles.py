"""A log as a mirror keeps it: C2SP tlog-tiles, with a checkpoint and bundles of entries.

A mirror has the statements and not their records, which may name people. So the tree, the chains
and the gateway's signatures can be checked; docks' keys are stated in records, and theirs cannot.
Hash tiles are not read: every hash in them follows from the entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hashing.note import MAX_NOTE
from hashing.statement import MAX_STATEMENT
from protocols.trail.whole import LoggedEntry
from verifier.errors import VerifierError
from verifier.files import read_regular
from verifier.logs import LogSource

NO_RECORDS = (
    "a mirror has no records: what they say, and docks' signatures, whose keys are stated in "
    "them, were not checked"
)
_WIDTH = 256
_LENGTH = 2
_MAX_BUNDLE = _WIDTH * (MAX_STATEMENT + _LENGTH)


class TiledLog(LogSource):
    """A folder with ``checkpoint`` and ``tile/entries/``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self) -> bytes:
        """The mirrored checkpoint."""
        return self._read(self._folder / "checkpoint", MAX_NOTE)

    def page(self, start: int) -> bytes:
        """The bundle with this entry; the last one may be a full one that came later."""
        return self._read(self._bundle(start // _WIDTH), _MAX_BUNDLE)

    def entries(self, end: int) -> Iterator[LoggedEntry]:
        """All entries before ``end``; raises VerifierError."""
        for start in range(0, end, _WIDTH):
            count = min(_WIDTH, end - start)
            for offset, statement in enumerate(_statements(self.page(start), count, start)):
                yield LoggedEntry(start + offset, statement, None)

    def _bundle(self, number: int) -> Path:
        whole = self._folder / "tile/entries" / tile_name(number)
        if whole.is_file():
            return whole
        parts = whole.with_name(f"{whole.name}.p")
        widths = [each.name for each in parts.iterdir()] if parts.is_dir() else []
        known = [width for width in widths if width.isdecimal()]
        return parts / max(known, key=int) if known else whole

    def _read(self, path: Path, limit: int) -> bytes:
        raw = read_regular(path, limit + 1)
        if len(raw) > limit:
            raise VerifierError(f"{path}: larger than {limit} bytes")
        return raw


def tile_name(number: int) -> str:
    """``x001/x234/067`` for 1234067 (tlog-tiles)."""
    name = f"{number % 1000:03d}"
    while number := number // 1000:
        name = f"x{number % 1000:03d}/{name}"
    return name


def is_tiled(folder: Path) -> bool:
    """Whether a folder is a mirror of tiles, and not saved answers of the API."""
    return (folder / "tile/entries").is_dir()


def _statements(raw: bytes, count: int, start: int) -> Iterator[bytes]:
    at = 0
    for offset in range(count):
        length = int.from_bytes(raw[at : at + _LENGTH], "big")
        statement = raw[at + _LENGTH : at + _LENGTH + length]
        at += _LENGTH + length
        if at > len(raw):
            raise VerifierError(f"the mirror has no entry {start + offset}; was it cut?")
        yield statement
