import hashlib
import itertools
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing import merkle
from hashing.digest import (
    LEAF_SIZE,
    ContentDigest,
    Digester,
    digest_bytes,
    leaf_hash_of,
)
from hashing.digest import _Lane as Lane

PATTERN = (bytes(range(251)) * (LEAF_SIZE * 4 // 251))[: 3 * LEAF_SIZE + 12345]


def plainly(data: bytes) -> ContentDigest:
    leaves = tuple(
        merkle.leaf_hash(data[start : start + LEAF_SIZE])
        for start in range(0, len(data), LEAF_SIZE)
    )
    return ContentDigest(len(data), hashlib.sha256(data).digest(), leaves, merkle.root(leaves))


def streamed(chunks: list[bytes], *, threaded: bool = True) -> ContentDigest:
    with Digester(threaded=threaded) as digester:
        for chunk in chunks:
            digester.update(chunk)
        return digester.finish()


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "evidock-digest"]


@pytest.mark.parametrize(
    "size",
    [0, 1, 2047, LEAF_SIZE - 1, LEAF_SIZE, LEAF_SIZE + 1, 2 * LEAF_SIZE, 3 * LEAF_SIZE + 5],
)
def test_a_digest_is_what_the_definition_says(size: int) -> None:
    assert digest_bytes(PATTERN[:size]) == plainly(PATTERN[:size])


@pytest.mark.parametrize("threaded", [True, False])
@pytest.mark.parametrize("size", [0, 5, LEAF_SIZE + 1, len(PATTERN)])
def test_leaves_that_are_known_are_passed_on_and_the_whole_is_hashed(
    size: int,
    threaded: bool,  # noqa: FBT001  # a case of the table
) -> None:
    listed = (merkle.leaf_hash(b"known from a list"),)
    with Digester(listed, threaded=threaded) as digester:
        digester.update(PATTERN[:size])
        found = digester.finish()
    whole = hashlib.sha256(PATTERN[:size]).digest()
    assert found == ContentDigest(size, whole, listed, merkle.root(listed))


def test_an_empty_file_has_no_leaves_and_the_empty_root() -> None:
    assert digest_bytes(b"") == ContentDigest(0, hashlib.sha256().digest(), (), merkle.EMPTY_ROOT)


def test_the_whole_file_digest_is_what_sha256sum_prints(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(PATTERN)
    printed = subprocess.run(["sha256sum", clip], check=True, capture_output=True, text=True)

    assert printed.stdout.split()[0] == digest_bytes(PATTERN).sha256.hex()


EXPECTED = plainly(PATTERN)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(PATTERN)), max_size=12))
def test_any_split_of_the_bytes_hashes_alike(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(PATTERN)]
    chunks = [PATTERN[a:b] for a, b in itertools.pairwise(edges)]

    assert streamed(chunks) == EXPECTED


@pytest.mark.parametrize("step", [1000, 4096, 65536, LEAF_SIZE - 1, LEAF_SIZE, LEAF_SIZE + 1])
def test_chunks_of_any_size_hash_alike(step: int) -> None:
    chunks = [PATTERN[start : start + step] for start in range(0, len(PATTERN), step)]

    assert streamed(chunks) == streamed(chunks, threaded=False) == EXPECTED


def test_one_chunk_larger_than_the_buffer_is_taken() -> None:
    data = bytes(20 << 20)

    assert streamed([data, b"x", data]) == plainly(data + b"x" + data)


def test_a_leaf_may_come_in_parts() -> None:
    assert leaf_hash_of([b"ab", b"", b"c"]) == merkle.leaf_hash(b"abc")
    assert leaf_hash_of([]) == merkle.leaf_hash(b"")


def test_a_small_file_starts_no_thread_and_a_large_one_leaves_none_behind() -> None:
    with Digester() as digester:
        digester.update(bytes(LEAF_SIZE - 1))
        assert our_threads() == []
        digester.update(b"x")
        assert len(our_threads()) == 2
        digester.finish()
        assert our_threads() == []


def test_leaving_early_joins_the_threads_and_may_be_repeated() -> None:
    with Digester() as digester:
        for _ in range(8):
            digester.update(bytes(LEAF_SIZE))
        digester.abort()
        assert our_threads() == []
        digester.abort()
        with pytest.raises(RuntimeError, match="finished or aborted"):
            digester.finish()


def test_an_error_in_the_reader_leaves_no_thread_behind() -> None:
    def read() -> None:
        with Digester() as digester:
            digester.update(bytes(2 * LEAF_SIZE))
            raise OSError("camera pulled")

    with pytest.raises(OSError, match="camera pulled"):
        read()
    assert our_threads() == []


def test_a_finished_digest_takes_nothing_more() -> None:
    with Digester() as digester:
        digester.update(b"x")
        digester.finish()
        with pytest.raises(RuntimeError, match="finished or aborted"):
            digester.update(b"y")
        with pytest.raises(RuntimeError, match="finished or aborted"):
            digester.finish()


def test_a_buffer_that_could_change_while_it_waits_is_refused() -> None:
    with Digester() as digester:
        for reusable in (bytearray(4), memoryview(bytearray(4))):
            with pytest.raises(TypeError, match="takes bytes"):
                digester.update(reusable)  # type: ignore[arg-type]  # what is tested


def test_a_failure_in_a_hashing_thread_surfaces_and_leaves_no_thread_behind() -> None:
    digester = Digester()
    digester.update(bytes(LEAF_SIZE))
    # Not bytes, and past the check at the door: hashlib fails on it in both threads.
    digester._lanes[0].put("text")  # type: ignore[arg-type]  # what is tested

    with pytest.raises(TypeError):
        digester.finish()
    assert our_threads() == []


def test_a_failure_in_a_hashing_thread_surfaces_in_the_next_update() -> None:
    with Digester() as digester:
        digester.update(bytes(LEAF_SIZE))
        digester._lanes[0].put("text")  # type: ignore[arg-type]  # what is tested
        digester._lanes[0]._thread.join(timeout=10)

        with pytest.raises(TypeError):
            digester.update(bytes(LEAF_SIZE))


def test_whoever_waits_for_room_is_woken_by_the_failure() -> None:
    go_on = threading.Event()

    def fail(_: bytes) -> None:
        go_on.wait(timeout=10)
        raise MemoryError

    lane = Lane(fail)
    lane.put(bytes(16 << 20))
    threading.Timer(0.05, go_on.set).start()

    with pytest.raises(MemoryError):
        lane.put(b"no room for this")
    lane.abort()


def test_no_more_than_4_mib_wait_to_be_hashed() -> None:
    go_on = threading.Event()
    accepted: list[int] = []
    lane = Lane(lambda _: (go_on.wait(timeout=10), None)[1])

    def feed() -> None:
        for number in range(40):
            lane.put(bytes(LEAF_SIZE))
            accepted.append(number)

    feeder = threading.Thread(target=feed)
    feeder.start()
    feeder.join(timeout=0.3)
    assert len(accepted) == 4
    go_on.set()
    feeder.join(timeout=10)
    lane.finish()
    assert len(accepted) == 40
