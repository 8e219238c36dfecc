"""Decoders of what a dock and a gateway exchange before they know each other's keys."""

from __future__ import annotations

import base64
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.ca.requests import CertificateRequest, RequestError, read_base64, read_request
from hashing.keys import Es256Signer
from protocols.enrolment import (
    TOKEN_BYTES,
    Invitation,
    RenewalClaim,
    RenewalProof,
    read_fingerprint,
    read_token,
    token_of,
)
from protocols.errors import EnrolmentError
from protocols.following import SignedRotation, read_shown, shown_text
from protocols.ids import dock_id
from protocols.pack.sightings import SightingError, parse_way, way_text
from tests.fuzz.decoder import Decoder
from tests.fuzz.outside import _text
from tokens.errors import TokenUriError
from tokens.uri import TokenKey

_URI = b"pkcs11:token=dock7;object=statement;type=private?module-path=/usr/lib/p.so&pin-source=/p"


def enrolment_decoders() -> tuple[Decoder, ...]:
    """Invitations, tokens, requests for certificates, renewals, addresses of keys."""
    der = _request()
    token = token_of(bytes(TOKEN_BYTES))
    invitation = Invitation(dock_id("dock7"), "gw.example", 8443, token, bytes(32)).text().encode()
    proof = RenewalProof(bytes(32), dock_id("dock7"), bytes(32), der)
    renewal = proof.authorization(Es256Signer.generate()).encode()
    refuses = (EnrolmentError,)
    rotations = shown_text([SignedRotation(b"statement", b"{}")] * 2).encode()
    way = way_text([bytes(32), b"\xff" * 32])
    return (
        Decoder("enrolment token", _text(read_token), refuses, (token.encode(),)),
        Decoder("enrolment fingerprint", _text(read_fingerprint), refuses, (b"AB:" * 31 + b"CD",)),
        Decoder("enrolment invitation", _text(Invitation.parse), refuses, (invitation,)),
        Decoder("enrolment renewal", _text(RenewalClaim.parse), refuses, (renewal,)),
        Decoder("enrolment rotations", _text(read_shown), refuses, (rotations,)),
        Decoder("enrolment request", read_request, (RequestError,), (der,), _der),
        Decoder("enrolment body", read_base64, (RequestError,), (base64.encodebytes(der),)),
        Decoder("enrolment key's address", _text(TokenKey.parse), (TokenUriError,), (_URI,)),
        Decoder("enrolment way", parse_way, (SightingError,), (way,), _way),
    )


def _request() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dock7")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.DER)


def _der(value: object) -> bytes:
    return cast("CertificateRequest", value).der


def _way(value: object) -> bytes:
    return way_text(cast("tuple[bytes, ...]", value))
