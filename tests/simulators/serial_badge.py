"""Badge readers, without a reader: cards are held to it by calls, or by lines on stdin.

    python -m tests.simulators.serial_badge --link PATH [--kind rdm6300] [--card 62E3086CED]

Each line typed holds that card to the reader once; an empty line the one given.
"""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from edge.wired.frames.badges import ReaderKind
from edge.wired.frames.framing import xor
from tests.simulators.serial_line import Device


def frame(kind: ReaderKind, card: str) -> bytes:
    """What a reader of this kind sends for a card, in hex; a line reader for a text."""
    if kind is ReaderKind.LINE:
        return card.encode() + b"\r\n"
    number = bytes.fromhex(card)
    digits = card.upper().encode()
    match kind:
        case ReaderKind.RDM6300:
            return b"\x02" + digits + b"%02X" % xor(number) + b"\x03"
        case ReaderKind.EM18:
            return digits + b"%02X" % xor(number)
        case ReaderKind.DUAL:
            body = bytes([len(number) + 5, 2 if len(number) == 5 else 1]) + number
            return b"\x02" + body + bytes([xor(body)]) + b"\x03"
        case ReaderKind.IDTECK:
            return b"\x02" + digits + bytes([xor(digits)]) + b"\x03"


class Reader(Device):
    """A badge reader; it talks only."""

    def __init__(self, link: Path, kind: ReaderKind = ReaderKind.RDM6300) -> None:
        super().__init__(link)
        self.kind = kind

    def tap(self, card: str) -> None:
        """Hold a card to it for a moment."""
        self.send(frame(self.kind, card))

    def hold(self, card: str, times: int, every_s: float = 0.06) -> None:
        """Hold a card to it: its number is repeated."""
        pause = threading.Event()
        for _ in range(times):
            self.tap(card)
            pause.wait(every_s)


def main() -> None:
    """Be a reader until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", type=Path, required=True)
    parser.add_argument("--kind", type=ReaderKind, default=ReaderKind.RDM6300)
    parser.add_argument("--card", default="62E3086CED")
    options = parser.parse_args()
    reader = Reader(options.link, options.kind)
    with reader.plugged():
        print(f"{options.kind} at {options.link}; a line holds a card to it", flush=True)
        for line in sys.stdin:
            reader.tap(line.strip() or options.card)


if __name__ == "__main__":
    main()
