"""Enrolment over HTTP, in the shape of EST (RFC 7030, RFC 8951), on a listener of its own.

It may be reached from other machines, which the API may not: it hands out public certificates,
judges tokens and proofs, and does nothing else. Bodies are small and arrive in time; refusals are
problem documents; who guesses is made to wait.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.ca.profiles import Purpose
from gateway.ca.requests import RequestError, read_base64
from gateway.ca.service import Authority
from gateway.docks.service import Docks
from gateway.enrolment.guesses import Guesses
from gateway.enrolment.nonces import Nonces
from gateway.enrolment.peers import PEER, PeerProtocol
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.enrolment.service import Credentials, Enrolment
from gateway.errors import AuthorityAwayError, GatewayError
from gateway.intake import alarms
from gateway.listening import Server, make_server
from gateway.problems import QUIET, Problem
from protocols import enrolment as spoken
from protocols.enrolment import RenewalClaim
from protocols.errors import EnrolmentError
from protocols.following import MAX_SHOWN, read_shown

MOST_CONNECTIONS: Final = 64
_BODY_TIMEOUT_S: Final = 15.0
_HEADERS: Final = 16 * 1024
_KID: Final = 32
_STATUS: Final = {
    "other-key": HTTPStatus.BAD_REQUEST,
    "who": HTTPStatus.UNAUTHORIZED,
    "token-wrong": HTTPStatus.UNAUTHORIZED,
    "token-expired": HTTPStatus.UNAUTHORIZED,
    "token-withdrawn": HTTPStatus.UNAUTHORIZED,
    "token-used": HTTPStatus.UNAUTHORIZED,
    "proof-nonce": HTTPStatus.UNAUTHORIZED,
    "proof-wrong": HTTPStatus.UNAUTHORIZED,
    "rotation-wrong": HTTPStatus.UNAUTHORIZED,
    "certificate-unknown": HTTPStatus.UNAUTHORIZED,
    "certificate-revoked": HTTPStatus.UNAUTHORIZED,
    "certificate-expired": HTTPStatus.UNAUTHORIZED,
    "dock-revoked": HTTPStatus.FORBIDDEN,
    "dock-unknown": HTTPStatus.FORBIDDEN,
    "key-given-up": HTTPStatus.FORBIDDEN,
    "rotation-contested": HTTPStatus.FORBIDDEN,
    "keys-bound": HTTPStatus.CONFLICT,
    "key-taken": HTTPStatus.CONFLICT,
    "statement-key": HTTPStatus.CONFLICT,
    "statement-first": HTTPStatus.CONFLICT,
    "not-enrolled": HTTPStatus.CONFLICT,
    "too-many": HTTPStatus.TOO_MANY_REQUESTS,
    "csr-name": HTTPStatus.BAD_REQUEST,
}
_GUESSED: Final = frozenset({"token-wrong", "proof-wrong", "rotation-wrong", "who"})
# Anybody can cause these, as often as he likes: they are not for the log.
_NOISE: Final = frozenset({"who", "other-key", "csr-base64", "proof-nonce"})
_CHALLENGE: Final = 'Basic realm="evidock enrolment"'
_DAY_S: Final = 86_400
_event = structlog.get_logger("gateway.enrolment")

Handler = Callable[[Request], Awaitable[Response]]


class Listener:
    """The routes, and what they share."""

    def __init__(self, enrolment: Enrolment, authority: Authority, docks: Docks) -> None:
        self._enrolment, self._authority, self._docks = enrolment, authority, docks
        self._nonces, self._guesses = Nonces(), Guesses()

    def app(self) -> Starlette:
        """The application."""
        posts = (
            (spoken.SIMPLEENROLL, self._enrol, Purpose.DOCK),
            (spoken.STATEMENT_SIMPLEENROLL, self._enrol, Purpose.STATEMENT),
            (spoken.SIMPLEREENROLL, self._reenrol, Purpose.DOCK),
            (spoken.STATEMENT_SIMPLEREENROLL, self._reenrol, Purpose.STATEMENT),
        )
        gets: tuple[tuple[str, Handler], ...] = (
            (spoken.CACERTS, self._cacerts(Purpose.DOCK)),
            (spoken.STATEMENT_CACERTS, self._cacerts(Purpose.STATEMENT)),
            (spoken.NONCE, self._nonce),
            (spoken.TRUST, self._trust),
        )
        return Starlette(
            routes=[
                *(
                    Route(path, self._answered(_post(do, what)), methods=["POST"])
                    for path, do, what in posts
                ),
                *(Route(path, self._answered(do), methods=["GET"]) for path, do in gets),
            ],
            exception_handlers={HTTPException: _on_http},
        )

    def server(self, context: ssl.SSLContext) -> Server:
        """An HTTP server over TLS for it, not started."""
        config = make_server(self.app(), most_connections=MOST_CONNECTIONS).config
        config.http = PeerProtocol
        config.h11_max_incomplete_event_size = MAX_SHOWN + _HEADERS
        config.ssl_context_factory = lambda _config, _default: context
        return Server(config)

    # --- what is asked -----------------------------------------------------------------

    def _cacerts(self, purpose: Purpose) -> Handler:
        async def cacerts(_request: Request) -> Response:
            known = self._authority.authorities
            # Each root with the present authority under it: whichever a dock has pinned.
            pairs = [(root, known.under(root, purpose)) for root in known.roots]
            return _certificates([each for root, by in pairs if by for each in (root, by)])

        return cacerts

    async def _nonce(self, _request: Request) -> Response:
        return PlainTextResponse(self._nonces.make(_now_s()).hex() + "\n")

    async def _trust(self, request: Request) -> Response:
        await self._enrolment.recognise(_peer(request))
        return Response(self._docks.anchors().to_json() + "\n", media_type="application/json")

    async def _enrol(self, request: Request, purpose: Purpose, csr: bytes) -> Response:
        dock, token = _basic(request.headers.get("authorization", ""))
        said = Credentials(dock, token, _other_key(request))
        return _issued((await self._enrolment.enrol(purpose, said, csr)).der)

    async def _reenrol(self, request: Request, purpose: Purpose, csr: bytes) -> Response:
        said = request.headers.get("authorization", "")
        if said.partition(" ")[0].lower() != spoken.SCHEME.lower() or purpose is Purpose.STATEMENT:
            return _issued((await self._enrolment.renew_with(_peer(request), purpose, csr)).der)
        try:
            claim = RenewalClaim.parse(said)
            shown = read_shown(request.headers.get(spoken.ROTATIONS, ""))
        except EnrolmentError as error:
            raise EnrolmentRefusedError("who", str(error)) from error
        if not self._nonces.is_good(claim.nonce, _now_s()):
            reason = "that nonce is too old, or from before a restart; fetch another"
            raise EnrolmentRefusedError("proof-nonce", reason)
        return _issued((await self._enrolment.renew_by(claim, csr, shown)).der)

    # --- how it is answered ------------------------------------------------------------

    def _answered(self, do: Handler) -> Handler:
        async def answered(request: Request) -> Response:
            address = request.client.host if request.client else "?"
            try:
                self._make_guessers_wait(address)
                response = await do(request)
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)
            except Problem as problem:
                response = problem.response()
            except (EnrolmentRefusedError, RequestError) as error:
                response = self._refused(error, request, address)
            except AuthorityAwayError:
                # Why is for the operator's log and alarm, not for whoever asks.
                reason = "enrolment is closed: the authority cannot be used. Its operator has the "
                reason += f"alarm `{alarms.AUTHORITY_AWAY}`; asking again later does no harm"
                away = Problem(HTTPStatus.SERVICE_UNAVAILABLE, alarms.AUTHORITY_AWAY, reason)
                response = away.response()
            except GatewayError as error:
                _event.error("enrolment.failed", path=request.url.path, reason=str(error))
                reason = "the gateway could not do this now; asking again does no harm"
                response = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "later", reason).response()
            for name, value in QUIET.items():
                response.headers.setdefault(name, value)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                # What is left of a refused body must not pass for a next request.
                response.headers["connection"] = "close"
            return response

        return answered

    def _make_guessers_wait(self, address: str) -> None:
        wait_s = self._guesses.wait_s(address, asyncio.get_running_loop().time())
        if wait_s:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many",
                "too many wrong tokens or proofs from this address",
                headers={"retry-after": str(math.ceil(wait_s))},
            )

    def _refused(
        self, error: EnrolmentRefusedError | RequestError, request: Request, address: str
    ) -> Response:
        if error.code in _GUESSED:
            self._guesses.count(address, asyncio.get_running_loop().time())
        if error.code not in _NOISE:
            where = {"path": request.url.path, "address": address}
            _event.warning("enrolment.refused", code=error.code, reason=str(error), **where)
        status = _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)
        headers = {}
        if status is HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = _CHALLENGE
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            headers["retry-after"] = str(_DAY_S)
        return Problem(status, error.code, str(error), headers=headers).response()


_Granting = Callable[[Request, Purpose, bytes], Awaitable[Response]]


def _post(do: _Granting, purpose: Purpose) -> Handler:
    async def post(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != spoken.CSR_TYPE:
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "content-type",
                f"the body is {spoken.CSR_TYPE}, in base64",
                headers={"accept": spoken.CSR_TYPE},
            )
        return await do(request, purpose, read_base64(await _body(request)))

    return post


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > spoken.MAX_BODY:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        "body-too-large",
                        f"a request has at most {spoken.MAX_BODY} bytes",
                    )
    except TimeoutError as error:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, "body-late", "the body did not arrive in time"
        ) from error
    return bytes(body)


def _basic(authorization: str) -> tuple[str, str]:
    """Name and token of ``Authorization: Basic`` (RFC 7617)."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _who() from error
    name, colon, token = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _who()
    return name, token


def _who() -> EnrolmentRefusedError:
    reason = "say who it is: the dock's name and its token (Authorization: Basic)"
    return EnrolmentRefusedError("who", reason)


def _other_key(request: Request) -> bytes:
    said = request.headers.get(spoken.OTHER_KEY, "")
    try:
        kid = bytes.fromhex(said)
    except ValueError:
        kid = b""
    if len(kid) != _KID:
        reason = f"the header {spoken.OTHER_KEY} names the other key: SHA-256 of its SPKI, hex"
        raise EnrolmentRefusedError("other-key", reason)
    return kid


def _peer(request: Request) -> bytes:
    peer = request.scope["state"].get(PEER)
    if not isinstance(peer, bytes):
        raise EnrolmentRefusedError("who", "a client certificate is needed here, in TLS")
    return peer


def _issued(der: bytes) -> Response:
    return _certificates([x509.load_der_x509_certificate(der)])


def _certificates(certificates: list[x509.Certificate]) -> Response:
    bundle = pkcs7.serialize_certificates(certificates, serialization.Encoding.DER)
    return Response(
        base64.encodebytes(bundle),
        headers={
            "content-type": spoken.CERTIFICATES_TYPE,
            # RFC 8951 says to leave it out and to read it; older clients look for it.
            "content-transfer-encoding": "base64",
        },
    )


async def _on_http(_request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    code = {404: "nothing-here", 405: "method"}.get(status.value, "refused")
    headers = QUIET | {"connection": "close"}
    detail = "docs/enrolment.md names the addresses"
    return Problem(status, code, detail, headers=headers).response()


def _now_s() -> int:
    return int(asyncio.get_running_loop().time())
