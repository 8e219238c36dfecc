"""``station_bind.ini``: to whom a station of another maker tied a camera.

::

    [binding]
    recorder_serial=36NCC009910
    recorder_model=...
    user_no=016042
    user_name=...
    dept_code=...
    dept_name=...
    bound_at=2026-08-13T10:00:00.0000000+08:00
    sm3=<64 hex digits>

The digest is SM3 over ``serial|model|user_no|user_name|dept_code|dept_name|bound_at|secret``,
each value as the file has it, in UTF-8; a later form of such stations uses a keyed hash, read
here as HMAC-SM3 over the same text without the secret (its exact text is not published). The
secret is shared by all stations of one operator, and anybody who read one camera's card can
put the whole file on another's: even a valid file stays a claim about who carries a camera.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives import hashes, hmac

from edge.profiles.cardfiles import CardFileError, read_text
from edge.profiles.claims import text_of

_FIELDS: Final = (
    *("recorder_serial", "recorder_model", "user_no", "user_name"),
    *("dept_code", "dept_name", "bound_at"),
)
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
MAX_KEY = 1024


class Signature(StrEnum):
    """What is known of the file's digest."""

    UNVERIFIED = "unverified"
    NO_KEY = "no key"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Binding:
    """What the file claims; empty where it says nothing.

    Attributes:
        signature: UNVERIFIED if the file holds no digest; NO_KEY if there is one and no
            secret to check it with.
    """

    recorder_serial: str
    recorder_model: str
    user_no: str
    user_name: str
    dept_code: str
    dept_name: str
    bound_at: str
    signature: Signature


def read_binding(data: bytes, key: bytes | None = None) -> Binding:
    """Read the file.

    Args:
        data: its content.
        key: the stations' shared secret, if the operator has configured it.

    Raises:
        CardFileError: too large, names a field twice, or says nothing of a binding.
    """
    values = _values(data)
    if not any(values.get(name) for name in _FIELDS):
        raise CardFileError("it holds no field of a binding")
    said = [values.get(name, "") for name in _FIELDS]
    signature = _signature("|".join(said), values.get("sm3", ""), key)
    plain = {
        name: text_of(text.encode("utf-8", "replace"))[0]
        for name, text in zip(_FIELDS, said, strict=True)
    }
    return Binding(**plain, signature=signature)


def _values(data: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in read_text(data).lines:
        name, equals, value = line.strip().partition("=")
        name = name.strip().lower()
        if not equals or name.startswith(("[", "#", ";")):
            continue
        # Of two values one reader takes the first and another the last.
        if name in values and name in {*_FIELDS, "sm3"}:
            raise CardFileError(f"{name} stands there twice")
        values[name] = value.strip()
    return values


def _signature(said: str, digest: str, key: bytes | None) -> Signature:
    if not digest:
        return Signature.UNVERIFIED
    if not key:
        return Signature.NO_KEY
    if not _HEX.fullmatch(digest):
        return Signature.INVALID
    text, wanted = said.encode("utf-8", "surrogatepass"), bytes.fromhex(digest)
    plain = hashes.Hash(hashes.SM3())
    plain.update(text + b"|" + key)
    keyed = hmac.HMAC(key, hashes.SM3())
    keyed.update(text)
    fits = [compare_digest(made, wanted) for made in (plain.finalize(), keyed.finalize())]
    return Signature.VALID if any(fits) else Signature.INVALID
