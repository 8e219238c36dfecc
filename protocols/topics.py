"""MQTT topics under ``evidock/1`` (SPEC 4): built from checked names, parsed strictly.

A dock publishes only under ``dock/{dock}/`` and reads only ``gate/{dock}/``, so a
broker can fence it by its identity alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import IdError, MessageError
from protocols.ids import DockId, dock_id

ROOT = "evidock/1"
_WORKER = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


class FromDock(StrEnum):
    """What a dock says."""

    STATE = "state"
    HEAD = "head"
    LEDGER = "ledger"
    LEAVES = "leaves"
    PART = "part"
    NACK = "nack"


class ToDock(StrEnum):
    """What the gateway says to a dock."""

    HELLO = "hello"
    PULL = "pull"
    RECEIPT = "receipt"
    RELEASE = "release"
    REFUSAL = "refusal"
    DISPOSED = "disposed"
    CASES = "cases"
    LOGGED = "logged"


def worker_name(text: str) -> str:
    """Check a gateway worker's name, which docks put into topics.

    Raises:
        IdError: not 1 to 31 of ``a-z 0-9 -``; a wildcard or slash would misdirect footage.
    """
    if not _WORKER.match(text):
        msg = f"{text[:40]!r} is not a worker name"
        raise IdError(msg)
    return text


def from_dock(dock: DockId, what: FromDock) -> str:
    """Topic of ``state`` and ``head``, which are for every worker."""
    return f"{ROOT}/dock/{dock}/{what}"


def to_worker(dock: DockId, what: FromDock, worker: str) -> str:
    """Topic of ``ledger`` and ``nack``, which answer one worker."""
    return f"{ROOT}/dock/{dock}/{what}/{worker_name(worker)}"


def clip_bytes(
    dock: DockId, what: FromDock, worker: str, *, epoch: int, seq: int, offset: int
) -> str:
    """Topic of ``leaves`` and ``part``, whose payload is nothing but bytes."""
    return f"{to_worker(dock, what, worker)}/{epoch}/{seq}/{offset}"


def to_dock(dock: DockId, what: ToDock) -> str:
    """Topic of a message to one dock."""
    return f"{ROOT}/gate/{dock}/{what}"


def dock_subscription(dock: DockId) -> str:
    """Everything a dock reads."""
    return f"{ROOT}/gate/{dock}/+"


def worker_subscriptions(worker: str) -> tuple[str, ...]:
    """Everything one gateway worker reads: announcements of all docks, answers to itself."""
    name = worker_name(worker)
    return (
        f"{ROOT}/dock/+/{FromDock.STATE}",
        f"{ROOT}/dock/+/{FromDock.HEAD}",
        f"{ROOT}/dock/+/{FromDock.LEDGER}/{name}",
        f"{ROOT}/dock/+/{FromDock.NACK}/{name}",
        f"{ROOT}/dock/+/{FromDock.LEAVES}/{name}/#",
        f"{ROOT}/dock/+/{FromDock.PART}/{name}/#",
    )


def worker_echo(worker: str) -> str:
    """What one gateway worker says to itself, to find out whether it still hears."""
    return f"{ROOT}/gate-worker/{worker_name(worker)}/echo"


@dataclass(frozen=True, slots=True)
class DockTopic:
    """A parsed topic of a dock; ``worker`` and the numbers only where the kind has them."""

    dock: DockId
    what: FromDock
    worker: str | None = None
    epoch: int = 0
    seq: int = 0
    offset: int = 0


def parse_from_dock(topic: str) -> DockTopic:
    """Read a topic on which a dock published.

    Raises:
        MessageError: not one of ours; the message is dropped.
    """
    parts = topic.split("/")
    try:
        if parts[:3] != ["evidock", "1", "dock"]:
            raise ValueError  # noqa: TRY301  # one refusal for every shape, below
        dock, what, rest = dock_id(parts[3]), FromDock(parts[4]), parts[5:]
        match what:
            case FromDock.STATE | FromDock.HEAD:
                () = rest
                return DockTopic(dock, what)
            case FromDock.LEDGER | FromDock.NACK:
                (worker,) = rest
                return DockTopic(dock, what, worker_name(worker))
            case _:
                worker, *numbers = rest
                epoch, seq, offset = (_number(text) for text in numbers)
                return DockTopic(dock, what, worker_name(worker), epoch, seq, offset)
    except (ValueError, IndexError, IdError) as error:
        msg = f"not a topic of a dock: {topic[:120]!r}"
        raise MessageError(msg) from error


def parse_to_dock(topic: str, dock: DockId) -> ToDock:
    """Read a topic on which the gateway published to this dock.

    Raises:
        MessageError: for another dock, or of no known kind.
    """
    prefix = f"{ROOT}/gate/{dock}/"
    try:
        if not topic.startswith(prefix):
            raise ValueError  # noqa: TRY301  # one refusal for every shape, below
        return ToDock(topic.removeprefix(prefix))
    except ValueError as error:
        msg = f"not a topic to {dock}: {topic[:120]!r}"
        raise MessageError(msg) from error


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise ValueError(text[:20])
    return int(text)
