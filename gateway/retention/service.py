"""Rule packs that were adopted, and how long clips are kept by the one in force.

A pack is adopted when one of the configured keys signed it and its version is higher than any
before: an older one would bring shorter times back. Its file is in the store before the log says
so, and is compared with the log's digest whenever it is read.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError, SetupError, StoreError
from gateway.evidence.models import Clip
from gateway.log.service import Log
from gateway.retention.deciding import Decision, decide
from gateway.retention.effects import apply, newest
from gateway.retention.facts import known_of
from gateway.retention.models import AdoptedRules, rules_key
from gateway.retention.pack import PackError, RulePack, read_pack
from gateway.retention.signing import signed_by
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.keys import PublicKey
from protocols.ids import RULES_URN, ClipId
from protocols.kinds import RulesAdopted, RulesNamed

_event = structlog.get_logger("gateway.retention")
SIGNATURE = ".sig"


class RulesUnknownError(NotFoundError):
    """No rule pack of that version was adopted."""


class RulesOlderError(ConflictError):
    """The version is not higher than the one in force."""


class RulesOtherError(ConflictError):
    """The pack is another jurisdiction's."""


class RulesAuthorityError(ConflictError):
    """This gateway is not set to adopt rules of anybody yet."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules that count now.

    Attributes:
        row: their adoption. pack: what they say; None when the file cannot be had, and then
            nothing ends.
    """

    row: AdoptedRules
    pack: RulePack | None

    @property
    def named(self) -> RulesNamed:
        """For records."""
        return RulesNamed(version=self.row.version, sha256=self.row.sha256.hex())


class Retention:
    """Adopts rule packs and applies the newest."""

    def __init__(
        self,
        database: Database,
        store: Store,
        log: Log,
        clock: GatewayClock,
        keys: Sequence[Path],
    ) -> None:
        """Prepare.

        Args:
            database: the gateway's, as the next three.
            store: keeps packs.
            log: says which one counts.
            clock: tells the time.
            keys: PEM files of the public keys whose packs are adopted; read at each adoption.
        """
        self._database, self._store, self._log, self._clock = database, store, log, clock
        self._keys = keys
        self._acting = asyncio.Lock()
        self._read: tuple[bytes, RulePack] | None = None

    # --- adopting --------------------------------------------------------------------

    async def adopt(
        self, raw: bytes, signature: str, *, by: str, why: str
    ) -> tuple[AdoptedRules, bool]:
        """Adopt a pack, or find the very same one in force.

        Returns:
            Its row, and whether this call adopted it.

        Raises:
            PackError: not a pack. RulesUnsignedError: no key that counts signed it.
            RulesOlderError, RulesOtherError: it may not follow the one in force.
            RulesAuthorityError: a key that counts cannot be read, or there is none.
        """
        pack, digest = read_pack(raw), hashlib.sha256(raw).digest()
        key = signed_by(raw, signature, await self._authorities())
        async with self._acting:
            async with self._database.reading() as session:
                before = await newest(session)
            if before is not None:
                if (before.version, before.sha256) == (pack.version, digest):
                    return before, False
                _refuse_not_following(before, pack)
            place = rules_key(pack.version, digest)
            await self._store.put_bytes(place, raw)
            await self._store.put_bytes(place + SIGNATURE, signature.encode())
            await self._state(pack, digest, key, by, why)
            async with self._database.reading() as session:
                return await session.get_one(AdoptedRules, pack.version), True

    @property
    def trusts_anybody(self) -> bool:
        """Whether any key is set whose packs are adopted."""
        return bool(self._keys)

    async def _authorities(self) -> list[PublicKey]:
        try:
            return await asyncio.to_thread(read_keys, self._keys)
        except SetupError as error:
            # Whoever adopts is told what an operator has to mend; nothing here is a fault of ours.
            raise RulesAuthorityError(f"{error}; an operator sets it, then restarts") from error

    async def _state(
        self, pack: RulePack, digest: bytes, key: PublicKey, by: str, why: str
    ) -> None:
        body = RulesAdopted(
            jurisdiction=pack.jurisdiction,
            rules=RulesNamed(version=pack.version, sha256=digest.hex()),
            kid=key.kid.hex(),
            by=by,
            why=why,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        await self._log.append_own(body, RULES_URN, also=also)
        _event.warning("rules.adopted", version=pack.version, jurisdiction=pack.jurisdiction)

    # --- packs -----------------------------------------------------------------------

    async def adopted(self) -> Sequence[AdoptedRules]:
        """Every pack that was adopted, the one in force first."""
        query = select(AdoptedRules).order_by(AdoptedRules.version.desc())
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def file(self, version: int) -> tuple[AdoptedRules, bytes, str]:
        """A pack that was adopted, its file and its signature.

        Raises:
            RulesUnknownError: there is none. StoreError: the file is not there, or another one.
        """
        async with self._database.reading() as session:
            row = await session.get(AdoptedRules, version)
        if row is None:
            raise RulesUnknownError(f"no rule pack of version {version} was adopted")
        raw = await self._store.get_bytes(row.key)
        if hashlib.sha256(raw).digest() != row.sha256:
            raise StoreError(f"{row.key}: not the file that was adopted; restore it")
        return row, raw, (await self._store.get_bytes(row.key + SIGNATURE)).decode()

    async def in_force(self) -> InForce | None:
        """The rules that count now; None when none were adopted."""
        async with self._database.reading() as session:
            row = await newest(session)
        if row is None:
            return None
        if self._read is None or self._read[0] != row.sha256:
            try:
                _, raw, _ = await self.file(row.version)
                self._read = row.sha256, read_pack(raw)
            except (StoreError, PackError) as error:
                # What cannot be read keeps everything, and somebody is told.
                _event.error("rules.unreadable", version=row.version, reason=str(error))
                return InForce(row, None)
        return InForce(row, self._read[1])

    # --- answers ---------------------------------------------------------------------

    async def of_clips(self, rows: Sequence[Clip], rules: InForce | None) -> dict[ClipId, Decision]:
        """How long each of these clips is kept."""
        async with self._database.reading() as session:
            return await decided(session, rows, rules)

    def now(self) -> datetime:
        """The time, by the gateway's clock."""
        return self._clock.now()


async def decided(
    session: AsyncSession, rows: Sequence[Clip], rules: InForce | None
) -> dict[ClipId, Decision]:
    """How long each of these clips is kept, by what the caller's transaction sees."""
    pack = None if rules is None else rules.pack
    known = await known_of(session, rows)
    return {clip: decide(each, pack) for clip, each in known.items()}


def read_keys(paths: Sequence[Path]) -> list[PublicKey]:
    """The public keys whose packs count.

    Raises:
        SetupError: there is none, or one cannot be read.
    """
    if not paths:
        raise SetupError("[retention] keys names no authority whose rules are adopted")
    keys = []
    for path in paths:
        try:
            keys.append(PublicKey.from_pem(path.read_bytes()))
        except (OSError, HashingError) as error:
            raise SetupError(f"[retention] keys: {path}: {error}") from error
    return keys


def _refuse_not_following(before: AdoptedRules, pack: RulePack) -> None:
    if pack.jurisdiction != before.jurisdiction:
        raise RulesOtherError(
            f"the rules in force are of {before.jurisdiction}; a gateway has one jurisdiction"
        )
    if pack.version <= before.version:
        raise RulesOlderError(
            f"version {before.version} is in force; {pack.version} is not newer: the authority "
            "signs what it wants changed under a higher version"
        )
