"""The COSE_Sign1 frame (RFC 9052) that statements and receipts share.

It reads one strict frame, builds the bytes that are signed, and checks the header fields both
kinds have in common. It knows no chain and no tree, and verifies only with the key it is handed.
The protected header is kept as the very bytes that arrived: a signature is never checked over
something re-encoded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import cbor2

from hashing import cbor
from hashing.errors import DecodeError, SignatureError, UnsupportedError
from hashing.keys import SIGNATURE_SIZE, Algorithm, PublicKey

TAG_SIGN1 = 18
SHA_256 = -16

# Header labels: RFC 9052 (1, 2, 4), RFC 9597 (15), RFC 9596 (16), RFC 9360 (34),
# RFC 9995 (258, 259), RFC 9942 (394, 395, 396).
ALG, CRIT, KID, CLAIMS, TYP, X5T = 1, 2, 4, 15, 16, 34
PAYLOAD_HASH_ALG, PREIMAGE_TYPE = 258, 259
RECEIPTS, VDS, VDP = 394, 395, 396

_SIGN1 = frozenset({TAG_SIGN1})
# An array of four that begins with the context of a single signer (RFC 9052 section 4.4).
_SIGNATURE1 = b"\x84\x6aSignature1"
_NOTHING = b"\x40"

# Claims: RFC 8392.
ISS, SUB, IAT = 1, 2, 6

DIGEST_SIZE = 32
_ACCEPTED: Mapping[int, Algorithm] = {int(each): each for each in Algorithm}
_CLAIMS_NEEDED = frozenset({ISS, SUB})
_CLAIMS_ALLOWED = frozenset[int | str]({IAT})
_MAX_TEXT = 255
# A frame with eight receipts has 16 values, a protected header 26.
_MAX_ITEMS = 32
_MAX_TIME = (1 << 63) - 1

Header = Mapping[int | str, object]
Check = Callable[[PublicKey, Algorithm, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Sign1:
    """A frame whose shape is right; the protected header is not even read yet."""

    protected: bytes
    unprotected: Header
    payload: bytes | None
    signature: bytes


@dataclass(frozen=True, slots=True)
class Claims:
    """Who says it, about what, and when by their own clock (seconds since 1970)."""

    issuer: str
    subject: str
    issued_at: int | None


def encode_sign1(
    protected: bytes,
    unprotected: Header,
    payload: bytes | None,
    signature: bytes,
) -> bytes:
    """The tagged frame (RFC 9052 section 4.2); `payload` None stands for a detached one."""
    frame = [protected, dict(unprotected), payload, signature]
    return cbor.dumps(cbor2.CBORTag(TAG_SIGN1, frame))


def decode_sign1(raw: bytes, *, max_size: int) -> Sign1:
    """Read a frame strictly; what is in its protected header is for ``read_protected``.

    Raises:
        DecodeError: too big, not the one encoding, or not the shape of a COSE_Sign1.
    """
    tagged = cbor.loads_strict(raw, max_size=max_size, max_items=_MAX_ITEMS, allowed_tags=_SIGN1)
    if not isinstance(tagged, cbor2.CBORTag) or not isinstance(tagged.value, list):
        raise DecodeError("not a COSE_Sign1 (tag 18 around an array)")
    match tagged.value:
        case [bytes(protected), dict(unprotected), bytes() | None as payload, bytes(signature)]:
            pass
        case _:
            raise DecodeError("COSE_Sign1 is not [protected, unprotected, payload, signature]")
    if len(signature) != SIGNATURE_SIZE:
        raise DecodeError(f"signature of {len(signature)} bytes where 64 are expected")
    return Sign1(protected, unprotected, payload, signature)


def read_protected(protected: bytes) -> Header:
    """Decode the wrapped protected header.

    Raises:
        DecodeError: not the one encoding of a map, or it marks labels critical (label 2): each
            kind here has one form, in which nothing is left to mark.
    """
    header = cbor.loads_strict(protected, max_size=len(protected), max_items=_MAX_ITEMS)
    if not isinstance(header, dict):
        raise DecodeError("protected header is not a map")
    if CRIT in header:
        raise DecodeError("critical headers (label 2) have no place here")
    return header


def signed_bytes(protected: bytes, payload: bytes) -> bytes:
    """Sig_structure (RFC 9052 section 4.4), without external data."""
    return _SIGNATURE1 + cbor.byte_string(protected) + _NOTHING + cbor.byte_string(payload)


def verify_signature(
    key: PublicKey,
    *,
    kid: bytes | None,
    algorithm: Algorithm,
    message: bytes,
    signature: bytes,
    check: Check = PublicKey.verify,
) -> None:
    """Check that this key made this signature, and that the header names this key if any.

    `check` may remember what `PublicKey.verify` has verified; nothing else stands in for it.

    Raises:
        SignatureError: it did not, or the header names another key or an algorithm that this key
            cannot have signed with.
    """
    if kid is not None and kid != key.kid:
        raise SignatureError(f"signed under key {kid.hex()[:16]}, not under {key.kid.hex()[:16]}")
    try:
        check(key, algorithm, message, signature)
    except UnsupportedError as error:
        raise SignatureError(str(error)) from error


def check_labels(
    header: Header, *, required: frozenset[int], allowed: frozenset[int | str]
) -> None:
    """Refuse a header that lacks a required label or has one outside `required` and `allowed`.

    Raises:
        DecodeError: naming the label.
    """
    labels = header.keys()
    if missing := required - labels:
        raise DecodeError(f"header label {min(missing)} is missing")
    if not labels <= required | allowed:
        unknown = next(each for each in labels if each not in required | allowed)
        raise DecodeError(f"unknown header label {unknown!r}")


def read_algorithm(header: Header) -> Algorithm:
    """Label 1.

    Raises:
        DecodeError: it is no integer.
        UnsupportedError: an algorithm that is not accepted.
    """
    value = header[ALG]
    if not is_int(value):
        raise DecodeError("algorithm (label 1) is not an integer")
    algorithm = _ACCEPTED.get(value)
    if algorithm is None:
        raise UnsupportedError(f"algorithm {value} (label 1) is not accepted")
    return algorithm


def check_type(header: Header, expected: str) -> None:
    """Label 16 (RFC 9596): what keeps a statement from passing for a receipt.

    Raises:
        DecodeError: it is another type.
    """
    if header[TYP] != expected:
        raise DecodeError(f"type (label 16) is not {expected}")


def read_digest(value: object, what: str) -> bytes:
    """A SHA-256 value.

    Raises:
        DecodeError: not 32 bytes.
    """
    if not isinstance(value, bytes) or len(value) != DIGEST_SIZE:
        raise DecodeError(f"{what} is not 32 bytes")
    return value


def read_text(value: object, what: str) -> str:
    """Text that may be shown to a person: 1 to 255 printable characters.

    Raises:
        DecodeError: it is not; control and direction characters would forge what a screen says.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise DecodeError(f"{what} is not a text of 1 to {_MAX_TEXT} printable characters")
    return value


def read_claims(header: Header) -> Claims:
    """Label 15: issuer, subject, and a time if the issuer's clock was synchronised.

    Raises:
        DecodeError: missing, of another type, or with further claims.
    """
    claims = header[CLAIMS]
    if not isinstance(claims, dict):
        raise DecodeError("claims (label 15) are not a map")
    check_labels(claims, required=_CLAIMS_NEEDED, allowed=_CLAIMS_ALLOWED)
    issued_at = claims.get(IAT)
    if IAT in claims and not (is_int(issued_at) and 0 <= issued_at <= _MAX_TIME):
        raise DecodeError("claim 6 (issued at) is not a count of seconds")
    return Claims(
        read_text(claims[ISS], "claim 1 (issuer)"),
        read_text(claims[SUB], "claim 2 (subject)"),
        issued_at,
    )


def is_int(value: object) -> TypeGuard[int]:
    """An integer, and not a boolean, which Python counts among them."""
    return isinstance(value, int) and not isinstance(value, bool)
