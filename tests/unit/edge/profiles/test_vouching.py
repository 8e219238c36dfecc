"""A camera's own lists of digests: what they say of each recording, and of what is not there."""

from __future__ import annotations

import hashlib

import pytest

from edge.profiles.cardfiles import MAX_FILE
from edge.profiles.chains import read_manifest
from edge.profiles.vouching import MAX_NAMED, Lists, absent
from tests.simulators.cards import chain

FILES = {f"seg_{1_767_225_600 + n}.mp4": b"footage %d" % n for n in range(4)}
NAMES = [name.encode() for name in FILES]
WHOLE = chain(FILES)
LISTS = Lists({b"D/manifest.sha256": read_manifest(WHOLE)})


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def state(lists: Lists, path: bytes, data: bytes) -> str | None:
    vouch = lists.vouch(path)
    return None if vouch is None else vouch.check(sha(data)).state


@pytest.mark.parametrize("number", range(4))
def test_what_the_camera_wrote_holds_and_anything_else_is_broken(number: int) -> None:
    name, data = list(FILES.items())[number]
    assert state(LISTS, b"D/" + name.encode(), data) == "holds"
    # The first of a list may go on from one that was overwritten, like any other.
    altered = "broken" if number else "no-start"
    assert state(LISTS, b"D/" + name.encode(), data + b".") == altered


def test_a_list_that_begins_in_the_middle_says_nothing_of_its_first_file() -> None:
    rest = b"\n".join(WHOLE.splitlines()[1:])
    lists = Lists({b"D/manifest.sha256": read_manifest(rest)})
    found = [state(lists, b"D/" + name, FILES[name.decode()]) for name in NAMES[1:]]
    assert found == ["no-start", "holds", "holds"]


def test_a_recording_that_no_line_names_is_said_to_be_on_no_list() -> None:
    assert state(LISTS, b"D/other.mp4", b"") == "not-listed"


def test_a_list_speaks_for_its_own_folder_and_not_for_itself() -> None:
    assert LISTS.vouch(b"E/" + NAMES[0]) is None
    assert LISTS.vouch(NAMES[0]) is None
    assert LISTS.vouch(b"D/manifest.sha256") is None
    root = Lists({b"manifest.sha256": read_manifest(WHOLE)})
    assert state(root, NAMES[0], FILES[NAMES[0].decode()]) == "holds"


def test_a_verdict_names_its_list_even_if_that_is_no_text() -> None:
    lists = Lists({b"\xff/manifest.sha256": read_manifest(WHOLE)})
    vouch = lists.vouch(b"\xff/" + NAMES[0])
    assert vouch is not None
    assert vouch.check(bytes(32)).path_bytes() == b"\xff/manifest.sha256"


def test_of_a_name_that_stands_there_twice_the_newest_line_counts() -> None:
    first, *_ = WHOLE.splitlines()
    again = WHOLE.rstrip() + b"\n" + first + b"\n"
    lists = Lists({b"D/m": read_manifest(again)})
    # The old line again, after others: it holds for nothing any more.
    assert state(lists, b"D/" + NAMES[0], FILES[NAMES[0].decode()]) == "broken"


def test_what_a_list_names_and_neither_card_nor_ledger_has_is_counted_and_named() -> None:
    there = {b"D/" + NAMES[0]}
    missing = LISTS.missing(there)
    (found,) = absent(missing, {b"D/" + NAMES[1]})
    assert (found.path, found.count) == ("D/manifest.sha256", 2)
    assert found.files == tuple(name.decode() for name in NAMES[2:])
    assert absent(missing, {b"D/" + name for name in NAMES}) == []
    assert LISTS.missing({b"D/" + name for name in NAMES}) == {}


def test_an_endless_list_names_some_and_counts_all() -> None:
    lines = b"".join(b"%064x  f%d.mp4\n" % (n, n) for n in range(5000))
    (found,) = absent(Lists({b"m": read_manifest(lines)}).missing(()), ())
    assert (found.count, len(found.files)) == (5000, MAX_NAMED)


def test_a_list_that_cannot_be_read_says_nothing() -> None:
    lists = Lists.read([(b"D/manifest.sha256", b"x" * (MAX_FILE + 1))])
    assert lists.vouch(b"D/" + NAMES[0]) is None
    assert lists.missing(()) == {}


def test_marks_are_paths_beside_their_list() -> None:
    lists = Lists({b"D/m": read_manifest(b"MARK 2026-01-01T00:00:00 a.mp4 note")})
    assert lists.marked == {b"D/a.mp4"}


def test_what_a_list_without_digests_names_can_be_missing_and_is_never_vouched_for() -> None:
    listed = b'{"segments": [{"filename": "a.mp4", "size_bytes": 1}, {"filename": "b.mp4"}]}'
    lists = Lists.read([], [(b"D/manifest.json", listed), (b"E/manifest.json", b"broken")])
    assert lists.vouch(b"D/a.mp4") is None
    assert lists.missing({b"D/a.mp4"}) == {b"D/manifest.json": [b"D/b.mp4"]}
    # What the dock has taken already is not missing.
    assert absent(lists.missing(()), {b"D/a.mp4", b"D/b.mp4"}) == []
