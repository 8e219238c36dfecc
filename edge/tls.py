"""TLS towards broker and gateway, on a board whose clock may be wrong.

OpenSSL judges a certificate's dates by the system clock; a board without a battery begins each day
in the past, or where it was switched off. So OpenSSL checks the chain, the name and the key, and
the dates of the server's own certificate are held against the newest time that is known to have
passed. A certificate that is not valid yet is refused by a synchronised clock only: any other may
simply be behind. The dates of authorities are not looked at.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which Python has no name for.
_NO_CHECK_TIME: Final = 0x200000


class Time(Protocol):
    """What is known of the time."""

    def passed_ns(self) -> int:
        """The newest time known to have passed, nanoseconds since 1970."""
        ...

    def is_synchronised(self) -> bool:
        """Whether the clock is right, as far as the kernel knows."""
        ...


@dataclass(frozen=True, slots=True)
class Own:
    """Who we are: files of our certificate and its key."""

    cert: Path
    key: Path


class DatesRefused(ssl.SSLCertVerificationError):
    """A server's certificate counts no more, or not yet.

    Attributes:
        expired: the one or the other. day: since when, or from when on.
    """

    def __init__(self, day: datetime, *, expired: bool) -> None:
        said = f"expired on {day:%Y-%m-%d}" if expired else f"is valid from {day:%Y-%m-%d} on"
        super().__init__(f"its certificate {said}")
        self.day, self.expired = day, expired


class _DatedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- as it is called
        super().do_handshake(block)
        raw = self.getpeercert(binary_form=True)
        if isinstance(self.context, _Dated) and raw is not None:
            self.context.check_dates(raw)


class _Dated(ssl.SSLContext):
    time: Time
    sslsocket_class = _DatedSocket

    def check_dates(self, raw: bytes) -> None:
        try:
            certificate = x509.load_der_x509_certificate(raw)
        except ValueError as error:
            raise ssl.SSLCertVerificationError("its certificate cannot be read") from error
        now = datetime.fromtimestamp(self.time.passed_ns() // 10**9, UTC)
        if certificate.not_valid_after_utc < now:
            raise DatesRefused(certificate.not_valid_after_utc, expired=True)
        if self.time.is_synchronised() and now < certificate.not_valid_before_utc:
            raise DatesRefused(certificate.not_valid_before_utc, expired=False)


def pinned(authorities: Path | str, time: Time, own: Own | None = None) -> ssl.SSLContext:
    """What to connect with.

    Args:
        authorities: whom alone to believe: a PEM file, or PEM text.
        time: as far as it is known.
        own: whom to be.

    Raises:
        OSError: a file is missing or unusable.
    """
    context = _Dated(ssl.PROTOCOL_TLS_CLIENT)
    context.time = time
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if isinstance(authorities, Path):
        context.load_verify_locations(cafile=authorities)
    else:
        context.load_verify_locations(cadata=authorities)
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    if own is not None:
        # A key with a pass phrase would ask for it on a terminal that no daemon has.
        context.load_cert_chain(own.cert, own.key, password="")
    return context


def unverified() -> ssl.SSLContext:
    """For asking who is there, before anybody is believed: no secret may go through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
