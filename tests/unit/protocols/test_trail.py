"""A trail is checked against the anchors alone, and what is wrong is named."""

import base64

import pytest

from hashing.keys import Es256Signer
from hashing.verdict import Outcome
from protocols.ids import ClipId, case_urn, dock_urn
from protocols.kinds import (
    CaseLinked,
    CaseOpened,
    Disposition,
    DockEnrolled,
    DockRevoked,
    InventoryFile,
    Leftover,
    SessionClosed,
    SessionInventory,
)
from protocols.trail import (
    MAX_TRAIL,
    TrailAbout,
    TrailDocument,
    TrailError,
    TrailReport,
    verify_trail,
)
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import SimulatedLog

CASE = case_urn("00ff")
CASE_NO = "云商执〔2026〕17号"


class World:
    """One dock, one session of two clips, both stored, the first one linked to a case."""

    def __init__(self, *, close: bool = True) -> None:
        self.log = SimulatedLog()
        self.dock = SimulatedDock()
        self.dock.boot()
        self.log.enrol(self.dock.id, self.dock.signer)
        self.session = self.dock.open_session()
        self.dock.inventory(self.session, ["a.mp4", "b.mp4"])
        self.clips = [
            self.dock.seal(self.session, b"one" * 9, name="a.mp4"),
            self.dock.seal(self.session, b"two" * 9, name="b.mp4"),
        ]
        if close:
            self.dock.close_session(self.session)
        self.log_dock()
        self.log.append_own(CaseOpened(case=CASE, case_no=CASE_NO, by="case system"), CASE)
        self.link(self.clips[0])

    def log_dock(self) -> None:
        known = {statement for statement, _ in self.log.entries}
        for entry in self.dock.entries:
            if entry.statement not in known:
                self.log.append(entry)

    def link(self, clip: ClipId) -> None:
        body = CaseLinked(
            case=CASE,
            case_no=CASE_NO,
            clip=str(clip),
            link="1",
            by="officer 014032",
            why="recorded the inspection",
            how="manual",
        )
        self.log.append_own(body, CASE)

    def document(self, indices: list[int] | None = None) -> TrailDocument:
        chosen = list(range(self.log.size)) if indices is None else indices
        about = TrailAbout(case_no=CASE_NO, case=CASE)
        return self.log.trail(about, chosen, (str(self.clips[0]),))

    def report(self, document: TrailDocument | None = None) -> TrailReport:
        return verify_trail(document or self.document(), self.log.anchors)

    def changed(self, index: int, **update: object) -> TrailDocument:
        document = self.document()
        entries = tuple(
            entry.model_copy(update=update) if entry.index == index else entry
            for entry in document.entries
        )
        return document.model_copy(update={"entries": entries})


def _problems(report: TrailReport) -> set[tuple[int, Outcome]]:
    return {(finding.step, finding.outcome) for finding in report.verdict.problems}


@pytest.fixture
def world() -> World:
    return World()


def test_an_untouched_trail_is_intact_and_tells_what_the_clip_must_be(world: World) -> None:
    report = world.report()
    assert report.verdict.outcome is Outcome.INTACT
    assert [event.index for event in report.events] == list(range(world.log.size))
    (content,) = report.contents
    digest = world.dock.clips[world.clips[0]].digest
    assert (content.size, content.sha256, content.root) == (
        digest.size,
        digest.sha256,
        digest.root,
    )
    assert {finding.step for finding in report.verdict.findings} == {3, 4, 5, 6, 7, 9}


def test_a_trail_reads_back_from_its_json(world: World) -> None:
    document = TrailDocument.from_json(world.document().model_dump_json())
    assert world.report(document).verdict.outcome is Outcome.INTACT


@pytest.mark.parametrize("raw", ["", "[]", '{"v":1}', "[" * 100_000])
def test_what_is_no_trail_is_refused(raw: str) -> None:
    with pytest.raises(TrailError):
        TrailDocument.from_json(raw)


def test_a_trail_of_another_version_or_size_is_refused(world: World) -> None:
    newer = world.document().model_copy(update={"v": 2}).model_dump_json()
    with pytest.raises(TrailError, match="version"):
        TrailDocument.from_json(newer)
    with pytest.raises(TrailError, match="allowed"):
        TrailDocument.from_json(bytes(MAX_TRAIL + 1))


def test_an_edited_record_is_altered(world: World) -> None:
    raw = base64.b64decode(world.document().entries[-1].record or "")
    edited = base64.b64encode(raw.replace(b"inspection", b"inspektion")).decode()
    report = world.report(world.changed(world.log.size - 1, record=edited))
    assert _problems(report) == {(3, Outcome.ALTERED)}


@pytest.mark.parametrize("text", ["AAAA", "%%%"])
def test_bytes_that_are_no_statement_are_altered(world: World, text: str) -> None:
    report = world.report(world.changed(world.log.size - 1, statement=text))
    assert _problems(report) == {(3, Outcome.ALTERED)}


def test_a_wrong_inclusion_path_is_not_logged(world: World) -> None:
    report = world.report(world.changed(2, path=()))
    assert _problems(report) == {(6, Outcome.NOT_LOGGED)}


def test_entries_out_of_order_are_named(world: World) -> None:
    document = world.document()
    entries = (*document.entries[:-2], document.entries[-1], document.entries[-2])
    report = world.report(document.model_copy(update={"entries": entries}))
    assert (10, Outcome.ALTERED) in _problems(report)


def test_a_dropped_ledger_entry_is_a_gap_in_its_session(world: World) -> None:
    second = next(
        i for i, (s, _) in enumerate(world.log.entries) if s == world.dock.entries[3].statement
    )
    report = world.report(world.document([i for i in range(world.log.size) if i != second]))
    reasons = [finding.reason for finding in report.verdict.problems]
    assert report.verdict.outcome is Outcome.INCOMPLETE
    assert any("gap" in reason for reason in reasons)


def test_a_dropped_act_of_the_gateway_is_a_hole(world: World) -> None:
    world.link(world.clips[1])
    left_out = world.log.size - 2
    report = world.report(world.document([i for i in range(world.log.size) if i != left_out]))
    assert _problems(report) == {(5, Outcome.INCOMPLETE)}
    assert report.verdict.problems[0].subject == CASE


def test_a_checkpoint_by_another_key_is_unsigned(world: World) -> None:
    document = world.document().model_copy(update={"checkpoint": SimulatedLog().note().decode()})
    assert _problems(world.report(document)) == {(7, Outcome.UNSIGNED)}


def test_a_checkpoint_older_than_the_pinned_one_is_incomplete(world: World) -> None:
    anchors = world.log.anchors
    world.log.anchors = type(anchors)(
        anchors.gateway,
        anchors.statement_key,
        anchors.receipt_key,
        anchors.checkpoint_key,
        world.log.note(),
    )
    document = world.document().model_copy(update={"checkpoint": world.log.note(1).decode()})
    assert (7, Outcome.INCOMPLETE) in _problems(world.report(document))


def test_another_root_than_the_pinned_one_is_altered(world: World) -> None:
    world.log.entries = [world.log.entries[1], *world.log.entries[1:]]
    note = world.log.note(1).decode()
    document = world.document().model_copy(update={"checkpoint": note})
    assert (7, Outcome.ALTERED) in _problems(world.report(document))


def test_a_log_opened_under_other_keys_is_unknown(world: World) -> None:
    body = world.report().events[0].record
    assert body is not None
    other = body.body.model_copy(update={"statement_key": Es256Signer.generate().public.pem()})
    world.log.append_own(other, world.log.gateway)
    assert _problems(world.report()) == {(4, Outcome.UNKNOWN_KEY)}


def test_an_enrolment_with_an_unusable_key_is_named(world: World) -> None:
    body = DockEnrolled(dock="dock8", statement_key="no key", kid="0" * 64, how="test")
    world.log.append_own(body, dock_urn(world.dock.id))
    assert _problems(world.report()) == {(4, Outcome.UNSUPPORTED)}


def test_a_dock_that_is_not_enrolled_before_its_entry_is_unknown(world: World) -> None:
    report = world.report(world.document([i for i in range(world.log.size) if i != 1]))
    assert (4, Outcome.UNKNOWN_KEY) in _problems(report)


def test_a_statement_by_a_key_that_is_not_the_docks_is_unsigned() -> None:
    world = World(close=False)
    world.dock.signer = Es256Signer.generate()
    world.dock.close_session(world.session)
    world.log_dock()
    assert _problems(world.report()) == {(4, Outcome.UNSIGNED)}


def test_entries_after_the_last_trusted_one_are_revoked() -> None:
    world = World(close=False)
    body = DockRevoked(
        dock=world.dock.id,
        kid=world.dock.signer.public.kid.hex(),
        last_epoch=0,
        last_seq=4,
        reason="stolen",
    )
    world.log.append_own(body, dock_urn(world.dock.id))
    world.dock.close_session(world.session)
    world.log_dock()
    assert _problems(world.report()) == {(4, Outcome.REVOKED)}


def test_a_session_that_is_not_closed_yet_is_incomplete() -> None:
    report = World(close=False).report()
    assert _problems(report) == {(5, Outcome.INCOMPLETE)}
    assert report.verdict.problems[0].reason == "not closed yet"


def test_a_session_without_its_opening_is_incomplete(world: World) -> None:
    opening = world.log.entries.index(
        next(e for e in world.log.entries if b'"session.opened"' in e[1])
    )
    report = world.report(world.document([i for i in range(world.log.size) if i != opening]))
    assert any("opening" in finding.reason for finding in report.verdict.problems)


def test_a_clip_whose_sealing_is_left_out_is_named(world: World) -> None:
    document = world.document().model_copy(update={"clips": ("dock7.0.99",)})
    assert _problems(world.report(document)) == {(9, Outcome.INCOMPLETE)}


def _close(world: World, leftovers: tuple[Leftover, ...]) -> None:
    world.dock.append(
        SessionClosed(
            session=str(world.session),
            reason="removed",
            sealed=2,
            released=0,
            erased=0,
            inventory_files=3,
            inventory_pages=2,
            leftovers=leftovers,
            leftovers_total=len(leftovers),
            head="dock7.0.5",
            head_hash="0" * 64,
        )
    )
    world.log_dock()


def _third_file(world: World) -> None:
    files = (InventoryFile(path="DCIM/c.mp4", disposition=Disposition.INGEST),)
    world.dock.append(SessionInventory(session=str(world.session), page=1, last=True, files=files))


def test_a_listed_recording_nobody_sealed_is_named() -> None:
    world = World(close=False)
    _third_file(world)
    _close(world, ())
    report = world.report()
    assert _problems(report) == {(9, Outcome.INCOMPLETE)}
    assert "c.mp4" in report.verdict.problems[0].reason


def test_a_listed_recording_that_was_left_over_is_accounted_for() -> None:
    world = World(close=False)
    _third_file(world)
    _close(world, (Leftover(path="DCIM/c.mp4", outcome="unreadable", reason="EIO"),))
    assert world.report().verdict.outcome is Outcome.INTACT


def test_somebody_elses_clip_is_accounted_for_by_its_statement_alone(world: World) -> None:
    withheld = next(i for i, (_, r) in enumerate(world.log.entries) if b'"DCIM/b.mp4","name"' in r)
    report = world.report(world.changed(withheld, record=None))
    assert report.verdict.outcome is Outcome.INTACT


def test_a_sealing_of_another_bays_session_accounts_for_nothing_here() -> None:
    world = World(close=False)
    _third_file(world)
    other = world.dock.open_session()
    elsewhere = world.dock.seal(other, b"elsewhere", name="c.mp4")
    _close(world, ())
    withheld = next(
        index
        for index, (statement, _) in enumerate(world.log.entries)
        if statement == world.dock.entries[elsewhere.seq].statement
    )
    report = world.report(world.changed(withheld, record=None))
    assert (9, Outcome.INCOMPLETE) in _problems(report)


def test_an_unknown_record_is_shown_and_named(world: World) -> None:
    world.log.append(world.dock.entries[world.dock.append_bytes(b"noise").seq])
    assert _problems(world.report()) == {(3, Outcome.UNSUPPORTED)}


def test_a_sealing_that_names_no_clip_is_no_content(world: World) -> None:
    forged = next(e for e in world.dock.entries if b'"clip.sealed"' in e.record)
    world.dock.append_bytes(forged.record, subject="urn:evidock:clip:dock9.0.1")
    world.log_dock()
    assert len(world.report().contents) == 1
