"""Records: the JSON facts that docks and the gateway sign.

A record is kept and moved as the exact bytes that were hashed; nothing here ever
re-encodes one that arrived. Decoding is strict about form (size, UTF-8, one object, no
repeated names) and open about content: unknown kinds and fields are kept and shown as
unknown, because a newer program's fact must not get lost in an older one (SPEC 3).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.clock import ClockReading
from protocols.errors import RecordError
from protocols.json_once import no_repeats
from protocols.kinds import BODIES, Body, UnknownBody

VERSION = 1
MAX_RECORD = 256 * 1024
MAX_SIZE = 2**53
SALT_BYTES = 16
# Far below where a parser's own stack ends: what one reader takes, every reader takes.
MAX_DEPTH = 32
_HASH_HEX = r"^[0-9a-f]{64}$"


class CheckpointRef(BaseModel):
    """The newest checkpoint the issuer had accepted: this is how docks witness the log."""

    model_config = ConfigDict(frozen=True)

    size: Annotated[int, Field(strict=True, ge=0, lt=MAX_SIZE)]
    root: Annotated[str, Field(pattern=_HASH_HEX)]


class _Envelope(BaseModel):
    """The fields every record has."""

    model_config = ConfigDict(frozen=True, extra="allow")

    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    v: Annotated[int, Field(strict=True)]
    kind: Annotated[str, Field(pattern=r"^[a-z0-9.]{1,64}$")]
    at: ClockReading
    checkpoint: CheckpointRef | None = None
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A decoded record beside the bytes that were signed.

    Attributes:
        raw: the exact bytes.
        kind: for example ``clip.sealed``.
        at: the issuer's clock when the record was made.
        checkpoint: the newest checkpoint the issuer had accepted, None before the first.
        body: a model of ``protocols.kinds``; ``UnknownBody`` for a kind of a newer program.
    """

    raw: bytes
    kind: str
    at: ClockReading
    checkpoint: CheckpointRef | None
    body: Body


def encode_record(
    body: Body, *, at: ClockReading, checkpoint: CheckpointRef | None, salt: bytes
) -> bytes:
    """Write a record once; these bytes are hashed, signed, kept and moved.

    Args:
        body: what is stated.
        at: the issuer's clock reading.
        checkpoint: the newest checkpoint the issuer has accepted.
        salt: 16 random bytes, so that a digest of the record gives nothing away.

    Raises:
        RecordError: ``record-size`` over 256 KiB, ``record-salt`` for a salt of wrong length,
            or as ``decode_record`` would for these bytes: what nobody can read back must
            never be signed.
    """
    if len(salt) != SALT_BYTES:
        raise RecordError("record-salt", f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    document = {
        "salt": salt.hex(),
        "v": VERSION,
        "kind": body.kind,
        "at": at.model_dump(mode="json", exclude_none=True),
        "checkpoint": checkpoint.model_dump() if checkpoint else None,
        "body": body.model_dump(mode="json", exclude_none=True),
    }
    raw = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    if len(raw) > MAX_RECORD:
        raise RecordError("record-size", f"record of {len(raw)} bytes; {MAX_RECORD} allowed")
    decode_record(raw)
    return raw


def decode_record(raw: bytes) -> Record:
    """Read a record's bytes.

    Raises:
        RecordError: ``record-size``, ``record-json`` (not one strict JSON object),
            ``record-version`` or ``record-invalid`` (a known kind without its fields).
    """
    if len(raw) > MAX_RECORD:
        raise RecordError("record-size", f"record of {len(raw)} bytes; {MAX_RECORD} allowed")
    document = _strict_json(raw)
    try:
        envelope = _Envelope.model_validate(document)
    except ValidationError as error:
        raise RecordError("record-invalid", _first_problem(error)) from error
    if envelope.v != VERSION:
        raise RecordError("record-version", f"record version {envelope.v}; known: {VERSION}")
    return Record(raw, envelope.kind, envelope.at, envelope.checkpoint, _body(envelope))


def _body(envelope: _Envelope) -> Body:
    model = BODIES.get(envelope.kind)
    if model is None:
        return UnknownBody(unknown_kind=envelope.kind, fields=envelope.body)
    try:
        return model.model_validate(envelope.body)
    except ValidationError as error:
        raise RecordError("record-invalid", f"{envelope.kind}: {_first_problem(error)}") from error


def _strict_json(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            raw.decode(),
            object_pairs_hook=no_repeats,
            parse_constant=_no_constants,
            parse_float=_finite,
        )
        # Lone surrogates and NUL decode as JSON but fit no UTF-8 file and no SQL text.
        text = json.dumps(document, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise RecordError("record-json", f"not strict JSON: {str(error)[:120]}") from error
    if "\\u0000" in text and _has_nul(document):
        raise RecordError("record-json", "not strict JSON: a string holds U+0000")
    if _depth(document) > MAX_DEPTH:
        raise RecordError("record-json", f"nested deeper than {MAX_DEPTH}")
    if not isinstance(document, dict):
        raise RecordError("record-json", "a record is one JSON object")
    return document


def _has_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_has_nul(item) for pair in value.items() for item in pair)
        case list():
            return any(_has_nul(item) for item in value)
        case _:
            return False


def _depth(document: object) -> int:
    """How many arrays and objects stand inside one another."""
    depth, level = 0, [document]
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


def _no_constants(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = f"{text[:20]} fits no number"
        raise ValueError(msg)
    return number


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "record"
    return f"{where[:120]}: {first['msg'][:200]}"
