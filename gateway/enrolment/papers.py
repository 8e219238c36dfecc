"""The listener's own certificate: made at the start, made again long before it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.ca.folder import key_pem, pem
from gateway.ca.profiles import Purpose, new_key
from gateway.ca.service import Authority
from gateway.clock import GatewayClock
from gateway.durable import sync_folder
from gateway.errors import GatewayError, KeyFileError
from gateway.keys import write_private

_BEFORE_ITS_END: Final = timedelta(days=120)
_LOOK_S: Final = 3600.0
_FILE: Final = "listener.pem"
_event = structlog.get_logger("gateway.enrolment")


class Papers:
    """One TLS context, whose certificate is replaced while it serves."""

    def __init__(
        self, authority: Authority, clock: GatewayClock, folder: Path, names: Sequence[str]
    ) -> None:
        """Prepare; nothing is made yet.

        Args:
            authority: issues the certificate; open before ``prepare``.
            clock: when it is to be replaced.
            folder: where it is kept with its key.
            names: what clients call this host; the first is its common name.
        """
        self._authority, self._clock = authority, clock
        self._folder, self._names = folder, tuple(names)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    async def prepare(self) -> ssl.SSLContext:
        """The context: our own TLS authority's clients, if they show a certificate at all.

        Raises:
            KeyFileError: the certificate cannot be kept.
            GatewayError: it cannot be recorded.
        """
        context = self._context
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The TLS authority itself is the anchor: what any other one signs leads nowhere.
        context.load_verify_locations(cadata=pem(self._tls_authority()).decode())
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        context.verify_mode = ssl.CERT_OPTIONAL
        await self.refresh()
        return context

    async def run(self) -> None:
        """Replace the certificate in time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.refresh()
            except GatewayError as error:
                _event.error("enrolment.certificate-not-renewed", reason=str(error))

    async def refresh(self) -> None:
        """Have a certificate that is good for a while; new connections get it.

        Raises:
            GatewayError: it cannot be recorded or kept.
        """
        path = self._folder / _FILE
        if not await asyncio.to_thread(self._is_good, path):
            key = new_key()
            row = await self._authority.issue(
                Purpose.SERVER, self._names[0], key.public_key(), hosts=self._names
            )
            made = x509.load_der_x509_certificate(row.der)
            text = pem(made) + pem(self._tls_authority()) + pem(self._authority.authorities.root)
            await asyncio.to_thread(_replace, path, text + key_pem(key))
        try:
            self._context.load_cert_chain(path)
        except OSError as error:
            raise KeyFileError(f"{path}: {error}; remove it, and it is made again") from error

    def _tls_authority(self) -> x509.Certificate:
        return self._authority.authorities.tls.certificate

    def _is_good(self, path: Path) -> bool:
        try:
            text = path.read_bytes()
            found = x509.load_pem_x509_certificates(text)
            key = serialization.load_pem_private_key(text, None)
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            raise KeyFileError(f"{path}: {error}; remove it, and it is made again") from error
        own, *chain = found
        return (
            chain == [self._tls_authority(), self._authority.authorities.root]
            and own.public_key() == key.public_key()
            and own.not_valid_before_utc <= self._clock.now()
            and own.not_valid_after_utc - _BEFORE_ITS_END > self._clock.now()
            and _hosts(own) == set(self._names)
        )


def _hosts(own: x509.Certificate) -> set[str]:
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.get_values_for_type(x509.DNSName))


def _replace(path: Path, text: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        write_private(temporary, text)
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
