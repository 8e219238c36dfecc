from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing import receipt as receipts
from hashing.cose import decode_sign1, encode_sign1
from hashing.errors import DecodeError, HashingError, ProofError, SignatureError
from hashing.keys import Algorithm, Ed25519Signer, Es256Signer, PublicKey, Signer
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


# --- a signature that several receipts share --------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Signatures that were really verified, in order."""
    seen: list[bytes] = []
    real = PublicKey.verify

    def verify(key: PublicKey, algorithm: Algorithm, message: bytes, signature: bytes) -> None:
        seen.append(signature)
        real(key, algorithm, message, signature)

    monkeypatch.setattr(PublicKey, "verify", verify)
    return seen


def shared(index: int) -> bytes:
    """GOOD for another leaf of the same tree: its header and signature, another path."""
    good, other = decode_sign1(GOOD, max_size=MAX_RECEIPT), Place(11, index).sign()
    proof = decode_sign1(other, max_size=MAX_RECEIPT).unprotected
    return encode_sign1(good.protected, proof, None, good.signature)


def test_receipts_that_share_a_signature_have_it_verified_once(verified: list[bytes]) -> None:
    signer = Es256Signer.generate()
    first = decode_receipt(Place(11, 5).sign(signer))
    second = replace(decode_receipt(shared(7)), kid=first.kid)
    second = replace(second, protected=first.protected, signature=first.signature)
    top = root(LEAVES[:11])

    assert verify_receipt(first, LEAVES[5], signer.public) == top
    assert verify_receipt(second, LEAVES[7], signer.public) == top
    assert verified == [first.signature]


def test_a_shared_signature_proves_only_what_leads_to_its_root() -> None:
    check(GOOD)
    assert check(shared(7), LEAVES[7]) == root(LEAVES[:11])
    with pytest.raises(SignatureError):
        check(shared(7), LEAVES[5])
    elsewhere = replace(decode_receipt(GOOD), index=4)
    with pytest.raises(SignatureError):
        verify_receipt(elsewhere, LEAVES[5], LOG.public)


def high_s(signature: bytes) -> bytes:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return signature[:32] + (order - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_what_was_verified_helps_no_other_key_bytes_or_signature(verified: list[bytes]) -> None:
    good, stranger = decode_receipt(GOOD), Es256Signer.generate()
    top, later = root(LEAVES[:11]), decode_receipt(Place(11, 5).sign(issued_at=1700000002))
    verify_receipt(good, LEAVES[5], LOG.public)
    verified.clear()
    flipped = good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    wrong = [
        replace(good, signature=flipped),
        replace(good, signature=high_s(good.signature)),
        replace(good, signature=later.signature),
        replace(good, protected=later.protected),
        replace(good, algorithm=Algorithm.ED25519),
    ]

    for receipt in [*wrong, *wrong]:
        with pytest.raises(SignatureError):
            verify_receipt(receipt, LEAVES[5], LOG.public)
    with pytest.raises(SignatureError):
        verify_receipt(good, LEAVES[5], stranger.public)
    with pytest.raises(SignatureError):
        verify_receipt(replace(good, kid=stranger.public.kid), LEAVES[5], stranger.public)
    # Each was looked at again: neither a success nor a refusal stood in for it.
    assert len(verified) == 2 * len(wrong) + 1
    assert verify_receipt(good, LEAVES[5], LOG.public) == top


def test_a_flood_of_receipts_does_not_fill_the_memory() -> None:
    assert receipts._verify_once.cache_info().maxsize == 1024
