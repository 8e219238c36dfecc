"""``evidock-gateway repair``: look through the store, and mend what replicas can mend."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from gateway.errors import InvalidError, NotFoundError, SetupError
from gateway.evidence.models import Clip
from gateway.repair.building import NotRepairableError
from gateway.repair.replicas import FileReplica, Replica, replica_at
from gateway.repair.service import Repairs
from gateway.repair.telling import Told, as_json, lines
from gateway.services import Services
from hashing.verdict import Finding, Outcome, Verdict
from protocols.errors import IdError
from protocols.ids import ClipId
from protocols.trail.telling import verdict_json


@dataclass(frozen=True, slots=True)
class RepairAsked:
    """What to look at and what to mend it with.

    Attributes:
        clips: only these; all when empty. sources: where copies are; none only looks.
        by, reason: go on record. as_json: one JSON document instead of lines.
    """

    clips: tuple[str, ...]
    sources: tuple[str, ...]
    by: str | None
    reason: str | None
    as_json: bool


def replicas_of(asked: RepairAsked) -> list[Replica]:
    """The replicas that were named; before anything is opened.

    Raises:
        SetupError: one is none, or what has to go on record is missing.
    """
    replicas = [replica_at(where) for where in asked.sources]
    if replicas and not (asked.by and asked.by.strip() and asked.reason and asked.reason.strip()):
        raise SetupError("--from repairs, which goes on record: --by WHO and --reason TEXT")
    if any(isinstance(each, FileReplica) for each in replicas) and len(asked.clips) != 1:
        raise SetupError("a single file is a copy of one clip: name it with --clip")
    return replicas


async def look_and_repair(
    services: Services,
    asked: RepairAsked,
    replicas: Sequence[Replica],
    write: Callable[[str], object],
) -> Verdict:
    """Go through the clips, one after the other; a damaged one never keeps the next waiting.

    Raises:
        GatewayError: store, log or database could not do it; the same again goes on.
    """
    told: list[Told] = []
    whole = 0
    async for row in _rows(services.repairs, asked.clips):
        found = await _one(services.repairs, row, replicas, asked)
        if found is None:
            whole += 1
            continue
        told.append(found)
        if not asked.as_json:
            write("".join(f"{line}\n" for line in lines(found)))
    findings = [Finding(2, Outcome.INTACT, "store", f"{whole} clips, every byte")]
    verdict = Verdict((*findings, *(each.finding() for each in told)))
    if asked.as_json:
        document = {"verdict": verdict_json(verdict), "clips": [as_json(each) for each in told]}
        write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        damaged = sum(each.repaired is None for each in told)
        mended = len(told) - damaged
        write(f"{whole} clips as sealed, {mended} repaired, {damaged} damaged: {verdict.outcome}\n")
    return verdict


async def _one(
    repairs: Repairs, row: Clip, replicas: Sequence[Replica], asked: RepairAsked
) -> Told | None:
    damage = await repairs.look(row, replicas)
    if damage is None:
        return None
    if not replicas:
        return Told(damage)
    try:
        done = await repairs.repair(
            damage, replicas, by=(asked.by or "").strip(), reason=(asked.reason or "").strip()
        )
    except NotRepairableError as error:
        return Told(damage, refused=(*error.refused, str(error)))
    return Told(damage, done, done.refused)


async def _rows(repairs: Repairs, clips: Sequence[str]) -> AsyncIterator[Clip]:
    for name in clips:
        try:
            row = await repairs.clip(ClipId.parse(name))
        except IdError as error:
            raise InvalidError(f"{name[:60]!r} names no clip, such as dock7.0.12") from error
        if row is None:
            raise NotFoundError(
                f"{name} was never stored here, or was disposed of; there is nothing to repair"
            )
        yield row
    if not clips:
        async for row in repairs.clips():
            yield row
