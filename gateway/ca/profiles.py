"""What each certificate may do, decided here and never by whoever asks for one.

A root signs two authorities; each of those signs end certificates of its kind alone: ``pathlen``
0 and an extended key usage that OpenSSL and others apply to everything below an authority. From
a certificate request nothing is taken but its key. All is P-256 with ECDSA and SHA-256.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import ClockWrongError
from protocols.enrolment import STATEMENT_USE

ROOT_LIFE: Final = timedelta(days=25 * 365)
TLS_LIFE: Final = timedelta(days=365)
CRL_LIFE: Final = timedelta(days=30)
_EARLIER: Final = timedelta(hours=1)
"""How far back a certificate begins: clocks of docks run behind."""
_ANY_NAME = (
    x509.DNSName(""),
    x509.IPAddress(ipaddress.IPv4Network("0.0.0.0/0")),
    x509.IPAddress(ipaddress.IPv6Network("::/0")),
)


class Purpose(StrEnum):
    """What a certificate is for."""

    DOCK = "dock"
    STATEMENT = "statement"
    SERVER = "server"
    CLIENT = "client"

    @property
    def use(self) -> x509.ObjectIdentifier:
        """Its one extended key usage."""
        match self:
            case Purpose.DOCK | Purpose.CLIENT:
                return ExtendedKeyUsageOID.CLIENT_AUTH
            case Purpose.SERVER:
                return ExtendedKeyUsageOID.SERVER_AUTH
            case Purpose.STATEMENT:
                return x509.ObjectIdentifier(STATEMENT_USE)


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate of an authority, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(name: str, now: datetime) -> Issuer:
    """A root that may sign authorities, and these nothing but end certificates."""
    return new_root(title(f"Evidock root of {name}"), now)


def new_root(subject: x509.Name, now: datetime) -> Issuer:
    """A root of that name."""
    key = new_key()
    builder = _begun(subject, subject, key.public_key(), now - _EARLIER, now + ROOT_LIFE)
    builder = _authority(builder, key.public_key(), key.public_key(), path_length=1)
    return Issuer(builder.sign(key, hashes.SHA256()), key)


def renewed(
    root: Issuer,
    like: x509.Certificate,
    key: ec.EllipticCurvePublicKey,
    subject: x509.Name,
    now: datetime,
) -> x509.Certificate:
    """An authority that may do what another one may, under a root, as long as that.

    Args:
        root: signs it.
        like: the one whose rights it gets.
        key: its key.
        subject: its name; another one for another key.
        now: the time.

    Raises:
        ClockWrongError: the root has ended by then.
    """
    parent = root.certificate
    begin, end = max(now - _EARLIER, parent.not_valid_before_utc), parent.not_valid_after_utc
    if begin >= end:
        raise ClockWrongError(f"the clock says {now:%Y-%m-%d}; the root ends {end:%Y-%m-%d}")
    builder = _begun(parent.subject, subject, key, begin, end)
    builder = _authority(builder, key, root.key.public_key(), path_length=0)
    for extension in like.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage | x509.NameConstraints):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(root.key, hashes.SHA256())


def make_tls_authority(root: Issuer, name: str) -> Issuer:
    """The authority for TLS certificates, as long as the root."""
    return _make_authority(
        root,
        f"Evidock TLS authority of {name}",
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
    )


def make_statement_authority(root: Issuer, name: str) -> Issuer:
    """The authority for statement keys: for no TLS, no host's name and no address."""
    return _make_authority(
        root, f"Evidock statement authority of {name}", (Purpose.STATEMENT.use,), _ANY_NAME
    )


def issue(
    issuer: Issuer,
    purpose: Purpose,
    name: str,
    key: ec.EllipticCurvePublicKey,
    *,
    now: datetime,
    hosts: Sequence[str] = (),
) -> x509.Certificate:
    """An end certificate; its serial number is random.

    Args:
        issuer: the authority of that purpose.
        purpose: what it is for.
        name: the only thing in its subject, as common name.
        key: whose it is; possession is the caller's to check.
        now: the time.
        hosts: names and addresses of a server.

    Raises:
        ClockWrongError: the authority has ended by then.
    """
    limit = issuer.certificate.not_valid_after_utc
    if now >= limit:
        raise ClockWrongError(f"the clock says {now:%Y-%m-%d}; the authority ends {limit:%Y-%m-%d}")
    end = limit if purpose is Purpose.STATEMENT else min(limit, now + TLS_LIFE)
    builder = _begun(issuer.certificate.subject, title(name), key, now - _EARLIER, end)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose.use]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_authority_id(issuer.certificate), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([_host(each) for each in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def not_before(issuer: Issuer, now: datetime) -> datetime:
    """The time, at least that of the authority's making: so much has passed on any clock."""
    return max(now, issuer.certificate.not_valid_before_utc + _EARLIER)


def _make_authority(
    root: Issuer,
    name: str,
    uses: Sequence[x509.ObjectIdentifier],
    excluded: Sequence[x509.GeneralName] = (),
) -> Issuer:
    key, parent = new_key(), root.certificate
    begin, end = parent.not_valid_before_utc, parent.not_valid_after_utc
    builder = _begun(parent.subject, title(name), key.public_key(), begin, end)
    builder = _authority(builder, key.public_key(), root.key.public_key(), path_length=0)
    builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    if excluded:
        constraints = x509.NameConstraints(None, list(excluded))
        builder = builder.add_extension(constraints, critical=True)
    return Issuer(builder.sign(root.key, hashes.SHA256()), key)


def _begun(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _authority(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePublicKey,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return (
        builder.add_extension(constraints, critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _key_usage(*, authority: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def title(text: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
