"""What English says of a record Chinese says, too: many who read pages speak no English."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import pytest

from protocols.ids import ClipId
from protocols.kinds import BODIES, Body
from protocols.pack.words import KINDS
from protocols.trail import TrailEvent
from protocols.trail.story import story
from protocols.trail.story_zh import _TOLD, FIELDS, SENTENCES, said_zh
from tests.simulators.eventful import OPENED, SEALED, inventory, repaired

RICH: list[Body] = [OPENED, SEALED, inventory("dock7.0.1"), repaired(ClipId.parse("dock7.0.3"))]


def event(body: Body) -> TrailEvent:
    return cast("TrailEvent", SimpleNamespace(record=SimpleNamespace(kind=body.kind, body=body)))


def bare(kind: type[Body]) -> Body | None:
    """A body whose every field is its own name; None where that makes no sense of it."""
    body = kind.model_construct(None, **{name: f"<{name}>" for name in kind.model_fields})
    body = body.model_copy(update={"certificates": None})
    try:
        story(event(body))
    except (AttributeError, TypeError):
        return None
    return body


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_word_of_a_kind_is_chinese(kind: str) -> None:
    assert re.search("[\u4e00-\u9fff]", KINDS[kind])


@pytest.mark.parametrize("body", RICH, ids=lambda body: body.kind)
def test_numbers_and_names_of_a_whole_record_are_the_same(body: Body) -> None:
    english, chinese = story(event(body)), said_zh(body.kind, body)
    for fact in re.findall(r"[0-9a-f]{64}|\b\d{2,}\b|bay\d|uuid:\S+[^,\s]", english):
        assert fact in chinese, fact


@pytest.mark.parametrize("kind", [kind for kind in sorted(BODIES) if bare(BODIES[kind])])
def test_every_field_that_english_tells_is_told(kind: str) -> None:
    body = bare(BODIES[kind])
    assert body is not None
    english, chinese = story(event(body)), said_zh(kind, body)
    for fact in set(re.findall(r"<\w+>", english)):
        assert fact in chinese, f"story_zh leaves out {fact} of {kind}"


def test_fields_of_kinds_without_a_sentence_have_a_name() -> None:
    """Whoever adds a kind gives it a sentence in story_zh, or its fields a name there."""
    own = set(SENTENCES) | set(_TOLD)
    fields = {name for kind in set(BODIES) - own for name in BODIES[kind].model_fields}
    assert fields <= set(FIELDS)
