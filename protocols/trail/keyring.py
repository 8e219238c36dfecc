"""Whose signature counts, from which place of the log and up to which of a ledger (step 4).

The gateway's key comes from the anchors; docks' keys are the gateway's word, in
``dock.enrolled`` statements. So a gateway gone bad can enrol a dock that never was. What it
cannot do unseen is to give an enrolled dock another key: names are never used again.
"""

from __future__ import annotations

from dataclasses import dataclass

from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.ledger import DockLink
from hashing.note import NoteKey
from hashing.statement import Statement, verify_statement
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.errors import ProtocolError
from protocols.ids import dock_id, dock_urn
from protocols.kinds import Body, DockEnrolled, DockRevoked, LogOpened
from protocols.trail.findings import Findings


@dataclass(frozen=True, slots=True)
class _Enrolled:
    key: PublicKey
    since: int


class Keyring:
    """The keys a log enrols, as its own gateway's statements are heard in log order."""

    def __init__(self, anchors: Anchors, found: Findings) -> None:
        """Trust the anchors alone; what is wrong goes to ``found``."""
        self._anchors = anchors
        self._found = found
        self._docks: dict[str, _Enrolled] = {}
        self._trusted: dict[str, tuple[int, int]] = {}

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
                case DockEnrolled() if statement.subject == dock_urn(dock_id(body.dock)):
                    self._enrolled(index, statement.subject, body)
                case DockRevoked() if statement.subject == dock_urn(dock_id(body.dock)):
                    self._revoked(statement.subject, body)
                case DockEnrolled() | DockRevoked():
                    reason = f"speaks of {body.dock} under {statement.subject}"
                    self._found.add(4, Outcome.ALTERED, name, reason)
                case _:
                    pass
        except (HashingError, ProtocolError) as error:
            self._found.add(4, Outcome.UNSUPPORTED, name, f"unusable key: {error}")

    def check(self, index: int, statement: Statement) -> bool:
        """Verify a signature; returns whether it counts, and says so when not."""
        name, issuer = f"entry {index}", statement.issuer
        ours = issuer == self._anchors.gateway
        key = self._anchors.statement_key if ours else self._key_of(issuer, index)
        if key is None:
            self._found.add(4, Outcome.UNKNOWN_KEY, name, f"{issuer} is not enrolled here")
            return False
        try:
            verify_statement(statement, key)
        except HashingError as error:
            self._found.add(4, Outcome.UNSIGNED, name, str(error))
            return False
        if not ours and self.is_revoked(statement):
            self._found.add(4, Outcome.REVOKED, name, f"after the last trusted entry of {issuer}")
            return False
        return True

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

    def _key_of(self, issuer: str, index: int) -> PublicKey | None:
        enrolled = self._docks.get(issuer)
        return enrolled.key if enrolled is not None and enrolled.since < index else None

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

    def _enrolled(self, index: int, issuer: str, body: DockEnrolled) -> None:
        key = PublicKey.from_pem(body.statement_key)
        name = f"entry {index}"
        if key.kid.hex() != body.kid:
            reason = f"names {body.kid[:16]}… for a key that is {key.kid.hex()[:16]}…"
            self._found.add(4, Outcome.ALTERED, name, reason)
        before = self._docks.setdefault(issuer, _Enrolled(key, index))
        if before.key.kid != key.kid:
            reason = f"{body.dock} is enrolled again, under another key; the first one counts"
            self._found.add(4, Outcome.UNKNOWN_KEY, name, reason)

    def _revoked(self, issuer: str, body: DockRevoked) -> None:
        last = (body.last_epoch, body.last_seq)
        self._trusted[issuer] = min(last, self._trusted.get(issuer, last))


def _kid(pem: str) -> bytes:
    return PublicKey.from_pem(pem).kid
