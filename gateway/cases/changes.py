"""What becomes of a case: particulars, number, unit, mergers, seals; each act in the log first.

The very same act again changes nothing and is answered alike. A case whose file is closed is
changed by nothing but the act that opens it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement

from gateway.cases.acting import Known, refuse_sealed
from gateway.cases.lookups import CaseUnknownError
from gateway.cases.models import Case, CaseState
from gateway.cases.service import Cases, NewCase, opening
from gateway.conditional import ANYHOW, Conditions
from gateway.errors import ConflictError, InvalidError
from protocols.ids import case_urn
from protocols.kinds import (
    CaseDecision,
    CaseExcused,
    CaseMerged,
    CaseOfficer,
    CaseParty,
    CaseRenumbered,
    CaseSealed,
    CaseSet,
    CaseStage,
    CaseTransferred,
    CaseUnsealed,
    ExternalId,
)

_LISTS = frozenset({"parties", "officers", "stages", "decision", "external_ids"})
_WORDS = ("title", "category", "cause", "archive_no")


class CaseNumberTakenError(ConflictError):
    """The number belongs to another case."""


class CaseMergedError(ConflictError):
    """The case became part of another."""


class CaseIntoItselfError(ConflictError):
    """A case cannot become part of itself."""


class CaseUnitDiffersError(ConflictError):
    """The case counts to another unit."""


class StageUnknownError(InvalidError):
    """The case has no stage of that name."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """Everything of a case that its particulars replace, in the words of the record."""

    title: str | None = None
    category: str | None = None
    cause: str | None = None
    filed: str | None = None
    parties: tuple[CaseParty, ...] = ()
    officers: tuple[CaseOfficer, ...] = ()
    stages: tuple[CaseStage, ...] = ()
    decision: CaseDecision | None = None
    external_ids: tuple[ExternalId, ...] = ()
    archive_no: str | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name an act stands, why, and how far he reaches.

    Attributes:
        home: the unit of a case that he opens and names none for.
        knows: what he knows of the case; asked inside the act, so that the two are one. The
            very same act again changes nothing and is not asked (RFC 9110, 13.1.1).
    """

    by: str
    why: str = ""
    within: ColumnElement[bool] | None = None
    home: str | None = None
    knows: Conditions = ANYHOW

    def known(self, case: Case) -> Known:
        """What an act of his on a case depends on."""
        return Known(case.token, self.knows)


class CaseChanges:
    """Acts on cases themselves; those on their clips are ``Cases``'."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._acts = cases.acts

    async def put(
        self, case_no: str, said: Particulars, asker: Asker, *, unit: str | None, why: str | None
    ) -> tuple[Case, bool]:
        """Set the whole particulars of a case, opening it when there is none of that number.

        Args:
            case_no: a number of the case.
            said: what holds from here on, instead of everything set before.
            asker: who says so.
            unit: of a new case, or of one without; else it has to be the same, or None.
            why: None when nothing is said.

        Returns:
            The case, and whether this call opened it.

        Raises:
            CaseNumberTakenError: the number belongs to a case beyond the asker's reach.
            CaseMergedError: it became part of another, whose particulars are not these.
            CaseUnitDiffersError, CaseSealedError: it has another unit, or is closed.
            Problem: it is not as the asker knows it.
        """
        async with self._acts.one:
            try:
                case = await self._of_its_own(case_no, asker)
            except CaseUnknownError:
                return await self._open(case_no, said, asker, unit, why), True
            if unit is not None and case.unit not in {None, unit}:
                raise CaseUnitDiffersError(
                    "the case counts to another unit; POST …/transfer moves it, with a reason"
                )
            body = _stated(case.token, case.case_no, said, asker, unit, why)
            if not _holds(case, body):
                refuse_sealed(case)
                await self._acts.state(body, known=asker.known(case))
            return await self._cases.case(case_no), False

    async def _open(
        self, case_no: str, said: Particulars, asker: Asker, unit: str | None, why: str | None
    ) -> Case:
        try:
            await self._cases.number(case_no)
        except CaseUnknownError:
            pass
        else:
            raise CaseNumberTakenError("another case has or had this number")
        asker.knows.refuse_absent()
        unit = unit or asker.home
        new = opening(NewCase(case_no, said.title, said.category, unit, asker.by))
        await self._acts.state(new, _stated(new.case, case_no, said, asker, unit, why))
        return await self._cases.case(case_no)

    async def renumber(self, case_no: str, new_no: str, asker: Asker) -> Case:
        """Let a case go on under another number; it keeps answering under every former one.

        Raises:
            CaseUnknownError: no such case. CaseNumberTakenError: another one has or had it.
            CaseMergedError, CaseSealedError: it is no case of its own, or closed.
        """
        async with self._acts.one:
            case = await self._of_its_own(case_no, asker)
            if case.case_no == new_no:
                return case
            refuse_sealed(case)
            try:
                taken = (await self._cases.number(new_no)).case != case.token
            except CaseUnknownError:
                taken = False
            if taken:
                raise CaseNumberTakenError(
                    "another case has or had this number; two that are one are merged"
                )
            await self._acts.state(
                CaseRenumbered(
                    case=case.token,
                    case_no=new_no,
                    former=case.case_no,
                    by=asker.by,
                    why=asker.why,
                ),
                known=asker.known(case),
            )
            return await self._cases.case(new_no)

    async def merge(self, case_no: str, into_no: str, asker: Asker) -> Case:
        """Let a case become part of another, which has its clips and answers for it from then on.

        Raises:
            CaseUnknownError: there is no such case, or not the other one.
            CaseIntoItselfError: they are one. CaseMergedError: it is part of a third already.
            CaseSealedError: one of them is closed.
        """
        async with self._acts.one:
            into = await self._cases.case(into_no, within=asker.within)
            case = await self._cases.case(case_no, within=asker.within)
            origin = (await self._cases.number(case_no)).origin
            if case.token == into.token:
                if origin != case.token:
                    # It was merged before: the same again.
                    return into
                raise CaseIntoItselfError("these are numbers of one case")
            if origin != case.token:
                raise CaseMergedError(
                    "it is part of another case already; merge that one, or leave it"
                )
            refuse_sealed(case)
            refuse_sealed(into)
            body = CaseMerged(
                case=into.token,
                case_no=into.case_no,
                merged=case.token,
                merged_no=case.case_no,
                acts=await self._acts.count(case),
                by=asker.by,
                why=asker.why,
            )
            also = (case_urn(case.token),)
            await self._acts.state(body, also=also, known=asker.known(case))
            return await self._cases.case(into_no)

    async def transfer(self, case_no: str, unit: str, asker: Asker) -> Case:
        """Let a case count to another unit, whose people see it from then on.

        Raises:
            CaseUnknownError: no such case.
            CaseMergedError, CaseSealedError: it is no case of its own, or closed.
        """
        async with self._acts.one:
            case = await self._of_its_own(case_no, asker)
            if case.unit != unit:
                refuse_sealed(case)
                await self._acts.state(
                    CaseTransferred(
                        case=case.token,
                        case_no=case.case_no,
                        unit=unit,
                        former=case.unit,
                        by=asker.by,
                        why=asker.why,
                    ),
                    known=asker.known(case),
                )
            return await self._cases.case(case_no)

    async def seal(self, case_no: str, archive_no: str | None, asker: Asker) -> Case:
        """Close the file of a case.

        Raises:
            CaseUnknownError: no such case. CaseMergedError: it is no case of its own.
            CaseSealedError: it is closed already, under another number of the archive.
        """
        async with self._acts.one:
            case = await self._of_its_own(case_no, asker)
            if case.state is CaseState.SEALED and archive_no in {None, case.archive_no}:
                return case
            refuse_sealed(case)
            await self._acts.state(
                CaseSealed(
                    case=case.token,
                    case_no=case.case_no,
                    archive_no=archive_no,
                    by=asker.by,
                    why=asker.why,
                ),
                known=asker.known(case),
            )
            return await self._cases.case(case_no)

    async def unseal(self, case_no: str, asker: Asker) -> Case:
        """Open the file of a case again.

        Raises:
            CaseUnknownError: no such case. CaseMergedError: it is no case of its own.
        """
        async with self._acts.one:
            case = await self._of_its_own(case_no, asker)
            if case.state is CaseState.SEALED:
                body = CaseUnsealed(
                    case=case.token, case_no=case.case_no, by=asker.by, why=asker.why
                )
                await self._acts.state(body, known=asker.known(case))
            return await self._cases.case(case_no)

    async def excuse(self, case_no: str, stage: str, asker: Asker) -> Case:
        """Say why footage of a stage is missing.

        Raises:
            CaseUnknownError, StageUnknownError: no such case, or not that stage in it.
            CaseMergedError, CaseSealedError: it is no case of its own, or closed.
        """
        async with self._acts.one:
            case = await self._of_its_own(case_no, asker)
            known = [each["name"] for each in (case.particulars or {}).get("stages", ())]
            if stage not in known:
                raise StageUnknownError("the case has no stage of that name")
            said = [each for each in await self._cases.excuses(case) if each.stage == stage]
            if not said or (said[-1].who, said[-1].why) != (asker.by, asker.why):
                refuse_sealed(case)
                body = CaseExcused(
                    case=case.token,
                    case_no=case.case_no,
                    stage=stage,
                    by=asker.by,
                    why=asker.why,
                )
                await self._acts.state(body, known=asker.known(case))
            return await self._cases.case(case_no)

    async def _of_its_own(self, case_no: str, asker: Asker) -> Case:
        """The case that a number was given to, unless it became part of another."""
        case = await self._cases.case(case_no, within=asker.within)
        if (await self._cases.number(case_no)).origin != case.token:
            raise CaseMergedError(
                f"it became part of the case {case.case_no}; what is to be done is done to that one"
            )
        return case


def _stated(
    case: str, case_no: str, said: Particulars, asker: Asker, unit: str | None, why: str | None
) -> CaseSet:
    return CaseSet(
        case=case,
        case_no=case_no,
        title=said.title,
        category=said.category,
        cause=said.cause,
        filed=said.filed,
        unit=unit,
        parties=said.parties,
        officers=said.officers,
        stages=said.stages,
        decision=said.decision,
        external_ids=said.external_ids,
        archive_no=said.archive_no,
        by=asker.by,
        why=why,
    )


def _holds(case: Case, body: CaseSet) -> bool:
    """Whether these very particulars hold already."""
    if case.set_index is None or (case.unit is None and body.unit is not None):
        return False
    filed = None if case.filed is None else case.filed.isoformat()
    words = all(getattr(case, name) == getattr(body, name) for name in _WORDS)
    lists = body.model_dump(mode="json", include=set(_LISTS), exclude_none=True)
    return words and filed == body.filed and lists == case.particulars
