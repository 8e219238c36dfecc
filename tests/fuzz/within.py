"""Decoders inside dock and gateway: cards, cables, helpers, authorities, and the own store."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from cryptography import x509

from edge.cameras.mass_storage import mounted_parts, parse_mounts
from edge.errors import EdgeError
from edge.mounter import descriptors, wire
from edge.probe import _read_answer
from edge.probe_media import _jpeg_size
from edge.profiles.binding import read_binding
from edge.profiles.cardfiles import CardFileError, incident, incident_files, officer_line, read_text
from edge.profiles.chains import check_chain, read_manifest
from edge.profiles.library import parse as parse_profile
from edge.profiles.library import shipped
from edge.timing.moments import read_claim, readings
from edge.wired.frames import amba, badges, kta, lcus, modbus, wiegand
from edge.wired.frames.framing import FrameError, Parser
from gateway.cosigning.asking import WitnessAwayError, _line
from gateway.errors import GatewayError
from gateway.log import journal
from gateway.log.published import TileAddress
from gateway.log.tiles import decode_bundle, decode_tile, encode_bundle
from gateway.stamping.token import check_stamp, request_for
from gateway.trail.client import ApiError
from hashing.note import NoteKey
from limited.boxes import Read, Structure, walk_iso, walk_matroska, walk_riff
from protocols.progress import Quiet
from tests.fuzz.decoder import Decoder
from tests.fuzz.outside import _simulated, vectors
from tests.simulators.authority import Authority
from verifier.errors import VerifierError
from verifier.logs import _entry, _rows
from verifier.pack import verify_pack
from verifier.samples import seconds_in, tables_of
from verifier.sources import opened

SERIAL: dict[str, tuple[Callable[[], Parser[Any]], bytes]] = {
    "rdm6300": (badges.Rdm6300Parser, b"\x0262E3086CED04\x03"),
    "em18": (badges.Em18Parser, b"0A00129A3BB9"),
    "dual": (badges.DualParser, b"\x020A00129A3BB9\r\n\x03"),
    "idteck": (badges.IdteckParser, b"\x02" + b"0" * 12 + b"\x03"),
    "line": (badges.LineParser, b"014032\r\n"),
    "amba": (amba.AmbaParser, b"@Gdv;7;T710820;#@ATH;8;ok;#"),
    "kta": (kta.KtaParser, b"@01 05 0\r"),
    "lcus": (lcus.LcusParser, b"\xa0\x01\x01\xa2"),
    "lcus text": (lcus.LcusTextParser, b"CH1:ON\r\nCH2:OFF\r\n"),
    "lcus bytes": (lambda: lcus.LcusBytesParser(4), b"\x01\x00\x01\x00"),
    "modbus": (lambda: modbus.ModbusParser(1), modbus.write_coil(1, 2, on=True)),
}


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


MVHD = _box(b"mvhd", bytes(4) + struct.pack(">IIII", 3_800_000_000, 0, 1000, 9000) + bytes(80))
SAMPLES = _box(b"stbl", _box(b"stsd", bytes(8) + _box(b"encv", bytes(78))))
TRACK = _box(b"trak", _box(b"mdia", _box(b"minf", SAMPLES)))
ISO = _box(b"ftyp", b"isom" * 4) + _box(b"moov", MVHD + TRACK) + _box(b"mdat", bytes(64))
IDIT = b"IDIT\x1a\x00\x00\x00Fri Jun 19 10:03:24 2026\n\x00"
RIFF = b"RIFF" + struct.pack("<I", 80) + b"AVI LIST" + struct.pack("<I", 40) + b"hdrl" + IDIT
MATROSKA = bytes.fromhex("1a45dfa3844282816d18538067814c")
JPEG = bytes.fromhex("ffd8ffe000104a464946000101000001000100 00ffc0001108001000200301220002110103")
BINDING = b"[binding]\nrecorder_serial=36NCC009910\nuser_no=016042\nsm3=" + b"ab" * 32
MOUNTS = b"36 35 98:0 / /media/a\\040b ro,noatime - vfat /dev/sdb1 rw\n"
INCIDENT = {"id": 7, "segments": [{"filename": "A.MP4", "size_bytes": 12}]}
ANSWER = b'{"ended": "answered"}\n{"container": "mp4", "playable": true, "duration_ms": 9960}'
WIEGAND = wiegand.encode(wiegand.Wiegand26(8, 27_885)).to_bytes(5, "big")
CONFIGURATION = bytes([9, 2, 32, 0, 1, 1, 0, 128, 50, 9, 4, 0, 0, 2, 8, 6, 80, 0])
DESCRIPTORS = bytes([18, 1, 0, 2, 0, 0, 0, 64, 0x55, 0x42, 1, 0, 0, 1, 1, 2, 3, 1]) + CONFIGURATION


# --- dock ---------------------------------------------------------------------------------


def edge_decoders() -> tuple[Decoder, ...]:
    """What comes from cameras, cards, cables and helpers."""
    told = wire.Told(mounted=("/run/a",), unplaced=(), refused=())
    profile = (resources.files("edge.profiles") / "data").iterdir()
    texts = tuple(each.read_bytes() for each in profile if each.name.endswith(".toml"))
    chain = b"ab" * 32 + b"  A.MP4\nMARK 2026-06-19 A.MP4 note\n"
    return (
        Decoder("edge iso", _walk(walk_iso), (), (ISO,)),
        Decoder("edge riff", _walk(walk_riff), (), (RIFF,)),
        Decoder("edge matroska", _walk(walk_matroska), (), (MATROSKA,)),
        Decoder("edge jpeg", lambda raw: _jpeg_size(_reads(raw), len(raw)), (), (JPEG,)),
        Decoder("edge probe's answer", _read_answer, (), (ANSWER,)),
        Decoder("edge profile", _profile, (EdgeError,), texts),
        Decoder("edge names", _names, (), (b"DCIM/DSJ_36NCC009910_016042_20260619_100324.mp4",)),
        Decoder("edge binding", lambda raw: read_binding(raw, b"k"), (CardFileError,), (BINDING,)),
        Decoder("edge chain", _chain, (CardFileError,), (chain,)),
        Decoder("edge incident", _incident, (CardFileError,), (json.dumps(INCIDENT).encode(),)),
        Decoder(
            "edge officer", officer_line, (CardFileError,), (b"014032\r\n", b"\xff\xfe0\x001\x00")
        ),
        Decoder("edge small text", read_text, (CardFileError,), ("执法\n".encode("gb18030"),)),
        Decoder("edge claimed time", _claim, (), (b"2026-06-19T10:03:24.5+08:00", b"0001-01-01")),
        Decoder("edge descriptors", descriptors.parse, (descriptors.Malformed,), (DESCRIPTORS,)),
        Decoder("edge question", wire.question, (), (b'{"verb": "writable", "mount": "/a"}\n',)),
        Decoder("edge reply", wire.reply, (ValueError,), (b'{"ok": false, "code": "x"}\n',)),
        Decoder("edge told", wire.told, (ValueError,), (wire.encode(told),)),
        Decoder("edge mounts", _mounts, (), (MOUNTS,)),
        Decoder("edge wiegand", _wiegand, (FrameError,), (WIEGAND,)),
        *(
            Decoder(f"edge serial {name}", _serial(made), (), (seed * 3,))
            for name, (made, seed) in SERIAL.items()
        ),
    )


def _reads(raw: bytes) -> Read:
    return lambda at, length: raw[at : at + length] if at >= 0 else b""


def _walk(walk: Callable[[Read, int], Structure]) -> Callable[[bytes], object]:
    return lambda raw: walk(_reads(raw), len(raw))


def _profile(raw: bytes) -> object:
    return parse_profile(raw.decode("utf-8", "replace"), "fuzz")


def _names(raw: bytes) -> object:
    return [profile.read_name(raw) for profile in shipped_profiles()]


@cache
def shipped_profiles() -> tuple[Any, ...]:
    return tuple(shipped().values())


def _chain(raw: bytes) -> object:
    manifest = read_manifest(raw)
    return check_chain(manifest.lines, {"A.MP4": bytes(32)})


def _incident(raw: bytes) -> object:
    return incident(raw), incident_files(raw)


def _claim(raw: bytes) -> object:
    claim = read_claim(raw.decode("utf-8", "replace"))
    return None if claim is None else readings(claim, None)


def _mounts(raw: bytes) -> object:
    text = raw.decode("utf-8", "surrogateescape")
    return parse_mounts(text), mounted_parts(text)


def _wiegand(raw: bytes) -> object:
    bits = int.from_bytes(raw[:5], "big")
    card = wiegand.decode(bits)
    assert wiegand.encode(card) == bits
    return card


def _serial(made: Callable[[], Parser[Any]]) -> Callable[[bytes], object]:
    """Fed at once or byte by byte, the same frames come; little is ever held."""

    def feed(raw: bytes) -> object:
        whole, pieces = made(), made()
        frames = whole.feed(raw)
        one_by_one = [frame for at in range(len(raw)) for frame in pieces.feed(raw[at : at + 1])]
        assert frames == one_by_one, (frames, one_by_one)
        assert whole.held < whole.limit
        whole.idle()
        assert not whole.held
        return frames

    return feed


# --- gateway ------------------------------------------------------------------------------


@cache
def _stamped() -> tuple[bytes, bytes, tuple[x509.Certificate, ...]]:
    """A checkpoint, a genuine stamp over it, and the root that vouches for the authority."""
    log, _ = _simulated()
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder) / "tsa")
        stamp = authority.stamp(request_for(log.note()).as_bytes())
        roots = tuple(x509.load_pem_x509_certificates(authority.root.read_bytes()))
    return log.note(), stamp, roots


def gateway_decoders() -> tuple[Decoder, ...]:
    """What authorities, witnesses and auditors send, and what lies in the own store."""
    log, _ = _simulated()
    note, stamp, roots = _stamped()
    notes = vectors("notes")
    witness = NoteKey.parse(notes["witness_vkey"])
    asked = notes["checkpoint"].encode()
    cosigned = notes["cosigned"].encode()[len(asked) :]
    statements = tuple(statement for statement, _ in log.entries)
    bundle = encode_bundle(statements)
    page = {"entries": [{"index": 0, "statement": "AA==", "record": "AA=="}], "next": 1}
    damaged, tile = (GatewayError, ValueError), b"".join(log.leaves())
    return (
        Decoder(
            "gateway stamp", lambda raw: check_stamp(raw, note, roots), (GatewayError,), (stamp,)
        ),
        Decoder(
            "gateway cosignature",
            lambda raw: _line(asked, raw, witness),
            (WitnessAwayError,),
            (cosigned,),
        ),
        Decoder("gateway journal", _batch, (GatewayError,), (_journalled(),)),
        Decoder("gateway bundle", decode_bundle, (ValueError,), (bundle,), _bundle_again),
        Decoder("gateway tile", decode_tile, (ValueError,), (tile,), _joined),
        Decoder("gateway tile's address", _address, damaged, (b"entries/x001/002.p/17",), _written),
        Decoder(
            "gateway page of a log", _page, (VerifierError, ApiError), (json.dumps(page).encode(),)
        ),
    )


def _journalled() -> bytes:
    log, _ = _simulated()
    new = tuple(
        journal.entry_of(statement, record, "test", ()) for statement, record in log.entries
    )
    return journal.encode_batch(journal.Batch(0, datetime(2026, 6, 19, tzinfo=UTC), new))


def _batch(raw: bytes) -> object:
    return journal.decode_batch(0, raw)


def _address(raw: bytes) -> object:
    return TileAddress.parse(raw.decode("utf-8", "replace"))


def _written(value: object) -> bytes:
    return cast("TileAddress", value).key().removeprefix("log/tile/").encode()


def _bundle_again(value: object) -> bytes:
    return encode_bundle(cast("list[bytes]", value))


def _joined(value: object) -> bytes:
    return b"".join(cast("list[bytes]", value))


@cache
def _zipped() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as made:
        for name in ("bagit.txt", "manifest-sha256.txt", "data/trail.json", "data/export.json"):
            made.writestr(zipfile.ZipInfo(name), b"{}")
    return raw.getvalue()


def verifier_decoders() -> tuple[Decoder, ...]:
    """A pack in whatever file."""
    return (
        Decoder("verifier zip", _archive, (VerifierError,), (_zipped(),)),
        Decoder("verifier samples", _seconds, (VerifierError,), (_sampled(), ISO)),
    )


def _sampled() -> bytes:
    """Four samples of 8 bytes in two chunks, a second each, at a place of their own."""
    tables = (
        _box(b"stts", struct.pack(">IIII", 0, 1, 4, 1000)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 2, 1)),
        _box(b"stsz", struct.pack(">IIIIIII", 0, 0, 4, 8, 8, 8, 8)),
        _box(b"stco", struct.pack(">IIII", 0, 2, 16, 32)),
    )
    media = (
        _box(b"mdhd", bytes(12) + struct.pack(">II", 1000, 4000) + bytes(4)),
        _box(b"hdlr", bytes(8) + b"vide" + bytes(13)),
        _box(b"minf", _box(b"stbl", b"".join(tables))),
    )
    track = _box(b"trak", _box(b"mdia", b"".join(media)))
    return _box(b"ftyp", b"") + _box(b"mdat", bytes(32)) + _box(b"moov", track)


def _seconds(raw: bytes) -> object:
    tracks = tables_of(_reads(raw), len(raw))
    span = seconds_in(tracks, 0, len(raw))
    assert span is None or 0 <= span[0] <= span[1]
    return seconds_in(tracks, len(raw) // 2, len(raw) // 2 + 1)


def _archive(raw: bytes) -> object:
    descriptor = os.memfd_create("pack")
    try:
        os.write(descriptor, raw)
        with opened(Path(f"/proc/self/fd/{descriptor}")) as source:
            checked = verify_pack(source, None, Quiet())
    finally:
        os.close(descriptor)
    assert checked.verdict.exit_code, "no random bytes are an intact pack"
    return checked


def _page(raw: bytes) -> object:
    return [_entry(row, at) for at, row in enumerate(_rows(raw, 0))]
