"""What a decoder of outside bytes promises, in a form that any fuzzer can hold it to.

Bytes that nobody vouched for end in a value or in one of the refusals that are named; nothing
else ever comes out. Where there is one way to write a value, what was accepted is written back
to the very same bytes: two forms of one thing would be two digests of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Bytes = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One of them.

    Attributes:
        name: package and what is read, for example ``hashing statement``.
        read: gives a value, or raises one of ``refuses``.
        refuses: what bytes that are none end in; empty for a reader that makes the best of all.
        seeds: genuine inputs, from which mutations set out.
        again: writes a value in its one form; None where a value has several.
    """

    name: str
    read: Bytes
    refuses: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    again: Callable[[object], bytes] | None = None

    def try_on(self, raw: bytes) -> bool:
        """Whether it takes these bytes.

        Raises:
            AssertionError: it takes them and would write them otherwise. Anything else that
                escapes is a finding, too.
        """
        try:
            value = self.read(raw)
        except self.refuses:
            return False
        if self.again is not None:
            written = self.again(value)
            assert written == raw, f"{self.name}: {raw.hex()} is read, {written.hex()} written"
        return True
