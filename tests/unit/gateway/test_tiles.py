"""The tree's right edge and its tiles, against the plain tree of ``hashing.merkle``."""

from __future__ import annotations

import hashlib
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.log.tiles import (
    Edge,
    decode_bundle,
    decode_tile,
    encode_bundle,
    tile_key,
)
from hashing.merkle import EMPTY_ROOT, leaf_hash, leaf_reader, root


def statements(count: int) -> list[bytes]:
    return [hashlib.shake_256(b"%d" % index).digest(20 + index % 7) for index in range(count)]


def grow(sizes: list[int]) -> tuple[Edge, dict[str, bytes], dict[tuple[int, int], bytes]]:
    """Append in batches; gives the edge, the objects as a store has them, and the nodes."""
    everything = statements(sum(sizes))
    edge, store, nodes = Edge(), dict[str, bytes](), dict[tuple[int, int], bytes]()
    for start, end in pairwise(accumulate([0, *sizes])):
        growth = edge.grown(everything[start:end])
        edge = growth.edge
        store |= growth.tiles
        for key in growth.stale:
            del store[key]
        nodes |= {(level, index): node for level, index, node in growth.nodes}
    return edge, store, nodes


@given(st.lists(st.integers(0, 300), max_size=8))
def test_any_split_into_batches_makes_the_same_tiles(sizes: list[int]) -> None:
    edge, store, nodes = grow(sizes)
    at_once = Edge().grown(statements(sum(sizes)))
    assert edge == at_once.edge
    assert store == at_once.tiles
    assert nodes == {(level, index): node for level, index, node in at_once.nodes}


@given(st.integers(0, 1200))
def test_the_edge_has_the_root_of_the_plain_tree(count: int) -> None:
    edge, _, nodes = grow([count])
    leaves = [leaf_hash(statement) for statement in statements(count)]
    read = leaf_reader(leaves)
    assert edge.root() == (root(leaves) if leaves else EMPTY_ROOT)
    assert nodes == {(level, index): read(level, index) for level, index in nodes}


@given(st.integers(0, 1200))
def test_a_loaded_edge_is_the_edge_that_was(count: int) -> None:
    edge, _, nodes = grow([count])
    bundle = statements(count)[count - count % 256 :]
    assert Edge.load(count, lambda level, index: nodes[level, index], bundle) == edge


def test_tiles_hold_what_tlog_tiles_says() -> None:
    count = 256 * 256 + 300
    edge, store, _ = grow([count])
    leaves = [leaf_hash(statement) for statement in statements(count)]
    read = leaf_reader(leaves)
    # Level 1 of the tiles is level 8 of the tree, level 2 is level 16.
    assert decode_tile(store["log/tile/0/000"]) == leaves[:256]
    assert decode_tile(store["log/tile/0/257.p/44"]) == leaves[257 * 256 :]
    assert decode_tile(store["log/tile/1/000"]) == [read(8, index) for index in range(256)]
    assert decode_tile(store["log/tile/1/001.p/1"]) == [read(8, 256)]
    assert decode_tile(store["log/tile/2/000.p/1"]) == [read(16, 0)]
    assert decode_bundle(store["log/tile/entries/256"]) == statements(count)[65536:65792]
    assert decode_bundle(store["log/tile/entries/257.p/44"]) == statements(count)[65792:]
    assert len(store) == 2 * 258 + 2 + 1
    assert edge.size == count


def test_a_superseded_partial_tile_is_named_stale() -> None:
    edge = Edge().grown(statements(3)).edge
    assert edge.grown(statements(1)).stale == ("log/tile/0/000.p/3", "log/tile/entries/000.p/3")
    assert edge.grown([]).stale == ()


@pytest.mark.parametrize(
    ("number", "key"),
    [
        (0, "log/tile/0/000"),
        (999, "log/tile/0/999"),
        (1000, "log/tile/0/x001/000"),
        (1234067, "log/tile/0/x001/x234/067"),
    ],
)
def test_tile_numbers_become_folders_of_thousands(number: int, key: str) -> None:
    assert tile_key(0, number) == key


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_come_back_as_they_were(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == entries


def test_cut_bundles_and_tiles_are_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        decode_bundle(encode_bundle([b"statement"])[:-1])
    with pytest.raises(ValueError, match="33 bytes"):
        decode_tile(bytes(33))
