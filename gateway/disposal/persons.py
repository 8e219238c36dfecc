"""Whether two accounts are two people: what one of them proposes, the other may approve.

An account is a login name; one human can have two. People are told apart by their officer
numbers, or by the names that one provider has for them; who has neither decides nothing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account, Identity
from gateway.errors import ConflictError


class SamePersonError(ConflictError):
    """Whoever proposed it may not approve it."""


class PersonUnsureError(ConflictError):
    """Nothing tells that these are two people."""


@dataclass(frozen=True, slots=True)
class _Person:
    """By what an account's person is known.

    Attributes:
        officer: his number, in the one form in which it is compared.
        issuers: providers through which he has signed in.
    """

    account: str
    officer: str | None
    issuers: frozenset[str]


async def refuse_nameless(session: AsyncSession, account: str) -> None:
    """Refuse a person whom nobody could tell from whoever decides later.

    Raises:
        PersonUnsureError: he has no officer number and never signed in through a provider.
    """
    person = await _person(session, account)
    if person.officer is None and not person.issuers:
        raise PersonUnsureError(
            "footage goes by two people, and your account says not who you are: an operator sets "
            "your officer number, or you sign in through the provider"
        )


async def refuse_same(session: AsyncSession, proposer: str, approver: str) -> None:
    """Refuse two accounts that are one person, or may be.

    Raises:
        SamePersonError: they are one. PersonUnsureError: nothing tells that they are two.
    """
    one, two = await _person(session, proposer), await _person(session, approver)
    if one.account == two.account or (one.officer is not None and one.officer == two.officer):
        raise SamePersonError("you proposed this yourself; another person has to approve it")
    both_numbered = one.officer is not None and two.officer is not None
    # A provider has one name for each person, and an account has one of its names.
    if not both_numbered and not one.issuers & two.issuers:
        raise PersonUnsureError(
            "nothing tells your account and the proposer's apart as two people: an operator sets "
            "officer numbers for both, or both sign in through the same provider"
        )


async def _person(session: AsyncSession, account: str) -> _Person:
    row = await session.get(Account, account)
    number = None if row is None or row.officer is None else _compared(row.officer)
    issuers = await session.scalars(select(Identity.issuer).where(Identity.account == account))
    return _Person(account, number or None, frozenset(issuers))


def _compared(officer: str) -> str:
    """A number as it is compared: how it was typed makes nobody another person."""
    return "".join(unicodedata.normalize("NFKC", officer).split()).casefold()
