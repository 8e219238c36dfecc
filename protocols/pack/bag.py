"""BagIt 1.0 (RFC 8493): declaration, bag-info and manifests, written and strictly read.

Stricter than the RFC where a pack needs no freedom: SHA-256 only, safe names only, each once,
one payload manifest. Readers of the RFC read everything that is written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from protocols.errors import ProtocolError
from protocols.pack.layout import is_safe

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MAX_MANIFEST = 64 << 20
MAX_INFO = 64 << 10
_LINE = re.compile(r"([0-9a-f]{64})  (.+)\Z")


class BagError(ProtocolError):
    """A declaration or manifest is not in its form."""


def manifest(digests: Mapping[str, str]) -> bytes:
    """Manifest of these paths, as ``sha256sum -c`` reads it."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()


def read_manifest(raw: bytes) -> tuple[dict[str, str], list[str]]:
    """Digests by path, and what is wrong with single lines.

    Raises:
        BagError: too large, or not UTF-8 lines.
    """
    if len(raw) > MAX_MANIFEST:
        raise BagError(f"manifest of {len(raw)} bytes; {MAX_MANIFEST} allowed")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BagError("manifest is not UTF-8") from error
    digests: dict[str, str] = {}
    wrong: list[str] = []
    if not raw:
        return digests, wrong
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        found = _LINE.match(line)
        if found is None or not is_safe(found[2]):
            wrong.append(f"line {number} is not a SHA-256 and a safe name: {line[:120]!r}")
        elif found[2] in digests:
            wrong.append(f"line {number} names {found[2]} a second time")
        else:
            digests[found[2]] = found[1]
    if not wrong and manifest(digests) != raw:
        wrong.append("not in the one form that is written here: sorted, each line ended")
    return digests, wrong


def bag_info(fields: Iterable[tuple[str, str]]) -> bytes:
    """``bag-info.txt``; a value never has more than one line."""
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in fields).encode()


def is_info(raw: bytes, wanted: Mapping[str, str], free: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a ``bag-info.txt`` has these fields and values, and these in a form, and no others.

    Nobody signs it, and people read it: there is no room in it for words of anybody's.
    """
    found = dict(line.partition(": ")[::2] for line in raw.decode(errors="replace").splitlines())
    fields = [(label, wanted.get(label, value)) for label, value in found.items()]
    known = found.keys() == wanted.keys() | free.keys()
    return known and bag_info(fields) == raw and all(p.fullmatch(found[k]) for k, p in free.items())


def oxum(sizes: Iterable[int]) -> str:
    """``Payload-Oxum``: bytes and number of payload files (RFC 8493 section 2.2.2)."""
    listed = list(sizes)
    return f"{sum(listed)}.{len(listed)}"


def read_oxum(raw: bytes) -> str | None:
    """The ``Payload-Oxum`` of a ``bag-info.txt``; None when it names none."""
    for line in raw[:MAX_INFO].decode(errors="replace").splitlines():
        label, colon, value = line.partition(":")
        if colon and label.strip().lower() == "payload-oxum":
            return value.strip()
    return None
