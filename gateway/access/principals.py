"""Who asks, and under which name what they do stands in the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from gateway.access import policy
from gateway.access.policy import Act, Reach, Role
from gateway.problems import Problem
from gateway.shapes import FieldProblem

MOST = 200
"""Characters of a name in a record (``protocols.kinds.Word``)."""

_MARKS = frozenset("<>")


class Kind(StrEnum):
    """What sort of asker."""

    PERSON = "person"
    CASE_SYSTEM = "case-system"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has shown who he is.

    Attributes:
        id: random hex that names the account or case system for good; empty for the host.
        login: the name a person signs in with; that of a case system.
        name: as people write it.
        roles: empty for the host, which may do everything.
        unit: top of the part of the unit tree that is his; empty for all of it.
        officer: the number under which docks know a person.
    """

    kind: Kind
    id: str = ""
    login: str = ""
    name: str = ""
    roles: frozenset[Role] = frozenset()
    unit: str = ""
    officer: str | None = None

    def reach(self, act: Act) -> Reach:
        """How far an act reaches for this principal."""
        return Reach.UNIT if self.kind is Kind.HOST else policy.reach(self.roles, act)

    def signs(self, given: str | None) -> str:
        """The name under which an act stands in the log.

        A person signs as himself. A case system says for whom it acts, and its own name stands
        beside that; so does who types a command on the gateway's machine. Neither can write what
        looks like a person that signed in.

        Args:
            given: whom the asker named.

        Raises:
            Problem: it named somebody else, or nobody where somebody is to be named.
        """
        if self.kind is Kind.PERSON:
            if given not in {None, self.name, self.login, self.signature}:
                raise _refused("by-not-you", "acts stand in your own name; leave out `by`")
            return self.signature
        if given is None:
            raise _refused("by-missing", "say in `by` for whom this is done; it stands in the log")
        if _MARKS & set(given):
            raise _refused("by-marked", "`by` has no < or >: these mark people who signed in")
        if self.kind is Kind.HOST:
            return given
        signed = f"{given} via <{self.login}>"
        if len(signed) > MOST:
            # Never cut: what would be lost is whose word it is.
            raise _refused("by-long", f"`by` and who asks have {MOST} characters at most")
        return signed

    def signed(self, by: str) -> bool:
        """Whether an act stands in this principal's name, or was done for somebody by it."""
        if self.kind is Kind.CASE_SYSTEM:
            return by.endswith(f" via <{self.login}>")
        return self.kind is Kind.HOST or by == self.signature

    @property
    def signature(self) -> str:
        """A person's name in the log: ``王警官 <wang>``."""
        return f"{self.name} <{self.login}>"


HOST = Principal(Kind.HOST, name="gateway host")
"""Whoever can read the gateway's own files, and so could do everything in any case."""


def _refused(code: str, detail: str) -> Problem:
    at_fault = [FieldProblem(where="body.by", what=detail)]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail, errors=at_fault)
