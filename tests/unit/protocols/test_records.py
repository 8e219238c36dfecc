"""Records: strict in form, open in content."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.clock import ClockReading, ClockSource
from protocols.errors import RecordError
from protocols.kinds import (
    BODIES,
    AlarmRaised,
    CameraClaim,
    ClipErased,
    Content,
    FileName,
    Media,
    SessionOpened,
    Tree,
    UnknownBody,
)
from protocols.records import MAX_RECORD, CheckpointRef, decode_record, encode_record

AT = ClockReading(utc="2026-01-02T03:04:05.678Z", source=ClockSource.RTC, boot="b", monotonic_ns=1)
SALT = bytes(16)


def _encode(text: str = "disk full") -> bytes:
    body = AlarmRaised(code="spool-full", text=text)
    return encode_record(body, at=AT, checkpoint=None, salt=SALT)


def _document(**changes: object) -> bytes:
    document = json.loads(_encode()) | changes
    return json.dumps(document).encode()


def test_a_record_reads_back_as_written() -> None:
    ref = CheckpointRef(size=3, root="ab" * 32)
    body = SessionOpened(bay="1", volume="v", profile="p", camera=CameraClaim(serial="文"))
    raw = encode_record(body, at=AT, checkpoint=ref, salt=bytes(range(16)))
    record = decode_record(raw)
    assert (record.raw, record.body, record.at, record.checkpoint) == (raw, body, AT, ref)
    assert record.kind == "session.opened"


def test_the_salt_hides_equal_records_from_their_digests() -> None:
    body = AlarmRaised(code="c", text="t")
    one = encode_record(body, at=AT, checkpoint=None, salt=bytes(16))
    two = encode_record(body, at=AT, checkpoint=None, salt=bytes([1] * 16))
    assert one != two


def test_an_unknown_kind_is_kept_and_shown_as_unknown() -> None:
    record = decode_record(_document(kind="clip.blessed", body={"by": "somebody"}))
    assert record.kind == "clip.blessed"
    assert record.body == UnknownBody(unknown_kind="clip.blessed", fields={"by": "somebody"})


def test_an_unknown_field_of_a_known_kind_is_kept() -> None:
    body = {"code": "c", "text": "t", "lamp": "red"}
    assert decode_record(_document(body=body)).body.model_extra == {"lamp": "red"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "record-json"),
        (b"[]", "record-json"),
        (b"\xff", "record-json"),
        (b"{} {}", "record-json"),
        (b'{"a":1,"a":2}', "record-json"),
        (b'{"a":NaN}', "record-json"),
        (b'{"a":1e999}', "record-json"),
        (b'{"a":1e9}', "record-invalid"),
        (b"[" * 100_000, "record-json"),
        (b'{"a":' + b"9" * 5000 + b"}", "record-json"),
        (b'{"a":"\\ud800"}', "record-json"),
        (b'{"a":["\\u0000"]}', "record-json"),
        (b'{"\\u0000":1}', "record-json"),
        (b'{"a":"\\\\u0000"}', "record-invalid"),
        (b'{"a":["\\\\u0000",1]}', "record-invalid"),
        (b" " * (MAX_RECORD + 1), "record-size"),
        (b"{}", "record-invalid"),
        (b'{"a":' * 32 + b"1" + b"}" * 32, "record-invalid"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "record-json"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "record-json"),
    ],
)
def test_bytes_that_are_no_record_are_refused_with_a_reason(raw: bytes, code: str) -> None:
    with pytest.raises(RecordError) as refused:
        decode_record(raw)
    assert refused.value.code == code
    assert str(refused.value)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"v": 2}, "record-version"),
        ({"v": "1"}, "record-invalid"),
        ({"v": True}, "record-invalid"),
        ({"checkpoint": {"size": "1", "root": "00" * 32}}, "record-invalid"),
        ({"salt": "00"}, "record-invalid"),
        ({"kind": "Clip Sealed"}, "record-invalid"),
        ({"body": {"code": "c"}}, "record-invalid"),
        ({"checkpoint": {"size": -1, "root": "00"}}, "record-invalid"),
        ({"kind": "clip.erased", "body": {"clip": "nonsense"}}, "record-invalid"),
    ],
)
def test_a_record_without_what_its_kind_requires_is_refused(
    changes: dict[str, object], code: str
) -> None:
    with pytest.raises(RecordError) as refused:
        decode_record(_document(**changes))
    assert refused.value.code == code


def test_a_record_over_the_limit_is_never_made() -> None:
    with pytest.raises(RecordError, match="allowed"):
        encode_record(
            UnknownBody(unknown_kind="x", fields={"a": "b" * MAX_RECORD}),
            at=AT,
            checkpoint=None,
            salt=SALT,
        )


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(RecordError, match="16"):
        encode_record(AlarmRaised(code="c", text="t"), at=AT, checkpoint=None, salt=b"short")


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_a_record_error(raw: bytes) -> None:
    with pytest.raises(RecordError):
        decode_record(raw)


@given(st.binary(min_size=1, max_size=255))
def test_any_file_name_survives_a_record(path: bytes) -> None:
    name = FileName.model_validate(FileName.names(path))
    assert (
        FileName.model_validate_json(name.model_dump_json(exclude_none=True)).path_bytes() == path
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"path": "a", "path_b64": "gA=="},
        {"path_b64": "%"},
        {"path_b64": "gB=="},
        {"path_b64": "YQ=="},
    ],
)
def test_a_file_has_exactly_one_readable_name(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="path"):
        FileName.model_validate(fields)


@pytest.mark.parametrize("number", ["27", " 27 ", "2_7", "+27", 27.0, True, -1, 2**63])
def test_a_number_has_one_form(number: object) -> None:
    content = {"size": number, "sha256": "0" * 64, "tree": {"leaves": 1, "root": "0" * 64}}
    with pytest.raises(ValueError, match="size"):
        Content.model_validate(content)


@pytest.mark.parametrize("size", [1048576.0, 1048575, True])
def test_a_leaf_has_one_size(size: object) -> None:
    with pytest.raises(ValueError, match="leaf_size"):
        Tree.model_validate({"leaf_size": size, "leaves": 0, "root": "0" * 64})


@pytest.mark.parametrize("flag", ["off", 0, 1, "true"])
def test_a_flag_is_true_or_false(flag: object) -> None:
    with pytest.raises(ValueError, match="playable"):
        Media.model_validate({"playable": flag})


def test_no_bytes_have_one_digest() -> None:
    nothing = hashlib.sha256().hexdigest()
    tree = {"leaves": 0, "root": nothing}
    assert Content.model_validate({"size": 0, "sha256": nothing, "tree": tree}).size == 0
    for wrong in ({"sha256": "0" * 64}, {"tree": tree | {"root": "0" * 64}}):
        with pytest.raises(ValueError, match="no bytes"):
            Content.model_validate({"size": 0, "sha256": nothing, "tree": tree} | wrong)


def test_leaves_must_fit_the_size() -> None:
    record = json.loads(_encode()) | {"kind": "clip.sealed"}
    content = {"size": 5, "sha256": "0" * 64, "tree": {"leaves": 2, "root": "0" * 64}}
    record["body"] = {
        "content": content,
        "source": {
            "path": "a",
            "name": "a",
            "mtime": "",
            "volume": "",
            "profile": "",
            "camera": {},
        },
        "camera_clock": {"method": "none"},
        "session": "d.0.0",
        "media": {},
    }
    with pytest.raises(RecordError, match="leaves"):
        decode_record(json.dumps(record).encode())
    content["tree"]["leaves"] = 1  # type: ignore[index]  # a literal of mixed values
    assert decode_record(json.dumps(record).encode()).kind == "clip.sealed"


def test_entry_names_in_a_body_are_checked() -> None:
    ClipErased(clip="d.0.1", session="d.0.0", reread_sha256="0" * 64)
    with pytest.raises(ValueError, match="not an entry name"):
        ClipErased(clip="d/0/1", session="d.0.0", reread_sha256="0" * 64)


def test_every_kind_is_listed_under_its_own_name() -> None:
    assert all(name == body.kind for name, body in BODIES.items())
