"""Names of files in a pack; those that came from cameras are data and become safe ones.

Every name in a pack is of ``A-Z a-z 0-9 . _ -``, at most ten folders deep and never begins
with a dot or a hyphen: it means the same on every file system and in every shell, and it
cannot lead outside the pack. How the camera called a file stands in ``originals.json``.
"""

from __future__ import annotations

import re
from typing import Final

from protocols.ids import ClipId

DATA: Final = "data/"
ORIGINALS: Final = "data/originals/"
LEAVES: Final = "data/leaves/"
STATEMENTS: Final = "data/statements/"
RECORDS: Final = "data/records/"
RECEIPTS: Final = "data/receipts/"
PROOFS: Final = "data/proofs/"
KEYS: Final = "data/keys/"
COSIGNED: Final = "data/cosigned/"
STAMPED: Final = "data/timestamps/"
WAYS: Final = "data/ways/"
CHECKPOINT: Final = "data/checkpoint.note"
CONSISTENCY: Final = "data/consistency.json"
TRAIL: Final = "data/trail.json"
TRUST: Final = "data/trust.json"
ORIGINAL_LIST: Final = "data/originals.json"
EXPORT: Final = "data/export.json"
REPORT: Final = "data/report.json"

BAGIT: Final = "bagit.txt"
BAG_INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
GUIDE: Final = "VERIFY.md"
PAGE: Final = "report.html"
VERIFIER: Final = "verify.html"

MAX_NAME = 100
MAX_PATH_LENGTH = 400
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,9}}\Z")
_ENDING = re.compile(r"[A-Za-z0-9]{1,10}\Z")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
# Devices of one wide-spread system, whatever stands behind the first dot (its documentation
# of file names); a file of such a name cannot be unpacked there.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)


def is_safe(path: str) -> bool:
    """Whether a path may stand in a pack."""
    return (
        len(path) <= MAX_PATH_LENGTH
        and _PATH.match(path) is not None
        and not any(part.endswith(".") or _DEVICES.match(part) for part in path.split("/"))
    )


def safe_name(name: str) -> str:
    """A camera's file name as a safe one; several may become the same.

    Each original lies in its clip's own folder, so that does no harm.
    """
    whole = _UNSAFE.sub("_", name)
    stem, _, ending = whole.rpartition(".")
    if "." not in whole or not _ENDING.match(ending):
        stem, ending = whole, ""
    stem = stem.lstrip(".-").rstrip(".")
    tail = f".{ending}" if ending else ""
    safe = f"{stem[: MAX_NAME - len(tail)] or 'file'}{tail}".rstrip(".")
    return f"_{safe[: MAX_NAME - 1]}" if _DEVICES.match(safe) else safe


def original(clip: ClipId, name: str) -> str:
    """Where the untouched bytes of a clip lie."""
    return f"{ORIGINALS}{clip}/{safe_name(name)}"


def leaf_list(clip: ClipId) -> str:
    """Where the list of a clip's 32-byte leaf hashes lies."""
    return f"{LEAVES}{clip}.sha256"


def statement(index: int) -> str:
    """Where the statement at a position of the log lies: the exact bytes."""
    return f"{STATEMENTS}{index:08d}.cose"


def record(index: int) -> str:
    """Where its record lies: the exact bytes."""
    return f"{RECORDS}{index:08d}.json"


def receipt(index: int) -> str:
    """Where its RFC 9942 receipt lies."""
    return f"{RECEIPTS}{index:08d}.cose"


def proof(index: int) -> str:
    """Where its C2SP tlog-proof lies."""
    return f"{PROOFS}{index:08d}.tlog-proof"


def cosigned(size: int) -> str:
    """Where a checkpoint of that size lies with the cosignatures that it has."""
    return f"{COSIGNED}{size:08d}.note"


def stamped(size: int) -> str:
    """Where a checkpoint lies that a time stamping authority saw."""
    return f"{STAMPED}{size:08d}.note"


def stamp(size: int) -> str:
    """Where the authority's answer about it lies: an RFC 3161 TimeStampResp in DER."""
    return f"{STAMPED}{size:08d}.tsr"


def way(size: int) -> str:
    """Where the consistency path between such a checkpoint and the pack's lies."""
    return f"{WAYS}{size:08d}.txt"


def key(name: str) -> str:
    """Where a public key lies in PEM, for ``openssl``."""
    return f"{KEYS}{safe_name(name)}.pem"
