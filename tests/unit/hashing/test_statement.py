import hashlib
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.errors import DecodeError, HashingError, ProofError, SignatureError
from hashing.keys import Algorithm, Ed25519Signer, Es256Signer, Signer
from hashing.ledger import MAX_SEQ, NO_PREV, DockLink, SubjectLink, statement_hash
from hashing.merkle import leaf_hash
from hashing.statement import (
    MAX_STATEMENT,
    MAX_TRANSPARENT,
    Statement,
    attach_receipts,
    decode_statement,
    decode_transparent,
    sign_statement,
    verify_record,
    verify_statement,
)

DOCK = Es256Signer.generate()
RECORD = b'{"salt":"5f","v":1}'
LINK = DockLink(0, 7, hashlib.sha256(b"before").digest())


def sign(signer: Signer = DOCK, **changes: object) -> bytes:
    arguments: dict[str, object] = {
        "record": RECORD,
        "issuer": "urn:evidock:dock:6f1c",
        "subject": "urn:evidock:clip:a30e",
        "chain": LINK,
    }
    return sign_statement(signer, **(arguments | changes))  # type: ignore[arg-type]  # mixed kinds


def frame(raw: bytes) -> list[object]:
    return list(cbor2.loads(raw).value)


def reframe(raw: bytes, **changes: object) -> bytes:
    names = ("protected", "unprotected", "payload", "signature")
    parts = dict(zip(names, frame(raw), strict=True)) | changes
    return cbor2.dumps(cbor2.CBORTag(18, [parts[name] for name in names]))


GOOD = sign()


def test_a_statement_has_the_form_of_the_specification() -> None:
    protected, unprotected, payload, signature = frame(GOOD)

    assert isinstance(protected, bytes)
    assert list(cbor2.loads(protected).items()) == [
        (1, -7),
        (16, "application/scitt-statement+cose"),
        (4, DOCK.public.kid),
        (258, -16),
        (259, "application/json"),
        (15, {1: "urn:evidock:dock:6f1c", 2: "urn:evidock:clip:a30e"}),
        ("evidock", [0, 7, LINK.prev]),
    ]
    assert unprotected == {}
    assert payload == hashlib.sha256(RECORD).digest()
    assert isinstance(signature, bytes)
    assert len(signature) == 64
    assert GOOD[:2] == b"\xd2\x84"


def test_a_statement_says_what_it_was_made_of() -> None:
    statement = decode_statement(sign(issued_at=1700000000))

    assert statement.algorithm is Algorithm.ES256
    assert (statement.kid, statement.x5t) == (DOCK.public.kid, None)
    assert (statement.issuer, statement.subject, statement.issued_at) == (
        "urn:evidock:dock:6f1c",
        "urn:evidock:clip:a30e",
        1700000000,
    )
    assert statement.record_type == "application/json"
    assert statement.chain == LINK
    assert statement.receipts == ()


def test_hash_and_leaf_are_over_the_bytes_as_first_made() -> None:
    statement = decode_statement(GOOD)

    assert statement.raw == statement.signed == GOOD
    assert statement.hash == statement_hash(GOOD) == hashlib.sha256(GOOD).digest()
    assert statement.leaf == leaf_hash(GOOD)


_TEXT = st.text(min_size=1, max_size=255).filter(str.isprintable)
_NUMBER = st.integers(0, MAX_SEQ)
_HASH = st.binary(min_size=32, max_size=32)


@settings(max_examples=50, deadline=None)
@given(
    signer=st.sampled_from([DOCK, Ed25519Signer.generate()]),
    record=st.binary(max_size=100),
    issuer=_TEXT,
    subject=_TEXT,
    chain=st.builds(DockLink, _NUMBER, _NUMBER, _HASH) | st.builds(SubjectLink, _NUMBER, _HASH),
    issued_at=st.none() | _NUMBER,
)
def test_whatever_is_signed_reads_back_and_verifies(
    signer: Signer,
    record: bytes,
    issuer: str,
    subject: str,
    chain: DockLink | SubjectLink,
    issued_at: int | None,
) -> None:
    statement = decode_statement(
        sign_statement(
            signer, record=record, issuer=issuer, subject=subject, chain=chain, issued_at=issued_at
        )
    )

    verify_statement(statement, signer.public)
    verify_record(statement, record)
    assert (statement.issuer, statement.subject, statement.issued_at, statement.chain) == (
        issuer,
        subject,
        issued_at,
        chain,
    )


def refused(raw: bytes, key: Signer = DOCK) -> None:
    with pytest.raises(HashingError):
        verify_statement(decode_statement(raw), key.public)


def test_every_single_bit_flip_is_refused() -> None:
    for position in range(len(GOOD) * 8):
        flipped = bytearray(GOOD)
        flipped[position // 8] ^= 1 << position % 8
        refused(bytes(flipped))


def test_every_shortening_and_any_byte_more_is_refused() -> None:
    for length in range(len(GOOD)):
        refused(GOOD[:length])
    refused(GOOD + b"\x00")


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(data: bytes) -> None:
    for read in (decode_statement, decode_transparent):
        for raw in (data, b"\xd2\x84" + data):
            with pytest.raises(HashingError):
                read(raw)


@given(st.binary(max_size=120))
def test_random_headers_are_refused_and_never_crash(data: bytes) -> None:
    refused(reframe(GOOD, protected=data))


_CBOR = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.binary(max_size=33)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([1, 2, 6, 394, "evidock"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=200)
@given(st.sampled_from([1, 2, 4, 15, 16, 34, 258, 259, 394, "evidock", -1, "x"]), _CBOR)
def test_any_other_value_of_any_label_is_refused_and_never_crashes(
    label: int | str, value: object
) -> None:
    header = dict(cbor2.loads(frame(GOOD)[0]))  # type: ignore[arg-type]  # bytes by construction
    refused(reframe(GOOD, protected=cbor2.dumps(header | {label: value})))


@given(st.sampled_from(["unprotected", "payload", "signature"]), _CBOR)
def test_any_other_part_of_the_frame_is_refused_and_never_crashes(part: str, value: object) -> None:
    if part == "unprotected" and value == {}:
        return
    refused(reframe(GOOD, **{part: value}))


def test_only_the_signers_key_verifies() -> None:
    statement = decode_statement(GOOD)
    anonymous = replace(statement, kid=None)

    with pytest.raises(SignatureError, match="signed under key"):
        verify_statement(statement, Es256Signer.generate().public)
    with pytest.raises(SignatureError, match="does not verify"):
        verify_statement(anonymous, Es256Signer.generate().public)
    with pytest.raises(SignatureError, match="does not fit"):
        verify_statement(anonymous, Ed25519Signer.generate().public)


def test_another_record_is_told() -> None:
    statement = decode_statement(GOOD)

    verify_record(statement, RECORD)
    with pytest.raises(ProofError, match="not the one"):
        verify_record(statement, RECORD + b"\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ""},
        {"issuer": "x" * 256},
        {"subject": "line\nbreak"},
        {"subject": "\u202egnp.exe"},
        {"subject": "\udcff"},
        {"issued_at": -1},
        {"issued_at": 1 << 63},
        {"issued_at": 1.5},
        {"chain": DockLink(-1, 0, NO_PREV)},
        {"chain": DockLink(0, MAX_SEQ + 1, NO_PREV)},
        {"chain": SubjectLink(0, b"short")},
        {"chain": SubjectLink(1 << 64, NO_PREV)},
    ],
)
def test_nothing_is_signed_that_would_be_refused(changes: dict[str, object]) -> None:
    class Tripwire(Es256Signer):
        def sign(self, message: bytes) -> bytes:
            raise AssertionError(message)

    with pytest.raises(HashingError):
        sign(Tripwire.generate(), **changes)


def test_a_statement_with_every_text_at_its_longest_still_reads() -> None:
    longest = "\U0001f4f7" * 255
    header = dict(cbor2.loads(frame(sign(issued_at=MAX_SEQ))[0]))  # type: ignore[arg-type]  # bytes by construction
    header |= {15: {1: longest, 2: longest, 6: MAX_SEQ}, 259: longest}
    largest = reframe(GOOD, protected=cbor2.dumps(header))

    assert len(largest) < MAX_STATEMENT
    assert decode_statement(largest).issuer == longest


def test_receipts_come_beside_a_statement_without_touching_it() -> None:
    receipts = [b"first", b"second"]
    statement = decode_transparent(attach_receipts(GOOD, receipts))

    verify_statement(statement, DOCK.public)
    assert statement.receipts == tuple(receipts)
    assert statement.raw != GOOD
    assert statement.signed == GOOD
    assert (statement.hash, statement.leaf) == (statement_hash(GOOD), leaf_hash(GOOD))


def test_each_form_is_refused_where_the_other_is_expected() -> None:
    transparent = attach_receipts(GOOD, [b"receipt"])

    with pytest.raises(DecodeError, match="registration form"):
        decode_statement(transparent)
    with pytest.raises(DecodeError, match="without a receipt"):
        decode_transparent(GOOD)
    with pytest.raises(DecodeError, match="registration form"):
        attach_receipts(transparent, [b"receipt"])


@pytest.mark.parametrize(
    ("unprotected", "reason"),
    [
        ({394: []}, "0 receipts"),
        ({394: [b"r"] * 9}, "9 receipts"),
        ({394: ["text"]}, "not a byte string"),
        ({394: b"receipt"}, "neither empty nor receipts"),
        ({394: [b"r"], 4: b"kid"}, "neither empty nor receipts"),
        ({4: b"kid"}, "neither empty nor receipts"),
        ({394: [bytes(MAX_TRANSPARENT)]}, "at most 65536"),
    ],
)
def test_anything_else_in_the_unprotected_header_is_refused(
    unprotected: dict[int, object], reason: str
) -> None:
    with pytest.raises(DecodeError, match=reason):
        decode_transparent(reframe(GOOD, unprotected=unprotected))


def test_no_receipts_or_too_many_are_not_attached() -> None:
    with pytest.raises(DecodeError):
        attach_receipts(GOOD, [])
    with pytest.raises(DecodeError, match="9 receipts"):
        attach_receipts(GOOD, [b"r"] * 9)
    with pytest.raises(DecodeError, match="at most 65536"):
        attach_receipts(GOOD, [bytes(16 << 10)] * 4)


def test_a_statement_without_a_chain_says_so() -> None:
    header = {
        label: value
        for label, value in cbor2.loads(frame(GOOD)[0]).items()  # type: ignore[arg-type]  # bytes by construction
        if label != "evidock"
    }

    assert decode_statement(reframe(GOOD, protected=cbor2.dumps(header))).chain is None


def test_a_statement_shown_on_a_screen_keeps_its_header_bytes_out() -> None:
    assert "protected" not in repr(decode_statement(GOOD))
    assert isinstance(decode_statement(GOOD), Statement)
