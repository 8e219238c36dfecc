"""Signed statements: one COSE_Sign1 per record, over the record's digest.

A statement says "this issuer made this record, at this place of its chain" without disclosing the
record: its payload is the SHA-256 of the record's bytes (RFC 9943 Signed Statement in RFC 9995
hash-envelope form). It is made once, when a clip is sealed or an act is done, and kept for ever as
the bytes first made. The transparent form adds receipts beside it without touching those bytes.

This module decides neither whether a key is trusted nor whether a chain holds, and it never reads
the record: that takes keys and neighbours, which the caller has.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hashing import cbor, cose, merkle
from hashing.errors import DecodeError, ProofError, UnsupportedError
from hashing.keys import SIGNATURE_SIZE, Algorithm, PublicKey, Signer
from hashing.ledger import MAX_SEQ, DockLink, SubjectLink, statement_hash

MAX_STATEMENT = 4096
MAX_TRANSPARENT = 64 << 10
MAX_RECEIPTS = 8
CONTENT_TYPE_STATEMENT = "application/scitt-statement+cose"
RECORD_TYPE = "application/json"

CHAIN: Final = "evidock"
_REQUIRED = frozenset({cose.ALG, cose.TYP, cose.PAYLOAD_HASH_ALG, cose.PREIMAGE_TYPE, cose.CLAIMS})
_ALLOWED = frozenset[int | str]({cose.KID, cose.X5T, CHAIN})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose form is right; nothing in it is verified yet.

    Attributes:
        raw: the bytes as given, with receipts if they came with any.
        algorithm: of the signature.
        kid: SHA-256 of the signer's SubjectPublicKeyInfo; None when `x5t` is there instead.
        x5t: SHA-256 of the signer's certificate.
        issuer: opaque urn of the dock or gateway.
        subject: opaque urn of what the record is about.
        issued_at: seconds since 1970 by the issuer's clock, None when it was not synchronised.
        record_type: media type of the record.
        record_digest: SHA-256 of the record's bytes.
        chain: place in a dock's ledger or among the acts on a subject; None when it claims none.
        signature: 64 raw bytes.
        receipts: raw receipts that came with it.
        protected: the protected header's bytes, which are what is signed with the digest.
    """

    raw: bytes
    algorithm: Algorithm
    kid: bytes | None
    x5t: bytes | None
    issuer: str
    subject: str
    issued_at: int | None
    record_type: str
    record_digest: bytes
    chain: DockLink | SubjectLink | None
    signature: bytes
    receipts: tuple[bytes, ...]
    protected: bytes = field(repr=False)

    @property
    def signed(self) -> bytes:
        """The registration form: as first made, without receipts. This is what is hashed."""
        if not self.receipts:
            return self.raw
        return cose.encode_sign1(self.protected, {}, self.record_digest, self.signature)

    @property
    def hash(self) -> bytes:
        """What the next entry of the chain names as `prev`."""
        return statement_hash(self.signed)

    @property
    def leaf(self) -> bytes:
        """Leaf hash of this statement in the log."""
        return merkle.leaf_hash(self.signed)


def sign_statement(
    signer: Signer,
    *,
    record: bytes,
    issuer: str,
    subject: str,
    chain: DockLink | SubjectLink,
    issued_at: int | None = None,
) -> bytes:
    """Make the statement over a record.

    Args:
        signer: the issuer's statement key.
        record: the record's exact bytes.
        issuer: opaque urn of the issuer.
        subject: opaque urn of what the record is about.
        chain: place of the statement.
        issued_at: seconds since 1970; None unless the clock is synchronised.

    Returns:
        Tagged COSE_Sign1 of at most `MAX_STATEMENT` bytes.

    Raises:
        HashingError: an argument would make a statement that `decode_statement` refuses; nothing
            is signed then.
    """
    claims: dict[int | str, object] = {cose.ISS: issuer, cose.SUB: subject}
    if issued_at is not None:
        claims[cose.IAT] = issued_at
    protected = cbor.dumps(
        {
            cose.ALG: int(signer.algorithm),
            cose.TYP: CONTENT_TYPE_STATEMENT,
            cose.KID: signer.public.kid,
            cose.PAYLOAD_HASH_ALG: cose.SHA_256,
            cose.PREIMAGE_TYPE: RECORD_TYPE,
            cose.CLAIMS: claims,
            CHAIN: _chain_value(chain),
        }
    )
    payload = hashlib.sha256(record).digest()
    _decode(cose.encode_sign1(protected, {}, payload, bytes(SIGNATURE_SIZE)), MAX_STATEMENT)
    signature = signer.sign(cose.signed_bytes(protected, payload))
    return cose.encode_sign1(protected, {}, payload, signature)


def decode_statement(raw: bytes) -> Statement:
    """Read a statement in registration form, that is without receipts.

    Raises:
        DecodeError: not in the one accepted form.
        UnsupportedError: another signature or digest algorithm.
    """
    statement = _decode(raw, MAX_STATEMENT)
    if statement.receipts:
        raise DecodeError("statement carries receipts where the registration form is expected")
    return statement


def decode_transparent(raw: bytes) -> Statement:
    """Read a statement that comes with 1 to 8 receipts; the receipts are not looked into.

    Raises:
        DecodeError: not in the one accepted form.
        UnsupportedError: another signature or digest algorithm.
    """
    statement = _decode(raw, MAX_TRANSPARENT)
    if not statement.receipts:
        raise DecodeError("statement comes without a receipt")
    # The longest texts together stay below MAX_STATEMENT, so only receipts can use the room.
    return statement


def verify_statement(statement: Statement, key: PublicKey) -> None:
    """Check that this key signed this statement. Whether the key may is the caller's question.

    Raises:
        SignatureError: it did not, or the statement names another key or algorithm.
    """
    cose.verify_signature(
        key,
        kid=statement.kid,
        algorithm=statement.algorithm,
        message=cose.signed_bytes(statement.protected, statement.record_digest),
        signature=statement.signature,
    )


def verify_record(statement: Statement, record: bytes) -> None:
    """Check that these are the bytes of the record that the statement is over.

    Raises:
        ProofError: their SHA-256 is another.
    """
    if hashlib.sha256(record).digest() != statement.record_digest:
        raise ProofError("record is not the one this statement was made over")


def attach_receipts(statement: bytes, receipts: Sequence[bytes]) -> bytes:
    """Put receipts beside a statement: its transparent form (RFC 9943).

    Args:
        statement: registration form.
        receipts: 1 to 8 raw receipts.

    Raises:
        DecodeError: the statement, or the result, is not in the accepted form.
        UnsupportedError: another signature or digest algorithm.
    """
    bare = decode_statement(statement)
    unprotected: cose.Header = {cose.RECEIPTS: list(receipts)}
    raw = cose.encode_sign1(bare.protected, unprotected, bare.record_digest, bare.signature)
    return decode_transparent(raw).raw


def _decode(raw: bytes, max_size: int) -> Statement:
    frame = cose.decode_sign1(raw, max_size=max_size)
    header = cose.read_protected(frame.protected)
    cose.check_labels(header, required=_REQUIRED, allowed=_ALLOWED)
    cose.check_type(header, CONTENT_TYPE_STATEMENT)
    algorithm = cose.read_algorithm(header)
    if header[cose.PAYLOAD_HASH_ALG] != cose.SHA_256:
        raise UnsupportedError("record digest (label 258) is not SHA-256")
    kid, x5t = _read_key_name(header)
    claims = cose.read_claims(header)
    return Statement(
        raw=raw,
        algorithm=algorithm,
        kid=kid,
        x5t=x5t,
        issuer=claims.issuer,
        subject=claims.subject,
        issued_at=claims.issued_at,
        record_type=cose.read_text(header[cose.PREIMAGE_TYPE], "record type (label 259)"),
        record_digest=cose.read_digest(frame.payload, "payload"),
        chain=_read_chain(header[CHAIN]) if CHAIN in header else None,
        signature=frame.signature,
        receipts=_read_receipts(frame.unprotected),
        protected=frame.protected,
    )


def _read_key_name(header: cose.Header) -> tuple[bytes | None, bytes | None]:
    if (cose.KID in header) == (cose.X5T in header):
        raise DecodeError("header names its key not exactly once (label 4 or label 34)")
    if cose.KID in header:
        return cose.read_digest(header[cose.KID], "key id (label 4)"), None
    match header[cose.X5T]:
        case [cose.SHA_256, thumbprint]:
            return None, cose.read_digest(thumbprint, "certificate thumbprint (label 34)")
        case _:
            raise DecodeError("certificate thumbprint (label 34) is not [-16, SHA-256]")


def _read_chain(value: object) -> DockLink | SubjectLink:
    match value:
        case [epoch, seq, prev]:
            previous = cose.read_digest(prev, "chain prev")
            return DockLink(_read_number(epoch), _read_number(seq), previous)
        case [seq, prev]:
            return SubjectLink(_read_number(seq), cose.read_digest(prev, "chain prev"))
        case _:
            raise DecodeError("chain is neither [epoch, seq, prev] nor [seq, prev]")


def _read_number(value: object) -> int:
    if not cose.is_int(value) or not 0 <= value <= MAX_SEQ:
        raise DecodeError("chain number is not an integer from 0 to 2^63-1")
    return value


def _read_receipts(unprotected: cose.Header) -> tuple[bytes, ...]:
    if not unprotected:
        return ()
    receipts = unprotected.get(cose.RECEIPTS)
    if len(unprotected) != 1 or not isinstance(receipts, list):
        raise DecodeError("unprotected header is neither empty nor receipts (label 394)")
    if not 1 <= len(receipts) <= MAX_RECEIPTS:
        raise DecodeError(f"{len(receipts)} receipts where 1 to {MAX_RECEIPTS} are allowed")
    if not all(isinstance(receipt, bytes) for receipt in receipts):
        raise DecodeError("a receipt is not a byte string")
    return tuple(receipts)


def _chain_value(chain: DockLink | SubjectLink) -> list[int | bytes]:
    if isinstance(chain, DockLink):
        return [chain.epoch, chain.seq, chain.prev]
    return [chain.seq, chain.prev]
