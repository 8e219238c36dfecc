"""Clips as whoever asks may see them, with what people have said of them since."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.access.principals import Principal
from gateway.evidence.models import Clip
from gateway.evidence.schemas import ClipTold
from gateway.marks.heeding import concealed
from gateway.services import Services


async def told(services: Services, who: Principal, rows: Sequence[Clip]) -> list[ClipTold]:
    """Tell clips with their corrections and the marks that stand; conceals what is classified."""
    shown = await concealed(services.marks, who, rows)
    corrected = await services.corrections.counting(shown)
    standing = await services.marks.standing([row.id for row in shown])
    copies = await services.previews.states(row.id for row in shown)
    return [
        ClipTold.of(row, corrected.get(row.id, {}), copies.get(row.id), standing.get(row.id, ()))
        for row in shown
    ]
