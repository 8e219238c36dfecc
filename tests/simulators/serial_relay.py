"""Relay boards, without relays: KTA's, LCUS with three ways to answer, Modbus RTU.

    python -m tests.simulators.serial_relay --link PATH [--kind kta|lcus|modbus]

Written from the same public descriptions as the drivers, and sharing their constants
nowhere: frames are taken apart here by other code.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tests.simulators.serial_line import Device, stay


class Relays(Device):
    """Some board; ``stuck`` channels take commands and do not move."""

    def __init__(self, link: Path, channels: int = 8) -> None:
        super().__init__(link)
        self.channels = channels
        self.on: set[int] = set()
        self.stuck: set[int] = set()
        self.commands: list[tuple[int, bool]] = []
        self._pending = b""

    def reset(self) -> None:
        """Without power every relay falls off."""
        self.on = set()
        self._pending = b""

    def switch(self, channel: int, *, on: bool) -> None:
        """Do as told, unless it is stuck."""
        self.commands.append((channel, on))
        if channel not in self.stuck and 1 <= channel <= self.channels:
            (self.on.add if on else self.on.discard)(channel)


class KtaRelays(Relays):
    """The board of KTA's dock; ``other`` makes it answer for another channel."""

    other = 0

    def answer(self, heard: bytes) -> bytes:
        *commands, self._pending = (self._pending + heard).split(b"\r")
        said = b""
        for command in commands:
            match = re.fullmatch(rb"\x1b([CSL]) ([1-8])", command)
            if match is None:
                continue
            channel = int(match[2])
            if match[1] == b"L":
                said += b"L %d %d\r" % (channel + self.other, channel in self.on)
            else:
                self.switch(channel, on=match[1] == b"C")
        return said


class LcusRelays(Relays):
    """An LCUS board: ``status`` is how it answers FF, ``echo`` whether it repeats commands."""

    def __init__(
        self, link: Path, channels: int = 4, status: str = "bytes", *, echo: bool = False
    ) -> None:
        super().__init__(link, channels)
        self.status = status
        self.echo = echo

    def answer(self, heard: bytes) -> bytes:
        self._pending += heard
        said = b""
        while self._pending:
            if self._pending[0] == 0xFF:
                said += self._all()
                self._pending = self._pending[1:]
            elif self._pending[0] != 0xA0:
                self._pending = self._pending[1:]
            elif len(self._pending) < 4:
                break
            else:
                frame, self._pending = self._pending[:4], self._pending[4:]
                if (frame[0] + frame[1] + frame[2]) % 256 == frame[3]:
                    self.switch(frame[1], on=frame[2] == 1)
                    said += frame if self.echo else b""
        return said

    def _all(self) -> bytes:
        channels = range(1, self.channels + 1)
        match self.status:
            case "bytes":
                return bytes(channel in self.on for channel in channels)
            case "text":
                states = ("ON" if channel in self.on else "OFF" for channel in channels)
                return b"".join(
                    f"CH{channel}:{state} \r\n".encode()
                    for channel, state in zip(channels, states, strict=True)
                )
            case _:
                return b""


class ModbusRelays(Relays):
    """A unit that knows functions 01 and 05.

    Attributes:
        refuses: the exception it answers with.
        mixed_up: it answers each function with the other one's reply.
    """

    def __init__(self, link: Path, channels: int = 8, unit: int = 1) -> None:
        super().__init__(link, channels)
        self.unit = unit
        self.refuses = 0
        self.mixed_up = False

    def answer(self, heard: bytes) -> bytes:
        self._pending += heard
        said = b""
        while len(self._pending) >= 8:
            request, self._pending = self._pending[:8], self._pending[8:]
            if _crc(request) == 0 and request[0] == self.unit:
                said += self._reply(request)
        return said

    def _reply(self, request: bytes) -> bytes:
        function, at = request[1], int.from_bytes(request[2:4], "big")
        if self.refuses or at >= self.channels:
            return _closed(bytes([self.unit, function | 0x80, self.refuses or 2]))
        if function == 5:
            self.switch(at + 1, on=request[4] == 0xFF)
            return _closed(bytes([self.unit, 1, 1, 0])) if self.mixed_up else request
        if self.mixed_up:
            return _closed(bytes([self.unit, 5]) + request[2:4] + b"\xff\x00")
        count = int.from_bytes(request[4:6], "big")
        bits = sum(1 << bit for bit in range(count) if at + 1 + bit in self.on)
        size = (count + 7) // 8
        return _closed(bytes([self.unit, 1, size]) + bits.to_bytes(size, "little"))


def _closed(body: bytes) -> bytes:
    value = _crc(body)
    return body + bytes([value & 0xFF, value >> 8])


def _crc(data: bytes) -> int:
    """CRC-16/MODBUS from a table, unlike the driver's; over a whole frame it is 0."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_TABLE = [_entry(byte) for byte in range(256)]


def main() -> None:
    """Be a board until interrupted."""
    kinds = {"kta": KtaRelays, "lcus": LcusRelays, "modbus": ModbusRelays}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", type=Path, required=True)
    parser.add_argument("--kind", choices=kinds, default="kta")
    options = parser.parse_args()
    stay(kinds[options.kind](options.link))


if __name__ == "__main__":
    main()
