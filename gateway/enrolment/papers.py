"""The listener's own certificate: made at the start, made again long before it ends.

Where the authority cannot be used there is a stand-in, the certificate of before or one that nobody
signed, so that docks hear a refusal with a reason instead of nobody.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.ca.folder import key_pem, pem
from gateway.ca.profiles import Purpose, make_root, new_key
from gateway.ca.service import Authority
from gateway.clock import GatewayClock
from gateway.durable import sync_folder
from gateway.errors import GatewayError, KeyFileError
from gateway.keys import write_private

_BEFORE_ITS_END: Final = timedelta(days=120)
_LOOK_S: Final = 5.0
_FILE: Final = "listener.pem"
_event = structlog.get_logger("gateway.enrolment")


class Papers:
    """One TLS context, whose certificate is replaced while it serves."""

    def __init__(
        self, authority: Authority, clock: GatewayClock, folder: Path, names: Sequence[str]
    ) -> None:
        """Prepare; nothing is made yet.

        Args:
            authority: issues the certificate; may be away.
            clock: when it is to be replaced.
            folder: where it is kept with its key.
            names: what clients call this host; the first is its common name.
        """
        self._authority, self._clock = authority, clock
        self._folder, self._names = folder, tuple(names)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._anchors: list[x509.Certificate] = []
        self._served = b""
        self._problem = ""

    async def prepare(self) -> ssl.SSLContext:
        """The context: our own TLS authority's clients, if they show a certificate at all.

        Raises:
            KeyFileError: not even a stand-in can be made.
        """
        context = self._context
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
        context.verify_mode = ssl.CERT_OPTIONAL
        await self._look()
        if self._problem:
            await asyncio.to_thread(self._stand_in)
        return context

    async def run(self) -> None:
        """Replace the certificate in time, and when the authority changed, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._look()

    async def _look(self) -> None:
        try:
            await self.refresh()
        except GatewayError as error:
            if self._problem != str(error):
                _event.error("enrolment.certificate-not-renewed", reason=str(error))
            self._problem = str(error)
        else:
            self._problem = ""

    async def refresh(self) -> None:
        """Have a certificate that is good for a while; new connections get it.

        Raises:
            GatewayError: it cannot be recorded or kept.
        """
        path, known = self._folder / _FILE, self._authority.authorities
        # The TLS authority itself is the anchor: what any other one signs leads nowhere.
        self._believe(known.tls_certificates)
        text = await asyncio.to_thread(self._good, path)
        if text is None:
            key = new_key()
            row = await self._authority.issue(
                Purpose.SERVER, self._names[0], key.public_key(), hosts=self._names
            )
            made = x509.load_der_x509_certificate(row.der)
            chain = pem(known.served(Purpose.SERVER)) + pem(known.root)
            text = pem(made) + chain + key_pem(key)
            await asyncio.to_thread(_replace, path, text)
        if text != self._served:
            try:
                self._context.load_cert_chain(path)
            except OSError as error:
                raise KeyFileError(f"{path}: {error}; remove it, and it is made again") from error
            self._served = text

    def _believe(self, authorities: Sequence[x509.Certificate]) -> None:
        for each in authorities:
            if each not in self._anchors:
                self._context.load_verify_locations(cadata=pem(each).decode())
                self._anchors.append(each)

    def _stand_in(self) -> None:
        """Serve with the certificate of before, or with one that vouches for nothing."""
        path = self._folder / _FILE
        try:
            self._believe(x509.load_pem_x509_certificates(path.read_bytes())[1:2])
            self._context.load_cert_chain(path)
        except (OSError, ValueError):
            name = f"{self._names[0]} (no authority)"
            made = make_root(name, self._clock.now())
            try:
                with tempfile.NamedTemporaryFile() as file:
                    file.write(pem(made.certificate) + key_pem(made.key))
                    file.flush()
                    self._context.load_cert_chain(file.name)
            except OSError as error:
                raise KeyFileError(f"{tempfile.gettempdir()}: {error}") from error

    def _good(self, path: Path) -> bytes | None:
        """The file with certificate and key; None when another one is due."""
        try:
            text = path.read_bytes()
            own, *chain = x509.load_pem_x509_certificates(text)
            key = serialization.load_pem_private_key(text, None)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyFileError(f"{path}: {error}; remove it, and it is made again") from error
        except ValueError:
            # It is ours alone and vouches for nothing else: a spoiled one is simply made again.
            _event.warning("enrolment.certificate-spoiled", file=str(path))
            return None
        known, now = self._authority.authorities, self._clock.now()
        good = (
            chain == [known.served(Purpose.SERVER), known.root]
            and own.public_key() == key.public_key()
            and own.not_valid_before_utc <= now
            and own.not_valid_after_utc - _BEFORE_ITS_END > now
            and _hosts(own) == set(self._names)
        )
        return text if good else None


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
