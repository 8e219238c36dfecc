from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.errors import DecodeError, HashingError, ProofError, SignatureError
from hashing.keys import Ed25519Signer, Es256Signer, Signer
from hashing.merkle import inclusion_proof, leaf_hash, leaf_reader, root
from hashing.receipt import (
    MAX_RECEIPT,
    Receipt,
    decode_receipt,
    sign_receipt,
    verify_receipt,
)

LOG = Es256Signer.generate()
LEAVES = [leaf_hash(bytes([number])) for number in range(40)]


@dataclass(frozen=True)
class Place:
    size: int
    index: int

    def sign(self, signer: Signer = LOG, **changes: object) -> bytes:
        arguments: dict[str, object] = {
            "size": self.size,
            "index": self.index,
            "path": inclusion_proof(leaf_reader(LEAVES), self.index, self.size),
            "root": root(LEAVES[: self.size]),
            "issuer": "urn:evidock:log:9b20",
            "subject": "urn:evidock:clip:a30e",
            "issued_at": 1700000001,
        }
        return sign_receipt(signer, **(arguments | changes))  # type: ignore[arg-type]  # mixed kinds


GOOD = Place(11, 5).sign()


def check(raw: bytes, leaf: bytes = LEAVES[5], signer: Signer = LOG) -> bytes:
    return verify_receipt(decode_receipt(raw), leaf, signer.public)


def test_a_receipt_says_what_it_was_made_of() -> None:
    receipt = decode_receipt(GOOD)

    assert isinstance(receipt, Receipt)
    assert (receipt.size, receipt.index, receipt.kid) == (11, 5, LOG.public.kid)
    assert list(receipt.path) == inclusion_proof(leaf_reader(LEAVES), 5, 11)
    assert (receipt.issuer, receipt.subject, receipt.issued_at) == (
        "urn:evidock:log:9b20",
        "urn:evidock:clip:a30e",
        1700000001,
    )
    assert receipt.raw == GOOD


@given(st.integers(1, 40), st.data())
def test_a_receipt_proves_its_leaf_in_any_tree_and_names_the_root(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))

    assert check(Place(size, index).sign(), LEAVES[index]) == root(LEAVES[:size])


def test_a_receipt_may_be_signed_with_ed25519() -> None:
    log = Ed25519Signer.generate()

    assert check(Place(3, 2).sign(log), LEAVES[2], log) == root(LEAVES[:3])


def test_a_receipt_proves_no_other_leaf_and_no_other_log() -> None:
    with pytest.raises(SignatureError, match="does not verify"):
        check(GOOD, LEAVES[6])
    with pytest.raises(SignatureError, match="signed under key"):
        check(GOOD, signer=Es256Signer.generate())
    with pytest.raises(ProofError, match="32 bytes"):
        check(GOOD, b"not a leaf hash")


def test_a_single_bit_flip_is_refused_or_touches_the_unsigned_place_alone() -> None:
    signed_root = root(LEAVES[:11])
    for position in range(len(GOOD) * 8):
        flipped = bytearray(GOOD)
        flipped[position // 8] ^= 1 << position % 8
        try:
            receipt = decode_receipt(bytes(flipped))
            assert verify_receipt(receipt, LEAVES[5], LOG.public) == signed_root
        except HashingError:
            continue
        # What is left is a false size or index that folds to the root that was signed.
        assert (receipt.size, receipt.index) != (11, 5)
        assert receipt.path == decode_receipt(GOOD).path


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_crash(data: bytes) -> None:
    for raw in (data, b"\xd2\x84" + data):
        with pytest.raises(HashingError):
            decode_receipt(raw)


def test_a_receipt_longer_than_8_kib_is_refused() -> None:
    with pytest.raises(DecodeError, match="at most 8192"):
        decode_receipt(bytes(MAX_RECEIPT + 1))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 0, "index": 0, "path": []}, "leaf 0 in a tree of 0"),
        ({"index": 11}, "leaf 11 in a tree of 11"),
        ({"index": -1}, "leaf -1"),
        ({"size": 1 << 63}, "in a tree of"),
        ({"size": True}, "not \\[size, index"),
        ({"path": [bytes(31)]}, "not 32 bytes"),
        ({"path": [bytes(32)] * 64}, "longer than any tree"),
        ({"root": bytes(31)}, "root is not 32 bytes"),
        ({"issuer": ""}, "issuer"),
        ({"subject": "a\tb"}, "subject"),
        ({"issued_at": -1}, "issued at"),
    ],
)
def test_nothing_is_signed_that_would_be_refused(changes: dict[str, object], reason: str) -> None:
    class Tripwire(Es256Signer):
        def sign(self, message: bytes) -> bytes:
            raise AssertionError(message)

    with pytest.raises(DecodeError, match=reason):
        Place(11, 5).sign(Tripwire.generate(), **changes)
