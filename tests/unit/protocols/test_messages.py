"""Messages: what was encoded decodes to the same value; everything else is refused."""

from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import messages as m
from protocols.errors import MessageError

number = st.integers(0, 2**63 - 1)
hashes = st.binary(min_size=32, max_size=32)
wants = st.one_of(
    st.builds(m.LedgerWant, number, number, number),
    st.builds(m.LeavesWant, number, number, number, number),
    st.builds(m.PartWant, number, number, number, number),
)
proved = st.builds(
    m.Proved, st.binary(max_size=300), number, st.lists(hashes, max_size=64).map(tuple)
)


@given(
    st.one_of(
        st.builds(
            m.Pull,
            st.from_regex(r"[a-z0-9][a-z0-9-]{0,30}", fullmatch=True),
            number,
            st.lists(wants, max_size=40).map(tuple),
        ),
        st.builds(m.Nack, wants, st.sampled_from(m.NackReason)),
        st.builds(m.LoggedMessage, st.binary(max_size=500), st.binary(max_size=500), proved),
        st.builds(m.ReceiptMessage, number, number, st.binary(max_size=500), proved),
        st.builds(
            m.ReleaseMessage, number, number, st.binary(max_size=99), st.binary(max_size=99), proved
        ),
        st.builds(
            m.Refusal, number, number, st.text(max_size=20), st.text(), st.sampled_from(m.Retry)
        ),
    )
)
def test_a_cbor_message_reads_back_as_written(
    message: m.Pull | m.Nack | m.LoggedMessage | m.ReceiptMessage | m.ReleaseMessage | m.Refusal,
) -> None:
    assert type(message).decode(message.encode()) == message


def test_json_messages_read_back_as_written() -> None:
    head = m.Head(
        epoch=1,
        seq=2,
        hash="0" * 64,
        accepted=m.Ref(size=3, root="1" * 64),
        unreleased=((1, 0, 2),),
        free_bytes=5,
        nonce=6,
    )
    state = m.State(state="online", version="0.1.0")
    hello = m.Hello(version="0.1.0", part_size=262144, time="2026-01-01T00:00:00.000Z")
    assert m.Head.decode(head.encode()) == head
    assert m.State.decode(state.encode()) == state
    bays = (m.BayState(bay="bay1", phase="copying", camera="T-7", done=1, total=2),)
    standing = state.model_copy(update={"bays": bays})
    assert m.State.decode(standing.encode()) == standing
    assert m.Hello.decode(hello.encode()) == hello


def test_an_empty_ledger_has_a_head_without_seq() -> None:
    head = m.Head(epoch=0, unreleased=(), free_bytes=0)
    assert m.Head.decode(head.encode()).seq is None


@given(st.lists(st.builds(m.Entry, number, number, st.binary(), st.binary()), max_size=64))
def test_a_page_reads_back_as_written(entries: list[m.Entry]) -> None:
    assert m.decode_page(m.encode_page(entries)) == tuple(entries)


JSON_DECODERS: list[Callable[[bytes], object]] = [m.Head.decode, m.State.decode, m.Hello.decode]
CBOR_DECODERS: list[Callable[[bytes], object]] = [
    m.Pull.decode,
    m.decode_page,
    m.Nack.decode,
    m.LoggedMessage.decode,
    m.ReceiptMessage.decode,
    m.ReleaseMessage.decode,
    m.Refusal.decode,
]
CBOR_NAMES = ["pull", "page", "nack", "logged", "receipt", "release", "refusal"]


@pytest.mark.parametrize("decode", JSON_DECODERS, ids=["head", "state", "hello"])
@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b"[" * 60_000, b" " * 70_000])
def test_json_that_is_no_message_is_refused(decode: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(MessageError):
        decode(raw)


@pytest.mark.parametrize("decode", CBOR_DECODERS, ids=CBOR_NAMES)
@given(raw=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_a_message_error(
    decode: Callable[[bytes], object], raw: bytes
) -> None:
    try:
        decode(raw)
    except MessageError:
        return
    assert decode is m.decode_page
    assert raw == b"\x80"


def _pull(**changes: object) -> bytes:
    return cbor2.dumps({"worker": "w", "term": 1, "want": []} | changes)


@pytest.mark.parametrize(
    "raw",
    [
        cbor2.dumps({"worker": "w", "term": 1}),
        cbor2.dumps([1, 2]),
        _pull(extra=1),
        _pull(worker="a/b"),
        _pull(worker=7),
        _pull(term=-1),
        _pull(term=True),
        _pull(term=2**63),
        _pull(term="1"),
        _pull(want=7),
        _pull(want=[["ledger", 0, 0, 0]] * 257),
        _pull(want=[7]),
        _pull(want=[[]]),
        _pull(want=[[7]]),
        _pull(want=[["gold", 1, 2, 3]]),
        _pull(want=[["part", 1, 2, 3]]),
        _pull(want=[["part", 1, 2, 3, "4"]]),
        _pull() + b"\x00",
    ],
)
def test_a_malformed_pull_is_refused(raw: bytes) -> None:
    with pytest.raises(MessageError):
        m.Pull.decode(raw)


@pytest.mark.parametrize(
    ("decode", "value"),
    [
        (m.decode_page, {}),
        (m.decode_page, [[0, 0, b"", b""]] * 65),
        (m.decode_page, [[0, 0, b""]]),
        (m.decode_page, [[0, 0, "", b""]]),
        (m.Nack.decode, [["part", 1, 2, 3, 4], "tired"]),
        (m.Nack.decode, [["part", 1, 2, 3, 4], 5]),
        (m.LoggedMessage.decode, [b"", b"", b"", 0]),
        (m.LoggedMessage.decode, [b"", b"", b"", 0, [b""] * 65]),
        (m.ReceiptMessage.decode, [0, 0, b"", b"", 0]),
        (m.ReceiptMessage.decode, [0, 0, b"", b"", 0, 7]),
        (m.ReceiptMessage.decode, [0, 0, b"", b"", 0, [b""] * 65]),
        (m.ReceiptMessage.decode, [0, 0, b"", b"", 0, ["x"]]),
        (m.ReleaseMessage.decode, [0, 0, b"", b"", b"", 0]),
        (
            m.Refusal.decode,
            {"epoch": 0, "seq": 0, "code": "c", "reason": "r", "retry": "tomorrow"},
        ),
        (m.Refusal.decode, {"epoch": 0, "seq": 0, "code": 1, "reason": "r", "retry": "never"}),
    ],
)
def test_a_malformed_message_is_refused(decode: Callable[[bytes], object], value: object) -> None:
    with pytest.raises(MessageError):
        decode(cbor2.dumps(value))


@pytest.mark.parametrize(
    ("decode", "value"),
    [
        (m.decode_page, [[0, 0, b"", b""]] * 64),
        (m.Nack.decode, [["part", 1, 2, 3, 4], "lost"]),
        (
            m.Pull.decode,
            {"worker": "w", "term": 1, "want": [["part", 1, 2, 3, 4]] * 256},
        ),
        (m.ReceiptMessage.decode, [0, 0, b"", b"", 0, [b""] * 64]),
        (m.ReleaseMessage.decode, [0, 0, b"", b"", b"", 0, [b""] * 64]),
        (m.Refusal.decode, {"epoch": 0, "seq": 0, "code": "c", "reason": "r", "retry": "never"}),
    ],
)
def test_the_fullest_message_is_taken_and_one_value_more_is_not_built(
    decode: Callable[[bytes], object], value: list[object] | dict[str, object]
) -> None:
    decode(cbor2.dumps(value))
    inner = value["want"] if isinstance(value, dict) and "want" in value else value
    if isinstance(inner, dict):
        inner["more"] = 1
    else:
        assert isinstance(inner, list)
        inner.append(0)
    with pytest.raises(MessageError, match=r"more than [0-9]+ values"):
        decode(cbor2.dumps(value))


@pytest.mark.parametrize("decode", CBOR_DECODERS, ids=CBOR_NAMES)
def test_a_message_of_a_million_empty_arrays_is_not_built(
    decode: Callable[[bytes], object],
) -> None:
    with pytest.raises(MessageError, match=r"values|are allowed"):
        decode(b"\x99\xff\xff" + b"\x80" * 0xFFFF)


def test_a_nack_is_small() -> None:
    nack = m.Nack(m.PartWant(*([2**63 - 1] * 4)), m.NackReason.UNKNOWN)
    assert len(nack.encode()) < m.MAX_NACK
    with pytest.raises(MessageError, match="at most 1024"):
        m.Nack.decode(bytes(1025))


def test_a_head_has_seq_and_hash_or_neither() -> None:
    with pytest.raises(MessageError, match="together"):
        m.Head.decode(b'{"epoch":0,"seq":1,"unreleased":[],"free_bytes":0}')


def test_a_long_reason_is_cut_before_it_is_sent() -> None:
    refusal = m.Refusal(0, 0, "c", "r" * 5000, m.Retry.NEVER)
    assert len(m.Refusal.decode(refusal.encode()).reason) == 1000
