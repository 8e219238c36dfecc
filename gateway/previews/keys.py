"""Keys of encrypted recordings: tried, stated in the log, kept beside it, never told again.

A camera may encrypt what it records (Common Encryption, ISO/IEC 23001-7). The original stays as it
was sealed, and is exported so; its key opens it for copies alone. The log learns that a key was
supplied, by whom and why, and a digest by which a key can be recognised and not found.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clip
from gateway.log.service import Log
from gateway.previews import wanted
from gateway.previews.maker import GivenUpError, Maker, Original
from gateway.previews.models import ClipKey
from gateway.previews.originals import original_of
from gateway.previews.service import Previews
from gateway.previews.wanted import Kind
from gateway.storage.store import Store
from gateway.vault import Vault, VaultError
from protocols.ids import ClipId
from protocols.kinds import ClipKeySupplied

SCHEME: Final = "ISO/IEC 23001-7"
_TOKEN_BYTES = 16
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key for a clip: who supplies it and why. ``key`` has 32 hex digits."""

    key: str = field(repr=False)
    by: str
    why: str


class ClipKeys:
    """Takes keys, and gives them to nobody but the maker of copies."""

    def __init__(
        self, database: Database, store: Store, log: Log, previews: Previews, vault: Vault
    ) -> None:
        self._database, self._store, self._log = database, store, log
        self._previews, self._vault = previews, vault
        # One at a time: each costs a process, and nobody is to try many.
        self._trying = asyncio.Lock()

    async def supply(self, clip: Clip, new: NewKey) -> tuple[ClipKeySupplied, int]:
        """Try a key, state that it was supplied, keep it, and let copies be made with it.

        Returns:
            What was stated, and its position in the log.

        Raises:
            GivenUpError: it does not open the clip, or the clip is not encrypted; nothing is
                stated.
            GatewayError: the log cannot take it now; nothing is kept.
        """
        async with self._trying, original_of(clip, self._store, new.key) as original:
            await asyncio.to_thread(_try, original)
        salt = os.urandom(_SALT_BYTES)
        body = ClipKeySupplied(
            clip=str(clip.id),
            supply=secrets.token_hex(_TOKEN_BYTES),
            scheme=SCHEME,
            salt=salt.hex(),
            digest=(await asyncio.to_thread(digest_of, new.key, salt)).hex(),
            by=new.by,
            why=new.why,
        )
        sealed = self._vault.seal(_purpose(clip.id), bytes.fromhex(new.key))

        async def also(session: AsyncSession, indices: list[int]) -> None:
            row = await get_clip(session, clip.id)
            if row is None or row.state != ClipState.STORED:
                # Disposed of while the key was tried: nothing would ever take it away.
                raise GivenUpError(wanted.MISSING)
            await apply(session, body, indices[0], sealed=sealed)

        said = await self._log.append_own(body, clip.id.clip_urn, also=also)
        await self._previews.ask(clip.id, Kind, again=True)
        return body, said.index

    async def of(self, clip: ClipId) -> str | None:
        """The key of a clip as 32 hex digits; None when there is none.

        Raises:
            GivenUpError: there was one, and it cannot be read here any more.
        """
        async with self._database.reading() as session:
            row = await session.get(ClipKey, (clip.dock, clip.epoch, clip.seq))
        if row is None:
            return None
        if row.sealed is None:
            raise GivenUpError(wanted.KEY_AWAY)
        try:
            return self._vault.open(_purpose(clip), row.sealed).hex()
        except VaultError as error:
            raise GivenUpError(wanted.KEY_AWAY) from error


async def apply(
    session: AsyncSession, body: ClipKeySupplied, index: int, *, sealed: bytes | None = None
) -> None:
    """Keep a key that was stated; the newest counts, and the same again changes nothing.

    Args:
        session: the transaction of ``clip.key.supplied``.
        body: what was stated.
        index: its position in the log.
        sealed: the key; None for recovery, which has none: it is to be supplied again.
    """
    clip = ClipId.parse(body.clip)
    known = await get_clip(session, clip)
    if known is None or known.state == ClipState.DISPOSED:
        return
    row = await session.get(ClipKey, (clip.dock, clip.epoch, clip.seq))
    if row is None:
        row = ClipKey(dock=clip.dock, epoch=clip.epoch, seq=clip.seq, key_index=-1)
        session.add(row)
    if row.key_index < index:
        row.key_index, row.sealed = index, sealed
    await session.flush()


def digest_of(key: str, salt: bytes) -> bytes:
    """By which a key that somebody shows is recognised; slow, as some come from passwords.

    scrypt (RFC 7914), N 16384, r 8, p 1, over the key's 16 bytes.
    """
    return hashlib.scrypt(bytes.fromhex(key), salt=salt, n=1 << 14, r=8, p=1, dklen=32)


def _purpose(clip: ClipId) -> str:
    return f"key of {clip}"


def _try(original: Original) -> None:
    maker = Maker(max_height=0)
    try:
        maker.try_key(original)
    finally:
        maker.close()
