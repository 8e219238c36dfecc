"""The only code that erases anything on a card, and only what a release lets go.

The order is the promise: the row holds a verified release that says what was sealed →
``erase.intended`` is committed → the recording is read again, whole, past the page cache,
and equals the sealed bytes → its name still leads to the very file that was read, and nobody
wrote to it → it is unlinked → ``clip.erased`` is committed. Between that last look and the
unlinking the kernel leaves a moment that no call closes; nothing is waited for in it.

Cut at any point and repeated, it ends the same, but for one thing: what was unlinked right
before a cut is stated afterwards only on the very card that was read again, as far as that can
be told (``hallmark``); else the intention stays on record without an end. A recording that
differs is never erased: it is news, and raises an alarm.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Final, Protocol

import structlog

from edge.cameras.base import FileState
from edge.clock import DockClock
from edge.crashpoints import reach
from edge.durable import UncachedReader
from edge.errors import (
    CameraError,
    CameraGone,
    Changed,
    NoSuchClip,
    Unreadable,
    Unsynced,
    Vanished,
    camera_error,
)
from edge.hallmark import Hallmark, Holder
from edge.ledger import ClipRow, ClipState, Ledger
from protocols.errors import MessageError, RecordError
from protocols.ids import ClipId, SessionId
from protocols.kinds import ClipStored
from protocols.messages import ReleaseMessage
from protocols.records import decode_record

ALARM: Final = "recording-differs"
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_log = structlog.get_logger()


class EraseOutcome(StrEnum):
    """What became of an erasure; only ``ERASED`` erased anything."""

    ERASED = "erased"
    DIFFERS = "differs"
    NOT_RELEASED = "not-released"
    GONE = "gone"
    READ_ONLY = "read-only"
    UNREADABLE = "unreadable"
    STIRRED = "stirred"
    """something touched it between comparing and unlinking: to be compared again"""
    UNSYNCED = "unsynced"
    """unlinked, and the card did not confirm it: stated when it still is so next time"""


class CardAccess(Protocol):
    """What erasing needs of a card; paths are relative to its root and never followed astray."""

    def open(self, path: bytes) -> int:
        """Open a regular file for reading, following no symbolic link at any component."""
        ...

    def unlink(self, path: bytes, expect: FileState) -> None:
        """Unlink through the folder's descriptor, durably, if the name still is that file."""
        ...

    def place(self, path: bytes) -> str:
        """Numbers of the folder of a path, and the card's size."""
        ...

    def beside(self, path: bytes) -> str:
        """A digest of what else stands in that folder; empty for nothing."""
        ...

    def alive(self) -> bool:
        """Whether the card's root still answers."""
        ...


class Eraser:
    """Erases released recordings. Blocking; one call at a time per card."""

    def __init__(self, ledger: Ledger, clock: DockClock) -> None:
        self._ledger = ledger
        self._clock = clock

    def erase(
        self, clip: ClipId, session: SessionId, card: CardAccess, holder: Holder
    ) -> EraseOutcome:
        """Erase one clip's recording on the card it came from, if everything holds.

        Args:
            clip: the clip.
            session: the docking of the card now.
            card: the card that holds the recording under the clip's path.
            holder: what the card is in.

        Raises:
            CameraGone: the card stopped answering; repeat at its next docking.
            LedgerError: the ledger did not commit; nothing was unlinked after that.
        """
        row = self._row(clip)
        # 1. A release that was verified and says what was sealed.
        if row.state is ClipState.ERASED:
            return EraseOutcome.ERASED
        if not self._released(row):
            return EraseOutcome.NOT_RELEASED
        # 2. The intention is on record before anything on the card is touched.
        self._ledger.intend_erase(clip, session)
        try:
            return self._compare_and_unlink(row, session, card, holder)
        except CameraGone:
            raise
        except Vanished:
            return self._already_gone(row, session, card, holder)
        except Changed as error:
            # Nothing was unlinked. Comparing again tells whether the bytes are still the same.
            _log.warning("recording.stirred", clip=str(clip), reason=str(error))
            return EraseOutcome.STIRRED
        except CameraError as error:
            _log.warning("recording.not-erased", clip=str(clip), reason=str(error))
            unsynced = isinstance(error, Unsynced)
            return EraseOutcome.UNSYNCED if unsynced else EraseOutcome.UNREADABLE

    def end(
        self, clip: ClipId, session: SessionId, card: CardAccess, holder: Holder
    ) -> EraseOutcome:
        """State an erasure of before a power cut, if the recording is off the card already.

        Reads nothing but names and unlinks nothing, so it needs no leave to erase.

        Args:
            clip: the clip.
            session: the docking of the card now.
            card: the card that the clip's volume names.
            holder: what the card is in.

        Returns:
            ERASED when that was stated; GONE when the recording is off this card and nothing
            shows that this dock removed it; UNREADABLE when something stands under its name.

        Raises:
            CameraGone: the card stopped answering; repeat at its next docking.
            LedgerError: the ledger did not commit.
        """
        row = self._row(clip)
        try:
            with _sorted(card, "opening"):
                fd = card.open(row.path)
        except CameraGone:
            raise
        except Vanished:
            return self._already_gone(row, session, card, holder)
        except CameraError:
            return EraseOutcome.UNREADABLE
        _close(fd)
        return EraseOutcome.UNREADABLE

    def _row(self, clip: ClipId) -> ClipRow:
        row = self._ledger.clip(clip.epoch, clip.seq)
        if row is None or clip.dock != self._ledger.dock:
            raise NoSuchClip(f"{clip} is no clip of this dock")
        return row

    def _compare_and_unlink(
        self, row: ClipRow, session: SessionId, card: CardAccess, holder: Holder
    ) -> EraseOutcome:
        with _sorted(card, "opening"):
            fd = card.open(row.path)
        try:
            # 3. The whole recording, as the card has it now, is what was sealed.
            started_ns = self._clock.read().monotonic_ns
            with _sorted(card, "re-reading"):
                before = FileState.of(os.fstat(fd))
                with UncachedReader(fd) as reader:
                    sha256, size = reader.sha256()
                after = FileState.of(os.fstat(fd))
                mark = _mark(card, row.path, holder)
            if (size, sha256) != (row.size, row.sha256):
                return self._differs(row, f"it has {size} bytes with SHA-256 {sha256.hex()}")
            if after != before:
                raise Changed("it was written to while it was read")
            self._ledger.note_compared(row.clip, sha256, mark.text())
            # 4. The name still leads to the file that was read, as it was then; unlink and make
            #    that durable. The descriptor stays open, so that its inode number cannot go to
            #    another file.
            if not self._unlink(row, card, before):
                return EraseOutcome.READ_ONLY
        finally:
            _close(fd)
        reach("erase.unlinked")
        # 5. Only now it is said.
        self._ledger.clip_erased(row.clip, session, sha256)
        took_ns = self._clock.read().monotonic_ns - started_ns
        _log.info("clip.erased", clip=str(row.clip), bytes=size, took_ms=took_ns // 10**6)
        return EraseOutcome.ERASED

    def _unlink(self, row: ClipRow, card: CardAccess, expect: FileState) -> bool:
        """Unlink; False when the card does not let itself be written to."""
        try:
            with _sorted(card, "unlinking"):
                card.unlink(row.path, expect)
        except (Vanished, Changed):
            # It was not this call that removed it, so the comparison proves no erasure.
            self._ledger.forget_compared(row.clip)
            raise
        except Unreadable as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in _READ_ONLY:
                self._ledger.forget_compared(row.clip)
                return False
            # It may be unlinked and not yet durable: the note stays for the next docking.
            raise
        return True

    def _released(self, row: ClipRow) -> bool:
        """Whether the row's release says that exactly what was sealed is stored.

        The proof was verified when it arrived; it is read again here because a wrong row
        must not be enough to erase.
        """
        message = self._ledger.release(row.clip.epoch, row.clip.seq)
        if row.state is not ClipState.RELEASED or row.release_index is None or message is None:
            return False
        try:
            stored = decode_record(ReleaseMessage.decode(message).record).body
        except (MessageError, RecordError):
            return False
        return isinstance(stored, ClipStored) and (
            stored.clip,
            stored.size,
            stored.sha256,
            stored.statement_hash,
        ) == (str(row.clip), row.size, row.sha256.hex(), row.statement_hash.hex())

    def _already_gone(
        self, row: ClipRow, session: SessionId, card: CardAccess, holder: Holder
    ) -> EraseOutcome:
        """No such file: ours, when the power went between unlinking and saying so.

        Another card may call itself the same and never have held it: it has to be the one
        that was noted.
        """
        if row.state is ClipState.ERASED:
            return EraseOutcome.ERASED
        begun = self._ledger.erasure(row.clip)
        noted = None if begun is None else Hallmark.read(begun.place)
        if begun is None or begun.compared is None or noted is None:
            return EraseOutcome.GONE
        try:
            with _sorted(card, "looking"):
                now = _mark(card, row.path, holder)
        except CameraGone:
            raise
        except CameraError:
            return EraseOutcome.GONE
        if not noted.proves(now):
            _log.info("recording.elsewhere", clip=str(row.clip), noted=noted, found=now)
            return EraseOutcome.GONE
        self._ledger.clip_erased(row.clip, session, begun.compared)
        return EraseOutcome.ERASED

    def _differs(self, row: ClipRow, why: str) -> EraseOutcome:
        self._ledger.forget_compared(row.clip)
        name = row.path.decode(errors="backslashreplace")
        self._ledger.raise_alarm(
            ALARM,
            f"{name[:500]} on the card is not what was sealed as {row.clip}: {why}. "
            "It was not erased.",
            about=str(row.clip),
        )
        return EraseOutcome.DIFFERS


def _mark(card: CardAccess, path: bytes, holder: Holder) -> Hallmark:
    return Hallmark(holder, card.place(path), card.beside(path))


def _close(fd: int) -> None:
    # Closing a file of a pulled card fails too, and nothing depends on it.
    with suppress(OSError):
        os.close(fd)


@contextmanager
def _sorted(card: CardAccess, doing: str) -> Iterator[None]:
    """A card may raise its own errors or the system's; the second kind is sorted here."""
    try:
        yield
    except OSError as error:
        raise camera_error(error, doing, alive=card.alive) from error
