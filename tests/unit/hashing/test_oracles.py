"""The same bytes, judged by programs that do not know this one."""

import json
import subprocess
from pathlib import Path

import cbor2
import pytest
import scitt_cose  # type: ignore[import-untyped]  # it ships no types
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hashing.errors import DecodeError, SignatureError
from hashing.keys import Ed25519Signer, Es256Signer, PublicKey
from hashing.ledger import NO_PREV, DockLink
from hashing.merkle import inclusion_proof, leaf_hash, leaf_reader, root
from hashing.receipt import decode_receipt, sign_receipt, verify_receipt
from hashing.statement import (
    Statement,
    attach_receipts,
    decode_statement,
    decode_transparent,
    sign_statement,
    verify_statement,
)

DOCK = Es256Signer.generate()
LOG = Es256Signer.generate()
ENTRIES = [bytes([number]) * number for number in range(9)]
ISSUER, SUBJECT = "urn:evidock:dock:6f1c", "urn:evidock:clip:a30e"


def statement(signer: Es256Signer | Ed25519Signer = DOCK) -> Statement:
    return decode_statement(
        sign_statement(
            signer,
            record=b"{}",
            issuer=ISSUER,
            subject=SUBJECT,
            chain=DockLink(0, 0, NO_PREV),
            issued_at=1700000000,
        )
    )


def receipt_for(raw: bytes) -> tuple[bytes, bytes]:
    leaves = [leaf_hash(entry) for entry in [*ENTRIES, raw]]
    top = root(leaves)
    made = sign_receipt(
        LOG,
        size=len(leaves),
        index=len(ENTRIES),
        path=inclusion_proof(leaf_reader(leaves), len(ENTRIES), len(leaves)),
        root=top,
        issuer="urn:evidock:log:9b20",
        subject=SUBJECT,
        issued_at=1700000001,
    )
    return made, top


@pytest.mark.parametrize("signer", [DOCK, Ed25519Signer.generate()])
def test_an_independent_scitt_library_verifies_our_statements(
    signer: Es256Signer | Ed25519Signer,
) -> None:
    ours = statement(signer)
    parsed = scitt_cose.parse_signed_statement(ours.raw, public_key_pem=signer.public.pem())
    sign1 = scitt_cose.verify_sign1(ours.raw, public_key_pem=signer.public.pem())

    assert parsed["signature_verified"] is True
    assert (parsed["issuer"], parsed["subject"]) == (ISSUER, SUBJECT)
    assert parsed["payload"] == ours.record_digest == sign1.payload
    assert sign1.protected[258] == -16
    assert sign1.protected[4] == signer.public.kid


def test_an_independent_scitt_library_refuses_our_statement_once_altered() -> None:
    raw = statement().raw
    altered = raw[:-1] + bytes([raw[-1] ^ 1])

    parsed = scitt_cose.parse_signed_statement(altered, public_key_pem=DOCK.public.pem())
    assert parsed["signature_verified"] is False


def test_an_independent_scitt_library_verifies_our_receipts_to_the_same_root() -> None:
    raw = statement().raw
    receipt, top = receipt_for(raw)
    result = scitt_cose.verify_receipt(
        receipt, leaf_entry_hex=raw.hex(), log_public_key_pem=LOG.public.pem()
    )

    assert result.ok, result.errors
    assert (result.root, result.tree_size, result.leaf_index) == (top.hex(), 10, 9)
    assert (result.issuer, result.subject, result.iat) == (
        "urn:evidock:log:9b20",
        SUBJECT,
        1700000001,
    )


def test_receipts_attached_by_either_side_are_found_by_the_other() -> None:
    raw = statement().raw
    receipt, _ = receipt_for(raw)
    ours = attach_receipts(raw, [receipt])

    assert ours == scitt_cose.attach_receipts(raw, [receipt])
    assert scitt_cose.extract_receipts(ours) == [receipt]
    assert decode_transparent(ours).receipts == (receipt,)


def test_we_verify_a_receipt_the_independent_library_signs_in_our_form() -> None:
    entries = [*ENTRIES, statement().raw]
    path = scitt_cose.inclusion_proof([entry.hex() for entry in entries], 9)
    proof = cbor2.dumps([10, 9, [bytes.fromhex(node) for node in path]])
    protected = {
        4: LOG.public.kid,
        16: "application/scitt-receipt+cose",
        395: 1,
        15: {1: "urn:evidock:log:9b20", 2: SUBJECT},
    }
    top = bytes.fromhex(scitt_cose.merkle_root([entry.hex() for entry in entries]))
    for _ in range(64):  # it does not normalise S, so about half of its signatures are refused
        made = scitt_cose.sign_sign1(
            top,
            alg="ES256",
            private_key_pem=LOG.pem(),
            protected=protected,
            unprotected={396: {-1: [proof]}},
            detached=True,
        )
        receipt = decode_receipt(made)
        try:
            assert verify_receipt(receipt, statement_leaf(entries[9]), LOG.public) == top
        except SignatureError as error:
            assert "low-S" in str(error)  # noqa: PT017 -- the refusal is one of two right answers
            continue
        assert receipt.issued_at is None
        return
    pytest.fail("64 signatures, all with high S")


def statement_leaf(raw: bytes) -> bytes:
    return decode_statement(raw).leaf


def test_a_receipt_without_our_type_is_refused_as_another_kind_of_thing() -> None:
    made = scitt_cose.build_receipt(
        leaf_entry_hex=ENTRIES[3].hex(),
        leaf_index=3,
        tree_entries_hex=[entry.hex() for entry in ENTRIES],
        alg="ES256",
        log_private_key_pem=LOG.pem(),
        iss="urn:x",
        sub="urn:y",
        kid=LOG.public.kid,
    )
    with pytest.raises(DecodeError, match="label 16 is missing"):
        decode_receipt(made)


def test_a_statement_by_the_independent_library_is_told_from_ours() -> None:
    made = scitt_cose.build_signed_statement(
        b"payload",
        alg="ES256",
        private_key_pem=DOCK.pem(),
        issuer=ISSUER,
        subject=SUBJECT,
        content_type="text/plain",
    )
    with pytest.raises(DecodeError, match="label 16 is missing"):
        decode_statement(made)


def test_openssl_verifies_our_signature_over_the_bytes_of_the_specification(
    tmp_path: Path,
) -> None:
    ours = statement()
    protected, _, payload, signature = cbor2.loads(ours.raw).value
    (tmp_path / "signed").write_bytes(cbor2.dumps(["Signature1", protected, b"", payload]))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    (tmp_path / "signature").write_bytes(encode_dss_signature(r, s))
    (tmp_path / "key.pem").write_text(DOCK.public.pem())

    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem"]
    command += ["-signature", "signature", "signed"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK", done.stderr

    (tmp_path / "signed").write_bytes(b"something else")
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert failed.returncode != 0


def test_the_commands_in_the_specification_verify_the_example_in_it(tmp_path: Path) -> None:
    root_folder = Path(__file__).parents[3]
    spec = (root_folder / "hashing" / "SPEC.md").read_text(encoding="utf-8")
    vectors = json.loads((root_folder / "tests" / "vectors" / "statements.json").read_text())
    example = next(case for case in vectors["valid"] if case["name"] == "dock")
    (tmp_path / "statement.cose").write_bytes(bytes.fromhex(example["statement"]))
    (tmp_path / "record.json").write_bytes(bytes.fromhex(example["record"]))
    (tmp_path / "key.pem").write_text(PublicKey.from_der(bytes.fromhex(example["key"])).pem())
    commands = spec.partition("```sh\n")[2].partition("```")[0]

    done = subprocess.run(
        ["sh", "-eu"], input=commands, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    verified, record, payload = done.stdout.splitlines()
    assert verified == "Verified OK"
    assert record.split()[0] == payload


def test_openssl_makes_keys_and_signatures_we_accept(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "ed.pem"],
        cwd=tmp_path,
        check=True,
    )
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.pem"],
        cwd=tmp_path,
        check=True,
    )
    signer = Ed25519Signer.from_pem((tmp_path / "ed.pem").read_bytes())
    traditional = Es256Signer.from_pem((tmp_path / "ec.pem").read_bytes())

    for one in (signer, traditional):
        verify_statement(statement(one), one.public)
