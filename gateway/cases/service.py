"""Cases: opened, linked and unlinked by statements in the log.

The log comes first. An act is checked under one lock, stated, and its row is written in the
transaction that commits the statement; after a crash between the two, recovery calls the
same ``apply``. A case number never leaves the records: statements name a random token.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases import tags
from gateway.cases.effects import CaseBody, active_link, apply, links_of
from gateway.cases.models import Case, CaseLink, OfficerTag
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.evidence.service import get_clip
from gateway.log.service import Log
from protocols.ids import ClipId, case_urn
from protocols.kinds import CaseLinked, CaseOpened, CaseUnlinked

__all__ = ["CaseBody", "Cases", "NewCase", "NewLink", "apply"]

_TOKEN_BYTES = 16


class CaseUnknownError(NotFoundError):
    """No case of that number."""


class LinkUnknownError(NotFoundError):
    """The clip is not linked to the case."""


class ClipUnknownError(NotFoundError):
    """No clip of that name was logged."""


class CaseDiffersError(ConflictError):
    """The case number is taken by a case with other particulars."""


class LinkDiffersError(ConflictError):
    """The clip is linked to the case already, with other words."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """Particulars of a case to open."""

    case_no: str
    title: str | None
    category: str | None
    unit: str | None
    by: str


@dataclass(frozen=True, slots=True)
class NewLink:
    """A tie to make: which clip, who says so, why and on what ground."""

    clip: ClipId
    by: str
    why: str
    how: str


class Cases:
    """Acts on cases and look-ups."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        # Check and statement belong together: a statement, once logged, cannot be undone.
        self._acting = asyncio.Lock()

    async def open(self, new: NewCase) -> tuple[Case, bool]:
        """Open a case, or find the very same one opened before.

        Returns:
            The case, and whether this call opened it.

        Raises:
            CaseDiffersError: the number is taken and a particular differs.
        """
        async with self._acting:
            case = await self._find(new.case_no)
            if case is not None:
                _check_same_case(case, new)
                return case, False
            body = CaseOpened(
                case=secrets.token_hex(_TOKEN_BYTES),
                case_no=new.case_no,
                title=new.title,
                category=new.category,
                unit=new.unit,
                by=new.by,
            )
            await self._state(body, body.case, ())
            return await self.case(new.case_no), True

    async def link(self, case_no: str, new: NewLink) -> tuple[CaseLink, bool]:
        """Tie a clip to a case, or find the very same tie.

        Returns:
            The link, and whether this call made it.

        Raises:
            CaseUnknownError: no such case. ClipUnknownError: no such clip.
            LinkDiffersError: linked already, by somebody else or for another reason.
        """
        async with self._acting:
            case = await self.case(case_no)
            async with self._database.reading() as session:
                clip = await get_clip(session, new.clip)
                link = await session.scalar(active_link(case.token, new.clip))
            if clip is None:
                raise ClipUnknownError(f"no clip {new.clip} was sealed, as far as the log knows")
            if link is not None:
                _check_same_link(link, new)
                return link, False
            body = CaseLinked.model_validate(
                {
                    "case": case.token,
                    "case_no": case.case_no,
                    "clip": str(new.clip),
                    "link": secrets.token_hex(_TOKEN_BYTES),
                    "by": new.by,
                    "why": new.why,
                    "how": new.how,
                }
            )
            await self._state(body, case.token, (new.clip.clip_urn,))
            return await self._link(body.link), True

    async def follow_tags(self, most: int = 100) -> int:
        """Link clips to the open cases that officers named for them at docks.

        Returns:
            How many tags were looked at; when it is ``most``, there may be more.

        Raises:
            GatewayError: log, store or database could not do it; call again later.
        """
        async with self._database.reading() as session:
            waiting = await tags.waiting(session, most)
        for tag, case in waiting:
            await self._follow(tag, case)
        return len(waiting)

    async def _follow(self, tag: OfficerTag, case: Case) -> None:
        async with self._acting:
            async with self._database.reading() as session:
                done = await tags.is_done(session, tag, case)
            if not done:
                await self._state(tags.act(tag, case), case.token, (tag.clip.clip_urn,))
                return
            async with self._database.session() as session:
                await tags.settle(session, tag)

    async def unlink(self, case_no: str, clip: ClipId, *, by: str, why: str) -> CaseLink:
        """Withdraw a link; it stays on record. The same withdrawal again changes nothing.

        Raises:
            CaseUnknownError: no such case. LinkUnknownError: the clip is not linked to it.
        """
        async with self._acting:
            case = await self.case(case_no)
            async with self._database.reading() as session:
                links = (await session.scalars(links_of(case.token, clip))).all()
            active = next((link for link in links if link.unlink_index is None), None)
            if active is None:
                newest = links[-1] if links else None
                if newest is not None and (newest.unlinked_by, newest.unlink_why) == (by, why):
                    return newest
                raise LinkUnknownError(f"{clip} is not linked to this case")
            body = CaseUnlinked(
                case=case.token,
                case_no=case.case_no,
                clip=str(clip),
                link=active.id,
                by=by,
                why=why,
            )
            await self._state(body, case.token, (clip.clip_urn,))
            return await self._link(active.id)

    # --- look-ups --------------------------------------------------------------------

    async def case(self, case_no: str, *, within: ColumnElement[bool] | None = None) -> Case:
        """One case; what lies beyond ``within``, the asker's reach, is not there.

        Raises:
            CaseUnknownError: no case of exactly that number.
        """
        case = await self._find(case_no, within)
        if case is None:
            raise CaseUnknownError("no case of exactly that number; POST /api/v1/cases opens one")
        return case

    async def case_of(self, token: str, *, within: ColumnElement[bool]) -> Case:
        """One case by its opaque name.

        Raises:
            CaseUnknownError: there is none within reach.
        """
        query = select(Case).where(Case.token == token, within)
        async with self._database.reading() as session:
            found = await session.scalar(query)
        if found is None:
            raise CaseUnknownError("no case of that name")
        return found

    async def find(
        self, *, before: int | None, limit: int, within: ColumnElement[bool] | None = None
    ) -> Sequence[Case]:
        """Cases from the newest back; ``before`` is a log position."""
        query = select(Case).order_by(Case.opened_index.desc()).limit(limit)
        if before is not None:
            query = query.where(Case.opened_index < before)
        if within is not None:
            query = query.where(within)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def links(self, case: Case) -> Sequence[CaseLink]:
        """Every tie ever made to a case, oldest first."""
        async with self._database.reading() as session:
            return (await session.scalars(links_of(case.token, None))).all()

    async def newest_link(self, case_no: str, clip: ClipId) -> CaseLink:
        """The newest tie between a case and a clip, be it withdrawn.

        Raises:
            CaseUnknownError: no such case. LinkUnknownError: the clip never was linked to it.
        """
        case = await self.case(case_no)
        async with self._database.reading() as session:
            links = (await session.scalars(links_of(case.token, clip))).all()
        if not links:
            raise LinkUnknownError(f"{clip} was never linked to this case")
        return links[-1]

    async def links_of_clip(self, clip: ClipId) -> Sequence[tuple[CaseLink, str]]:
        """Every tie ever made to a clip with its case number, oldest first."""
        query = (
            select(CaseLink, Case.case_no)
            .join(Case, Case.token == CaseLink.case)
            .where(CaseLink.dock == clip.dock, CaseLink.epoch == clip.epoch)
            .where(CaseLink.seq == clip.seq)
            .order_by(CaseLink.link_index)
        )
        async with self._database.reading() as session:
            return [(link, case_no) for link, case_no in await session.execute(query)]

    async def linked(
        self, case_no: str, *, within: ColumnElement[bool] | None = None
    ) -> Select[str, int, int]:
        """A select of the clips linked to a case now, for the evidence's filter.

        Raises:
            CaseUnknownError: no such case; an empty list would hide a typing error.
        """
        case = await self.case(case_no, within=within)
        return select(CaseLink.dock, CaseLink.epoch, CaseLink.seq).where(
            CaseLink.case == case.token, CaseLink.unlink_index.is_(None)
        )

    async def _find(self, case_no: str, within: ColumnElement[bool] | None = None) -> Case | None:
        query = select(Case).where(Case.case_no == case_no)
        async with self._database.reading() as session:
            return await session.scalar(query if within is None else query.where(within))

    async def _link(self, link: str) -> CaseLink:
        async with self._database.reading() as session:
            return await session.get_one(CaseLink, link)

    async def _state(self, body: CaseBody, token: str, extra: tuple[str, ...]) -> None:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        await self._log.append_own(body, case_urn(token), extra_subjects=extra, also=also)


def _check_same_case(case: Case, new: NewCase) -> None:
    said = (case.title, case.category, case.unit)
    if said != (new.title, new.category, new.unit):
        raise CaseDiffersError("a case of that number is open with another title, category or unit")


def _check_same_link(link: CaseLink, new: NewLink) -> None:
    if (link.who, link.why, link.how) != (new.by, new.why, new.how):
        raise LinkDiffersError(
            f"{new.clip} is linked to this case already, by or for somebody or something else; "
            "unlink it first to state another reason"
        )
