"""A trail is checked against the anchors alone, and what is wrong is named."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from hashing.keys import Ed25519Signer, Es256Signer
from hashing.ledger import DockLink, SubjectLink, next_subject_link, statement_hash
from hashing.note import Checkpoint, NoteKey, SignatureType, sign_checkpoint
from hashing.statement import sign_statement
from hashing.verdict import Outcome, Verdict
from protocols.acceptance import Sealed
from protocols.ids import ClipId, case_urn, dock_id, dock_urn
from protocols.kinds import (
    AbsentFiles,
    Body,
    CaseLinked,
    CaseOpened,
    CaseUnlinked,
    ClipErased,
    ClipLost,
    ClipStored,
    Disposition,
    DockEnrolled,
    DockRevoked,
    EraseIntended,
    InventoryFile,
    Leftover,
    LogOpened,
    NumberGap,
    SessionInventory,
)
from protocols.records import CheckpointRef, encode_record
from protocols.trail import (
    MAX_TRAIL,
    TrailAbout,
    TrailDocument,
    TrailError,
    TrailReport,
    answers_case,
    answers_clip,
    verify_trail,
)
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import AT, SimulatedLog

TOKEN = "00ff" * 8
CASE = case_urn(TOKEN)
CASE_NO = "云商执〔2026〕17号"


class World:
    """One dock, one session of two clips, the first one stored, linked to a case, and erased."""

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
        self.log.append_own(CaseOpened(case=TOKEN, case_no=CASE_NO, by="case system"), CASE)
        self.stored = self.store(self.clips[0])
        self.link(self.clips[0])

    def log_dock(self) -> None:
        known = {statement for statement, _ in self.log.entries}
        for entry in self.dock.entries:
            if entry.statement not in known:
                self.log.append(entry)

    def sealed(self, clip: ClipId) -> Sealed:
        digest = self.dock.clips[clip].digest
        statement = self.dock.entries[clip.seq].statement
        return Sealed(clip, digest.size, digest.sha256, digest.root, statement_hash(statement))

    def store(self, clip: ClipId, **lies: object) -> int:
        body = self.log.stored(self.sealed(clip)).model_copy(update=lies)
        return self.log.append_own(body, clip.clip_urn)

    def erase(self, *, release: int | None = None, intend: bool = True, **lies: object) -> None:
        clip, session = str(self.clips[0]), str(self.session)
        index = self.stored if release is None else release
        if intend:
            self.dock.append(EraseIntended(clip=clip, session=session, release_index=index))
        digest = self.dock.clips[self.clips[0]].digest
        erased = ClipErased(clip=clip, session=session, reread_sha256=digest.sha256.hex())
        self.dock.append(erased.model_copy(update=lies))
        self.log_dock()

    def link(self, clip: ClipId, link: str = "1", **update: object) -> None:
        body = CaseLinked(
            case=TOKEN,
            case_no=CASE_NO,
            clip=str(clip),
            link=link,
            by="officer 014032",
            why="recorded the inspection",
            how="manual",
        )
        self.log.append_own(body.model_copy(update=update), CASE)

    def unlink(self, clip: ClipId, link: str = "1") -> None:
        body = CaseUnlinked(
            case=TOKEN, case_no=CASE_NO, clip=str(clip), link=link, by="Li", why="mistaken"
        )
        self.log.append_own(body, CASE)

    def revoke(self, last_seq: int, last_epoch: int = 0) -> int:
        body = DockRevoked(
            dock=self.dock.id,
            kid=self.dock.signer.public.kid.hex(),
            last_epoch=last_epoch,
            last_seq=last_seq,
            reason="stolen",
        )
        return self.log.append_own(body, dock_urn(self.dock.id))

    def unchained(self, body: Body, subject: str, link: SubjectLink | DockLink) -> None:
        """A statement of the gateway outside the chain of its subject."""
        record = encode_record(body, at=AT, checkpoint=None, salt=bytes(16))
        statement = sign_statement(
            self.log.statement_signer,
            record=record,
            issuer=self.log.gateway,
            subject=subject,
            chain=link,
        )
        self.log.entries.append((statement, record))

    def index(self, kind: str, which: int = 0) -> int:
        """Position of a record of a kind in the log."""
        needle = f'"kind":"{kind}"'.encode()
        return [i for i, (_, record) in enumerate(self.log.entries) if needle in record][which]

    # --- documents --------------------------------------------------------------------

    def document(self, indices: Iterable[int] | None = None) -> TrailDocument:
        chosen = list(range(self.log.size) if indices is None else indices)
        about = TrailAbout(case_no=CASE_NO, case=TOKEN)
        return self.log.trail(about, chosen, (str(self.clips[0]),))

    def without(self, *indices: int) -> TrailDocument:
        return self.document(i for i in range(self.log.size) if i not in indices)

    def changed(self, index: int, **update: object) -> TrailDocument:
        document = self.document()
        entries = tuple(
            entry.model_copy(update=update) if entry.index == index else entry
            for entry in document.entries
        )
        return document.model_copy(update={"entries": entries})

    def withholding(self, kind: str) -> TrailDocument:
        return self.changed(self.index(kind), record=None)

    def report(self, document: TrailDocument | None = None) -> TrailReport:
        return verify_trail(document or self.document(), self.log.anchors)

    def answer(self, document: TrailDocument | None = None) -> Verdict:
        """As a stranger asks: every step, and whether it is this case's trail."""
        shown = document or self.document()
        report = self.report(shown)
        return report.verdict + answers_case(CASE_NO, shown, report, self.log.anchors)


def _problems(found: TrailReport | Verdict) -> set[tuple[int, Outcome]]:
    verdict = found.verdict if isinstance(found, TrailReport) else found
    return {(finding.step, finding.outcome) for finding in verdict.problems}


def _reasons(found: TrailReport | Verdict) -> str:
    verdict = found.verdict if isinstance(found, TrailReport) else found
    return "\n".join(f"{each.subject}: {each.reason}" for each in verdict.problems)


@pytest.fixture
def world() -> World:
    return World()


# --- an honest trail ------------------------------------------------------------------


def test_an_untouched_trail_is_intact_and_tells_what_the_clip_must_be(world: World) -> None:
    report = world.report()
    assert world.answer().outcome is Outcome.INTACT, _reasons(report)
    assert [event.index for event in report.events] == list(range(world.log.size))
    (content,) = report.contents
    digest = world.dock.clips[world.clips[0]].digest
    assert (content.size, content.sha256, content.root) == (
        digest.size,
        digest.sha256,
        digest.root,
    )
    assert {finding.step for finding in report.verdict.findings} == {3, 4, 5, 6, 7, 9, 10}


def test_a_trail_with_an_erasure_is_intact(world: World) -> None:
    world.erase()
    assert world.answer().outcome is Outcome.INTACT
    reasons = [finding.reason for finding in world.report().verdict.findings]
    assert any(reason.endswith("erased on its card") for reason in reasons)


def test_the_verdict_says_what_it_cannot_know(world: World) -> None:
    size, witnesses = world.report().notes
    assert f"checkpoint {world.log.size}" in size
    assert "no witnesses" in witnesses


def test_a_trail_reads_back_from_its_json(world: World) -> None:
    document = TrailDocument.from_json(world.document().model_dump_json())
    assert world.report(document).verdict.outcome is Outcome.INTACT


@pytest.mark.parametrize("raw", ["", "[]", '{"v":1}', "[" * 100_000, b"\xff"])
def test_what_is_no_trail_is_refused(raw: str | bytes) -> None:
    with pytest.raises(TrailError):
        TrailDocument.from_json(raw)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ('"v":1', '"v":2'),
        ('"v":1', '"v":true'),
        ('"index":1,', '"index":"1",'),
        ('"index":1,', '"index":1.0,'),
        ('"v":1', '"v":1,"v":1'),
    ],
)
def test_a_trail_is_read_strictly(world: World, part: str, instead: str) -> None:
    text = world.document().model_dump_json()
    assert part in text
    with pytest.raises(TrailError):
        TrailDocument.from_json(text.replace(part, instead, 1))


def test_a_trail_that_is_too_large_is_refused() -> None:
    with pytest.raises(TrailError, match="allowed"):
        TrailDocument.from_json(bytes(MAX_TRAIL + 1))


# --- 3, 6: each statement -------------------------------------------------------------


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


def test_an_unknown_record_is_shown_and_named(world: World) -> None:
    world.log.append(world.dock.entries[world.dock.append_bytes(b"noise").seq])
    assert _problems(world.report()) == {(3, Outcome.UNSUPPORTED)}


# --- 4: whose word counts -------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["gateway", "origin", "statement_key", "receipt_key", "checkpoint_key"]
)
def test_a_log_opened_under_anything_else_than_the_anchors_is_unknown(
    world: World, field: str
) -> None:
    other = Es256Signer.generate().public
    note = NoteKey("other", Ed25519Signer.generate().public, SignatureType.ED25519)
    values = {
        "gateway": "urn:evidock:gateway:other",
        "origin": "other",
        "statement_key": other.pem(),
        "receipt_key": other.pem(),
        "checkpoint_key": note.vkey(),
    }
    opening = world.report().events[0].body
    assert isinstance(opening, LogOpened)
    anchors = world.log.anchors
    own = {
        "gateway": replace(anchors, gateway=values["gateway"]),
        "origin": anchors,
        "statement_key": anchors,
        "receipt_key": replace(anchors, receipt_key=other),
        "checkpoint_key": anchors,
    }[field]
    if own is anchors:
        body = opening.model_copy(update={field: values[field]})
        world.log.append_own(body, world.log.gateway)
    found = verify_trail(world.document(), own).verdict.problems
    assert any(each.outcome is Outcome.UNKNOWN_KEY for each in found)


def test_a_log_cannot_be_opened_twice(world: World) -> None:
    opening = world.report().events[0].body
    assert opening is not None
    world.log.append_own(opening, world.log.gateway)
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


def test_a_trail_without_the_logs_opening_is_incomplete(world: World) -> None:
    assert _problems(world.report(world.without(0))) == {(4, Outcome.INCOMPLETE)}


def test_an_enrolment_with_an_unusable_key_is_named(world: World) -> None:
    body = DockEnrolled(dock=world.dock.id, statement_key="no key", kid="0" * 64, how="test")
    world.log.append_own(body, dock_urn(world.dock.id))
    assert _problems(world.report()) == {(4, Outcome.UNSUPPORTED)}


def test_an_enrolment_under_another_docks_name_enrols_nobody(world: World) -> None:
    other = SimulatedDock("dock8")
    body = DockEnrolled(
        dock="dock8", statement_key=other.public_pem, kid=other.signer.public.kid.hex(), how="test"
    )
    world.log.append_own(body, dock_urn(world.dock.id))
    other.boot()
    world.log.append(other.entries[0])
    assert _problems(world.report()) == {(4, Outcome.ALTERED), (4, Outcome.UNKNOWN_KEY)}


def test_a_docks_key_is_never_swapped(world: World) -> None:
    forger = Es256Signer.generate()
    world.log.enrol(world.dock.id, forger)
    world.dock.signer = forger
    world.dock.boot()
    world.log_dock()
    report = world.report()
    assert _problems(report) == {(4, Outcome.UNKNOWN_KEY), (4, Outcome.UNSIGNED)}
    assert "under another key" in _reasons(report)


def test_the_same_enrolment_again_changes_nothing(world: World) -> None:
    world.log.enrol(world.dock.id, world.dock.signer)
    assert world.report().verdict.outcome is Outcome.INTACT


def test_an_enrolment_that_names_another_key_id_is_altered(world: World) -> None:
    body = DockEnrolled(
        dock=world.dock.id, statement_key=world.dock.public_pem, kid="ab" * 32, how="test"
    )
    world.log.append_own(body, dock_urn(world.dock.id))
    assert _problems(world.report()) == {(4, Outcome.ALTERED)}


def test_a_dock_that_is_not_enrolled_before_its_entry_is_unknown(world: World) -> None:
    report = world.report(world.without(1))
    assert (4, Outcome.UNKNOWN_KEY) in _problems(report)


def test_an_enrolment_counts_for_what_comes_after_it() -> None:
    world = World()
    late = SimulatedDock("dock9")
    late.boot()
    world.log.append(late.entries[0])
    world.log.enrol(late.id, late.signer)
    assert _problems(world.report()) == {(4, Outcome.UNKNOWN_KEY)}


def test_only_the_gateway_enrols(world: World) -> None:
    other = SimulatedDock("dock8")
    body = DockEnrolled(
        dock="dock8", statement_key=other.public_pem, kid=other.signer.public.kid.hex(), how="test"
    )
    world.dock.append(body, dock_urn(dock_id("dock8")))
    world.log_dock()
    other.boot()
    world.log.append(other.entries[0])
    assert _problems(world.report()) == {(4, Outcome.UNKNOWN_KEY)}


def test_a_statement_by_a_key_that_is_not_the_docks_is_unsigned() -> None:
    world = World(close=False)
    world.dock.signer = Es256Signer.generate()
    world.dock.close_session(world.session)
    world.log_dock()
    assert _problems(world.report()) == {(4, Outcome.UNSIGNED)}


def test_a_revocation_counts_wherever_the_later_entries_stand(world: World) -> None:
    last = world.dock.entries[-1].seq
    world.revoke(last - 1)
    report = world.report()
    assert _problems(report) == {(4, Outcome.REVOKED)}
    assert len(report.verdict.problems) == 1


def test_the_last_trusted_entry_itself_is_trusted(world: World) -> None:
    world.revoke(world.dock.entries[-1].seq)
    assert world.report().verdict.outcome is Outcome.INTACT


def test_of_two_revocations_the_earlier_entry_counts(world: World) -> None:
    last = world.dock.entries[-1].seq
    world.revoke(last - 1)
    world.revoke(last)
    assert _problems(world.report()) == {(4, Outcome.REVOKED)}


# --- 5: chains ------------------------------------------------------------------------


def test_entries_out_of_order_are_named(world: World) -> None:
    document = world.document()
    entries = (*document.entries[:-2], document.entries[-1], document.entries[-2])
    report = world.report(document.model_copy(update={"entries": entries}))
    assert (10, Outcome.ALTERED) in _problems(report)


def test_an_entry_that_stands_twice_is_named(world: World) -> None:
    document = world.document()
    twice = (*document.entries[:1], *document.entries)
    report = world.report(document.model_copy(update={"entries": twice}))
    assert (10, Outcome.ALTERED) in _problems(report)


def test_a_dropped_ledger_entry_is_a_gap_in_its_session(world: World) -> None:
    report = world.report(world.without(world.index("session.inventory")))
    assert report.verdict.outcome is Outcome.INCOMPLETE
    assert "gap" in _reasons(report)


def test_a_dropped_act_of_the_gateway_is_a_hole(world: World) -> None:
    world.link(world.clips[1])
    report = world.report(world.without(world.log.size - 2))
    assert _problems(report) == {(5, Outcome.INCOMPLETE)}
    assert report.verdict.problems[0].subject == CASE


def test_an_act_without_a_place_in_a_chain_is_altered(world: World) -> None:
    body = CaseUnlinked(
        case=TOKEN, case_no=CASE_NO, clip=str(world.clips[0]), link="1", by="x", why="x"
    )
    world.unchained(body, CASE, DockLink(0, 0, bytes(32)))
    assert (5, Outcome.ALTERED) in _problems(world.report())


def test_an_act_filed_under_another_subject_is_altered(world: World) -> None:
    elsewhere = case_urn("11" * 16)
    body = CaseUnlinked(
        case=TOKEN, case_no=CASE_NO, clip=str(world.clips[0]), link="1", by="x", why="x"
    )
    world.unchained(body, elsewhere, next_subject_link(None))
    assert _problems(world.report()) == {(5, Outcome.ALTERED)}


def test_a_storing_filed_under_another_clip_is_altered(world: World) -> None:
    stored = world.log.stored(world.sealed(world.clips[0]))
    world.unchained(stored, world.clips[1].clip_urn, next_subject_link(None))
    assert _problems(world.report()) == {(5, Outcome.ALTERED)}


def test_an_entry_of_a_dock_in_a_subjects_chain_is_altered(world: World) -> None:
    record = world.dock.record(ClipLost(clip=str(world.clips[0]), reason="x"), 99)
    statement = sign_statement(
        world.dock.signer,
        record=record,
        issuer=dock_urn(world.dock.id),
        subject=dock_urn(world.dock.id),
        chain=next_subject_link(None),
    )
    world.log.entries.append((statement, record))
    assert _problems(world.report()) == {(5, Outcome.ALTERED)}


# --- 7: the log -----------------------------------------------------------------------


def test_a_checkpoint_by_another_key_is_unsigned(world: World) -> None:
    document = world.document().model_copy(update={"checkpoint": SimulatedLog().note().decode()})
    assert _problems(world.report(document)) == {(7, Outcome.UNSIGNED)}


def test_a_checkpoint_with_a_lone_surrogate_is_unsigned(world: World) -> None:
    document = world.document().model_copy(update={"checkpoint": "\ud800"})
    assert _problems(world.report(document)) == {(7, Outcome.UNSIGNED)}


def test_a_checkpoint_of_another_log_is_altered(world: World) -> None:
    log = world.log
    opened = Checkpoint("another.example/log", log.size, _root_of(log))
    note = sign_checkpoint(opened, log.checkpoint_signer, log.anchors.origin)
    document = world.document().model_copy(update={"checkpoint": note.decode()})
    assert (7, Outcome.ALTERED) in _problems(world.report(document))


def _root_of(log: SimulatedLog) -> bytes:
    pinned = replace(log.anchors, note=log.note())
    return pinned.checkpoint.root


def test_a_checkpoint_older_than_the_pinned_one_is_incomplete(world: World) -> None:
    world.log.anchors = replace(world.log.anchors, note=world.log.note())
    document = world.document().model_copy(update={"checkpoint": world.log.note(1).decode()})
    assert (7, Outcome.INCOMPLETE) in _problems(world.report(document))


def test_the_pinned_checkpoint_itself_needs_no_proof(world: World) -> None:
    world.log.anchors = replace(world.log.anchors, note=world.log.note())
    document = world.document().model_copy(update={"consistency": None})
    assert world.report(document).verdict.outcome is Outcome.INTACT


def test_another_root_than_the_pinned_one_is_altered(world: World) -> None:
    world.log.entries = [world.log.entries[1], *world.log.entries[1:]]
    note = world.log.note(1).decode()
    document = world.document().model_copy(update={"checkpoint": note})
    assert (7, Outcome.ALTERED) in _problems(world.report(document))


def test_without_a_proof_nothing_ties_the_checkpoint_to_the_pinned_one(world: World) -> None:
    document = world.document().model_copy(update={"consistency": None})
    assert _problems(world.report(document)) == {(7, Outcome.INCOMPLETE)}
    other = world.document().consistency
    assert other is not None
    wrong = other.model_copy(update={"from_size": 2})
    report = world.report(world.document().model_copy(update={"consistency": wrong}))
    assert _problems(report) == {(7, Outcome.INCOMPLETE)}


def test_a_log_written_anew_after_the_pinned_checkpoint_is_altered(world: World) -> None:
    world.log.anchors = replace(world.log.anchors, note=world.log.note())
    # The administrator takes the newest link out and lets others take its place.
    del world.log.entries[-1]
    world.link(world.clips[1], link="2")
    world.link(world.clips[1], link="3")
    assert (7, Outcome.ALTERED) in _problems(world.report())


def test_a_dock_that_knew_another_log_shows_a_rewritten_one(world: World) -> None:
    world.dock.accepted = CheckpointRef(size=world.log.size, root=_root_of(world.log).hex())
    world.dock.boot()
    world.log_dock()
    assert world.report().verdict.outcome is Outcome.INTACT
    honest = world.log.size - 1
    world.dock.boot()
    world.log_dock()
    assert world.report().verdict.outcome is Outcome.INTACT
    world.dock.accepted = CheckpointRef(size=honest, root="ab" * 32)
    world.dock.boot()
    world.log_dock()
    world.log.anchors = replace(world.log.anchors, note=world.log.note(honest))
    assert _problems(world.report()) == {(7, Outcome.ALTERED)}


def test_nobody_knows_a_checkpoint_that_is_not_there_yet(world: World) -> None:
    world.dock.accepted = CheckpointRef(size=world.log.size + 5, root="ab" * 32)
    world.dock.boot()
    world.log_dock()
    assert _problems(world.report()) == {(7, Outcome.ALTERED)}


# --- 9: nothing is left out -----------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "session.opened",
        "session.inventory",
        "session.closed",
        "clip.sealed",
        "clip.stored",
        "case.opened",
        "case.linked",
        "case.unlinked",
        "dock.enrolled",
        "dock.revoked",
        "log.opened",
        "erase.intended",
        "clip.erased",
    ],
)
def test_no_record_of_the_trails_own_story_may_be_withheld(world: World, kind: str) -> None:
    world.erase()
    world.link(world.clips[1], link="2")
    world.unlink(world.clips[1], link="2")
    world.revoke(world.dock.entries[-1].seq)
    assert world.answer().outcome is Outcome.INTACT
    problems = world.report(world.withholding(kind)).verdict.problems
    name = f"entry {world.index(kind)}"
    assert any(
        each.outcome is Outcome.INCOMPLETE and (each.subject == name or kind == "clip.sealed")
        for each in problems
    )


def test_in_the_trail_of_a_clip_other_acts_on_the_case_may_be_withheld(world: World) -> None:
    world.link(world.clips[1], link="2")
    about = TrailAbout(clip=str(world.clips[0]))
    withheld = world.changed(world.log.size - 1, record=None)
    of_clip = withheld.model_copy(update={"about": about})
    assert world.report(of_clip).verdict.outcome is Outcome.INTACT
    assert (9, Outcome.INCOMPLETE) in _problems(world.report(withheld))
    # It cannot pass for the trail of the case, then.
    assert (9, Outcome.INCOMPLETE) in _problems(world.answer(of_clip))


def test_somebody_elses_clip_is_accounted_for_by_its_statement_alone(world: World) -> None:
    withheld = world.index("clip.sealed", 1)
    report = world.report(world.changed(withheld, record=None))
    assert report.verdict.outcome is Outcome.INTACT


def test_a_session_that_is_not_closed_yet_is_incomplete() -> None:
    report = World(close=False).report()
    assert _problems(report) == {(5, Outcome.INCOMPLETE)}
    assert report.verdict.problems[0].reason == "not closed yet"


def test_a_session_without_its_opening_is_incomplete(world: World) -> None:
    report = world.report(world.without(world.index("session.opened")))
    assert "opening" in _reasons(report)


def test_a_clip_whose_sealing_is_left_out_is_named(world: World) -> None:
    document = world.document().model_copy(update={"clips": ("dock7.0.99",)})
    assert _problems(world.report(document)) == {(9, Outcome.INCOMPLETE)}


def _list(world: World, *files: tuple[str, Disposition], page: int = 1) -> None:
    rows = tuple(InventoryFile(path=f"DCIM/{n}", disposition=how) for n, how in files)
    world.dock.append(
        SessionInventory(session=str(world.session), page=page, last=True, files=rows)
    )


def _left(name: str) -> Leftover:
    return Leftover(path=f"DCIM/{name}", outcome="unreadable", reason="EIO")


def _closed(world: World, *leftovers: Leftover, **lies: Any) -> TrailReport:  # noqa: ANN401  # fields of the body
    world.dock.close_session(world.session, leftovers=leftovers, **lies)
    world.log_dock()
    return world.report()


@pytest.mark.parametrize("how", [Disposition.INGEST, Disposition.GROWING])
def test_a_listed_recording_nobody_sealed_is_named(how: Disposition) -> None:
    world = World(close=False)
    _list(world, ("c.mp4", how))
    report = _closed(world)
    assert _problems(report) == {(9, Outcome.INCOMPLETE)}
    assert "c.mp4" in _reasons(report)


def test_each_recording_that_is_not_accounted_for_is_named() -> None:
    """Of four that were listed one was sealed, one left over; the other two are told by name."""
    world = World(close=False)
    names = ("late.mp4", "gone.mp4", "left.mp4")
    _list(world, *((name, Disposition.INGEST) for name in names))
    said = _reasons(_closed(world, _left("left.mp4")))
    assert "2 listed but not accounted for: 'DCIM/late.mp4', 'DCIM/gone.mp4'" in said
    assert "left.mp4" not in said


def test_a_recording_that_is_listed_again_after_its_sealing_must_be_sealed_again() -> None:
    world = World(close=False)
    _list(world, ("a.mp4", Disposition.INGEST))
    assert _problems(_closed(world)) == {(9, Outcome.INCOMPLETE)}


@pytest.mark.parametrize(
    "how", [Disposition.KNOWN, Disposition.IGNORED, Disposition.REFUSED, Disposition.UNREADABLE]
)
def test_what_was_not_to_be_taken_needs_no_sealing(how: Disposition) -> None:
    world = World(close=False)
    _list(world, ("c.mp4", how))
    assert _closed(world).verdict.outcome is Outcome.INTACT


def test_a_listed_recording_that_was_left_over_is_accounted_for() -> None:
    world = World(close=False)
    _list(world, ("c.mp4", Disposition.INGEST))
    assert _closed(world, _left("c.mp4")).verdict.outcome is Outcome.INTACT


def test_leftovers_beyond_the_room_of_a_close_are_accounted_for_by_number() -> None:
    world = World(close=False)
    _list(world, *((f"{name}.mp4", Disposition.INGEST) for name in "cde"))
    report = _closed(world, _left("c.mp4"), leftovers_total=3)
    assert report.verdict.outcome is Outcome.INTACT
    assert any("2 by number only" in finding.reason for finding in report.verdict.findings)


def test_a_number_alone_accounts_for_nothing() -> None:
    world = World(close=False)
    _list(world, ("c.mp4", Disposition.INGEST))
    assert _problems(_closed(world, leftovers_total=1)) == {(9, Outcome.INCOMPLETE)}


def test_a_number_accounts_for_no_more_than_it_says() -> None:
    world = World(close=False)
    _list(world, *((f"{name}.mp4", Disposition.INGEST) for name in "cde"))
    report = _closed(world, _left("c.mp4"), leftovers_total=2)
    assert _problems(report) == {(9, Outcome.INCOMPLETE)}


@pytest.mark.parametrize(
    ("lie", "outcome"),
    [
        ({"head": "dock7.0.999"}, Outcome.ALTERED),
        ({"head_hash": "9" * 64}, Outcome.ALTERED),
        ({"sealed": 7}, Outcome.INCOMPLETE),
        ({"sealed": 1}, Outcome.INCOMPLETE),
        ({"inventory_files": 50}, Outcome.INCOMPLETE),
        ({"inventory_pages": 2}, Outcome.INCOMPLETE),
    ],
)
def test_what_a_close_says_has_to_be_there(lie: dict[str, object], outcome: Outcome) -> None:
    assert _problems(_closed(World(close=False), **lie)) == {(9, outcome)}


def test_a_close_that_names_more_than_it_counts_is_altered() -> None:
    report = _closed(World(close=False), _left("c.mp4"), leftovers_total=0)
    assert _problems(report) == {(9, Outcome.ALTERED)}


def test_a_daily_close_ends_nothing() -> None:
    world = World(close=False)
    _list(world, ("c.mp4", Disposition.INGEST))
    world.dock.close_session(world.session, reason="daily")
    report = _closed(world, _left("c.mp4"))
    assert report.verdict.outcome is Outcome.INTACT
    # An entry between the daily close and the real one cannot be dropped.
    world = World(close=False)
    world.dock.close_session(world.session, reason="daily")
    _list(world, ("c.mp4", Disposition.INGEST))
    _closed(world)
    report = world.report(world.without(world.index("session.inventory", 1)))
    assert "gap" in _reasons(report)


def test_the_close_of_another_session_ends_nothing() -> None:
    world = World(close=False)
    other = world.dock.open_session()
    world.dock.close_session(other)
    _list(world, ("c.mp4", Disposition.INGEST))
    assert _problems(_closed(world)) == {(9, Outcome.INCOMPLETE)}


def test_a_clip_cannot_be_sealed_after_its_session(world: World) -> None:
    late = world.dock.seal(world.session, b"late", name="late.mp4")
    world.log_dock()
    world.store(late)
    document = world.document().model_copy(update={"clips": (str(late),)})
    assert (9, Outcome.INCOMPLETE) in _problems(world.report(document))


def test_a_session_begins_with_its_opening_and_nothing_else(world: World) -> None:
    boot = world.dock.entries[0]
    fake = f"{world.dock.id}.{boot.epoch}.{boot.seq}"
    clip = world.dock.seal(_session(fake), b"x", name="x.mp4")
    world.log_dock()
    document = world.document().model_copy(update={"clips": (str(clip),)})
    assert "its opening is missing" in _reasons(world.report(document))


def _session(name: str) -> ClipId:
    return ClipId.parse(name)


def test_entries_of_another_epoch_or_dock_are_no_part_of_a_session(world: World) -> None:
    stranger = SimulatedDock("dock8")
    world.log.enrol(stranger.id, stranger.signer)
    stranger.boot()
    world.log.append(stranger.entries[0])
    world.dock.reopen()
    world.dock.boot()
    world.log_dock()
    assert world.report().verdict.outcome is Outcome.INTACT


def test_a_sealing_of_another_bays_session_accounts_for_nothing_here() -> None:
    world = World(close=False)
    _list(world, ("c.mp4", Disposition.INGEST))
    other = world.dock.open_session()
    elsewhere = world.dock.seal(other, b"elsewhere", name="c.mp4")
    _closed(world)
    withheld = next(
        index
        for index, (statement, _) in enumerate(world.log.entries)
        if statement == world.dock.entries[elsewhere.seq].statement
    )
    report = world.report(world.changed(withheld, record=None))
    assert (9, Outcome.INCOMPLETE) in _problems(report)


def test_a_sealing_that_names_no_clip_is_no_content(world: World) -> None:
    forged = next(e for e in world.dock.entries if b'"clip.sealed"' in e.record)
    world.dock.append_bytes(forged.record, subject="urn:evidock:clip:dock9.0.1")
    world.log_dock()
    assert len(world.report().contents) == 1


def test_a_sealing_counts_for_the_place_it_was_signed_at(world: World) -> None:
    forged = next(e for e in world.dock.entries if b'"clip.sealed"' in e.record)
    world.dock.append_bytes(forged.record, subject=world.clips[1].clip_urn)
    world.log_dock()
    document = world.document().model_copy(update={"clips": (str(world.clips[1]),)})
    (content,) = world.report(document).contents
    assert content.sha256 == world.dock.clips[world.clips[1]].digest.sha256


# --- 10: custody ----------------------------------------------------------------------


def test_a_clip_that_is_not_stored_yet_is_incomplete(world: World) -> None:
    document = world.document().model_copy(update={"clips": (str(world.clips[1]),)})
    report = world.report(document)
    assert _problems(report) == {(10, Outcome.INCOMPLETE)}
    assert _reasons(report).endswith("not stored yet")


@pytest.mark.parametrize(
    "lie", [{"size": 1}, {"sha256": "0" * 64}, {"root": "0" * 64}, {"statement_hash": "0" * 64}]
)
def test_every_storing_must_be_of_what_was_sealed(world: World, lie: dict[str, object]) -> None:
    world.store(world.clips[0], **lie)
    world.store(world.clips[0])
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


def test_a_storing_before_the_sealing_is_altered() -> None:
    world = World()
    clip = world.dock.seal(world.dock.open_session(), b"x", name="x.mp4")
    world.store(clip)
    world.log_dock()
    document = world.document().model_copy(update={"clips": (str(clip),)})
    assert (10, Outcome.ALTERED) in _problems(world.report(document))


def test_only_the_gateway_says_that_a_clip_is_stored(world: World) -> None:
    clip = world.clips[1]
    world.dock.append(world.log.stored(world.sealed(clip)), clip.clip_urn)
    world.log_dock()
    document = world.document().model_copy(update={"clips": (str(clip),)})
    assert _reasons(world.report(document)).endswith("not stored yet")


def test_an_erasure_of_something_else_than_was_sealed_is_altered(world: World) -> None:
    world.erase(reread_sha256="f" * 64)
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


@pytest.mark.parametrize("release", [0, 10**6])
def test_an_erasure_without_a_release_is_altered(world: World, release: int) -> None:
    world.erase(release=release)
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


def test_an_erasure_on_a_release_that_came_later_is_altered() -> None:
    world = World()
    world.erase(release=world.log.size + 2)
    world.stored = world.store(world.clips[0])
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


def test_an_erasure_that_was_never_intended_is_altered(world: World) -> None:
    world.erase(intend=False)
    assert _problems(world.report()) == {(10, Outcome.ALTERED)}


def test_another_docks_word_about_erasing_counts_for_nothing(world: World) -> None:
    other = SimulatedDock("dock8")
    world.log.enrol(other.id, other.signer)
    other.append(EraseIntended(clip=str(world.clips[0]), session="dock8.0.0", release_index=0))
    world.log.append(other.entries[0])
    assert world.report().verdict.outcome is Outcome.INTACT


# --- the question that was asked ------------------------------------------------------


def test_a_trail_answers_for_its_own_case_only(world: World) -> None:
    document, anchors = world.document(), world.log.anchors
    other = answers_case("2026/99", document, world.report(), anchors)
    assert _problems(other) == {(9, Outcome.INCOMPLETE)}
    nothing = world.document([0])
    empty = answers_case(CASE_NO, nothing, world.report(nothing), anchors)
    assert "no statement" in _reasons(empty)


def test_a_linked_clip_that_is_left_out_is_named(world: World) -> None:
    world.link(world.clips[1], link="2")
    world.store(world.clips[1])
    assert "linked but left out" in _reasons(world.answer())


def test_a_clip_whose_link_was_withdrawn_is_foreign(world: World) -> None:
    world.unlink(world.clips[0])
    answer = world.answer()
    assert _problems(answer) == {(10, Outcome.ALTERED)}
    empty = world.document().model_copy(update={"clips": ()})
    assert world.answer(empty).outcome is Outcome.INTACT


def test_a_clip_linked_twice_stays_linked_until_both_links_are_withdrawn(world: World) -> None:
    world.link(world.clips[0], link="2")
    world.unlink(world.clips[0], link="1")
    assert world.answer().outcome is Outcome.INTACT


def test_links_of_another_case_count_for_nothing(world: World) -> None:
    other = case_urn("22" * 16)
    body = CaseOpened(case="22" * 16, case_no="2026/99", by="x")
    world.log.append_own(body, other)
    linked = CaseLinked(
        case="22" * 16,
        case_no="2026/99",
        clip=str(world.clips[1]),
        link="9",
        by="x",
        why="x",
        how="manual",
    )
    world.log.append_own(linked, other)
    assert world.answer().outcome is Outcome.INTACT


def test_two_cases_under_one_number_are_named(world: World) -> None:
    twin = "33" * 16
    world.log.append_own(CaseOpened(case=twin, case_no=CASE_NO, by="x"), case_urn(twin))
    answer = world.answer(world.document().model_copy(update={"clips": (str(world.clips[0]),)}))
    assert (10, Outcome.ALTERED) in _problems(answer)


def test_a_docks_word_opens_no_case(world: World) -> None:
    world.dock.append(CaseOpened(case="44" * 16, case_no="2026/44", by="x"), case_urn("44" * 16))
    world.log_dock()
    verdict = answers_case("2026/44", world.document(), world.report(), world.log.anchors)
    assert verdict.outcome is Outcome.INCOMPLETE


def test_a_trail_answers_for_its_own_clip_only(world: World) -> None:
    document = world.document()
    assert answers_clip(world.clips[0], document).outcome is Outcome.INTACT
    assert answers_clip(world.clips[1], document).outcome is Outcome.INCOMPLETE


def test_stored_bodies_are_what_the_tests_say(world: World) -> None:
    assert isinstance(world.report().events[world.stored].body, ClipStored)


# --- what a camera counts and lists itself ----------------------------------------------


def _with_missing(gaps: int, absent: AbsentFiles) -> Verdict:
    world = World(close=False)
    missing = [NumberGap(path="DCIM", after=n, before=n + 5, missing=4) for n in range(gaps)]
    page = SessionInventory(
        session=str(world.session),
        page=1,
        last=True,
        files=(),
        gaps=tuple(missing),
        absent=(absent,),
    )
    world.dock.append(page)
    world.dock.close_session(world.session)
    world.log_dock()
    return world.answer()


def test_missing_numbers_and_names_are_told_and_alter_nothing() -> None:
    answer = _with_missing(1, AbsentFiles(path="manifest.sha256", count=2, files=("seg_9.mp4",)))
    told = "\n".join(finding.reason for finding in answer.findings)
    assert answer.outcome is Outcome.INTACT, _reasons(answer)
    assert "4 between 0 and 5 in 'DCIM'; files that are gone, or a counter" in told
    assert "2 of the files that the camera lists in 'manifest.sha256' were not there" in told


def test_more_gaps_than_anybody_reads_are_counted() -> None:
    answer = _with_missing(12, AbsentFiles(path="m", count=1))
    told = "\n".join(finding.reason for finding in answer.findings)
    assert answer.outcome is Outcome.INTACT
    assert "between 9 and 14 in 'DCIM' and 2 more" in told
