"""Enrolment's values: invitation, token, fingerprint, and the proof by the statement key."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from hashing.errors import HashingError
from hashing.keys import Es256Signer
from hashing.statement import decode_statement
from protocols.enrolment import (
    SCHEME,
    STATEMENT_USE,
    TOKEN_BYTES,
    Invitation,
    RenewalClaim,
    RenewalProof,
    read_fingerprint,
    read_token,
    token_digest,
    token_of,
)
from protocols.errors import EnrolmentError
from protocols.ids import dock_id

DOCK = dock_id("dock7")
ROOT = hashlib.sha256(b"root").digest()
TOKEN = token_of(bytes(range(TOKEN_BYTES)))
INVITATION = Invitation(DOCK, "gateway.example", 8443, TOKEN, ROOT)
CSR = b"0\x82 a request"
NONCE = hashlib.sha256(b"nonce").digest()
# Made by openssl x509 -fingerprint -sha256.
PRINTED = "sha256 Fingerprint=" + ":".join(f"{each:02X}" for each in ROOT)


@given(
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,22}", fullmatch=True).filter(lambda n: n != "gateway"),
    host=st.sampled_from(["gateway.example", "10.0.0.7", "2001:db8::7", "g"]),
    port=st.integers(1, 65535),
    bits=st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES),
    lower=st.booleans(),
)
def test_an_invitation_that_is_written_is_read(
    name: str, host: str, port: int, bits: bytes, *, lower: bool
) -> None:
    invitation = Invitation(dock_id(name), host, port, token_of(bits), ROOT)
    text = invitation.text()
    if ":" not in host:
        # Nothing but what a QR code's dense mode holds.
        assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:")
    assert Invitation.parse(text.lower() if lower else f" {text}\n") == invitation


def test_an_invitation_says_where_to_go() -> None:
    assert INVITATION.url == "https://gateway.example:8443"
    assert Invitation(DOCK, "2001:db8::7", 1, TOKEN, ROOT).url == "https://[2001:db8::7]:1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin"),
        ("EVIDOCK-SLIP:1:X", "does not begin"),
        ("EVIDOCK-INVITE:2:WHATEVER", "version 2"),
        (INVITATION.text()[:-1], "missing"),
        (INVITATION.text() + ":1", "too many"),
        (INVITATION.text().replace("8443", "65536"), "no port"),
        (INVITATION.text().replace("8443", "0"), "missing"),
        (INVITATION.text().replace("DOCK7", "GATEWAY"), "no dock"),
        (INVITATION.text().replace("DOCK7", "-DOCK"), "no dock"),
        (INVITATION.text().replace("GATEWAY.EXAMPLE", "A/B"), "missing"),
        (INVITATION.text().replace("GATEWAY.EXAMPLE", "USER@HOST"), "missing"),
        (INVITATION.text().replace("DOCK7", "DÖCK"), "other letters"),
        ("EVIDOCK-INVITE:1:" + "A" * 600, "too long"),
    ],
)
def test_what_is_no_invitation_is_refused(text: str, why: str) -> None:
    with pytest.raises(EnrolmentError, match=why):
        Invitation.parse(text)


@given(st.text(max_size=600))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (Invitation.parse, read_token, read_fingerprint, RenewalClaim.parse):
        for asked in (text, f"EVIDOCK-INVITE:1:{text}", f"{SCHEME} {text}"):
            with contextlib.suppress(EnrolmentError):
                read(asked)


def test_a_token_is_read_as_people_type_it() -> None:
    assert len(TOKEN) == 23
    plain = TOKEN.replace("-", "")
    for typed in (plain.lower(), f" {plain[:3]} {plain[3:]} ", TOKEN):
        assert read_token(typed) == TOKEN
    assert read_token("OIL00-00000-00000-00000") == "01100-00000-00000-00000"
    for wrong in ("", plain[:-1], plain + "0", plain[:-1] + "U", plain[:-1] + "İ"):
        with pytest.raises(EnrolmentError, match="no token"):
            read_token(wrong)


@given(st.sets(st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES), min_size=2, max_size=2))
def test_tokens_hold_a_hundred_bits(bits: set[bytes]) -> None:
    one, other = (int.from_bytes(each, "big") & (1 << 100) - 1 for each in bits)
    tokens = {token_of(each) for each in bits}
    assert (len(tokens) == 2) == (one != other)
    assert len({token_digest(token) for token in tokens}) == len(tokens)


def test_a_fingerprint_is_read_as_openssl_prints_it() -> None:
    for typed in (PRINTED, ROOT.hex(), ROOT.hex().upper(), f"SHA256:{ROOT.hex()}", ROOT.hex(" ")):
        assert read_fingerprint(typed) == ROOT
    for wrong in ("", ROOT.hex()[:-2], ROOT.hex() + "00", "x" * 64, f"sha1:{ROOT.hex()}"):
        with pytest.raises(EnrolmentError, match="no fingerprint"):
            read_fingerprint(wrong)


# --- the proof ----------------------------------------------------------------------


def test_a_proof_holds_for_this_request_of_this_dock_at_this_gateway_alone() -> None:
    signer = Es256Signer.generate()
    value = RenewalProof(ROOT, DOCK, NONCE, CSR).authorization(signer)
    claim = RenewalClaim.parse(value)
    assert (claim.dock, claim.nonce) == (DOCK, NONCE)
    claim.verify(signer.public, root=ROOT, csr=CSR)
    for key, root, csr, said in (
        (Es256Signer.generate().public, ROOT, CSR, value),
        (signer.public, NONCE, CSR, value),
        (signer.public, ROOT, CSR + b"x", value),
        (signer.public, ROOT, CSR, value.replace("dock7", "dock8")),
        (signer.public, ROOT, CSR, value.replace(NONCE.hex(), ROOT.hex())),
    ):
        with pytest.raises(EnrolmentError, match="does not hold"):
            RenewalClaim.parse(said).verify(key, root=root, csr=csr)


def test_a_proofs_bytes_are_as_documented_and_no_statements() -> None:
    message = RenewalProof(ROOT, DOCK, NONCE, CSR).message()
    assert (
        message
        == (
            f"EVIDOCK-REENROL-PROOF-1\nroot {ROOT.hex()}\ndock dock7\nnonce {NONCE.hex()}\n"
            f"csr {hashlib.sha256(CSR).hexdigest()}\n"
        ).encode()
    )
    assert message[:1] not in {b"\x84", b"\x30"}
    with pytest.raises(HashingError):
        decode_statement(message)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic ZG9jazc6eA==",
        f"{SCHEME} dock7.{'0' * 64}",
        f"{SCHEME} dock7.{'0' * 64}.{'A' * 85}",
        f"{SCHEME} DOCK7.{'0' * 64}.{'A' * 86}",
        f"{SCHEME} gateway.{'0' * 64}.{'A' * 86}",
        f"{SCHEME} dock7.{'0' * 64}.{'A' * 86}\n",
    ],
)
def test_what_is_no_proof_is_refused(value: str) -> None:
    with pytest.raises(EnrolmentError):
        RenewalClaim.parse(value)


def test_the_use_of_statement_certificates_is_an_oid() -> None:
    assert x509.ObjectIdentifier(STATEMENT_USE).dotted_string == STATEMENT_USE
