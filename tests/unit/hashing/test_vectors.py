"""The frozen vectors of tests/vectors, which an independent script makes."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hashing import merkle
from hashing.digest import digest_bytes
from hashing.errors import DecodeError, HashingError, ProofError, SignatureError, UnsupportedError
from hashing.keys import PublicKey
from hashing.ledger import DockHead, DockLink, SubjectLink, walk_dock
from hashing.note import NoteKey, cosignatures, open_checkpoint
from hashing.receipt import decode_receipt, verify_receipt
from hashing.statement import (
    decode_statement,
    decode_transparent,
    verify_record,
    verify_statement,
)

FOLDER = Path(__file__).parents[2] / "vectors"
ERRORS: dict[str, type[HashingError]] = {
    "decode": DecodeError,
    "unsupported": UnsupportedError,
    "signature": SignatureError,
    "proof": ProofError,
}


def load(name: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def invalid(name: str) -> list[Any]:
    return [pytest.param(case, id=case["reason"]) for case in load(name)["invalid"]]


def key(spki: str) -> PublicKey:
    return PublicKey.from_der(bytes.fromhex(spki))


def unhex(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def test_the_frozen_vectors_are_what_the_script_makes(tmp_path: Path) -> None:
    script = FOLDER / "make_vectors.py"
    subprocess.run([sys.executable, "-I", script, tmp_path], check=True)

    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    assert "hashing" not in script.read_text(encoding="utf-8").split('"""')[2]


@pytest.mark.parametrize("case", load("digests")["cases"], ids=lambda case: case["size"])
def test_digests(case: Any) -> None:  # noqa: ANN401 -- JSON
    size = case["size"]
    found = digest_bytes((bytes(range(251)) * (size // 251 + 1))[:size])

    assert (found.size, found.sha256.hex(), found.root.hex()) == (
        size,
        case["sha256"],
        case["root"],
    )
    assert [leaf.hex() for leaf in found.leaves] == case["leaves"]


def test_the_tree() -> None:
    vectors = load("merkle")
    leaves = [merkle.leaf_hash(entry) for entry in unhex(vectors["entries"])]
    read = merkle.leaf_reader(leaves)
    roots = [bytes.fromhex(case["root"]) for case in vectors["roots"]]

    assert leaves == unhex(vectors["leaves"])
    assert roots == [merkle.root(leaves[: case["size"]]) for case in vectors["roots"]]
    for case in vectors["inclusion"]:
        index, size, path = case["index"], case["size"], unhex(case["path"])
        assert merkle.inclusion_proof(read, index, size) == path
        merkle.verify_inclusion(leaves[index], index, size, path, roots[size])
    for case in vectors["consistency"]:
        old, new, path = case["old_size"], case["new_size"], unhex(case["path"])
        assert merkle.consistency_proof(read, old, new) == path
        merkle.verify_consistency(old, roots[old], new, roots[new], path)


@pytest.mark.parametrize("case", load("statements")["valid"], ids=lambda case: case["name"])
def test_valid_statements(case: Any) -> None:  # noqa: ANN401 -- JSON
    statement = decode_statement(bytes.fromhex(case["statement"]))
    *numbers, prev = case["chain"]
    if len(numbers) == 2:
        chain: DockLink | SubjectLink = DockLink(numbers[0], numbers[1], bytes.fromhex(prev))
    else:
        chain = SubjectLink(numbers[0], bytes.fromhex(prev))

    verify_statement(statement, key(case["key"]))
    verify_record(statement, bytes.fromhex(case["record"]))
    assert (statement.hash.hex(), statement.leaf.hex()) == (case["hash"], case["leaf"])
    assert statement.chain == chain


@pytest.mark.parametrize("case", invalid("statements"))
def test_invalid_statements(case: Any) -> None:  # noqa: ANN401 -- JSON
    with pytest.raises(HashingError) as caught:
        verify_statement(
            decode_statement(bytes.fromhex(case["statement"])), key(load("statements")["key"])
        )
    assert type(caught.value) is ERRORS[case["error"]]


def test_the_valid_receipt() -> None:
    vectors = load("receipts")
    case = vectors["valid"]
    receipt = decode_receipt(bytes.fromhex(case["receipt"]))
    transparent = decode_transparent(bytes.fromhex(case["transparent"]))

    assert (receipt.size, receipt.index) == (case["size"], case["index"])
    assert list(receipt.path) == unhex(case["path"])
    assert verify_receipt(receipt, transparent.leaf, key(vectors["key"])).hex() == case["root"]
    assert transparent.receipts == (receipt.raw,)
    assert transparent.signed.hex() == case["statement"]


@pytest.mark.parametrize("case", invalid("receipts"))
def test_invalid_receipts(case: Any) -> None:  # noqa: ANN401 -- JSON
    vectors = load("receipts")
    leaf = decode_statement(bytes.fromhex(vectors["valid"]["statement"])).leaf

    with pytest.raises(HashingError) as caught:
        verify_receipt(decode_receipt(bytes.fromhex(case["receipt"])), leaf, key(vectors["key"]))
    assert type(caught.value) is ERRORS[case["error"]]


def test_valid_notes() -> None:
    vectors = load("notes")
    log = NoteKey.parse(vectors["log_vkey"])
    witness = NoteKey.parse(vectors["witness_vkey"])

    for note in (vectors["checkpoint"], vectors["cosigned"]):
        head = open_checkpoint(note.encode(), log)
        assert (head.origin, head.size) == (vectors["origin"], vectors["size"])
        assert head.root.hex() == vectors["root"]
        assert base64.b64encode(head.root).decode() in note
    assert cosignatures(vectors["cosigned"].encode(), [witness]) == [
        ("witness.example/w1", vectors["cosigned_at"])
    ]


@pytest.mark.parametrize("case", invalid("notes"))
def test_invalid_notes(case: Any) -> None:  # noqa: ANN401 -- JSON
    with pytest.raises(HashingError) as caught:
        open_checkpoint(case["note"].encode(), NoteKey.parse(load("notes")["log_vkey"]))
    assert type(caught.value) is ERRORS[case["error"]]


@pytest.mark.parametrize("case", load("chains")["cases"], ids=lambda case: case["name"])
def test_chains(case: Any) -> None:  # noqa: ANN401 -- JSON
    entries = [
        (DockLink(epoch, seq, bytes.fromhex(prev)), bytes.fromhex(entry_hash))
        for epoch, seq, prev, entry_hash in case["entries"]
    ]
    known = case["expect_head"]
    head = None if known is None else DockHead(known[0], known[1], bytes.fromhex(known[2]))
    found = walk_dock(entries, expect_head=head).first_break

    assert (found and [found.fault.value, found.epoch, found.seq]) == case["break"]
