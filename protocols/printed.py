"""A checkpoint that was printed: as a QR code on paper it outlasts every disk.

The code holds letters alone, because readers of codes guess encodings. Whoever kept the paper can
show in ten years that a log still contains what it had that day.
"""

from __future__ import annotations

import base64

from hashing.note import MAX_NOTE
from protocols.errors import ProtocolError

_HEAD = b"EVIDOCK-CHECKPOINT:1:"


class PrintedError(ProtocolError):
    """A text that begins like a printed checkpoint and is none."""


def printed_text(note: bytes) -> str:
    """A signed checkpoint as the text of a QR code."""
    return (_HEAD + base64.b64encode(note)).decode()


def note_of(raw: bytes) -> bytes:
    """The signed checkpoint in a file: as it is, or as it was scanned from paper.

    Raises:
        PrintedError: scanned, and cut or misread.
    """
    text = b"".join(raw.split())
    if not text.startswith(_HEAD):
        return raw
    try:
        note = base64.b64decode(text.removeprefix(_HEAD), validate=True)
    except ValueError as error:
        raise PrintedError("a printed checkpoint that was cut or misread") from error
    if len(note) > MAX_NOTE:
        raise PrintedError(f"a checkpoint of {len(note)} bytes; {MAX_NOTE} allowed")
    return note
