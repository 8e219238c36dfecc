"""The pure half of a session: what is due, what goes on record, when a card is done with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.inventory import Found
from edge.items import Item, Phase
from edge.roster import Roster
from protocols.ids import ClipId, dock_id
from protocols.kinds import Disposition

DOCK = dock_id("dock7")


def clip(seq: int) -> ClipId:
    return ClipId(DOCK, 0, seq)


def found(path: str, size: int = 1, mtime_ns: int = 1) -> Found:
    return Found(path.encode(), Disposition.INGEST, size, mtime_ns)


def looked(roster: Roster, *files: Found, settled: Iterable[str] | None = None) -> list[Item]:
    paths = {f.path for f in files} if settled is None else {s.encode() for s in settled}
    return roster.look(files, paths)


def listed(roster: Roster) -> dict[str, str]:
    rows = roster.unlisted()
    roster.listed(rows)
    return {str(row.path): str(row.disposition) for _, row in rows}


def new(roster: Roster, *files: Found) -> None:
    for item in looked(roster, *files):
        roster.resolve(item, None, released=False)


def copied(roster: Roster, seq: int, now: float = 0.0) -> Item:
    item = roster.next_to_copy(now)
    assert item is not None
    roster.copying(item)
    roster.finishing(item)
    roster.sealed(item, clip(seq))
    return item


def done(roster: Roster) -> bool:
    return roster.complete


def read(roster: Roster) -> bool:
    return roster.all_read


def test_a_card_is_complete_when_every_recording_is_released() -> None:
    roster = Roster()
    new(roster, found("a"), found("b"))
    assert not read(roster)
    copied(roster, 1)
    copied(roster, 2)
    assert read(roster)
    assert not done(roster)
    roster.release(clip(1))
    assert not done(roster)
    roster.release(clip(2))
    assert done(roster)
    assert roster.leftovers() == []


def test_marked_recordings_come_first_then_the_oldest_then_repeats() -> None:
    roster = Roster()
    new(
        roster,
        found("new", mtime_ns=9),
        found("old", mtime_ns=1),
        replace(found("DCIM/IMP/x", mtime_ns=99), marked=True),
        found("mid", mtime_ns=5),
    )
    bad = next(item for item in roster if item.found.path == b"old")
    bad.attempts = 1
    roster.wait(bad)
    order = []
    while item := roster.next_to_copy(0.0):
        roster.copying(item)
        order.append(item.found.path)
    assert order == [b"DCIM/IMP/x", b"mid", b"new", b"old"]


def test_a_file_that_another_profile_leaves_alone_was_not_replaced() -> None:
    roster = Roster()
    new(roster, found("sn.txt"), found("a.mp4"))
    aside = replace(found("sn.txt"), disposition=Disposition.IGNORED, reason="the officer's name")
    roster.look([aside, found("a.mp4")], {b"sn.txt", b"a.mp4"})
    assert [left.path for left in roster.leftovers()] == ["a.mp4"]
    assert (roster.count(Phase.ASIDE), roster.recordings) == (1, 1)
    due = roster.next_to_copy(0.0)
    assert due is not None
    assert due.found.path == b"a.mp4"
    roster.copying(due)
    assert roster.next_to_copy(0.0) is None


def test_what_is_put_off_does_not_hold_up_the_others() -> None:
    roster = Roster()
    new(roster, found("a", mtime_ns=1), found("b", mtime_ns=2))
    first = roster.next_to_copy(0.0)
    assert first is not None
    roster.wait(first, not_before=10.0)
    second = roster.next_to_copy(5.0)
    assert second is not None
    assert second.found.path == b"b"
    roster.copying(second)
    assert roster.next_to_copy(5.0) is None
    assert roster.next_to_copy(10.0) is first


def test_the_inventory_names_everything_once_and_growing_files_again_when_they_rest() -> None:
    roster = Roster()
    rubbish = Found(b"Thumbs.db", Disposition.IGNORED, reason="cache")
    looked(roster, found("a"), found("b"), rubbish, settled=["a"])
    assert listed(roster) == {"a": "ingest", "b": "growing", "Thumbs.db": "ignored"}
    assert listed(roster) == {}
    looked(roster, found("a"), found("b"), rubbish, found("c"))
    assert listed(roster) == {"b": "ingest", "c": "ingest"}


def test_a_known_recording_is_listed_with_its_clip_and_read_again() -> None:
    roster = Roster()
    (item,) = looked(roster, found("a"))
    roster.resolve(item, clip(5), released=True)
    ((_, row),) = roster.unlisted()
    assert (str(row.disposition), row.clip) == ("known", "dock7.0.5")
    assert read(roster)
    assert not done(roster)
    assert roster.next_to_read_again() is item
    roster.equal(item)
    assert roster.next_to_read_again() is None
    assert done(roster)


def test_a_known_recording_that_differs_becomes_a_clip_of_its_own() -> None:
    roster = Roster()
    (item,) = looked(roster, found("a"))
    roster.resolve(item, clip(5), released=True)
    roster.differs(item)
    assert not done(roster)
    assert copied(roster, 6) is item
    assert roster.replaced() == []
    roster.release(clip(5))
    assert not done(roster)
    roster.release(clip(6))
    assert done(roster)
    assert roster.replaced() == [clip(5)]


def test_a_recording_that_changes_while_it_is_copied_has_to_rest_again() -> None:
    roster = Roster()
    new(roster, found("a"))
    assert listed(roster) == {"a": "ingest"}
    item = roster.next_to_copy(0.0)
    assert item is not None
    roster.copying(item)
    roster.regrow(item, "grew")
    assert [(left.outcome, left.reason) for left in roster.leftovers()] == [("changed", "grew")]
    looked(roster, found("a", size=2), settled=[])
    assert listed(roster) == {}
    new(roster, found("a", size=2))
    assert listed(roster) == {"a": "ingest"}


def test_a_new_file_under_the_name_of_a_sealed_one_is_a_recording_of_its_own() -> None:
    roster = Roster()
    new(roster, found("a"))
    copied(roster, 1)
    new(roster, found("a", size=2))
    assert not done(roster)
    copied(roster, 2)
    roster.release(clip(2))
    assert not done(roster)
    roster.release(clip(1))
    assert done(roster)


def test_what_vanishes_before_it_was_read_is_left_over_and_what_was_sealed_is_not() -> None:
    roster = Roster()
    new(roster, found("a"), found("b", mtime_ns=2))
    copied(roster, 1)
    looked(roster)
    assert [(left.path, left.outcome) for left in roster.leftovers()] == [("b", "vanished")]
    roster.release(clip(1))
    assert done(roster)
    assert roster.next_to_erase() is None


def test_a_released_recording_is_due_for_erasing_until_it_is_erased() -> None:
    roster = Roster()
    new(roster, found("a"))
    item = copied(roster, 1)
    assert roster.next_to_erase() is None
    roster.release(clip(1))
    assert roster.next_to_erase() is item
    roster.erased(item)
    assert roster.next_to_erase() is None
    assert done(roster)


def test_a_part_of_the_card_that_cannot_be_looked_at_is_left_over() -> None:
    roster = Roster()
    roster.look([Found(b"DCIM", Disposition.UNREADABLE, reason="EIO")], set())
    assert roster.unaccounted
    assert done(roster)
    assert [(left.path, left.outcome) for left in roster.leftovers()] == [("DCIM", "unreadable")]
    new(roster, found("DCIM/a"))
    assert roster.leftovers()[0].path == "DCIM/a"


def test_a_lost_clip_is_copied_again_while_its_recording_is_there() -> None:
    roster = Roster()
    new(roster, found("a"))
    item = copied(roster, 1)
    roster.lost(clip(1))
    assert roster.next_to_copy(0.0) is item
    copied(roster, 2)
    roster.release(clip(2))
    assert done(roster)


def test_a_new_session_lists_everything_again_and_tries_again_what_failed() -> None:
    roster = Roster()
    new(roster, found("a"), found("b", mtime_ns=2))
    assert listed(roster) == {"a": "ingest", "b": "ingest"}
    copied(roster, 1)
    roster.release(clip(1))
    bad = roster.next_to_copy(0.0)
    assert bad is not None
    roster.leave(bad, "unreadable", "EIO")
    assert done(roster)
    assert not roster.unaccounted
    roster.relist()
    new(roster, found("a"), found("b", mtime_ns=2))
    assert listed(roster) == {"a": "known", "b": "ingest"}
    assert roster.next_to_copy(0.0) is bad


def test_rubbish_alone_is_no_reason_for_a_session() -> None:
    roster = Roster()
    roster.look([Found(b"Thumbs.db", Disposition.IGNORED, reason="cache")], set())
    assert not roster.unaccounted


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "copy", "fail", "release", "vanish", "change", "lose", "relist"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_nothing_is_complete_while_a_recording_is_neither_safe_nor_named(  # noqa: C901, PLR0912  # one branch for each thing that can happen
    steps: list[tuple[str, int]],
) -> None:
    roster, card, seq = Roster(), {f"f{n}": 1 for n in range(4)}, 0
    sealed: dict[ClipId, tuple[str, int]] = {}
    released: set[ClipId] = set()

    def look() -> None:
        for item in looked(roster, *(found(name, size) for name, size in card.items())):
            roster.resolve(item, None, released=False)

    for step, number in steps:
        name = f"f{number}"
        match step:
            case "look":
                look()
            case "vanish":
                card.pop(name, None)
            case "change":
                card[name] = card.get(name, 0) + 1
            case "relist":
                roster.relist()
            case "release":
                for each in list(sealed)[: number + 1]:
                    roster.release(each)
                    released.add(each)
            case "lose":
                for each in list(sealed)[:number]:
                    if each not in released:
                        roster.lost(each)
            case _:
                item = roster.next_to_copy(0.0)
                if item is None:
                    continue
                roster.copying(item)
                if step == "fail":
                    roster.leave(item, "unreadable", "EIO")
                    continue
                roster.finishing(item)
                seq += 1
                sealed[clip(seq)] = (item.found.path.decode(), item.size)
                roster.sealed(item, clip(seq))
    look()
    assert all(roster.count(phase) >= 0 for phase in Phase)
    if done(roster):
        safe = {sealed[each] for each in released}
        named = {left.path for left in roster.leftovers()}
        assert all((name, size) in safe or name in named for name, size in card.items())


def test_what_was_left_to_the_erasing_is_compared_when_nothing_is_erased() -> None:
    roster = Roster()
    for number, item in enumerate(looked(roster, found("a"), found("b"), found("c"))):
        roster.resolve(item, clip(number), released=True)
        roster.defer(item)
    a, b, c = roster
    roster.equal(a)
    c.gone = True
    assert done(roster)
    roster.reconsider()
    assert not done(roster)
    assert roster.next_to_read_again() is b
    roster.equal(b)
    assert roster.next_to_read_again() is None
    assert done(roster)


def test_what_only_looks_like_a_clip_is_left_over_until_it_is_compared() -> None:
    roster = Roster()
    for number, item in enumerate(looked(roster, found("a"), found("b"), found("c"), found("d"))):
        roster.resolve(item, clip(number), released=True)
    a, b, _, _ = roster
    roster.equal(a)
    roster.defer(b)
    # c is not there any more, and another file stands under d.
    looked(roster, found("a"), found("b"), found("d", size=9), settled=[])
    assert {(left.path, left.outcome, left.reason) for left in roster.leftovers()} == {
        ("b", "incomplete", "looks like dock7.0.1; not compared"),
        ("c", "vanished", "looks like dock7.0.2; not compared"),
        ("d", "vanished", "looks like dock7.0.3; not compared"),
        ("d", "growing", "still changing when the session ended"),
    }


def test_what_was_seen_and_left_before_any_session_goes_on_the_next_inventory_once() -> None:
    roster = Roster()
    looked(roster, found("a"), found("b"), settled=[])
    looked(roster, found("a"), settled=[])
    roster.relist()
    assert listed(roster) == {"a": "growing", "b": "ingest"}
    assert [(left.path, left.outcome) for left in roster.leftovers()] == [
        ("a", "growing"),
        ("b", "vanished"),
    ]
    roster.relist()
    assert listed(roster) == {"a": "growing"}


def test_a_reason_is_cut_to_what_a_record_holds() -> None:
    roster = Roster()
    new(roster, found("a"), found("b"))
    a, b = roster
    roster.leave(a, "unreadable", "x" * 9000)
    roster.regrow(b, "y" * 9000)
    assert [len(left.reason) for left in roster.leftovers()] == [2000, 2000]
