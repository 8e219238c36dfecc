"""Public keys, key ids and signers: who signed, by a key and nothing else.

A key is known by the SHA-256 of its SubjectPublicKeyInfo, never by a name it came with. Signing
goes through the small `Signer` interface, so that a key in a file, a TPM or a token looks the same
from here. Whether a key was enrolled, rotated or revoked is not known here; neither is any file.

ES256 signatures are raw r || s in low-S form (RFC 9053 section 2.1): of the two values of s that
verify, the higher is refused, so nobody can make a second valid statement out of one.
"""

import enum
import functools
import hashlib
from dataclasses import dataclass
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from hashing.errors import KeyFormatError, SignatureError, UnsupportedError

SIGNATURE_SIZE = 64
"""Bytes of every accepted signature: r || s of P-256, or Ed25519."""

_HALF = SIGNATURE_SIZE // 2
# Order of P-256 (SP 800-186 section 3.2.1.3).
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA = ec.ECDSA(hashes.SHA256())
_KEYS_KEPT_PARSED = 256


class Algorithm(enum.IntEnum):
    """Accepted COSE algorithms (RFC 9053, RFC 9864)."""

    ES256 = -7
    EDDSA = -8
    ESP256 = -9
    ED25519 = -19


class KeyKind(enum.StrEnum):
    """Accepted kinds of keys."""

    P256 = "p256"
    ED25519 = "ed25519"


_FITTING = {
    KeyKind.P256: frozenset({Algorithm.ES256, Algorithm.ESP256}),
    KeyKind.ED25519: frozenset({Algorithm.EDDSA, Algorithm.ED25519}),
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key.

    Attributes:
        kind: P-256 or Ed25519.
        spki: its SubjectPublicKeyInfo in DER, in the one form with an uncompressed point.
    """

    kind: KeyKind
    spki: bytes

    @classmethod
    def from_pem(cls, text: str | bytes) -> Self:
        """Read a SubjectPublicKeyInfo PEM ("BEGIN PUBLIC KEY").

        Raises:
            KeyFormatError: it is none, or of another kind of key.
        """
        try:
            key = serialization.load_pem_public_key(_pem_bytes(text))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyFormatError("not a public key in PEM form") from error
        return cls._of(key)

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Read a SubjectPublicKeyInfo in DER.

        Raises:
            KeyFormatError: it is none, or of another kind of key.
        """
        return cls._of(_parse_spki(der))

    @classmethod
    def _of(cls, key: object) -> Self:
        if isinstance(key, ed25519.Ed25519PublicKey):
            return cls(KeyKind.ED25519, _spki(key))
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return cls(KeyKind.P256, _spki(key))
        raise KeyFormatError("neither a P-256 nor an Ed25519 key")

    @property
    def kid(self) -> bytes:
        """Key id: SHA-256 of the SubjectPublicKeyInfo, 32 bytes."""
        return _kid_of(self.spki)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key (RFC 8032), as signed notes carry it.

        Raises:
            KeyFormatError: the key is of another kind.
        """
        key = _parse_spki(self.spki)
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise KeyFormatError("only Ed25519 keys have a raw form")
        return key.public_bytes_raw()

    def pem(self) -> str:
        """SubjectPublicKeyInfo PEM, as `openssl` reads it."""
        key = _parse_spki(self.spki)
        return key.public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        ).decode("ascii")

    def verify(self, algorithm: Algorithm, message: bytes, signature: bytes) -> None:
        """Check a raw signature over a message.

        Raises:
            SignatureError: it does not verify, is not 64 bytes long, or has a high S.
            UnsupportedError: the algorithm does not fit this kind of key.
        """
        if algorithm not in _FITTING[self.kind]:
            raise UnsupportedError(f"algorithm {algorithm.name} does not fit a {self.kind} key")
        if len(signature) != SIGNATURE_SIZE:
            raise SignatureError(f"signature of {len(signature)} bytes where 64 are expected")
        key = _parse_spki(self.spki)
        try:
            if isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, message)
            else:
                key.verify(_der_of_low_s(signature), message, _ECDSA)
        except InvalidSignature as error:
            raise SignatureError("signature does not verify under this key") from error


class Signer(Protocol):
    """Whatever can sign: a key file here, a token in ``tokens``."""

    @property
    def algorithm(self) -> Algorithm:
        """COSE algorithm of the signatures."""
        ...

    @property
    def public(self) -> PublicKey:
        """Key that verifies them."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a message: 64 bytes raw, for ES256 r || s in low-S form.

        Raises:
            SigningError: the key cannot sign now; a key in memory always can.
        """
        ...


class Es256Signer:
    """Signs with a P-256 key held in memory."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        """Wrap a key; raises `KeyFormatError` when it is on another curve."""
        self._key = private_key
        self._public = PublicKey.from_der(_spki(private_key.public_key()))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes | str) -> Self:
        """Read an unencrypted private key; raises `KeyFormatError` when it is not a P-256 one."""
        key = _load_private(pem)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyFormatError("not a P-256 private key")
        return cls(key)

    @property
    def algorithm(self) -> Algorithm:
        """ES256."""
        return Algorithm.ES256

    @property
    def public(self) -> PublicKey:
        """Key that verifies."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Sign a message: raw r || s, low S."""
        r, s = decode_dss_signature(self._key.sign(message, _ECDSA))
        return low_s(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big"))

    def pem(self) -> bytes:
        """PKCS #8, unencrypted: the caller answers for where it goes."""
        return _private_pem(self._key)


class Ed25519Signer:
    """Signs with an Ed25519 key held in memory."""

    def __init__(self, private_key: ed25519.Ed25519PrivateKey) -> None:
        self._key = private_key
        self._public = PublicKey.from_der(_spki(private_key.public_key()))

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes | str) -> Self:
        """Read an unencrypted private key; raises `KeyFormatError` when it is not Ed25519."""
        key = _load_private(pem)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise KeyFormatError("not an Ed25519 private key")
        return cls(key)

    @property
    def algorithm(self) -> Algorithm:
        """EdDSA."""
        return Algorithm.EDDSA

    @property
    def public(self) -> PublicKey:
        """Key that verifies."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Sign a message (RFC 8032, deterministic)."""
        return self._key.sign(message)

    def pem(self) -> bytes:
        """PKCS #8, unencrypted: the caller answers for where it goes."""
        return _private_pem(self._key)


def load_signer(pem: bytes | str) -> Es256Signer | Ed25519Signer:
    """Read an unencrypted private key and pick the signer by its kind.

    Raises:
        KeyFormatError: not a private key, encrypted, or of another kind.
    """
    key = _load_private(pem)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return Es256Signer(key)
    raise KeyFormatError("neither a P-256 nor an Ed25519 private key")


def low_s(signature: bytes) -> bytes:
    """The low-S form of a raw P-256 signature; for signers whose token does not care."""
    s = int.from_bytes(signature[_HALF:], "big")
    # What is beyond the order is no signature, and stays what it is for whoever verifies.
    low = _P256_ORDER - s if _P256_ORDER // 2 < s < _P256_ORDER else s
    return signature[:_HALF] + low.to_bytes(_HALF, "big")


def _der_of_low_s(signature: bytes) -> bytes:
    r = int.from_bytes(signature[:_HALF], "big")
    s = int.from_bytes(signature[_HALF:], "big")
    if s > _P256_ORDER // 2:
        raise SignatureError("ES256 signature is not in low-S form")
    return encode_dss_signature(r, s)


@functools.lru_cache(maxsize=_KEYS_KEPT_PARSED)
def _kid_of(spki: bytes) -> bytes:
    return hashlib.sha256(spki).digest()


@functools.lru_cache(maxsize=_KEYS_KEPT_PARSED)
def _parse_spki(spki: bytes) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("not a public key in DER form") from error
    if not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise KeyFormatError("neither a P-256 nor an Ed25519 key")
    return key


def _spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )


def _load_private(pem: bytes | str) -> object:
    try:
        return serialization.load_pem_private_key(_pem_bytes(pem), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # TypeError is the library's word for "encrypted, and no password given".
        raise KeyFormatError("not an unencrypted private key in PEM form") from error


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else text
