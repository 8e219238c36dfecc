"""Bytes of relays and of cameras' control lines, against printed examples."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wired.frames import amba, kta, lcus, modbus
from edge.wired.frames.amba import AmbaFrame, AmbaParser
from edge.wired.frames.framing import Fault, FrameError
from edge.wired.frames.kta import KtaStatus
from edge.wired.frames.lcus import LcusState

MOMENT = datetime(2026, 6, 19, 10, 3, 24)  # noqa: DTZ001 -- a camera's clock tells no zone


# --- Ambarella ----------------------------------------------------------------------


def test_camera_commands_are_those_seen_in_the_wild() -> None:
    assert amba.login("00000000") == b"@Ver;8;00000000;#"
    assert amba.get_device_id("12345678") == b"@Gdv;8;12345678;#"
    assert amba.set_date(MOMENT) == b"@Sdt;8;20260619;#"
    assert amba.set_time(MOMENT) == b"@Stm;6;10032400;#"
    assert amba.disk_mode("12345678") == b"@ATH;8;12345678;#"


def test_a_length_that_does_not_fit_is_told_and_taken() -> None:
    (frame,) = AmbaParser().feed(b"@Stm;6;10032400;#")
    assert frame == AmbaFrame("Stm", "10032400", 6)
    assert not frame.agrees


def test_an_answer_may_lack_its_length() -> None:
    (frame,) = AmbaParser().feed(b"@Ver;OK;#")
    assert frame == AmbaFrame("Ver", "OK", None)
    assert frame.agrees


def test_a_frame_that_is_cut_ends_where_the_next_begins() -> None:
    parser = AmbaParser()
    assert [frame.command for frame in parser.feed(b"@Gdv;9;BWC0@Ver;OK;#")] == ["Ver"]
    assert parser.faults[Fault.TRUNCATED] == 1


def test_a_frame_without_an_end_is_given_up() -> None:
    parser = AmbaParser()
    assert parser.feed(b"@Gdv;9;" + b"x" * 1000) == []
    assert parser.faults[Fault.TOO_LONG] == 1


@pytest.mark.parametrize("noise", [b"@;#", b"@1;#", b"@Gdv\x00;#", b"@Toolongcommand;#", b"@ab#"])
def test_what_only_begins_like_a_frame_is_none(noise: bytes) -> None:
    assert [frame.command for frame in AmbaParser().feed(noise + b"@Ver;OK;#")] == ["Ver"]


@pytest.mark.parametrize(
    ("name", "data"),
    [("G1", ""), ("Gdv", "a;b"), ("Gdv", "a#"), ("Gdv", "@"), ("Gdv", "é"), ("Gdv", "x" * 401)],
)
def test_a_command_that_would_be_another_is_not_built(name: str, data: str) -> None:
    with pytest.raises(FrameError):
        amba.command(name, data)


def test_a_clock_is_fourteen_digits() -> None:
    assert amba.clock_of("20260619100324") == MOMENT
    for wrong in ("2026061910032", "20261319100324", "2026-06-19 10:0", "\uff12026061910032"):
        with pytest.raises(FrameError):
            amba.clock_of(wrong)


# --- KTA ----------------------------------------------------------------------------


def test_kta_commands() -> None:
    assert kta.switch(3, on=True) == b"\x1bC 3\r"
    assert kta.switch(3, on=False) == b"\x1bS 3\r"
    assert kta.query(8) == b"\x1bL 8\r"
    for channel in (0, 9):
        with pytest.raises(FrameError):
            kta.query(channel)


@pytest.mark.parametrize("answer", [b"L 3 1", b"L31", b"L3 1\r\n", b"L 31\r", b"\x1bL 3\rL 3 1"])
def test_kta_answers_with_or_without_spaces(answer: bytes) -> None:
    assert kta.KtaParser().feed(answer) == [KtaStatus(3, on=True)]


# --- LCUS ---------------------------------------------------------------------------


def test_lcus_commands() -> None:
    assert lcus.switch(1, on=True) == bytes.fromhex("A00101A2")
    assert lcus.switch(1, on=False) == bytes.fromhex("A00100A1")
    assert lcus.switch(8, on=True) == bytes.fromhex("A00801A9")
    with pytest.raises(FrameError):
        lcus.switch(0, on=True)


@given(st.integers(1, lcus.CHANNELS), st.booleans())
def test_lcus_frames_are_read_back(channel: int, on: bool) -> None:  # noqa: FBT001 -- drawn
    assert lcus.LcusParser().feed(lcus.switch(channel, on=on)) == [LcusState(channel, on)]


def test_a_wrong_lcus_sum_is_no_state() -> None:
    parser = lcus.LcusParser()
    assert parser.feed(bytes.fromhex("A00101A3")) == []
    assert parser.faults[Fault.CHECKSUM] == 1


def test_lcus_status_as_bytes_and_as_text() -> None:
    states = [LcusState(1, on=False), LcusState(2, on=True)]
    assert lcus.LcusBytesParser(2).feed(b"\x00\x01") == [tuple(states)]
    assert lcus.LcusTextParser().feed(b"CH1:OFF \r\nCH2: ON\r\n") == states


# --- Modbus -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "crc"),
    [
        # Modbus over serial line 1.02, appendix B: the CRC of 02 07 is sent as 41 12.
        ("0207", "4112"),
        # Waveshare's pages on their Modbus RTU relay.
        ("01050000FF00", "8C3A"),
        ("010500000000", "CDCA"),
        ("010100000008", "3DCC"),
        ("01010100", "5188"),
        ("018102", "C191"),
    ],
)
def test_crc_of_printed_frames(body: str, crc: str) -> None:
    assert modbus.crc(bytes.fromhex(body)).to_bytes(2, "little") == bytes.fromhex(crc)


def test_modbus_requests() -> None:
    assert modbus.write_coil(1, 0, on=True) == bytes.fromhex("01050000FF008C3A")
    assert modbus.write_coil(1, 0, on=False) == bytes.fromhex("010500000000CDCA")
    assert modbus.read_coils(1, 0, 8) == bytes.fromhex("0101000000083DCC")


@pytest.mark.parametrize(("unit", "coil"), [(0, 0), (248, 0), (1, 64), (1, -1)])
def test_modbus_refuses_what_is_not_there(unit: int, coil: int) -> None:
    with pytest.raises(FrameError):
        modbus.write_coil(unit, coil, on=True)
    with pytest.raises(FrameError):
        modbus.read_coils(1, 60, 5)


def test_modbus_replies() -> None:
    stream = bytes.fromhex("01050000FF008C3A 010101005188 018102C191")
    written, read, refused = modbus.ModbusParser(1).feed(stream)
    assert written == modbus.CoilWritten(0, on=True)
    assert read == modbus.CoilsRead((False,) * 8)
    assert refused == modbus.ModbusException(1, 2)
    assert refused.meaning == "illegal data address"
    assert modbus.ModbusException(5, 99).meaning == "code 99"


def test_the_low_bit_is_the_first_coil() -> None:
    body = bytes([1, 1, 1, 0b0000_0101])
    (read,) = modbus.ModbusParser(1).feed(body + modbus.crc(body).to_bytes(2, "little"))
    assert read == modbus.CoilsRead((True, False, True) + (False,) * 5)


def test_another_units_reply_is_noise() -> None:
    parser = modbus.ModbusParser(2)
    assert parser.feed(bytes.fromhex("01050000FF008C3A")) == []
    assert parser.faults[Fault.NOISE] >= 1


def test_a_reply_about_another_number_of_coils_is_none() -> None:
    body = bytes([1, 1, 2, 0, 0])
    reply = body + modbus.crc(body).to_bytes(2, "little")
    assert modbus.ModbusParser(1).feed(reply) == []
    assert modbus.ModbusParser(1, coils=9).feed(reply) == [modbus.CoilsRead((False,) * 16)]
