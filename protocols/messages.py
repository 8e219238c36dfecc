"""MQTT payloads of SPEC 5: values to bytes and back, strictly.

JSON where a person may look at a retained message with a plain MQTT client (``state``,
``head``, ``hello``), CBOR where bytes are carried. Every decoder checks size, version and
shape, in that order, and raises ``MessageError``; none of them trusts the sender.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hashing import cbor
from hashing.errors import DecodeError
from protocols.errors import IdError, MessageError
from protocols.topics import worker_name

VERSION = 1
MAX_JSON = 64 * 1024
MAX_ENTRIES_PER_PAGE = 64
MAX_RANGES = 1000
MAX_WANTS = 256
MAX_BAYS = 64
# One entry larger than a part still travels, alone in its page.
MAX_PAGE = 1024 * 1024
MAX_PULL = 64 * 1024
MAX_NACK = 1024
MAX_PROOF = 96 * 1024
MAX_RELEASE = 512 * 1024

_MAX_PATH = 64
_HASH_HEX = r"^[0-9a-f]{64}$"
_NUMBER_LIMIT = 2**63
Number = Annotated[int, Field(ge=0, lt=_NUMBER_LIMIT)]


class JsonMessage(BaseModel):
    """A message that travels as JSON; unknown fields of newer programs are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def encode(self) -> bytes:
        """The payload."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def read_json(cls, raw: bytes) -> object:
        """What the payload holds, of any shape yet; raises MessageError."""
        if len(raw) > MAX_JSON:
            msg = f"{cls.__name__}: {len(raw)} bytes; {MAX_JSON} allowed"
            raise MessageError(msg)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            msg = f"{cls.__name__}: not JSON"
            raise MessageError(msg) from error


class BayState(JsonMessage):
    """What stands in a bay, for people who look on; nothing is decided by it.

    Attributes:
        bay: its name at the dock.
        phase: how it goes, in the codes of the dock's own screen; ``free`` without a camera.
        camera: what the camera says it is.
        done, total: bytes of its recordings, sealed or as good as that, and all.
    """

    bay: Annotated[str, Field(max_length=64)]
    phase: Annotated[str, Field(max_length=32)]
    camera: Annotated[str, Field(max_length=64)] | None = None
    done: Number = 0
    total: Number = 0


class State(JsonMessage):
    """``dock/{dock}/state``: whether the dock's program is connected, and what its bays hold.

    Attributes:
        bays: None from a dock that does not say.
    """

    state: Literal["online", "offline"]
    version: Annotated[str, Field(max_length=64)]
    protocols: Annotated[tuple[int, ...], Field(max_length=16)] = (VERSION,)
    bays: Annotated[tuple[BayState, ...], Field(max_length=MAX_BAYS)] | None = None

    @classmethod
    def decode(cls, raw: bytes) -> State:
        """Read a payload; raises MessageError."""
        return validated(cls, cls.read_json(raw))


class Ref(JsonMessage):
    """A checkpoint by size and root (hex)."""

    size: Number
    root: Annotated[str, Field(pattern=_HASH_HEX)]


class Head(JsonMessage):
    """``dock/{dock}/head``: where the dock's ledger stands and what waits for a release.

    Attributes:
        epoch: the ledger's epoch.
        seq: newest entry; None while the ledger is empty.
        hash: statement hash of that entry (hex).
        accepted: newest checkpoint the dock accepted.
        unreleased: ranges ``(epoch, first seq, last seq)`` that hold all sealed clips
            without a release; entries in a range that are no clips do not matter.
        free_bytes: free space of the spool.
        nonce: changes with every announcement that asks for an answer again.
    """

    epoch: Number
    seq: Number | None = None
    hash: Annotated[str, Field(pattern=_HASH_HEX)] | None = None
    accepted: Ref | None = None
    unreleased: Annotated[tuple[tuple[Number, Number, Number], ...], Field(max_length=MAX_RANGES)]
    free_bytes: Number
    nonce: Number = 0

    @classmethod
    def decode(cls, raw: bytes) -> Head:
        """Read a payload; raises MessageError."""
        head = validated(cls, cls.read_json(raw))
        if (head.seq is None) != (head.hash is None):
            msg = "Head: seq and hash come together"
            raise MessageError(msg)
        return head


class Hello(JsonMessage):
    """``gate/{dock}/hello``: what this gateway speaks."""

    protocols: Annotated[tuple[int, ...], Field(max_length=16)] = (VERSION,)
    version: Annotated[str, Field(max_length=64)]
    part_size: Annotated[int, Field(ge=4096, le=1024 * 1024)]
    time: Annotated[str, Field(max_length=40)]

    @classmethod
    def decode(cls, raw: bytes) -> Hello:
        """Read a payload; raises MessageError."""
        return validated(cls, cls.read_json(raw))


# --- pull ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class LedgerWant:
    """Entries ``first`` to ``last`` of an epoch; the answer may stop earlier."""

    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, order=True)
class LeavesWant:
    """``length`` bytes of a clip's list of 32-byte leaf hashes."""

    epoch: int
    seq: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, order=True)
class PartWant:
    """``length`` bytes of a clip."""

    epoch: int
    seq: int
    offset: int
    length: int


Want: TypeAlias = LedgerWant | LeavesWant | PartWant


@dataclass(frozen=True, slots=True)
class Pull:
    """``gate/{dock}/pull``: what one worker asks for under its lease's fencing number."""

    worker: str
    term: int
    want: tuple[Want, ...]

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps(
            {"worker": self.worker, "term": self.term, "want": [_want_row(w) for w in self.want]}
        )

    @classmethod
    def decode(cls, raw: bytes) -> Pull:
        """Read a payload; raises MessageError."""
        document = _cbor(raw, MAX_PULL, "Pull", items=6 + MAX_WANTS * 6)
        fields = _map(document, {"worker", "term", "want"}, "Pull")
        rows = fields["want"]
        if not isinstance(rows, list) or len(rows) > MAX_WANTS:
            msg = f"Pull: at most {MAX_WANTS} wants"
            raise MessageError(msg)
        try:
            worker = worker_name(_text(fields["worker"], "Pull worker"))
        except IdError as error:
            raise MessageError(str(error)) from error
        return cls(worker, _number(fields["term"], "term"), tuple(_want(row) for row in rows))


# --- ledger pages -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a dock's ledger as bytes; nothing in it is checked yet."""

    epoch: int
    seq: int
    record: bytes
    statement: bytes


def encode_page(entries: Sequence[Entry]) -> bytes:
    """Payload of ``dock/{dock}/ledger/{worker}``; the caller chose how many fit."""
    return cbor.dumps([[e.epoch, e.seq, e.record, e.statement] for e in entries])


def decode_page(raw: bytes) -> tuple[Entry, ...]:
    """Read a page of ledger entries.

    Raises:
        MessageError: too large, more than 64 entries, or not the shape above.
    """
    rows = _cbor(raw, MAX_PAGE, "ledger page", items=MAX_ENTRIES_PER_PAGE * 5)
    if not isinstance(rows, list) or len(rows) > MAX_ENTRIES_PER_PAGE:
        msg = f"ledger page: at most {MAX_ENTRIES_PER_PAGE} entries"
        raise MessageError(msg)
    return tuple(_entry(row) for row in rows)


# --- nack ---------------------------------------------------------------------------


class NackReason(StrEnum):
    """Why the dock has not what was pulled."""

    UNKNOWN = "unknown"
    LOST = "lost"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Nack:
    """``dock/{dock}/nack/{worker}``: this want cannot be answered."""

    want: Want
    reason: NackReason

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps([_want_row(self.want), str(self.reason)])

    @classmethod
    def decode(cls, raw: bytes) -> Nack:
        """Read a payload; raises MessageError."""
        row = _row(_cbor(raw, MAX_NACK, "Nack", items=7), 2, "Nack")
        try:
            reason = NackReason(_text(row[1], "Nack reason"))
        except ValueError as error:
            msg = f"Nack: unknown reason {row[1]!r}"
            raise MessageError(msg) from error
        return cls(_want(row[0]), reason)


# --- what the gateway proves --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proved:
    """A checkpoint and the way to it from one the dock has accepted.

    Attributes:
        note: C2SP signed note of the checkpoint.
        from_size: size of the tree the consistency path starts at; 0 for the first.
        path: RFC 9162 consistency proof from ``from_size`` to the checkpoint.
    """

    note: bytes
    from_size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReceiptMessage:
    """``gate/{dock}/receipt``: the entry is in the log."""

    epoch: int
    seq: int
    receipt: bytes
    proved: Proved

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps([self.epoch, self.seq, self.receipt, *_proved_row(self.proved)])

    @classmethod
    def decode(cls, raw: bytes) -> ReceiptMessage:
        """Read a payload; raises MessageError."""
        row = _row(_cbor(raw, MAX_PROOF, "Receipt", items=6 + _MAX_PATH), 6, "Receipt")
        return cls(
            _number(row[0], "epoch"),
            _number(row[1], "seq"),
            _bytes(row[2], "receipt"),
            _proved(row[3:]),
        )


@dataclass(frozen=True, slots=True)
class LoggedMessage:
    """``gate/{dock}/logged``: the log has this entry under the dock's name.

    Sent when the log has more entries of a dock than the dock announces. The dock believes
    nothing but the proof: whoever made the entry, the log's operator took it for this dock's.
    """

    statement: bytes
    receipt: bytes
    proved: Proved

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps([self.statement, self.receipt, *_proved_row(self.proved)])

    @classmethod
    def decode(cls, raw: bytes) -> LoggedMessage:
        """Read a payload; raises MessageError."""
        row = _row(_cbor(raw, MAX_PROOF, "Logged", items=5 + _MAX_PATH), 5, "Logged")
        return cls(_bytes(row[0], "statement"), _bytes(row[1], "receipt"), _proved(row[2:]))


@dataclass(frozen=True, slots=True)
class ReleaseMessage:
    """``gate/{dock}/release``: the clip is stored and read back; it may be erased.

    Attributes:
        record: the gateway's ``clip.stored`` record.
        transparent: its statement with the receipt in it.
    """

    epoch: int
    seq: int
    record: bytes
    transparent: bytes
    proved: Proved

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps(
            [self.epoch, self.seq, self.record, self.transparent, *_proved_row(self.proved)]
        )

    @classmethod
    def decode(cls, raw: bytes) -> ReleaseMessage:
        """Read a payload; raises MessageError."""
        row = _row(_cbor(raw, MAX_RELEASE, "Release", items=7 + _MAX_PATH), 7, "Release")
        return cls(
            _number(row[0], "epoch"),
            _number(row[1], "seq"),
            _bytes(row[2], "record"),
            _bytes(row[3], "statement"),
            _proved(row[4:]),
        )


class Retry(StrEnum):
    """What the dock may do about a refusal."""

    NEVER = "never"
    LATER = "later"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``gate/{dock}/refusal``: an entry was not admitted, or its effect was refused."""

    epoch: int
    seq: int
    code: str
    reason: str
    retry: Retry

    def encode(self) -> bytes:
        """The payload."""
        return cbor.dumps(
            {
                "epoch": self.epoch,
                "seq": self.seq,
                "code": self.code,
                "reason": self.reason[:1000],
                "retry": str(self.retry),
            }
        )

    @classmethod
    def decode(cls, raw: bytes) -> Refusal:
        """Read a payload; raises MessageError."""
        document = _cbor(raw, MAX_PULL, "Refusal", items=10)
        fields = _map(document, {"epoch", "seq", "code", "reason", "retry"}, "Refusal")
        try:
            retry = Retry(_text(fields["retry"], "retry"))
        except ValueError as error:
            msg = f"Refusal: unknown retry {fields['retry']!r}"
            raise MessageError(msg) from error
        return cls(
            _number(fields["epoch"], "epoch"),
            _number(fields["seq"], "seq"),
            _text(fields["code"], "code"),
            _text(fields["reason"], "reason"),
            retry,
        )


# --- shapes -------------------------------------------------------------------------


_Model = TypeVar("_Model", bound=BaseModel)


def validated(model: type[_Model], document: object) -> _Model:
    """What a message holds, in its shape; raises MessageError with the first thing wrong."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        msg = f"{model.__name__}: {where[:80]}: {first['msg'][:160]}"
        raise MessageError(msg) from error


def _cbor(raw: bytes, max_size: int, what: str, *, items: int) -> object:
    """Decode within bounds; ``items`` counts what is inside the outermost value."""
    try:
        return cbor.loads_strict(raw, max_size=max_size, max_items=items + 1, max_depth=6)
    except DecodeError as error:
        msg = f"{what}: {error}"
        raise MessageError(msg) from error


def _map(value: object, names: set[str], what: str) -> dict[str, object]:
    if not isinstance(value, dict) or set(value) != names:
        msg = f"{what}: a map of {', '.join(sorted(names))}"
        raise MessageError(msg)
    return value


def _row(value: object, length: int, what: str) -> list[object]:
    if not isinstance(value, list) or len(value) != length:
        msg = f"{what}: an array of {length}"
        raise MessageError(msg)
    return value


def _number(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _NUMBER_LIMIT:
        msg = f"{what}: not a number from 0 to 2^63-1"
        raise MessageError(msg)
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        msg = f"{what}: not a text"
        raise MessageError(msg)
    return value


def _bytes(value: object, what: str) -> bytes:
    if not isinstance(value, bytes):
        msg = f"{what}: not a byte string"
        raise MessageError(msg)
    return value


def _entry(value: object) -> Entry:
    row = _row(value, 4, "ledger entry")
    return Entry(
        _number(row[0], "epoch"),
        _number(row[1], "seq"),
        _bytes(row[2], "record"),
        _bytes(row[3], "statement"),
    )


def _want_row(want: Want) -> list[object]:
    if isinstance(want, LedgerWant):
        return ["ledger", want.epoch, want.first, want.last]
    name = "leaves" if isinstance(want, LeavesWant) else "part"
    return [name, want.epoch, want.seq, want.offset, want.length]


def _want(value: object) -> Want:
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        msg = "want: an array that starts with its name"
        raise MessageError(msg)
    makers: dict[str, tuple[int, Callable[..., Want]]] = {
        "ledger": (3, LedgerWant),
        "leaves": (4, LeavesWant),
        "part": (4, PartWant),
    }
    count, make = makers.get(value[0], (-1, LedgerWant))
    if len(value) != count + 1:
        msg = f"want: {value[0][:20]!r} with {len(value) - 1} numbers"
        raise MessageError(msg)
    return make(*(_number(number, "want") for number in value[1:]))


def _proved_row(proved: Proved) -> list[object]:
    return [proved.note, proved.from_size, list(proved.path)]


def _proved(row: Sequence[object]) -> Proved:
    path = row[2]
    if not isinstance(path, list) or len(path) > _MAX_PATH:
        msg = f"consistency path: at most {_MAX_PATH} hashes"
        raise MessageError(msg)
    hashes = tuple(_bytes(item, "path") for item in path)
    return Proved(_bytes(row[0], "note"), _number(row[1], "from_size"), hashes)
