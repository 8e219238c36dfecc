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

from gateway.durable import sync_folder
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
        SetupError: a file cannot be read or written; in the second case the message says
            whether the dock was enrolled before.
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
    if _is_there(out):
        before = load_trust(out)
        anchors = _ask(client, dock, pem)
        if not _same(before, anchors):
            raise ConflictError(f"{out} trusts another gateway or other keys; move it away first")
        return anchors
    # The log forgets nothing: what cannot be written is found out before the dock is enrolled.
    temporary = _reserve(out)
    try:
        anchors = _ask(client, dock, pem)
        _write(temporary, out, anchors.to_json() + "\n")
    finally:
        temporary.unlink(missing_ok=True)
    return anchors


def _ask(client: ApiClient, dock: str, pem: str) -> Anchors:
    answer = client.post("/docks", {"id": dock, "statement_key": pem, "how": "enrol command"})
    try:
        return Anchors.from_json(_json_text(answer))
    except AnchorsError as error:
        raise InvalidError(f"the gateway gave no usable trust: {error}") from error


def load_trust(path: Path) -> Anchors:
    """Read a trust file.

    Raises:
        SetupError: it cannot be read, or is none.
    """
    try:
        return Anchors.from_json(_read(path, MAX_ANCHORS))
    except AnchorsError as error:
        why = str(error).removeprefix("not a usable trust file: ")
        msg = f"{path} is not a trust file (JSON, as `evidock-gateway enrol` writes it): {why}"
        raise SetupError(msg) from error


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


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}; nothing was enrolled") from error


def _reserve(path: Path) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}; nothing was enrolled") from error
    return temporary


def _write(temporary: Path, path: Path, text: str) -> None:
    # Whole or not at all: half a trust file on a dock would stop it from working.
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        msg = (
            f"{path}: {error.strerror}; the dock IS enrolled, only the trust file could not be "
            "written: run the same command with another --out"
        )
        raise SetupError(msg) from error
