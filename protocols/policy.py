"""Which witnesses are enough: C2SP tlog-policy files, and what they say of a checkpoint.

A policy comes from outside the gateway, like the trust file: it lists logs, witnesses and groups
of witnesses, and names the one whose word is needed. ``check_policy`` is step 7 of a
verification: is this checkpoint signed by a listed log and cosigned by the quorum?

Names are opaque octets (two spellings of one letter are two names), so they are kept in a form
from which the very octets come back, and shown as UTF-8 where they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hashing.errors import HashingError
from hashing.note import (
    Checkpoint,
    NoteKey,
    SignatureType,
    cosignatures,
    open_checkpoint,
    parse_note,
)
from hashing.verdict import Finding, Outcome
from protocols.errors import ProtocolError

MAX_POLICY = 64 << 10
_MOST = 64
_NONE = "none"
_STEP = 7
_COUNT = re.compile("[1-9][0-9]{0,2}")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_LAST_SECOND = 253_402_300_799  # of the year 9999


class PolicyError(ProtocolError):
    """The file is no policy; nothing was checked with it."""


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints are taken; its key's name is the origin."""

    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness by its name in the policy."""

    name: str
    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Has witnessed a checkpoint when ``needed`` of its members have."""

    name: str
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a file says.

    Attributes:
        logs: may be empty: the log is known otherwise.
        witnesses, groups: by name, in the order of the file; a group's members come before it.
        quorum: name of the witness or group that is needed; None for no witness at all.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: dict[str, Witness]
    groups: dict[str, Group]
    quorum: str | None

    def reached_by(self, cosigners: frozenset[str]) -> bool:
        """Whether witnesses of these names are enough."""
        have = set(cosigners)
        for group in self.groups.values():
            if sum(member in have for member in group.members) >= group.needed:
                have.add(group.name)
        return self.quorum is None or self.quorum in have

    def rule(self) -> str:
        """The quorum in words."""
        return "no witness" if self.quorum is None else self._rule(self.quorum)

    def _rule(self, name: str) -> str:
        group = self.groups.get(name)
        if group is None:
            return shown_name(name)
        members = ", ".join(self._rule(member) for member in group.members)
        return f"{group.needed} of ({members})"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness of the policy that cosigned, and when it says so (seconds since 1970)."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What a policy says of one checkpoint.

    Attributes:
        checkpoint: what the note says, signed or not.
        log: key of the listed log that signed it; None when none did, or none is listed.
        cosigners: witnesses of the policy whose cosignatures verify.
        reached: whether they are enough.
    """

    checkpoint: Checkpoint
    log: NoteKey | None
    cosigners: tuple[Cosigner, ...]
    reached: bool

    @property
    def not_after(self) -> int | None:
        """The earliest time at which a witness says it saw the checkpoint."""
        return min((cosigner.at for cosigner in self.cosigners), default=None)


def parse_policy(raw: bytes) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: it is none, with the line and what is wrong with it.
    """
    if len(raw) > MAX_POLICY:
        raise PolicyError(f"a policy of {len(raw)} bytes; {MAX_POLICY} allowed")
    if not raw.endswith(b"\n"):
        # A file that was cut may name another quorum than was written.
        raise PolicyError("the last line does not end; is the file whole?")
    reading = _Reading()
    for number, line in enumerate(raw[:-1].split(b"\n"), 1):
        try:
            reading.line(line)
        except (PolicyError, HashingError) as error:
            raise PolicyError(f"line {number}: {error}") from error
    return reading.policy()


def judge(note: bytes, policy: Policy) -> Judged:
    """Say which witnesses of a policy cosigned a checkpoint, and whether that is enough.

    Raises:
        DecodeError: not a checkpoint note.
    """
    checkpoint = Checkpoint.parse(parse_note(note).text)
    cosigners = tuple(
        Cosigner(witness.name, at)
        for witness in policy.witnesses.values()
        for _, at in cosignatures(note, [witness.key])
    )
    log = next((log.key for log in policy.logs if _signed_by(note, log.key)), None)
    names = frozenset(cosigner.name for cosigner in cosigners)
    return Judged(checkpoint, log, cosigners, policy.reached_by(names))


def check_policy(note: bytes, policy: Policy, subject: str = "checkpoint") -> Finding:
    """Step 7 for one checkpoint: a log of the policy signed it, and its quorum cosigned it.

    Pure, and all that a verifier needs: whoever checks something against the checkpoint of a
    pack, a trail or a log adds this finding. A policy that lists no log says nothing about who
    signed; the caller has then checked that with a key of its own.
    """
    try:
        judged = judge(note, policy)
    except HashingError as error:
        return Finding(_STEP, Outcome.UNSIGNED, subject, f"no checkpoint: {error}")
    of = f"checkpoint {judged.checkpoint.size} of {judged.checkpoint.origin}"
    if policy.logs and judged.log is None:
        return Finding(_STEP, Outcome.UNSIGNED, subject, f"{of}: signed by no log of the policy")
    told = f"{of}: cosigned by {_names(judged.cosigners)}, the policy asks for {policy.rule()}"
    outcome = Outcome.INTACT if judged.reached else Outcome.UNWITNESSED
    return Finding(_STEP, outcome, subject, told)


def shown_name(name: str) -> str:
    """A name of a policy as text for a person."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _names(cosigners: Sequence[Cosigner]) -> str:
    return ", ".join(f"{shown_name(c.name)} ({_when(c.at)})" for c in cosigners) or "nobody known"


def _when(seconds: int) -> str:
    if seconds > _LAST_SECOND:
        return f"second {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed_by(note: bytes, key: NoteKey) -> bool:
    try:
        return open_checkpoint(note, key).origin == key.name
    except HashingError:
        return False


class _Reading:
    """Takes the lines in their order; a name must be defined before it is used."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._used: set[str] = set()
        self._quorums: list[str | None] = []

    def line(self, raw: bytes) -> None:
        """Take one line without its end."""
        if _FORBIDDEN.search(raw):
            raise PolicyError("has a control character other than tab")
        words = [word for word in raw.replace(b"\t", b" ").split(b" ") if word]
        match [word.decode("utf-8", "surrogateescape") for word in words]:
            case []:
                pass
            case [first, *_] if first.startswith("#"):
                pass
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, next(iter(url), None))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, next(iter(url), None))
            case ["group", name, needed, *members]:
                self._group(name, needed, tuple(members))
            case ["quorum", name]:
                self._quorum(name)
            case other:
                raise PolicyError(f"not understood: {shown_name(other[0])[:60]} …")

    def policy(self) -> Policy:
        """All of it."""
        if len(self._quorums) != 1:
            raise PolicyError(f"a policy has one quorum line, not {len(self._quorums)}")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorums[0])

    def _log(self, vkey: str, url: str | None) -> None:
        key = _key(vkey, SignatureType.ED25519, "log")
        self._bounded(len(self._logs))
        if any(log.key.key == key.key for log in self._logs):
            raise PolicyError("lists the key of another log again")
        self._logs.append(PolicyLog(key, url))

    def _witness(self, name: str, vkey: str, url: str | None) -> None:
        key = _key(vkey, SignatureType.COSIGNATURE, "witness")
        self._fresh(name)
        self._bounded(len(self._witnesses))
        # One key under two names would count twice.
        if any(witness.key.key == key.key for witness in self._witnesses.values()):
            raise PolicyError("lists the key of another witness again")
        self._witnesses[name] = Witness(name, key, url)

    def _group(self, name: str, needed: str, members: tuple[str, ...]) -> None:
        self._fresh(name)
        self._bounded(len(self._groups))
        for member in members:
            self._known(member)
            if member in self._used:
                raise PolicyError(f"{shown_name(member)} is a member already")
            self._used.add(member)
        count = {"any": 1, "all": len(members)}.get(needed)
        if count is None and _COUNT.fullmatch(needed):
            count = int(needed)
        if count is None or not 1 <= count <= len(members):
            raise PolicyError(f"needs all, any or a number up to {len(members)} before its members")
        self._groups[name] = Group(name, count, members)

    def _quorum(self, name: str) -> None:
        if name != _NONE:
            self._known(name)
        self._quorums.append(None if name == _NONE else name)

    def _fresh(self, name: str) -> None:
        if name == _NONE or name in self._witnesses or name in self._groups:
            raise PolicyError(f"the name {shown_name(name)} is taken")

    def _known(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise PolicyError(f"{shown_name(name)} is not defined before this line")

    def _bounded(self, count: int) -> None:
        if count >= _MOST:
            raise PolicyError(f"more than {_MOST} of one kind")


def _key(vkey: str, expected: SignatureType, what: str) -> NoteKey:
    if shown_name(vkey) != vkey:
        raise PolicyError(f"the key of a {what} is not UTF-8")
    key = NoteKey.parse(vkey)
    if key.type is not expected:
        raise PolicyError(f"signature type {int(key.type)} is not that of a {what}")
    return key
