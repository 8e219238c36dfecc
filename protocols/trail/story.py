"""What each statement of a trail says, in one line that people read.

Everything in it that came from a camera, a dock or a person goes through ``shown``. Claims
are worded as claims, and times with whose clock said them and how good it was.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography import x509

from protocols.clock import ClockReading
from protocols.kinds import (
    AccountSet,
    AlarmCleared,
    AlarmRaised,
    AlarmSettled,
    Body,
    CameraClock,
    CaseExcused,
    CaseLinked,
    CaseMerged,
    CaseOpened,
    CaseRenumbered,
    CaseSealed,
    CaseSet,
    CaseTransferred,
    CaseUnlinked,
    CaseUnsealed,
    ClientSet,
    ClipCorrected,
    ClipDisposed,
    ClipErased,
    ClipExported,
    ClipKeySupplied,
    ClipLost,
    ClipMarked,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    ClipTagged,
    ClipUnmarked,
    ClipViewed,
    ClockOffset,
    DisposalApproved,
    DisposalClosed,
    DisposalProposed,
    DisposalRefused,
    DockBooted,
    DockEnrolled,
    DockKeyRotated,
    DockRevoked,
    EpochApproved,
    EraseIntended,
    HoldLifted,
    HoldPlaced,
    Imported,
    KeyRotated,
    LedgerReopened,
    LogOpened,
    ProposalRejected,
    RecordingGrouped,
    RecordingUngrouped,
    RulesAdopted,
    SessionClosed,
    SessionInventory,
    SessionNoted,
    SessionOpened,
    WebhookSet,
)
from protocols.shown import shown
from protocols.trail.findings import TrailEvent

_SHOWN = 10
URN = "urn:evidock:"

WORDS: dict[type[Body], str] = {
    LogOpened: "{0.origin} by {0.gateway}",
    DockEnrolled: "{0.dock}, key {0.kid}, {0.how}",
    KeyRotated: "from the next entry on it signs with key {0.kid}; this one is the old key's last",
    DockKeyRotated: "{0.dock} signs with key {0.kid} after its entry {0.epoch}.{0.seq}",
    DockRevoked: "{0.dock} after its entry {0.last_epoch}.{0.last_seq}: {0.reason}",
    EpochApproved: "{0.dock} may go on in epoch {0.epoch}, by {0.by}: {0.reason}",
    AlarmSettled: "{0.code} about {0.dock}, by {0.by}: {0.reason}",
    DockBooted: "version {0.version}, ledger {0.ledger_check}",
    LedgerReopened: "approved by {0.approval}",
    SessionClosed: (
        # A card that is docked again has nothing new to seal, and is released and erased then.
        "session {0.session} ({0.reason}): {0.sealed} sealed now; {0.released} released, "
        "{0.erased} erased; {0.leftovers_total} not taken"
    ),
    ClipStored: "{0.clip}, read back by {0.read_back}, SHA-256 {0.sha256}",
    EraseIntended: "{0.clip} on the card, on the release at {0.release_index}",
    ClipErased: "{0.clip} on the card, after reading it again",
    ClipLost: "{0.clip}: {0.reason}",
    AlarmRaised: "{0.code}: {0.text}",
    AlarmCleared: "{0.code}",
    ClipViewed: "{0.clip} ({0.how}) by {0.by}: {0.reason}",
    ClipExported: "{0.clip} in export {0.export}, to {0.recipient}, by {0.by}: {0.reason}",
    ClipKeySupplied: "{0.clip} ({0.scheme}), by {0.by}: {0.why}",
    ClipUnmarked: "{0.clip} is no longer marked {0.label} ({0.mark}), by {0.by}: {0.why}",
    AccountSet: "{0.name} <{0.login}>, by {0.by}: {0.why}",
    ClientSet: "{0.name}, by {0.by}: {0.why}",
    WebhookSet: "{0.host}, by {0.by}: {0.why}",
    HoldLifted: "hold {0.hold}, by {0.by}: {0.reason}",
    RulesAdopted: (
        "version {0.rules.version} for {0.jurisdiction}, SHA-256 {0.rules.sha256}, signed with "
        "key {0.kid}, by {0.by}: {0.why}"
    ),
    DisposalApproved: "{0.disposal} after {0.wait_s} s, by {0.by}: {0.reason}",
    DisposalRefused: "{0.disposal}, by {0.by}: {0.reason}",
    DisposalClosed: (
        "{0.disposal}: {0.disposed} of {0.proposed} clips, {0.bytes} bytes, list {0.list_sha256}"
    ),
    CaseOpened: "{0.case_no} by {0.by}",
    CaseLinked: "{0.clip} to {0.case_no} by {0.by} ({0.how}): {0.why}",
    CaseUnlinked: "{0.clip} from {0.case_no} by {0.by}: {0.why}",
    CaseSet: "particulars of {0.case_no} by {0.by}",
    CaseRenumbered: "{0.former} is {0.case_no} from here on, by {0.by}: {0.why}",
    CaseMerged: "{0.merged_no} became part of {0.case_no}, by {0.by}: {0.why}",
    CaseTransferred: "{0.case_no} to {0.unit} by {0.by}: {0.why}",
    CaseSealed: "the file of {0.case_no} was closed by {0.by}: {0.why}",
    CaseUnsealed: "the file of {0.case_no} was opened again by {0.by}: {0.why}",
    CaseExcused: "why {0.case_no} lacks footage of {0.stage}, by {0.by}: {0.why}",
    ProposalRejected: "{0.clip} does not belong to {0.case_no}, says {0.by}: {0.why}",
}


def line(event: TrailEvent) -> str:
    """Position, time, issuer and content of one statement."""
    who = event.statement.issuer.removeprefix(URN)
    when = "" if event.record is None else clock_text(event.record.at)
    return f"{event.index:>8}  {when:<42}  {shown(who):<20}  {story(event)}"


def clock_text(at: ClockReading) -> str:
    """A reading with its source and bound."""
    bound = "" if at.error_ms is None else f" \u00b1{at.error_ms} ms"
    return shown(f"{at.utc} ({at.source}{bound})")


def story(event: TrailEvent) -> str:
    """What one statement says."""
    if event.record is None:
        subject = event.statement.subject.removeprefix(URN)
        return shown(f"[record not disclosed or not understood; about {subject}]")
    body = event.record.body
    return shown(f"{event.record.kind}: {_said(body)}")


def _said(body: Body) -> str:
    match body:
        case ClipSealed():
            said = _sealed(body)
        case SessionOpened():
            said = _docked(body)
        case SessionInventory():
            said = _listed(body)
        case ClipTagged():
            said = _tagged(body)
        case SessionNoted():
            said = _noted(body)
        case DockEnrolled() | KeyRotated():
            said = WORDS[type(body)].format(body) + certificate_text(body.certificates)
        case ClipRepaired():
            said = _repaired(body)
        case HoldPlaced() | DisposalProposed() | ClipDisposed():
            said = _kept_or_not(body)
        case _:
            said = _of_the_gateway(body)
    return said


def _of_the_gateway(body: Body) -> str:
    match body:
        case ClipCorrected():
            said = _corrected(body)
        case ClipMarked():
            said = _marked(body)
        case ClipViewed() | ClipExported():
            said = WORDS[type(body)].format(body) + _acknowledged(body.acknowledged)
        case RecordingGrouped() | RecordingUngrouped():
            said = _grouped(body)
        case _:
            said = WORDS.get(type(body), "unknown to this program").format(body)
    return said


def certificate_text(certificates: Sequence[str] | None) -> str:
    """Of a key's own certificate, for readers; nothing is decided by it."""
    if not certificates:
        return ""
    try:
        own = x509.load_der_x509_certificate(base64.b64decode(certificates[0], validate=True))
        names = own.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        whose = str(names[0].value)[:200] if names else "nobody named"
        until = own.not_valid_after_utc.date().isoformat()
    except ValueError:
        return "; with a certificate that cannot be read"
    return f"; with a certificate of {whose}, until {until}"


def _docked(body: SessionOpened) -> str:
    claim = body.camera.model_dump(exclude_none=True)
    says = [f"in {body.bay}", f"volume {body.volume}"]
    if body.imported:
        # Nobody may take it for a camera that stood in a bay.
        says = [f"no camera: {_by_hand(body.imported)}", *says]
    if claim:
        says.append("camera as claimed " + ", ".join(f"{k} {v}" for k, v in claim.items()))
    else:
        says.append("a camera that claims nothing of itself")
    if body.officer:
        says.append(f"officer as claimed {body.officer}")
    if body.registered:
        says.append(f"on the dock's list of cameras: {body.registered}")
    if body.card:
        says.append(f"card {body.card.seen}" + (f" ({body.card.reason})" * bool(body.card.reason)))
    if body.clock is not None:
        says += _measured(body.clock)
    return ", ".join(says)


def _listed(body: SessionInventory) -> str:
    says = [f"page {body.page} of session {body.session}"]
    says += [
        f"{gap.missing} of the camera's numbers missing between {gap.after} and {gap.before}"
        for gap in body.gaps[:_SHOWN]
    ]
    if len(body.gaps) > _SHOWN:
        says.append(f"{len(body.gaps) - _SHOWN} more such gaps")
    says += [f"{absent.count} files of the camera's own list not there" for absent in body.absent]
    return ", ".join(says)


def _measured(clock: ClockOffset) -> list[str]:
    says = []
    if clock.offset_ms is not None:
        says.append(f"its clock was off by {clock.offset_ms} ms \u00b1 {clock.offset_error_ms} ms")
    if clock.set_to_dock:
        says.append("and was set then")
    return [*says, f"clock: {clock.method}"]


def _claimed_times(clock: CameraClock) -> list[str]:
    says = []
    if clock.started:
        says.append(f"the camera's clock said {clock.started}")
    if clock.offset_ms is not None:
        error = (
            "an unknown error" if clock.offset_error_ms is None else f"{clock.offset_error_ms} ms"
        )
        says.append(f"it was off by {clock.offset_ms} ms \u00b1 {error} at docking")
    if (when := clock.interval) is not None:
        bounds = [f"not before {when.earliest}"] if when.earliest else []
        bounds += [f"not after {when.latest}"] if when.latest else []
        says.append(f"made {', '.join(bounds) or 'at no known time'} (on this basis: {when.basis})")
    return [*says, *(f"doubt: {doubt}" for doubt in clock.doubts)]


def _tagged(body: ClipTagged) -> str:
    says = [f"{body.clip} at the dock"]
    says += [f"case {body.case_no}"] if body.case_no else []
    says += [f"category {body.category}"] if body.category else []
    says += [f"officer as claimed {body.officer}"] if body.officer else []
    return ", ".join(says)


def _noted(body: SessionNoted) -> str:
    says = [f"session {body.session}: {body.reason}"]
    says += [body.text] if body.text else []
    says += [f"officer as claimed {body.officer}"] if body.officer else []
    return ", ".join(says)


def _repaired(body: ClipRepaired) -> str:
    sources = dict.fromkeys(run.source for run in body.leaves)
    says = [f"{body.clip} in the store, {body.replaced} of its leaves from {', '.join(sources)}"]
    says += [f"read back by {body.read_back}", f"SHA-256 {body.sha256}"]
    says += [f"before it was {body.before.sha256}"] if body.before.sha256 else []
    return f"{', '.join(says)}, by {body.by}: {body.reason}"


def _kept_or_not(body: HoldPlaced | DisposalProposed | ClipDisposed) -> str:
    match body:
        case HoldPlaced():
            says = [f"hold {body.hold} on {body.clip or 'the case'} for {body.authority}"]
            says += [body.document] if body.document else []
            says += [f"to be looked at again after {body.until}"] if body.until else []
            return f"{', '.join(says)}, by {body.by}: {body.reason}"
        case DisposalProposed():
            size = sum(each.size for each in body.clips)
            what = f"{body.disposal}: {len(body.clips)} clips, {size} bytes"
            return f"{what}, by rules {body.rules.version}, by {body.by}: {body.reason}"
        case ClipDisposed():
            says = [f"{body.clip}, {body.size} bytes, SHA-256 {body.sha256}"]
            says += [f"proposed at entry {body.proposed}, approved at entry {body.approved}"]
            return ", ".join([*says, f"by rules {body.rules.version}", *body.why])


def _sealed(body: ClipSealed) -> str:
    says = [body.source.name, f"{body.content.size} bytes", f"SHA-256 {body.content.sha256}"]
    says += _claimed_times(body.camera_clock)
    if body.source.officer:
        says.append(f"officer as claimed {body.source.officer}")
    if body.source.camera_digest:
        says.append(f"the camera's own digest: {body.source.camera_digest.state}")
    if body.source.imported:
        says.append(_by_hand(body.source.imported))
    if body.media.vendor_signature:
        says.append(
            f"seems signed by the camera ({body.media.vendor_signature}), not verified here"
        )
    return ", ".join(says)


def _by_hand(how: Imported) -> str:
    return f"imported by hand by {how.by}, from {how.origin}: {how.why}"


def _corrected(body: ClipCorrected) -> str:
    claimed = f"claimed as {body.claimed}" if body.claimed else "not claimed"
    says = [f"{body.clip}, correction {body.number}: {body.field}, {claimed}"]
    says.append(f"is {body.to}" if body.to is not None else "is as claimed again")
    if body.error_ms is not None:
        says[-1] += f" \u00b1 {body.error_ms} ms"
    says += [f"known by {body.known_by}"] if body.known_by else []
    return f"{', '.join(says)}, by {body.by}: {body.why}"


def _marked(body: ClipMarked) -> str:
    until = f" until {body.until}" if body.until else ""
    return f"{body.clip} is marked {body.label}{until} ({body.mark}), by {body.by}: {body.why}"


def _acknowledged(marks: Sequence[str]) -> str:
    return f"; marks acknowledged: {', '.join(marks)}" if marks else ""


def _grouped(body: RecordingGrouped | RecordingUngrouped) -> str:
    said = "no longer one recording" if isinstance(body, RecordingUngrouped) else f"({body.how})"
    return f"{', '.join(body.clips)} {said}, by {body.by}: {body.why}"
