"""The log as anybody may watch it: C2SP tlog-tiles, from the signed checkpoint down.

Nothing is listed, and nothing is given out that the newest signed checkpoint does not cover.
Entries are statements, which carry opaque names only; records never leave this way. A partial
tile of any width below the checkpoint is a beginning of the tile as it is now, so that a
reader who holds an older checkpoint finds the tiles that go with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from gateway.errors import NotFoundError
from gateway.log.proofs import LogProofs
from gateway.log.tiles import ENTRIES, HEIGHT, WIDTH, encode_bundle, tile_key
from gateway.storage.store import Store

_ADDRESS = re.compile(
    r"(?P<row>entries|0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_MAX_ROW = 63


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Which tile, and how much of it.

    Attributes:
        row: level of the hashes, from 0 with the leaves; ``ENTRIES`` for statements.
        number: place in its row.
        width: hashes or statements, 1 to 256; below 256 it is a partial tile.
    """

    row: int | str
    number: int
    width: int = WIDTH

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``<L>/<N>[.p/<W>]``, where N is in groups of three digits.

        Raises:
            NotFoundError: not such an address, in the one way to write it.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise NotFoundError("not the address of a tile")
        row = found["row"] if found["row"] == ENTRIES else int(found["row"])
        number = int(found["number"].replace("x", "").replace("/", ""))
        address = cls(row, number, int(found["width"] or WIDTH))
        partial = found["width"] is not None
        rows = row == ENTRIES or int(row) <= _MAX_ROW
        # One address for one tile: 00x or width 256 would be a second.
        if not rows or partial != (address.width < WIDTH) or address.key() != f"log/tile/{text}":
            raise NotFoundError("not the address of a tile")
        return address

    def key(self) -> str:
        """Its object key."""
        return tile_key(self.row, self.number, self.width)


async def published_tile(log: LogProofs, store: Store, address: TileAddress) -> bytes:
    """The bytes of a tile.

    Args:
        log: the open log.
        store: where whole tiles lie.
        address: which one.

    Raises:
        NotFoundError: the newest signed checkpoint does not reach so far.
        GatewayError: store or database could not be read.
    """
    row = 0 if isinstance(address.row, str) else address.row
    start = address.number * WIDTH
    if start + address.width > log.checkpoint().size >> (row * HEIGHT):
        raise NotFoundError("the log's checkpoint does not reach this tile yet")
    if address.width == WIDTH:
        return await store.get_bytes(address.key())
    end = start + address.width
    if isinstance(address.row, str):
        return encode_bundle(await log.statements(start, address.width))
    return b"".join(await log.nodes((address.row * HEIGHT, index) for index in range(start, end)))
