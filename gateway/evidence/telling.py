"""Clips as whoever asks may see them, with what people have said of them since."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.access.principals import Principal
from gateway.evidence.models import Clip
from gateway.evidence.schemas import ClipTold
from gateway.marks.heeding import conceal
from gateway.services import Services


async def told(services: Services, who: Principal, rows: Sequence[Clip]) -> list[ClipTold]:
    """Tell clips with their corrections and the marks that stand; conceals what is classified."""
    names = [row.id for row in rows]
    standing = await services.marks.standing(names)
    shown = conceal(who, rows, standing)
    corrected = await services.corrections.counting(shown)
    copies = await services.previews.states(names)
    return [
        ClipTold.of(row, corrected.get(name, {}), copies.get(name), standing.get(name, ()))
        for name, row in zip(names, shown, strict=True)
    ]
