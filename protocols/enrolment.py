"""Enrolment as dock and gateway speak of it: invitation, token, pinned authority, proof.

An operator hands a dock an **invitation**: where to enrol, a one-time token, and the SHA-256 of
the root certificate that everything there must lead to (`docs/enrolment.md` has the exchange
over HTTP). A dock whose TLS certificate has run out asks for the next one with a **proof** by its
statement key. What that key signs is told apart by its first byte: a statement's is a CBOR array
(0x84), a certificate request's an ASN.1 sequence (0x30), a proof's the letter ``E``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from hashing.errors import HashingError
from hashing.keys import Algorithm, PublicKey, Signer
from protocols.errors import EnrolmentError, IdError
from protocols.ids import DockId, dock_id

TOKEN_LIFE_S: Final = 1800
"""Seconds within which a token must be used for the first time."""
TOKEN_BYTES: Final = 13
"""Random bytes that ``token_of`` wants; 100 bits of them go into the token."""
NONCE_LIFE_S: Final = 300
"""Seconds for which a nonce is good."""
MAX_CSR: Final = 4096
"""Most bytes of a certificate request in DER."""
MAX_BODY: Final = 8192
"""Most bytes of a request's body, in base64."""

EST: Final = "/.well-known/est"
CACERTS: Final = f"{EST}/cacerts"
SIMPLEENROLL: Final = f"{EST}/simpleenroll"
SIMPLEREENROLL: Final = f"{EST}/simplereenroll"
STATEMENT_CACERTS: Final = f"{EST}/statement/cacerts"
STATEMENT_SIMPLEENROLL: Final = f"{EST}/statement/simpleenroll"
STATEMENT_SIMPLEREENROLL: Final = f"{EST}/statement/simplereenroll"
NONCE: Final = "/.well-known/evidock/nonce"
TRUST: Final = "/.well-known/evidock/trust"

OTHER_KEY: Final = "evidock-other-key"
"""Header of ``simpleenroll``: SHA-256, in hex, of the other key's SubjectPublicKeyInfo."""
ROTATIONS: Final = "evidock-rotations"
"""Header of ``simplereenroll`` by proof: rotations the log may not have (``following``)."""
SCHEME: Final = "Evidock-Reenrol"
"""Scheme of ``Authorization`` for a proof by the statement key."""
CSR_TYPE: Final = "application/pkcs10"
CERTIFICATES_TYPE: Final = "application/pkcs7-mime; smime-type=certs-only"

_ARC: Final = "2.25.63138293493726223771389913206442981466"
STATEMENT_USE: Final = f"{_ARC}.1"
"""Extended key usage of a statement certificate: nothing but signing Evidock statements."""

VERSION: Final = 1
MAX_TEXT: Final = 500
# Crockford's base 32: no I, L, O or U; what is read as one of these has one meaning.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})
_TOKEN_LETTERS: Final = 20
_GROUP: Final = 5
_FINGERPRINT = re.compile(r"(?:SHA256:)?([0-9A-F]{64})\Z")
_HOST = r"[A-Z0-9](?:[A-Z0-9.-]{0,252})|\[[0-9A-F:.]{2,45}\]"
_TEXT = re.compile(
    r"EVIDOCK-INVITE:(?P<version>[0-9]{1,4}):(?:(?P<dock>[A-Z0-9-]{1,23}):"
    rf"(?P<host>{_HOST}):(?P<port>[1-9][0-9]{{0,4}}):(?P<token>[0-9A-Z-]{{20,23}}):"
    r"(?P<fingerprint>[0-9A-F]{64}))?(?P<rest>.*)\Z"
)
_AUTHORIZATION = re.compile(
    rf"{SCHEME} +(?P<dock>[a-z0-9-]{{1,23}})\.(?P<nonce>[0-9a-f]{{64}})"
    r"\.(?P<signature>[A-Za-z0-9_-]{86})\Z",
    re.IGNORECASE,
)


# --- token and fingerprint ----------------------------------------------------------


def token_of(bits: bytes) -> str:
    """A token from ``TOKEN_BYTES`` random bytes: 100 bits, as ``7KQ2M-…`` for people to type."""
    if len(bits) != TOKEN_BYTES:
        raise ValueError(f"{TOKEN_BYTES} random bytes make a token, not {len(bits)}")
    number = int.from_bytes(bits, "big")
    letters = [_ALPHABET[number >> (5 * each) & 31] for each in range(_TOKEN_LETTERS)]
    groups = ("".join(letters[at : at + _GROUP]) for at in range(0, _TOKEN_LETTERS, _GROUP))
    return "-".join(groups)


def read_token(text: str) -> str:
    """A token in its one form; hyphens, blanks and case do not matter, nor O for 0, I or L for 1.

    Raises:
        EnrolmentError: it is none.
    """
    letters = text[:MAX_TEXT].strip().upper().translate(_MEANT)
    if len(letters) != _TOKEN_LETTERS or not set(letters) <= set(_ALPHABET):
        raise EnrolmentError("no token: it has 20 letters and digits, such as 7KQ2M-…; mistyped?")
    return "-".join(letters[at : at + _GROUP] for at in range(0, _TOKEN_LETTERS, _GROUP))


def token_digest(token: str) -> bytes:
    """What is kept of a token instead of it: SHA-256; 100 random bits need no slower hash."""
    return hashlib.sha256(f"EVIDOCK-TOKEN-1\n{read_token(token)}\n".encode()).digest()


def fingerprint(root: bytes) -> bytes:
    """What pins an authority: SHA-256 of its root certificate in DER, as OpenSSL prints it."""
    return hashlib.sha256(root).digest()


def read_fingerprint(text: str) -> bytes:
    """A fingerprint as people and ``openssl x509 -fingerprint -sha256`` write it, 32 bytes.

    Raises:
        EnrolmentError: it is none.
    """
    plain = text[:MAX_TEXT].upper().rpartition("=")[2]
    found = _FINGERPRINT.match(re.sub(r"[\s-]|(?<!SHA256):", "", plain))
    if found is None:
        raise EnrolmentError("no fingerprint: SHA-256 in hex, 64 digits, colons as you like")
    return bytes.fromhex(found[1])


# --- invitation ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a dock needs to enrol; who holds it may do so once, for a short time.

    Attributes:
        dock: the name it is for.
        host: name or address of the gateway's enrolment listener; an IPv6 one without brackets.
        port: its port.
        token: in the form of ``read_token``.
        root: fingerprint of the root certificate.
    """

    dock: DockId
    host: str
    port: int
    token: str
    root: bytes

    @property
    def url(self) -> str:
        """Where to enrol, without a path."""
        return f"https://{self._host()}:{self.port}"

    def text(self) -> str:
        """The one-line form, also of the QR code, which holds capitals in fewer squares."""
        token = self.token.replace("-", "")
        parts = (self.dock, self._host(), str(self.port), token, self.root.hex())
        return f"EVIDOCK-INVITE:{VERSION}:{':'.join(parts)}".upper()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the one-line form, in either case.

        Raises:
            EnrolmentError: not an invitation, cut short, or of a newer version.
        """
        if len(text) > MAX_TEXT or not text.isascii():
            raise EnrolmentError("no invitation: too long, or other letters than one has")
        found = _TEXT.match(text.strip().upper())
        if found is None:
            raise EnrolmentError("no invitation: it does not begin with EVIDOCK-INVITE")
        if int(found["version"]) != VERSION:
            raise EnrolmentError(f"an invitation of version {found['version']}, not {VERSION}")
        if found["dock"] is None or found["rest"]:
            raise EnrolmentError(
                "parts of the invitation are missing or too many: read to its end?"
            )
        try:
            dock = dock_id(found["dock"].lower())
        except IdError as error:
            raise EnrolmentError(f"an invitation of no dock: {error}") from error
        port = int(found["port"])
        if port > 65535:  # noqa: PLR2004  # the highest port there is
            raise EnrolmentError(f"{port} is no port")
        host = found["host"].lower().strip("[]")
        return cls(
            dock, host, port, read_token(found["token"]), bytes.fromhex(found["fingerprint"])
        )

    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


# --- proof by the statement key -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class RenewalProof:
    """What a statement key signs to get its dock a TLS certificate, and for nothing else.

    Attributes:
        root: fingerprint of the root certificate: no other gateway can use the proof.
        dock: for whom.
        nonce: 32 bytes that the gateway gave out a moment ago.
        csr: the certificate request in DER.
    """

    root: bytes
    dock: DockId
    nonce: bytes
    csr: bytes

    def message(self) -> bytes:
        """The signed bytes: five lines of ASCII."""
        return (
            "EVIDOCK-REENROL-PROOF-1\n"
            f"root {self.root.hex()}\n"
            f"dock {self.dock}\n"
            f"nonce {self.nonce.hex()}\n"
            f"csr {hashlib.sha256(self.csr).hexdigest()}\n"
        ).encode()

    def authorization(self, signer: Signer) -> str:
        """The value of ``Authorization``; the signer is the dock's statement key (ES256)."""
        signature = base64.urlsafe_b64encode(signer.sign(self.message())).decode().rstrip("=")
        return f"{SCHEME} {self.dock}.{self.nonce.hex()}.{signature}"


@dataclass(frozen=True, slots=True)
class RenewalClaim:
    """A proof as it arrives: who claims to have signed, with which nonce; not verified.

    Attributes:
        dock: who it says it is. nonce: 32 bytes. signature: 64 bytes.
    """

    dock: DockId
    nonce: bytes
    signature: bytes

    @classmethod
    def parse(cls, authorization: str) -> Self:
        """Read the value of ``Authorization``.

        Raises:
            EnrolmentError: it is none of this scheme.
        """
        found = _AUTHORIZATION.match(authorization) if len(authorization) <= MAX_TEXT else None
        if found is None:
            raise EnrolmentError(f"not {SCHEME} DOCK.NONCE.SIGNATURE")
        try:
            dock = dock_id(found["dock"])
        except IdError as error:
            raise EnrolmentError(str(error)) from error
        signature = base64.urlsafe_b64decode(found["signature"] + "==")
        return cls(dock, bytes.fromhex(found["nonce"]), signature)

    def verify(self, key: PublicKey, *, root: bytes, csr: bytes) -> None:
        """Check the signature; the caller answers for key and nonce.

        Raises:
            EnrolmentError: it does not verify.
        """
        proof = RenewalProof(root, self.dock, self.nonce, csr)
        try:
            key.verify(Algorithm.ES256, proof.message(), self.signature)
        except HashingError as error:
            raise EnrolmentError(f"the proof does not hold: {error}") from error
