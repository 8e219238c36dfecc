"""Signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

A checkpoint is the head of the log: a few lines of text anyone can read, signed by the log's
Ed25519 key and by the witnesses that saw it grow consistently. It is made after entries are
durable, published, and handed to docks with every receipt. This module reads and writes the text;
whether a checkpoint extends an older one is `merkle.verify_consistency`'s question, and how many
witnesses are enough is policy.
"""

import base64
import binascii
import enum
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hashing import merkle
from hashing.errors import DecodeError, KeyFormatError, SignatureError, UnsupportedError
from hashing.keys import SIGNATURE_SIZE, Algorithm, KeyKind, PublicKey, Signer

MAX_NOTE = 64 << 10
MAX_SIGNATURES = 16

_LINE_START = "\N{EM DASH} "
_ID_SIZE = 4
_RAW_KEY_SIZE = 32
_TIME_SIZE = 8
COSIGNATURE_SIZE = _TIME_SIZE + SIGNATURE_SIZE
_MAX_TIME = (1 << 63) - 1
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
# SubjectPublicKeyInfo of an Ed25519 key before its 32 bytes (RFC 8410 section 4).
_ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


class SignatureType(enum.IntEnum):
    """Signature types of signed notes that are accepted here."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


_TYPES = frozenset(SignatureType)


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key under a name, as notes know it; the name is the log's or the witness's.

    Raises:
        KeyFormatError: the name is empty or has spaces or a plus, or the key is not Ed25519.
    """

    name: str
    key: PublicKey
    type: SignatureType

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise KeyFormatError(f"{self.name!r} is no name for a note key")
        if self.key.kind is not KeyKind.ED25519:
            raise KeyFormatError("notes are signed with Ed25519 keys")

    @property
    def id(self) -> bytes:
        """SHA-256(name || newline || type || key), first 4 bytes."""
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.key.raw
        return hashlib.sha256(named).digest()[:_ID_SIZE]

    def vkey(self) -> str:
        """The verifier key as text: name, id and key, joined by plus signs."""
        encoded = base64.b64encode(bytes([self.type]) + self.key.raw).decode("ascii")
        return f"{self.name}+{self.id.hex()}+{encoded}"

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a verifier key.

        Raises:
            KeyFormatError: not one, or its id is not that of its name and key.
            UnsupportedError: a signature type that is not accepted here.
        """
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        material = _decode_base64(encoded)
        if material is None or len(material) != 1 + _RAW_KEY_SIZE:
            raise KeyFormatError("verifier key is not name+id+base64 of an Ed25519 key")
        if material[0] not in _TYPES:
            raise UnsupportedError(f"signature type {material[0]} of a verifier key")
        public = PublicKey.from_der(_ED25519_SPKI + material[1:])
        key = cls(name, public, SignatureType(material[0]))
        if key_id != key.id.hex():
            raise KeyFormatError(f"verifier key says id {key_id!r} where {key.id.hex()} is right")
        return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Head of a log: so many leaves, this root.

    Attributes:
        origin: name of the log; whoever opens a checkpoint compares it with the log expected.
        size: leaves.
        root: RFC 9162 root.
        extensions: further lines, opaque.

    Raises:
        DecodeError: a value that no checkpoint can have.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or "\n" in line or _CONTROL.search(line) or _SURROGATE.search(line):
                raise DecodeError("checkpoint line is empty, no text or has control characters")
        if not 0 <= self.size <= merkle.MAX_TREE_SIZE:
            raise DecodeError(f"checkpoint for a tree of {self.size}")
        if len(self.root) != merkle.HASH_SIZE:
            raise DecodeError("checkpoint root is not 32 bytes")
        if self.size == 0 and self.root != merkle.EMPTY_ROOT:
            raise DecodeError("checkpoint of an empty tree has another root")

    def text(self) -> str:
        """The note text."""
        root = base64.b64encode(self.root).decode("ascii")
        return "\n".join((self.origin, str(self.size), root, *self.extensions)) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the note text.

        Raises:
            DecodeError: not the text of a checkpoint.
        """
        match text.split("\n"):
            case [origin, size, root, *extensions, ""]:
                pass
            case _:
                raise DecodeError("checkpoint has fewer than three lines or no final newline")
        if not _DECIMAL.fullmatch(size):
            raise DecodeError("checkpoint size is not a decimal number")
        decoded = _decode_base64(root)
        if decoded is None:
            raise DecodeError("checkpoint root is not base64")
        return cls(origin, int(size), decoded, tuple(extensions))


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key id, and what follows the id."""

    name: str
    id: bytes
    signature: bytes

    def line(self) -> str:
        """The line with its newline."""
        encoded = base64.b64encode(self.id + self.signature).decode("ascii")
        return f"{_LINE_START}{self.name} {encoded}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note whose form is right; no signature is verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def of(self, key: NoteKey) -> list[NoteSignature]:
        """Lines that claim to be by this key: same name and same id."""
        return [line for line in self.signatures if (line.name, line.id) == (key.name, key.id)]


def parse_note(raw: bytes) -> SignedNote:
    """Read a signed note of at most 64 KiB and 16 signatures.

    Raises:
        DecodeError: not in the form of C2SP signed-note.
    """
    if len(raw) > MAX_NOTE:
        raise DecodeError(f"note of {len(raw)} bytes where at most {MAX_NOTE} are allowed")
    try:
        note = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("note is not UTF-8") from error
    if _CONTROL.search(note):
        raise DecodeError("note has control characters")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise DecodeError("note is not text, an empty line, and signature lines")
    signature_lines = lines[:-1].split("\n")
    if len(signature_lines) > MAX_SIGNATURES:
        raise DecodeError(f"note with more than {MAX_SIGNATURES} signatures")
    return SignedNote(text + "\n", tuple(_parse_line(line) for line in signature_lines))


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer, name: str) -> bytes:
    """Make the signed note of a checkpoint.

    Args:
        checkpoint: head to sign.
        signer: the log's checkpoint key, Ed25519.
        name: key name, by custom the origin.

    Raises:
        KeyFormatError: the name is not one for a key, or the key of another kind.
        SigningError: the key cannot sign now.
    """
    key = NoteKey(name, signer.public, SignatureType.ED25519)
    text = checkpoint.text()
    line = NoteSignature(name, key.id, signer.sign(text.encode())).line()
    return f"{text}\n{line}".encode()


def open_checkpoint(raw: bytes, key: NoteKey) -> Checkpoint:
    """Read a checkpoint and check that this key signed it.

    Lines by other keys are ignored, even under the same name. The caller compares `origin`.

    Raises:
        DecodeError: not a signed note, or not a checkpoint.
        SignatureError: no line by this key, or one that does not verify.
        KeyFormatError: the key is a witness's, not a log's.
    """
    if key.type is not SignatureType.ED25519:
        raise KeyFormatError("a checkpoint is opened with the log's own key, not a witness's")
    note = parse_note(raw)
    lines = note.of(key)
    if not lines:
        raise SignatureError(f"no signature by {key.name}+{key.id.hex()}")
    for line in lines:
        key.key.verify(Algorithm.ED25519, note.text.encode(), line.signature)
    return Checkpoint.parse(note.text)


def cosign(note: bytes, signer: Signer, name: str, timestamp: int) -> bytes:
    """Add a witness's line to a checkpoint note.

    The witness has opened the checkpoint and checked that it extends the one it cosigned last.

    Args:
        note: the signed checkpoint.
        signer: the witness's key, Ed25519, used for nothing else.
        name: the witness's key name.
        timestamp: seconds since 1970.

    Raises:
        DecodeError: not a checkpoint note, it is full, or the timestamp is out of range.
        KeyFormatError: the name is not one for a key, or the key of another kind.
        SigningError: the key cannot sign now.
    """
    key = NoteKey(name, signer.public, SignatureType.COSIGNATURE)
    text = parse_note(note).text
    Checkpoint.parse(text)
    if not 0 <= timestamp <= _MAX_TIME:
        raise DecodeError(f"{timestamp} is no time of a cosignature")
    signature = signer.sign(_cosigned(text, timestamp))
    line = NoteSignature(name, key.id, timestamp.to_bytes(_TIME_SIZE, "big") + signature).line()
    cosigned = note + line.encode()
    parse_note(cosigned)
    return cosigned


def cosignatures(note: bytes, witnesses: Sequence[NoteKey]) -> list[tuple[str, int]]:
    """Name the witnesses whose cosignatures verify.

    Each key counts once, however often it signed and under however many names it is listed: a
    quorum is of keys. Lines that do not verify count for nothing.

    Args:
        note: the signed checkpoint.
        witnesses: keys of type COSIGNATURE, from outside the gateway.

    Returns:
        (name, earliest timestamp in seconds since 1970), in the order of `witnesses`.

    Raises:
        DecodeError: not a checkpoint note.
        KeyFormatError: a key is not a witness's.
    """
    parsed = parse_note(note)
    Checkpoint.parse(parsed.text)
    counted: set[bytes] = set()
    result: list[tuple[str, int]] = []
    for witness in witnesses:
        if witness.type is not SignatureType.COSIGNATURE:
            raise KeyFormatError(f"{witness.name} is no witness key")
        times = _cosigning_times(parsed, witness)
        if times and witness.key.kid not in counted:
            counted.add(witness.key.kid)
            result.append((witness.name, min(times)))
    return result


def _cosigning_times(note: SignedNote, witness: NoteKey) -> list[int]:
    times = (cosigned_at(note, witness, line) for line in note.of(witness))
    return [time for time in times if time is not None]


def cosigned_at(note: SignedNote, witness: NoteKey, line: NoteSignature) -> int | None:
    """When a witness says it cosigned, in seconds since 1970; None when the line is not its."""
    timestamp = int.from_bytes(line.signature[:_TIME_SIZE], "big")
    if len(line.signature) != COSIGNATURE_SIZE or timestamp > _MAX_TIME:
        return None
    message, signature = _cosigned(note.text, timestamp), line.signature[_TIME_SIZE:]
    try:
        witness.key.verify(Algorithm.ED25519, message, signature)
    except SignatureError:
        return None
    return timestamp


def _cosigned(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _parse_line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
    decoded = _decode_base64(encoded)
    if not line.startswith(_LINE_START) or not _is_key_name(name):
        raise DecodeError("note signature line is not: em dash, key name, base64")
    if decoded is None or len(decoded) <= _ID_SIZE:
        raise DecodeError("note signature is not base64 of a key id and a signature")
    return NoteSignature(name, decoded[:_ID_SIZE], decoded[_ID_SIZE:])


def _is_key_name(name: str) -> bool:
    forbidden = "+" in name or any(c.isspace() for c in name) or _CONTROL.search(name) is not None
    return bool(name) and not forbidden


def _decode_base64(text: str) -> bytes | None:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Two texts for the same bytes would be two notes with the same signature.
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None
