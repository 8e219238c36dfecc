"""Names of docks, ledger entries, clips and sessions, and the urns statements carry.

A name that reaches a topic, a path or a query went through here first, so none of
them can carry a wildcard, a slash or a control character. Names are opaque on
purpose: people, places and case numbers stay in records (SPEC 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType, Self

from protocols.errors import IdError

DockId = NewType("DockId", str)

# MQTT 3.1.1 section 3.1.3.1 guarantees client identifiers of up to 23 bytes.
_DOCK = re.compile(r"[a-z0-9][a-z0-9-]{0,22}\Z")
_ENTRY = re.compile(r"([a-z0-9][a-z0-9-]{0,22})\.(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,14})\Z")
_RESERVED = frozenset({"gateway"})

_DOCK_URN = "urn:evidock:dock:"
_CLIP_URN = "urn:evidock:clip:"
_SESSION_URN = "urn:evidock:session:"
_CASE_URN = "urn:evidock:case:"
_ACCOUNT_URN = "urn:evidock:account:"
_CLIENT_URN = "urn:evidock:client:"
_RECORDING_URN = "urn:evidock:recording:"
_GATEWAY_URN = "urn:evidock:gateway:"
_HOLD_URN = "urn:evidock:hold:"
_DISPOSAL_URN = "urn:evidock:disposal:"
RULES_URN = "urn:evidock:rules"
"""Subject of statements about the rule packs that were adopted."""


def dock_id(text: str) -> DockId:
    """Check a dock's name: 1 to 23 of ``a-z 0-9 -``, not starting with ``-``.

    Raises:
        IdError: malformed, or the reserved name ``gateway``.
    """
    if not _DOCK.match(text) or text in _RESERVED:
        msg = f"{text[:40]!r} is not a dock name: 1 to 23 of a-z, 0-9 and -, not 'gateway'"
        raise IdError(msg)
    return DockId(text)


@dataclass(frozen=True, slots=True, order=True)
class EntryId:
    """One entry of one dock's ledger; the entry that sealed a clip names the clip.

    Text form ``dock.epoch.seq``, for example ``dock7.1.123``.
    """

    dock: DockId
    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.dock}.{self.epoch}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            IdError: not ``dock.epoch.seq`` with decimal numbers without leading zeros.
        """
        found = _ENTRY.match(text)
        if not found:
            msg = f"{text[:60]!r} is not an entry name such as dock7.1.123"
            raise IdError(msg)
        return cls(dock_id(found[1]), int(found[2]), int(found[3]))

    @property
    def clip_urn(self) -> str:
        """Subject of every statement about the clip that this entry sealed."""
        return f"{_CLIP_URN}{self}"

    @property
    def session_urn(self) -> str:
        """Subject of the statements about the session that this entry opened."""
        return f"{_SESSION_URN}{self}"


ClipId = EntryId
SessionId = EntryId


def dock_urn(dock: DockId) -> str:
    """Issuer of a dock's statements, and subject of statements about the dock."""
    return f"{_DOCK_URN}{dock}"


def dock_of_urn(urn: str) -> DockId:
    """The dock that an issuer names.

    Raises:
        IdError: it names something else.
    """
    if not urn.startswith(_DOCK_URN):
        msg = f"{urn[:80]!r} names no dock"
        raise IdError(msg)
    return dock_id(urn.removeprefix(_DOCK_URN))


def gateway_urn(name: str) -> str:
    """Issuer of a gateway's statements; ``name`` follows the rule for docks' names."""
    if not _DOCK.match(name):
        msg = f"{name[:40]!r} is not a gateway name: 1 to 23 of a-z, 0-9 and -"
        raise IdError(msg)
    return f"{_GATEWAY_URN}{name}"


def case_urn(token: str) -> str:
    """Subject of statements about a case; ``token`` is random hex, never the case number."""
    return f"{_CASE_URN}{token}"


def account_urn(token: str) -> str:
    """Subject of statements about a person's account; ``token`` is random hex."""
    return f"{_ACCOUNT_URN}{token}"


def client_urn(token: str) -> str:
    """Subject of statements about a case system; ``token`` is random hex."""
    return f"{_CLIENT_URN}{token}"


def hold_urn(token: str) -> str:
    """Under which every statement about a hold is found; ``token`` is random hex."""
    return f"{_HOLD_URN}{token}"


def disposal_urn(token: str) -> str:
    """Subject of statements about a disposal; ``token`` is random hex."""
    return f"{_DISPOSAL_URN}{token}"


def recording_urn(token: str) -> str:
    """Subject of statements about which clips are one recording; ``token`` is random hex."""
    return f"{_RECORDING_URN}{token}"


def clip_of_urn(urn: str) -> ClipId | None:
    """The clip a subject names, or None when it names something else."""
    if not urn.startswith(_CLIP_URN):
        return None
    try:
        return EntryId.parse(urn.removeprefix(_CLIP_URN))
    except IdError:
        return None
