"""The RFC 9162 Merkle tree: one shape for the log's statements and for a file's leaves.

Roots, inclusion and consistency proofs from any store of nodes, their verification, and a
frontier that appends in O(log n) memory. It keeps no nodes itself; the gateway stores them as
tiles and hands in a reader. A proof is refused (`ProofError`) when its length does not fit the
sizes it claims or when it leads elsewhere.

Sizes and indices count leaves; hashes are 32 bytes of SHA-256. Section numbers are RFC 9162's.
"""

import hashlib
from collections.abc import Callable, Sequence

from hashing.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_TREE_SIZE = (1 << 63) - 1

NodeReader = Callable[[int, int], bytes]
"""(level, index) -> hash of the complete subtree of 2**level leaves starting at index * 2**level"""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry) (section 2.1.1); the prefix keeps a node from passing for a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right) (section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; `EMPTY_ROOT` for none."""
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        # A lone right-hand node rises unchanged: the split at a power of two (section 2.1.1).
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def leaf_reader(leaves: Sequence[bytes]) -> NodeReader:
    """A node reader over leaf hashes in memory; it computes each subtree once.

    The reader raises `ProofError` for a node that the leaves do not fill.
    """
    known: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        if level < 0 or index < 0 or (index + 1) << level > len(leaves):
            raise ProofError(f"no complete node {index} of level {level} in {len(leaves)} leaves")
        if level == 0:
            return leaves[index]
        node = known.get((level, index))
        if node is None:
            node = node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
            known[level, index] = node
        return node

    return read


def root_at(read: NodeReader, size: int) -> bytes:
    """Root of the tree's first `size` leaves.

    Raises:
        ProofError: the size is out of range, or the reader lacks a node.
    """
    _check_size(size)
    return _range_root(read, 0, size) if size else EMPTY_ROOT


def inclusion_proof(read: NodeReader, index: int, size: int) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves (section 2.1.3.1).

    Raises:
        ProofError: the index is not in the tree, or the reader lacks a node.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, begin, middle))
            begin = middle
    path.reverse()
    return path


def consistency_proof(read: NodeReader, old_size: int, new_size: int) -> list[bytes]:
    """Proof that the tree of `new_size` extends that of `old_size` (section 2.1.4.1).

    Returns:
        The path; empty when `old_size` is 0 or equal to `new_size`.

    Raises:
        ProofError: the sizes are out of order, or the reader lacks a node.
    """
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ProofError(f"no proof from size {old_size} to size {new_size}")
    if old_size in {0, new_size}:
        return []
    path: list[bytes] = []
    begin, end = 0, new_size
    while end != old_size:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            path.append(_range_root(read, middle, end))
            end = middle
        else:
            path.append(_range_root(read, begin, middle))
            begin = middle
    # A whole left-hand subtree is the old root itself, which the verifier already has.
    if begin:
        path.append(_range_root(read, begin, end))
    path.reverse()
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root that an audit path leads to (section 2.1.3.2).

    A root alone does not fix the size: (index 1, size 2) and (index 4, size 5) fold one hash the
    same way. Whoever needs position or size compares the root with a checkpoint of that size.

    Raises:
        ProofError: the index is not in the tree, or the path does not fit index and size.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    _check_hashes(leaf, *path)
    node, last = index, size - 1
    result = leaf
    for sibling in path:
        if last == 0:
            raise ProofError("inclusion path is longer than the tree is high")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise ProofError("inclusion path is shorter than the tree is high")
    return result


def verify_inclusion(
    leaf: bytes,
    index: int,
    size: int,
    path: Sequence[bytes],
    root: bytes,
) -> None:
    """Check that the leaf hash is at `index` of the tree with this size and root.

    Raises:
        ProofError: the path is malformed or leads to another root.
    """
    if root_from_inclusion(leaf, index, size, path) != root:
        raise ProofError(f"leaf {index} is not in the tree of {size} with this root")


def verify_consistency(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    path: Sequence[bytes],
) -> None:
    """Check that the new tree only appends to the old one (section 2.1.4.2).

    Raises:
        ProofError: sizes out of order, a malformed path, or a rewritten history.
    """
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a tree of {new_size} cannot extend one of {old_size}")
    _check_hashes(old_root, new_root, *path)
    if (old_size == 0 and old_root != EMPTY_ROOT) or (new_size == 0 and new_root != EMPTY_ROOT):
        raise ProofError("an empty tree has another root")
    if old_size in {0, new_size}:
        if path:
            raise ProofError("consistency path where none is needed")
        if old_size == new_size and old_root != new_root:
            raise ProofError(f"two different roots for size {old_size}")
        return
    if _fold_consistency(old_size, old_root, new_size, path) != (old_root, new_root):
        raise ProofError(f"the tree of {new_size} does not extend the tree of {old_size}")


class Frontier:
    """An append-only tree that remembers its right edge alone: one hash per set bit of its size."""

    __slots__ = ("_edge", "_size")

    def __init__(self, size: int = 0, right_edge: Sequence[bytes] = ()) -> None:
        """Continue at `size` with the roots of its complete subtrees, largest first.

        Raises:
            ProofError: the edge does not fit the size.
        """
        _check_size(size)
        if len(right_edge) != size.bit_count():
            raise ProofError(f"{len(right_edge)} edge hashes do not make a tree of {size}")
        _check_hashes(*right_edge)
        self._size = size
        self._edge = list(right_edge)

    @classmethod
    def from_nodes(cls, size: int, read: NodeReader) -> "Frontier":
        """Continue at `size`, reading the right edge from stored nodes.

        Raises:
            ProofError: the size is out of range, or the reader lacks a node.
        """
        _check_size(size)
        levels = [level for level in range(size.bit_length()) if size >> level & 1]
        return cls(size, [read(level, (size >> level) - 1) for level in reversed(levels)])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def right_edge(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, largest first: all that is needed to continue."""
        return tuple(self._edge)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash.

        Returns:
            Every complete node this creates as (level, index, hash), level 0 first.
        """
        _check_hashes(leaf)
        level, index, node = 0, self._size, leaf
        created = [(level, index, node)]
        while index & 1:
            node = node_hash(self._edge.pop(), node)
            level, index = level + 1, index >> 1
            created.append((level, index, node))
        self._edge.append(node)
        self._size += 1
        return created

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._edge:
            return EMPTY_ROOT
        result = self._edge[-1]
        for node in reversed(self._edge[:-1]):
            result = node_hash(node, result)
        return result


def _split(size: int) -> int:
    """Largest power of two below `size` (section 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(read: NodeReader, begin: int, end: int) -> bytes:
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(size)
    return node_hash(_range_root(read, begin, middle), _range_root(read, middle, end))


def _fold_consistency(
    old_size: int,
    old_root: bytes,
    new_size: int,
    path: Sequence[bytes],
) -> tuple[bytes, bytes]:
    nodes = list(path)
    if old_size & (old_size - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        raise ProofError("consistency path is empty")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise ProofError("consistency path is longer than the tree is high")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise ProofError("consistency path is shorter than the tree is high")
    return old, new


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_TREE_SIZE:
        raise ProofError(f"{size} is no size of a tree")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError("a tree hash is not 32 bytes long")
