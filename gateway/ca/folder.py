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
    """

    root: x509.Certificate
    tls: Issuer
    statement: Issuer
    development: bool
    root_is_here: bool

    @property
    def fingerprint(self) -> bytes:
        """What an invitation pins."""
        return fingerprint(der(self.root))

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
    found = Authorities(
        root,
        _issuer(folder, TLS, root),
        _issuer(folder, STATEMENT, root),
        development=(folder / _DEVELOPMENT).exists(),
        root_is_here=(folder / f"{ROOT}.key").exists(),
    )
    for issuer, use in (
        (found.tls, ExtendedKeyUsageOID.CLIENT_AUTH),
        (found.statement, Purpose.STATEMENT.use),
    ):
        if use not in _uses(issuer.certificate):
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
    try:
        key = serialization.load_pem_private_key(private_key(path), password=None)
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path}: not an unencrypted private key, or not of this root"
        ) from error
    except InvalidSignature as error:
        raise KeyFileError(f"{folder}: {part}.pem is not signed by root.pem") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or (
        key.public_key() != certificate.public_key()
    ):
        raise KeyFileError(f"{path} is not the key of {part}.pem")
    return Issuer(certificate, key)


def _certificate(path: Path) -> x509.Certificate:
    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificate(file.read(_MAX_FILE))
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: not a certificate in PEM form") from error


def _uses(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []
