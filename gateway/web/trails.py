"""A trail for a page: verified here, drawn, and told event by event."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.services import Services
from gateway.web.picture import WIDTH, drawn, told
from protocols.anchors import Anchors
from protocols.trail import TrailDocument, verify_trail


async def trail_of(services: Services, document: TrailDocument, language: str) -> dict[str, Any]:
    """Values of ``trail.html``; a long trail takes a while, so a thread makes them."""
    return await asyncio.to_thread(_trail_of, document, services.log.anchors(), language)


def _trail_of(document: TrailDocument, anchors: Anchors, language: str) -> dict[str, Any]:
    report = verify_trail(document, anchors)
    events = told(report.events, language)
    return {
        "outcome": report.verdict.outcome.value,
        "size": report.size,
        "events": events,
        "picture": drawn(events),
        "width": WIDTH,
    }
