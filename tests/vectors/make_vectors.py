"""Writes the vectors beside this file: python make_vectors.py [folder].

Written from hashing/SPEC.md alone: it imports hashlib, cbor2 and cryptography, and nothing of this
project, so that the vectors and the code cannot be wrong in the same way. Its output is frozen in
the repository and every run gives the same bytes: keys come from the words in KEYS, ECDSA is
deterministic (RFC 6979). All byte strings are lower-case hex; notes are text.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

KEYS = "SHA-256('evidock vectors: ' || name), as P-256 scalar or Ed25519 seed"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MIB = 1 << 20
ZERO = bytes(32)
STATEMENT = "application/scitt-statement+cose"
RECEIPT = "application/scitt-receipt+cose"
TREE_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
Pairs = Sequence[tuple[Any, Any]]
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Chain = list[int | bytes]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def secret(name: str) -> bytes:
    return sha256(b"evidock vectors: " + name.encode())


def p256_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret(name), "big"), ec.SECP256R1())


def ed25519_key(name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(secret(name))


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: Key, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(message, algorithm))
    return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")


# Digests and tree


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry)


def mth(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def split(size: int) -> int:
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def hexes(values: Sequence[bytes]) -> list[str]:
    return [value.hex() for value in values]


def digests() -> dict[str, Any]:
    cases = []
    for size in (0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5):
        data = (bytes(range(251)) * (size // 251 + 1))[:size]
        leaves = [leaf(data[i : i + MIB]) for i in range(0, size, MIB)]
        cases.append(
            {
                "size": size,
                "sha256": sha256(data).hex(),
                "leaves": hexes(leaves),
                "root": mth(leaves).hex(),
            }
        )
    return {"about": "file whose byte i is i mod 251; leaves of 1 MiB", "cases": cases}


def merkle() -> dict[str, Any]:
    leaves = [leaf(entry) for entry in TREE_ENTRIES]
    sizes = range(len(leaves) + 1)
    return {
        "about": "RFC 9162 tree over the well-known eight entries",
        "entries": hexes(TREE_ENTRIES),
        "leaves": hexes(leaves),
        "roots": [{"size": n, "root": mth(leaves[:n]).hex()} for n in sizes],
        "inclusion": [
            {"index": m, "size": n, "path": hexes(path(m, leaves[:n]))}
            for n in sizes
            for m in range(n)
        ],
        "consistency": [
            {
                "old_size": m,
                "new_size": n,
                "path": hexes(subproof(m, leaves[:n], whole=True)) if m else [],
            }
            for n in sizes
            for m in range(n + 1)
        ],
    }


# COSE


def cbor_map(pairs: Pairs) -> bytes:
    """A map in the order given, even one with a key twice."""
    encoded = (cbor2.dumps(key) + cbor2.dumps(value) for key, value in pairs)
    return bytes([0xA0 + len(pairs)]) + b"".join(encoded)


def header(chain: Chain, changes: dict[Any, Any] | None = None) -> list[tuple[Any, Any]]:
    """Protected header of a statement; a change to None leaves the label out."""
    fields: dict[Any, Any] = {
        1: -7,
        16: STATEMENT,
        4: sha256(spki(p256_key("dock"))),
        258: -16,
        259: "application/json",
        15: {1: "urn:evidock:dock:6f1c", 2: "urn:evidock:clip:a30e"},
        "evidock": chain,
    }
    fields.update(changes or {})
    return [(label, value) for label, value in fields.items() if value is not None]


def sign1(
    pairs: Pairs | bytes,
    payload: bytes | None,
    signer: Key | None = None,
    unprotected: dict[Any, Any] | None = None,
    signed_payload: bytes | None = None,
) -> bytes:
    protected = pairs if isinstance(pairs, bytes) else cbor_map(pairs)
    covered = payload if signed_payload is None else signed_payload
    to_sign = cbor2.dumps(["Signature1", protected, b"", covered or b""])
    signature = sign(signer or p256_key("dock"), to_sign)
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected or {}, payload, signature]))


RECORD = b'{"salt":"00000000000000000000000000000000","v":1,"kind":"clip.sealed"}'
DOCK_CHAIN: Chain = [0, 7, sha256(b"the statement before")]
GATEWAY_CHAIN: Chain = [0, ZERO]


def good_statement() -> bytes:
    return sign1(header(DOCK_CHAIN), sha256(RECORD))


def valid_statement(name: str, raw: bytes, key: Key, chain: Chain) -> dict[str, Any]:
    return {
        "name": name,
        "statement": raw.hex(),
        "key": spki(key).hex(),
        "record": RECORD.hex(),
        "chain": [part.hex() if isinstance(part, bytes) else part for part in chain],
        "hash": sha256(raw).hex(),
        "leaf": leaf(raw).hex(),
    }


def valid_statements() -> list[dict[str, Any]]:
    digest = sha256(RECORD)
    dock, ed = p256_key("dock"), ed25519_key("ed25519 dock")
    gateway = p256_key("gateway")
    by_gateway = {
        4: sha256(spki(gateway)),
        15: {1: "urn:evidock:gateway:9b20", 2: "urn:evidock:clip:a30e", 6: 1700000000},
    }
    by_certificate = {4: None, 34: [-16, sha256(b"a certificate in DER")]}
    by_ed25519 = {1: -19, 4: sha256(spki(ed))}
    return [
        valid_statement("dock", good_statement(), dock, DOCK_CHAIN),
        valid_statement(
            "gateway",
            sign1(header(GATEWAY_CHAIN, by_gateway), digest, gateway),
            gateway,
            GATEWAY_CHAIN,
        ),
        valid_statement(
            "key named by certificate thumbprint",
            sign1(header(DOCK_CHAIN, by_certificate), digest),
            dock,
            DOCK_CHAIN,
        ),
        valid_statement(
            "Ed25519", sign1(header(DOCK_CHAIN, by_ed25519), digest, ed), ed, DOCK_CHAIN
        ),
    ]


def bad_headers() -> list[tuple[str, str, bytes]]:
    """Statements that are signed correctly over a header that is not the one form."""
    claims = {1: "urn:evidock:dock:6f1c", 2: "urn:evidock:clip:a30e"}
    kid = sha256(spki(p256_key("dock")))
    changes: list[tuple[str, str, dict[Any, Any]]] = [
        ("decode", "no algorithm", {1: None}),
        ("decode", "algorithm as text", {1: "ES256"}),
        ("unsupported", "algorithm ES384", {1: -35}),
        ("decode", "critical labels", {2: [258]}),
        ("decode", "unknown label 3", {3: "application/json"}),
        ("decode", "no type", {16: None}),
        ("decode", "type of a receipt", {16: RECEIPT}),
        ("unsupported", "record digest SHA-384", {258: -43}),
        ("decode", "no record type", {259: None}),
        ("decode", "no key named", {4: None}),
        ("decode", "key named twice", {34: [-16, kid]}),
        ("decode", "key id of 8 bytes", {4: kid[:8]}),
        ("decode", "thumbprint SHA-1", {4: None, 34: [-14, bytes(20)]}),
        ("decode", "no claims", {15: None}),
        ("decode", "no subject", {15: {1: claims[1]}}),
        ("decode", "empty issuer", {15: {**claims, 1: ""}}),
        ("decode", "issuer with a line break", {15: {**claims, 1: "a\nb"}}),
        ("decode", "further claim", {15: {**claims, 3: "court"}}),
        ("decode", "time as float", {15: {**claims, 6: 1.5}}),
        ("decode", "time as boolean", {15: {**claims, 6: True}}),
        ("decode", "receipts in the protected header", {394: [b""]}),
        ("decode", "chain of four", {"evidock": [0, 7, ZERO, 1]}),
        ("decode", "chain number negative", {"evidock": [0, -1, ZERO]}),
        ("decode", "chain number 2^63", {"evidock": [0, 1 << 63, ZERO]}),
        ("decode", "chain prev of 31 bytes", {"evidock": [0, 7, bytes(31)]}),
    ]
    digest = sha256(RECORD)
    return [
        (error, reason, sign1(header(DOCK_CHAIN, change), digest))
        for error, reason, change in changes
    ]


def bad_frames() -> list[tuple[str, str, bytes]]:
    """Statements broken in the frame around the header, or in the signature."""
    good = good_statement()
    digest = sha256(RECORD)
    pairs = header(DOCK_CHAIN)
    protected, _, _, signature = cbor2.loads(good).value
    s = int.from_bytes(signature[32:], "big")
    high_s = good[:-32] + (P256_ORDER - s).to_bytes(32, "big")
    long_alg = b"\xa7\x01\x38\x06" + cbor_map(pairs)[3:]
    indefinite = b"\xbf" + cbor_map(pairs)[1:] + b"\xff"
    return [
        ("decode", "empty", b""),
        ("decode", "cut short", good[:-1]),
        ("decode", "trailing byte", good + b"\x00"),
        ("decode", "no tag", good[1:]),
        ("decode", "tag 98", b"\xd8\x62" + good[1:]),
        ("decode", "tag 18 twice", b"\xd2" + good),
        ("decode", "tag in two bytes", b"\xd8\x12" + good[1:]),
        ("decode", "indefinite array", b"\xd2\x9f" + good[2:] + b"\xff"),
        ("decode", "indefinite header map", sign1(indefinite, digest)),
        ("decode", "algorithm not in shortest form", sign1(long_alg, digest)),
        ("decode", "label twice", sign1([*pairs, (1, -7)], digest)),
        ("decode", "header is an array", sign1(cbor2.dumps([1, -7]), digest)),
        ("decode", "empty header", sign1(b"", digest)),
        ("decode", "detached payload", sign1(pairs, None, signed_payload=digest)),
        ("decode", "payload of 31 bytes", sign1(pairs, digest[:31])),
        ("decode", "unprotected label", sign1(pairs, digest, unprotected={4: b"k"})),
        ("decode", "receipts where none belong", sign1(pairs, digest, unprotected={394: [b"r"]})),
        ("decode", "signature of 63 bytes", good[:-66] + b"\x58\x3f" + good[-64:-1]),
        ("decode", "longer than 4096 bytes", sign1(header([0, 7, bytes(4096)]), digest)),
        ("signature", "high S", high_s),
        ("signature", "S altered", good[:-1] + bytes([good[-1] ^ 1])),
        ("signature", "record digest altered", good.replace(digest, sha256(b"another record"))),
        ("signature", "key id of another key", sign1(header(DOCK_CHAIN, {4: ZERO}), digest)),
        ("signature", "algorithm of another kind", sign1(header(DOCK_CHAIN, {1: -8}), digest)),
        ("signature", "header altered", good.replace(protected, protected[:-1] + b"\x00")),
    ]


def statements() -> dict[str, Any]:
    invalid = [*bad_headers(), *bad_frames()]
    return {
        "about": "COSE_Sign1 statements; 'error' says which check refuses; keys are " + KEYS,
        "key": spki(p256_key("dock")).hex(),
        "valid": valid_statements(),
        "invalid": [
            {"error": error, "reason": reason, "statement": raw.hex()}
            for error, reason, raw in invalid
        ],
    }


def receipt(
    changes: dict[Any, Any] | None = None,
    *,
    payload: bytes | None = None,
    proofs: list[Any] | None = None,
    unprotected: dict[Any, Any] | None = None,
) -> bytes:
    log = p256_key("receipts")
    fields: dict[Any, Any] = {
        1: -7,
        4: sha256(spki(log)),
        16: RECEIPT,
        395: 1,
        15: {1: "urn:evidock:log:9b20", 2: "urn:evidock:clip:a30e", 6: 1700000001},
    }
    fields.update(changes or {})
    pairs = [(label, value) for label, value in fields.items() if value is not None]
    leaves = receipt_leaves()
    if proofs is None:
        proofs = [cbor2.dumps([7, 3, path(3, leaves)])]
    return sign1(pairs, payload, log, unprotected or {396: {-1: proofs}}, mth(leaves))


def receipt_leaves() -> list[bytes]:
    leaves = [leaf(entry) for entry in TREE_ENTRIES[:7]]
    leaves[3] = leaf(good_statement())
    return leaves


def receipts() -> dict[str, Any]:
    leaves = receipt_leaves()
    root, way = mth(leaves), path(3, leaves)
    proof = cbor2.dumps([7, 3, way])
    invalid = [
        ("decode", "payload attached", receipt(payload=root)),
        ("decode", "type of a statement", receipt({16: STATEMENT})),
        ("decode", "no type", receipt({16: None})),
        ("decode", "no key id", receipt({4: None})),
        ("decode", "critical labels", receipt({2: [395]})),
        ("unsupported", "another kind of tree", receipt({395: 2})),
        ("unsupported", "kind of tree as boolean", receipt({395: True})),
        ("decode", "no proof", receipt(proofs=[])),
        ("decode", "two proofs", receipt(proofs=[proof, proof])),
        ("decode", "proof not wrapped", receipt(proofs=[[7, 3, way]])),
        ("decode", "proof with trailing byte", receipt(proofs=[proof + b"\x00"])),
        ("decode", "consistency proof", receipt(unprotected={396: {-2: [proof]}})),
        ("decode", "further unprotected label", receipt(unprotected={396: {-1: [proof]}, 4: b""})),
        ("decode", "index beyond the tree", receipt(proofs=[cbor2.dumps([7, 7, way])])),
        ("decode", "path hash of 31 bytes", receipt(proofs=[cbor2.dumps([7, 3, [bytes(31)]])])),
        ("proof", "path too short", receipt(proofs=[cbor2.dumps([7, 3, way[:-1]])])),
        ("proof", "path too long", receipt(proofs=[cbor2.dumps([7, 3, [*way, ZERO]])])),
        ("signature", "path altered", receipt(proofs=[cbor2.dumps([7, 3, [ZERO, *way[1:]]])])),
        ("signature", "another index", receipt(proofs=[cbor2.dumps([7, 2, way])])),
        ("signature", "key id of another key", receipt({4: ZERO})),
    ]
    transparent = cbor2.loads(good_statement()).value
    with_receipt = [transparent[0], {394: [receipt()]}, *transparent[2:]]
    return {
        "about": "COSE receipts for the 'dock' statement; keys are " + KEYS,
        "key": spki(p256_key("receipts")).hex(),
        "valid": {
            "receipt": receipt().hex(),
            "statement": good_statement().hex(),
            "transparent": cbor2.dumps(cbor2.CBORTag(18, with_receipt)).hex(),
            "size": 7,
            "index": 3,
            "path": hexes(way),
            "root": root.hex(),
        },
        "invalid": [
            {"error": error, "reason": reason, "receipt": raw.hex()}
            for error, reason, raw in invalid
        ],
    }


# Notes


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def note_key(name: str, kind: int, key: ed25519.Ed25519PrivateKey) -> tuple[bytes, str]:
    material = bytes([kind]) + key.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + material)[:4]
    return key_id, f"{name}+{key_id.hex()}+{b64(material)}"


def checkpoint_line(text: str, name: str = "evidock.example/log") -> str:
    key = ed25519_key("checkpoints")
    return f"— {name} {b64(note_key(name, 1, key)[0] + sign(key, text.encode()))}\n"


def cosignature_line(text: str, time: int, name: str = "witness.example/w1") -> str:
    key = ed25519_key("witness")
    signature = sign(key, f"cosignature/v1\ntime {time}\n{text}".encode())
    return f"— {name} {b64(note_key(name, 4, key)[0] + time.to_bytes(8, 'big') + signature)}\n"


def notes() -> dict[str, Any]:
    root = mth(receipt_leaves())
    text = f"evidock.example/log\n7\n{b64(root)}\n"
    line = checkpoint_line(text)
    forged = checkpoint_line(text + "forged\n")
    bad_texts = [
        ("size with a leading zero", f"evidock.example/log\n07\n{b64(root)}\n"),
        ("size with a plus", f"evidock.example/log\n+7\n{b64(root)}\n"),
        ("two lines", "evidock.example/log\n7\n"),
        ("empty origin", f"\n7\n{b64(root)}\n"),
        ("empty extension line", f"evidock.example/log\n7\n{b64(root)}\n\nextension\n"),
        ("root of 31 bytes", f"evidock.example/log\n7\n{b64(root[:31])}\n"),
        ("root with spare base64 bits", f"evidock.example/log\n7\n{b64(root)[:-2]}B=\n"),
        ("empty tree with a root", f"evidock.example/log\n0\n{b64(root)}\n"),
    ]
    invalid = [
        *(("decode", reason, bad + "\n" + checkpoint_line(bad)) for reason, bad in bad_texts),
        ("decode", "no signature", text),
        ("decode", "no empty line", text + line),
        ("decode", "no final newline", text + "\n" + line[:-1]),
        ("decode", "hyphen for em dash", text + "\n" + line.replace("—", "-")),
        ("decode", "carriage returns", (text + "\n" + line).replace("\n", "\r\n")),
        ("decode", "seventeen signatures", text + "\n" + line * 17),
        ("decode", "signature of four bytes", text + "\n— evidock.example/log AAAAAA==\n"),
        ("signature", "signature over another text", text + "\n" + forged),
        ("signature", "second line by the same key wrong", text + "\n" + line + forged),
        ("signature", "signed under another name", text + "\n" + checkpoint_line(text, "x")),
        ("signature", "witness alone", text + "\n" + cosignature_line(text, 1700000002)),
    ]
    cosigned = text + "\n" + line + cosignature_line(text, 1700000002)
    return {
        "about": "C2SP signed notes; keys are " + KEYS,
        "log_vkey": note_key("evidock.example/log", 1, ed25519_key("checkpoints"))[1],
        "witness_vkey": note_key("witness.example/w1", 4, ed25519_key("witness"))[1],
        "origin": "evidock.example/log",
        "size": 7,
        "root": root.hex(),
        "checkpoint": text + "\n" + line,
        "cosigned": cosigned,
        "cosigned_at": 1700000002,
        "invalid": [
            {"error": error, "reason": reason, "note": note} for error, reason, note in invalid
        ],
    }


def chains() -> dict[str, Any]:
    """Dock ledgers as [epoch, seq, prev, hash], and the first break in each."""
    h = [sha256(bytes([i])).hex() for i in range(8)]
    zero = ZERO.hex()
    a, b, c, d = ([0, i, h[i - 1] if i else zero, h[i]] for i in range(4))
    entries: list[tuple[str, list[Any], Any, Any]] = [
        ("whole", [a, b, c, d], [0, 3, h[3]], None),
        ("longer than the known head", [a, b, c], [0, 1, h[1]], None),
        ("a new epoch", [a, b, [1, 0, zero, h[4]]], [1, 0, h[4]], None),
        ("entry lost", [a, b, d], None, ["gap", 0, 2]),
        ("beginning lost", [c, d], None, ["gap", 0, 0]),
        ("new epoch not from 0", [a, [1, 1, h[4], h[5]]], None, ["gap", 1, 0]),
        ("entry replaced", [a, [0, 1, h[0], h[7]], c], None, ["edit", 0, 2]),
        ("first entry names a predecessor", [[0, 0, h[1], h[0]]], None, ["edit", 0, 0]),
        ("two entries with one number", [a, b, [0, 1, h[0], h[7]]], None, ["fork", 0, 1]),
        ("two entries with one number, later", [a, b, c, [0, 1, h[0], h[7]]], None, ["fork", 0, 1]),
        ("entry twice", [a, b, c, b], None, ["repeat", 0, 1]),
        ("swapped", [a, c, b, d], None, ["gap", 0, 1]),
        ("back to a closed epoch", [a, [1, 0, zero, h[4]], b], None, ["repeat", 0, 1]),
        ("tail cut", [a, b], [0, 3, h[3]], ["cut", 0, 2]),
        ("nothing left", [], [0, 3, h[3]], ["cut", 0, 0]),
        ("another entry than the known head", [a, b], [0, 1, h[7]], ["fork", 0, 1]),
    ]
    return {
        "about": "entries [epoch, seq, prev, statement hash]; break [fault, epoch, seq] or null",
        "cases": [
            {"name": name, "entries": listed, "expect_head": head, "break": fault}
            for name, listed, head, fault in entries
        ],
    }


def main(folder: Path) -> None:
    for make in (digests, merkle, statements, receipts, notes, chains):
        text = json.dumps(make(), indent=1, ensure_ascii=False)
        (folder / f"{make.__name__}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
