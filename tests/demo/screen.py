"""What the demo writes: plain text that reads the same in a terminal, a file and a README.

Colour and a redrawn progress line only where a terminal is; nothing is lost without them.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import textwrap
import unicodedata

WIDTH = 92
_BOLD, _DIM, _GREEN, _RED, _CYAN, _PLAIN = "1", "2", "32", "31", "36", "0"
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


class Screen:
    """Writes the story, step by step, and keeps no secrets from a log file."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A console that cannot show a character shows another one, and goes on.
            sys.stdout.reconfigure(errors="replace", line_buffering=True)
        self._live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._step = 0
        self._drawn = False

    def title(self, text: str) -> None:
        """The first lines."""
        print(f"\n{self._paint(_BOLD, text)}\n{'=' * shown_width(text)}")

    def step(self, text: str, proves: str) -> None:
        """Open a step: what happens now, and what it shows."""
        self._step += 1
        print(f"\n{self._paint(_BOLD, f'{self._step}. {text}')}")
        for line in textwrap.wrap(proves, WIDTH - 3):
            print(f"   {self._paint(_DIM, line)}")

    def close(self, text: str) -> None:
        """The last line."""
        self._erase()
        print(f"\n{self._paint(_BOLD, text)}")

    def say(self, text: str = "") -> None:
        """A plain line of the current step; longer texts keep their lines."""
        self._erase()
        for line in text.splitlines() or [""]:
            print(f"   {line}".rstrip())

    def good(self, text: str) -> None:
        """Something turned out as promised."""
        self._erase()
        print(f"   {self._paint(_GREEN, '✓')} {text}")

    def caught(self, text: str) -> None:
        """A fault we made on purpose was found."""
        self._erase()
        print(f"   {self._paint(_CYAN, '✓ caught:')} {text}")

    def bad(self, text: str) -> None:
        """Something did not turn out as promised."""
        self._erase()
        print(f"\n   {self._paint(_RED, '✗')} {text}", file=sys.stderr)

    def ran(self, *words: object) -> None:
        """A command a reader could type."""
        self._erase()
        print(f"   {self._paint(_CYAN, '$ ' + ' '.join(str(word) for word in words))}")

    def draw(self, text: str) -> None:
        """A line that the next one replaces; only on a terminal."""
        if self._live:
            columns = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K   {text}"[: columns + 4], end="", flush=True)
            self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="")
            self._drawn = False

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[{_PLAIN}m" if self._colour else text


def bar(done: int, total: int, width: int = 24) -> str:
    """A progress bar."""
    filled = width if not total else min(width, done * width // total)
    return "█" * filled + "░" * (width - filled)


def size(count: float) -> str:
    """A byte count for people, in decimal units as camera makers print them."""
    value, unit = float(count), _UNITS[0]
    for unit in _UNITS:  # noqa: B007  # the unit where it stops is the answer
        if abs(value) < _STEP:
            break
        value /= _STEP
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def shortened(line: str, columns: int = 130) -> str:
    """A line of a program's output that would be too wide to read; columns move together."""
    line = re.sub(r"(?<=\S) {3,}", "  ", line)
    return line if shown_width(line) <= columns else pad(line, columns).rstrip()


def shown_width(text: str) -> int:
    """Columns a text takes; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, columns: int) -> str:
    """Fill up with spaces to a number of columns; shorten what is too long."""
    while shown_width(text) > columns:
        text = text[:-2] + "…"
    return text + " " * (columns - shown_width(text))
