"""Which key speaks for a dock whose newest entries have not arrived: the log's, and what it showed.

A rotation that a dock shows with its proof changes no key; the log does that when the entry comes.
But it is a statement under the key that it gives up, so from then on that key renews nothing. It
is kept in the store beside the TLS key that was certified on it, and counts for as long as that is
not revoked: an operator who finds that a thief of the old key was first revokes his certificate.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.ca.service import Authority
from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.docks.service import Docks
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.errors import LogDamagedError
from gateway.intake import alarms
from gateway.log.service import Log
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.ledger import DockHead, DockLink
from hashing.statement import decode_statement, verify_statement
from protocols.enrolment import RenewalClaim
from protocols.errors import EnrolmentError, RotationError
from protocols.following import SignedRotation, open_shown
from protocols.ids import DockId
from protocols.rotation import DockKeys, Place, Rotation

SHOWN: Final = "ca/shown"
_event = structlog.get_logger("gateway.enrolment")


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a dock's keys lead.

    Attributes:
        keys: of the log, and what was shown.
        fresh: rotations of which the log has nothing yet, and where each stands.
    """

    keys: DockKeys
    fresh: tuple[tuple[Place, SignedRotation], ...]


class Following:
    """Follows rotations, remembers those it was shown, and tells people of two that disagree."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: GatewayClock,
        log: Log,
        docks: Docks,
        authority: Authority,
    ) -> None:
        self._database, self._store, self._clock = database, store, clock
        self._log, self._docks, self._authority = log, docks, authority

    async def follow(self, dock: DockId, shown: tuple[SignedRotation, ...]) -> Followed:
        """Follow a dock's keys from the log over what it showed before to what it shows now.

        Raises:
            EnrolmentRefusedError: ``rotation-wrong``, or ``rotation-contested``, with an alarm.
            GatewayError: database or store do not answer.
        """
        # In this order: what is logged in between is among the keys, and not only in the head.
        head = await self._log.dock_head(dock)
        keys = await self._docks.keys(dock)
        if keys is None:
            raise EnrolmentRefusedError("dock-unknown", f"{dock} is not on the log")
        keys = await self._remembered(dock, keys)
        fresh: list[tuple[Place, SignedRotation]] = []
        for each in shown:
            rotation, statement_hash = await self._opened(dock, keys, each)
            place = rotation.place
            if any((known.place, known.key) == (place, rotation.key) for known in keys.rotations):
                fresh.append((place, each))
                continue
            await self._must_be_new(dock, keys, head, rotation, statement_hash)
            try:
                keys = keys.after(rotation)
            except RotationError as error:
                raise _wrong(str(error)) from error
            fresh.append((place, each))
        logged = (-1, -1) if head is None else (head.epoch, head.seq)
        return Followed(keys, tuple(each for each in fresh if each[0] > logged))

    async def verify(
        self, claim: RenewalClaim, keys: DockKeys, *, roots: Sequence[bytes], csr: bytes
    ) -> None:
        """Check that the newest key signed a proof, for a root that this gateway has or had.

        Raises:
            EnrolmentRefusedError: ``proof-wrong``; or ``key-given-up``, with an alarm.
        """
        if _holds(claim, keys.newest, roots, csr):
            return
        for rotation in keys.rotations:
            if _holds(claim, rotation.previous, roots, csr):
                await self._alarm(claim.dock, rotation.place, "a proof")
                raise EnrolmentRefusedError("key-given-up", _given_up(rotation))
        reason = "the proof does not hold: it is not by the key that the gateway knows"
        raise EnrolmentRefusedError("proof-wrong", reason)

    async def remember(self, dock: DockId, followed: Followed, tls_kid: bytes) -> None:
        """Keep what was shown, before a certificate is issued on it; again changes nothing."""
        for (epoch, seq), each in followed.fresh:
            said = {
                "statement": base64.b64encode(each.statement).decode(),
                "record": base64.b64encode(each.record).decode(),
                "tls_kid": tls_kid.hex(),
            }
            key = f"{SHOWN}/{dock}/{epoch:012}.{seq:020}.{tls_kid.hex()}"
            if not await self._store.exists(key):
                await self._store.put_bytes(key, json.dumps(said).encode())
                _event.warning("rotation.shown", dock=dock, at=f"{epoch}.{seq}")
        reach("enrolment.rotation-kept")

    # --- one step each ---------------------------------------------------------------

    async def _remembered(self, dock: DockId, keys: DockKeys) -> DockKeys:
        revoked = {
            row.kid
            for row in await self._authority.certificates(dock)
            if row.revoked_at is not None
        }
        async for key in self._store.iterate(f"{SHOWN}/{dock}"):
            tls_kid, each = _kept(key, await self._store.get_bytes(key))
            if tls_kid in revoked:
                continue
            try:
                rotation, _ = open_shown(each, dock, keys)
                keys = keys.after(rotation)
            except RotationError:
                # The log went another way, or has it by now: it counts, and this does not.
                continue
        return keys

    async def _opened(
        self, dock: DockId, keys: DockKeys, shown: SignedRotation
    ) -> tuple[Rotation, bytes]:
        try:
            return open_shown(shown, dock, keys)
        except RotationError as error:
            gone = _signed_by_given_up(shown, keys)
            if gone is not None:
                await self._alarm(dock, gone.place, "another rotation")
                raise EnrolmentRefusedError("rotation-contested", _given_up(gone)) from error
            raise _wrong(str(error)) from error

    async def _must_be_new(
        self,
        dock: DockId,
        keys: DockKeys,
        head: DockHead | None,
        rotation: Rotation,
        statement_hash: bytes,
    ) -> None:
        """Refuse one for whose place there is another entry already, or whose key is taken."""
        logged = (-1, -1) if head is None else (head.epoch, head.seq)
        where = f"{rotation.place[0]}.{rotation.place[1]}"
        if rotation.place <= max(logged, keys.last_place):
            epoch, seq = rotation.place
            for entry in await self._log.dock_entries(dock, epoch, seq, seq):
                if entry.statement_hash == statement_hash:
                    raise _wrong(f"the log has entry {where}, and set it aside")
            await self._alarm(dock, rotation.place, "another rotation")
            reason = f"{dock} is known to have gone on otherwise at its entry {where}"
            raise EnrolmentRefusedError("rotation-contested", reason)
        if await self._docks.speaker(rotation.key.kid) is not None:
            raise _wrong("the key it rotates to is or was somebody's already")

    async def _alarm(self, dock: DockId, place: Place, what: str) -> None:
        async with self._database.session() as session:
            await _raise(session, dock, place, what, self._clock.read().utc)
        _event.error("rotation.contested", dock=dock, at=f"{place[0]}.{place[1]}", by=what)


def _kept(key: str, raw: bytes) -> tuple[bytes, SignedRotation]:
    try:
        said = json.loads(raw)
        found = [base64.b64decode(said[part], validate=True) for part in ("statement", "record")]
        return bytes.fromhex(said["tls_kid"]), SignedRotation(*found)
    except (ValueError, KeyError, TypeError) as error:
        raise LogDamagedError(f"{key} is no rotation; restore the store") from error


async def _raise(session: AsyncSession, dock: DockId, place: Place, what: str, at: str) -> None:
    await alarms.raise_alarm(
        session,
        dock=dock,
        by=alarms.BY_GATEWAY,
        code=alarms.ROTATION_CONTESTED,
        about=None,
        text=f"{what} was signed with a key that {dock} gave up at its entry "
        f"{place[0]}.{place[1]}: an old copy of the dock, or of its key, is in use. It got "
        "nothing by it. Look which certificate is whose, and revoke the other",
        since=at,
    )


def _holds(claim: RenewalClaim, key: PublicKey, roots: Sequence[bytes], csr: bytes) -> bool:
    for root in roots:
        with contextlib.suppress(EnrolmentError):
            claim.verify(key, root=root, csr=csr)
            return True
    return False


def _signed_by_given_up(shown: SignedRotation, keys: DockKeys) -> Rotation | None:
    """The rotation after which whoever signed this had no key any more; None for any other."""
    try:
        statement = decode_statement(shown.statement)
    except HashingError:
        return None
    link = statement.chain
    if not isinstance(link, DockLink):
        return None
    for rotation in keys.rotations:
        if rotation.place < (link.epoch, link.seq):
            try:
                verify_statement(statement, rotation.previous)
            except HashingError:
                continue
            return rotation
    return None


def _given_up(rotation: Rotation) -> str:
    place = f"{rotation.place[0]}.{rotation.place[1]}"
    return f"that key was given up at entry {place}: an old copy of the dock is in use"


def _wrong(reason: str) -> EnrolmentRefusedError:
    return EnrolmentRefusedError("rotation-wrong", reason)
