"""The dock's ledger: every fact it states, numbered, chained, signed and committed.

One SQLite transaction makes one step of a clip's life: either the signed entry and the
rows that follow from it are both there, or neither is. The ledger never rewrites an entry
and has no call that could.

Called in order for a clip: ``open_session``, ``add_inventory``, ``seal_clip``,
``record_receipt``, ``record_release``, ``intend_erase``, ``clip_erased``,
``close_session``. All calls block, wait for the disk, and are safe from any thread. Built
up in five files: ``ledger_queries`` reads, ``ledger_writer`` signs, ``ledger_sessions``
states dockings, ``ledger_acts`` what officers say, and this one clips.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Final

from edge.crashpoints import reach
from edge.erasing_policy import Moment
from edge.errors import LedgerError
from edge.ledger_acts import DeskEntries
from edge.ledger_check import LedgerReport
from edge.ledger_rows import (
    Alarm,
    Bond,
    BoundSpool,
    ClipDraft,
    ClipRow,
    ClipState,
    Erasure,
    RefusalRow,
    SessionRow,
    Tag,
)
from protocols.acceptance import Release
from protocols.ids import ClipId, EntryId, SessionId
from protocols.kinds import (
    ClipErased,
    ClipLost,
    ClipSealed,
    Content,
    EraseIntended,
    Tree,
)
from protocols.messages import Retry
from protocols.records import CheckpointRef

__all__ = [
    "Alarm",
    "Bond",
    "BoundSpool",
    "ClipDraft",
    "ClipRow",
    "ClipState",
    "Erasure",
    "Ledger",
    "LedgerReport",
    "RefusalRow",
    "SessionRow",
    "Tag",
]

# Memories of when a clock that can be trusted first knew of a clip's release.
_RELEASE_KNOWN: Final = "release-known"

_LEAVING: Final = "spool-leaving:"


class Ledger(DeskEntries):
    """The one object through which the dock's database is written; see ``LedgerWriter``."""

    # --- clips ----------------------------------------------------------------------

    def seal_clip(self, draft: ClipDraft) -> ClipId:
        """Make a recording a clip; see ``seal_clips``."""
        return self.seal_clips([draft])[0]

    def seal_clips(self, drafts: Sequence[ClipDraft]) -> list[ClipId]:
        """Make recordings clips: entries, rows and leaves of all in one transaction.

        Sealing the same spool file again returns the clip it became, so a repeat after
        an unclear answer cannot give one recording two numbers.

        Raises:
            LedgerError: none of them is committed.
        """
        with self._writing() as db:
            clips = [self._seal(db, draft) for draft in drafts]
        for _ in clips:
            reach("seal.after-commit")
        return clips

    def _seal(self, db: sqlite3.Connection, draft: ClipDraft) -> ClipId:
        known = self.clip_of_spool(draft.spool_name)
        if known is not None:
            return known.clip
        signed = self._sign(_sealed_body(draft), lambda entry: entry.clip_urn)
        _insert_clip(db, draft, signed.entry, signed.hash)
        self._tag_sealed(signed.entry, draft)
        reach("seal.before-commit")
        return signed.entry

    def mark_lost(self, clip: ClipId, reason: str) -> EntryId | None:
        """A sealed clip is gone from the spool before its release; None when not sealed now."""
        with self._writing() as db:
            if self._must_have_clip(clip).state is not ClipState.SEALED:
                return None
            signed = self._sign(ClipLost(clip=str(clip), reason=reason), lambda _: clip.clip_urn)
            db.execute(
                "UPDATE clips SET state = 'lost', spool_name = NULL WHERE epoch = ? AND seq = ?",
                (clip.epoch, clip.seq),
            )
            return signed.entry

    def spool_dropped(self, clip: ClipId) -> str | None:
        """Forget the spool file of a released clip, before the file itself is removed.

        Until ``spool_gone`` the name is kept as one that may go, so that a start can tell
        it from a file that lost its clip.

        Returns:
            The name to remove, None when there is none.

        Raises:
            LedgerError: the clip is not released, so its bytes must stay.
        """
        with self._writing() as db:
            row = self._must_have_clip(clip)
            if row.spool_name is None:
                return None
            if row.state not in {ClipState.RELEASED, ClipState.ERASED}:
                raise LedgerError(f"{clip} is not released: its bytes stay in the spool")
            db.execute(
                "UPDATE clips SET spool_name = NULL WHERE epoch = ? AND seq = ?",
                (clip.epoch, clip.seq),
            )
            db.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)",
                (f"{_LEAVING}{row.spool_name}", str(clip)),
            )
            return row.spool_name

    def spool_gone(self, name: str) -> None:
        """Say that the file of a dropped clip is removed."""
        with self._writing() as db:
            db.execute("DELETE FROM facts WHERE name = ?", (f"{_LEAVING}{name}",))

    def spool_leaving(self) -> list[str]:
        """Files of released clips that were dropped and may not be removed yet."""
        rows = self._all("SELECT name FROM facts WHERE name GLOB ?", f"{_LEAVING}*")
        return [row[0].removeprefix(_LEAVING) for row in rows]

    # --- the spool itself -----------------------------------------------------------

    def bind_spool(self, spool: BoundSpool) -> None:
        """Keep which spool this ledger's clips are in."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('spool', ?)",
                (f"{spool.bond} {spool.identity}",),
            )

    # --- what the gateway proved or said --------------------------------------------

    def set_accepted(self, ref: CheckpointRef) -> bool:
        """Keep a checkpoint that was accepted; a smaller one than the kept is ignored."""
        with self._writing():
            return self._keep_accepted(ref)

    def kind(self, epoch: int, seq: int) -> str | None:
        """The kind of one entry; None when there is no such entry."""
        row = self._one("SELECT kind FROM entries WHERE epoch = ? AND seq = ?", epoch, seq)
        return row[0] if row else None

    def has_receipt(self, epoch: int, seq: int) -> bool:
        """Whether an entry is proved to be in the gateway's log."""
        row = self._one(
            "SELECT 1 FROM entries WHERE epoch = ? AND seq = ? AND receipt IS NOT NULL", epoch, seq
        )
        return row is not None

    def record_receipt(self, epoch: int, seq: int, receipt: bytes, accepted: CheckpointRef) -> bool:
        """Keep a verified receipt of an own entry; False when there was one or no such entry."""
        with self._writing() as db:
            self._keep_accepted(accepted)
            done = db.execute(
                "UPDATE entries SET receipt = ? WHERE epoch = ? AND seq = ? AND receipt IS NULL",
                (receipt, epoch, seq),
            )
            if done.rowcount:
                # A clip that is logged may still be refused; only its release ends that.
                db.execute(
                    "DELETE FROM refusals WHERE epoch = ? AND seq = ? AND NOT (retry = 'never'"
                    " AND EXISTS (SELECT 1 FROM clips c WHERE c.epoch = refusals.epoch AND"
                    " c.seq = refusals.seq AND c.state IN ('sealed', 'lost')))",
                    (epoch, seq),
                )
            return done.rowcount == 1

    def record_release(self, clip: ClipId, release: Release, message: bytes) -> bool:
        """Keep a release that ``protocols.acceptance`` verified for this clip.

        Args:
            clip: the clip.
            release: the verified release.
            message: the message's bytes, the proof itself.

        Returns:
            False when it was released already.

        Raises:
            LedgerError: no such clip, or the release is about another one.
        """
        if release.clip != clip:
            raise LedgerError(f"a release of {release.clip} is none of {clip}")
        known_ns = Moment.of(self._clock.read()).latest_ns
        with self._writing() as db:
            self._must_have_clip(clip)
            self._keep_accepted(release.accepted)
            done = db.execute(
                "UPDATE clips SET state = 'released', release_index = ?, release = ?,"
                " released_ns = ? WHERE epoch = ? AND seq = ? AND state IN ('sealed', 'lost')",
                (release.index, message, time.time_ns(), clip.epoch, clip.seq),
            )
            db.execute("DELETE FROM refusals WHERE epoch = ? AND seq = ?", (clip.epoch, clip.seq))
            if done.rowcount and known_ns is not None:
                self._remember(db, _RELEASE_KNOWN, str(clip), str(known_ns))
        reach("release.recorded")
        return done.rowcount == 1

    def release_is_known(self, clip: ClipId, known_ns: int) -> None:
        """Keep when a clock that can be trusted first knew of a release; the first time counts.

        Args:
            clip: the released clip.
            known_ns: the latest that it can have been, nanoseconds since 1970.

        Raises:
            LedgerError: not committed.
        """
        if self.release_known(clip) is None:
            self.remember(_RELEASE_KNOWN, str(clip), str(known_ns))

    def release_known(self, clip: ClipId) -> int | None:
        """What ``release_is_known`` kept; None when no such clock knew yet."""
        kept = self.recall(_RELEASE_KNOWN, str(clip))
        return None if kept is None else int(kept)

    def refusal(self, epoch: int, seq: int, code: str, reason: str, retry: Retry | str) -> None:
        """Keep what the gateway said against an entry, for the status page."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO refusals (epoch, seq, code, reason, retry)"
                " VALUES (?, ?, ?, ?, ?)",
                (epoch, seq, code[:200], reason[:1000], str(retry)),
            )

    # --- erasing --------------------------------------------------------------------

    def intend_erase(self, clip: ClipId, session: SessionId) -> EntryId | None:
        """State that a released recording is about to be erased on its card.

        Returns:
            The entry; None when this session stated it already.

        Raises:
            LedgerError: the clip is not released.
        """
        with self._writing() as db:
            row = self._must_have_clip(clip)
            if row.state is not ClipState.RELEASED or row.release_index is None:
                raise LedgerError(f"{clip} is {row.state}: without a release nothing is erased")
            begun = self.erasure(clip)
            if begun is not None and begun.session == session:
                return None
            body = EraseIntended(
                clip=str(clip), session=str(session), release_index=row.release_index
            )
            signed = self._sign(body, lambda _: clip.clip_urn)
            db.execute(
                "INSERT INTO erasures (epoch, seq, session_epoch, session_seq)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (epoch, seq) DO UPDATE SET"
                " session_epoch = excluded.session_epoch, session_seq = excluded.session_seq",
                (clip.epoch, clip.seq, session.epoch, session.seq),
            )
        reach("erase.intended")
        return signed.entry

    def note_compared(self, clip: ClipId, sha256: bytes, place: str) -> None:
        """Keep that the recording was read again and found equal, right before it is unlinked.

        If the power goes between unlinking and stating it, this is what the statement
        can still rest on: what was read, and in which folder of which card.
        """
        self._note_compared(clip, sha256, place)
        reach("erase.compared")

    def forget_compared(self, clip: ClipId) -> None:
        """Take the note back: the recording was not unlinked after all."""
        self._note_compared(clip, None, None)

    def _note_compared(self, clip: ClipId, sha256: bytes | None, place: str | None) -> None:
        with self._writing() as db:
            db.execute(
                "UPDATE erasures SET compared = ?, place = ? WHERE epoch = ? AND seq = ?",
                (sha256, place, clip.epoch, clip.seq),
            )

    def clip_erased(self, clip: ClipId, session: SessionId, sha256: bytes) -> EntryId | None:
        """State that the recording was found equal and is unlinked; None when stated already."""
        with self._writing() as db:
            row = self._must_have_clip(clip)
            if row.state is ClipState.ERASED:
                return None
            if row.state is not ClipState.RELEASED or self.erasure(clip) is None:
                raise LedgerError(f"{clip} was not about to be erased")
            body = ClipErased(clip=str(clip), session=str(session), reread_sha256=sha256.hex())
            signed = self._sign(body, lambda _: clip.clip_urn)
            db.execute(
                "UPDATE clips SET state = 'erased' WHERE epoch = ? AND seq = ?",
                (clip.epoch, clip.seq),
            )
            self._remember(db, _RELEASE_KNOWN, str(clip), None)
        reach("erase.recorded")
        return signed.entry

    def _keep_accepted(self, ref: CheckpointRef) -> bool:
        known = self.accepted()
        if known is not None and known.size >= ref.size:
            return False
        self._connection.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES ('accepted', ?)",
            (ref.model_dump_json(),),
        )
        return True


def _sealed_body(draft: ClipDraft) -> ClipSealed:
    content = draft.content
    return ClipSealed(
        content=Content(
            size=content.size,
            sha256=content.sha256.hex(),
            tree=Tree(leaves=len(content.leaves), root=content.root.hex()),
        ),
        source=draft.source,
        camera_clock=draft.camera_clock,
        session=str(draft.session),
        media=draft.media,
    )


def _insert_clip(db: sqlite3.Connection, draft: ClipDraft, clip: ClipId, sealed_by: bytes) -> None:
    content = draft.content
    db.execute(
        "INSERT INTO clips (epoch, seq, session_epoch, session_seq, size, sha256, root,"
        " statement_hash, leaf_count, spool_name, volume, path, mtime_ns, marked, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'sealed')",
        (
            clip.epoch,
            clip.seq,
            draft.session.epoch,
            draft.session.seq,
            content.size,
            content.sha256,
            content.root,
            sealed_by,
            len(content.leaves),
            draft.spool_name,
            draft.volume,
            draft.path,
            draft.mtime_ns,
            draft.source.marked,
        ),
    )
    db.execute(
        "INSERT INTO leaves (epoch, seq, leaves) VALUES (?, ?, ?)",
        (clip.epoch, clip.seq, b"".join(content.leaves)),
    )
