"""The dock's statement key gives way to a new one, at the request of whoever looks after the dock.

What counts is the ledger: one transaction states ``key.rotated`` under the old key and notes which
key signs from there on. Key files only follow it:

1. the new key is made beside the old one, as ``NAME.next``, durable before anything is stated;
2. the ledger states it: from that commit on the new key signs, and no other;
3. the new key takes the old one's name, which ends the old one.

After a power cut between any two of these the ledger says which of the files is called for
(``signer_for``), and a start finishes what was begun. A key in a token, or a credential of the
unit, is made by the operator before (``keygen``) and named; the ledger remembers where it is.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from edge import durable, keys
from edge.config import Config, KeyPlace, key_file
from edge.crashpoints import reach
from edge.desk_acts import Line, Text, declined, problem
from edge.errors import EdgeError, KeyFileError, LedgerDamaged, TokenAway
from edge.ledger import Ledger
from edge.schema import database_error, open_for_reading
from edge.signals import Signals
from hashing.keys import Es256Signer, Signer
from tokens.errors import TokenUriError
from tokens.uri import TokenKey, key_place

log = structlog.get_logger()

NEXT: Final = ".next"
_FIXED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def next_to(path: Path) -> Path:
    """Where a key that is to follow another lies until it takes its name."""
    return path.with_name(f"{path.name}{NEXT}")


def sweep(config: Config) -> None:
    """Remove what a power cut left of writing this dock's keys; blocks."""
    tls = config.uplink.tls
    for file in (key_file(config.dock.key), None if tls is None else tls.key):
        if file is not None:
            for each in (file, next_to(file)):
                keys.sweep(each)


def signer_for(config: Config) -> Signer:
    """The one key that the ledger calls for, put in its place if a rotation was cut off; blocks.

    Raises:
        KeyFileError: none that can be read is the one; says what to do.
        TokenAway: the token is not there.
        LedgerError: the ledger cannot be read.
    """
    place, wanted = config.dock.key, _called_for(config.database)
    beside = next_to(place) if isinstance(place, Path) else None
    if wanted is None:
        if beside is not None and beside.exists():
            raise KeyFileError(
                f"there are two keys, {place} and {beside}, and no ledger that says which one "
                "signs. Move away the one whose public key the gateway does not have"
            )
        return keys.load(place)
    unusable: KeyFileError | TokenAway | None = None
    for candidate in _candidates(place, beside, wanted[1]):
        try:
            signer = keys.load(candidate)
        except (KeyFileError, TokenAway) as error:
            unusable = unusable or error
            continue
        if signer.public.kid.hex() == wanted[0]:
            if candidate == beside and isinstance(place, Path):
                _settle(beside, place)
            return signer
    if unusable is not None:
        raise unusable
    # The ledger says by itself that this is not its key.
    return keys.load(place)


def _called_for(database: Path) -> tuple[str, str | None] | None:
    """The key id that the ledger goes on with, and where such a key was said to be."""
    if not database.exists():
        return None
    try:
        with closing(open_for_reading(database)) as connection:
            facts = dict(
                connection.execute(
                    "SELECT name, value FROM facts WHERE name IN ('kid', 'key-place')"
                ).fetchall()
            )
    except sqlite3.Error as error:
        raise database_error(error, f"ledger {database}") from error
    return (facts["kid"], facts.get("key-place")) if "kid" in facts else None


def _candidates(place: KeyPlace, beside: Path | None, told: str | None) -> Iterator[KeyPlace]:
    yield place
    if beside is not None and beside.exists():
        yield beside
    if told is not None:
        try:
            yield key_place(told)
        except TokenUriError as error:
            raise KeyFileError(f"the ledger names a key that cannot be found: {error}") from error


def _settle(beside: Path, place: Path) -> None:
    """Give the new key the old one's name; what is a credential stays for the operator to name."""
    try:
        beside.replace(place)
        durable.fsync_dir(place.parent)
    except OSError as error:
        if error.errno not in _FIXED:
            raise KeyFileError(f"cannot put {beside} in its place: {error.strerror}") from error
        log.warning("key.not-in-place", key=str(beside), instead_of=str(place))
    reach("rotate.placed")


def _placed(beside: Path, place: Path) -> Path:
    """Settle a key that is stated already: what fails now is done at the next start."""
    try:
        _settle(beside, place)
    except KeyFileError as error:
        log.warning("key.not-in-place", key=str(beside), reason=str(error))
    return beside if beside.exists() else place


class Asked(BaseModel):
    """The question ``rotate-key``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cmd: Literal["rotate-key"]
    by: Line
    reason: Text
    key: str | None = None


class KeyRotation:
    """Rotates the key of a running dock.

    Args:
        place: of the key that the settings name.
        ledger: states it.
        signals: rung when it is stated.
        follow: told of the new key, for those who watch whether it can be reached.
        before: raises EdgeError where no key may be given up now.
    """

    def __init__(
        self,
        place: KeyPlace,
        ledger: Ledger,
        signals: Signals,
        follow: Callable[[Signer], None] = lambda _: None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._signals = signals
        self._follow = follow
        self._before = before
        self._one = asyncio.Lock()

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answer ``rotate-key``; what is not done gets an ``error`` that says why."""
        try:
            asked = Asked.model_validate(question)
            async with self._one:
                told = await asyncio.to_thread(self.rotate, asked)
        except ValidationError as error:
            return problem(error)
        except LedgerDamaged:
            raise
        except EdgeError as error:
            return declined(error.declined, str(error))
        self._signals.ledger.ring()
        return told

    def rotate(self, asked: Asked) -> dict[str, Any]:
        """Make the new key, state it, put it in place; blocks.

        Returns:
            The entry that states it, the new key's id, and where that key is.

        Raises:
            KeyFileError: the new key cannot be made, or is not there; nothing was stated.
            TokenAway: its token is not there; nothing was stated.
            EnrolmentLater: the way to the gateway has to be secured first.
            LedgerError: nothing was stated.
        """
        self._before()
        new, where = self._new(asked.key)
        reach("rotate.key-made")
        told = None if asked.key is None else str(where)
        entry = self._ledger.rotate_key(new, by=asked.by, reason=asked.reason, place=told)
        reach("rotate.stated")
        self._follow(new)
        place = self._place
        if asked.key is None and isinstance(place, Path) and isinstance(where, Path):
            where = _placed(where, place)
        log.info("key.rotated", entry=str(entry), kid=new.public.kid.hex())
        kid = new.public.kid.hex()
        return {"entry": str(entry), "kid": kid, "key": str(where), "public": new.public.pem()}

    def _new(self, named: str | None) -> tuple[Signer, KeyPlace]:
        if named is not None:
            try:
                place = key_place(named)
            except TokenUriError as error:
                raise KeyFileError(str(error)) from error
            file = key_file(place)
            if file is not None and not file.is_absolute():
                raise KeyFileError(f"{named}: name it from / on; the dock runs elsewhere")
            return keys.load(place), place
        if isinstance(self._place, TokenKey):
            raise KeyFileError(
                "this dock's key is in a token: make the new one there with `evidock-edge keygen "
                "--out pkcs11:...` and name it with --key"
            )
        beside = next_to(self._place)
        if beside.exists() and keys.load(beside).public == self._ledger.public:
            # Of the rotation before, which could not be put in its place then.
            _settle(beside, self._place)
        # One that was made and never stated serves as well as another.
        return (keys.load(beside) if beside.exists() else _made(beside)), beside


def _made(path: Path) -> Signer:
    signer = Es256Signer.generate()
    try:
        durable.write_atomic(path, signer.pem(), 0o600)
    except OSError as error:
        raise KeyFileError(
            f"cannot make the new key {path}: {error.strerror}. Where the dock may not write, make "
            "one with `evidock-edge keygen` and name it with --key"
        ) from error
    return signer
