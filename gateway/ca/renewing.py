"""Renews an authority, or the root with both, while what was trusted before goes on being so.

The folder is copied, changed, and swapped for the old one in one step, so that a cut leaves the one
or the other. What is replaced goes to ``former``: its certificate so that chains can be told, a TLS
authority's key because the broker wants a list of revoked certificates from each. With a new
root its TLS and statement authority are signed by the old root too, which docks have pinned.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.ca import folder as files
from gateway.ca import profiles
from gateway.ca.folder import FORMER, ROOT, STATEMENT, TLS, Authorities
from gateway.ca.profiles import Issuer
from gateway.crashpoints import reach
from gateway.durable import sync_folder
from gateway.errors import InvalidError, KeyFileError
from gateway.keys import private_key, write_private

PARTS: Final = (TLS, STATEMENT, ROOT)
_EXCHANGE: Final = 2
_HERE: Final = -100


def renew(
    folder: Path, part: str, now: datetime, *, root_key: Path | None, same_key: bool
) -> Authorities:
    """Renew one part; beside a running gateway, which takes it up by itself.

    Args:
        folder: of the authority.
        part: ``tls-ca``, ``statement-ca``, or ``root``, which renews all three.
        now: the time.
        root_key: the root's key, on the medium from the safe; None where it lies in the folder.
        same_key: keep the authority's key: for new dates alone.

    Returns:
        What counts from now on.

    Raises:
        InvalidError: the root with the same key, which would be pinned under another fingerprint.
        KeyFileError: something is missing or unusable; nothing has changed.
    """
    if part == ROOT and same_key:
        raise InvalidError("a root's certificate is what docks pin: a new one has a new key")
    found = files.load(folder)
    root = Issuer(found.root, _root_key(root_key or folder / f"{ROOT}.key", found.root))
    fresh = folder.with_name(f"{folder.name}.next")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(folder, fresh)
        (fresh / FORMER).mkdir(mode=0o700, exist_ok=True)
        if part == ROOT:
            _new_root(fresh, found, root, now)
        else:
            _new_authority(fresh, part, found, root, now, same_key=same_key)
        for each in (fresh / FORMER, fresh):
            sync_folder(each)
        made = files.load(fresh)
        reach("ca.renewed")
        _swap(fresh, folder)
        reach("ca.swapped")
        # The old folder now: all of it is in the new one, what was replaced under ``former``.
        shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise KeyFileError(f"{folder}: cannot renew {part}: {error.strerror}") from error
    return made


def _new_authority(
    fresh: Path, part: str, found: Authorities, root: Issuer, now: datetime, *, same_key: bool
) -> None:
    old = found.tls if part == TLS else found.statement
    key = old.key if same_key else profiles.new_key()
    subject = old.certificate.subject if same_key else _next(old.certificate.subject)
    made = profiles.renewed(root, old.certificate, key.public_key(), subject, now)
    _retire(fresh, old.certificate, old.key)
    _put(fresh, part, Issuer(made, key))


def _new_root(fresh: Path, found: Authorities, old: Issuer, now: datetime) -> None:
    root = profiles.new_root(_next(found.root.subject), now)
    # Its key lies here only where nobody has put it away; it is not thrown away for them.
    _retire(fresh, found.root, old.key if found.root_is_here else None)
    for part, before in ((TLS, found.tls), (STATEMENT, found.statement)):
        key, subject = profiles.new_key(), _next(before.certificate.subject)
        _retire(fresh, before.certificate, before.key)
        made = profiles.renewed(root, before.certificate, key.public_key(), subject, now)
        _put(fresh, part, Issuer(made, key))
        # The same authority under the root that docks have pinned.
        crossed = profiles.renewed(old, before.certificate, key.public_key(), subject, now)
        _retire(fresh, crossed, None)
    _put(fresh, ROOT, root)


def _retire(
    fresh: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None
) -> None:
    name = f"{certificate.serial_number:x}"
    for end, text in (
        ("pem", files.pem(certificate)),
        ("key", None if key is None else files.key_pem(key)),
    ):
        path = fresh / FORMER / f"{name}.{end}"
        if text is not None and not path.exists():
            write_private(path, text)


def _put(fresh: Path, part: str, issuer: Issuer) -> None:
    for end, text in (("pem", files.pem(issuer.certificate)), ("key", files.key_pem(issuer.key))):
        path = fresh / f"{part}.{end}"
        path.unlink(missing_ok=True)
        write_private(path, text)


def _root_key(path: Path, root: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path}: not an unencrypted private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
        raise KeyFileError(f"{path} is not the key of root.pem")
    return key


def _next(subject: x509.Name) -> x509.Name:
    """Another name for another key: lists of revoked certificates are found by it."""
    title = str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    plain, number = re.fullmatch(r"(.*?)(?: #(\d+))?", title, re.DOTALL).groups()  # type: ignore[union-attr]  # matches anything
    return profiles.title(f"{plain} #{int(number or 1) + 1}")


def _swap(fresh: Path, folder: Path) -> None:
    """Exchange two folders in one step (renameat2(2)), or in two where a disk cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(fresh), os.fsencode(folder))
    if libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE):
        number = ctypes.get_errno()
        if number not in {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP}:
            raise OSError(number, os.strerror(number))
        before = folder.with_name(f"{folder.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)
        fresh.rename(folder)
        before.rename(fresh)
    sync_folder(folder.parent)
