"""What every parser promises: pieces do not matter, noise costs little, memory is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.wired.frames import amba, kta, lcus, modbus
from edge.wired.frames.badges import ReaderKind, parser_for
from edge.wired.frames.framing import Fault, Parser, xor
from tests.simulators.serial_badge import frame

Grammar = tuple[Callable[[], Parser[Any]], bytes, bytes]

GRAMMARS: dict[str, Grammar] = {
    "amba": (amba.AmbaParser, b"@Gdv;9;BWC000123;#", b"@Ver;OK;#"),
    "kta": (kta.KtaParser, b"L 1 0", b"L 8 1"),
    "lcus": (lcus.LcusParser, b"\xa0\x01\x01\xa2", b"\xa0\x08\x00\xa8"),
    "lcus-text": (lcus.LcusTextParser, b"CH1:OFF", b"CH2: ON"),
    "modbus": (
        lambda: modbus.ModbusParser(1),
        bytes.fromhex("010500 00FF00 8C3A"),
        bytes.fromhex("0101010051 88"),
    ),
    "modbus-exception": (
        lambda: modbus.ModbusParser(1),
        bytes.fromhex("0101010051 88"),
        bytes.fromhex("018102 C191"),
    ),
    "rdm6300": (
        lambda: parser_for(ReaderKind.RDM6300),
        frame(ReaderKind.RDM6300, "62E3086CED"),
        frame(ReaderKind.RDM6300, "0100ABCDEF"),
    ),
    "em18": (
        lambda: parser_for(ReaderKind.EM18),
        frame(ReaderKind.EM18, "4500C5D1E9"),
        frame(ReaderKind.EM18, "307E4DE5C2"),
    ),
    "dual": (
        lambda: parser_for(ReaderKind.DUAL),
        frame(ReaderKind.DUAL, "06008E6D5D"),
        frame(ReaderKind.DUAL, "DEADBEEF"),
    ),
    "idteck": (
        lambda: parser_for(ReaderKind.IDTECK),
        frame(ReaderKind.IDTECK, "0123456789"),
        frame(ReaderKind.IDTECK, "89ABCDEF"),
    ),
}
UNFRAMED: dict[str, Callable[[], Parser[Any]]] = {
    "line": lambda: parser_for(ReaderKind.LINE),
    "lcus-bytes": lambda: lcus.LcusBytesParser(4),
}
MAKERS = {name: maker for name, (maker, _, _) in GRAMMARS.items()} | UNFRAMED

# Noise that looks like something is worse than noise that does not.
NOISE = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(b"\x02", b"\x03", b"@", b";#", b"@Ver;", b"L 1", b"CH1:", b"\xa0", b"\xa0\x01"),
                *(b"\x01\x05\x00", b"\x01\x01\x01", b"\x01\x81", b"\x02\x0a\x02", b"\x02\x09"),
                *(b"6", b"62E3086C", b"\r\n", b"\x00", b"\x01", b"\xff"),
            ]
        ),
        max_size=8,
    ).map(b"".join),
)


@pytest.mark.parametrize("name", GRAMMARS)
@given(data=st.data())
def test_between_two_frames_any_bytes_cost_at_most_themselves(
    name: str, data: st.DataObject
) -> None:
    maker, first, last = GRAMMARS[name]
    noise = data.draw(NOISE)
    # What makes a valid frame together with the next one's beginning is a frame.
    assume(len(maker().feed(noise + last[:-1])) == len(maker().feed(noise)))
    (one,), (other,) = maker().feed(first), maker().feed(last)
    found = maker().feed(first + noise + last)
    assert found[0] == one
    assert found[-1] == other


@pytest.mark.parametrize("name", GRAMMARS)
@given(data=st.data())
def test_one_damaged_frame_costs_no_other(name: str, data: st.DataObject) -> None:
    maker, first, last = GRAMMARS[name]
    damaged = bytearray(first)
    damaged[data.draw(st.integers(0, len(first) - 1))] ^= data.draw(st.integers(1, 255))
    assume(len(maker().feed(bytes(damaged) + last[:-1])) == len(maker().feed(bytes(damaged))))
    (one,), (other,) = maker().feed(first), maker().feed(last)
    found = maker().feed(first + damaged + last)
    assert (found[0], found[-1]) == (one, other)


@pytest.mark.parametrize("name", MAKERS)
@given(data=st.data())
def test_pieces_do_not_matter(name: str, data: st.DataObject) -> None:
    _, first, last = GRAMMARS.get(name, (None, b"ABC\r\n", b"\x01\x00\x01\x01"))
    stream = first + data.draw(NOISE) + last + data.draw(NOISE)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    parser, found = MAKERS[name](), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
        assert parser.held < parser.limit
    assert found == MAKERS[name]().feed(stream)


@pytest.mark.parametrize("name", MAKERS)
def test_endless_garbage_takes_no_memory(name: str) -> None:
    parser = MAKERS[name]()
    for garbage in (b"\x02", b"@", b"L", b"C", b"A", b"\xa0", b"\x01", b"\x00", b"@Ver;1;"):
        parser.feed(garbage * 4_000)
        assert parser.held < parser.limit
        assert len(parser._held) < parser.limit


@pytest.mark.parametrize("name", MAKERS)
def test_silence_ends_half_a_frame(name: str) -> None:
    _, first, _ = GRAMMARS.get(name, (None, b"\x01AB", b""))
    parser = MAKERS[name]()
    parser.feed(first[: 2 if name != "lcus-bytes" else 1])
    parser.idle()
    assert parser.held == 0
    assert parser.faults[Fault.TRUNCATED] == 1


def test_xor_of_nothing_is_nothing() -> None:
    assert xor(b"") == 0
