"""Statements, receipts and checkpoints in a pack by the wrong key, in another form, or weaker."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hashing.keys import Ed25519Signer, Es256Signer, Signer
from hashing.note import Checkpoint, NoteKey, SignatureType, cosign, sign_checkpoint
from hashing.receipt import decode_receipt, sign_receipt
from hashing.statement import decode_statement
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.ids import dock_urn
from protocols.kinds import DockRevoked
from protocols.pack import layout
from protocols.policy import parse_policy
from tests.attacks.forging import (
    ORDER,
    Taken,
    index_of,
    problems,
    put_note,
    put_statement,
    put_trail,
    trail_of,
    verified,
)
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import CASE_NO, Made, exported, report_made_anew
from tests.simulators.seeded import admit, enrol, gateway_on, link_all, store
from verifier.__main__ import main

Form = Callable[[bytes], bytes]
SEALED = "clip.sealed"


# --- keys of another purpose --------------------------------------------------------------


def signers(genuine: Made) -> Mapping[str, Signer]:
    keys = genuine.keys
    tls = Es256Signer.generate()
    return {
        "receipt key": keys.receipt,
        "checkpoint key": keys.checkpoint,
        "TLS key": tls,
        "gateway's statement key": keys.statement,
        "dock's statement key": genuine.dock,
    }


@pytest.mark.parametrize("kind", [SEALED, "clip.stored", "dock.enrolled"])
@pytest.mark.parametrize(
    "whose",
    ["receipt key", "checkpoint key", "TLS key", "gateway's statement key", "dock's statement key"],
)
def test_a_key_of_another_purpose_signs_no_statement(
    pack: Path, genuine: Made, kind: str, whose: str
) -> None:
    index = index_of(pack, kind)
    own = "dock's statement key" if kind == SEALED else "gateway's statement key"
    if whose == own:
        return
    signer = signers(genuine)[whose]
    taken = Taken((pack / layout.statement(index)).read_bytes())
    taken.header[1] = -8 if isinstance(signer, Ed25519Signer) else -7
    put_statement(pack, index, taken.signed(signer))
    checked = verified(pack, genuine.trust)
    assert (4, Outcome.UNSIGNED, f"entry {index}") in problems(checked)


def test_only_the_receipt_key_signs_receipts(pack: Path, genuine: Made) -> None:
    path = pack / layout.receipt(index_of(pack, SEALED))
    raw = path.read_bytes()
    for signer in (genuine.keys.statement, genuine.dock, Es256Signer.generate()):
        path.write_bytes(Taken(raw).signed(signer))
        checked = verified(pack, genuine.trust)
        found = problems(checked)
        assert found == {(6, Outcome.NOT_LOGGED, str(path.relative_to(pack)))}
        assert checked.verdict.outcome is Outcome.NOT_LOGGED


@pytest.mark.parametrize("about", ["the log", "its statement's subject", "something else"])
def test_a_receipt_is_about_its_log_or_its_statement_and_nothing_else(
    pack: Path, genuine: Made, about: str
) -> None:
    """Even the receipt key cannot say by it that a statement is about something else."""
    index = index_of(pack, SEALED)
    path = pack / layout.receipt(index)
    kept = decode_receipt(path.read_bytes())
    statement = decode_statement((pack / layout.statement(index)).read_bytes())
    said = {"the log": genuine.trust.origin, "its statement's subject": statement.subject}
    raw = sign_receipt(
        genuine.receipts,
        size=kept.size,
        index=kept.index,
        path=kept.path,
        root=base64.b64decode(trail_of(pack)["checkpoint"].split("\n")[2]),
        issuer=kept.issuer,
        subject=said.get(about, "urn:evidock:clip:dock7:0:99"),
        issued_at=1,
    )
    path.write_bytes(raw)
    found = problems(verified(pack, genuine.trust))
    wrong = {(6, Outcome.NOT_LOGGED, str(path.relative_to(pack)))}
    assert found == (set() if about in said else wrong)


def test_no_other_key_and_no_other_type_of_signature_opens_the_log(
    pack: Path, genuine: Made
) -> None:
    """Not a witness's cosignature by the very key, either: its type is part of what is signed."""
    trail = trail_of(pack)
    lines = trail["checkpoint"].split("\n")
    checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2]))
    own, stranger = genuine.keys.checkpoint, Ed25519Signer.generate()
    text = checkpoint.text().encode()
    other = NoteKey(lines[0], stranger.public, SignatureType.ED25519)
    as_witness = cosign(sign_checkpoint(checkpoint, stranger, lines[0]), own, lines[0], 1)
    own_id = NoteKey(lines[0], own.public, SignatureType.ED25519).id
    spare = base64.b64encode(own_id + stranger.sign(text)).decode()
    unknown = base64.b64encode(b"\xff" + own_id[1:] + own.sign(text)).decode()
    for note in (
        sign_checkpoint(checkpoint, stranger, other.name),
        as_witness,
        text + f"\n— {lines[0]} {spare}\n".encode(),
        text + f"\n— {lines[0]} {unknown}\n".encode(),
    ):
        put_trail(pack, trail | {"checkpoint": note.decode()})
        (pack / layout.CHECKPOINT).write_bytes(note)
        checked = verified(pack, genuine.trust)
        assert (7, Outcome.UNSIGNED, "checkpoint") in problems(checked), note


def test_a_pack_that_names_other_keys_than_those_given_is_said_to(
    pack: Path, genuine: Made
) -> None:
    """Whoever goes on with the pack's own trust file would go on with a stranger's keys."""
    stranger = Es256Signer.generate().public
    own = genuine.trust
    told = Anchors(own.gateway, stranger, own.receipt_key, own.checkpoint_key, own.note)
    (pack / layout.TRUST).write_text(told.to_json())
    checked = verified(pack, genuine.trust)
    assert problems(checked) == {(4, Outcome.UNKNOWN_KEY, layout.TRUST)}


# --- revoked ------------------------------------------------------------------------------


async def revoked(folder: Path, *, last: int) -> tuple[Path, Anchors]:
    """A pack of a clip whose dock's key is revoked after an entry of the ledger."""
    async with gateway_on(folder / "gateway") as services:
        trust = services.log.anchors()
        dock = SimulatedDock()
        await enrol(services, dock)
        (clip,) = dock.shift_end({"A.MP4": b"footage" * 1000})
        await admit(services, dock, dock.entries)
        await store(services, dock.clips[clip])
        await link_all(services, CASE_NO, [clip])
        body = DockRevoked(
            dock=dock.id,
            kid=dock.signer.public.kid.hex(),
            last_epoch=0,
            last_seq=last,
            reason="stolen",
        )
        await services.log.append_own(body, dock_urn(dock.id))
        await exported(services, folder / "pack")
    return folder / "pack", trust


@pytest.mark.parametrize(("last", "outcome"), [(1, Outcome.REVOKED), (99, Outcome.INTACT)])
async def test_what_a_key_signed_beyond_its_revocation_does_not_count(
    tmp_path: Path, last: int, outcome: Outcome
) -> None:
    pack, trust = await revoked(tmp_path, last=last)
    assert verified(pack, trust).verdict.outcome is outcome


async def test_each_clip_says_what_holds_of_it_when_a_later_entry_is_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its dock's key was revoked after the sealing, before the docking was closed."""
    pack, trust = await revoked(tmp_path, last=2)
    (tmp_path / "trust.json").write_text(trust.to_json())
    words = [str(pack), "--trust", str(tmp_path / "trust.json")]
    assert main(words) == Outcome.REVOKED.exit_code
    told = "dock7.0.2: bytes, record, signature, receipt hold; sealed before the revocation"
    assert told in capsys.readouterr().out
    assert main([*words, "--json"]) == Outcome.REVOKED.exit_code
    (clip,) = json.loads(capsys.readouterr().out)["clips"]
    named = {name: clip[name] for name in ("bytes", "record", "signature", "receipt")}
    assert set(named.values()) == {"intact"}
    assert clip["up_to_last_trusted"] is True
    (original,) = (pack / layout.ORIGINALS).rglob("*.MP4")
    original.write_bytes(b"other")
    assert main(words) == Outcome.ALTERED.exit_code
    told = "dock7.0.2: record, signature, receipt hold; bytes not; sealed before the revocation"
    assert told in capsys.readouterr().out


async def test_a_clip_sealed_after_the_last_trusted_entry_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, trust = await revoked(tmp_path, last=1)
    (tmp_path / "trust.json").write_text(trust.to_json())
    assert main([str(pack), "--trust", str(tmp_path / "trust.json")]) == Outcome.REVOKED.exit_code
    told = "receipt hold; signature not; sealed after the last entry before the revocation, 0.1"
    assert told in capsys.readouterr().out


# --- second forms and weaker algorithms ---------------------------------------------------


def _indefinite(raw: bytes) -> bytes:
    return b"\xd2\x9f" + b"".join(map(cbor2.dumps, cbor2.loads(raw).value)) + b"\xff"


def _long_length(raw: bytes) -> bytes:
    """The signature's length in two bytes more than it takes."""
    return raw[:-66] + b"\x59\x00\x40" + raw[-64:]


def _double_key(raw: bytes) -> bytes:
    """The algorithm a second time in the protected header; nothing signs that form."""
    taken = Taken(raw)
    protected = taken.protected
    grown = bytes([protected[0] + 1]) + protected[1:] + b"\x01\x26"
    return cbor2.dumps(
        cbor2.CBORTag(18, [grown, taken.unprotected, taken.payload, taken.signature])
    )


def _trailing(raw: bytes) -> bytes:
    return raw + b"\x00"


def _tagged_twice(raw: bytes) -> bytes:
    return b"\xd9\xd9\xf7" + raw


def _untagged(raw: bytes) -> bytes:
    return raw[1:]


def _unprotected(raw: bytes) -> bytes:
    taken = Taken(raw)
    taken.unprotected = {**taken.unprotected, "note": "nobody signed this"}
    return taken.raw()


def _high_s(raw: bytes) -> bytes:
    s = int.from_bytes(raw[-32:], "big")
    return raw[:-32] + (ORDER - s).to_bytes(32, "big")


def _zero_r(raw: bytes) -> bytes:
    return raw[:-64] + bytes(32) + raw[-32:]


def _large_s(raw: bytes) -> bytes:
    return raw[:-32] + ORDER.to_bytes(32, "big")


def _der(raw: bytes) -> bytes:
    taken = Taken(raw)
    r, s = (int.from_bytes(half, "big") for half in (raw[-64:-32], raw[-32:]))
    taken.signature = encode_dss_signature(r, s)
    return taken.raw()


def _algorithm(value: object) -> Form:
    def form(raw: bytes) -> bytes:
        taken = Taken(raw)
        taken.header[1] = value
        return taken.raw()

    form.__name__ = f"alg {value}"
    return form


def _no_algorithm(raw: bytes) -> bytes:
    taken = Taken(raw)
    del taken.header[1]
    return taken.raw()


def _without_signature(raw: bytes) -> bytes:
    taken = Taken(raw)
    taken.signature = b""
    return taken.raw()


FORMS: tuple[Form, ...] = (
    *(_indefinite, _long_length, _double_key, _trailing, _tagged_twice, _untagged, _unprotected),
    *(_high_s, _zero_r, _large_s, _der, _no_algorithm, _without_signature),
    # none, RS256, HS256, EdDSA under an ES256 key, ES384, none of COSE's.
    *(_algorithm(value) for value in (0, -257, 5, -8, -35, None)),
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__.strip("_"))
def test_a_second_form_of_a_statement_or_receipt_is_none(
    pack: Path, genuine: Made, form: Form
) -> None:
    index = index_of(pack, SEALED)
    receipt = pack / layout.receipt(index_of(pack, "clip.stored"))
    receipt.write_bytes(form(receipt.read_bytes()))
    put_statement(pack, index, form((pack / layout.statement(index)).read_bytes()))
    found = problems(verified(pack, genuine.trust))
    assert (6, Outcome.NOT_LOGGED, str(receipt.relative_to(pack))) in found
    name = f"entry {index}"
    assert {(3, Outcome.ALTERED, name), (4, Outcome.UNSIGNED, name)} & found, found


@pytest.mark.parametrize(
    ("label", "value"),
    [(258, -14), (258, -45), (259, "text/plain"), (16, "application/scitt-receipt+cose"), (2, [1])],
    ids=["SHA-1", "SHAKE256", "another record", "a receipt's type", "critical"],
)
def test_a_weaker_digest_or_another_type_is_refused_though_the_dock_signed_it(
    pack: Path, genuine: Made, label: int, value: object
) -> None:
    """By the dock's own key: what is downgraded is not what the log holds, either."""
    index = index_of(pack, SEALED)
    taken = Taken((pack / layout.statement(index)).read_bytes())
    taken.header[label] = value
    put_statement(pack, index, taken.signed(genuine.dock))
    checked = verified(pack, genuine.trust)
    name = f"entry {index}"
    assert {(3, Outcome.ALTERED, name), (6, Outcome.NOT_LOGGED, name)} & problems(checked)
    assert checked.verdict.outcome is not Outcome.INTACT


def test_a_cosignature_of_an_unknown_type_counts_for_no_policy(pack: Path, genuine: Made) -> None:
    witness = Ed25519Signer.generate()
    key = NoteKey("court.example/w", witness.public, SignatureType.COSIGNATURE)
    policy = parse_policy(f"witness court {key.vkey()}\nquorum court\n".encode())
    note = (pack / layout.CHECKPOINT).read_bytes()
    text = note.partition(b"\n\n")[0] + b"\n"
    # Type 1 by the witness's key, where a cosignature with a time is asked for.
    wrong = NoteKey(key.name, witness.public, SignatureType.ED25519)
    line = base64.b64encode(wrong.id + witness.sign(text)).decode()
    more = note + f"— {key.name} {line}\n".encode()
    put_note(pack, note, more)
    checked = verified(pack, genuine.trust, policy)
    assert problems(checked) == {(7, Outcome.UNWITNESSED, "checkpoint")}


def in_the_name_of(name: str, key_id: bytes, seconds: int) -> bytes:
    """A line that looks like a cosignature, as anybody can write it."""
    made = key_id + seconds.to_bytes(8, "big") + bytes(64)
    return f"— {name} {base64.b64encode(made).decode()}\n".encode()


def test_a_line_in_the_name_of_a_witness_who_did_not_sign_is_unsigned(
    pack: Path, genuine: Made
) -> None:
    """The report tells its time; beside a genuine line of the same witness it counted for none."""
    witness = Ed25519Signer.generate()
    key = NoteKey("court.example/w", witness.public, SignatureType.COSIGNATURE)
    policy = parse_policy(f"witness court {key.vkey()}\nquorum court\n".encode())
    note = (pack / layout.CHECKPOINT).read_bytes()
    good = cosign(note, witness, key.name, 1_772_000_000)
    false = good + in_the_name_of(key.name, key.id, 915_148_800)
    put_note(pack, note, false)
    report_made_anew(pack, genuine.trust)
    checked = verified(pack, genuine.trust, policy)
    assert problems(checked) == {(7, Outcome.UNSIGNED, layout.CHECKPOINT)}
    # Of who is not listed nobody knows the key, so that is said, and no more.
    stranger = good + in_the_name_of("supreme.example/w", b"four", 915_148_800)
    put_note(pack, false, stranger)
    report_made_anew(pack, genuine.trust)
    for asked in (policy, None):
        checked = verified(pack, genuine.trust, asked)
        assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
        (note_of_it,) = [each for each in checked.notes if "supreme.example/w" in each]
        assert "not checked" in note_of_it
        assert ("court.example/w" in note_of_it) == (asked is None)


def test_no_page_calls_provable_what_a_line_by_anybody_says(pack: Path, genuine: Made) -> None:
    note = (pack / layout.CHECKPOINT).read_bytes()
    put_note(pack, note, note + in_the_name_of("supreme.example/w", b"four", 915_148_800))
    report_made_anew(pack, genuine.trust)
    page = (pack / layout.PAGE).read_text()
    assert "1999-01-01" in page
    assert "可证明" not in page
    assert "provable" not in page
    assert "once checked with their keys" in page
