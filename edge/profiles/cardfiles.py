"""Small text files that cameras and other docks keep on a card, read with limits.

What stands in them is what somebody wrote on a card: claims, never proof of who a camera
belongs to. Encodings are guessed, because cameras do not say: UTF-8, UTF-16, GB 18030.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from edge.profiles.claims import text_of

MAX_FILE = 1 << 20
MAX_LINES = 20_000
MAX_FIELDS = 50
_MAX_NAME: Final = 255
_MAX_OFFICER = 64
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_GUESSES: Final = ("utf-8", "gb18030")


class CardFileError(ValueError):
    """A small file that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class CardText:
    """A small file as lines of text.

    Attributes:
        lines: without their ends.
        encoding: in which they were read; ``damaged`` if none of those known fits.
    """

    lines: tuple[str, ...]
    encoding: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Top-level fields of a camera's JSON about a series of recordings, as text."""

    fields: tuple[tuple[str, str], ...]


def read_text(data: bytes) -> CardText:
    """The lines of a small file, whatever made it.

    Raises:
        CardFileError: more than 1 MiB or 20,000 lines.
    """
    if len(data) > MAX_FILE:
        raise CardFileError(f"{len(data)} bytes; {MAX_FILE} are read")
    text, encoding = _decoded(data)
    # Only these ends: what else Python takes for one may stand in a name.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise CardFileError(f"{len(lines)} lines; {MAX_LINES} are read")
    return CardText(tuple(lines), encoding)


def officer_line(data: bytes) -> str:
    """The officer's number from the first line of ``sn.txt``, as a claim.

    Raises:
        CardFileError: too large, or the first line is empty or no number.
    """
    first = read_text(data).lines[0].strip(" \t\0")
    if not first:
        raise CardFileError("the first line is empty")
    if len(first) > _MAX_OFFICER:
        raise CardFileError(f"the first line is {len(first)} signs long; {_MAX_OFFICER} are read")
    if not first.isprintable():
        raise CardFileError("the first line holds control characters")
    return first


def incident_files(data: bytes) -> tuple[tuple[str, int | None], ...]:
    """Recordings that a ``manifest.json`` names, with their sizes in bytes where it says them.

    It holds no digests (alestar328/BodyCamServer, EvidenceStore.writeManifest): what it names
    can be found to be missing or of another size, and nothing can be found to be unaltered.

    Raises:
        CardFileError: too large, or no JSON object.
    """
    listed = _document(data).get("segments")
    found = []
    for each in listed if isinstance(listed, list) else ():
        name = each.get("filename") if isinstance(each, dict) else None
        # A list of the camera's speaks for its own folder and for nothing else.
        if isinstance(name, str) and 0 < len(name) <= _MAX_NAME and not set(name) & set("/\\\0"):
            size = each.get("size_bytes")
            found.append((name, size if isinstance(size, int) and size >= 0 else None))
    return tuple(found[:MAX_LINES])


def incident(data: bytes) -> Incident:
    """What a ``manifest.json`` says at its top level; lists and tables as their length.

    Raises:
        CardFileError: too large, or no JSON object.
    """
    kept = list(_document(data).items())[:MAX_FIELDS]
    return Incident(tuple((_plain(name), _plain(value)) for name, value in kept))


def _document(data: bytes) -> dict[str, object]:
    try:
        document = json.loads("\n".join(read_text(data).lines))
    except (ValueError, RecursionError) as error:
        if isinstance(error, CardFileError):
            raise
        raise CardFileError(f"not JSON: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise CardFileError("JSON, but not an object")
    return document


def _plain(value: object) -> str:
    if isinstance(value, (list, dict)):
        return f"({len(value)} entries)"
    text = value if isinstance(value, str) else json.dumps(value)
    return text_of(text.encode("utf-8", "backslashreplace"))[0]


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), encoding
    # ASCII in UTF-16 without a mark: every other byte is zero.
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        every = data[start::2]
        if len(data) >= 4 and not len(data) % 2 and every.count(0) * 2 > len(every):  # noqa: PLR2004  # two characters of UTF-16
            return data.decode(encoding, "replace"), encoding
    for encoding in _GUESSES:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "backslashreplace"), "damaged"
