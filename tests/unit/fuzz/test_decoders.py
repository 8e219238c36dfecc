"""Every decoder of outside bytes: typed refusals, bounded time, one form where there is one."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.all import GROUPS, decoders
from tests.fuzz.decoder import Decoder
from tests.fuzz.mutation import mutated

EVERY = decoders()
_AT_ONCE = 8
_LONG_S = 5.0


@pytest.mark.parametrize("decoder", EVERY, ids=lambda decoder: decoder.name)
def test_genuine_bytes_are_taken(decoder: Decoder) -> None:
    """Or the mutations below would all set out from something that is refused anyway."""
    assert any(decoder.try_on(seed) for seed in decoder.seeds), decoder.seeds


@pytest.mark.parametrize("decoder", EVERY, ids=lambda decoder: decoder.name)
@given(start=st.integers(0, 2**64))
@settings(max_examples=40)
def test_damaged_bytes_end_in_a_value_or_in_a_refusal_in_words(
    decoder: Decoder, start: int
) -> None:
    chance = random.Random(start)  # noqa: S311  # repeats, and guards nothing
    for _ in range(_AT_ONCE):
        raw = mutated(decoder.seeds, chance)
        began = time.monotonic()
        decoder.try_on(raw)
        assert time.monotonic() - began < _LONG_S, raw


def test_every_decoder_is_named_by_its_group_and_once() -> None:
    assert {decoder.name.partition(" ")[0] for decoder in EVERY} == set(GROUPS)
    assert len({decoder.name for decoder in EVERY}) == len(EVERY)
