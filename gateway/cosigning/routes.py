"""Cosigned checkpoints over HTTP, and how it stands with the witnesses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.cosigning.kept import MAX_PAGE
from gateway.given import Given
from gateway.shapes import Position, Told

router = APIRouter(prefix="/log", tags=["log"], dependencies=[allowed(Act.LOG_PROVE)])


class CosignedTold(Told):
    """Checkpoints as signed notes, each with the cosignatures it has."""

    checkpoints: list[str]


class WitnessTold(Told):
    """One witness of the configuration.

    `cosigned` is the size of the newest checkpoint that it cosigned since the gateway started;
    `problem` is why it gave nothing at the last question.
    """

    name: str
    url: str
    cosigned: int | None
    problem: str | None
    refuses: bool


class WitnessesTold(Told):
    """Every witness of the configuration, and the size that they should have cosigned."""

    log_size: int
    witnesses: list[WitnessTold]


@router.get("/cosigned")
async def list_cosigned(
    services: Given,
    at_least: Annotated[
        Position | None,
        Query(description="Those of at least this size, the smallest first; none: the newest."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> CosignedTold:
    """Cosigned checkpoints: which are enough is for a policy of the reader's own to say."""
    kept = services.cosigned
    found = await (kept.newest(limit) if at_least is None else kept.since(at_least, limit))
    return CosignedTold(checkpoints=[note.decode() for note in found])


@router.get("/witnesses")
async def list_witnesses(services: Given) -> WitnessesTold:
    """How it stands with every witness."""
    return WitnessesTold(
        log_size=services.log.checkpoint().size,
        witnesses=[
            WitnessTold(
                name=standing.key.name,
                url=standing.url,
                cosigned=standing.cosigned,
                problem=standing.problem,
                refuses=standing.refuses,
            )
            for standing in services.rounds.standings
        ],
    )
