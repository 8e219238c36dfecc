"""One message to one receiver, bounded in time; of the answer only the status is read."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from gateway.config import WebhooksSection
from gateway.errors import ConfigError
from gateway.webhooks.addresses import Reachable, WebhookAddressError

ANSWER_S: Final = 15.0
_CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message.

    Attributes:
        status: of HTTP; None without an answer.
        problem: why it does not count as told; None when it does.
    """

    status: int | None
    problem: str | None
    took_ms: int

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
        status: int | None = None
        try:
            async with asyncio.timeout(ANSWER_S):
                status = await self._post(url, headers, body)
            problem = _problem(status)
        except WebhookAddressError as error:
            problem = str(error)
        except TimeoutError:
            problem = f"no answer within {ANSWER_S:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # The kind alone: its text may hold what lies on the way there.
            problem = f"no connection: {type(error).__name__}"
        return Outcome(status, problem, int((time.monotonic() - begun) * 1000))

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
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
            return answer.status_code


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
