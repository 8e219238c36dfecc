"""Receipts: the log's signed proof that a statement is in its tree (RFC 9942).

The gateway makes one when a statement has entered the log; docks keep it, packs carry it, and
anyone can check it offline with the log's receipt key. A receipt is a COSE_Sign1 over the tree's
root, which is not in it: the verifier computes it from the statement and the path.

A receipt proves membership. Its `size` and `index` are unsigned hints for folding the path: they
become facts only when the root it returns is that of a checkpoint with this very size.

What is signed is the protected header and the root, not the place. A log whose receipts name the
log itself as their subject signs once for each checkpoint, however many statements it covers; the
header that they share is read once, and the signature verified once. Every path is folded.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hashing import cbor, cose, merkle
from hashing.errors import DecodeError, UnsupportedError
from hashing.keys import Algorithm, PublicKey, Signer

MAX_RECEIPT = 8 << 10
CONTENT_TYPE_RECEIPT = "application/scitt-receipt+cose"

_RFC9162_SHA256 = 1
_INCLUSION = -1
_MAX_PATH = 63
# Of 300 bytes each as gateways make them, of 8 KiB at most.
_REMEMBERED = 1024
_HEADERS = 64
_REQUIRED = frozenset({cose.ALG, cose.KID, cose.TYP, cose.VDS, cose.CLAIMS})
_NONE: Final = frozenset[int | str]()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose form is right; nothing in it is verified yet.

    Attributes:
        raw: the bytes as given.
        algorithm: of the signature.
        kid: SHA-256 of the log's receipt key (its SubjectPublicKeyInfo).
        issuer: opaque urn of the log.
        subject: what it is about: the log's origin, or the urn of the statement's subject.
        issued_at: seconds since 1970 by the gateway's clock.
        size: leaves of the tree the path was made for.
        index: of the statement's leaf.
        path: inclusion path, lowest sibling first.
        signature: 64 raw bytes over the root.
        protected: the protected header's bytes.
    """

    raw: bytes
    algorithm: Algorithm
    kid: bytes
    issuer: str
    subject: str
    issued_at: int | None
    size: int
    index: int
    path: tuple[bytes, ...]
    signature: bytes
    protected: bytes = field(repr=False)


def sign_receipt(
    signer: Signer,
    *,
    size: int,
    index: int,
    path: Sequence[bytes],
    root: bytes,
    issuer: str,
    subject: str,
    issued_at: int,
) -> bytes:
    """Make the receipt for one leaf. The caller answers for the path leading to the root.

    Args:
        signer: the log's receipt key.
        size: leaves of the tree.
        index: of the statement's leaf.
        path: `merkle.inclusion_proof` for both.
        root: of the tree; signed, not contained.
        issuer: opaque urn of the log.
        subject: the log's origin; of receipts made before that was so, the statement's subject.
        issued_at: seconds since 1970.

    Raises:
        HashingError: an argument would make a receipt that `decode_receipt` refuses; nothing is
            signed then.
    """
    cose.read_digest(root, "root")
    protected = cbor.dumps(
        {
            cose.ALG: int(signer.algorithm),
            cose.KID: signer.public.kid,
            cose.TYP: CONTENT_TYPE_RECEIPT,
            cose.VDS: _RFC9162_SHA256,
            cose.CLAIMS: {cose.ISS: issuer, cose.SUB: subject, cose.IAT: issued_at},
        }
    )
    proof = cbor.dumps([size, index, list(path)])
    unprotected: cose.Header = {cose.VDP: {_INCLUSION: [proof]}}
    decode_receipt(cose.encode_sign1(protected, unprotected, None, bytes(64)))
    signature = signer.sign(cose.signed_bytes(protected, root))
    return cose.encode_sign1(protected, unprotected, None, signature)


def decode_receipt(raw: bytes) -> Receipt:
    """Read a receipt.

    Raises:
        DecodeError: not in the one accepted form.
        UnsupportedError: another signature algorithm or another kind of tree.
    """
    frame = cose.decode_sign1(raw, max_size=MAX_RECEIPT)
    algorithm, kid, claims = _read_header(frame.protected)
    if frame.payload is not None:
        # An attached root would be verified as given, and nothing would tie it to the leaf.
        raise DecodeError("receipt carries its payload; it must be detached")
    size, index, path = _read_proof(frame.unprotected)
    return Receipt(
        raw=raw,
        algorithm=algorithm,
        kid=kid,
        issuer=claims.issuer,
        subject=claims.subject,
        issued_at=claims.issued_at,
        size=size,
        index=index,
        path=path,
        signature=frame.signature,
        protected=frame.protected,
    )


def verify_receipt(receipt: Receipt, leaf: bytes, key: PublicKey) -> bytes:
    """Check that the log's key signed a tree that contains this leaf.

    Args:
        receipt: as decoded.
        leaf: `Statement.leaf`.
        key: the log's receipt key.

    Returns:
        The root that was signed. Compare it with a checkpoint of size `receipt.size` before
        relying on size or index.

    Raises:
        ProofError: the path does not fit size and index.
        SignatureError: the key did not sign the root the path leads to.
    """
    root = merkle.root_from_inclusion(leaf, receipt.index, receipt.size, receipt.path)
    cose.verify_signature(
        key,
        kid=receipt.kid,
        algorithm=receipt.algorithm,
        message=cose.signed_bytes(receipt.protected, root),
        signature=receipt.signature,
        check=_verify_once,
    )
    return root


@functools.lru_cache(maxsize=_REMEMBERED)
def _verify_once(key: PublicKey, algorithm: Algorithm, message: bytes, signature: bytes) -> None:
    # Found again only if all four are equal, byte for byte. A refusal raises: it is not kept.
    key.verify(algorithm, message, signature)


@functools.lru_cache(maxsize=_HEADERS)
def _read_header(protected: bytes) -> tuple[Algorithm, bytes, cose.Claims]:
    # Of the bytes alone, so it may be found again by them. A refusal raises: it is not kept.
    header = cose.read_protected(protected)
    cose.check_labels(header, required=_REQUIRED, allowed=_NONE)
    cose.check_type(header, CONTENT_TYPE_RECEIPT)
    if not cose.is_int(header[cose.VDS]) or header[cose.VDS] != _RFC9162_SHA256:
        raise UnsupportedError("tree (label 395) is not RFC9162_SHA256")
    claims = cose.read_claims(header)
    kid = cose.read_digest(header[cose.KID], "key id (label 4)")
    return cose.read_algorithm(header), kid, claims


def _read_proof(unprotected: cose.Header) -> tuple[int, int, tuple[bytes, ...]]:
    proofs = unprotected.get(cose.VDP)
    if len(unprotected) != 1 or not isinstance(proofs, dict) or list(proofs) != [_INCLUSION]:
        raise DecodeError("unprotected header is not inclusion proofs (396: {-1: ...}) alone")
    match proofs[_INCLUSION]:
        case [bytes(wrapped)]:
            # One more than can be, so that a path too long is called so.
            proof = cbor.loads_strict(wrapped, max_size=len(wrapped), max_items=5 + _MAX_PATH)
        case _:
            raise DecodeError("receipt does not carry exactly one inclusion proof")
    match proof:
        case [size, index, list(path)] if cose.is_int(size) and cose.is_int(index):
            pass
        case _:
            raise DecodeError("inclusion proof is not [size, index, [path...]]")
    if not 0 <= index < size <= merkle.MAX_TREE_SIZE:
        raise DecodeError(f"inclusion proof for leaf {index} in a tree of {size}")
    if len(path) > _MAX_PATH:
        raise DecodeError("inclusion path is longer than any tree is high")
    return size, index, tuple(cose.read_digest(node, "inclusion path hash") for node in path)
