"""``evidock-gateway enrol``: trust a dock's key, and write the trust file for the dock.

The key is handed over by a person who knows whose it is; nothing here makes or sees a
private key. The trust file pins what the dock will check everything against, so one that
is there already and names another gateway or other keys is never overwritten.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from gateway.errors import ConflictError, InvalidError, SetupError
from gateway.trail.client import ApiClient
from hashing.errors import HashingError
from hashing.keys import PublicKey
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError

_MAX_KEY = 16 * 1024


def enrol(client: ApiClient, dock: str, key_file: Path, out: Path) -> Anchors:
    """Enrol a dock and keep what it has to trust.

    Args:
        client: of the gateway.
        dock: the dock's name.
        key_file: its public statement key in PEM form.
        out: where the trust file goes.

    Returns:
        What was written.

    Raises:
        SetupError: a file cannot be read or written.
        InvalidError: the key file holds no public key.
        ConflictError: there is a trust file of another gateway.
        ApiError: the gateway does not answer, or refuses.
    """
    pem = _read(key_file, _MAX_KEY).decode(errors="replace")
    if "PRIVATE KEY" in pem:
        raise InvalidError(f"{key_file} is a private key; it stays on the dock")
    try:
        PublicKey.from_pem(pem)
    except HashingError as error:
        raise InvalidError(f"{key_file}: {error}") from error
    before = load_trust(out) if out.exists() else None
    answer = client.post("/docks", {"id": dock, "statement_key": pem, "how": "enrol command"})
    try:
        anchors = Anchors.from_json(_json_text(answer))
    except AnchorsError as error:
        raise InvalidError(f"the gateway gave no usable trust: {error}") from error
    if before is not None and not _same(before, anchors):
        raise ConflictError(f"{out} trusts another gateway or other keys; move it away first")
    if before is None:
        _write(out, anchors.to_json() + "\n")
    return anchors


def load_trust(path: Path) -> Anchors:
    """Read a trust file.

    Raises:
        SetupError: it cannot be read, or is none.
    """
    try:
        return Anchors.from_json(_read(path, MAX_ANCHORS))
    except AnchorsError as error:
        raise SetupError(f"{path}: {error}") from error


def _json_text(answer: object) -> str:
    trust = answer.get("trust") if isinstance(answer, dict) else None
    return "" if trust is None else json.dumps(trust)


def _same(one: Anchors, other: Anchors) -> bool:
    return (one.gateway, one.statement_key, one.receipt_key, one.checkpoint_key) == (
        other.gateway,
        other.statement_key,
        other.receipt_key,
        other.checkpoint_key,
    )


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    if len(raw) > limit:
        raise SetupError(f"{path} is larger than {limit} bytes")
    return raw


def _write(path: Path, text: str) -> None:
    # Whole or not at all: half a trust file on a dock would stop it from working.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SetupError(f"{path}: {error.strerror}") from error
