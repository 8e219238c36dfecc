"""Changes to a genuine pack after which no verifier may call it intact.

Whoever makes them has no key, and makes the manifests fit. Both verifiers are held against the
same list: what one of them misses, a reader of the other would have been told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cbor2

from hashing.keys import Ed25519Signer, Es256Signer
from protocols.pack import bag, layout
from tests.simulators.false_reports import REPORTS
from tests.simulators.packs import rebagged

Spoil = Callable[[Path], None]
CLIP = "dock7.0.3"
_BOM = b"\xef\xbb\xbf"


def _document(pack: Path, path: str, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((pack / path).read_bytes())
    change(document)
    (pack / path).write_text(json.dumps(document, ensure_ascii=False))


def planted(name: str) -> Spoil:
    """A file more, listed as any other."""

    def spoil(pack: Path) -> None:
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text('{"kind": "clip.sealed"}')

    return spoil


# --- documents that are read in two ways ----------------------------------------------------


def member_twice(path: str, name: str, other: object) -> Spoil:
    """One reader takes the first, another the last."""

    def spoil(pack: Path) -> None:
        text = (pack / path).read_text()
        start = text.index("{") + 1
        said = f"{json.dumps(name)}: {json.dumps(other)}, "
        (pack / path).write_text(text[:start] + said + text[start:])

    return spoil


def encoded(path: str, encoding: str) -> Spoil:
    def spoil(pack: Path) -> None:
        (pack / path).write_text((pack / path).read_text(), encoding=encoding)

    return spoil


def version_two(pack: Path) -> None:
    _document(pack, layout.TRAIL, lambda trail: trail.update(v=2))


def about_two(pack: Path) -> None:
    _document(pack, layout.TRAIL, lambda trail: trail["about"].update(clip=CLIP))


def index_as_fraction(pack: Path) -> None:
    _document(pack, layout.TRAIL, lambda trail: trail["entries"][3].update(index=3.0))


def base64_with_space(pack: Path) -> None:
    def change(trail: dict[str, Any]) -> None:
        said = trail["entries"][3]["statement"]
        trail["entries"][3]["statement"] = f"{said[:8]}\n{said[8:]}"

    _document(pack, layout.TRAIL, change)


def base64_of_another_form(pack: Path) -> None:
    """The last bits of base64 may say anything and mean nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def change(trail: dict[str, Any]) -> None:
        entry = trail["entries"][3]
        step = entry["path"][0]
        assert step.endswith("=")
        entry["path"][0] = f"{step[:-2]}{letters[letters.index(step[-2]) + 1]}="

    _document(pack, layout.TRAIL, change)


# --- the bag ------------------------------------------------------------------------------


def _retagged(pack: Path, raw: bytes) -> None:
    """Put this payload manifest in, and a tag manifest that fits it."""
    (pack / layout.MANIFEST).write_bytes(raw)
    digests, _ = bag.read_manifest((pack / layout.TAG_MANIFEST).read_bytes())
    digests[layout.MANIFEST] = hashlib.sha256(raw).hexdigest()
    (pack / layout.TAG_MANIFEST).write_bytes(bag.manifest(digests))


def manifest_as(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(pack: Path) -> None:
        rebagged(pack)
        _retagged(pack, change((pack / layout.MANIFEST).read_bytes()))

    return spoil


def in_the_other_manifest(pack: Path) -> None:
    rebagged(pack)
    payload, _ = bag.read_manifest((pack / layout.MANIFEST).read_bytes())
    digest = payload.pop(layout.EXPORT)
    _retagged(pack, bag.manifest(payload))
    tags, _ = bag.read_manifest((pack / layout.TAG_MANIFEST).read_bytes())
    (pack / layout.TAG_MANIFEST).write_bytes(bag.manifest(tags | {layout.EXPORT: digest}))


def other_declaration(pack: Path) -> None:
    (pack / layout.BAGIT).write_text("BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")


def other_oxum(pack: Path) -> None:
    rebagged(pack)
    path = pack / layout.BAG_INFO
    path.write_text(path.read_text().replace("Payload-Oxum: ", "Payload-Oxum: 1"))
    tags, _ = bag.read_manifest((pack / layout.TAG_MANIFEST).read_bytes())
    tags[layout.BAG_INFO] = hashlib.sha256(path.read_bytes()).hexdigest()
    (pack / layout.TAG_MANIFEST).write_bytes(bag.manifest(tags))


# --- what nobody signs ----------------------------------------------------------------------


def checkpoint_with_a_line(pack: Path) -> None:
    """A line after the signatures, wherever the checkpoint stands."""
    note = (pack / layout.CHECKPOINT).read_text()
    (pack / layout.CHECKPOINT).write_text(f"{note}verified by the court\n")
    _document(pack, layout.TRAIL, lambda trail: trail.update(checkpoint=f"{note}verified\n"))
    (pack / layout.CHECKPOINT).write_text(f"{note}verified\n")
    for path in (pack / layout.PROOFS).iterdir():
        path.write_text(f"{path.read_text()}verified\n")


def _unprotected(change: Callable[[dict[Any, Any]], object]) -> Spoil:
    def spoil(pack: Path) -> None:
        path = pack / layout.receipt(5)
        tag = cbor2.loads(path.read_bytes())
        protected, unprotected, payload, signature = tag.value
        header = dict(unprotected)
        change(header)
        value = [protected, header, payload, signature]
        path.write_bytes(cbor2.dumps(cbor2.CBORTag(18, value)))

    return spoil


def _second_path(header: dict[Any, Any]) -> None:
    proofs = dict(header[396])
    proofs[-1] = [*proofs[-1], proofs[-1][0]]
    header[396] = proofs


def proof_swapped(pack: Path) -> None:
    (pack / layout.proof(4)).write_bytes((pack / layout.proof(5)).read_bytes())


def key_changed(pack: Path) -> None:
    (pack / layout.key("dock7")).write_text(Es256Signer.generate().public.pem())


def key_of_the_log_changed(pack: Path) -> None:
    (pack / layout.key("log-checkpoint")).write_text(Ed25519Signer.generate().public.pem())


def key_gone(pack: Path) -> None:
    (pack / layout.key("gateway-receipt")).unlink()


def trust_changed(pack: Path) -> None:
    pem = Es256Signer.generate().public.pem()
    _document(pack, layout.TRUST, lambda trust: trust.update(receipt_key=pem))


def leaves_changed(pack: Path) -> None:
    path = pack / layout.LEAVES / f"{CLIP}.sha256"
    path.write_bytes(bytes(32) + path.read_bytes()[32:])


def leaves_gone(pack: Path) -> None:
    (pack / layout.LEAVES / f"{CLIP}.sha256").unlink()


def _rows(change: Callable[[list[dict[str, Any]]], object]) -> Spoil:
    path = layout.ORIGINAL_LIST
    return lambda pack: _document(pack, path, lambda said: change(said["originals"]))


def _first_row_false(rows: list[dict[str, Any]]) -> None:
    rows.insert(0, rows[0] | {"name": "innocent.MP4"})


def _row_false(rows: list[dict[str, Any]]) -> None:
    rows[0]["name"] = "innocent.MP4"


def second_original(pack: Path) -> None:
    """Another file in the folder of a clip, named by a second row about the same clip."""
    path = f"{layout.ORIGINALS}{CLIP}/better.MP4"
    (pack / path).write_bytes(b"another picture")
    _rows(lambda rows: rows.append(rows[0] | {"file": path}))(pack)


def _missing_and_there(rows: list[dict[str, Any]]) -> None:
    rows[0]["missing"] = "destroyed by order of a court"


# --- what others saw ------------------------------------------------------------------------


def stamp_under_a_second_name(pack: Path) -> None:
    """A checkpoint that counts lends its name to an answer that nobody reads."""
    note = (pack / layout.CHECKPOINT).read_bytes()
    size = int(note.split(b"\n")[1])
    (pack / layout.STAMPED).mkdir(exist_ok=True)
    (pack / f"{layout.STAMPED}{size}.note").write_bytes(note)
    (pack / f"{layout.STAMPED}{size}.tsr").write_bytes(b"seen in 1999")


def stamp_gone(pack: Path) -> None:
    note = (pack / layout.CHECKPOINT).read_bytes()
    (pack / layout.STAMPED).mkdir(exist_ok=True)
    (pack / layout.stamped(int(note.split(b"\n")[1]))).write_bytes(note)


def under_a_longer_number(pack: Path) -> None:
    """The same size written with one nought more, so that two files are of it."""
    note = (pack / layout.CHECKPOINT).read_bytes()
    size = int(note.split(b"\n")[1])
    (pack / layout.COSIGNED).mkdir(exist_ok=True)
    for path in (layout.cosigned(size), f"{layout.COSIGNED}{size:09d}.note"):
        (pack / path).write_bytes(note)


def under_another_size(pack: Path) -> None:
    """The pack's own checkpoint as one of five entries, with a way of no steps."""
    for folder in (layout.COSIGNED, layout.WAYS):
        (pack / folder).mkdir(exist_ok=True)
    (pack / layout.cosigned(5)).write_bytes((pack / layout.CHECKPOINT).read_bytes())
    (pack / layout.way(5)).write_bytes(b"")


def way_from_itself(pack: Path) -> None:
    """No way is needed to the pack's own checkpoint, so nobody would read one."""
    note = (pack / layout.CHECKPOINT).read_bytes()
    size = int(note.split(b"\n")[1])
    for folder in (layout.COSIGNED, layout.WAYS):
        (pack / folder).mkdir(exist_ok=True)
    (pack / layout.cosigned(size)).write_bytes(note)
    (pack / layout.way(size)).write_text("verified by the court\n")


def _way_twice(ways: dict[str, Any]) -> None:
    ways["earlier"].insert(0, ways["earlier"][0] | {"path": []})


def info_with_words(pack: Path) -> None:
    path = pack / layout.BAG_INFO
    path.write_text(f"{path.read_text()}Contact-Name: verified by the Supreme Court\n")


def _with(path: str, *names: str) -> Spoil:
    """A member that no reader of ours reads, in the object that these names lead to."""

    def change(document: dict[str, Any]) -> None:
        inner: Any = document
        for name in names:
            inner = inner[int(name) if name.isdecimal() else name]
        inner["note"] = "verified by the court"

    return lambda pack: _document(pack, path, change)


def _said(name: str, value: object) -> Spoil:
    return lambda pack: _document(pack, layout.EXPORT, lambda said: said.update({name: value}))


def renamed_original(pack: Path) -> None:
    """The bytes of a clip under a name that its record does not lead to."""
    path = f"{layout.ORIGINALS}{CLIP}/innocent.MP4"
    (pack / f"{layout.ORIGINALS}{CLIP}/_.MP4").rename(pack / path)
    _rows(lambda rows: rows[0].update(file=path))(pack)


SPOILS: Mapping[str, Spoil] = {
    "a record planted": planted("data/records/00000099.json"),
    "a receipt planted": planted("data/receipts/00000099.cose"),
    "a paper planted among the data": planted("data/expert-opinion.txt"),
    "a page planted beside them": planted("README.html"),
    "a folder planted": planted("data/originals2/a.mp4"),
    "a device's name planted": planted("data/originals/dock7.0.3/nul.MP4"),
    "names that differ in case": planted("data/EXPORT.json"),
    "trail: clips twice": member_twice(layout.TRAIL, "clips", [CLIP]),
    "export: reason twice": member_twice(layout.EXPORT, "reason", "none"),
    "originals: list twice": member_twice(layout.ORIGINAL_LIST, "originals", []),
    "ways: list twice": member_twice(layout.CONSISTENCY, "earlier", []),
    "trust: gateway twice": member_twice(layout.TRUST, "gateway", "urn:evidock:gateway:x"),
    "trail in UTF-16": encoded(layout.TRAIL, "utf-16"),
    "export with a mark": encoded(layout.EXPORT, "utf-8-sig"),
    "checkpoint with a mark": encoded(layout.CHECKPOINT, "utf-8-sig"),
    "trail of version 2": version_two,
    "about a case and a clip": about_two,
    "index as a fraction": index_as_fraction,
    "base64 with a space": base64_with_space,
    "base64 of another form": base64_of_another_form,
    "manifest with a mark": manifest_as(lambda raw: _BOM + raw),
    "manifest with returns": manifest_as(lambda raw: raw.replace(b"\n", b"\r\n")),
    "manifest turned round": manifest_as(lambda raw: b"".join(raw.splitlines(keepends=True)[::-1])),
    "manifest not ended": manifest_as(lambda raw: raw[:-1]),
    "a file in the other manifest": in_the_other_manifest,
    "another declaration": other_declaration,
    "other bytes and files told": other_oxum,
    "checkpoint with a line": checkpoint_with_a_line,
    "receipt with a header": _unprotected(lambda header: header.update({"note": "verified"})),
    "receipt with two paths": _unprotected(_second_path),
    "proof of another entry": proof_swapped,
    "a dock's key changed": key_changed,
    "the log's key changed": key_of_the_log_changed,
    "a key gone": key_gone,
    "a key more": planted("data/keys/court.pem"),
    "the pack's trust file changed": trust_changed,
    "leaf list changed": leaves_changed,
    "leaf list gone": leaves_gone,
    "a clip described twice": _rows(_first_row_false),
    "a clip described otherwise": _rows(_row_false),
    "a second original": second_original,
    "missing and there": _rows(_missing_and_there),
    "an original under another name": renamed_original,
    "a paper among what witnesses saw": planted("data/cosigned/opinion.txt"),
    "a paper among the time stamps": planted("data/timestamps/opinion.html"),
    "a paper among the ways": planted("data/ways/opinion.txt"),
    "a checkpoint under a number's other form": planted("data/cosigned/0x000011.note"),
    "a checkpoint under a longer number": under_a_longer_number,
    "a checkpoint under another size": under_another_size,
    "a stamp without its checkpoint": planted("data/timestamps/00000005.tsr"),
    "a checkpoint without its stamp": stamp_gone,
    "a stamp under a second name": stamp_under_a_second_name,
    "a way that leads from itself": way_from_itself,
    "two ways from one size": lambda pack: _document(pack, layout.CONSISTENCY, _way_twice),
    "a way in words": lambda pack: _document(
        pack, layout.CONSISTENCY, lambda ways: ways["earlier"][1].update(path=["seen by a judge"])
    ),
    "ways to another checkpoint": lambda pack: _document(
        pack, layout.CONSISTENCY, lambda ways: ways.update(size=999)
    ),
    "trail with a way of its own": lambda pack: _document(
        pack, layout.TRAIL, lambda trail: trail.update(consistency={"from_size": 5, "path": []})
    ),
    "trail with a clip twice": lambda pack: _document(
        pack, layout.TRAIL, lambda trail: trail["clips"].append(trail["clips"][0])
    ),
    "trail about another case": lambda pack: _document(
        pack, layout.TRAIL, lambda trail: trail["about"].update(case="0" * 32)
    ),
    "trail with a note": _with(layout.TRAIL),
    "entry with a note": _with(layout.TRAIL, "entries", "3"),
    "about with a note": _with(layout.TRAIL, "about"),
    "way with a note": _with(layout.CONSISTENCY, "earlier", "0"),
    "ways with a note": _with(layout.CONSISTENCY),
    "trust with a note": _with(layout.TRUST),
    "export with a note": _with(layout.EXPORT),
    "originals with a note": _with(layout.ORIGINAL_LIST),
    "a clip with a note": _with(layout.ORIGINAL_LIST, "originals", "0"),
    "bag with words of its own": info_with_words,
    "export of other entries": _said("indices", [1]),
    "export of other clips": _said("clips", ["dock7.0.9"]),
    "export at another time": _said("at", "1999-01-01T00:00:00Z"),
    **REPORTS,
}


def spoilt(pack: Path, name: str) -> None:
    """Make one of these changes; the manifests fit, unless they are what is changed."""
    spoil = SPOILS[name]
    spoil(pack)
    if not name.startswith(("manifest", "a file in the other manifest", "other bytes")):
        rebagged(pack)
