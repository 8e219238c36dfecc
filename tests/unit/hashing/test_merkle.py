import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.errors import ProofError
from hashing.merkle import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_reader,
    node_hash,
    root,
    root_at,
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
)

# The tree and the values that certificate-transparency implementations publish for it.
ENTRIES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
N01 = ROOTS[1]
N03 = ROOTS[3]
N1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
N23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N2 = "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"
N47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
N4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
N6 = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
N67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
PUBLISHED_INCLUSION = [
    (0, 8, [N1, N23, N47]),
    (3, 8, [N2, N01, N47]),
    (7, 8, [N6, N45, N03]),
    (2, 3, [N01]),
    (1, 5, [ROOTS[0], N23, N4]),
]
PUBLISHED_CONSISTENCY = [
    (1, 1, []),
    (1, 8, [N1, N23, N47]),
    (6, 8, [N45, N67, N03]),
    (2, 5, [N23, N4]),
]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]
MANY = [leaf_hash(number.to_bytes(2, "big")) for number in range(1200)]
OTHER = leaf_hash(b"another")


def hexes(values: list[bytes]) -> list[str]:
    return [value.hex() for value in values]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert root([]) == EMPTY_ROOT == Frontier().root() == root_at(leaf_reader([]), 0)
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones_however_they_are_computed(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)

    assert root(LEAVES[:size]).hex() == ROOTS[size - 1]
    assert root_at(leaf_reader(LEAVES), size).hex() == ROOTS[size - 1]
    assert frontier.root().hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("index", "size", "path"), PUBLISHED_INCLUSION)
def test_inclusion_paths_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    assert hexes(inclusion_proof(leaf_reader(LEAVES), index, size)) == path


@pytest.mark.parametrize(("old", "new", "path"), PUBLISHED_CONSISTENCY)
def test_consistency_paths_are_the_published_ones(old: int, new: int, path: list[str]) -> None:
    assert hexes(consistency_proof(leaf_reader(LEAVES), old, new)) == path


def test_inclusion_holds_for_every_leaf_of_every_tree_up_to_64_and_for_no_other_leaf() -> None:
    read = leaf_reader(MANY)
    for size in range(1, 65):
        top = root_at(read, size)
        for index in range(size):
            path = inclusion_proof(read, index, size)
            verify_inclusion(MANY[index], index, size, path, top)
            with pytest.raises(ProofError):
                verify_inclusion(OTHER, index, size, path, top)


def test_consistency_holds_between_all_sizes_up_to_64_and_for_no_other_root() -> None:
    read = leaf_reader(MANY)
    roots = [root_at(read, size) for size in range(65)]
    for new in range(65):
        for old in range(new + 1):
            path = consistency_proof(read, old, new)
            verify_consistency(old, roots[old], new, roots[new], path)
            with pytest.raises(ProofError):
                verify_consistency(old, OTHER, new, roots[new], path)
            # From the empty tree everything grows, so only an old tree ties the new root.
            if old:
                with pytest.raises(ProofError):
                    verify_consistency(old, roots[old], new, OTHER, path)


@settings(max_examples=60)
@given(st.integers(65, 1200), st.data())
def test_proofs_hold_in_larger_trees(size: int, data: st.DataObject) -> None:
    read = leaf_reader(MANY)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    top = root(MANY[:size])

    verify_inclusion(MANY[index], index, size, inclusion_proof(read, index, size), top)
    path = consistency_proof(read, old, size)
    verify_consistency(old, root(MANY[:old]), size, top, path)


@given(st.integers(2, 200), st.data())
def test_a_path_with_a_hash_altered_added_or_taken_away_is_refused(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(leaf_reader(MANY), index, size)
    at = data.draw(st.integers(0, len(path) - 1))
    top = root(MANY[:size])

    for broken in (
        [*path[:at], OTHER, *path[at + 1 :]],
        [*path[:at], *path[at + 1 :]],
        [*path[:at], OTHER, *path[at:]],
        [*path, OTHER],
    ):
        with pytest.raises(ProofError):
            verify_inclusion(MANY[index], index, size, broken, top)


@given(st.integers(2, 200), st.data())
def test_a_consistency_path_altered_anywhere_is_refused(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    path = consistency_proof(leaf_reader(MANY), old, size)
    at = data.draw(st.integers(0, len(path) - 1))
    before, after = root(MANY[:old]), root(MANY[:size])

    for broken in (
        [*path[:at], OTHER, *path[at + 1 :]],
        [*path[:at], *path[at + 1 :]],
        [*path, OTHER],
        [],
    ):
        with pytest.raises(ProofError):
            verify_consistency(old, before, size, after, broken)


@given(st.integers(0, 40), st.integers(0, 40), st.lists(st.binary(max_size=33), max_size=7))
def test_random_paths_are_refused_and_never_crash(index: int, size: int, path: list[bytes]) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(OTHER, index, size, path, MANY[0])
    with pytest.raises(ProofError):
        verify_consistency(index, OTHER, size, MANY[0], path)


def test_a_rewritten_history_is_not_consistent() -> None:
    rewritten = [*MANY[:5], OTHER, *MANY[6:20]]
    path = consistency_proof(leaf_reader(rewritten), 10, 20)

    with pytest.raises(ProofError, match="does not extend"):
        verify_consistency(10, root(MANY[:10]), 20, root(rewritten), path)


def test_one_root_folds_for_two_positions_so_position_needs_the_size() -> None:
    left, right = MANY[0], MANY[1]

    assert root_from_inclusion(right, 1, 2, [left]) == root_from_inclusion(right, 4, 5, [left])


def test_sizes_and_indices_out_of_range_are_refused() -> None:
    read = leaf_reader(LEAVES)
    for call in (
        lambda: root_at(read, 9),
        lambda: root_at(read, -1),
        lambda: root_at(read, MAX_TREE_SIZE + 1),
        lambda: inclusion_proof(read, 8, 8),
        lambda: inclusion_proof(read, -1, 8),
        lambda: inclusion_proof(read, 0, 9),
        lambda: consistency_proof(read, 9, 8),
        lambda: consistency_proof(read, -1, 8),
        lambda: root_from_inclusion(LEAVES[0], 3, 3, []),
        lambda: read(-1, 0),
        lambda: read(0, -1),
        lambda: read(3, 1),
    ):
        with pytest.raises(ProofError):
            call()


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "path", "reason"),
    [
        (3, OTHER, 2, OTHER, [], "cannot extend"),
        (-1, OTHER, 2, OTHER, [], "cannot extend"),
        (0, EMPTY_ROOT, 2, OTHER, [OTHER], "none is needed"),
        (2, OTHER, 2, OTHER, [OTHER], "none is needed"),
        (2, OTHER, 2, MANY[0], [], "two different roots"),
        (0, OTHER, 2, OTHER, [], "empty tree"),
        (0, EMPTY_ROOT, 0, OTHER, [], "empty tree"),
        (3, OTHER, 4, OTHER, [], "is empty"),
        (4, OTHER, 5, OTHER, [], "shorter"),
        (2, OTHER, 3, OTHER, [OTHER, OTHER], "longer"),
        (2, OTHER, 3, OTHER, [b"short"], "32 bytes"),
        (2, b"short", 3, OTHER, [OTHER], "32 bytes"),
    ],
)
def test_a_malformed_consistency_proof_says_why(
    old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes], reason: str
) -> None:
    with pytest.raises(ProofError, match=reason):
        verify_consistency(old, old_root, new, new_root, path)


def test_a_frontier_names_every_node_it_completes_once() -> None:
    frontier = Frontier()
    nodes: dict[tuple[int, int], bytes] = {}
    for leaf in MANY[:100]:
        for level, index, node in frontier.append(leaf):
            assert (level, index) not in nodes
            nodes[level, index] = node

    read = leaf_reader(MANY[:100])
    assert all(read(level, index) == node for (level, index), node in nodes.items())
    assert len(nodes) == sum(100 >> level for level in range(7))


@given(st.integers(0, 1100), st.integers(0, 60))
def test_a_frontier_continues_from_stored_nodes_or_from_its_edge(size: int, more: int) -> None:
    stored = Frontier.from_nodes(size, leaf_reader(MANY))
    resumed = Frontier(stored.size, stored.right_edge)
    for leaf in MANY[size : size + more]:
        assert stored.append(leaf) == resumed.append(leaf)

    assert stored.root() == resumed.root() == root(MANY[: size + more])


def test_a_frontier_refuses_an_edge_that_does_not_fit() -> None:
    with pytest.raises(ProofError, match="1 edge hashes do not make a tree of 3"):
        Frontier(3, [OTHER])
    with pytest.raises(ProofError, match="32 bytes"):
        Frontier(1, [b"short"])
    with pytest.raises(ProofError, match="no size"):
        Frontier(-1)
    with pytest.raises(ProofError, match="32 bytes"):
        Frontier().append(b"not a hash")
    with pytest.raises(ProofError, match="no size"):
        Frontier.from_nodes(-1, leaf_reader([]))


def test_a_node_cannot_pass_for_a_leaf() -> None:
    assert leaf_hash(MANY[0] + MANY[1]) != node_hash(MANY[0], MANY[1])
