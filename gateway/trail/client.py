"""The API of a gateway over HTTP, for the commands that read it from outside.

Whatever comes back is a stranger's word: it is bounded in size here and checked against
the anchors elsewhere. Every wait has a timeout.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from gateway.access.host import VARIABLE, token_for
from gateway.addresses import segment_of
from gateway.errors import GatewayError, SetupError
from gateway.shapes import ProblemDocument
from protocols.ids import ClipId
from protocols.trail import MAX_TRAIL, TrailDocument, TrailError

_PREFIX = "/api/v1"
_MAX_ANSWER = 64 << 20
_MAX_PROBLEM = 1 << 20
_MAX_DOSSIER = 2 * MAX_TRAIL
_CHUNK = 1 << 20
_CONNECT_S = 5.0
# Of tens of thousands of entries each needs a proof and a receipt before the first byte comes.
_PATIENT = httpx.Timeout(1800.0, connect=_CONNECT_S)


class ApiError(GatewayError):
    """The gateway could not be asked, or refused.

    Attributes:
        status: HTTP status; None when there was no answer.
        code: of the problem document; empty when there was none.
    """

    def __init__(self, reason: str, status: int | None = None, code: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.code = code


class ApiClient:
    """Asks one gateway; a context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            base_url: for example ``http://127.0.0.1:8080``; no path.
            token: shown to the gateway; None: the environment's, or this machine's own.
            timeout_s: longest wait for the next bytes.
            transport: how to reach it; None over the network.

        Raises:
            SetupError: not such an address.
        """
        if not _is_gateway(base_url):
            raise SetupError(
                f"{base_url!r} is not the address of a gateway, such as http://127.0.0.1:8080 "
                "(http or https, host and port, no path)"
            )
        try:
            # The environment's proxies are for the world outside; evidence stays away from them.
            self._http = httpx.Client(
                base_url=base_url,
                # A host that is not there is found out long before a slow answer is given up.
                timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S),
                trust_env=False,
                # The system's authorities: an agency adds its own there.
                verify=ssl.create_default_context(),
                transport=transport,
                headers=_shown(token or token_for(base_url)),
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise SetupError(f"not an address: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def case_trail(self, case_no: str, from_size: int | None = None) -> TrailDocument:
        """The trail of a case, with a proof from an earlier size; raises ApiError."""
        return self._trail(f"/cases/{segment_of(case_no)}/trail", from_size)

    def clip_trail(self, clip: ClipId, from_size: int | None = None) -> TrailDocument:
        """The trail of a clip, with a proof from an earlier size; raises ApiError."""
        return self._trail(f"/clips/{clip}/trail", from_size)

    def content_range(self, clip: ClipId, start: int, length: int) -> Iterator[bytes]:
        """So many bytes of a clip, in pieces as they arrive; stops soon after ``length`` of them.

        Raises:
            ApiError: refused, another part than was asked for, or cut off.
        """
        seen = 0
        headers = {"range": f"bytes={start}-{start + length - 1}"}
        with self._asked("GET", f"/clips/{clip}/content", headers=headers) as answer:
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise ApiError("the gateway gave another part of the clip than was asked for")
            for piece in answer.iter_raw():
                yield piece
                seen += len(piece)
                if seen > length:
                    return

    def content(self, clip: ClipId, limit: int, start: int = 0) -> Iterator[bytes]:
        """A clip's bytes from ``start`` on; stops soon after ``limit`` of them.

        So a store that holds too much fills nobody's disk.

        Raises:
            ApiError: refused, or cut off.
        """
        seen = 0
        headers = {"range": f"bytes={start}-"} if start else {}
        with self._asked("GET", f"/clips/{clip}/content", headers=headers) as answer:
            if start and answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise ApiError("the gateway gave another part of the clip than was asked for")
            for chunk in answer.iter_raw(_CHUNK):
                yield chunk
                seen += len(chunk)
                if seen > limit:
                    return

    def get(self, path: str, params: Mapping[str, float] | None = None) -> Any:  # noqa: ANN401  # JSON
        """A JSON answer below the API's prefix; raises ApiError."""
        return self._json("GET", path, params=params)

    def dossier(self, number: int) -> Iterator[bytes]:
        """Everything of an export's pack but the originals, as it comes; raises ApiError."""
        seen = 0
        with self._asked("GET", f"/exports/{number}/dossier", timeout=_PATIENT) as answer:
            for chunk in answer.iter_bytes(_CHUNK):
                yield chunk
                seen += len(chunk)
                if seen > _MAX_DOSSIER:
                    raise ApiError(f"an answer of more than {_MAX_DOSSIER} bytes")

    def post(self, path: str, body: Mapping[str, Any], *, patient: bool = False) -> Any:  # noqa: ANN401  # JSON
        """Send JSON, get JSON; raises ApiError.

        Args:
            path: below the API's prefix.
            body: JSON.
            patient: it may have much to do before it answers.
        """
        more: dict[str, Any] = {"timeout": _PATIENT} if patient else {}
        return self._json("POST", path, json=body, **more)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401  # JSON
        """Send JSON, get JSON; raises ApiError."""
        return self._json("PUT", path, json=body)

    def text(self, path: str) -> str:
        """A text answer; raises ApiError."""
        with self._asked("GET", path) as answer:
            return _whole(answer, _MAX_ANSWER).decode(errors="replace")

    def _json(self, method: str, path: str, **kwargs: Any) -> Any:  # noqa: ANN401  # passed on to httpx
        with self._asked(method, path, **kwargs) as answer:
            return _json_of(_whole(answer, _MAX_ANSWER))

    def _trail(self, path: str, from_size: int | None) -> TrailDocument:
        params = {} if from_size is None else {"from": from_size}
        with self._asked("GET", path, params=params) as answer:
            raw = _whole(answer, MAX_TRAIL)
        try:
            return TrailDocument.from_json(raw)
        except TrailError as error:
            raise ApiError(f"the gateway answered with something else: {error}") from error

    @contextmanager
    def _asked(self, method: str, path: str, **kwargs: Any) -> Iterator[httpx.Response]:  # noqa: ANN401  # passed on to httpx
        try:
            with self._http.stream(method, f"{_PREFIX}{path}", **kwargs) as answer:
                if not answer.is_success:
                    raise _refusal(answer)
                yield answer
        except httpx.TransportError as error:
            reason = f"{self._http.base_url}: {str(error) or type(error).__name__}"
            raise ApiError(f"the gateway does not answer: {reason}; --api names another") from error


def _shown(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


def _is_gateway(address: str) -> bool:
    try:
        url = httpx.URL(address)
        # Stricter than httpx, which takes "http://[" for a host.
        urlsplit(address)
    except (httpx.InvalidURL, ValueError):
        return False
    plain = url.path in {"", "/"} and not (url.query or url.fragment or url.userinfo)
    return url.scheme in {"http", "https"} and bool(url.host) and plain


def _whole(answer: httpx.Response, limit: int) -> bytes:
    raw = bytearray()
    for chunk in answer.iter_bytes(_CHUNK):
        raw += chunk
        if len(raw) > limit:
            raise ApiError(f"an answer of more than {limit} bytes")
    return bytes(raw)


def _json_of(raw: bytes) -> Any:  # noqa: ANN401  # JSON
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiError("the gateway answered with something that is not JSON") from error


def _refusal(answer: httpx.Response) -> ApiError:
    status = answer.status_code
    try:
        problem = ProblemDocument.model_validate_json(_whole(answer, _MAX_PROBLEM))
    except (ApiError, ValidationError):
        return ApiError(f"the gateway answered with HTTP status {status}", status)
    if problem.code == "sign-in":
        detail = (
            "it does not know who asks: run this as the gateway's own user or root on its machine"
        )
        return ApiError(
            f"the gateway refused: {detail}, or set {VARIABLE} to a key", status, "sign-in"
        )
    told = [problem.detail, *(f"{each.where}: {each.what}" for each in problem.errors or ())]
    return ApiError(f"the gateway refused: {'; '.join(told)}", status, problem.code)
