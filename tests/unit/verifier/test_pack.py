"""What may be done to a pack, and what the verifier then says: the attack matrix."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cbor2
import pytest

from hashing.keys import Ed25519Signer, Es256Signer, Signer, low_s
from hashing.note import NoteKey, SignatureType, cosign, sign_checkpoint
from hashing.statement import decode_statement
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.pack import layout
from protocols.policy import parse_policy
from protocols.progress import Quiet
from tests.simulators.packs import FIRST, NAME, Made, made, rebagged, report_made_anew
from verifier.outside import Asked
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

CLIP = "dock7.0.3"
ORIGINAL = "data/originals/dock7.0.3/_.MP4"


def verified(pack: Path, trust: Anchors | None) -> Checked:
    with opened(pack) as source:
        return verify_pack(source, trust, Quiet())


def found(checked: Checked) -> set[tuple[int, Outcome, str]]:
    return {(each.step, each.outcome, each.subject) for each in checked.verdict.problems}


# --- changing single files ------------------------------------------------------------


def edit(path: Path, at: int = -1) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def test_a_genuine_pack_is_intact_in_every_step(pack: Path, trust: Anchors) -> None:
    checked = verified(pack, trust)
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert {each.step for each in checked.verdict.findings} == {1, 2, 3, 4, 5, 6, 7, 9, 10}
    assert not checked.own_keys
    assert "unwitnessed: no policy was given" in checked.notes
    assert checked.export is not None
    assert checked.export.number == 1


def test_without_a_trust_file_it_says_that_this_proves_little(pack: Path) -> None:
    checked = verified(pack, None)
    assert checked.verdict.outcome is Outcome.INTACT
    assert checked.own_keys


def one_of_each(pack: Path) -> list[Path]:
    """Every file at the top and in ``data``, and the first of every folder below."""
    kinds: dict[str, Path] = {}
    for path in sorted(each for each in pack.rglob("*") if each.is_file()):
        place = path.relative_to(pack).parts
        kinds.setdefault(place[1] if len(place) > 2 else str(path), path)
    return list(kinds.values())


@pytest.mark.parametrize("how", [edit, cut, append])
def test_no_file_of_a_pack_can_be_changed_unseen(
    pack: Path, trust: Anchors, how: Callable[[Path], None]
) -> None:
    for path in one_of_each(pack) if how is edit else pack.glob("*.*"):
        before = path.read_bytes()
        how(path)
        assert verified(pack, trust).verdict.outcome is not Outcome.INTACT, path
        path.write_bytes(before)
    assert verified(pack, trust).verdict.outcome is Outcome.INTACT


def test_no_file_can_be_taken_away_unseen(pack: Path, trust: Anchors) -> None:
    for path in one_of_each(pack):
        aside = pack.parent / "aside"
        path.rename(aside)
        problems = verified(pack, trust).verdict.problems
        name = str(path.relative_to(pack))
        assert any(each.subject == name and each.step == 1 for each in problems), name
        aside.rename(path)


def test_two_files_cannot_change_places_unseen(pack: Path, trust: Anchors) -> None:
    for kind in ("statements/*.cose", "records/*.json", "receipts/*.cose", "proofs/*.tlog-proof"):
        first, second = sorted((pack / "data").glob(kind))[1:3]
        swap(first, second)
        assert verified(pack, trust).verdict.outcome is Outcome.ALTERED, kind
        swap(first, second)


def swap(first: Path, second: Path) -> None:
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)


# --- attacks whose manifests were made to fit ----------------------------------------------


@dataclass(frozen=True)
class Attack:
    """What somebody does who can also write manifests, and the findings that have to come."""

    name: str
    act: Callable[[Path], None]
    expected: tuple[tuple[int, Outcome, str], ...]
    outcome: Outcome


Trail = dict[str, Any]


def trail_of(pack: Path) -> Trail:
    trail: Trail = json.loads((pack / layout.TRAIL).read_text())
    return trail


def put_trail(pack: Path, trail: Trail) -> None:
    (pack / layout.TRAIL).write_text(json.dumps(trail, ensure_ascii=False))


def entry_at(trail: Trail, index: int) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in trail["entries"] if e["index"] == index)
    return found


def put_statement(pack: Path, index: int, raw: bytes, record: bytes | None = None) -> None:
    """Put another statement, and record, at a place, everywhere it stands in the pack."""
    trail = trail_of(pack)
    entry = entry_at(trail, index)
    entry["statement"] = base64.b64encode(raw).decode()
    (pack / layout.statement(index)).write_bytes(raw)
    if record is not None:
        entry["record"] = base64.b64encode(record).decode()
        (pack / layout.record(index)).write_bytes(record)
    put_trail(pack, trail)


def resigned(
    raw: bytes,
    signer: Signer,
    *,
    kid: bool = True,
    record: bytes | None = None,
    algorithm: int = -7,
) -> bytes:
    """The same statement by another key, over another record, or with another algorithm."""
    tag = cbor2.loads(raw)
    protected, _, payload, _ = tag.value
    header = cbor2.loads(protected)
    header[1] = algorithm
    if kid:
        header[4] = signer.public.kid
    protected = cbor2.dumps(header, canonical=True)
    payload = payload if record is None else hashlib.sha256(record).digest()
    signed = cbor2.dumps(["Signature1", protected, b"", payload], canonical=True)
    signature = low_s(signer.sign(signed))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]), canonical=True)


STRANGER = Es256Signer.generate()


def index_of(pack: Path, kind: str) -> int:
    for path in sorted((pack / "data/records").iterdir()):
        if json.loads(path.read_text())["kind"] == kind:
            return int(path.stem)
    raise LookupError(kind)


def original_edited(pack: Path) -> None:
    edit(pack / ORIGINAL, 1_100_000)


def original_and_its_leaves_edited(pack: Path) -> None:
    edit(pack / ORIGINAL, 1_100_000)
    edit(pack / layout.LEAVES / f"{CLIP}.sha256", 40)


def original_cut(pack: Path) -> None:
    (pack / ORIGINAL).write_bytes(FIRST[:1_100_000])


def original_longer(pack: Path) -> None:
    (pack / ORIGINAL).write_bytes(FIRST + b"more")


def original_gone(pack: Path) -> None:
    (pack / ORIGINAL).unlink()


def leaves_edited(pack: Path) -> None:
    edit(pack / layout.LEAVES / f"{CLIP}.sha256", 40)


def original_added(pack: Path) -> None:
    (pack / "data/originals/dock7.0.3/extra.MP4").write_bytes(b"more")


def record_swapped(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    record = (pack / layout.record(index)).read_bytes().replace(b'"officer 014032"', b'"officer 1"')
    put_statement(pack, index, (pack / layout.statement(index)).read_bytes(), record)


def statement_by_a_stranger(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    raw = (pack / layout.statement(index)).read_bytes()
    put_statement(pack, index, resigned(raw, STRANGER))


def statement_by_an_unenrolled_dock(pack: Path) -> None:
    index = index_of(pack, "session.inventory")
    raw = (pack / layout.statement(index)).read_bytes()
    tag = cbor2.loads(raw)
    protected, _, payload, _ = tag.value
    header = cbor2.loads(protected)
    header[15] = {1: "urn:evidock:dock:dock99", 2: header[15][2]}
    protected = cbor2.dumps(header, canonical=True)
    forged = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, b"\0" * 64]), canonical=True)
    put_statement(pack, index, resigned(forged, STRANGER))


def algorithm_downgraded(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    raw = (pack / layout.statement(index)).read_bytes()
    put_statement(pack, index, resigned(raw, STRANGER, kid=False, algorithm=-65535))


def receipt_of_another(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    shutil.copy(pack / layout.receipt(index + 1), pack / layout.receipt(index))


def proof_of_another(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    shutil.copy(pack / layout.proof(index + 1), pack / layout.proof(index))


def act_left_out(pack: Path) -> None:
    """The gateway's word that it stored the clip disappears, with every file of it."""
    index = index_of(pack, "clip.stored")
    trail = trail_of(pack)
    trail["entries"] = [each for each in trail["entries"] if each["index"] != index]
    put_trail(pack, trail)
    for name in (layout.statement, layout.record, layout.receipt, layout.proof):
        (pack / name(index)).unlink()


def sealing_left_out(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    trail = trail_of(pack)
    trail["entries"] = [each for each in trail["entries"] if each["index"] != index]
    trail["clips"] = trail["clips"][1:]
    put_trail(pack, trail)
    for path in (layout.statement, layout.record, layout.receipt, layout.proof):
        (pack / path(index)).unlink()


def clip_left_out(pack: Path) -> None:
    trail = trail_of(pack)
    trail["clips"] = trail["clips"][1:]
    put_trail(pack, trail)


def record_withheld(pack: Path) -> None:
    index = index_of(pack, "clip.sealed")
    trail = trail_of(pack)
    entry_at(trail, index)["record"] = None
    put_trail(pack, trail)
    (pack / layout.record(index)).unlink()


def checkpoint_by_another_log(pack: Path) -> None:
    trail = trail_of(pack)
    signer = Ed25519Signer.generate()
    lines = trail["checkpoint"].split("\n")
    key = NoteKey(lines[0], signer.public, SignatureType.ED25519)
    from hashing.note import Checkpoint  # noqa: PLC0415

    checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2]))
    trail["checkpoint"] = sign_checkpoint(checkpoint, signer, key.name).decode()
    put_trail(pack, trail)
    (pack / layout.CHECKPOINT).write_text(trail["checkpoint"])


def key_replaced(pack: Path) -> None:
    (pack / layout.key("dock7")).write_text(STRANGER.public.pem())


def key_added(pack: Path) -> None:
    (pack / layout.key("dock8")).write_text(STRANGER.public.pem())


def recipient_changed(pack: Path) -> None:
    path = pack / layout.EXPORT
    path.write_text(path.read_text().replace("People's Court", "Somebody"))


def number_changed(pack: Path) -> None:
    path = pack / layout.EXPORT
    path.write_text(path.read_text().replace('"number": 1', '"number": 2'))


def another_name_told(pack: Path) -> None:
    path = pack / layout.ORIGINAL_LIST
    path.write_text(path.read_text().replace("记录.MP4", "别的.MP4"))


def another_case_told(pack: Path) -> None:
    trail = trail_of(pack)
    trail["about"]["case_no"] = "another case"
    put_trail(pack, trail)


def earlier_way_changed(pack: Path) -> None:
    path = pack / layout.CONSISTENCY
    document = json.loads(path.read_text())
    for way in document["earlier"]:
        way["path"][0] = base64.b64encode(bytes(32)).decode()
    path.write_text(json.dumps(document))


A, I, U = Outcome.ALTERED, Outcome.INCOMPLETE, Outcome.UNKNOWN_KEY  # noqa: E741
ATTACKS = [
    Attack("original edited", original_edited, ((2, A, CLIP),), A),
    Attack("original and leaves edited", original_and_its_leaves_edited, ((2, A, CLIP),), A),
    Attack("original cut", original_cut, ((2, A, CLIP),), A),
    Attack("original longer", original_longer, ((2, A, CLIP),), A),
    Attack("original gone", original_gone, ((2, I, CLIP),), I),
    Attack("leaf list edited", leaves_edited, ((2, A, CLIP),), A),
    Attack(
        "original added",
        original_added,
        ((2, A, "data/originals/dock7.0.3/extra.MP4"),),
        A,
    ),
    Attack("record swapped", record_swapped, ((3, A, "entry 5"),), A),
    Attack(
        "statement by a stranger's key",
        statement_by_a_stranger,
        ((4, Outcome.UNSIGNED, "entry 5"), (6, Outcome.NOT_LOGGED, "entry 5")),
        A,
    ),
    Attack(
        "statement by a dock that is not enrolled",
        statement_by_an_unenrolled_dock,
        ((4, U, "entry 4"), (6, Outcome.NOT_LOGGED, "entry 4")),
        I,
    ),
    Attack("algorithm downgraded", algorithm_downgraded, ((3, A, "entry 5"),), A),
    Attack(
        "receipt of another statement",
        receipt_of_another,
        ((6, Outcome.NOT_LOGGED, layout.receipt(5)),),
        Outcome.NOT_LOGGED,
    ),
    Attack("proof of another statement", proof_of_another, ((6, A, layout.proof(5)),), A),
    Attack("act left out", act_left_out, ((5, I, f"urn:evidock:clip:{CLIP}"),), I),
    Attack("sealing left out", sealing_left_out, ((9, I, CLIP),), A),
    Attack("clip left out", clip_left_out, ((9, I, CLIP),), A),
    Attack("record withheld", record_withheld, ((9, I, CLIP),), A),
    Attack(
        "checkpoint by another key",
        checkpoint_by_another_log,
        ((7, Outcome.UNSIGNED, "checkpoint"),),
        A,
    ),
    Attack("key replaced", key_replaced, ((4, U, layout.key("dock7")),), U),
    Attack("key added", key_added, ((4, U, layout.key("dock8")),), U),
    Attack("recipient changed", recipient_changed, ((10, A, CLIP),), A),
    Attack(
        "number of the export changed", number_changed, ((10, I, CLIP), (10, A, layout.BAG_INFO)), A
    ),
    Attack("another name told", another_name_told, ((2, A, CLIP),), A),
    Attack(
        "another case told",
        another_case_told,
        ((9, I, "another case"), (10, A, layout.BAG_INFO)),
        A,
    ),
    Attack("earlier way changed", earlier_way_changed, ((7, A, "checkpoint"),), A),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_whoever_can_write_manifests_is_found_out_all_the_same(
    pack: Path, trust: Anchors, attack: Attack
) -> None:
    attack.act(pack)
    rebagged(pack)
    checked = verified(pack, trust)
    assert set(attack.expected) <= found(checked), checked.verdict.problems
    assert not any(step == 1 for step, _, _ in found(checked)), checked.verdict.problems
    assert checked.verdict.outcome is attack.outcome, checked.verdict.problems


def test_a_key_of_the_gateway_counts_for_one_purpose_only(
    pack: Path, trust: Anchors, genuine: Made
) -> None:
    index = index_of(pack, "clip.stored")
    raw = (pack / layout.statement(index)).read_bytes()
    put_statement(pack, index, resigned(raw, genuine.receipts))
    rebagged(pack)
    name = f"entry {index}"
    expected = {(4, Outcome.UNSIGNED, name), (6, Outcome.NOT_LOGGED, name)}
    assert expected <= found(verified(pack, trust))


def entry_left_out(pack: Path, index: int) -> None:
    """One statement disappears, with everything of it that lies in a pack."""
    trail = trail_of(pack)
    trail["entries"] = [each for each in trail["entries"] if each["index"] != index]
    put_trail(pack, trail)
    for name in (layout.statement, layout.record, layout.receipt, layout.proof):
        (pack / name(index)).unlink(missing_ok=True)
    rebagged(pack)


def test_no_act_of_any_kind_can_be_left_out_unseen(
    genuine: Made, pack: Path, trust: Anchors
) -> None:
    """Each entry by itself: its chain has a hole, or something else that needs it says so."""
    kinds = {}
    for entry in trail_of(pack)["entries"]:
        record = entry["record"]
        kind = json.loads(base64.b64decode(record))["kind"] if record else "withheld"
        shutil.rmtree(pack)
        shutil.copytree(genuine.pack, pack)
        entry_left_out(pack, entry["index"])
        checked = verified(pack, trust)
        assert checked.verdict.outcome is not Outcome.INTACT, (entry["index"], kind)
        steps = {each.step for each in checked.verdict.problems}
        assert steps & {4, 5, 9, 10}, (kind, checked.verdict.problems)
        kinds[kind] = steps
    assert kinds.keys() >= {
        "log.opened",
        "dock.enrolled",
        "session.opened",
        "session.inventory",
        "clip.sealed",
        "session.closed",
        "clip.stored",
        "case.opened",
        "case.linked",
        "clip.exported",
    }


# --- where it was damaged ---------------------------------------------------------------


def reasons(checked: Checked) -> str:
    return "\n".join(each.reason for each in checked.verdict.problems if each.step == 2)


def test_a_changed_byte_is_told_as_file_leaf_bytes_and_seconds(pack: Path, trust: Anchors) -> None:
    original_edited(pack)
    told = reasons(verified(pack, trust))
    assert f"{ORIGINAL}: leaf 1 differs: bytes" in told
    assert (
        "bytes 1048576 to 1199999, about second 218 to 250 of the recording, reckoned evenly"
        in told
    )


def test_what_was_cut_and_what_was_appended_is_told(pack: Path, trust: Anchors) -> None:
    original_cut(pack)
    told = reasons(verified(pack, trust))
    assert "the last 100000 bytes, from byte 1100000 on, are missing" in told
    original_longer(pack)
    assert "4 bytes were appended after byte 1199999" in reasons(verified(pack, trust))


def test_without_the_sealed_leaf_list_it_does_not_pretend_to_know_where(
    pack: Path, trust: Anchors
) -> None:
    original_and_its_leaves_edited(pack)
    assert "where cannot be said" in reasons(verified(pack, trust))


# --- whose keys -------------------------------------------------------------------------


def test_a_whole_pack_by_another_gateway_does_not_pass_with_a_trust_file(
    pack: Path, trust: Anchors
) -> None:
    stranger = Ed25519Signer.generate()
    key = NoteKey(trust.origin, stranger.public, SignatureType.ED25519)
    note = sign_checkpoint(trust.checkpoint, stranger, trust.origin)
    checked = verified(pack, replace(trust, checkpoint_key=key, note=note))
    assert (7, Outcome.UNSIGNED, "checkpoint") in found(checked)


def test_a_trust_file_that_pins_a_later_checkpoint_is_told_so(genuine: Made, pack: Path) -> None:
    checked = verified(pack, genuine.later)
    assert found(checked) == {(7, Outcome.UNWITNESSED, "checkpoint")}
    assert "pins a later checkpoint" in checked.verdict.problems[0].reason


def test_the_mapping_tells_the_name_that_the_camera_gave(pack: Path) -> None:
    rows = json.loads((pack / layout.ORIGINAL_LIST).read_text())["originals"]
    assert (rows[0]["clip"], rows[0]["name"], rows[0]["file"]) == (CLIP, NAME, ORIGINAL)


def test_a_policy_of_ones_own_is_asked_and_counts(pack: Path, trust: Anchors) -> None:
    witness = Ed25519Signer.generate()
    key = NoteKey("court.example/w", witness.public, SignatureType.COSIGNATURE)
    policy = parse_policy(f"witness court {key.vkey()}\nquorum court\n".encode())
    with opened(pack) as source:
        checked = verify_pack(source, trust, Quiet(), Asked(policy))
    assert found(checked) == {(7, Outcome.UNWITNESSED, "checkpoint")}
    note = (pack / layout.CHECKPOINT).read_bytes()
    more = cosign(note, witness, key.name, 1_772_000_000)
    for path in [pack / layout.CHECKPOINT, *(pack / layout.PROOFS).iterdir()]:
        path.write_bytes(path.read_bytes().replace(note, more))
    put_trail(pack, trail_of(pack) | {"checkpoint": more.decode()})
    rebagged(pack)
    with opened(pack) as source:
        checked = verify_pack(source, trust, Quiet(), Asked(policy))
    # The report, which was made before that, tells of no witness.
    assert found(checked) == {(10, Outcome.ALTERED, layout.REPORT)}, checked.verdict.problems
    report_made_anew(pack, trust)
    rebagged(pack)
    with opened(pack) as source:
        checked = verify_pack(source, trust, Quiet(), Asked(policy))
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert not any("no policy" in note for note in checked.notes)


# --- in a ZIP file ----------------------------------------------------------------------


def zipped(pack: Path, top: str = "", kind: int = zipfile.ZIP_STORED) -> Path:
    out = pack.parent / "pack.zip"
    with zipfile.ZipFile(out, "w", kind) as made:
        for path in sorted(pack.rglob("*")):
            if path.is_file():
                made.write(path, f"{top}{path.relative_to(pack)}")
    return out


@pytest.mark.parametrize("top", ["", "evidence/"])
def test_a_zip_of_stored_members_is_as_good_as_a_folder(
    pack: Path, trust: Anchors, top: str
) -> None:
    checked = verified(zipped(pack, top), trust)
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems


def test_compressed_members_are_not_read(pack: Path, trust: Anchors) -> None:
    checked = verified(zipped(pack, kind=zipfile.ZIP_DEFLATED), trust)
    assert any("compressed" in each.reason for each in checked.verdict.problems)


def test_statements_decode_as_they_lie(pack: Path) -> None:
    for path in (pack / "data/statements").iterdir():
        assert decode_statement(path.read_bytes()).raw == path.read_bytes()


# --- a dock whose key was rotated -----------------------------------------------------


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A pack of a dock that rotated its key before the docking and in the midst of it."""
    folder = tmp_path_factory.mktemp("rotated")
    yield asyncio.run(made(folder, rotated=True))
    shutil.rmtree(folder, ignore_errors=True)


def test_a_pack_proves_every_key_that_signed_in_it(twice: Made, tmp_path: Path) -> None:
    checked = verified(twice.pack, twice.trust)
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    keys = {path.name for path in (twice.pack / layout.KEYS).iterdir()}
    rotated = {"dock7.0.1.pem", "dock7.0.7.pem"}
    assert keys == {
        *(f"{use}.pem" for use in ("gateway-statement", "gateway-receipt", "log-checkpoint")),
        *{"dock7.pem", *rotated},
    }
    told = {
        each["file"]: each for each in json.loads((twice.pack / layout.REPORT).read_text())["keys"]
    }
    for name in rotated:
        key = told[layout.KEYS + name]
        assert key["signatures"] == key["intact"] > 0
    for name in rotated:
        shutil.copytree(twice.pack, tmp_path / name)
        (tmp_path / name / layout.KEYS / name).unlink()
        rebagged(tmp_path / name)
        assert found(verified(tmp_path / name, twice.trust)) == {
            (4, Outcome.UNKNOWN_KEY, layout.KEYS + name)
        }
