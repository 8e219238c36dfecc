"""What a USB device in a bay may be: every class there is, and what is made to deceive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.mounter.classes import decide
from edge.mounter.descriptors import Claimed, Interface, Malformed, parse
from tests.unit.edge.mounter.usbside import (
    ADB,
    DISK,
    KEYBOARD,
    MTP,
    SERIAL,
    SERIAL_DATA,
    descriptors,
)

LISTED = ("4255:0001",)


def claimed(*kinds: tuple[int, int, int], **device: int) -> Claimed:
    return parse(descriptors(*kinds, **device))


@pytest.mark.parametrize(
    "kinds",
    [(DISK,), ((0x08, 0x06, 0x62),), (DISK, SERIAL, SERIAL_DATA)],
    ids=["disk", "UASP disk", "disk with a control line"],
)
def test_a_camera_that_is_a_disk_is_let_through(kinds: tuple[tuple[int, int, int], ...]) -> None:
    decision = decide(claimed(*kinds), LISTED)
    assert decision.whole
    assert len(decision.allowed) == len(kinds)


@pytest.mark.parametrize("base", range(256))
@pytest.mark.parametrize("beside", [(), (DISK,)], ids=["alone", "beside a disk"])
def test_of_all_classes_only_a_cameras_are_let_through(
    base: int, beside: tuple[tuple[int, int, int], ...]
) -> None:
    decision = decide(claimed(*beside, (base, 0x06, 0x50)), LISTED)
    harmful = {0x01, 0x02, 0x03, 0x07, 0x09, 0x0B, 0x0D, 0xE0}
    bases = {each.base for each in decision.allowed}
    if base in harmful:
        assert not decision.allowed
        assert "claims to be" in decision.reason
    elif base == 0x08:
        assert decision.whole
    else:
        assert bases == ({0x08} if beside else set())
        assert not decision.whole


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (KEYBOARD, "keyboard"),
        ((0x03, 0x00, 0x00), "input"),
        ((0x02, 0x06, 0x00), "network"),  # ECM
        ((0x02, 0x0D, 0x00), "network"),  # NCM
        ((0x02, 0x02, 0xFF), "network"),  # RNDIS under the name of a serial line
        ((0xE0, 0x01, 0x03), "network"),  # RNDIS
        ((0xEF, 0x04, 0x01), "network"),  # RNDIS
        ((0x09, 0x00, 0x00), "hub"),
    ],
)
def test_a_disk_that_also_types_or_networks_is_refused_whole(
    kind: tuple[int, int, int], what: str
) -> None:
    decision = decide(claimed(DISK, kind, vid=0x4255), LISTED)
    assert not decision.allowed
    assert what in decision.reason


def test_a_hub_says_so_in_its_device_descriptor_alone() -> None:
    assert "hub" in decide(claimed(DISK, base=0x09), LISTED).reason


def test_a_vendors_interface_needs_its_listed_camera() -> None:
    amba = claimed((0xFF, 0x00, 0x00), vid=0x4255)
    assert decide(amba, LISTED).whole
    assert not decide(amba, ()).allowed
    part = decide(claimed(DISK, ADB), LISTED)
    assert {each.base for each in part.allowed} == {0x08}
    assert (part.whole, part.reason) == (False, "left out: ff/42/01")


def test_mtp_is_refused_with_what_to_do() -> None:
    assert "disk mode" in decide(claimed(MTP), LISTED).reason


def test_data_of_a_line_that_is_not_there_is_left_out() -> None:
    decision = decide(claimed(DISK, SERIAL_DATA), LISTED)
    assert {each.base for each in decision.allowed} == {0x08}


def test_a_setting_that_turns_a_disk_into_something_else_bars_its_interface() -> None:
    switched = frozenset({Interface(1, 0, *DISK), Interface(1, 0, *ADB)})
    decision = decide(Claimed("1234:0001", 0, switched), ())
    assert not decision.allowed
    assert "switched" in decision.reason


def test_a_second_configuration_counts_as_well() -> None:
    both = frozenset({Interface(1, 0, *DISK), Interface(2, 0, *KEYBOARD)})
    assert not decide(Claimed("1234:0001", 0, both), ()).allowed


def test_a_device_without_any_interface_is_no_camera() -> None:
    assert not decide(claimed(), LISTED).allowed


@given(
    st.lists(st.tuples(*[st.integers(0, 255)] * 3), max_size=6),
    st.sampled_from([0x1234, 0x4255]),
)
def test_whatever_is_let_through_is_of_a_cameras_classes(
    kinds: list[tuple[int, int, int]], vid: int
) -> None:
    decision = decide(claimed(*kinds, vid=vid), LISTED)
    for each in decision.allowed:
        assert each.base in {0x02, 0x08, 0x0A} or (each.base == 0xFF and vid == 0x4255)
    assert decision.whole == (
        bool(kinds) and len(decision.allowed) == len(claimed(*kinds).interfaces)
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        descriptors(DISK)[:17],
        b"\x12\x02" + descriptors(DISK)[2:],
        descriptors(DISK)[:-1],
        descriptors(DISK) + b"\x00\x04",
        descriptors(DISK) + b"\x08\x04\x00\x00\x00\x08\x06\x50",
        descriptors(DISK) + b"\x09",
        descriptors(DISK) + b"\x02\x05" * 40_000,
        descriptors(*[(0xFF, n, m) for n in range(30) for m in range(10)]),
    ],
    ids=["none", "cut", "other", "short", "length 0", "short interface", "tail", "long", "many"],
)
def test_bytes_that_are_no_descriptors_are_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    head = descriptors()[:18]
    for each in (raw, head + raw):
        try:
            decide(parse(each), LISTED)
        except Malformed:
            continue
