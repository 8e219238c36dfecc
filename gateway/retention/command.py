"""``evidock-gateway rules``: rule packs, signed anywhere, adopted and shown at a gateway."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.errors import InvalidError, SetupError
from gateway.retention.pack import Item, RulePack, read_pack
from gateway.retention.service import SIGNATURE, read_keys
from gateway.retention.signing import MAX_SIGNATURE, sign_pack, signed_by
from gateway.trail.client import ApiClient
from hashing.errors import HashingError
from hashing.keys import load_signer
from protocols.shown import shown

_METHODS = {"text": "文字", "key": "关键环节音像", "full": "全程音像"}
Write = Callable[[str], object]


def sign(path: Path, key: Path, write: Write) -> None:
    """Sign a pack: the line goes beside it.

    Raises:
        PackError: nobody should sign this. SetupError: a file cannot be read or written.
    """
    raw = _bytes(path)
    pack = read_pack(raw)
    try:
        line = sign_pack(raw, load_signer(_bytes(key)))
    except HashingError as error:
        raise SetupError(f"{key}: {error}") from error
    beside = _beside(path)
    try:
        beside.write_text(line, encoding="ascii")
    except OSError as error:
        raise SetupError(f"{beside}: {error.strerror}") from error
    write(f"{beside}: version {pack.version} of {shown(pack.jurisdiction)}\n")


def check(path: Path, keys: list[Path], write: Write) -> None:
    """Say what a pack says, and who signed it.

    Raises:
        PackError, RulesUnsignedError: it would not be adopted. SetupError: a file is not there.
    """
    raw = _bytes(path)
    pack = read_pack(raw)
    for line in lines(pack):
        write(line + "\n")
    if keys:
        key = signed_by(raw, _signature(path), read_keys(keys))
        write(f"signed with key {key.kid.hex()}\n")
    else:
        write("its signature was not looked at: give --key\n")


def adopt(client: ApiClient, path: Path, *, by: str, why: str, write: Write) -> None:
    """Hand a pack to a gateway.

    Raises:
        ApiError: it refuses it. SetupError: a file is not there.
    """
    asked = {
        "pack": base64.b64encode(_bytes(path)).decode(),
        "signature": _signature(path),
        "by": by,
        "why": why,
    }
    told = client.post("/rules", asked)
    write(f"version {told['version']} counts from log entry {told['adopted_index']} on\n")


def show(client: ApiClient, version: int | None, write: Write) -> None:
    """Print what was adopted.

    Raises:
        ApiError: the gateway does not answer, or has none.
    """
    if version is None:
        rows: list[dict[str, Any]] = client.get("/rules")
        for row in rows:
            words = shown(f"{row['jurisdiction']}, by {row['by']}: {row['why']}")
            write(f"{row['version']:>6}  {row['adopted_at']}  {row['sha256'][:16]}  {words}\n")
        if not rows:
            write("no rule pack was adopted; nothing expires\n")
        return
    raw = base64.b64decode(client.get(f"/rules/{version}")["pack"])
    for line in lines(read_pack(raw)):
        write(line + "\n")


def lines(pack: RulePack) -> list[str]:
    """A pack in words."""
    head = f"{pack.title}: {pack.jurisdiction}, version {pack.version}, issued {pack.issued}"
    said = [head, f"  at least {pack.floor_months} months, days of {pack.zone}"]
    said += [f"  {_item(item)}" for item in pack.item]
    for case in pack.case:
        which = case.category or "any other case"
        said.append(f"  file of {which}: {_keep(case.keep)}")
    return [shown(line) for line in said]


def _item(item: Item) -> str:
    when = item.when
    conditions = [f"tag {', '.join(when.tag)}"] if when.tag else []
    conditions += [f"case {', '.join(when.case_category)}"] if when.case_category else []
    conditions += ["marked"] if when.marked else []
    what = f"{item.id}: {item.category} · {item.matter} ({_METHODS[item.method]})"
    return f"{what}; when {' and '.join(conditions)}: {_keep(item.keep)}"


def _keep(keep: int | str) -> str:
    words = {"permanent": "for ever", "same-as-case": "as the case's file"}
    return words[keep] if isinstance(keep, str) else f"{keep} months"


def _beside(path: Path) -> Path:
    return path.with_name(path.name + SIGNATURE)


def _signature(path: Path) -> str:
    try:
        return _bytes(_beside(path))[: MAX_SIGNATURE + 1].decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidError(f"{_beside(path)}: not a signature") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
