"""Look-ups over cases and links, through every number that a case has or had."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, select

from gateway.cases.details import CaseExcuse, CaseNumber
from gateway.cases.effects import links_of
from gateway.cases.models import Case, CaseLink
from gateway.cases.searching import CaseFilter, query
from gateway.db import Database
from gateway.errors import NotFoundError
from protocols.ids import ClipId


class CaseUnknownError(NotFoundError):
    """No case of that number."""


class LinkUnknownError(NotFoundError):
    """The clip is not linked to the case."""


class CaseLookups:
    """What is known of cases; whatever takes a number takes a former one, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def case(self, case_no: str, *, within: ColumnElement[bool] | None = None) -> Case:
        """The case that answers under a number now; see ``number`` for what the number was.

        Args:
            case_no: any number that it, or a case that became part of it, has or had.
            within: the asker's reach; what lies beyond is not there.

        Raises:
            CaseUnknownError: no case of exactly that number.
        """
        case = await self._find(case_no, within)
        if case is None:
            raise CaseUnknownError("no case of exactly that number; POST /api/v1/cases opens one")
        return case

    async def case_of(self, token: str, *, within: ColumnElement[bool]) -> Case:
        """One case by its opaque name; its survivor when it became part of another.

        Raises:
            CaseUnknownError: there is none within reach.
        """
        async with self._database.reading() as session:
            row = await session.get(Case, token)
            token = token if row is None else row.survivor or row.token
            found = await session.scalar(select(Case).where(Case.token == token, within))
        if found is None:
            raise CaseUnknownError("no case of that name")
        return found

    async def number(self, case_no: str) -> CaseNumber:
        """A number, to which case it was given and which answers under it now.

        Raises:
            CaseUnknownError: no case ever had it.
        """
        async with self._database.reading() as session:
            found = await session.get(CaseNumber, case_no)
        if found is None:
            raise CaseUnknownError("no case of exactly that number")
        return found

    async def numbers_of(self, tokens: Collection[str]) -> dict[str, str]:
        """The numbers that cases have now, by their opaque names; those of merged ones, too."""
        query = select(Case.token, Case.case_no).where(Case.token.in_(tokens))
        async with self._database.reading() as session:
            return {row.token: row.case_no for row in await session.execute(query)}

    async def numbers(self, case: Case) -> Sequence[CaseNumber]:
        """Every number under which a case answers, oldest first."""
        of_case = select(CaseNumber).where(CaseNumber.case == case.token)
        async with self._database.reading() as session:
            return (await session.scalars(of_case.order_by(CaseNumber.since_index))).all()

    async def parts(self, case: Case) -> Sequence[Case]:
        """The cases that became part of one, oldest first."""
        of_case = select(Case).where(Case.survivor == case.token).order_by(Case.opened_index)
        async with self._database.reading() as session:
            return (await session.scalars(of_case)).all()

    async def excuses(self, case: Case) -> Sequence[CaseExcuse]:
        """Why footage of stages is missing, oldest first."""
        of_case = select(CaseExcuse).where(CaseExcuse.case == case.token)
        async with self._database.reading() as session:
            return (await session.scalars(of_case.order_by(CaseExcuse.excuse_index))).all()

    async def find(
        self,
        *,
        before: int | None = None,
        limit: int,
        within: ColumnElement[bool] | None = None,
        wanted: CaseFilter | None = None,
    ) -> Sequence[Case]:
        """Cases from the newest back.

        Args:
            before: log position of the last one of the page before.
            limit: how many at most.
            within: the asker's reach.
            wanted: which; instead of ``before`` and ``within``.
        """
        asked = wanted or CaseFilter(before=before, within=within)
        async with self._database.reading() as session:
            return (await session.scalars(query(asked, limit))).all()

    async def links(self, case: Case) -> Sequence[CaseLink]:
        """Every tie ever made to a case or to what became part of it, oldest first."""
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
        """Every tie ever made to a clip with the number of its case now, oldest first."""
        of_clip = (
            select(CaseLink, Case.case_no)
            .join(Case, Case.token == CaseLink.case)
            .where(CaseLink.dock == clip.dock, CaseLink.epoch == clip.epoch)
            .where(CaseLink.seq == clip.seq)
            .order_by(CaseLink.link_index)
        )
        async with self._database.reading() as session:
            return [(link, case_no) for link, case_no in await session.execute(of_clip)]

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
        found = (
            select(Case)
            .join(CaseNumber, CaseNumber.case == Case.token)
            .where(CaseNumber.case_no == case_no)
        )
        async with self._database.reading() as session:
            return await session.scalar(found if within is None else found.where(within))

    async def _link(self, link: str) -> CaseLink:
        async with self._database.reading() as session:
            return await session.get_one(CaseLink, link)
