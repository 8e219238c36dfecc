"""Asks for certificates, and believes none that does not lead to the pinned root.

A request is signed by the key it is for, also where that never leaves its token: the builder is
handed something that looks like a private key and only ever signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import NameOID

from edge.errors import EnrolmentRefused
from hashing.keys import PublicKey, Signer
from protocols.enrolment import fingerprint

_MOST: Final = 8
_HALF: Final = 32
_ONLY_SIGNS: Final = "this key only signs: it never leaves where it is, and agrees on no secrets"


@dataclass(frozen=True, slots=True)
class Authorities:
    """A pinned root, and an authority that it signed."""

    root: x509.Certificate
    issuing: x509.Certificate

    def pem(self) -> str:
        """Both, as OpenSSL takes them."""
        return "".join(pem(each) for each in (self.root, self.issuing))


def pem(certificate: x509.Certificate) -> str:
    """PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def pinned_in(raw: bytes, root: bytes) -> Authorities:
    """The authorities among what was sent, of which one is the root with this fingerprint.

    Raises:
        EnrolmentRefused: that root is not among them, or it signed no authority there.
    """
    found = _read(raw)
    top = next(
        (each for each in found if fingerprint(each.public_bytes(Encoding.DER)) == root), None
    )
    if top is None or not _signed(top, top):
        raise EnrolmentRefused(
            "pin",
            "whoever answers there is not the gateway of the invitation: its root certificate has "
            "another fingerprint. It was told nothing. Compare the invitation, call the operator",
        )
    issuing = next((each for each in found if each is not top and _signed(each, top)), None)
    if issuing is None:
        raise EnrolmentRefused("pin", "the gateway sent no authority that its root signed")
    return Authorities(top, issuing)


def issued_in(raw: bytes, by: Authorities, key: PublicKey, dock: str) -> x509.Certificate:
    """The one certificate that was sent, checked.

    Raises:
        EnrolmentRefused: it is another's, for another key, or not by this authority.
    """
    found = _read(raw)
    if len(found) != 1:
        raise EnrolmentRefused("answer", f"{len(found)} certificates where one was asked for")
    why = wrong_with(found[0], by, key, dock)
    if why:
        raise EnrolmentRefused("answer", f"the gateway sent a certificate that {why}")
    return found[0]


def wrong_with(found: x509.Certificate, by: Authorities, key: PublicKey, dock: str) -> str:
    """Why a certificate is not this dock's for this key; empty when it is."""
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [each.value for each in names] != [dock]:
        return "is another dock's"
    if not is_for(found, key):
        return "is for another key"
    return "" if _signed(found, by.issuing) else "this gateway's authority did not sign"


def is_for(found: x509.Certificate, key: PublicKey) -> bool:
    """Whether a certificate is about this key."""
    try:
        public = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key.spki


def renew_at(certificate: x509.Certificate) -> datetime:
    """When two thirds of its life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) * 2 / 3


def request(signer: Signer, dock: str) -> bytes:
    """PKCS #10 in DER: subject ``CN=dock``, nothing else asked for.

    Raises:
        SigningError: the key cannot sign now.
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, dock)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(_Signing(signer), hashes.SHA256()).public_bytes(Encoding.DER)


def _read(raw: bytes) -> list[x509.Certificate]:
    try:
        found = pkcs7.load_der_pkcs7_certificates(raw)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnrolmentRefused("answer", "the gateway's answer is no PKCS #7") from error
    if len(found) > _MOST:
        raise EnrolmentRefused("answer", f"{len(found)} certificates in one answer")
    return found


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


class _Signing(ec.EllipticCurvePrivateKey):
    """A signer in the shape that the builder of requests wants."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def curve(self) -> ec.EllipticCurve:
        return ec.SECP256R1()

    @property
    def key_size(self) -> int:
        return self.curve.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        key = serialization.load_der_public_key(self._signer.public.spki)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            msg = "requests are signed with P-256 keys"
            raise TypeError(msg)
        return key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:  # noqa: ANN401 -- a buffer
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            msg = "ES256 is over SHA-256"
            raise TypeError(msg)
        raw = self._signer.sign(bytes(data))
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF], raw[_HALF:]))
        return encode_dss_signature(r, s)

    # The base class asks for these too; a key that may be in a token signs and does nothing else.

    # The base class asks for these three. This one may stand for a key in a token, which can do
    # none of it: the library's own word for that, which whoever calls it has to expect.

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002 -- as in the base
        raise UnsupportedAlgorithm(_ONLY_SIGNS)

    def private_numbers(self) -> NoReturn:
        raise UnsupportedAlgorithm(_ONLY_SIGNS)

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002, ANN401, ARG002 -- as in the base
        raise UnsupportedAlgorithm(_ONLY_SIGNS)

    def __copy__(self) -> _Signing:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Signing:
        return self
