"""``manifest.sha256``: the chain of digests that some cameras write beside their segments.

::

    <chain digest, 64 hex digits>  <file>
    MARK <time> <file> <note>

A chain digest is SHA-256 over the one before it and the file's own SHA-256; before the first
stand zeros. Published descriptions do not say whether digests go in as bytes or as hex text:
both are tried. A camera that overwrites its oldest segments writes the manifest anew without
them, so a chain may begin anywhere. Whoever can write the card can write a whole new chain:
that it holds shows that nothing was damaged by accident, and proves no more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.profiles.cardfiles import read_text
from edge.profiles.claims import text_of

_LINE: Final = re.compile(r"([0-9a-fA-F]{64})[ \t]+([^ \t].*)")
ZEROS: Final = bytes(32)
_MARK_PARTS = 4


class ChainState(StrEnum):
    """What can be said of one line: it holds, it is broken, or something is missing for it."""

    HOLDS = "holds"
    BROKEN = "broken"
    NO_START = "begins in the middle"
    NO_FILE = "file not there"


@dataclass(frozen=True, slots=True)
class ChainLine:
    """A file and the digest of the chain up to it."""

    digest: bytes
    name: str


@dataclass(frozen=True, slots=True)
class MarkLine:
    """That the officer marked a file."""

    when: str
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The file, line by line.

    Attributes:
        lines: of the chain, in order.
        marks: of the officer.
        others: how many lines are neither.
    """

    lines: tuple[ChainLine, ...]
    marks: tuple[MarkLine, ...]
    others: int

    @property
    def marked(self) -> frozenset[str]:
        """Names of the files that are marked, without their folders."""
        return frozenset(mark.name for mark in self.marks)


def read_manifest(data: bytes) -> Manifest:
    """Read the file.

    Raises:
        CardFileError: too large.
    """
    lines: list[ChainLine] = []
    marks: list[MarkLine] = []
    others = 0
    for line in read_text(data).lines:
        if found := _LINE.fullmatch(line.rstrip()):
            lines.append(ChainLine(bytes.fromhex(found[1]), _name(found[2])))
        elif line.startswith("MARK ") and len(parts := line.split(None, _MARK_PARTS - 1)) > 2:  # noqa: PLR2004  # MARK, time, file
            note = parts[3] if len(parts) == _MARK_PARTS else ""
            marks.append(MarkLine(_plain(parts[1]), _name(parts[2]), _plain(note)))
        elif line.strip():
            others += 1
    return Manifest(tuple(lines), tuple(marks), others)


def check_chain(lines: Sequence[ChainLine], digests: Mapping[str, bytes]) -> list[ChainState]:
    """What can be said of each line.

    Args:
        lines: of one manifest, in order.
        digests: SHA-256 of the files that are there, by name without folder.
    """
    states: list[ChainState] = []
    before = ZEROS
    for number, line in enumerate(lines):
        digest = digests.get(line.name)
        if digest is None:
            states.append(ChainState.NO_FILE)
        elif line.digest in links(before, digest):
            states.append(ChainState.HOLDS)
        else:
            states.append(ChainState.BROKEN if number else ChainState.NO_START)
        before = line.digest
    return states


def links(before: bytes, digest: bytes) -> set[bytes]:
    """What may stand in a chain after a digest, for a file's own SHA-256."""
    as_text = f"{before.hex()}{digest.hex()}".encode()
    return {hashlib.sha256(before + digest).digest(), hashlib.sha256(as_text).digest()}


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _plain(text: str) -> str:
    return text_of(text.encode("utf-8", "backslashreplace"))[0]
