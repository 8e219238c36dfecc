"""The ledger's entries about what officers say at the dock: tags and notes.

The same said twice adds nothing, so a screen may repeat what got no answer. A tag of a whole
session also holds for recordings that are sealed later: it is remembered, and stated in the
transaction that seals each of them. When a session ends first, by a pulled camera or a power
cut, it stays with the recordings that session had listed, and with no others of that card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from edge.ledger_rows import ClipDraft, SessionRow, Tag
from edge.ledger_sessions import SessionEntries
from protocols.errors import RecordError
from protocols.ids import ClipId, EntryId, SessionId
from protocols.kinds import (
    ClipSealed,
    ClipTagged,
    Disposition,
    InventoryFile,
    SessionInventory,
    SessionNoted,
)
from protocols.records import decode_record

_CLIP: Final = "tag-of-clip"
_SESSION: Final = "tag-of-session"
_LEFT: Final = "tag-of-left"
_NOTE: Final = "note-of-session"
_OPEN: Final = frozenset({Disposition.INGEST, Disposition.GROWING})
_MOST_LEFT: Final = 5000


class DeskEntries(SessionEntries):
    """The part of the ledger that officers write."""

    def tag_clips(self, clips: Sequence[ClipId], tag: Tag) -> int:
        """State what an officer said of some clips, all of them or none.

        Returns:
            How many entries that took; a clip of which it was said last gets none.

        Raises:
            LedgerError: one of them is no clip of this dock; nothing was stated.
        """
        with self._writing():
            for clip in clips:
                self._must_have_clip(clip)
            return sum(self._tag(clip, tag) for clip in dict.fromkeys(clips))

    def tag_session(self, session: SessionId, tag: Tag) -> int:
        """State what an officer said of all clips of a docking, those to come included.

        Returns:
            How many entries that took now.

        Raises:
            LedgerError: no such session; nothing was stated.
        """
        with self._writing():
            row = self._must_have_session(session)
            if row.closed is None:
                waiting = after(tag, self._tags(_SESSION, str(session)))
                self._remember(self._connection, _SESSION, str(session), _json(waiting))
            clips = [clip.clip for clip in self.clips_of_session(session)]
            return sum(self._tag(clip, tag) for clip in clips)

    def note_session(
        self, session: SessionId, reason: str, text: str | None, officer: str | None
    ) -> EntryId:
        """State what an officer said of a docking, such as why there is no video.

        Returns:
            The entry; the one before when the very same was said last.

        Raises:
            LedgerError: no such session.
        """
        body = SessionNoted(session=str(session), reason=reason, text=text, officer=officer)
        with self._writing():
            self._must_have_session(session)
            said = body.model_dump_json(exclude_none=True)
            last = json.loads(self.recall(_NOTE, str(session)) or "{}")
            if last.get("said") == said:
                return EntryId.parse(last["entry"])
            entry = self._sign(body, lambda _: session.session_urn).entry
            self._remember(
                self._connection,
                _NOTE,
                str(session),
                json.dumps({"said": said, "entry": str(entry)}),
            )
            return entry

    # --- inside other transactions ----------------------------------------------------

    def _tag_sealed(self, clip: ClipId, draft: ClipDraft) -> None:
        """State what was said before the recording was sealed."""
        for tag in self._tags(_SESSION, str(draft.session)) or self._tags_left(draft):
            self._tag(clip, tag)

    def _ended(self, row: SessionRow) -> None:
        """A session ends: its tags go on for what it had listed and did not seal."""
        tags = self._tags(_SESSION, str(row.session))
        if not tags:
            return
        self._remember(self._connection, _SESSION, str(row.session), None)
        files = [_left(file) for file in self._unsealed(row.session)][:_MOST_LEFT]
        if files:
            said = [tag.said() for tag in tags]
            self._remember(
                self._connection, _LEFT, row.volume, json.dumps({"tags": said, "files": files})
            )

    def _tag(self, clip: ClipId, tag: Tag) -> bool:
        (before,) = self._tags(_CLIP, str(clip)) or [Tag()]
        if tag.adds_nothing_to(before):
            return False
        body = ClipTagged(clip=str(clip), **tag.said())
        self._sign(body, lambda _: clip.clip_urn)
        self._remember(self._connection, _CLIP, str(clip), _json([tag.over(before)]))
        return True

    def _tags_left(self, draft: ClipDraft) -> list[Tag]:
        """The tags of an earlier docking of this card that had listed this very recording."""
        kept = json.loads(self.recall(_LEFT, draft.volume) or "null")
        this = [draft.path.hex(), draft.content.size, draft.source.mtime]
        if kept is None or this not in kept["files"]:
            return []
        kept["files"].remove(this)
        self._remember(
            self._connection, _LEFT, draft.volume, json.dumps(kept) if kept["files"] else None
        )
        return [Tag(**said) for said in kept["tags"]]

    def _unsealed(self, session: SessionId) -> list[InventoryFile]:
        """Recordings that a session listed and did not seal, from its own entries."""
        listed: dict[bytes, InventoryFile] = {}
        for body in self._bodies(session):
            match body:
                case SessionInventory(files=files):
                    for file in files:
                        listed.pop(file.path_bytes(), None)
                        if file.disposition in _OPEN:
                            listed[file.path_bytes()] = file
                case ClipSealed(source=source):
                    listed.pop(source.path_bytes(), None)
        return list(listed.values())

    def _bodies(self, session: SessionId) -> Iterator[SessionInventory | ClipSealed]:
        rows = self._all(
            "SELECT record FROM entries WHERE epoch = ? AND seq > ?"
            " AND kind IN ('session.inventory', 'clip.sealed') ORDER BY seq",
            session.epoch,
            session.seq,
        )
        for row in rows:
            try:
                body = decode_record(row[0]).body
            except RecordError:
                # Of a newer program; it names no recording that this one could look for.
                continue
            if isinstance(body, SessionInventory | ClipSealed) and body.session == str(session):
                yield body

    def _tags(self, kind: str, about: str) -> list[Tag]:
        text = self.recall(kind, about)
        return [Tag(**said) for said in json.loads(text or "[]")]


def after(tag: Tag, before: Sequence[Tag]) -> list[Tag]:
    """What waits once this is said too; each keeps its own officer, what is corrected goes."""
    names = tag.said().keys() - {"officer"}
    kept = [each for each in before if not each.said().keys() - {"officer"} <= names]
    return [*kept, tag]


def _json(tags: Sequence[Tag]) -> str:
    return json.dumps([tag.said() for tag in tags], ensure_ascii=False)


def _left(file: InventoryFile) -> list[Any]:
    return [file.path_bytes().hex(), file.size, file.mtime]
