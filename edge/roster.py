"""Every file of one card and how far it has come: the pure half of a session.

The session acts and tells the roster what came of it; the roster says what to do next, what
has to go on the signed inventory, what was left over, and when a card is done with. It
opens nothing, waits for nothing and reads no clock.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from edge.inventory import Found, inventory_row
from edge.items import Item, Outcome, Phase
from protocols.ids import ClipId
from protocols.kinds import Disposition, FileName, InventoryFile, Leftover

_DOUBTS = 3
_OPEN = (
    Phase.GROWING,
    Phase.SETTLED,
    Phase.WAITING,
    Phase.COPYING,
    Phase.FINISHING,
    Phase.KNOWN,
    Phase.SEALED,
)
_UNREAD = frozenset({Phase.GROWING, Phase.SETTLED, Phase.WAITING})
# Files that stand for a clip by name, size and time, until their bytes are compared.
_TAKEN_FOR = frozenset({Phase.KNOWN, Phase.SEALED, Phase.RELEASED})
# As long as a record's reason may be.
_REASON = 2000
_NOT_READ = (Phase.GROWING, Phase.SETTLED, Phase.WAITING, Phase.COPYING, Phase.FINISHING)


class Roster:
    """The files of one card during one presence.

    Attributes:
        looked: whether a look was taken.
        seals: how many recordings became clips.
    """

    def __init__(self) -> None:
        self._items: dict[bytes, Item] = {}
        self._past: list[Item] = []
        self._by_clip: dict[ClipId, Item] = {}
        self._counts: Counter[Phase] = Counter()
        self._waiting: list[tuple[tuple[float, bool, int, bytes], int, Item]] = []
        self._known: deque[Item] = deque()
        self._released: deque[Item] = deque()
        self._serial = 0
        self.looked = False
        self.seals = 0

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    # --- looks ----------------------------------------------------------------------

    def look(self, found: Iterable[Found], settled: set[bytes]) -> list[Item]:
        """Take a complete look.

        Returns:
            Files that came to rest with it: whether they are known has to be looked up.
        """
        self.looked = True
        seen: set[bytes] = set()
        rested: list[Item] = []
        for each in found:
            seen.add(each.path)
            item = self._meet(each)
            if item.phase is Phase.GROWING and each.path in settled:
                self._enter(item, Phase.SETTLED)
            if item.phase is Phase.SETTLED:
                rested.append(item)
        for path in [path for path in self._items if path not in seen]:
            self._miss(self._items[path])
        return rested

    def _meet(self, found: Found) -> Item:
        item = self._items.get(found.path)
        if item is not None and not item.gone:
            same_kind = item.found.disposition is found.disposition
            if same_kind and item.found.look == found.look:
                if found.marked:
                    self.mark([found.path])
                if not self._rewritten(item, found):
                    return item
                return self._look_again(item, found)
            if same_kind and item.phase is Phase.GROWING:
                item.found, item.attempts = found, 0
                return item
            if item.listed is None and item.found.look == found.look:
                # The same file, read by another profile before anything was said of it.
                self._disclaim(item)
                self._counts[item.phase] -= 1
                # It may stand in a line for copying or comparing, which goes by the phase.
                item.phase = Phase.ASIDE
                item = None
        # Another file under the name of one that has been dealt with is a file of its own.
        if item is not None:
            self._retire(item, found)
        item = Item(found, Phase.GROWING)
        self._items[found.path] = item
        self._counts[Phase.GROWING] += 1
        if found.disposition is Disposition.UNREADABLE:
            item.outcome, item.reason = "unreadable", found.reason
            self._enter(item, Phase.UNREADABLE)
        elif not found.is_recording:
            self._enter(item, Phase.ASIDE)
        return item

    def _rewritten(self, item: Item, found: Found) -> bool:
        """Whether a file that was dealt with may have other bytes under the same size and time.

        Not for ever, on a card whose file system is never steady: each time costs a reading.
        """
        dealt_with = item.phase in {Phase.SEALED, Phase.RELEASED}
        return dealt_with and item.found.ctime_ns != found.ctime_ns and item.doubts < _DOUBTS

    def _look_again(self, item: Item, found: Found) -> Item:
        # It stays the clip's until its bytes say otherwise, and so does the release to come.
        item.found, item.doubts = found, item.doubts + 1
        item.compared, item.listed = False, None
        self._to_compare(item)
        return item

    def _miss(self, item: Item) -> None:
        item.gone = True
        if item.phase in _UNREAD:
            self.leave(item, "vanished", "no longer on the card when it was looked for")
        elif item.phase in {Phase.ASIDE, Phase.UNREADABLE}:
            self._counts[item.phase] -= 1
            del self._items[item.found.path]
        elif item.phase is Phase.KNOWN:
            # Nothing is left to read again; that it was not compared goes on record.
            self._account(item)

    def _retire(self, item: Item, instead: Found) -> None:
        """Keep what must still be released or reported, under no path."""
        if item.phase in {Phase.ASIDE, Phase.UNREADABLE}:
            self._counts[item.phase] -= 1
            return
        if item.phase in _UNREAD:
            if instead.disposition is Disposition.UNREADABLE:
                self.leave(item, "vanished", f"before it was read: {instead.reason}")
            else:
                self.leave(item, "changed", "was replaced by another file before it was read")
        elif item.phase is Phase.KNOWN:
            self._account(item)
        item.gone = True
        self._past.append(item)

    def mark(self, paths: Iterable[bytes]) -> None:
        """Say that the officer marked these recordings, which was not known when they were met.

        A camera's own list of marks is read once a session opens. A mark only ever adds one.
        """
        for path in paths:
            item = self._items.get(path)
            if item is None or item.found.marked:
                continue
            item.found = replace(item.found, marked=True)
            if item.phase is Phase.WAITING:
                self.wait(item, not_before=item.not_before)

    # --- what became of a file ------------------------------------------------------

    def resolve(self, item: Item, clip: ClipId | None, *, released: bool) -> None:
        """Say whether a settled file is a clip of before.

        Args:
            item: in phase SETTLED, or KNOWN when more is known of the card.
            clip: the clip its cheap key names; None means it has to be copied.
            released: whether that clip has its release.
        """
        if clip is None:
            self.wait(item)
            return
        self._disclaim(item)
        # Size and time may be those of a clip while the bytes are not: on a card that was
        # away, whatever was read of it before says nothing.
        self._claim(item, clip, released=released)
        self._to_compare(item)

    def wait(self, item: Item, *, not_before: float = 0.0) -> None:
        """Put a file in line for copying, again or for the first time."""
        item.done, item.not_before = 0, not_before
        self._disclaim(item)
        self._enter(item, Phase.WAITING)
        # Repeats last; marked recordings first; else the oldest first.
        key = (item.attempts, not item.found.marked, item.found.mtime_ns or 0)
        self._serial += 1
        item.turn = self._serial
        heapq.heappush(self._waiting, ((*key, item.found.path), item.turn, item))

    def copying(self, item: Item) -> None:
        """Copying began."""
        self._enter(item, Phase.COPYING)

    def finishing(self, item: Item) -> None:
        """Copied whole."""
        self._enter(item, Phase.FINISHING)

    def regrow(self, item: Item, reason: str) -> None:
        """A file changed while it was read: it has to come to rest first."""
        item.done, item.outcome = 0, "changed"
        item.reason = reason[:_REASON]
        # What comes to rest is another content: it goes on the inventory again.
        item.listed = Disposition.GROWING if item.listed else None
        self._enter(item, Phase.GROWING)

    def sealed(self, item: Item, clip: ClipId) -> None:
        """A file became a clip."""
        self._claim(item, clip, released=False)
        item.compared = True
        self.seals += 1
        self._account(item)

    def equal(self, item: Item) -> None:
        """A known file was read again and is what was sealed."""
        item.compared = True
        self._account(item)

    def unseen(self, item: Item) -> None:
        """A known file was not there any more to be read again."""
        item.gone = True
        self._account(item)

    def defer(self, item: Item) -> None:
        """A known file will be read again by whoever erases it."""
        self._account(item)

    def reconsider(self) -> None:
        """Nothing will be erased after all: what was left to the erasing is to be compared."""
        for item in self._items.values():
            if item.phase is Phase.RELEASED and not item.compared and not item.gone:
                self._to_compare(item)

    def keep(self, item: Item, reason: str) -> None:
        """A released recording stays on the card for now: compared it has to be all the same."""
        item.kept = reason[:_REASON]
        if not item.compared and not item.gone:
            self._to_compare(item)

    def kept(self) -> list[Item]:
        """Released recordings that the rules kept on the card."""
        return [
            item
            for item in self._items.values()
            if item.kept and item.phase is Phase.RELEASED and not item.gone
        ]

    def ask_again(self) -> None:
        """Let the rules be asked again about what they kept: a day may have come."""
        for item in self.kept():
            item.kept = ""
            self._released.append(item)

    def release(self, clip: ClipId) -> None:
        """A clip got its release; harmless for clips of other cards."""
        item = self._by_clip.get(clip)
        if item is None:
            return
        item.released = True
        if item.phase is Phase.SEALED:
            self._account(item)

    def lost(self, clip: ClipId) -> None:
        """The dock lost a clip's bytes: the recording is copied again if it is there."""
        item = self._by_clip.get(clip)
        if item is None or item.gone:
            return
        if item.phase in {Phase.SEALED, Phase.KNOWN, Phase.RELEASED}:
            self.wait(item)

    def differs(self, item: Item) -> None:
        """The bytes on the card are not the clip's: they become a clip of their own."""
        item.instead_of = item.clip
        self.wait(item)

    def replaced(self) -> list[ClipId]:
        """Clips whose recording was found to differ and whose new content is released."""
        items = (*self._past, *self._items.values())
        done = {Phase.RELEASED, Phase.ERASED}
        return [item.instead_of for item in items if item.instead_of and item.phase in done]

    def erased(self, item: Item) -> None:
        """The recording is off the card."""
        item.gone = True
        self._enter(item, Phase.ERASED)

    def leave(self, item: Item, outcome: Outcome, reason: str) -> None:
        """Give a file up for this session."""
        item.outcome, item.reason = outcome, reason[:_REASON]
        self._enter(item, Phase.LEFT)

    # --- what next ------------------------------------------------------------------

    def next_to_copy(self, now: float) -> Item | None:
        """The file to copy next; it stays in line until ``copying`` is called."""
        postponed = []
        found = None
        while self._waiting:
            entry = self._waiting[0]
            if entry[2].phase is not Phase.WAITING or entry[1] != entry[2].turn:
                heapq.heappop(self._waiting)
                continue
            if entry[2].not_before <= now:
                found = entry[2]
                break
            postponed.append(heapq.heappop(self._waiting))
        for entry in postponed:
            heapq.heappush(self._waiting, entry)
        return found

    def next_to_read_again(self) -> Item | None:
        """A known file whose bytes this run has not read."""
        while self._known and self._known[0].phase is not Phase.KNOWN:
            self._known.popleft()
        return self._known[0] if self._known else None

    def next_to_erase(self) -> Item | None:
        """A released file that is still on the card, and not to be kept there."""
        queue = self._released
        while queue and (queue[0].phase is not Phase.RELEASED or queue[0].gone or queue[0].kept):
            queue.popleft()
        return queue[0] if queue else None

    def has(self, path: bytes) -> bool:
        """Whether the last look found something under this name."""
        item = self._items.get(path)
        return item is not None and not item.gone

    def unreleased(self) -> list[ClipId]:
        """Clips of this card that wait for their release."""
        return [clip for clip, item in self._by_clip.items() if not item.released]

    @property
    def all_read(self) -> bool:
        """Whether nothing is left to be copied; the card holds nothing the dock lacks."""
        return not any(self._counts[phase] for phase in _NOT_READ)

    @property
    def complete(self) -> bool:
        """Whether everything is accounted for and released, apart from what was given up."""
        return not any(self._counts[phase] for phase in _OPEN)

    @property
    def proven(self) -> bool:
        """Whether every recording met is released and was compared, but for ``troubles``."""
        return all(
            item.phase is Phase.ERASED or (item.phase is Phase.RELEASED and item.compared)
            for item in (*self._past, *self._items.values())
            if item.phase is not Phase.ASIDE and not _troubled(item)
        )

    def troubles(self) -> list[Item]:
        """Recordings that were given up, and places that could not be looked at.

        So is one that left the card before it was read again: that it was a clip was only said
        by its name, size and time.
        """
        return [item for item in (*self._past, *self._items.values()) if _troubled(item)]

    @property
    def unaccounted(self) -> bool:
        """Whether there is anything a session has not dealt with; rubbish does not count."""
        return any(
            item.listed is None and item.found.disposition is not Disposition.IGNORED
            for item in self._items.values()
        )

    @property
    def recordings(self) -> int:
        """How many recordings were met, on the card still or not."""
        return sum(self._counts.values()) - self._counts[Phase.ASIDE]

    def count(self, *phases: Phase) -> int:
        """How many files are in these phases."""
        return sum(self._counts[phase] for phase in phases)

    # --- what goes on record --------------------------------------------------------

    def unlisted(self) -> list[tuple[Item, InventoryFile]]:
        """Inventory rows for what was not listed yet, or was still changing when it was."""
        rows = []
        for item in self._items.values():
            now = item.disposition
            rested = item.listed is Disposition.GROWING and now is not Disposition.GROWING
            if item.listed is None or (rested and not item.gone):
                clip = str(item.clip) if now is Disposition.KNOWN else None
                reason = "still changing" if now is Disposition.GROWING else None
                rows.append((item, inventory_row(item.found, now, reason=reason, clip=clip)))
        return rows

    def listed(self, rows: Iterable[tuple[Item, InventoryFile]]) -> None:
        """Say that these rows are signed."""
        for item, row in rows:
            item.listed = row.disposition

    def relist(self) -> None:
        """Begin a session anew: everything goes on its inventory, what is done is forgotten.

        What was seen and left before any inventory could name it is no less due on one.
        """
        for item in self._past:
            self._counts[item.phase] -= 1
            if item.clip is not None and self._by_clip.get(item.clip) is item:
                del self._by_clip[item.clip]
        self._past.clear()
        for path, item in list(self._items.items()):
            named, item.listed = item.listed is not None, None
            if item.kept:
                # The rules are asked again: a day may have come.
                item.kept = ""
                self._released.append(item)
            if item.gone and (named or item.phase is not Phase.LEFT):
                self._counts[item.phase] -= 1
                self._disclaim(item)
                del self._items[path]
            elif item.phase is Phase.LEFT and not item.gone:
                item.attempts, item.outcome, item.reason = 0, "growing", ""
                self._enter(item, Phase.GROWING)

    def leftovers(self) -> list[Leftover]:
        """Recordings that were not sealed, for the session's close."""
        rows = []
        outcome: Outcome
        for item in (*self._past, *self._items.values()):
            if item.phase in {Phase.LEFT, Phase.UNREADABLE}:
                outcome, reason = item.outcome, item.reason
            elif item.phase is Phase.GROWING:
                outcome = item.outcome
                reason = item.reason or "still changing when the session ended"
            elif item.phase in _NOT_READ:
                outcome, reason = "incomplete", item.reason or "the camera left before it was read"
            elif item.phase in _TAKEN_FOR and not item.compared:
                outcome = "vanished" if item.gone else "incomplete"
                reason = f"looks like {item.clip}; not compared"
            else:
                continue
            path = FileName.names(item.found.path)
            rows.append(Leftover(**path, outcome=outcome, reason=reason[:_REASON]))
        return rows

    # --- bookkeeping ----------------------------------------------------------------

    def _enter(self, item: Item, phase: Phase) -> None:
        self._counts[item.phase] -= 1
        self._counts[phase] += 1
        item.phase = phase

    def _claim(self, item: Item, clip: ClipId, *, released: bool) -> None:
        item.clip, item.released, item.compared, item.kept = clip, released, False, ""
        self._by_clip[clip] = item

    def _disclaim(self, item: Item) -> None:
        if item.clip is not None and self._by_clip.get(item.clip) is item:
            del self._by_clip[item.clip]
        item.clip, item.released, item.compared = None, False, False

    def _to_compare(self, item: Item) -> None:
        self._enter(item, Phase.KNOWN)
        self._known.append(item)

    def _account(self, item: Item) -> None:
        if not item.released:
            self._enter(item, Phase.SEALED)
            return
        self._enter(item, Phase.RELEASED)
        self._released.append(item)


def _troubled(item: Item) -> bool:
    if item.phase in {Phase.LEFT, Phase.UNREADABLE}:
        return True
    return item.gone and not item.compared and item.phase in {Phase.SEALED, Phase.RELEASED}
