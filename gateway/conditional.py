"""Entity tags of what changes, and requests that depend on them (RFC 9110, section 13).

A tag has two parts: the log position of the newest entry about the thing, and a digest of the
answer it came with. Readers compare all of it; acts compare the first part alone: what makes an
act the wrong one is that something was stated in between, not that a count went on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from gateway.evidence.ranges import matches
from gateway.problems import NotModified, Problem

_DIGEST_CHARACTERS = 16
_LONGEST = 4096


def tag_of(version: int, told: BaseModel) -> str:
    """The strong entity tag of an answer.

    Args:
        version: log position of the newest entry about it.
        told: what is answered.
    """
    digest = hashlib.sha256(told.model_dump_json().encode()).hexdigest()
    return f'"{version}.{digest[:_DIGEST_CHARACTERS]}"'


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request depends on; None where it says nothing."""

    if_match: str | None = None
    if_none_match: str | None = None

    def tag(self, response: Response, version: int, told: BaseModel) -> None:
        """Tag an answer, or leave it out because the asker has it.

        Args:
            response: gets the tag.
            version: log position of the newest entry about it.
            told: what is answered.

        Raises:
            NotModified: it is what the asker has.
        """
        tag = tag_of(version, told)
        if self.if_none_match is not None and matches(self.if_none_match, tag, weak=True):
            raise NotModified(tag)
        response.headers["etag"] = tag

    def refuse_changed(self, version: int) -> None:
        """Refuse an act on what is not any more as the asker knows it.

        Asked under the lock of the act, this and the act are one.

        Args:
            version: log position of the newest entry about it, now.

        Raises:
            Problem: something was stated about it since.
        """
        if self.if_match is None or self.if_match.strip() == "*":
            return
        named = {_version(item) for item in self.if_match.split(",")}
        if str(version) not in named:
            raise Problem(
                HTTPStatus.PRECONDITION_FAILED,
                "changed-meanwhile",
                "it was changed since you read it (If-Match); read it again and decide anew",
            )

    def refuse_absent(self) -> None:
        """Refuse an act on what is not there, when it depends on something that is.

        Raises:
            Problem: the request says what it knows of it, if only that there is one.
        """
        if self.if_match is not None:
            raise Problem(
                HTTPStatus.PRECONDITION_FAILED,
                "changed-meanwhile",
                "there is nothing of that name (If-Match); leave If-Match out to make it",
            )


ANYHOW = Conditions()
"""What a request depends on that says nothing."""


def _version(item: str) -> str:
    """The first part of one tag; empty for a weak one, which never matches strongly."""
    text = item.strip()
    return text[1:-1].partition(".")[0] if text.startswith('"') and text.endswith('"') else ""


async def _conditions(
    if_match: Annotated[
        str | None,
        Header(max_length=_LONGEST, description="act only if this is still its `ETag`"),
    ] = None,
) -> Conditions:
    return Conditions(if_match=if_match)


async def _reading(
    if_none_match: Annotated[
        str | None,
        Header(max_length=_LONGEST, description="an `ETag` you have; 304 when it is the same"),
    ] = None,
) -> Conditions:
    return Conditions(if_none_match=if_none_match)


Reading = Annotated[Conditions, Depends(_reading)]
"""For a route that tells something that has a tag."""

Acting = Annotated[Conditions, Depends(_conditions)]
"""For a route that changes something that has a tag."""

NOT_MODIFIED: dict[int | str, dict[str, object]] = {
    304: {"description": "It is what you have (`If-None-Match`).", "content": {}}
}
"""For the API's description of a route that tells something that has a tag."""
