"""Whose signature counts, from which place of the log and up to which of a ledger (step 4).

The gateway's key comes from the anchors; docks' keys are the gateway's word, in
``dock.enrolled`` statements. So a gateway gone bad can enrol a dock that never was. What it
cannot do unseen is to give an enrolled dock another key: names are never used again, and a key
gives way to another only where the dock itself says so under the old one, the new one proves to be
held, and the gateway says the same. A key belongs to one dock, for ever.

Certificates are for readers. None is looked at here, least of all how long it was valid: a
statement counts by its places in the ledger and the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.ledger import DockLink
from hashing.note import NoteKey
from hashing.statement import Statement, verify_statement
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.errors import ProtocolError, RotationError
from protocols.ids import EntryId, dock_id, dock_of_urn, dock_urn
from protocols.kinds import (
    Body,
    DockEnrolled,
    DockKeyRotated,
    DockRevoked,
    KeyRotated,
    LogOpened,
)
from protocols.rotation import DockKeys, Place, Rotation, open_rotation
from protocols.trail.findings import Findings


@dataclass(frozen=True, slots=True)
class _Own:
    """A rotation as its dock states it."""

    index: int
    hash: bytes
    rotation: Rotation


@dataclass(frozen=True, slots=True)
class _Claim:
    """A rotation as the gateway states it."""

    index: int
    kid: str
    hash: str


@dataclass(slots=True)
class _Dock:
    """What is known of one dock's keys.

    Attributes:
        since: position of its enrolment.
        keys: those that count. confirmed: where in the log each rotation was confirmed.
        own, claims: rotations by their place, as dock and gateway state them.
    """

    since: int
    keys: DockKeys
    confirmed: dict[Place, int] = field(default_factory=dict)
    own: dict[Place, _Own] = field(default_factory=dict)
    claims: dict[Place, _Claim] = field(default_factory=dict)


class Keyring:
    """The keys a log enrols, as its statements are heard.

    A log is heard in its order. In a trail the gateway is heard first, then every dock's
    rotations in the order of its ledger, and then the rest is checked.
    """

    def __init__(self, anchors: Anchors, found: Findings) -> None:
        """Trust the anchors alone; what is wrong goes to ``found``."""
        self._anchors = anchors
        self._found = found
        self._docks: dict[str, _Dock] = {}
        self._trusted: dict[str, Place] = {}
        self._purposes = {
            anchors.statement_key.kid: "statement key",
            anchors.receipt_key.kid: "receipt key",
            anchors.checkpoint_key.key.kid: "checkpoint key",
        }
        self._owners = dict.fromkeys(self._purposes, anchors.gateway)

    # --- what is stated about keys --------------------------------------------------------

    def hear(self, index: int, statement: Statement, body: Body | None) -> None:
        """Take in what the gateway states about keys; the signature was verified before.

        A statement that is not where it belongs, for example under another subject than the
        dock it is about, changes nothing.
        """
        name = f"entry {index}"
        try:
            match body:
                case LogOpened():
                    self._opened(index, body)
                case DockEnrolled() | DockKeyRotated() | DockRevoked():
                    if statement.subject == dock_urn(dock_id(body.dock)):
                        self._of_dock(index, statement.subject, body)
                    else:
                        reason = f"speaks of {body.dock} under {statement.subject}"
                        self._found.add(4, Outcome.ALTERED, name, reason)
                case _:
                    pass
        except (HashingError, ProtocolError) as error:
            self._found.add(4, Outcome.UNSUPPORTED, name, f"unusable key: {error}")

    def hear_dock(self, index: int, statement: Statement, body: Body | None) -> None:
        """Take in what a dock states about its own key; the signature was verified before."""
        link, dock = statement.chain, self._docks.get(statement.issuer)
        if not isinstance(body, KeyRotated) or dock is None or not isinstance(link, DockLink):
            return
        name, place = f"entry {index}", (link.epoch, link.seq)
        if statement.subject != statement.issuer:
            reason = f"rotates a key under {statement.subject}"
            self._found.add(4, Outcome.ALTERED, name, reason)
            return
        if place in dock.own:
            if dock.own[place].hash != statement.hash:
                reason = "a second rotation at one place of a ledger; the first one counts"
                self._found.add(4, Outcome.ALTERED, name, reason)
            return
        try:
            entry = EntryId(dock_of_urn(statement.issuer), *place)
            rotation = open_rotation(body, entry)
            self._must_be_free(rotation.key, statement.issuer)
        except ProtocolError as error:
            self._found.add(4, Outcome.UNSIGNED, name, f"rotation that does not count: {error}")
            return
        dock.own[place] = _Own(index, statement.hash, rotation)
        self._agree(statement.issuer, place)

    def settle(self) -> None:
        """All of the log or trail was heard: name what the gateway states and no dock does."""
        for issuer, dock in self._docks.items():
            for place, claim in dock.claims.items():
                if place not in dock.own and not self.is_untrusted(issuer, *place):
                    where = f"{place[0]}.{place[1]}"
                    reason = (
                        f"gives {issuer} another key by its entry {where}; that entry is not here, "
                        "or does not count, and the gateway's word alone changes no key"
                    )
                    self._found.add(4, Outcome.UNKNOWN_KEY, f"entry {claim.index}", reason)

    # --- what is signed -------------------------------------------------------------------

    def check(self, index: int, statement: Statement) -> bool:
        """Verify a signature; returns whether it counts, and says so when not."""
        fault = self._fault(index, statement)
        if fault is None:
            return True
        self._found.add(4, fault[0], f"entry {index}", fault[1])
        return False

    def _fault(self, index: int, statement: Statement) -> tuple[Outcome, str] | None:
        issuer, ours = statement.issuer, statement.issuer == self._anchors.gateway
        dock = None if ours else self._docks.get(issuer)
        if not ours and (dock is None or dock.since >= index):
            return Outcome.UNKNOWN_KEY, f"{issuer} is not enrolled here"
        # Whatever it is signed with: beyond that place nothing of this dock counts.
        if not ours and self.is_revoked(statement):
            return Outcome.REVOKED, f"after the last trusted entry of {issuer}"
        link, key = statement.chain, self._anchors.statement_key
        if dock is not None:
            place = (link.epoch, link.seq) if isinstance(link, DockLink) else (0, 0)
            if (unsure := _unconfirmed(dock, place, index)) is not None:
                return Outcome.UNKNOWN_KEY, f"{issuer} {unsure}"
            key = dock.keys.at(place)
        try:
            verify_statement(statement, key)
        except HashingError as error:
            return Outcome.UNSIGNED, self._told(statement, dock, str(error))
        return None

    def _told(self, statement: Statement, dock: _Dock | None, reason: str) -> str:
        """Why a signature does not count, where more is known of its key."""
        link, kid = statement.chain, statement.kid
        if kid in self._purposes and kid != self._anchors.statement_key.kid:
            return f"{reason}; it names the gateway's {self._purposes[kid]}, which signs none"
        if dock is not None and isinstance(link, DockLink):
            place = dock.keys.given_up(kid, (link.epoch, link.seq))
            if place is not None:
                return f"{reason}; it names a key that was given up at entry {place[0]}.{place[1]}"
        return reason

    def is_revoked(self, statement: Statement) -> bool:
        """Whether a dock's statement lies beyond the last entry its key is trusted for."""
        link = statement.chain
        return isinstance(link, DockLink) and self.is_untrusted(
            statement.issuer, link.epoch, link.seq
        )

    def is_untrusted(self, issuer: str, epoch: int, seq: int) -> bool:
        """Whether a place of a dock's ledger lies beyond the last trusted one."""
        last = self._trusted.get(issuer)
        return last is not None and (epoch, seq) > last

    # --- inside ---------------------------------------------------------------------------

    def _opened(self, index: int, body: LogOpened) -> None:
        name = f"entry {index}"
        if index:
            self._found.add(10, Outcome.ALTERED, name, "the log is opened a second time")
        said = {
            "gateway": body.gateway == self._anchors.gateway,
            "origin": body.origin == self._anchors.origin,
            "statement key": _kid(body.statement_key) == self._anchors.statement_key.kid,
            "receipt key": _kid(body.receipt_key) == self._anchors.receipt_key.kid,
            "checkpoint key": NoteKey.parse(body.checkpoint_key) == self._anchors.checkpoint_key,
        }
        if wrong := [what for what, same in said.items() if not same]:
            reason = f"the log was opened under another {', '.join(wrong)}"
            self._found.add(4, Outcome.UNKNOWN_KEY, name, reason)

    def _of_dock(
        self, index: int, issuer: str, body: DockEnrolled | DockKeyRotated | DockRevoked
    ) -> None:
        match body:
            case DockEnrolled():
                self._enrolled(index, issuer, body)
            case DockKeyRotated():
                self._claimed(index, issuer, body)
            case DockRevoked():
                last = (body.last_epoch, body.last_seq)
                self._trusted[issuer] = min(last, self._trusted.get(issuer, last))

    def _enrolled(self, index: int, issuer: str, body: DockEnrolled) -> None:
        key = PublicKey.from_pem(body.statement_key)
        name = f"entry {index}"
        if key.kid.hex() != body.kid:
            reason = f"names {body.kid[:16]}… for a key that is {key.kid.hex()[:16]}…"
            self._found.add(4, Outcome.ALTERED, name, reason)
        before = self._docks.get(issuer)
        if before is not None:
            if before.keys.first.kid != key.kid:
                reason = f"{body.dock} is enrolled again, under another key; the first one counts"
                self._found.add(4, Outcome.UNKNOWN_KEY, name, reason)
            return
        try:
            self._must_be_free(key, issuer)
        except RotationError as error:
            reason = f"enrols {body.dock} with a key that is not its own: {error}"
            self._found.add(4, Outcome.UNKNOWN_KEY, name, reason)
            return
        self._owners[key.kid] = issuer
        self._docks[issuer] = _Dock(index, DockKeys(key))

    def _claimed(self, index: int, issuer: str, body: DockKeyRotated) -> None:
        name, place = f"entry {index}", (body.epoch, body.seq)
        dock = self._docks.get(issuer)
        if dock is None:
            self._found.add(4, Outcome.UNKNOWN_KEY, name, f"{issuer} is not enrolled here")
        elif _kid(body.statement_key).hex() != body.kid:
            self._found.add(4, Outcome.ALTERED, name, "names another key id than its key has")
        elif (
            dock.claims.setdefault(place, claim := _Claim(index, body.kid, body.statement_hash))
            != claim
        ):
            reason = f"states the rotation at {place[0]}.{place[1]} a second time"
            self._found.add(4, Outcome.ALTERED, name, reason)
        else:
            self._agree(issuer, place)

    def _agree(self, issuer: str, place: Place) -> None:
        """A rotation counts once dock and gateway state the same, the dock first."""
        dock = self._docks[issuer]
        own, claim = dock.own.get(place), dock.claims.get(place)
        if own is None or claim is None:
            return
        name, key = f"entry {claim.index}", own.rotation.key
        if (claim.kid, claim.hash) != (key.kid.hex(), own.hash.hex()) or claim.index < own.index:
            reason = (
                f"states another rotation of {issuer} than the dock itself in entry {own.index}"
            )
            self._found.add(4, Outcome.UNKNOWN_KEY, name, reason)
            return
        try:
            self._must_be_free(key, issuer)
            dock.keys = dock.keys.after(own.rotation)
        except RotationError as error:
            self._found.add(4, Outcome.UNKNOWN_KEY, name, f"confirms what cannot be: {error}")
            return
        self._owners[key.kid] = issuer
        dock.confirmed[place] = claim.index

    def _must_be_free(self, key: PublicKey, issuer: str) -> None:
        """Refuse a key that was ever somebody's; raises RotationError."""
        owner = self._owners.get(key.kid)
        if owner == self._anchors.gateway:
            raise RotationError(f"it is the gateway's own {self._purposes[key.kid]}")
        if owner is not None and owner != issuer:
            raise RotationError(f"it is a key of {owner}")


def _unconfirmed(dock: _Dock, place: Place, index: int) -> str | None:
    """Why no key can be named for an entry that stands after a rotation; None when one can."""
    for stated in dock.own:
        where = f"{stated[0]}.{stated[1]}"
        if stated >= place:
            continue
        if stated not in dock.confirmed:
            return f"states a rotation at its entry {where}, which the gateway does not confirm"
        if dock.confirmed[stated] >= index:
            return f"rotated its key at its entry {where}, which was confirmed only after this"
    return None


def _kid(pem: str) -> bytes:
    return PublicKey.from_pem(pem).kid
