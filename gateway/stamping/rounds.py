"""Every so often the newest checkpoint goes to the authority; nothing waits for it."""

from __future__ import annotations

import asyncio
import ssl
import time

import httpx
import structlog

from gateway.config import StampingSection
from gateway.errors import ConfigError, GatewayError
from gateway.log.proofs import LogProofs
from gateway.stamping.kept import Stamped, Stamps
from gateway.stamping.token import StampError, check_stamp, load_roots, request_for
from protocols.timestamps import MAX_RESPONSE

_ANSWER_S = 30.0
_LOOK_S = 1.0
_FIRST_WAIT_S = 5.0
_OK = 200
_event = structlog.get_logger("gateway.stamping")


class Stamping:
    """Asks one authority, until cancelled."""

    def __init__(self, config: StampingSection, log: LogProofs, stamps: Stamps) -> None:
        """Prepare; nobody is asked yet.

        Raises:
            SetupError: the file of trusted roots cannot be used.
        """
        self._url, self._every_s = config.url, config.every_s
        self._log, self._stamps = log, stamps
        self._roots = () if config.roots is None else load_roots(config.roots)
        self._not_before = float("-inf")
        self._wait_s = 0.0
        self._problem: str | None = None
        self.http: httpx.AsyncClient | None = None

    async def run(self) -> None:
        """Go on until cancelled; nothing that the authority does ends it."""
        if self._url is None:
            return
        try:
            self.http = httpx.AsyncClient(
                verify=ssl.create_default_context(), timeout=_ANSWER_S, trust_env=False
            )
        except ssl.SSLError as error:
            raise ConfigError(f"the system's certificates cannot be used: {error}") from error
        async with self.http:
            while True:
                await self.round()
                await asyncio.sleep(_LOOK_S)

    @property
    def is_configured(self) -> bool:
        """Whether there is an authority to ask."""
        return self._url is not None

    def hasten(self) -> None:
        """Have the newest checkpoint stamped at the next look.

        After a failure the wait that has grown stays: somebody who waits for an export is no
        reason to press an authority that does not answer.
        """
        if self._problem is None:
            self._not_before = float("-inf")

    async def round(self) -> None:
        """Have the newest checkpoint stamped, if that is due and it has no stamp yet."""
        now = time.monotonic()
        if now < self._not_before:
            return
        self._not_before = now + self._every_s
        try:
            if await self._stamps.newest_size() != self._log.checkpoint().size:
                await self._stamp()
        except GatewayError as error:
            self._wait_s = min(max(self._wait_s * 2, _FIRST_WAIT_S), self._every_s)
            self._not_before = now + self._wait_s
            if self._problem != str(error):
                _event.warning("stamp.none", reason=str(error))
            self._problem = str(error)
        else:
            self._problem, self._wait_s = None, 0.0

    async def _stamp(self) -> None:
        checkpoint = self._log.checkpoint()
        asked = request_for(checkpoint.note)
        response = await self._post(asked.as_bytes())
        at = check_stamp(response, checkpoint.note, self._roots, asked=asked)
        await self._stamps.keep(checkpoint.size, Stamped(checkpoint.note, response))
        _event.info("stamp.kept", size=checkpoint.size, at=at.isoformat())

    async def _post(self, query: bytes) -> bytes:
        if self.http is None or self._url is None:
            raise StampError("no authority is configured")
        body = bytearray()
        headers = {"content-type": "application/timestamp-query"}
        try:
            async with (
                asyncio.timeout(_ANSWER_S),
                self.http.stream("POST", self._url, content=query, headers=headers) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_RESPONSE:
                        raise StampError("the authority's answer is too large")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise StampError(f"{type(error).__name__}: {error}"[:200]) from error
        if answer.status_code != _OK:
            raise StampError(f"the authority answered with HTTP status {answer.status_code}")
        return bytes(body)
