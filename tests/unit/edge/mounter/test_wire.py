"""Lines on the mount helper's socket, whatever devices say."""

from __future__ import annotations

from edge.mounter import wire


def test_what_a_device_says_at_length_is_cut_and_not_refused() -> None:
    told = wire.Unplaced(device="d" * 9000, port="p" * 9000, reason="r")
    assert (len(told.device), len(told.port)) == (500, 500)


def test_a_device_of_many_partitions_does_not_hide_the_refusal_of_another() -> None:
    unplaced = tuple(
        wire.Unplaced(device=f"sd{number}", port="口" * 500, bay="1", reason="口" * 500)
        for number in range(2000)
    )
    refused = wire.Refused(bay="2", port="p", device="046d:c31c", classes=("03",), reason="no")
    line = wire.telling(wire.Told(mounted=("/m/1",), unplaced=unplaced, refused=(refused,)))
    assert len(line) < wire.LINE
    heard = wire.told(line)
    assert heard.refused == (refused,)
    assert heard.mounted == ("/m/1",)
    assert heard.unplaced == unplaced[: len(heard.unplaced)]
    assert heard.unplaced
