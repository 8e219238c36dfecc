"""Footage written anew by a media library, without loss: it plays the same and is not the same."""

from __future__ import annotations

from pathlib import Path

import av

from hashing.verdict import Outcome
from protocols.pack import layout
from tests.attacks.forging import problems, verified
from tests.demo.cards import made_card
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import CASE_NO, exported
from tests.simulators.seeded import admit, enrol, gateway_on, link_all, store


def remuxed(source: Path, target: Path) -> None:
    """The same packets in a container of another program."""
    with av.open(str(source)) as given, av.open(str(target), "w", format="mp4") as made:
        picture = given.streams.video[0]
        stream = made.add_stream_from_template(picture)
        for packet in given.demux(picture):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)


def frames(path: Path) -> list[int]:
    """A digest of every picture, as it is shown."""
    with av.open(str(path)) as opened:
        return [hash(bytes(frame.planes[0])) for frame in opened.decode(video=0)]


async def test_footage_that_plays_the_same_after_another_program_wrote_it_is_altered(
    tmp_path: Path,
) -> None:
    card = made_card(tmp_path / "card", takes=1, seconds=1)
    recording = card.root / card.recordings[0].path
    async with gateway_on(tmp_path / "gateway") as services:
        trust = services.log.anchors()
        dock = SimulatedDock()
        await enrol(services, dock)
        (clip,) = dock.shift_end({"A.MP4": recording.read_bytes()})
        await admit(services, dock, dock.entries)
        await store(services, dock.clips[clip])
        await link_all(services, CASE_NO, [clip])
        await exported(services, tmp_path / "pack")
    original = tmp_path / "pack" / layout.original(clip, "A.MP4")
    remuxed(recording, tmp_path / "remuxed.mp4")
    assert frames(tmp_path / "remuxed.mp4") == frames(original)
    original.write_bytes((tmp_path / "remuxed.mp4").read_bytes())
    checked = verified(tmp_path / "pack", trust)
    assert (2, Outcome.ALTERED, str(clip)) in problems(checked)
    assert checked.verdict.outcome is Outcome.ALTERED
