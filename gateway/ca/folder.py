"""The authority's keys and certificates on the disk: made together, read with suspicion.

``root.pem`` is the certificate that everything leads to; ``root.key`` is needed for nothing that
this program does after ``init`` and belongs elsewhere. The two authorities under it are online. In
its own folder the gateway makes a development authority when there is none, says so at every start
and in the root's very name; a folder that an operator names is only ever read.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.ca import profiles
from gateway.ca.profiles import Issuer, Purpose
from gateway.durable import sync_folder
from gateway.errors import ConflictError, KeyFileError
from gateway.keys import private_key, write_private
from protocols.enrolment import fingerprint

ROOT: Final = "root"
TLS: Final = "tls-ca"
STATEMENT: Final = "statement-ca"
FORMER: Final = "former"
_NEEDED: Final = ("root.pem", "tls-ca.pem", "tls-ca.key", "statement-ca.pem", "statement-ca.key")
_DEVELOPMENT: Final = "DEVELOPMENT"
_MAX_FILE: Final = 16 * 1024
_log = structlog.get_logger("gateway.ca")


Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Authorities:
    """What is needed to issue.

    Attributes:
        root: certificate of the root.
        tls, statement: the two authorities under it.
        development: this program made them by itself.
        root_is_here: the root's key lies beside them.
        former: certificates of what was replaced, and of what replaced it under a former root.
        former_tls: TLS authorities that were replaced, with their keys.
    """

    root: x509.Certificate
    tls: Issuer
    statement: Issuer
    development: bool
    root_is_here: bool
    former: tuple[x509.Certificate, ...] = ()
    former_tls: tuple[Issuer, ...] = ()

    @property
    def fingerprint(self) -> bytes:
        """What an invitation pins."""
        return fingerprint(der(self.root))

    @property
    def fingerprints(self) -> tuple[bytes, ...]:
        """What docks may have pinned: of this root, and of those before it."""
        return tuple(fingerprint(der(each)) for each in self.roots)

    @property
    def tls_issuers(self) -> tuple[Issuer, ...]:
        """All TLS authorities whose certificates may still count, the present one first."""
        keys = {_spki(self.tls.certificate)}
        found = [self.tls]
        for each in self.former_tls:
            if _spki(each.certificate) not in keys:
                keys.add(_spki(each.certificate))
                found.append(each)
        return tuple(found)

    @property
    def tls_certificates(self) -> tuple[x509.Certificate, ...]:
        """Every certificate of a TLS authority, the present one first."""
        former = [each for each in self.former if ExtendedKeyUsageOID.CLIENT_AUTH in uses_of(each)]
        return (self.tls.certificate, *former)

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """The root, and those before it."""
        return (self.root, *(each for each in self.former if is_signed(each, each)))

    def under(self, root: x509.Certificate, purpose: Purpose) -> x509.Certificate | None:
        """The present authority of a purpose, as a certificate that this root signed."""
        issuer = self.issuer(purpose).certificate
        found = (
            each
            for each in (issuer, *self.former)
            if _spki(each) == _spki(issuer) and is_signed(each, root)
        )
        return next(found, None)

    def served(self, purpose: Purpose) -> x509.Certificate:
        """What a server or client sends with its own certificate: whoever pinned any root knows it.

        Who pinned the newest root has its authority already; who pinned an older one has not.
        """
        certificates = (self.under(root, purpose) for root in reversed(self.roots))
        return next(each for each in certificates if each is not None)

    def chain(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        """What leads from a certificate to its root, itself first."""
        known = (self.tls.certificate, self.statement.certificate, *self.former)
        issuer = next(each for each in known if is_signed(certificate, each))
        return [certificate, issuer, next(each for each in self.roots if is_signed(issuer, each))]

    def issuer(self, purpose: Purpose) -> Issuer:
        """The one authority for certificates of a purpose."""
        return self.statement if purpose is Purpose.STATEMENT else self.tls


def der(certificate: x509.Certificate) -> bytes:
    """A certificate's bytes."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as OpenSSL's programs read it."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS #8, unencrypted: the caller answers for where it goes."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def is_there(folder: Path) -> bool:
    """Whether anything of an authority is in a folder."""
    names = [f"{part}{end}" for part in (ROOT, TLS, STATEMENT) for end in (".pem", ".key")]
    return any((folder / name).exists() for name in names)


def stamp(folder: Path) -> Stamp:
    """What a changed file changes: names, numbers, sizes and times; nothing of the contents."""
    found = []
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            about = each.stat()
        except OSError:
            continue
        found.append((each.name, about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(found)


def make(folder: Path, name: str, now: datetime, *, development: bool) -> None:
    """Make a root and its two authorities; all files appear at once.

    Args:
        folder: must not hold anything.
        name: the gateway's, for the certificates' names.
        now: the time.
        development: mark them as made for trying things out.

    Raises:
        ConflictError: there is an authority already.
        KeyFileError: the folder cannot be made.
    """
    if is_there(folder):
        raise ConflictError(f"{folder} holds an authority; every dock trusts it, so it stays")
    title = f"{name} (DEVELOPMENT)" if development else name
    root = profiles.make_root(title, now)
    parts = {
        ROOT: root,
        TLS: profiles.make_tls_authority(root, title),
        STATEMENT: profiles.make_statement_authority(root, title),
    }
    fresh = folder.with_name(folder.name + ".new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        for part, issuer in parts.items():
            write_private(fresh / f"{part}.pem", pem(issuer.certificate))
            write_private(fresh / f"{part}.key", key_pem(issuer.key))
        if development:
            write_private(fresh / _DEVELOPMENT, b"Made by evidock-gateway for trying it out.\n")
        sync_folder(fresh)
        # A rename takes the place of an empty folder, and of no other.
        fresh.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise KeyFileError(f"{folder}: cannot make an authority: {error.strerror}") from error


def load(folder: Path) -> Authorities:
    """Read and check them.

    Raises:
        KeyFileError: a file is missing, unusable or readable by others, or they do not belong
            together.
    """
    missing = [name for name in _NEEDED if not (folder / name).exists()]
    if missing:
        raise KeyFileError(
            f"{folder}: {', '.join(missing)} missing; restore the folder whole from its backup"
        )
    root = _certificate(folder / f"{ROOT}.pem")
    former, former_tls = _former(folder / FORMER)
    found = Authorities(
        root,
        _issuer(folder, TLS, root),
        _issuer(folder, STATEMENT, root),
        development=(folder / _DEVELOPMENT).exists(),
        root_is_here=(folder / f"{ROOT}.key").exists(),
        former=former,
        former_tls=former_tls,
    )
    for issuer, use in (
        (found.tls, ExtendedKeyUsageOID.CLIENT_AUTH),
        (found.statement, Purpose.STATEMENT.use),
    ):
        if use not in uses_of(issuer.certificate):
            raise KeyFileError(f"{folder}: an authority is not for {use.dotted_string}; swapped?")
    if found.development:
        _log.warning(
            "ca.development",
            folder=str(folder),
            meaning="this authority was made by this program: fit for trying it out alone",
        )
    elif found.root_is_here:
        advice = "move it to a medium in a safe; nothing here needs it"
        _log.warning("ca.root-key-online", file=str(folder / f"{ROOT}.key"), advice=advice)
    return found


def _issuer(folder: Path, part: str, root: x509.Certificate) -> Issuer:
    path = folder / f"{part}.key"
    certificate = _certificate(folder / f"{part}.pem")
    if not is_signed(certificate, root):
        raise KeyFileError(f"{folder}: {part}.pem is not signed by root.pem")
    return Issuer(certificate, _own_key(path, certificate))


def _former(folder: Path) -> tuple[tuple[x509.Certificate, ...], tuple[Issuer, ...]]:
    """Newest first, as far as their dates say."""
    found = sorted(
        ((_certificate(path), path.with_suffix(".key")) for path in folder.glob("*.pem")),
        key=lambda each: each[0].not_valid_before_utc,
        reverse=True,
    )
    issuers = [
        Issuer(certificate, _own_key(path, certificate))
        for certificate, path in found
        if path.exists() and ExtendedKeyUsageOID.CLIENT_AUTH in uses_of(certificate)
    ]
    return tuple(certificate for certificate, _ in found), tuple(issuers)


def _own_key(path: Path, certificate: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path}: not an unencrypted private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        key.public_key() != certificate.public_key()
    ):
        raise KeyFileError(f"{path} is not the key of {path.stem}.pem")
    return key


def is_signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Whether one certificate was signed by another."""
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _certificate(path: Path) -> x509.Certificate:
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(_MAX_FILE))
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: not a certificate in PEM form") from error


def uses_of(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    """The extended key usages of a certificate."""
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []
