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
    CaseLinked,
    CaseOpened,
    CaseUnlinked,
    ClientSet,
    ClipErased,
    ClipExported,
    ClipLost,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    ClipTagged,
    ClipViewed,
    ClockOffset,
    DockBooted,
    DockEnrolled,
    DockKeyRotated,
    DockRevoked,
    EpochApproved,
    EraseIntended,
    KeyRotated,
    LedgerReopened,
    LogOpened,
    SessionClosed,
    SessionInventory,
    SessionNoted,
    SessionOpened,
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
    AccountSet: "{0.name} <{0.login}>, by {0.by}: {0.why}",
    ClientSet: "{0.name}, by {0.by}: {0.why}",
    CaseOpened: "{0.case_no} by {0.by}",
    CaseLinked: "{0.clip} to {0.case_no} by {0.by} ({0.how}): {0.why}",
    CaseUnlinked: "{0.clip} from {0.case_no} by {0.by}: {0.why}",
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


def _sealed(body: ClipSealed) -> str:
    says = [body.source.name, f"{body.content.size} bytes", f"SHA-256 {body.content.sha256}"]
    says += _claimed_times(body.camera_clock)
    if body.source.officer:
        says.append(f"officer as claimed {body.source.officer}")
    if body.source.camera_digest:
        says.append(f"the camera's own digest: {body.source.camera_digest.state}")
    if body.media.vendor_signature:
        says.append(
            f"seems signed by the camera ({body.media.vendor_signature}), not verified here"
        )
    return ", ".join(says)
