"""The tree's right edge, and the tiles it is kept in (C2SP tlog-tiles).

Pure. An ``Edge`` is all that appending needs: growing it gives the nodes to index, the
tile objects to write, and the partial tiles that the growth made useless. Tile objects
hold 256 hashes (``log/tile/<level>/<number>``) or 256 length-prefixed statements
(``log/tile/entries/<number>``); the last one of each row is partial (``.p/<width>``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hashing.merkle import HASH_SIZE, Frontier, NodeReader, leaf_hash

WIDTH = 256
HEIGHT = 8
_FOLDER = "log/tile"
ENTRIES = "entries"


@dataclass(frozen=True, slots=True)
class Growth:
    """What appending statements to an edge makes.

    Attributes:
        edge: the edge after it.
        leaves: leaf hash of each statement.
        nodes: every complete node that is new, as (level, index, hash).
        tiles: objects to write, by key.
        stale: keys of partial tiles that ``tiles`` supersede.
    """

    edge: Edge
    leaves: tuple[bytes, ...]
    nodes: tuple[tuple[int, int, bytes], ...]
    tiles: dict[str, bytes]
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of the tree: everything an append still touches.

    Attributes:
        size: number of leaves.
        roots: roots of the complete subtrees, largest first.
        rows: for each row of tiles, the hashes of its last, partial tile.
        bundle: statements of the last, partial bundle.
    """

    size: int = 0
    roots: tuple[bytes, ...] = ()
    rows: tuple[tuple[bytes, ...], ...] = ()
    bundle: tuple[bytes, ...] = ()

    @classmethod
    def load(cls, size: int, read: NodeReader, bundle: Sequence[bytes]) -> Edge:
        """Build the edge of a stored tree.

        Args:
            size: number of leaves.
            read: gives stored nodes.
            bundle: statements from the last multiple of 256 on.

        Raises:
            ProofError: a node is not 32 bytes long.
        """
        rows = tuple(
            tuple(read(row * HEIGHT, index) for index in range(_start(count), count))
            for row, count in _rows(size)
        )
        roots = Frontier.from_nodes(size, read).right_edge
        return cls(size, roots, rows, tuple(bundle))

    def root(self) -> bytes:
        """Root over all leaves."""
        return Frontier(self.size, self.roots).root()

    def grown(self, statements: Sequence[bytes]) -> Growth:
        """Append statements, in this order."""
        frontier = Frontier(self.size, self.roots)
        rows = [list(row) for row in self.rows]
        leaves = tuple(leaf_hash(statement) for statement in statements)
        nodes: list[tuple[int, int, bytes]] = []
        tiles: dict[str, bytes] = {}
        for leaf in leaves:
            for level, index, node in frontier.append(leaf):
                nodes.append((level, index, node))
                row, rest = divmod(level, HEIGHT)
                if rest == 0:
                    _put(rows, row, node)
                    if len(rows[row]) == WIDTH:
                        tiles[tile_key(row, index // WIDTH)] = b"".join(rows[row])
                        rows[row].clear()
        bundle = self._bundles(statements, tiles)
        edge = Edge(
            frontier.size, frontier.right_edge, tuple(tuple(row) for row in rows), tuple(bundle)
        )
        before, after = self.partial(), edge.partial()
        tiles |= {key: data for key, data in after.items() if key not in before}
        stale = tuple(key for key in before if key not in after)
        return Growth(edge, leaves, tuple(nodes), tiles, stale)

    def partial(self) -> dict[str, bytes]:
        """The partial tiles at this size, by key."""
        tiles = {}
        for row, hashes in enumerate(self.rows):
            if hashes:
                number = (self.size >> (row * HEIGHT)) // WIDTH
                tiles[tile_key(row, number, len(hashes))] = b"".join(hashes)
        if self.bundle:
            key = tile_key(ENTRIES, self.size // WIDTH, len(self.bundle))
            tiles[key] = encode_bundle(self.bundle)
        return tiles

    def _bundles(self, statements: Sequence[bytes], tiles: dict[str, bytes]) -> list[bytes]:
        bundle = list(self.bundle)
        for index, statement in enumerate(statements, self.size):
            bundle.append(statement)
            if len(bundle) == WIDTH:
                tiles[tile_key(ENTRIES, index // WIDTH)] = encode_bundle(bundle)
                bundle.clear()
        return bundle


def tile_key(row: int | str, number: int, width: int = WIDTH) -> str:
    """Object key of a tile; the number's thousands are folders: ``x001/x234/067``."""
    digits = f"{number % 1000:03d}"
    while number := number // 1000:
        digits = f"x{number % 1000:03d}/{digits}"
    partial = "" if width == WIDTH else f".p/{width}"
    return f"{_FOLDER}/{row}/{digits}{partial}"


def encode_bundle(statements: Sequence[bytes]) -> bytes:
    """Statements, each after its length in two bytes."""
    return b"".join(len(statement).to_bytes(2, "big") + statement for statement in statements)


def decode_bundle(raw: bytes) -> list[bytes]:
    """Read a bundle back.

    Raises:
        ValueError: it is cut short.
    """
    statements = []
    offset = 0
    while offset < len(raw):
        start = offset + 2
        offset = start + int.from_bytes(raw[offset:start], "big")
        if offset > len(raw):
            msg = "bundle is cut short"
            raise ValueError(msg)
        statements.append(raw[start:offset])
    return statements


def decode_tile(raw: bytes) -> list[bytes]:
    """Hashes of a tile.

    Raises:
        ValueError: it is not whole hashes.
    """
    if len(raw) % HASH_SIZE:
        msg = f"tile of {len(raw)} bytes"
        raise ValueError(msg)
    return [raw[start : start + HASH_SIZE] for start in range(0, len(raw), HASH_SIZE)]


def _put(rows: list[list[bytes]], row: int, node: bytes) -> None:
    if row == len(rows):
        rows.append([])
    rows[row].append(node)


def _rows(size: int) -> Iterator[tuple[int, int]]:
    """Each row of tiles that has any, with its number of hashes."""
    row = 0
    while count := size >> (row * HEIGHT):
        yield row, count
        row += 1


def _start(count: int) -> int:
    return count - count % WIDTH
