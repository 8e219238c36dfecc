"""Badge readers' bytes, against what their makers and sellers print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wired.frames import wiegand
from edge.wired.frames.badges import MAX_LINE, Badge, Held, LineParser, ReaderKind, parser_for
from edge.wired.frames.framing import Fault, FrameError
from edge.wired.frames.wiegand import Wiegand26

CARDS = st.binary(min_size=5, max_size=5).map(lambda raw: raw.hex().upper())


@pytest.mark.parametrize(
    ("kind", "stream", "name"),
    [
        (ReaderKind.RDM6300, b"\x0262E3086CED08\x03", "rdm6300:62E3086CED"),
        (ReaderKind.RDM6300, b"\x0262e3086ced08\x03", "rdm6300:62E3086CED"),
        (ReaderKind.EM18, b"4500C5D1E9B8", "em18:4500C5D1E9"),
        (ReaderKind.EM18, b"307E4DE5C224\r\n", "em18:307E4DE5C2"),
        (ReaderKind.DUAL, bytes.fromhex("020A0206008E6D5DB003"), "dual-em4100:06008E6D5D"),
        (ReaderKind.DUAL, bytes.fromhex("020A022E00B6D7B5F203"), "dual-em4100:2E00B6D7B5"),
        (ReaderKind.DUAL, bytes.fromhex("020901DEADBEEF2A03"), "dual-mifare:DEADBEEF"),
        (ReaderKind.IDTECK, b"\x0200000001\x01\x03", "idteck:00000001"),
        (ReaderKind.IDTECK, b"\x020000000001\x01\x03", "idteck:0000000001"),
        (ReaderKind.LINE, b"016042\r\n", "line:303136303432"),
    ],
)
def test_a_card_is_named_by_reader_and_number(kind: ReaderKind, stream: bytes, name: str) -> None:
    parser = parser_for(kind)
    assert [badge.name for badge in parser.feed(stream)] == [name]
    assert not parser.faults


@pytest.mark.parametrize(
    ("kind", "stream", "fault"),
    [
        (ReaderKind.RDM6300, b"\x0262E3086CED09\x03", Fault.CHECKSUM),
        (ReaderKind.RDM6300, b"\x0262E3086CEX", Fault.MALFORMED),
        (ReaderKind.RDM6300, b"\x0262E3086CED08\x04", Fault.MALFORMED),
        (ReaderKind.EM18, b"4500C5D1E9B9", Fault.CHECKSUM),
        (ReaderKind.EM18, b"4500x", Fault.NOISE),
        (ReaderKind.DUAL, bytes.fromhex("020A0206008E6D5DB103"), Fault.CHECKSUM),
        (ReaderKind.DUAL, bytes.fromhex("020A0206008E6D5DB004"), Fault.MALFORMED),
        (ReaderKind.DUAL, bytes.fromhex("020B"), Fault.MALFORMED),
        (ReaderKind.DUAL, bytes.fromhex("020A07"), Fault.MALFORMED),
        (ReaderKind.IDTECK, b"\x0200000001\x02\x03", Fault.CHECKSUM),
        (ReaderKind.IDTECK, b"\x020000000001\x02\x03", Fault.CHECKSUM),
        (ReaderKind.IDTECK, b"\x0200000001\x01\x04", Fault.MALFORMED),
        (ReaderKind.LINE, b"\xff\xff\r", Fault.MALFORMED),
        (ReaderKind.LINE, b"a\x07b\r", Fault.MALFORMED),
        (ReaderKind.LINE, b"x" * (MAX_LINE + 5) + b"\r", Fault.TOO_LONG),
    ],
)
def test_what_is_no_card_is_counted(kind: ReaderKind, stream: bytes, fault: Fault) -> None:
    parser = parser_for(kind)
    assert parser.feed(stream) == []
    assert parser.faults[fault] >= 1


def test_a_line_may_be_utf8_or_gbk() -> None:
    utf8, gbk = LineParser().feed("警号016042\r\n".encode() + "警号016042\n".encode("gbk"))
    assert utf8.text == gbk.text == "警号016042"
    assert utf8.name != gbk.name


def test_the_end_of_a_line_that_was_too_long_is_no_line() -> None:
    parser = LineParser()
    assert [badge.text for badge in parser.feed(b"x" * 200 + b"016042\rok\r\n")] == ["ok"]


def test_silence_ends_a_line_that_was_too_long() -> None:
    parser = LineParser()
    parser.feed(b"x" * 200)
    parser.idle()
    assert [badge.text for badge in parser.feed(b"ok\r")] == ["ok"]


def test_any_name_fits_a_record() -> None:
    (badge,) = LineParser().feed(b"x" * MAX_LINE + b"\r")
    assert len(badge.name) <= 200


def test_a_held_card_is_one_tap_and_a_second_tap_is_another() -> None:
    held, card = Held(), Badge(ReaderKind.RDM6300, "62E3086CED")
    times = [0.0, 0.06, 0.12, 0.33, 0.6, 0.66]
    assert [held.is_tap(card, at) for at in times] == [True, False, False, False, True, False]


def test_another_card_is_another_tap_at_once() -> None:
    held = Held()
    one, other = Badge(ReaderKind.EM18, "01"), Badge(ReaderKind.EM18, "02")
    assert [held.is_tap(card, 0.0) for card in (one, other, one)] == [True, True, True]


def test_the_same_number_on_another_reader_is_another_badge() -> None:
    assert Badge(ReaderKind.EM18, "01") != Badge(ReaderKind.RDM6300, "01")


# --- the printed number -------------------------------------------------------------


def test_a_card_shows_its_facility_and_number() -> None:
    # EM-18's seller: 00C5D1E9 is 12964329 in decimal; 24 bits of it are 197 and 53737.
    assert wiegand.of_em4100("4500C5D1E9").printed == "197,53737"
    assert 197 << 16 | 53737 == 12964329


@given(st.integers(0, 255), st.integers(0, 65535))
def test_wiegand_survives_the_round_trip(facility: int, number: int) -> None:
    card = Wiegand26(facility, number)
    assert wiegand.decode(wiegand.encode(card)) == card


@given(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 25))
def test_one_wrong_bit_is_always_seen(facility: int, number: int, bit: int) -> None:
    with pytest.raises(FrameError, match="parity"):
        wiegand.decode(wiegand.encode(Wiegand26(facility, number)) ^ 1 << bit)


def test_parities_are_where_the_standard_has_them() -> None:
    # No bit set: even parity 0, odd parity 1. Facility 1: one bit in the first half.
    assert wiegand.encode(Wiegand26(0, 0)) == 0b0_00000000_0000000000000000_1
    assert wiegand.encode(Wiegand26(1, 0)) == 0b1_00000001_0000000000000000_1
    assert wiegand.encode(Wiegand26(0, 1)) == 0b0_00000000_0000000000000001_0


@pytest.mark.parametrize("raw", ["0102", "zz"])
def test_what_has_no_24_bits_has_no_printed_number(raw: str) -> None:
    with pytest.raises(FrameError):
        wiegand.of_em4100(raw)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FrameError):
        wiegand.decode(1 << 26)
    with pytest.raises(FrameError):
        wiegand.encode(Wiegand26(256, 0))
