"""All ten steps over one pack, against keys that should come from elsewhere.

Steps 3 to 10 are ``protocols.trail``'s; here the files of the pack are tied to them, so that
whoever reads a record, a receipt or a key by itself reads what was verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from hashing.errors import HashingError
from hashing.note import open_checkpoint
from hashing.receipt import MAX_RECEIPT, decode_receipt, verify_receipt
from hashing.statement import MAX_STATEMENT
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError
from protocols.errors import IdError, ProtocolError
from protocols.ids import ClipId
from protocols.kinds import ClipSealed
from protocols.pack import export, layout, originals, proofs
from protocols.pack.export import Export, check_export
from protocols.pack.keys import key_files
from protocols.pack.known import check_known
from protocols.pack.originals import Original as Listed
from protocols.pack.originals import Originals
from protocols.pack.proofs import EarlierCheckpoints, LogProof
from protocols.progress import Progress
from protocols.records import MAX_RECORD
from protocols.trail import (
    MAX_TRAIL,
    Findings,
    TrailDocument,
    TrailError,
    TrailEvent,
    TrailReport,
    answers_case,
    answers_clip,
    verify_trail,
)
from protocols.trail.document import TrailEntry, unbase64
from protocols.trail.verify import NO_WITNESSES
from verifier.bagged import Bag, check_bag
from verifier.belonging import check_belonging, check_info
from verifier.damage import Original, check_original
from verifier.outside import NOTHING_ASKED, Asked, check_outside
from verifier.retold import check_report
from verifier.sources import Source

_MAX_LEAVES = 32 << 20
_MAX_PROOF = 128 << 10
_MAX_PEM = 4096
OWN_KEYS = (
    "only the keys in the pack itself were used: whoever made the pack chose them. Ask the "
    "authority for its trust file by another way, and give it with --trust"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in a pack.

    Attributes:
        verdict: of all steps, in their order.
        notes: what the verdict does not say.
        own_keys: only keys of the pack itself were used, which proves little.
        about: what the pack says it is about; a claim.
        export: how it says it was handed out; None when that cannot be read.
        report: of the trail; None when there was none to verify.
    """

    verdict: Verdict
    notes: tuple[str, ...] = ()
    own_keys: bool = False
    about: str = ""
    export: Export | None = None
    report: TrailReport | None = None


def verify_pack(
    source: Source,
    anchors: Anchors | None,
    progress: Progress,
    asked: Asked = NOTHING_ASKED,
) -> Checked:
    """Verify everything in a pack.

    Args:
        source: its files; nothing in them is believed.
        anchors: the gateway's keys from elsewhere; None uses those of the pack, and says so.
        progress: told how many bytes were read.
        asked: which witnesses and time stamps are enough; what is not asked for is said.
    """
    found = Findings()
    bag = check_bag(source, progress, found)
    trust = anchors or _own_anchors(source, found)
    document = _document(source, found)
    if trust is None or document is None:
        return Checked(_verdict(found), own_keys=anchors is None)
    if anchors is not None:
        _check_trust(source, anchors, found)
    earlier = _earlier(source, found)
    document, trust = _placed(earlier, document, trust, found)
    report = verify_trail(document, trust)
    found.items += report.verdict.findings
    _check_known(document, report, trust, earlier, found)
    check_belonging(source, document, found)
    _check_files(source, document, report, trust, found)
    _check_keys(source, report, trust, found)
    _check_originals(source, bag, report, found)
    found.items += _answered(document, report, trust).findings
    told = _exported(source, report, trust, found)
    about = document.about.case_no or document.about.clip or ""
    gone = [content for content in report.contents if content.disposed is not None]
    if told is not None:
        check_info(source, about, told, trust.origin, found)
    unsaid, outside = check_outside(source, document, report, trust, asked, found)
    notes = [note for note in report.notes if note != NO_WITNESSES] + list(unsaid)
    notes += [
        f"{each.clip} was disposed of at entry {each.disposed}; what was stated of it stays, and "
        "nobody has its bytes any more"
        for each in gone
    ]
    if told is not None and outside is not None:
        rows = _listed(source, Findings()).values()
        notes.append(check_report(source, document, report, told, outside, rows, found))
    return Checked(_verdict(found), tuple(notes), anchors is None, about, told, report)


def _verdict(found: Findings) -> Verdict:
    return Verdict(tuple(sorted(found.items, key=lambda finding: finding.step)))


# --- what the rest rests on ---------------------------------------------------------------


def _own_anchors(source: Source, found: Findings) -> Anchors | None:
    raw = source.read(layout.TRUST, MAX_ANCHORS)
    if raw is None:
        reason = "missing, and no trust file was given"
        found.add(4, Outcome.UNKNOWN_KEY, layout.TRUST, reason)
        return None
    try:
        return Anchors.from_json(raw)
    except AnchorsError as error:
        found.add(4, Outcome.UNKNOWN_KEY, layout.TRUST, str(error))
        return None


def _document(source: Source, found: Findings) -> TrailDocument | None:
    raw = source.read(layout.TRAIL, MAX_TRAIL)
    if raw is None:
        found.add(3, Outcome.INCOMPLETE, layout.TRAIL, "missing: no statement can be checked")
        return None
    try:
        return TrailDocument.from_json(raw)
    except TrailError as error:
        found.add(3, Outcome.ALTERED, layout.TRAIL, str(error))
        return None


def _check_trust(source: Source, anchors: Anchors, found: Findings) -> None:
    """Step 4: whoever goes on with the pack's own trust file goes on with the same keys."""
    own = source.read(layout.TRUST, MAX_ANCHORS)
    try:
        told = Anchors.from_json(own or b"")
    except AnchorsError as error:
        found.add(4, Outcome.UNKNOWN_KEY, layout.TRUST, str(error))
        return
    # It may pin another checkpoint than ours, but vouch for no other keys.
    if replace(told, note=anchors.note) != anchors:
        reason = "names other keys than the trust file that was given"
        found.add(4, Outcome.UNKNOWN_KEY, layout.TRUST, reason)


def _earlier(source: Source, found: Findings) -> EarlierCheckpoints:
    raw = source.read(layout.CONSISTENCY, proofs.MAX_CONSISTENCY)
    try:
        if raw is not None:
            return EarlierCheckpoints.from_json(raw)
        found.add(7, Outcome.INCOMPLETE, layout.CONSISTENCY, "missing, or larger than it may be")
    except ProtocolError as error:
        found.add(7, Outcome.ALTERED, layout.CONSISTENCY, str(error))
    return EarlierCheckpoints(size=0, earlier=())


def _check_known(
    document: TrailDocument,
    report: TrailReport,
    trust: Anchors,
    earlier: EarlierCheckpoints,
    found: Findings,
) -> None:
    note = document.checkpoint.encode(errors="replace")
    try:
        head = open_checkpoint(note, trust.checkpoint_key)
    except HashingError:
        return
    check_known(report.events, head, earlier, found)


def _placed(
    earlier: EarlierCheckpoints, document: TrailDocument, trust: Anchors, found: Findings
) -> tuple[TrailDocument, Anchors]:
    """The document with the way from the checkpoint that this trust file pins.

    A trust file that was written after the pack pins a later checkpoint, and no pack can show
    the way to that. Its keys are good all the same; what is open is said.
    """
    note = document.checkpoint.encode(errors="replace")
    try:
        size = open_checkpoint(note, trust.checkpoint_key).size
    except HashingError:
        return document, trust
    if earlier.size not in {0, size}:
        reason = f"leads to a checkpoint of size {earlier.size}; the pack's is of {size}"
        found.add(7, Outcome.ALTERED, layout.CONSISTENCY, reason)
    if document.consistency is not None:
        reason = f"has a way of its own; ways stand in {layout.CONSISTENCY}"
        found.add(7, Outcome.ALTERED, layout.TRAIL, reason)
    pinned = trust.checkpoint.size
    if pinned > size:
        reason = (
            f"the trust file pins a later checkpoint, of size {pinned}; that the log then still "
            f"contained this one of size {size} shows only: evidock-verify log --checkpoint "
            f"{layout.CHECKPOINT}"
        )
        found.add(7, Outcome.UNWITNESSED, "checkpoint", reason)
        return document, replace(trust, note=note)
    return document.model_copy(update={"consistency": earlier.way_from(pinned)}), trust


# --- single files -------------------------------------------------------------------------


def _check_files(
    source: Source, document: TrailDocument, report: TrailReport, trust: Anchors, found: Findings
) -> None:
    """Steps 3, 6 and 7: statements, records, receipts and proofs are those of the trail."""
    if source.read(layout.CHECKPOINT, 64 << 10) != document.checkpoint.encode(errors="replace"):
        found.add(7, Outcome.ALTERED, layout.CHECKPOINT, "not the checkpoint of the trail")
    root = _root(document, trust)
    events = {event.index: event for event in report.events}
    for entry in document.entries:
        _same(source, layout.statement(entry.index), entry.statement, MAX_STATEMENT, found)
        _same(source, layout.record(entry.index), entry.record, MAX_RECORD, found)
        event = events.get(entry.index)
        if event is not None and root is not None:
            _check_receipt(source, event, trust, root, found)
        _check_proof(source, entry, document, found)


def _root(document: TrailDocument, trust: Anchors) -> tuple[int, bytes] | None:
    try:
        checkpoint = open_checkpoint(
            document.checkpoint.encode(errors="replace"), trust.checkpoint_key
        )
    except HashingError:
        return None
    return checkpoint.size, checkpoint.root


def _same(source: Source, path: str, text: str | None, limit: int, found: Findings) -> None:
    raw = source.read(path, limit)
    if text is None:
        if path in source.sizes:
            found.add(3, Outcome.ALTERED, path, "a record that the trail withholds")
    elif raw is None:
        found.add(3, Outcome.INCOMPLETE, path, "missing, or larger than it may be")
    elif raw != unbase64(text):
        found.add(3, Outcome.ALTERED, path, "not what the trail has at this place")


def _check_receipt(
    source: Source, event: TrailEvent, trust: Anchors, head: tuple[int, bytes], found: Findings
) -> None:
    path = layout.receipt(event.index)
    raw = source.read(path, MAX_RECEIPT)
    if raw is None:
        found.add(6, Outcome.INCOMPLETE, path, "missing, or larger than it may be")
        return
    try:
        receipt = decode_receipt(raw)
        root = verify_receipt(receipt, event.statement.leaf, trust.receipt_key)
    except HashingError as error:
        found.add(6, Outcome.NOT_LOGGED, path, f"not a receipt of {event.name}: {error}")
        return
    said = (receipt.issuer, receipt.index, receipt.size, root)
    # Receipts of early gateways are about what their statement is about.
    known = {trust.origin, event.statement.subject}
    if said != (trust.gateway, event.index, *head) or receipt.subject not in known:
        found.add(6, Outcome.NOT_LOGGED, path, "a receipt for another place or checkpoint")
    else:
        found.good(6, path, f"receipt of {event.name}")


def _check_proof(
    source: Source, entry: TrailEntry, document: TrailDocument, found: Findings
) -> None:
    path = layout.proof(entry.index)
    raw = source.read(path, _MAX_PROOF)
    steps = tuple(unbase64(step) for step in entry.path)
    note = document.checkpoint.encode(errors="replace")
    if raw is None:
        found.add(6, Outcome.INCOMPLETE, path, "missing, or larger than it may be")
    elif raw != LogProof(entry.index, steps, note).text():
        found.add(6, Outcome.ALTERED, path, "not the proof of this entry")


def _check_keys(source: Source, report: TrailReport, trust: Anchors, found: Findings) -> None:
    """Step 4: the keys that VERIFY.md tells people to use are those that were used here."""
    keys = key_files(report.events, trust)
    for path, pem in keys.items():
        if source.read(path, _MAX_PEM) != pem.encode():
            found.add(4, Outcome.UNKNOWN_KEY, path, "missing, or not the key that counts")
    for path in source.sizes.keys() - keys.keys():
        if path.startswith(layout.KEYS):
            found.add(4, Outcome.UNKNOWN_KEY, path, "a key that nothing here was signed with")


# --- originals ----------------------------------------------------------------------------


def _check_originals(source: Source, bag: Bag, report: TrailReport, found: Findings) -> None:
    sealed = {
        event.seals: event.body
        for event in report.events
        if event.seals is not None and isinstance(event.body, ClipSealed)
    }
    listed = _listed(source, found)
    expected = set()
    for content in report.contents:
        body, clip = sealed[content.clip], content.clip
        row = listed.pop(str(clip), None)
        path = layout.original(clip, body.source.name)
        expected |= {path, layout.leaf_list(clip)}
        # Of bytes that are here nobody has to say why they are not.
        missing = None if row is None or path in source.sizes else row.missing
        leaves = source.read(layout.leaf_list(clip), _MAX_LEAVES)
        if leaves is None and path in source.sizes:
            reason = "missing, or larger than it may be"
            found.add(2, Outcome.INCOMPLETE, layout.leaf_list(clip), reason)
        found.items += check_original(
            Original(
                *(content, path, bag.originals.get(path), leaves, body.media.duration_ms, missing),
                open=partial(source.open, path),
            )
        )
        if row != Listed.of(clip, body, missing):
            reason = f"{layout.ORIGINAL_LIST} describes it otherwise than its sealed record"
            found.add(2, Outcome.ALTERED, str(clip), reason)
    for name in listed:
        found.add(2, Outcome.ALTERED, name, f"in {layout.ORIGINAL_LIST} and not in the trail")
    for path in sorted(source.sizes):
        if path.startswith((layout.ORIGINALS, layout.LEAVES)) and path not in expected:
            found.add(2, Outcome.ALTERED, path, "belongs to no clip of the trail")


def _listed(source: Source, found: Findings) -> dict[str, Listed]:
    raw = source.read(layout.ORIGINAL_LIST, originals.MAX_LIST)
    try:
        rows: Iterable[Listed] = () if raw is None else Originals.from_json(raw).originals
    except ProtocolError as error:
        found.add(2, Outcome.ALTERED, layout.ORIGINAL_LIST, str(error))
        return {}
    listed: dict[str, Listed] = {}
    for row in rows:
        if listed.setdefault(row.clip, row) is not row:
            found.add(2, Outcome.ALTERED, row.clip, f"stands twice in {layout.ORIGINAL_LIST}")
    return listed


# --- what it is about ---------------------------------------------------------------------


def _answered(document: TrailDocument, report: TrailReport, trust: Anchors) -> Verdict:
    about = document.about
    if about.case_no is not None:
        return answers_case(about.case_no, document, report, trust)
    try:
        return answers_clip(ClipId.parse(about.clip or ""), document)
    except IdError:
        reason = "the trail names neither a case nor a clip that it is about"
        return Verdict((Finding(9, Outcome.INCOMPLETE, layout.TRAIL, reason),))


def _exported(
    source: Source, report: TrailReport, trust: Anchors, found: Findings
) -> Export | None:
    raw = source.read(layout.EXPORT, export.MAX_EXPORT)
    if raw is None:
        found.add(10, Outcome.INCOMPLETE, layout.EXPORT, "missing: who handed this out, and why?")
        return None
    try:
        told = Export.from_json(raw)
    except ProtocolError as error:
        found.add(10, Outcome.ALTERED, layout.EXPORT, str(error))
        return None
    found.items += check_export(told, report, trust.gateway)
    return told
