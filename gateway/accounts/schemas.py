"""Shapes of accounts, case systems and signing in over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from gateway.access.policy import Act, Role
from gateway.access.principals import Principal
from gateway.accounts.models import Account, Client
from gateway.accounts.secrets import LONGEST
from gateway.accounts.service import NewAccount
from gateway.shapes import Asked, PlainLine, PlainProse, Told, ToldOnce

Login = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["wang"])]
"""What a person signs in with, or a case system's name: small letters, digits, dots, hyphens."""

Name = Annotated[PlainLine, Field(max_length=120)]
"""A person's name; it stands in records together with what he signs in with."""

Unit = Annotated[
    str, Field(max_length=200, pattern=r"^[^/]+(/[^/]+)*$", examples=["市局/城关分局"])
]
"""A path in the unit tree."""

# What was typed, however long, is compared and never kept.
_Typed = Annotated[str, Field(max_length=LONGEST)]
_Token = Annotated[str, Field(min_length=1, max_length=100)]
_PERSON_ROLES = frozenset(Role) - {Role.CASE_SYSTEM}


class SignInAsked(Asked):
    """A person's name, password and the code that his authenticator app shows now."""

    login: _Typed
    password: _Typed
    code: Annotated[str, Field(max_length=20)]


class WhoTold(Told):
    """Who asks, as the gateway sees it."""

    kind: str
    login: str
    name: str
    roles: list[str]
    unit: str
    officer: str | None
    acts: dict[str, str] = Field(description="How far each act reaches: none, own or unit.")

    @classmethod
    def of(cls, who: Principal) -> Self:
        """From a principal."""
        return cls(
            kind=who.kind.value,
            login=who.login,
            name=who.name,
            roles=sorted(who.roles),
            unit=who.unit,
            officer=who.officer,
            acts={act.value: who.reach(act).name.lower() for act in Act},
        )


class LinkLookedAt(Asked):
    """A set-up link, to see what it offers; `login` as it will be, for the app to show."""

    token: _Token
    login: Login | None = None


class OfferedTold(ToldOnce):
    """Whom a link is for, and the second factor; `login` is none for the first account."""

    login: str | None
    name: str | None
    totp_uri: str = Field(description="For an authenticator app.")
    secret: str = Field(description="The same to be typed: base32.")
    qr: str = Field(description="The same as a picture: an SVG image as a data URI.")


class SetUpAsked(Asked):
    """Password and second factor, set by a link; `login` and `name` for the first account."""

    token: _Token
    password: _Typed
    code: Annotated[str, Field(max_length=20)]
    login: Login | None = None
    name: Name | None = None

    def first(self) -> NewAccount | None:
        """The first account, if that is what is asked for."""
        if self.login is None or self.name is None:
            return None
        return NewAccount(self.login, self.name, None, frozenset({Role.OPERATOR}), None)


class RightsAsked(Asked):
    """Who a person is and what he may do from now on; stands in the log."""

    name: Name
    officer: PlainLine | None = Field(None, description="Number under which docks know him.")
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    unit: Unit | None = Field(None, description="None: all units.")
    active: bool = True
    sign_in: Literal["password", "provider"] | None = Field(
        None,
        description="Through the OpenID Connect provider of `[oidc]`, or with a password here; "
        "a change ends the other way. Not said: as it is.",
    )
    by: PlainLine | None = None
    why: PlainProse

    @model_validator(mode="after")
    def _of_people(self) -> Self:
        if not self.roles <= _PERSON_ROLES:
            msg = "a person is no case system; POST /api/v1/clients makes one"
            raise ValueError(msg)
        return self

    def account(self, login: str, provider: str | None) -> NewAccount:
        """As the service takes it.

        Args:
            login: whose.
            provider: through which he signs in.
        """
        said = (self.name, self.officer, self.roles, self.unit, self.active, self.why)
        return NewAccount(login, *said, provider)


class AccountAsked(RightsAsked):
    """A person who gets an account."""

    login: Login


class AccountTold(Told):
    """A person's account."""

    login: str
    name: str
    officer: str | None
    roles: list[str]
    unit: str | None
    active: bool
    provider: str | None = Field(description="OpenID Connect issuer; none: has a password here.")

    @classmethod
    def of(cls, row: Account) -> Self:
        """From a row."""
        return cls.model_validate(row)


class AccountMadeTold(AccountTold, ToldOnce):
    """An account and the link for its person, told here and never again.

    There is no link for who signs in through a provider.
    """

    token: str | None
    url: str | None


class LinkAsked(Asked):
    """A new link for a person, who lost password or phone."""

    by: PlainLine | None = None


class LinkTold(ToldOnce):
    """A link, told here and never again."""

    token: str
    url: str


class ClientAsked(Asked):
    """A case system that may ask."""

    name: Login
    role: Literal["case-system", "auditor"] = Field(
        "case-system", description="`auditor`: a program that checks the whole log."
    )
    unit: Unit | None = Field(None, description="None: all units.")
    expires: AwareDatetime
    by: PlainLine | None = None
    why: PlainProse


class ClientEndAsked(Asked):
    """Why a case system may ask no longer."""

    by: PlainLine | None = None
    why: PlainProse


class ClientTold(Told):
    """A case system."""

    name: str
    role: str
    unit: str | None
    expires_at: datetime
    active: bool

    @classmethod
    def of(cls, row: Client) -> Self:
        """From a row."""
        return cls.model_validate(row)


class ClientMadeTold(ClientTold, ToldOnce):
    """A case system and its key, told here and never again."""

    key: str
