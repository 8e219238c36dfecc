"""PKCS #10, strictly: a P-256 key, proof that the asker has it, one name, and no wishes.

Nothing but the key is ever taken over into a certificate. A request that asks for more is refused
rather than answered with less: whoever wrote it expects something that will not be.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID, NameOID, SignatureAlgorithmOID

from gateway.errors import InvalidError
from protocols.enrolment import MAX_CSR


class RequestError(InvalidError):
    """A certificate request cannot be granted as it is.

    Attributes:
        code: stable word for programs, such as ``csr-key``.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request whose signature was checked.

    Attributes:
        der: as it arrived.
        name: the common name it asks for.
        key: whose certificate it is to be. kid: SHA-256 of its SubjectPublicKeyInfo.
    """

    der: bytes
    name: str
    key: ec.EllipticCurvePublicKey
    kid: bytes


def read_base64(body: bytes) -> bytes:
    """The DER of a request's body (RFC 8951 section 3.1: base64, line breaks anywhere).

    Raises:
        RequestError: it is no base64.
    """
    try:
        return base64.b64decode(re.sub(rb"[ \t\r\n]", b"", body), validate=True)
    except binascii.Error as error:
        reason = "the body is not base64 of a PKCS #10 in DER, without PEM's header lines"
        raise RequestError("csr-base64", reason) from error


def read_request(der: bytes) -> CertificateRequest:
    """Read a PKCS #10 and check it.

    Args:
        der: whatever arrived.

    Raises:
        RequestError: it is none, its key or signature is of another kind or does not hold, or
            it asks for anything but a name.
    """
    csr = _parsed(der)
    # The kind of key before the signature: what no P-256 key made costs no arithmetic.
    key = csr.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestError("csr-key", "the key is not P-256")
    _check_signature(csr)
    _check_wishes(csr)
    return CertificateRequest(der, _name(csr), key, kid_of(key))


def kid_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """SHA-256 of a key's SubjectPublicKeyInfo with an uncompressed point."""
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).digest()


def _parsed(der: bytes) -> x509.CertificateSigningRequest:
    if len(der) > MAX_CSR:
        raise RequestError("csr-form", f"a request of {len(der)} bytes; {MAX_CSR} allowed")
    try:
        csr = x509.load_der_x509_csr(der)
        csr.public_key()
        if csr.public_bytes(serialization.Encoding.DER) != der:
            raise RequestError("csr-form", "bytes beside the request")
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise RequestError("csr-form", "not a PKCS #10 certificate request") from error
    return csr


def _check_signature(csr: x509.CertificateSigningRequest) -> None:
    if csr.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256 or not isinstance(
        csr.signature_hash_algorithm, hashes.SHA256
    ):
        raise RequestError("csr-signature", "the request is not signed with ECDSA and SHA-256")
    if not csr.is_signature_valid:
        raise RequestError("csr-signature", "the request is not signed by the key it is for")


def _check_wishes(csr: x509.CertificateSigningRequest) -> None:
    try:
        asked = {attribute.oid for attribute in csr.attributes}
    except ValueError as error:
        raise RequestError("csr-form", "unusable attributes") from error
    if asked - {AttributeOID.CHALLENGE_PASSWORD}:
        reason = "the request asks for extensions or attributes; ask for a name alone"
        raise RequestError("csr-asks", reason)


def _name(csr: x509.CertificateSigningRequest) -> str:
    try:
        parts = list(csr.subject)
    except ValueError as error:
        raise RequestError("csr-form", "an unusable subject") from error
    if len(parts) != 1 or parts[0].oid != NameOID.COMMON_NAME:
        raise RequestError("csr-name", "the subject is not one common name, such as CN=dock7")
    return str(parts[0].value)
