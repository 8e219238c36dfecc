"""Answers of time stamping authorities that say less than they seem to, or something else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from hashing.keys import Ed25519Signer
from hashing.note import Checkpoint, sign_checkpoint
from protocols.timestamps import (
    MAX_RESPONSE,
    StampError,
    check_stamp,
    claimed_time,
    parse_roots,
    stamped_text,
)
from tests.simulators.authority import Authority

NOTE = sign_checkpoint(Checkpoint("test/log", 5, bytes(32)), Ed25519Signer.generate(), "test/log")
TEXT = stamped_text(NOTE)
TRIES = 400


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "own")


@pytest.fixture(scope="module")
def good(authority: Authority) -> bytes:
    return authority.stamp(authority.query(TEXT))


def checked(authority: Authority, raw: bytes) -> datetime:
    return check_stamp(raw, NOTE, parse_roots(authority.root.read_bytes()))


def test_a_stamp_counts_with_the_error_that_its_authority_states(
    authority: Authority, good: bytes
) -> None:
    """Ten years off is not known to have been there before ten years from now."""
    authority.accuracy = "secs:315360000, millisecs:500"
    try:
        raw = authority.stamp(authority.query(TEXT))
    finally:
        authority.accuracy = "secs:1"
    for at in (checked(authority, raw), claimed_time(raw)):
        assert at > checked(authority, good) + timedelta(days=3649)


def _timed(text: bytes) -> Callable[[bytes], bytes]:
    def spoil(raw: bytes) -> bytes:
        at = raw.index(b"\x18\x0f") + 2
        return raw[:at] + text + raw[at + 15 :]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw + b"garbage",
        lambda raw: raw[:-5],
        lambda _: b"",
        lambda _: b"\x30\x84\xff\xff\xff\xff",
        lambda _: b"\x30\x80" * (MAX_RESPONSE // 2),
        lambda _: bytes.fromhex("30053003020102"),
        lambda raw: raw + bytes(MAX_RESPONSE),
        _timed(b"99991231235959Z"),
        _timed(b"19990101000000Z"),
        _timed(b"20261332256199Z"),
    ],
    ids=["trailing", "cut", "empty", "length", "nested", "refusal", "huge", "9999", "1999", "date"],
)
def test_an_answer_that_is_none_is_refused_in_words(
    authority: Authority, good: bytes, spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(StampError):
        checked(authority, spoil(good))


def test_a_weak_digest_another_text_or_a_missing_certificate_counts_for_nothing(
    authority: Authority,
) -> None:
    for query in (
        authority.query(b"another text"),
        authority.query(TEXT, "-sha1", "-cert"),
        authority.query(TEXT, "-sha256"),
    ):
        with pytest.raises(StampError):
            checked(authority, authority.stamp(query))
    authority.digest = "sha1"
    try:
        raw = authority.stamp(authority.query(TEXT))
    finally:
        authority.digest = "sha256"
    with pytest.raises(StampError, match="a digest that is not taken"):
        checked(authority, raw)


def test_no_bytes_end_it_otherwise_than_in_words(authority: Authority, good: bytes) -> None:
    chance = random.Random(1)  # noqa: S311  # the same tries each time
    for _ in range(TRIES):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        for read in (lambda raw: checked(authority, raw), claimed_time):
            try:
                read(bytes(raw))
            except StampError:
                continue
