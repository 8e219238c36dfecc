"""One message to one receiver, bounded in time; of the answer only status and Retry-After are read.

Whoever names a receiver is told how it went in few words: more of them, or how long it took to be
refused, would tell him what stands and listens in the network around the gateway.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
import structlog

from gateway.config import WebhooksSection
from gateway.errors import ConfigError
from gateway.webhooks.addresses import Reachable, WebhookAddressError

ANSWER_S: Final = 15.0
NO_ANSWER: Final = "no answer within"
NO_CONNECTION: Final = "no connection"
_CONNECT_S: Final = 5.0
_OF_THE_MESSAGE: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_log = structlog.get_logger("gateway.webhooks")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Attributes:
        status: of HTTP; None without an answer.
        problem: why it does not count as told; None when it does.
        took_ms: until the answer; without one in whole seconds.
        wait_s: for how long the receiver asks not to be asked; None when it does not say.
    """

    status: int | None
    problem: str | None
    took_ms: int
    wait_s: float | None = None

    @property
    def refuses_message(self) -> bool:
        """Whether the receiver is there and says that it cannot take this very message."""
        return self.status in _OF_THE_MESSAGE

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it wants nothing any more."""
        return self.status == HTTPStatus.GONE


class Sender:
    """Sends messages."""

    def __init__(self, config: WebhooksSection) -> None:
        """Prepare; nobody is connected to.

        Raises:
            ConfigError: the file of trusted authorities cannot be used.
        """
        self.reachable = Reachable(config)
        # The system's many authorities are only read when somebody is to be told.
        self._trusted = None if config.ca is None else _trusting(config.ca)

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Send one message; never raises for what the receiver does."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._post(url, headers, body)
        except WebhookAddressError as error:
            problem = str(error)
        except TimeoutError:
            problem = f"{NO_ANSWER} {ANSWER_S:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            _log.warning("webhook.no-connection", reason=type(error).__name__)
            problem = NO_CONNECTION
        else:
            took_ms = int((time.monotonic() - begun) * 1000)
            status = answer.status_code
            return Outcome(status, _problem(status), took_ms, _asked_to_wait(answer.headers))
        return Outcome(None, problem, math.ceil(time.monotonic() - begun) * 1000)

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        to = await self.reachable.find(url)
        if self._trusted is None:
            self._trusted = await asyncio.to_thread(ssl.create_default_context)
        timeout = httpx.Timeout(ANSWER_S, connect=_CONNECT_S)
        async with (
            # No proxy of the environment, no cookies kept, no redirect followed.
            httpx.AsyncClient(verify=self._trusted, timeout=timeout, trust_env=False) as http,
            http.stream(
                "POST",
                to.url,
                content=body,
                headers={
                    **headers,
                    "host": to.header,
                    "content-type": "application/json",
                    "user-agent": "evidock-gateway",
                },
                extensions={"sni_hostname": to.host},
            ) as answer,
        ):
            # The body is left unread: a receiver that sends without end costs nothing.
            return answer


def _trusting(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        msg = f"[webhooks] ca {file}: no certificates to trust: {error}"
        raise ConfigError(msg) from error


def _problem(status: int) -> str | None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "it redirects; redirects are not followed"
    return f"it answered {status}"


def _asked_to_wait(headers: httpx.Headers) -> float | None:
    """Seconds, after Retry-After in either of its forms (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    # A moment is one of the receiver's own clock, which its Date shows.
    until, now = _moment(said), _moment(headers.get("date", ""))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
