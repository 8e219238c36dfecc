"""The table of who may do what. It is the whole policy: no route decides by itself.

A cell says how far an act reaches for a role:

``-``     not at all
``own``   to clips that the person recorded
``unit``  to the person's unit and the units below it

Whoever has several roles has the widest of their cells. People whose unit is empty stand at the
top of the tree. Those who keep the machines (operator) see no footage, and those who see footage
keep no machines; nobody but an auditor reads the log's records whole, which are everybody's.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Role(StrEnum):
    """What somebody is at the agency."""

    OFFICER = "officer"
    CUSTODIAN = "custodian"
    HANDLER = "handler"
    """of cases"""
    REVIEWER = "reviewer"
    """of the legality of decisions"""
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    CASE_SYSTEM = "case-system"
    """a program"""


class Act(StrEnum):
    """What is asked for."""

    CLIPS_READ = "clips.read"
    """lists and particulars"""
    CLIPS_PLAY = "clips.play"
    """the footage itself"""
    CLIPS_UNLOCK = "clips.unlock"
    """supply the key of an encrypted clip"""
    TRAILS_READ = "trails.read"
    """trails and proofs of clips and cases"""
    CASES_READ = "cases.read"
    CASES_OPEN = "cases.open"
    """and their particulars"""
    CASES_LINK = "cases.link"
    """tie and untie clips, or say why there are none"""
    CLIPS_SECRET = "clips.secret"  # noqa: S105  # no password
    """see, play and hand out what has a class of secrecy, as far as one may do so at all"""
    CLIPS_MARK = "clips.mark"
    """say that somebody objects, that it is secret or important"""
    CLIPS_CORRECT = "clips.correct"
    """put right who recorded a clip, its unit, when it began"""
    CLIPS_GROUP = "clips.group"
    """take clips for the chapters of one recording"""
    CASES_MANAGE = "cases.manage"
    """renumber, merge, transfer, seal, unseal"""
    EXPORTS_MAKE = "exports.make"
    HOLDS_READ = "holds.read"
    HOLDS_PLACE = "holds.place"
    """keeps something from being disposed of"""
    HOLDS_LIFT = "holds.lift"
    """by those who look after legality, never by who disposes, nor by a program"""
    RULES_READ = "rules.read"
    RULES_ADOPT = "rules.adopt"
    """how long clips are kept"""
    DISPOSALS_READ = "disposals.read"
    DISPOSALS_PROPOSE = "disposals.propose"
    DISPOSALS_APPROVE = "disposals.approve"
    """by another person, in another role, than proposes"""
    DOCKS_READ = "docks.read"
    """docks, alarms, certificates, invitations"""
    DOCKS_MANAGE = "docks.manage"
    """enrol, revoke, settle alarms"""
    LOG_READ = "log.read"
    """entries with their records"""
    LOG_PROVE = "log.prove"
    """checkpoints, proofs, witnesses, time stamps"""
    EVENTS_READ = "events.read"
    """what happened, as it happens; each event to whoever may read what it is about"""
    WEBHOOKS_MANAGE = "webhooks.manage"
    """where case systems are told; each its own, operators those of their units"""
    PEOPLE_READ = "people.read"
    PEOPLE_MANAGE = "people.manage"
    """accounts and case systems"""


class Reach(IntEnum):
    """How far an act reaches."""

    NONE = 0
    OWN = 1
    UNIT = 2


_CELLS = {"-": Reach.NONE, "own": Reach.OWN, "unit": Reach.UNIT}
_TABLE = """
                officer custodian handler reviewer supervisor auditor operator case-system
clips.read      own     unit      unit    unit     unit       unit    -        unit
clips.play      own     unit      unit    unit     unit       unit    -        unit
clips.unlock    -       unit      -       -        -          -       -        -
trails.read     own     unit      unit    unit     unit       unit    -        unit
clips.secret    -       unit      unit    -        unit       -       -        -
clips.mark      own     unit      unit    -        -          -       -        -
clips.correct   -       unit      -       -        -          -       -        -
clips.group     own     unit      unit    -        -          -       -        -
cases.read      -       unit      unit    unit     unit       unit    -        unit
cases.open      -       unit      unit    -        -          -       -        unit
cases.link      -       unit      unit    -        -          -       -        unit
cases.manage    -       unit      -       -        -          -       -        unit
exports.make    -       unit      -       -        -          -       -        unit
holds.read      -       unit      unit    unit     unit       unit    -        unit
holds.place     -       unit      unit    unit     unit       -       -        unit
holds.lift      -       -         -       unit     unit       -       -        -
rules.read      -       unit      unit    unit     unit       unit    -        unit
rules.adopt     -       -         -       -        unit       -       -        -
disposals.read  -       unit      unit    unit     unit       unit    -        unit
disposals.propose -     unit      -       -        -          -       -        -
disposals.approve -     -         -       -        unit       -       -        -
docks.read      -       unit      -       -        unit       unit    unit     -
docks.manage    -       -         -       -        -          -       unit     -
log.read        -       -         -       -        -          unit    -        -
log.prove       unit    unit      unit    unit     unit       unit    unit     unit
events.read     own     unit      unit    unit     unit       unit    unit     unit
webhooks.manage -       -         -       -        -          -       unit     unit
people.read     -       -         -       -        unit       unit    unit     -
people.manage   -       -         -       -        -          -       unit     -
"""


def _read(table: str) -> dict[tuple[Role, Act], Reach]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    roles = [Role(name) for name in head]
    if sorted(roles) != sorted(Role) or sorted(row[0] for row in rows) != sorted(Act):
        msg = "the table lacks a role or an act, or has one twice"
        raise ValueError(msg)
    return {
        (role, Act(row[0])): _CELLS[cell]
        for row in rows
        for role, cell in zip(roles, row[1:], strict=True)
    }


POLICY = _read(_TABLE)
"""Every cell of the table."""


def reach(roles: Iterable[Role], act: Act) -> Reach:
    """How far an act reaches for somebody who has these roles."""
    return max((POLICY[role, act] for role in roles), default=Reach.NONE)
