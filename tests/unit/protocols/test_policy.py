"""Policies of witnesses: read strictly, and what they say of a checkpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.keys import Ed25519Signer
from hashing.note import Checkpoint, NoteKey, SignatureType, cosign, sign_checkpoint
from hashing.verdict import Outcome
from protocols.policy import Policy, PolicyError, check_policy, judge, parse_policy

ORIGIN = "evidock.example/log"
LOG = Ed25519Signer.generate()
SIGNERS = {name: Ed25519Signer.generate() for name in ("court", "press", "union", "audit")}
AT = 1_780_000_000


def vkey(name: str, signer: Ed25519Signer, kind: SignatureType = SignatureType.COSIGNATURE) -> str:
    return NoteKey(name, signer.public, kind).vkey()


LOG_LINE = f"log {vkey(ORIGIN, LOG, SignatureType.ED25519)}\n"
WITNESSES = "".join(f"witness {n} {vkey(n, s)} https://{n}.example/\n" for n, s in SIGNERS.items())


def policy(rest: str, start: str = LOG_LINE + WITNESSES) -> Policy:
    return parse_policy((start + rest).encode())


def note(*names: str, signer: Ed25519Signer = LOG) -> bytes:
    raw = sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), signer, ORIGIN)
    for name in names:
        raw = cosign(raw, SIGNERS[name], name, AT)
    return raw


TWO_LEVELS = "group a 2 court press union\ngroup both all a audit\nquorum both\n"


@pytest.mark.parametrize(
    ("rest", "names", "reached"),
    [
        ("quorum none\n", (), True),
        ("quorum court\n", ("court",), True),
        ("quorum court\n", ("press", "union", "audit"), False),
        ("group g any court press\nquorum g\n", ("press",), True),
        ("group g all court press\nquorum g\n", ("press",), False),
        (TWO_LEVELS, ("court", "union", "audit"), True),
        (TWO_LEVELS, ("court", "press", "union"), False),
        (TWO_LEVELS, ("court", "audit"), False),
        ("# why\n\n \t\n  group\tg  1 \t court \nquorum g\n", ("court",), True),
    ],
)
def test_a_quorum_is_reached_or_not(rest: str, names: tuple[str, ...], reached: bool) -> None:  # noqa: FBT001
    judged = judge(note(*names), policy(rest))
    assert judged.reached == reached
    assert {cosigner.name for cosigner in judged.cosigners} == set(names)
    finding = check_policy(note(*names), policy(rest))
    assert finding.step == 7
    assert finding.outcome is (Outcome.INTACT if reached else Outcome.UNWITNESSED)


def test_the_reason_names_who_cosigned_and_who_was_needed() -> None:
    reason = check_policy(note("court"), policy(TWO_LEVELS)).reason
    assert "court (2026-05-28T20:26:40Z)" in reason
    assert "2 of (2 of (court, press, union), audit)" in reason


def test_a_log_that_is_not_listed_is_unsigned_and_none_listed_leaves_it_to_the_caller() -> None:
    strange = note("court", signer=Ed25519Signer.generate())
    assert check_policy(strange, policy("quorum court\n")).outcome is Outcome.UNSIGNED
    alone = policy("quorum court\n", WITNESSES)
    assert check_policy(strange, alone).outcome is Outcome.INTACT
    assert check_policy(b"not a note", alone).outcome is Outcome.UNSIGNED


def test_a_cosignature_of_another_text_or_by_a_log_key_counts_for_nothing() -> None:
    other = cosign(
        sign_checkpoint(Checkpoint(ORIGIN, 6, bytes(32)), LOG, ORIGIN),
        SIGNERS["court"],
        "court",
        AT,
    )
    moved = note() + other.splitlines(keepends=True)[-1]
    assert not judge(moved, policy("quorum court\n")).reached


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "quorum none\nquorum none\n",
        "quorum court",
        "quorum nobody\n",
        "quorum g\ngroup g any court\n",
        "group none any court\nquorum none\n",
        "group court any press\nquorum none\n",
        "group g any\nquorum g\n",
        "group g 0 court\nquorum g\n",
        "group g 2 court\nquorum g\n",
        "group g 01 court\nquorum g\n",
        "group g +1 court\nquorum g\n",
        "group g any court court\nquorum g\n",
        "group g any none\nquorum g\n",
        "group g any court\ngroup h any court press\nquorum h\n",
        "group g any g\nquorum g\n",
        "quorum none extra\n",
        "Quorum none\n",
        "quorum none\r\n",
        "quorum none\n\x00\n",
        "quorum none\n\x7f\n",
        f"witness again {vkey('again', SIGNERS['court'])}\nquorum none\n",
        f"witness w {vkey('w', LOG, SignatureType.ED25519)}\nquorum none\n",
        f"log {vkey('other', LOG, SignatureType.ED25519)}\nquorum none\n",
        f"log {vkey('other', SIGNERS['court'])}\nquorum none\n",
        "log not-a-key\nquorum none\n",
        "witness court2\nquorum none\n",
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(rest: str) -> None:
    with pytest.raises(PolicyError):
        policy(rest)


def test_names_are_octets() -> None:
    signers = [Ed25519Signer.generate() for _ in range(2)]
    lines = b"".join(
        b"witness " + name + b" " + vkey("w", signer).encode() + b"\n"
        for name, signer in zip((b"K", "\N{KELVIN SIGN}".encode()), signers, strict=True)
    )
    assert (
        len(
            parse_policy(
                lines + b"witness \xff " + vkey("x", LOG).encode() + b"\nquorum K\n"
            ).witnesses
        )
        == 3
    )


@given(st.binary(max_size=400))
def test_nothing_else_ever_comes_of_a_file(raw: bytes) -> None:
    for text in (raw, (LOG_LINE + WITNESSES).encode() + raw + b"\nquorum court\n"):
        try:
            read = parse_policy(text)
        except PolicyError:
            continue
        assert read.quorum in {None, *read.witnesses, *read.groups}
