"""One question to one witness: bounded in time and size, and nothing in the answer is believed."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx

from gateway.errors import ConfigError, GatewayError
from hashing.errors import HashingError
from hashing.note import NoteKey, NoteSignature, cosignatures, parse_note
from protocols.errors import ProtocolError
from protocols.witnessing import SIZE_TYPE, AddCheckpoint, parse_size

_OK, _CONFLICT = 200, 409
_ANSWER_S = 15.0
_CONNECT_S = 5.0
_MAX_ANSWER = 16 << 10


class WitnessAwayError(GatewayError):
    """The witness did not answer, or with something that is no answer; ask again later."""


class WitnessRefusesError(GatewayError):
    """The witness will not cosign this; somebody has to look."""


class OtherSizeError(GatewayError):
    """The witness cosigned another size last.

    Attributes:
        size: that size, by its own word.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"it cosigned size {size} last")
        self.size = size


def make_client(ca: Path | None) -> httpx.AsyncClient:
    """A connection to one witness, reused.

    Args:
        ca: PEM file of the authorities that may vouch for it; None for the system's.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        trusted = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: no certificates to trust: {error}") from error
    timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
    return httpx.AsyncClient(verify=trusted, timeout=timeout, trust_env=False)


async def ask(
    http: httpx.AsyncClient, url: str, key: NoteKey, asked: AddCheckpoint
) -> NoteSignature:
    """Ask for a cosignature.

    Args:
        http: of this witness.
        url: its submission prefix.
        key: its key, from outside.
        asked: the checkpoint and the way to it.

    Returns:
        Its line on this checkpoint, verified.

    Raises:
        OtherSizeError: it knows another size. WitnessRefusesError: it will not.
        WitnessAwayError: no answer that can be used.
    """
    try:
        async with asyncio.timeout(_ANSWER_S):
            status, kind, body = await _post(http, url.rstrip("/") + "/add-checkpoint", asked)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise WitnessAwayError(f"{type(error).__name__}: {error}"[:200]) from error
    if status == _OK:
        return _line(asked.note, body, key)
    if status == _CONFLICT and kind == SIZE_TYPE:
        try:
            raise OtherSizeError(parse_size(body))
        except ProtocolError as error:
            raise WitnessAwayError(str(error)) from error
    reason = f"HTTP status {status}: {body[:200].decode(errors='replace').strip()}"
    if status in {403, 404, 409, 422}:
        raise WitnessRefusesError(reason)
    raise WitnessAwayError(reason)


async def _post(http: httpx.AsyncClient, url: str, asked: AddCheckpoint) -> tuple[int, str, bytes]:
    body = bytearray()
    async with http.stream("POST", url, content=asked.encode()) as answer:
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ANSWER:
                raise WitnessAwayError("its answer is too large")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return answer.status_code, kind, bytes(body)


def _line(note: bytes, lines: bytes, key: NoteKey) -> NoteSignature:
    text = parse_note(note).text.encode()
    try:
        answered = parse_note(text + b"\n" + lines)
        for line in answered.of(key):
            if cosignatures(text + b"\n" + line.line().encode(), [key]):
                return line
    except HashingError as error:
        raise WitnessAwayError(f"its answer is no cosignature: {error}") from error
    raise WitnessAwayError("its answer has no valid cosignature by the key that is configured")
