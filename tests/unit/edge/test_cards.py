"""What the dock remembers of a card: what is missed, and what is ordinary."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.cards import (
    MAX_LEFT,
    CardMemory,
    CardNow,
    Compared,
    Copy,
    Kept,
    after_missing,
    compare,
    nameless,
)
from edge.profiles.continuing import Run

BEFORE = "dock7.0.3"


def kept(path: str, size: int = 5, *, growing: bool = False) -> Kept:
    return Kept(path=path, size=size, mtime_ns=1, growing=growing)


def memory(*left: Kept, volume: str = "V", serial: str | None = "A", **more: object) -> CardMemory:
    values = {"session": BEFORE, "volume": volume, "serial": serial, "left": left, **more}
    return CardMemory.model_validate({"left_total": len(left), **values})


def now(*paths: str, serial: str | None = "A", volume: str = "V", **more: object) -> CardNow:
    sizes = {path.encode(): 5 for path in paths}
    return CardNow(volume, serial, sizes, **more)  # type: ignore[arg-type]  # what a test says


def nothing(_volume: str, _kept: Kept) -> Copy:
    return Copy.NONE


def missed(compared: Compared) -> list[tuple[str, list[str | None]]]:
    return [(each.volume, [one.path for one in each.recordings]) for each in compared.missed]


# --- what a card is -----------------------------------------------------------------


def test_a_card_that_nobody_saw_before_is_the_first() -> None:
    found = compare(now("a.mp4"), None, None, nothing).history
    assert (found.seen, found.last_session, found.reason) == ("first", None, None)


def test_a_card_that_only_its_reader_names_is_first_each_time_and_says_why() -> None:
    found = compare(now(volume="vfat:/dev/sdb1"), None, None, nothing).history
    assert found.seen == "first"
    assert found.reason is not None
    assert "neither number nor label" in found.reason


def test_readers_are_told_from_cards() -> None:
    assert nameless("vfat:/dev/sdb1")
    assert nameless("tmpfs:tmpfs")
    assert not any(map(nameless, ("6F2A-11C0", "CAM01", "folder:cam1", "folder:/x", "")))


def test_a_card_that_comes_back_is_known() -> None:
    found = compare(now(), memory(), None, nothing)
    assert (found.history.seen, found.history.last_session) == ("known", BEFORE)
    assert found.missed == ()


def test_another_volume_in_a_known_camera_is_a_formatted_card() -> None:
    found = compare(now(volume="NEW"), None, memory(), nothing)
    assert found.history.seen == "formatted"
    assert "had the card V" in str(found.history.reason)
    assert found.missed == ()


def test_numbers_that_began_anew_are_a_formatted_card() -> None:
    found = compare(now(anew="number 1 is new although 40 was reached"), memory(), None, nothing)
    assert found.history.seen == "formatted"
    assert "number 1 is new" in str(found.history.reason)


def test_a_volume_of_another_camera_is_a_swapped_card() -> None:
    found = compare(now(serial="B"), memory(), None, nothing)
    assert found.history.seen == "swapped"
    assert "camera A" in str(found.history.reason)


def test_a_camera_that_says_no_number_is_not_said_to_be_another() -> None:
    assert compare(now(serial=None), memory(), None, nothing).history.seen == "known"
    assert compare(now(), memory(serial=None), None, nothing).history.seen == "known"


# --- what is missed -----------------------------------------------------------------


def test_what_was_left_and_is_not_there_is_named() -> None:
    found = compare(now("a.mp4"), memory(kept("a.mp4"), kept("b.mp4")), None, nothing)
    assert missed(found) == [("V", ["b.mp4"])]
    assert "b.mp4 (5 bytes)" in found.missed[0].text
    assert "another dock may have" in found.missed[0].text
    assert "missing: 1 recording" in str(found.history.reason)
    (left,) = found.missed[0].leftovers()
    assert (left.path, left.outcome) == ("b.mp4", "vanished")


def test_what_is_released_was_erased_rightly() -> None:
    found = compare(now(), memory(kept("a.mp4")), None, lambda *_: Copy.RELEASED)
    assert (found.missed, found.history.reason) == ((), None)


def test_what_the_dock_holds_is_said_and_is_no_alarm() -> None:
    found = compare(now(), memory(kept("a.mp4")), None, lambda *_: Copy.HELD)
    assert found.missed == ()
    assert "gone from it: 1 recording, sealed and not released yet" in str(found.history.reason)


def test_a_recording_that_moved_to_another_folder_is_there() -> None:
    assert compare(now("IMP/a.mp4"), memory(kept("V/a.mp4")), None, nothing).missed == ()


def test_another_file_under_a_name_is_not_the_recording() -> None:
    found = compare(now("a.mp4"), memory(kept("a.mp4", 6)), None, nothing)
    assert missed(found) == [("V", ["a.mp4"])]


def test_a_recording_that_was_growing_may_have_grown() -> None:
    assert compare(now("a.mp4"), memory(kept("a.mp4", 2, growing=True)), None, nothing).missed == ()
    assert compare(now(), memory(kept("a.mp4", 2, growing=True)), None, nothing).missed


def test_what_may_be_where_nothing_could_be_listed_is_not_missed_yet() -> None:
    found = compare(now(unread=[b"D"]), memory(kept("D/a.mp4"), kept("Dx.mp4")), None, nothing)
    assert missed(found) == [("V", ["Dx.mp4"])]
    assert [one.path for one in found.carried] == ["D/a.mp4"]
    assert compare(now(unread=[b"."]), memory(kept("a.mp4")), None, nothing).missed == ()


def test_recordings_of_a_cameras_other_card_are_missed_too() -> None:
    found = compare(now(volume="NEW"), None, memory(kept("a.mp4")), nothing)
    assert missed(found) == [("V", ["a.mp4"])]
    assert "another card, or it was formatted" in found.missed[0].text
    assert found.still == ()


def test_a_card_that_was_only_given_another_number_is_missing_nothing() -> None:
    assert compare(now("a.mp4", volume="NEW"), None, memory(kept("a.mp4")), nothing).missed == ()


def test_what_was_missed_is_remembered_until_it_is_back() -> None:
    gone = compare(now(), memory(kept("a.mp4")), None, nothing)
    assert [one.path for one in gone.still] == ["a.mp4"]
    again = compare(now(), memory(vanished=gone.still), None, nothing)
    assert (again.missed, again.still, again.back) == ((), gone.still, False)
    back = compare(now("a.mp4"), memory(vanished=gone.still), None, nothing)
    assert (back.still, back.back) == ((), True)


def test_a_card_that_was_away_brings_back_what_was_missed() -> None:
    away = after_missing(memory(kept("a.mp4")))
    assert (away.left, away.left_total) == ((), 0)
    assert compare(now("a.mp4"), away, None, nothing).back


def test_an_endless_list_fits_alarm_and_record() -> None:
    names = [kept(f"{'d' * 200}/{n:04}.mp4") for n in range(MAX_LEFT)]
    found = compare(now(), memory(*names, left_total=5000), None, nothing)
    text = found.missed[0].text
    assert len(text) <= 2000
    assert len(found.still) == MAX_LEFT
    assert found.missed[0].unnamed == 4000


# --- the memory itself --------------------------------------------------------------


def test_a_memory_is_read_as_it_was_written() -> None:
    whole = memory(kept("a.mp4"), runs=(Run(last=7, seen=((-3, 0),)),))
    assert CardMemory.read(whole.text()) == whole
    raw = Kept(path_b64="/w==", size=1, mtime_ns=-5)
    assert CardMemory.read(memory(raw).text()) == memory(raw)


def test_a_memory_of_another_form_is_forgotten() -> None:
    for text in (None, "", "{", "[]", '{"session":"x"}', '{"session":"dock7.0.3"}'):
        assert CardMemory.read(text) is None


def test_a_memory_stays_small_whatever_names_a_card_has() -> None:
    whole = memory(*(kept("x" * 8000 + str(n)) for n in range(MAX_LEFT)))
    text = whole.text()
    assert len(text) <= 1 << 20
    read = CardMemory.read(text)
    assert read is not None
    assert read.left_total == MAX_LEFT
    assert read.left


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_exactly_what_is_neither_there_nor_copied_is_missed(
    left: set[str], there: set[str]
) -> None:
    copied = {"a", "b"}
    found = compare(
        now(*there),
        memory(*(kept(name) for name in left)),
        None,
        lambda _, one: Copy.RELEASED if one.path in copied else Copy.NONE,
    )
    names = {name for _, paths in missed(found) for name in paths}
    assert names == left - there - copied
