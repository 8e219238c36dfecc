"""How an act on a case is stated: one at a time, all of it or nothing, rows with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.effects import CaseBody, apply
from gateway.cases.models import Case, CaseState
from gateway.conditional import Conditions
from gateway.errors import ConflictError
from gateway.log.lookups import find_newest_about, find_subject_head
from gateway.log.service import Log, OwnAct
from protocols.ids import ClipId, case_urn
from protocols.kinds import CaseMerged


class CaseSealedError(ConflictError):
    """The file of the case is closed."""


class CaseBusyError(ConflictError):
    """Two acts on a case came at one moment, and only one of them can be."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an act on a case depends on.

    Attributes:
        case: its opaque name.
        conditions: of the request.
    """

    case: str
    conditions: Conditions

    async def refuse_changed(self, session: AsyncSession, before: int) -> None:
        """Refuse an act inside its transaction: holds are stated without the lock of cases.

        Raises:
            Problem: the case is not as the asker knows it.
        """
        if self.conditions.if_match is not None:
            newest = await find_newest_about(session, case_urn(self.case), before=before)
            self.conditions.refuse_changed(newest)


class CaseActs:
    """States acts on cases.

    Attributes:
        one: held from the check of an act to its statement, which, once logged, cannot be undone.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.one = asyncio.Lock()

    async def state(
        self,
        *bodies: CaseBody,
        clip: ClipId | None = None,
        also: tuple[str, ...] = (),
        known: Known | None = None,
    ) -> list[int]:
        """State acts, each in the chain of its case.

        Args:
            bodies: what is stated.
            clip: the clip that they concern, too.
            also: urns of what else they concern.
            known: what the asker knows of the case that he acts on; None: no matter.

        Returns:
            Their log positions.

        Raises:
            Problem: something was stated about the case since.
        """
        extra = also if clip is None else (*also, clip.clip_urn)
        acts = [OwnAct(body, case_urn(body.case), extra) for body in bodies]

        async def follow(session: AsyncSession, indices: list[int]) -> None:
            if known is not None:
                await known.refuse_changed(session, before=indices[0])
            for body, index in zip(bodies, indices, strict=True):
                if isinstance(body, CaseMerged):
                    await _refuse_uncounted(session, body)
                await apply(session, body, index)

        return [entry.index for entry in await self._log.append_own_acts(acts, also=follow)]

    async def count(self, case: Case) -> int:
        """How many acts the chain of a case has."""
        head = await self._log.subject_head(case_urn(case.token))
        return 0 if head is None else head.seq + 1


async def _refuse_uncounted(session: AsyncSession, body: CaseMerged) -> None:
    """Refuse a merger of a case that was acted on since its acts were counted.

    Holds are stated in the chains of cases, too, and not under the same lock; a log that has an
    act on a merged case could never be verified again.
    """
    head = await find_subject_head(session, case_urn(body.merged))
    if head is None or head.seq + 1 != body.acts:
        raise CaseBusyError("something was stated about the case this moment; ask again")


async def refuse_merged(session: AsyncSession, token: str) -> None:
    """Refuse an act on a case that became part of another, inside the act's transaction.

    Raises:
        CaseBusyError: it did.
    """
    row = await session.get(Case, token)
    if row is not None and row.survivor is not None:
        raise CaseBusyError("the case became part of another this moment; ask again")


def refuse_sealed(case: Case) -> None:
    """Refuse to change a case whose file is closed.

    Raises:
        CaseSealedError: it is.
    """
    if case.state is CaseState.SEALED:
        raise CaseSealedError(
            "the file of this case is closed: links and particulars stay as they are; "
            "unseal it first, with a reason"
        )
