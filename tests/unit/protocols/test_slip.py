"""A slip's short text: round trip, refusals, and what a difference is."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import SlipError
from protocols.ids import EntryId, dock_id
from protocols.slip import Slip, SlipClip, clips_digest, difference, slip_of

DOCK = dock_id("dock7")
SESSION = EntryId(DOCK, 0, 17)
HEAD = EntryId(DOCK, 0, 45)


def clips(count: int, first: int = 20) -> list[SlipClip]:
    return [
        SlipClip(EntryId(DOCK, 0, first + n), hashlib.sha256(bytes([n])).digest(), n * 1000)
        for n in range(count)
    ]


@given(
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,22}", fullmatch=True).filter(lambda n: n != "gateway"),
    numbers=st.tuples(*[st.integers(0, 10**9)] * 4),
    count=st.integers(0, 10**9),
    hashes=st.tuples(*[st.binary(min_size=32, max_size=32)] * 2),
    lower=st.booleans(),
)
def test_what_is_written_is_read(
    name: str,
    numbers: tuple[int, ...],
    count: int,
    hashes: tuple[bytes, bytes],
    *,
    lower: bool,
) -> None:
    dock = dock_id(name)
    session, head = EntryId(dock, *numbers[:2]), EntryId(dock, *numbers[2:])
    slip = Slip(session, head, hashes[0], count, hashes[1])
    text = slip.text()
    # Nothing but what a QR code's dense mode holds.
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:")
    assert Slip.parse(text.lower() if lower else f" {text}\n") == slip


def test_the_digest_is_over_plain_lines_in_the_order_of_sealing() -> None:
    two = clips(2)
    lines = "".join(f"dock7.0.{20 + n} {two[n].sha256.hex()} {n * 1000}\n" for n in range(2))
    assert clips_digest(reversed(two)) == hashlib.sha256(lines.encode()).digest()


def test_a_slip_fits_its_clips_and_newer_ones_do_not_matter() -> None:
    slip = slip_of(SESSION, HEAD, b"h" * 32, clips(3))
    assert slip.count == 3
    assert difference(slip, clips(3)) is None
    assert difference(slip, [*clips(3), *clips(1, first=46)]) is None


@pytest.mark.parametrize(
    "other",
    [
        clips(2),
        [*clips(3), *clips(1, first=30)],
        clips(3, first=21),
        [*clips(2), SlipClip(EntryId(DOCK, 0, 22), bytes(32), 2000)],
        [*clips(2), SlipClip(EntryId(DOCK, 0, 22), clips(3)[2].sha256, 2001)],
    ],
)
def test_any_other_clips_differ(other: list[SlipClip]) -> None:
    assert difference(slip_of(SESSION, HEAD, b"h" * 32, clips(3)), other) is not None


GOOD = slip_of(SESSION, HEAD, b"h" * 32, clips(3)).text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin"),
        ("https://example.org", "does not begin"),
        (GOOD[:-1], "missing or too many"),
        (GOOD + "0", "missing or too many"),
        (GOOD.replace(":1:", ":2:"), "version 2"),
        (GOOD.replace("DOCK7", "GATEWAY"), "no session"),
        (GOOD.replace(":0.45:", ":00.45:"), "missing or too many"),
        ("EVIDOCK-SLIP:1:" + "A" * 400, "too long"),
        (GOOD.replace("1", "１"), "too long"),  # noqa: RUF001  # another digit than ASCII's
        ("evidock-slip:1:", "missing or too many"),
    ],
)
def test_what_is_no_slip_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(SlipError, match=reason):
        Slip.parse(text)
