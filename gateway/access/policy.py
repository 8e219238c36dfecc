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
    TRAILS_READ = "trails.read"
    """trails and proofs of clips and cases"""
    CASES_READ = "cases.read"
    CASES_OPEN = "cases.open"
    CASES_LINK = "cases.link"
    """tie and untie clips"""
    EXPORTS_MAKE = "exports.make"
    DOCKS_READ = "docks.read"
    """docks, alarms, certificates, invitations"""
    DOCKS_MANAGE = "docks.manage"
    """enrol, revoke, settle alarms"""
    LOG_READ = "log.read"
    """entries with their records"""
    LOG_PROVE = "log.prove"
    """checkpoints, proofs, witnesses, time stamps"""
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
trails.read     own     unit      unit    unit     unit       unit    -        unit
cases.read      -       unit      unit    unit     unit       unit    -        unit
cases.open      -       unit      unit    -        -          -       -        unit
cases.link      -       unit      unit    -        -          -       -        unit
exports.make    -       unit      -       -        -          -       -        unit
docks.read      -       unit      -       -        unit       unit    unit     -
docks.manage    -       -         -       -        -          -       unit     -
log.read        -       -         -       -        -          unit    -        -
log.prove       unit    unit      unit    unit     unit       unit    unit     unit
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
