"""The log for outside watchers, as C2SP tlog-tiles below ``/tlog``.

These addresses are the log's own and stay as they are, whatever becomes of the API. A reverse
proxy can hand them to the world and nothing else: they show no record and list nothing.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.access.gate import OPEN_TO_ALL
from gateway.given import Given
from gateway.log.published import TileAddress, published_tile
from gateway.log.tiles import WIDTH

PREFIX = "/tlog"
router = APIRouter(prefix=PREFIX, tags=["log for outside watchers"], dependencies=[OPEN_TO_ALL])
_ALWAYS = "public, max-age=31536000, immutable"
# A wider tile takes a partial one's place within hours; nobody gains by keeping it for long.
_SOON = "public, max-age=300"
_NOW = "public, max-age=2"
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"


@router.get(
    "/checkpoint", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def get_tlog_checkpoint(services: Given) -> Response:
    """The newest checkpoint as a C2SP signed note, with the cosignatures it has so far."""
    newest = services.log.checkpoint()
    note = services.cosigned.with_cosignatures(newest.size, newest.note)
    return Response(note, media_type=_TEXT, headers={"cache-control": _NOW})


@router.get(
    "/tile/{address:path}",
    response_class=Response,
    responses={200: {"content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_tlog_tile(services: Given, address: str) -> Response:
    """A tile: `<level>/<number>` of hashes, `entries/<number>` of statements, or `….p/<width>`."""
    tile = TileAddress.parse(address)
    data = await published_tile(services.log, services.store, tile)
    kept = _ALWAYS if tile.width == WIDTH else _SOON
    return Response(data, media_type=_BYTES, headers={"cache-control": kept})
