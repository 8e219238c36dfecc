"""Decoders of signed things, messages and packs: what strangers, docks and gateways send."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from hashing import cbor
from hashing.cose import decode_sign1, read_protected
from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.merkle import root_from_inclusion
from hashing.note import NoteKey, SignatureType, cosignatures, open_checkpoint, parse_note
from hashing.receipt import decode_receipt
from hashing.statement import decode_statement, decode_transparent
from protocols import messages as m
from protocols.anchors import Anchors
from protocols.caselist import CATEGORIES, Cases, OpenCase
from protocols.errors import ProtocolError
from protocols.ids import EntryId, dock_id
from protocols.pack import bag
from protocols.pack.export import Export
from protocols.pack.originals import Originals
from protocols.pack.proofs import EarlierCheckpoints, LogProof
from protocols.policy import check_policy, parse_policy
from protocols.records import decode_record
from protocols.slip import Slip
from protocols.topics import parse_from_dock, parse_to_dock
from protocols.trail import TrailAbout, TrailDocument, verify_trail
from protocols.witnessing import AddCheckpoint, parse_size
from tests.fuzz.decoder import Decoder
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import SimulatedLog

VECTORS = Path(__file__).parents[1] / "vectors"
Written = Callable[[object], bytes]


@cache
def vectors(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def _hex(rows: list[dict[str, str]], key: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(row[key]) for row in rows)


def _raw(value: object) -> bytes:
    """What a value says were its very bytes."""
    return cast("bytes", cast("Any", value).raw)


def _method(name: str) -> Written:
    """What a value writes by itself, as bytes."""

    def write(value: object) -> bytes:
        written = getattr(value, name)()
        return written.encode() if isinstance(written, str) else cast("bytes", written)

    return write


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """A reader of text, given whatever bytes; a lone byte stands for a lone surrogate."""
    return lambda raw: read(raw.decode("utf-8", "surrogatepass" if _paired(raw) else "replace"))


def _paired(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


# --- hashing ------------------------------------------------------------------------------


def hashing_decoders() -> tuple[Decoder, ...]:
    """Everything signed, from the published vectors on."""
    statements, receipts, notes = vectors("statements"), vectors("receipts"), vectors("notes")
    refuses = (HashingError,)
    signed = _hex(statements["valid"], "statement")
    proved = _hex([receipts["valid"]], "receipt")
    clear = _hex([receipts["valid"]], "transparent")
    wrong = _hex(statements["invalid"], "statement"), _hex(receipts["invalid"], "receipt")
    texts = [notes["checkpoint"], notes["cosigned"], *(each["note"] for each in notes["invalid"])]
    written = tuple(text.encode() for text in texts if isinstance(text, str))
    keys = tuple(PublicKey.from_der(raw) for raw in _hex(statements["valid"], "key"))
    pems = tuple(key.pem().encode() for key in keys)
    log = NoteKey.parse(notes["log_vkey"])
    witness = NoteKey.parse(notes["witness_vkey"])
    vkeys = (notes["log_vkey"].encode(), notes["witness_vkey"].encode())
    assert witness.type is SignatureType.COSIGNATURE

    def cbor_value(raw: bytes) -> object:
        return cbor.loads_strict(raw, max_size=8192, allowed_tags=frozenset({18}))

    def frame(raw: bytes) -> object:
        return read_protected(decode_sign1(raw, max_size=65_536).protected)

    def receipt_root(raw: bytes) -> object:
        receipt = decode_receipt(raw)
        return root_from_inclusion(bytes(32), receipt.index, receipt.size, receipt.path)

    return (
        Decoder("hashing cbor", cbor_value, refuses, (*signed, *proved, *clear), cbor.dumps),
        Decoder("hashing frame", frame, refuses, (*signed, *proved, *clear)),
        Decoder("hashing statement", decode_statement, refuses, (*signed, *wrong[0]), _raw),
        Decoder("hashing transparent", decode_transparent, refuses, (*clear, *wrong[0])),
        Decoder("hashing receipt", decode_receipt, refuses, (*proved, *wrong[1])),
        Decoder("hashing receipt's proof", receipt_root, refuses, proved),
        Decoder("hashing note", parse_note, refuses, written, _note_again),
        Decoder("hashing checkpoint", lambda raw: open_checkpoint(raw, log), refuses, written),
        Decoder("hashing cosigned", lambda raw: cosignatures(raw, [witness]), refuses, written),
        Decoder(
            "hashing note key",
            _text(NoteKey.parse),
            refuses,
            vkeys,
            lambda key: _vkey(key).encode(),
        ),
        Decoder("hashing PEM key", PublicKey.from_pem, refuses, pems),
        Decoder("hashing DER key", PublicKey.from_der, refuses, tuple(key.spki for key in keys)),
    )


def _note_again(value: object) -> bytes:
    note = cast("Any", value)
    lines = "".join(line.line() for line in note.signatures)
    return f"{note.text}\n{lines}".encode()


def _vkey(value: object) -> str:
    assert isinstance(value, NoteKey)
    return value.vkey()


# --- protocols ----------------------------------------------------------------------------


@cache
def _simulated() -> tuple[SimulatedLog, SimulatedDock]:
    log, dock = SimulatedLog(), SimulatedDock()
    log.enrol(dock.id, dock.signer)
    dock.boot()
    session = dock.open_session()
    dock.inventory(session, ["REC0001.MP4"])
    dock.seal(session, b"footage" * 100)
    dock.close_session(session)
    for entry in dock.entries:
        log.append(entry)
    return log, dock


def message_decoders() -> tuple[Decoder, ...]:
    """What travels over the broker and beside it."""
    log, dock = _simulated()
    proved = log.proved(1)
    entry = dock.entries[3]
    receipt = log.receipt_message(entry, 5, 1)
    release = m.ReleaseMessage(0, 3, entry.record, entry.statement, proved)
    logged = m.LoggedMessage(entry.statement, log.receipt(5), proved)
    wants = (m.LedgerWant(0, 1, 9), m.LeavesWant(0, 3, 0, 64), m.PartWant(0, 3, 0, 1 << 18))
    pull = m.Pull("worker-1", 7, wants)
    nack = m.Nack(wants[2], m.NackReason.BUSY)
    refusal = m.Refusal(0, 3, "chain-gap", "an entry is missing", m.Retry.LATER)
    state = m.State(state="online", version="0.1.0")
    hello = m.Hello(version="0.1.0", part_size=262_144, time="2026-06-19T10:11:12Z")
    case = OpenCase(case="0" * 32, case_no="云商执〔2026〕17号", title="市场检查")
    cases = Cases(revision=3, time="2026-06-19", cases=(case,), categories=CATEGORIES)
    page = m.encode_page(dock.entries)
    refuses = (ProtocolError,)
    encode = _method("encode")
    topic = b"evidock/1/dock/dock7/part/worker-1/0/3/262144"
    down = b"evidock/1/gate/dock7/release"
    mine = dock_id("dock7")

    def entries(value: object) -> bytes:
        return m.encode_page(cast("Any", value))

    return (
        Decoder("protocols state", m.State.decode, refuses, (state.encode(),)),
        Decoder("protocols head", m.Head.decode, refuses, (dock.announcement().encode(),)),
        Decoder("protocols hello", m.Hello.decode, refuses, (hello.encode(),)),
        Decoder("protocols cases", Cases.decode, refuses, (cases.encode(),)),
        Decoder("protocols pull", m.Pull.decode, refuses, (pull.encode(),)),
        Decoder("protocols page", m.decode_page, refuses, (page,), entries),
        Decoder("protocols nack", m.Nack.decode, refuses, (nack.encode(),), encode),
        Decoder("protocols receipt", m.ReceiptMessage.decode, refuses, (receipt.encode(),), encode),
        Decoder("protocols logged", m.LoggedMessage.decode, refuses, (logged.encode(),), encode),
        Decoder("protocols release", m.ReleaseMessage.decode, refuses, (release.encode(),), encode),
        Decoder("protocols refusal", m.Refusal.decode, refuses, (refusal.encode(),)),
        Decoder("protocols topic up", _text(parse_from_dock), refuses, (topic,)),
        Decoder("protocols topic down", _text(lambda t: parse_to_dock(t, mine)), refuses, (down,)),
        Decoder(
            "protocols entry id",
            _text(EntryId.parse),
            refuses,
            (b"dock7.0.5",),
            lambda value: str(value).encode(),
        ),
        Decoder("protocols record", decode_record, refuses, _records(log), _raw),
    )


def _records(log: SimulatedLog) -> tuple[bytes, ...]:
    return tuple(record for _, record in log.entries)


def document_decoders() -> tuple[Decoder, ...]:
    """Files that people hand to one another, and what a pack consists of."""
    log, dock = _simulated()
    clip = next(iter(dock.clips))
    trail = log.trail(TrailAbout(clip=str(clip)), list(range(log.size)), (str(clip),))
    policy = f"log {log.anchors.checkpoint_key.vkey()}\nquorum none\n".encode()
    notes = vectors("notes")
    policy += f"witness w {notes['witness_vkey']}\ngroup g 1 w\n".encode()
    asked = AddCheckpoint(1, log.proved(1).path, log.note())
    proof = LogProof(5, log.proved(1).path, log.note())
    slip = b"EVIDOCK-SLIP:1:DOCK7.0.1:0.4:" + b"AB" * 32 + b":1:" + b"CD" * 32
    manifest = bag.manifest({"data/trail.json": "0" * 64, "data/keys/a.pem": "1" * 64})
    words = {"about": "urn:evidock:case:0", "reason": "hearing", "recipient": "court", "by": "Li"}
    at = {"clips": ["dock7.0.3"], "indices": [9], "at": "2026-06-19T10:11:12Z"}
    export = {"number": 1, **words, **at}
    step = base64.b64encode(bytes(32)).decode()
    earlier = {"v": 1, "size": 9, "earlier": [{"from_size": 1, "path": [step]}]}
    refuses = (ProtocolError,)

    def judged(raw: bytes) -> object:
        return check_policy(log.note(), parse_policy(raw))

    def verified(raw: bytes) -> object:
        return verify_trail(TrailDocument.from_json(raw), log.anchors)

    return (
        Decoder("documents trust file", Anchors.from_json, refuses, (_anchors(log),)),
        Decoder("documents policy", judged, refuses, (policy,)),
        Decoder("documents slip", _text(Slip.parse), refuses, (slip,)),
        Decoder("documents trail", verified, refuses, (trail.model_dump_json().encode(),)),
        Decoder(
            "documents add-checkpoint",
            AddCheckpoint.parse,
            refuses,
            (asked.encode(),),
            _method("encode"),
        ),
        Decoder("documents witness's size", parse_size, refuses, (b"41\n",), _size_again),
        Decoder("documents manifest", _manifest, refuses, (manifest,), _manifest_again),
        Decoder("documents oxum", bag.read_oxum, (), (b"Payload-Oxum: 12.3\nBagging-Date: x\n",)),
        Decoder("documents proof", LogProof.parse, refuses, (proof.text(),), _method("text")),
        Decoder("documents earlier", EarlierCheckpoints.from_json, refuses, (_json(earlier),)),
        Decoder("documents export", Export.from_json, refuses, (_json(export),)),
        Decoder("documents originals", Originals.from_json, refuses, (b'{"v":1,"originals":[]}',)),
    )


def _anchors(log: SimulatedLog) -> bytes:
    return log.anchors.to_json().encode()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()


def _size_again(value: object) -> bytes:
    return f"{value}\n".encode()


def _manifest(raw: bytes) -> object:
    digests, wrong = bag.read_manifest(raw)
    if wrong:
        raise ProtocolError(wrong[0])
    return digests


def _manifest_again(value: object) -> bytes:
    return bag.manifest(cast("dict[str, str]", value))
