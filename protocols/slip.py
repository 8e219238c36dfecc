"""The slip's short text: what an officer's QR code says, and how to hold a ledger against it.

A slip names a docking, the dock's ledger head when the slip was made, and a digest over the
clips sealed in that docking until then (SPEC 9). Whoever keeps it can show later that nothing
up to that head was taken away or changed. It is no proof by itself: nobody signed it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import IdError, SlipError
from protocols.ids import ClipId, EntryId, SessionId

VERSION: Final = 1
MAX_TEXT: Final = 300
# Capitals, digits, point and colon alone: QR codes hold these in fewer squares.
_TEXT = re.compile(
    r"EVIDOCK-SLIP:(?P<version>[0-9]{1,4}):(?:(?P<session>[A-Z0-9-]+\.[0-9]+\.[0-9]+):"
    r"(?P<epoch>0|[1-9][0-9]{0,9})\.(?P<seq>0|[1-9][0-9]{0,14}):(?P<hash>[0-9A-F]{64}):"
    r"(?P<count>0|[1-9][0-9]{0,14}):(?P<digest>[0-9A-F]{64}))?(?P<rest>.*)\Z"
)


@dataclass(frozen=True, slots=True, order=True)
class SlipClip:
    """One line of what a slip's digest is over."""

    clip: ClipId
    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Slip:
    """What the text says.

    Attributes:
        session: the docking.
        head: the newest entry of the dock's ledger when the slip was made.
        head_hash: SHA-256 of that entry's statement, as chains and session closes name it.
        count: how many clips the session had sealed up to that entry.
        digest: ``clips_digest`` of these.
    """

    session: SessionId
    head: EntryId
    head_hash: bytes
    count: int
    digest: bytes

    def text(self) -> str:
        """The text form; letters may be read in either case."""
        head, digest = self.head_hash.hex(), self.digest.hex()
        return (
            f"EVIDOCK-SLIP:{VERSION}:{self.session}:{self.head.epoch}.{self.head.seq}:"
            f"{head}:{self.count}:{digest}"
        ).upper()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            SlipError: not a slip, cut short, or of a newer version.
        """
        if len(text) > MAX_TEXT or not text.isascii():
            raise SlipError("no slip: too long, or other letters than a slip has")
        found = _TEXT.match(text.strip().upper())
        if found is None:
            raise SlipError("no slip: it does not begin with EVIDOCK-SLIP and a version")
        if int(found["version"]) != VERSION:
            raise SlipError(f"a slip of version {found['version']}; this program knows {VERSION}")
        if found["session"] is None or found["rest"]:
            raise SlipError("a slip with parts missing or too many: was it read to its end?")
        try:
            session = EntryId.parse(found["session"].lower())
        except IdError as error:
            raise SlipError(f"a slip of no session: {error}") from error
        return cls(
            session=session,
            head=EntryId(session.dock, int(found["epoch"]), int(found["seq"])),
            head_hash=bytes.fromhex(found["hash"]),
            count=int(found["count"]),
            digest=bytes.fromhex(found["digest"]),
        )


def clips_digest(clips: Iterable[SlipClip]) -> bytes:
    """SHA-256 over one line ``NAME SHA256 SIZE`` for each clip, in the order they were sealed."""
    running = hashlib.sha256()
    for each in sorted(clips):
        running.update(f"{each.clip} {each.sha256.hex()} {each.size}\n".encode())
    return running.digest()


def slip_of(session: SessionId, head: EntryId, head_hash: bytes, clips: Iterable[SlipClip]) -> Slip:
    """Make the slip of one docking; ``clips`` may hold newer ones than the head, left out."""
    upto = sealed_upto(clips, head)
    return Slip(session, head, head_hash, len(upto), clips_digest(upto))


def sealed_upto(clips: Iterable[SlipClip], head: EntryId) -> list[SlipClip]:
    """The clips that were sealed when this entry was the head."""
    at = (head.epoch, head.seq)
    return [each for each in clips if (each.clip.epoch, each.clip.seq) <= at]


def difference(slip: Slip, clips: Iterable[SlipClip]) -> str | None:
    """What a session's clips have otherwise than the slip; None when nothing.

    Args:
        slip: as it was read.
        clips: every clip of its session, as records say, newer ones too.
    """
    upto = sealed_upto(clips, slip.head)
    if len(upto) != slip.count:
        return f"{slip.session} has {len(upto)} clips up to {slip.head}; the slip says {slip.count}"
    if clips_digest(upto) != slip.digest:
        return f"the clips of {slip.session} are others than the slip was made of"
    return None
