"""What becomes of a case, over HTTP: particulars, number, mergers, unit, seals, excuses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ValidationError

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.cases.asked import (
    ExcuseAsked,
    MergeAsked,
    ParticularsAsked,
    ReasonAsked,
    RenumberAsked,
    SealAsked,
    TransferAsked,
)
from gateway.cases.changes import Asker
from gateway.cases.routes import CaseNo, tagged
from gateway.cases.schemas import CaseDetail, CaseNoChecked
from gateway.conditional import Acting, Conditions
from gateway.given import Given
from gateway.problems import Problem
from gateway.shapes import FieldProblem

router = APIRouter(prefix="/cases", tags=["cases"])
_MADE: dict[int | str, dict[str, Any]] = {
    201: {"description": "Opened now; 200 when there was such a case.", "model": CaseDetail}
}

_Opening = Annotated[Scope, allowed(Act.CASES_OPEN)]
_Linking = Annotated[Scope, allowed(Act.CASES_LINK)]
_Managing = Annotated[Scope, allowed(Act.CASES_MANAGE)]


def _asker(scope: Scope, asked: ReasonAsked, acting: Conditions) -> Asker:
    return Asker(scope.principal.signs(asked.by), asked.why, scope.cases(), knows=acting)


def _refuse_unstatable(case_no: str) -> None:
    """Refuse a number that could not be stated or asked for again; raises Problem."""
    try:
        CaseNoChecked.validate_python(case_no)
    except ValidationError as error:
        what = error.errors()[0]["msg"].removeprefix("Value error, ")[:200]
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "request-invalid",
            "1 thing in the request is not as the API document says; see errors",
            errors=[FieldProblem(where="path.case_no", what=what)],
        ) from error


@router.put("/{case_no:path}", responses=_MADE)
async def put_case(
    services: Given,
    scope: _Opening,
    case_no: CaseNo,
    asked: ParticularsAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Set the whole particulars of a case, or open it with them. The same again states nothing.

    What is left out is not so any more, but for the unit, which `transfer` changes.
    """
    _refuse_unstatable(case_no)
    if asked.unit is not None and not scope.has_unit(asked.unit):
        raise Problem(
            HTTPStatus.FORBIDDEN, "beyond-your-unit", "this unit is not in your part of the tree"
        )
    by, home = scope.principal.signs(asked.by), scope.principal.unit or None
    asker = Asker(by, within=scope.cases(), home=home, knows=acting)
    case, opened = await services.case_changes.put(
        case_no, asked.said(), asker, unit=asked.unit, why=asked.why
    )
    if opened:
        response.status_code = HTTPStatus.CREATED.value
    return await tagged(services, case, case_no, acting, response)


@router.post("/{case_no:path}/renumber")
async def renumber_case(
    services: Given,
    scope: _Managing,
    case_no: CaseNo,
    asked: RenumberAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Let a case go on under another number; it keeps answering under the former one."""
    case = await services.case_changes.renumber(
        case_no, asked.case_no, _asker(scope, asked, acting)
    )
    return await tagged(services, case, case.case_no, acting, response)


@router.post("/{case_no:path}/merge")
async def merge_case(
    services: Given,
    scope: _Managing,
    case_no: CaseNo,
    asked: MergeAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Let this case become part of another, which has its clips and numbers from then on."""
    case = await services.case_changes.merge(case_no, asked.into, _asker(scope, asked, acting))
    return await tagged(services, case, case_no, acting, response)


@router.post("/{case_no:path}/transfer")
async def transfer_case(
    services: Given,
    scope: _Managing,
    case_no: CaseNo,
    asked: TransferAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Let a case count to another unit, even one beyond your reach: you lose sight of it then."""
    case = await services.case_changes.transfer(case_no, asked.unit, _asker(scope, asked, acting))
    return await tagged(services, case, case_no, acting, response)


@router.post("/{case_no:path}/seal")
async def seal_case(
    services: Given,
    scope: _Managing,
    case_no: CaseNo,
    asked: SealAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Close the file of a case: links and particulars stay as they are."""
    case = await services.case_changes.seal(case_no, asked.archive_no, _asker(scope, asked, acting))
    return await tagged(services, case, case_no, acting, response)


@router.post("/{case_no:path}/unseal")
async def unseal_case(
    services: Given,
    scope: _Managing,
    case_no: CaseNo,
    asked: ReasonAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Open the file of a case again."""
    case = await services.case_changes.unseal(case_no, _asker(scope, asked, acting))
    return await tagged(services, case, case_no, acting, response)


@router.post("/{case_no:path}/excuses")
async def excuse_stage(
    services: Given,
    scope: _Linking,
    case_no: CaseNo,
    asked: ExcuseAsked,
    acting: Acting,
    response: Response,
) -> CaseDetail:
    """Say why footage of a stage is missing, or not all there."""
    case = await services.case_changes.excuse(case_no, asked.stage, _asker(scope, asked, acting))
    return await tagged(services, case, case_no, acting, response)
