from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.intake.assembler import (
    Assembly,
    Listing,
    ReadyLeaf,
    finish_staged,
    list_leads_to,
    verify_staged,
    write_leaves,
)
from hashing.digest import LEAF_SIZE, digest_bytes
from protocols.ids import ClipId, dock_id
from tests.simulators.dock import footage

PART = 256 * 1024
CLIP = ClipId(dock_id("dock7"), 0, 3)


def begin(data: bytes, folder: Path) -> tuple[Assembly, bytes]:
    digest = digest_bytes(data)
    assembly = Assembly(CLIP, size=len(data), root=digest.root, staging=folder / "clip.part")
    return assembly, b"".join(digest.leaves)


def list_up(assembly: Assembly, leaves: bytes) -> None:
    if not assembly.listed:
        assert assembly.add_list_part(0, leaves) is Listing.ASSEMBLED
        joined = assembly.take_list()
        assert list_leads_to(assembly.root, joined, assembly.leaves)
        assembly.accept_list(joined)


def parts(data: bytes, size: int = PART) -> list[tuple[int, bytes]]:
    return [(offset, data[offset : offset + size]) for offset in range(0, len(data), size)]


def settle(assembly: Assembly, ready: list[ReadyLeaf]) -> list[bool]:
    verdicts = write_leaves(assembly.staging, ready)
    for leaf, good in zip(ready, verdicts, strict=True):
        assembly.written(leaf, good=good)
    return verdicts


@pytest.mark.parametrize(
    "size", [0, 1, PART, LEAF_SIZE - 1, LEAF_SIZE, LEAF_SIZE + 1, 3 * LEAF_SIZE + 5]
)
def test_parts_in_any_order_and_repeated_make_the_clip(size: int, tmp_path: Path) -> None:
    data = footage(size)
    assembly, leaves = begin(data, tmp_path)
    list_up(assembly, leaves)
    arriving = parts(data) * 2
    random.Random(size).shuffle(arriving)  # noqa: S311  # repeatable
    for offset, part in arriving:
        leaf = assembly.add_part(offset, part)
        if leaf is not None:
            assert settle(assembly, [leaf]) == [True]
    finish_staged(assembly.staging, size)
    assert assembly.whole
    assert assembly.received_bytes == size
    assert assembly.buffered_bytes == 0
    assert assembly.staging.read_bytes() == data


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoil=st.sampled_from(["flip", "swap", "cut", "zero"]),
    where=st.integers(0, 11),
    seed=st.integers(0, 1000),
)
def test_whatever_is_wrong_in_a_leaf_is_never_written(
    spoil: str, where: int, seed: int, tmp_path: Path
) -> None:
    data = footage(3 * LEAF_SIZE, "wrong")
    assembly, leaves = begin(data, tmp_path)
    assembly.staging.unlink(missing_ok=True)
    list_up(assembly, leaves)
    arriving = dict(parts(data))
    offset = where * PART
    part = arriving[offset]
    match spoil:
        case "flip":
            arriving[offset] = part[:100] + bytes([part[100] ^ 1]) + part[101:]
        case "swap":
            other = (where + 1) % 12 * PART
            arriving[offset], arriving[other] = arriving[other], part
        case "cut":
            arriving[offset] = part[:-1]
        case _:
            arriving[offset] = bytes(PART)
    order = list(arriving.items())
    random.Random(seed).shuffle(order)  # noqa: S311  # repeatable
    for place, piece in order:
        leaf = assembly.add_part(place, piece)
        if leaf is not None:
            settle(assembly, [leaf])
    assert not assembly.whole
    if assembly.staging.exists():
        written = assembly.staging.read_bytes()
        for index in range(len(written) // LEAF_SIZE):
            here = written[index * LEAF_SIZE : (index + 1) * LEAF_SIZE]
            sealed = data[index * LEAF_SIZE : (index + 1) * LEAF_SIZE]
            assert here in {sealed, bytes(LEAF_SIZE)}


def test_a_wrong_leaf_can_come_again_rightly(tmp_path: Path) -> None:
    data = footage(LEAF_SIZE)
    assembly, _ = begin(data, tmp_path)
    wrong = [assembly.add_part(offset, part) for offset, part in parts(bytes(LEAF_SIZE))][-1]
    assert wrong is not None
    assert settle(assembly, [wrong]) == [False]
    assert assembly.received_bytes == 0
    right = [assembly.add_part(offset, part) for offset, part in parts(data)][-1]
    assert right is not None
    assert settle(assembly, [right]) == [True]
    assert assembly.whole


def test_the_root_of_one_leaf_is_its_list(tmp_path: Path) -> None:
    assembly, _ = begin(footage(77), tmp_path)
    assert assembly.listed


def test_nothing_is_kept_before_the_list_is_known_or_beyond_the_clip(tmp_path: Path) -> None:
    data = footage(2 * LEAF_SIZE)
    assembly, leaves = begin(data, tmp_path)
    assert assembly.add_part(0, data[:PART]) is None
    list_up(assembly, leaves)
    assert assembly.add_part(9 * LEAF_SIZE, data[:PART]) is None
    assert assembly.buffered_bytes == 0


@pytest.mark.parametrize("spoil", ["flip", "short", "long", "swapped"])
def test_a_list_that_does_not_lead_to_the_root_is_refused(spoil: str) -> None:
    digest = digest_bytes(footage(5 * LEAF_SIZE))
    joined = b"".join(digest.leaves)
    wrong = {
        "flip": bytes([joined[0] ^ 1]) + joined[1:],
        "short": joined[:-32],
        "long": joined + joined[:32],
        "swapped": joined[32:64] + joined[:32] + joined[64:],
    }[spoil]
    assert list_leads_to(digest.root, joined, 5)
    assert not list_leads_to(digest.root, wrong, 5)


def test_a_restart_finds_what_is_right_in_the_file_and_asks_for_the_rest(tmp_path: Path) -> None:
    data = footage(5 * LEAF_SIZE + 9)
    assembly, leaves = begin(data, tmp_path)
    list_up(assembly, leaves)
    keep = {0, 3, 5}
    for offset, part in parts(data):
        leaf = assembly.add_part(offset, part)
        if leaf is not None and leaf.index in keep:
            settle(assembly, [leaf])
    with assembly.staging.open("r+b") as file:
        file.seek(3 * LEAF_SIZE + 17)
        file.write(b"power cut")
    assert verify_staged(assembly.staging, len(data), leaves) == [0, 5]


def test_a_restart_takes_a_staging_file_that_was_closed_for_writing(tmp_path: Path) -> None:
    data = footage(LEAF_SIZE + 1)
    assembly, leaves = begin(data, tmp_path)
    assembly.staging.write_bytes(data)
    assembly.staging.chmod(0o400)
    assert verify_staged(assembly.staging, len(data), leaves) == [0, 1]
    finish_staged(assembly.staging, len(data))
    assert assembly.staging.read_bytes() == data


def test_no_staging_file_holds_nothing(tmp_path: Path) -> None:
    assert verify_staged(tmp_path / "none", LEAF_SIZE, bytes(32)) == []


def test_a_file_longer_than_the_clip_gets_its_length(tmp_path: Path) -> None:
    data = footage(1000)
    staging = tmp_path / "clip.part"
    staging.write_bytes(data + b"rest of something else")
    finish_staged(staging, len(data))
    assert staging.read_bytes() == data


def test_a_link_in_place_of_the_staging_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    staging = tmp_path / "clip.part"
    staging.symlink_to(target)
    leaf = ReadyLeaf(0, (b"x",), bytes(32))
    with pytest.raises(OSError, match="symbolic"):
        write_leaves(staging, [leaf])
    assert target.read_bytes() == b"precious"


def test_small_parts_make_a_leaf_too(tmp_path: Path) -> None:
    data = footage(LEAF_SIZE + 4096)
    assembly, leaves = begin(data, tmp_path)
    list_up(assembly, leaves)
    for offset, part in parts(data, 4096):
        leaf = assembly.add_part(offset, part)
        if leaf is not None:
            assert settle(assembly, [leaf]) == [True]
    assert assembly.whole
    assert assembly.staging.stat().st_size == len(data)
