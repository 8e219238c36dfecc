"""Invitations: made by an operator, good once, for a short time, for two keys and no others.

A name that is on the log is only ever invited with the statement key it has there. Who knows a
token knows why it is refused; to anybody else every token is wrong alike.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks.service import Docks, DockUnknownError
from gateway.enrolment.models import Invitation
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.errors import ConflictError, InvalidError, NotFoundError
from gateway.intake import alarms
from hashing.keys import KeyKind
from protocols.enrolment import TOKEN_BYTES, TOKEN_LIFE_S, token_digest, token_of
from protocols.errors import EnrolmentError, IdError
from protocols.ids import DockId, dock_id

_LIFE: Final = timedelta(seconds=TOKEN_LIFE_S)
_SET_BACK: Final = timedelta(minutes=1)
"""Less than that is a clock being kept right."""
_event = structlog.get_logger("gateway.enrolment")


class InvitationUnknownError(NotFoundError):
    """No invitation of that number was made."""


class DockRevokedError(ConflictError):
    """The dock was revoked; its name is never used again."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of a dock, by SHA-256 of their SubjectPublicKeyInfo."""

    tls: bytes
    statement: bytes


class Invitations:
    """Makes, judges, binds and ends them."""

    def __init__(self, database: Database, clock: GatewayClock, docks: Docks) -> None:
        self._database, self._clock, self._docks = database, clock, docks
        self._began_s = clock.running_s()
        self._until: dict[int, float] = {}

    async def invite(self, dock: str, by: str) -> tuple[Invitation, str]:
        """Let a dock enrol; an earlier invitation of the name that is still open is replaced.

        Args:
            dock: its name.
            by: who invites it.

        Returns:
            The invitation and its token, which is known nowhere else.

        Raises:
            InvalidError: not a dock's name. DockRevokedError: the dock was revoked.
        """
        try:
            name = dock_id(dock)
        except IdError as error:
            raise InvalidError(str(error)) from error
        statement_kid = await self._enrolled_kid(name)
        token, now = token_of(secrets.token_bytes(TOKEN_BYTES)), self._clock.now()
        row = Invitation(
            dock=name,
            token=token_digest(token),
            made_by=by,
            made_at=now,
            expires_at=now + _LIFE,
            statement_kid=statement_kid,
        )
        async with self._database.session() as session:
            before = await _open_of(session, name)
            if before is not None:
                # A dock that was cut half-way goes on with the keys it has begun with.
                row.tls_kid, row.bound_at = before.tls_kid, before.bound_at
                row.statement_kid = row.statement_kid or before.statement_kid
                before.withdrawn_at = now
            session.add(row)
            await session.flush()
        running = self._clock.running_s()
        # What has passed is over without being remembered, too.
        self._until = {each: until for each, until in self._until.items() if until > running}
        self._until[row.id] = running + TOKEN_LIFE_S
        _event.info("dock.invited", dock=name, invitation=row.id, by=by)
        return row, token

    async def judge(self, dock: str, token: str) -> Invitation:
        """The invitation that a token stands for; a used one too, whose keys are to be compared.

        Raises:
            EnrolmentRefusedError: there is none, or it was withdrawn or has expired.
        """
        try:
            digest = token_digest(token)
        except EnrolmentError:
            digest = b""
        async with self._database.reading() as session:
            row = await session.scalar(select(Invitation).where(Invitation.token == digest))
        if row is None or row.dock != dock:
            raise EnrolmentRefusedError(
                "token-wrong",
                "no invitation of this dock has that token: it is mistyped, or for another dock",
            )
        self._refuse_over(row)
        return row

    async def compare(self, row: Invitation, keys: Keys) -> None:
        """Refuse an invitation that is used up, or bound to other keys; that is an alarm, too.

        Bound to others comes first: to the dock it was made for, "used" would sound as if that
        had been itself, when somebody was quicker with a copy of the invitation.

        Raises:
            EnrolmentRefusedError: either.
        """
        if row.bound_at is not None and not _fits(row, keys):
            await self._alarm(row)
            raise _bound(row)
        if row.used_at is not None:
            raise EnrolmentRefusedError(
                "token-used", "this invitation was used; its TLS certificate is to be used now"
            )

    async def bind(self, row: Invitation, keys: Keys) -> None:
        """Tie an invitation to the two keys it is used with; the same again changes nothing.

        Raises:
            EnrolmentRefusedError: it is tied to others, or over.
        """
        async with self._database.session() as session:
            fresh = await session.get_one(Invitation, row.id)
            self._refuse_over(fresh)
            if fresh.used_at is not None or not _fits(fresh, keys):
                raise _bound(fresh)
            fresh.tls_kid, fresh.statement_kid = keys.tls, keys.statement
            fresh.bound_at = fresh.bound_at or self._clock.now()

    async def ended_by_use(self, dock: DockId, tls_kid: bytes) -> None:
        """A dock has used its TLS certificate: its token is of no more use to anybody."""
        mine = (Invitation.dock == dock, Invitation.tls_kid == tls_kid)
        still = (Invitation.used_at.is_(None), Invitation.withdrawn_at.is_(None))
        async with self._database.reading() as session:
            found = await session.scalar(select(Invitation.id).where(*mine, *still))
        if found is not None:
            async with self._database.session() as session:
                now = self._clock.now()
                await session.execute(update(Invitation).where(*mine, *still).values(used_at=now))
            _event.info("invitation.used", dock=dock, invitation=found)

    async def withdraw(self, number: int) -> Invitation:
        """End an invitation; one that is over stays as it is.

        Raises:
            InvitationUnknownError: there is none of that number.
        """
        async with self._database.session() as session:
            row = await session.get(Invitation, number)
            if row is None:
                raise InvitationUnknownError(f"there is no invitation {number}")
            if row.used_at is None and row.withdrawn_at is None:
                row.withdrawn_at = self._clock.now()
                which = {"dock": row.dock, "by": alarms.BY_GATEWAY, "code": alarms.CONTESTED}
                await alarms.clear_alarm(session, **which, about=None)
                _event.info("invitation.withdrawn", dock=row.dock, invitation=row.id)
        return row

    async def listing(self) -> Sequence[Invitation]:
        """The newest hundred, newest first."""
        newest = select(Invitation).order_by(Invitation.id.desc()).limit(100)
        async with self._database.reading() as session:
            return (await session.scalars(newest)).all()

    def state(self, row: Invitation) -> str:
        """Where an invitation stands, in one word."""
        if row.used_at is not None:
            return "used"
        if row.withdrawn_at is not None:
            return "withdrawn"
        if row.bound_at is not None:
            return "begun"
        return "expired" if self._is_late(row) else "open"

    async def _enrolled_kid(self, name: DockId) -> bytes | None:
        try:
            row = await self._docks.dock(name)
        except DockUnknownError:
            return None
        if row.revoked_index is not None:
            raise DockRevokedError(f"{name} was revoked; names are never used again")
        key = await self._docks.key(name)
        if key is None or key.kind is not KeyKind.P256:
            raise ConflictError(f"{name} is enrolled with a key that certificates are not made for")
        return key.kid

    async def _alarm(self, row: Invitation) -> None:
        async with self._database.session() as session:
            await alarms.raise_alarm(
                session,
                dock=row.dock,
                by=alarms.BY_GATEWAY,
                code=alarms.CONTESTED,
                about=None,
                text=f"invitation {row.id} of {row.dock} was used with two pairs of keys: somebody "
                "has a copy of it, or the dock lost its keys. Find out which keys are the dock's",
                since=self._clock.read().utc,
            )

    def _refuse_over(self, row: Invitation) -> None:
        if row.withdrawn_at is not None:
            raise EnrolmentRefusedError(
                "token-withdrawn", "this invitation was withdrawn or replaced; ask for a new one"
            )
        if row.bound_at is None and self._is_late(row):
            late = self._clock.now() - row.expires_at
            ago = f" {_minutes(late)} ago" if late >= timedelta() else ", by time that nobody sets"
            raise EnrolmentRefusedError(
                "token-expired", f"this invitation expired{ago}; ask for a new one"
            )

    def _is_late(self, row: Invitation) -> bool:
        """Whether its time is over, by the clock or by the time that has passed on this host.

        A clock that is set back must give nobody more time: who stole an old invitation may well
        have a hand in the network's time.
        """
        now, running = self._clock.now(), self._clock.running_s()
        # One that was made before this program started has no longer than one made at its start.
        until = self._until.get(row.id, self._began_s + TOKEN_LIFE_S)
        return now >= row.expires_at or now < row.made_at - _SET_BACK or running >= until


async def _open_of(session: AsyncSession, dock: DockId) -> Invitation | None:
    return await session.scalar(
        select(Invitation)
        .where(
            Invitation.dock == dock,
            Invitation.used_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .order_by(Invitation.id.desc())
    )


def _fits(row: Invitation, keys: Keys) -> bool:
    pairs = ((row.tls_kid, keys.tls), (row.statement_kid, keys.statement))
    return all(bound in {None, asked} for bound, asked in pairs)


def _bound(row: Invitation) -> EnrolmentRefusedError:
    if row.bound_at is None:
        return EnrolmentRefusedError(
            "statement-key", f"{row.dock} is enrolled with another statement key, and keeps it"
        )
    return EnrolmentRefusedError(
        "keys-bound",
        f"this invitation was used with other keys on {_moment(row.bound_at)}: by somebody else, "
        f"or by {row.dock} before it lost them; an operator has to withdraw it",
    )


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _minutes(span: timedelta) -> str:
    return f"{max(1, round(span.total_seconds() / 60))} min"
