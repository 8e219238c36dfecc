"""A slip held against trails: holds, was rewritten, is cut, is withheld, is not stored yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.__main__ import main
from hashing.ledger import statement_hash
from hashing.verdict import Outcome
from protocols.ids import ClipId, EntryId
from protocols.slip import Slip, SlipClip, slip_of
from protocols.trail import SlipHeld, TrailAbout, TrailDocument, hold_slip
from tests.unit.protocols.test_trail import World


@pytest.fixture
def world() -> World:
    return World()


def slip(world: World, at: ClipId | None = None) -> Slip:
    """The slip of the world's docking, made when this entry was the head; else at its end."""
    last = world.dock.entries[-1].seq if at is None else at.seq
    head = EntryId(world.dock.id, 0, last)
    clips = []
    for clip in world.clips:
        digest = world.dock.clips[clip].digest
        clips.append(SlipClip(clip, digest.sha256, digest.size))
    return slip_of(world.session, head, statement_hash(world.dock.entries[last].statement), clips)


def trail(world: World, *clips: ClipId) -> TrailDocument:
    about = TrailAbout(clip=str(clips[0]))
    return world.log.trail(about, list(range(world.log.size)), tuple(map(str, clips)))


def hold(world: World, asked: Slip, *documents: TrailDocument) -> SlipHeld:
    shown = documents or (trail(world, *world.clips),)
    reports = [world.report(document) for document in shown]
    return hold_slip(asked, reports, world.log.anchors.gateway)


def test_a_slip_holds_once_all_its_clips_are_stored(world: World) -> None:
    waiting = hold(world, slip(world))
    assert (waiting.outcome, waiting.outcome.exit_code) == (Outcome.NOT_LOGGED, 15)
    assert waiting.waiting == (world.clips[1],)
    assert [clip for clip, _ in waiting.stored] == [world.clips[0]]
    world.store(world.clips[1])
    for at in (None, *world.clips):
        held = hold(world, slip(world, at))
        assert held.outcome is Outcome.INTACT, held.reason
    assert [clip for clip, _ in hold(world, slip(world)).stored] == world.clips


def test_a_ledger_that_was_rewritten_is_altered(world: World) -> None:
    told = slip(world)
    assert hold(world, replace(told, head_hash=b"\x00" * 32)).outcome is Outcome.ALTERED
    # Also where the slip's entry itself is not shown: the next one names it.
    first = slip(world, world.clips[0])
    assert hold(world, replace(first, head_hash=b"\x00" * 32)).outcome is Outcome.ALTERED


def test_other_clips_than_the_slips_are_altered(world: World) -> None:
    told = slip(world)
    assert hold(world, replace(told, digest=b"\x00" * 32)).outcome is Outcome.ALTERED
    assert hold(world, replace(told, count=1)).outcome is Outcome.ALTERED
    more = hold(world, replace(told, count=3))
    assert more.outcome is Outcome.ALTERED
    assert "and no more; the slip says 3" in more.reason


def test_a_head_beyond_the_trail_is_not_stored_yet_or_left_out(world: World) -> None:
    told = slip(world)
    later = replace(told, head=replace(told.head, seq=told.head.seq + 7))
    held = hold(world, later)
    assert held.outcome is Outcome.INCOMPLETE
    assert "not stored yet, or was left out" in held.reason


def test_withheld_clips_of_the_docking_want_their_own_trails(world: World) -> None:
    sealing = world.index("clip.sealed", 1)
    whole = trail(world, world.clips[0])
    entries = tuple(
        each.model_copy(update={"record": None}) if each.index == sealing else each
        for each in whole.entries
    )
    one = whole.model_copy(update={"entries": entries})
    held = hold(world, slip(world), one)
    assert held.outcome is Outcome.INCOMPLETE
    assert f"withholds: {world.clips[1]}" in held.reason
    assert hold(world, slip(world), one, trail(world, world.clips[1])).waiting == (world.clips[1],)


def test_a_trail_of_something_else_or_a_broken_one_says_so(world: World) -> None:
    told = slip(world)
    other = replace(told, session=EntryId(world.dock.id, 0, 99))
    assert "is not in the trail" in hold(world, other).reason
    broken = hold(world, told, world.without(world.index("session.closed")))
    assert broken.outcome is not Outcome.INTACT
    assert "the trail itself does not hold" in broken.reason
    stranger = World()
    assert hold(stranger, told).outcome is Outcome.ALTERED


def test_the_word_of_anybody_but_the_gateway_stores_nothing(world: World) -> None:
    world.store(world.clips[1])
    report = world.report(trail(world, *world.clips))
    assert hold_slip(slip(world), [report], "urn:other").waiting == tuple(world.clips)


def test_the_command_reads_trails_of_files(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.store(world.clips[1])
    file, trust = tmp_path / "trail.json", tmp_path / "trust.json"
    file.write_text(trail(world, *world.clips).model_dump_json())
    trust.write_text(world.log.anchors.to_json())
    where = ["--trail", str(file), "--trust", str(trust)]
    text = slip(world).text()
    assert main(["verify-slip", text, *where]) == 0
    assert f"{world.clips[0]}: stored, entry {world.stored}" in capsys.readouterr().out
    assert main(["verify-slip", text[:-1] + ("0" if text[-1] != "0" else "1"), *where]) == 10
    assert main(["verify-slip", text, "--trail", str(trust), "--trust", str(trust)]) == 2
    assert main(["verify-slip", text, "--trail", "/nowhere", "--trust", str(trust)]) == 2
    assert main(["verify-slip", text, "--trail", str(file), "--trust", str(file)]) == 2


def held_by_command(asked: Slip, world: World, document: TrailDocument, home: Path) -> int:
    file, trust = home / "trail.json", home / "trust.json"
    file.write_text(document.model_dump_json())
    trust.write_text(world.log.anchors.to_json())
    return main(["verify-slip", asked.text(), "--trail", str(file), "--trust", str(trust)])


def test_a_hostile_document_forges_nothing_on_the_terminal(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = "x\n\x1b[1A\x1b[2Kintact: all of them stored\n"
    hostile = trail(world, *world.clips).model_copy(update={"clips": (forged,)})
    assert held_by_command(slip(world), world, hostile, tmp_path) == 11
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("incomplete: ")
    assert r"x\u000a\u001b[1A" in line


def test_a_slip_older_than_its_own_docking_is_no_docks(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = world.dock.entries[0]
    head = EntryId(world.dock.id, 0, first.seq)
    assert head < world.session
    older = replace(slip(world), head=head, head_hash=statement_hash(first.statement))
    assert held_by_command(older, world, trail(world, *world.clips), tmp_path) == 10
    assert "older than its docking" in capsys.readouterr().out
