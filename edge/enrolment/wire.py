"""The exchange with the gateway's enrolment listener: HTTP/1.1 over TLS, a connection each time.

Everything blocks, within time limits, and belongs into a thread. What arrives is bounded in
size and told by its problem code; nothing here decides what to do about a refusal.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any, Final

from edge import tls
from edge.errors import EnrolmentLater, EnrolmentRefused
from protocols import enrolment
from protocols.anchors import MAX_ANCHORS

_WAIT_S: Final = 20.0
_MOST: Final = max(MAX_ANCHORS, 64 * 1024)
_LATER: Final = frozenset({408, 429})
_TROUBLE: Final = 500
_LINE: Final = 300


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the gateway answers.

    Attributes:
        host: its name, which its certificate must have.
        port: its port.
    """

    host: str
    port: int

    def cacerts(self) -> bytes:
        """Root and TLS authority in PKCS #7, from whoever answers: to be compared with a pin.

        Raises:
            EnrolmentLater: nobody answers.
            EnrolmentRefused: something else than the listener does.
        """
        return _unpacked(self._asked("GET", enrolment.CACERTS, tls.unverified()))

    def statement_cacerts(self, context: ssl.SSLContext) -> bytes:
        """Root and statement authority; raises as ``cacerts``."""
        return _unpacked(self._asked("GET", enrolment.STATEMENT_CACERTS, context))

    def certificate(
        self, path: str, csr: bytes, context: ssl.SSLContext, headers: dict[str, str]
    ) -> bytes:
        """Ask for a certificate; gives PKCS #7. Raises as ``cacerts``."""
        sent = {"Content-Type": enrolment.CSR_TYPE, **headers}
        return _unpacked(self._asked("POST", path, context, base64.b64encode(csr), sent))

    def nonce(self, context: ssl.SSLContext) -> bytes:
        """32 bytes for a proof; raises as ``cacerts``."""
        raw = self._asked("GET", enrolment.NONCE, context)
        try:
            nonce = bytes.fromhex(raw.decode("ascii").strip())
        except ValueError:
            nonce = b""
        if len(nonce) != 32:  # noqa: PLR2004  # docs/enrolment.md
            raise EnrolmentRefused("nonce", "the gateway's nonce is none")
        return nonce

    def trust(self, context: ssl.SSLContext) -> bytes:
        """The trust file; raises as ``cacerts``."""
        return self._asked("GET", enrolment.TRUST, context)

    def _asked(
        self,
        method: str,
        path: str,
        context: ssl.SSLContext,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        link = http.client.HTTPSConnection(self.host, self.port, timeout=_WAIT_S, context=context)
        try:
            link.request(method, path, body, headers or {})
            with link.getresponse() as answer:
                found = answer.read(_MOST + 1)
        except ssl.SSLCertVerificationError as error:
            # Not "later": somebody else answers, or a clock is wrong; both are for people.
            said = error.verify_message if error.errno else str(error)
            raise EnrolmentRefused("server", f"{self}: it is not believed: {said}") from error
        except (OSError, http.client.HTTPException) as error:
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise EnrolmentLater(f"{self}: {said}") from error
        finally:
            link.close()
        if len(found) > _MOST:
            raise EnrolmentRefused("answer", f"{self}: an answer of more than {_MOST} bytes")
        if answer.status != http.HTTPStatus.OK:
            raise _refusal(answer.status, found, answer.getheader("Retry-After"))
        return found

    def __str__(self) -> str:
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def _refusal(
    status: int, body: bytes, retry_after: str | None
) -> EnrolmentRefused | EnrolmentLater:
    code, detail = _problem(body)
    said = f"the gateway says {status} {code}: {detail}"
    if status in _LATER or status >= _TROUBLE:
        wait_s = int(retry_after) if retry_after and retry_after.isdecimal() else None
        return EnrolmentLater(said, wait_s)
    return EnrolmentRefused(code, said)


def _problem(body: bytes) -> tuple[str, str]:
    """Code and detail of RFC 9457, made fit for a terminal."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return "unknown", "no reason given"
    return _plain(found.get("code")), _plain(found.get("detail"))


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else "?"
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LINE])


def _unpacked(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error as error:
        raise EnrolmentRefused("answer", "the gateway's answer is not base64") from error
