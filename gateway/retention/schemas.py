"""Shapes of rules and retention over HTTP."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from gateway.retention.deciding import Decision
from gateway.retention.models import AdoptedRules
from gateway.retention.pack import MAX_PACK, RulePack
from gateway.retention.service import InForce
from gateway.retention.signing import MAX_SIGNATURE
from gateway.shapes import Asked, PlainLine, PlainProse, Told

_BASE64 = MAX_PACK * 4 // 3 + 4


class RulesAsked(Asked):
    """A pack to adopt."""

    pack: Annotated[
        str, Field(max_length=_BASE64, json_schema_extra={"contentEncoding": "base64"})
    ] = Field(description="the TOML file's bytes")
    signature: str = Field(max_length=MAX_SIGNATURE, description="the line beside it")
    why: PlainProse
    by: PlainLine | None = Field(None, description="for whom; none: you")


class RulesTold(Told):
    """A pack that was adopted."""

    version: int
    jurisdiction: str
    sha256: str
    kid: str = Field(description="SHA-256 of the key that signed it")
    by: str
    why: str
    adopted_index: int
    adopted_at: datetime

    @classmethod
    def of(cls, row: AdoptedRules) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        digests = {"sha256": row.sha256.hex(), "kid": row.kid.hex(), "by": row.who}
        return cls.model_validate(columns | digests)


class RulesDetail(RulesTold):
    """A pack with what it says, and its file."""

    says: dict[str, Any]
    pack: str = Field(json_schema_extra={"contentEncoding": "base64"})
    signature: str

    @classmethod
    def whole(cls, row: AdoptedRules, pack: RulePack, raw: bytes, signature: str) -> Self:
        """From a row and its file."""
        return cls(
            **RulesTold.of(row).model_dump(),
            says=pack.model_dump(mode="json", exclude_none=True),
            pack=base64.b64encode(raw).decode(),
            signature=signature,
        )


class ReasonTold(Told):
    """One thing that keeps a clip."""

    code: str
    until: datetime | None = Field(description="when it keeps it no longer; null: never")
    zh: str
    en: str


class RetentionTold(Told):
    """How long a clip is kept; the longest of its reasons counts."""

    clip: str
    expires: datetime | None = Field(description="null: never by itself")
    rules_version: int | None
    rules_sha256: str | None
    reasons: list[ReasonTold]

    @classmethod
    def of(cls, clip: str, decision: Decision, rules: InForce | None) -> Self:
        """From a decision."""
        return cls(
            clip=clip,
            expires=decision.expires,
            rules_version=None if rules is None else rules.row.version,
            rules_sha256=None if rules is None else rules.row.sha256.hex(),
            reasons=[ReasonTold.model_validate(each) for each in decision.reasons],
        )
