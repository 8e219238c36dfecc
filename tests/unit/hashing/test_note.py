import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.errors import DecodeError, HashingError, KeyFormatError, SignatureError
from hashing.errors import UnsupportedError as Unsupported
from hashing.keys import Algorithm, Ed25519Signer, Es256Signer, PublicKey
from hashing.merkle import EMPTY_ROOT, leaf_hash
from hashing.note import (
    MAX_NOTE,
    Checkpoint,
    NoteKey,
    NoteSignature,
    SignatureType,
    SignedNote,
    cosign,
    cosignatures,
    open_checkpoint,
    parse_note,
    sign_checkpoint,
)

LOG = Ed25519Signer.generate()
ORIGIN = "evidock.example/log"
LOG_KEY = NoteKey(ORIGIN, LOG.public, SignatureType.ED25519)
HEAD = Checkpoint(ORIGIN, 7, leaf_hash(b"root"))
NOTE = sign_checkpoint(HEAD, LOG, ORIGIN)
WITNESSES = [Ed25519Signer.generate() for _ in range(3)]
WITNESS_KEYS = [
    NoteKey(f"witness.example/w{number}", signer.public, SignatureType.COSIGNATURE)
    for number, signer in enumerate(WITNESSES)
]

# The example of the Go package golang.org/x/mod/sumdb/note.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)

# A checkpoint that a public log published, with cosignatures of public witnesses.
PUBLIC_NOTE = """\
log2025-1.rekor.sigstore.dev
114068855
uXmV5jkyZgXN2o6QMPYIPpTwzaAdL+3IFw0SMp4JmGI=

— log2025-1.rekor.sigstore.dev zxGZFazjmbNyzy8EePBwh61DpCvLn/pkXQhgwGayQKZeQ7BxDrs3XQPZTCridH/VjPk5eL36dtHVyLyKbtQ08lT51QA=
— witness.navigli.sunlight.geomys.org o+AP4gAAAABqrBYQPMdDRNVwMGPQD9N5E3AIrptPZ6/6OcsZY1+xNfGu0CsxNM0BsXvltbFkMsY/pjOaNT0Oz8ZBHN510YN+vn8lBg==
— witness.stagemole.eu Z/euoAAAAABqrBYQ+q67WRizVAmFq6sUXpfA+eMyO+dQ7i5Ce9WBkqPvq4RZTZLR/sU1hHl/NDSzJ4mLzhmQULr0HdTJoOVl/5BACg==
— staging.witness.transparency.goog/ring-any-bells LhqNyQAAAABqrBYQ3tiCPy63VE7DlWh6263nnhFXaEodX50PL9nB7QQ+3PGAlTajdyo/D+UWY9+pAlJF6PIVmSCYfbo71E6kuj5yAw==
""".encode()  # noqa: E501 -- one line each, as published
PUBLIC_LOG_SPKI = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244="
PUBLIC_WITNESSES = (
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    (
        "staging.witness.transparency.goog/ring-any-bells"
        "+2e1a8dc9+BG5JTpLc3FJtwzgh1Uv+Qelz9qeOH2bfWjS1s0s+y4rL"
    ),
)


def line(key: NoteKey, text: str, signer: Ed25519Signer) -> str:
    return NoteSignature(key.name, key.id, signer.sign(text.encode())).line()


def test_the_published_example_note_verifies_under_its_published_key() -> None:
    key = NoteKey.parse(GO_VKEY)
    note = parse_note(GO_NOTE.encode())

    assert note.text.endswith("problem is.\n")
    assert [signature.id for signature in note.of(key)] == [bytes.fromhex("c74f20a3")]
    key.key.verify(Algorithm.ED25519, note.text.encode(), note.signatures[0].signature)


def test_the_published_example_is_written_byte_for_byte() -> None:
    pkcs8 = bytes.fromhex("302e020100300506032b657004220420") + GO_SEED
    pem = f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(pkcs8).decode()}\n"
    signer = Ed25519Signer.from_pem(pem + "-----END PRIVATE KEY-----\n")
    key = NoteKey("PeterNeumann", signer.public, SignatureType.ED25519)
    text = GO_NOTE.rpartition("\n\n")[0] + "\n"

    assert key.vkey() == GO_VKEY
    assert f"{text}\n{line(key, text, signer)}" == GO_NOTE


def test_a_checkpoint_published_by_a_public_log_and_its_witnesses_verifies() -> None:
    public = PublicKey.from_der(base64.b64decode(PUBLIC_LOG_SPKI))
    key = NoteKey("log2025-1.rekor.sigstore.dev", public, SignatureType.ED25519)
    witnesses = [NoteKey.parse(vkey) for vkey in PUBLIC_WITNESSES]

    head = open_checkpoint(PUBLIC_NOTE, key)
    assert (head.origin, head.size) == ("log2025-1.rekor.sigstore.dev", 114068855)
    assert cosignatures(PUBLIC_NOTE, witnesses) == [
        (witness.name, 1789662736) for witness in witnesses
    ]


def test_a_checkpoint_is_three_readable_lines_and_a_signature() -> None:
    lines = NOTE.decode().split("\n")

    assert lines[:2] == [ORIGIN, "7"]
    assert base64.b64decode(lines[2]) == HEAD.root
    assert lines[3] == ""
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]
    assert open_checkpoint(NOTE, LOG_KEY) == HEAD


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.integers(1, (1 << 63) - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(
        st.text(
            st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=30
        ),
        max_size=3,
    ),
)
def test_any_checkpoint_survives_its_text(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    head = Checkpoint(origin, size, root, tuple(extensions))

    assert Checkpoint.parse(head.text()) == head
    assert open_checkpoint(sign_checkpoint(head, LOG, ORIGIN), LOG_KEY) == head


def test_the_empty_log_has_a_checkpoint_with_the_one_root_it_can_have() -> None:
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)

    assert open_checkpoint(sign_checkpoint(head, LOG, ORIGIN), LOG_KEY) == head
    with pytest.raises(DecodeError, match="empty tree"):
        Checkpoint(ORIGIN, 0, HEAD.root)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("a\nb", 1, bytes(32), ()),
        ("a\x00b", 1, bytes(32), ()),
        (ORIGIN, -1, bytes(32), ()),
        (ORIGIN, 1 << 63, bytes(32), ()),
        (ORIGIN, 1, bytes(31), ()),
        (ORIGIN, 1, bytes(32), ("",)),
        (ORIGIN, 1, bytes(32), ("a\nb",)),
        (ORIGIN, 1, bytes(32), ("half a character: \ud83c",)),
    ],
)
def test_a_checkpoint_no_log_can_have_cannot_be_made(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(DecodeError):
        Checkpoint(origin, size, root, extensions)


def test_every_single_bit_flip_of_a_checkpoint_note_is_refused() -> None:
    for position in range(len(NOTE) * 8):
        flipped = bytearray(NOTE)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(HashingError):
            open_checkpoint(bytes(flipped), LOG_KEY)


@given(st.binary(min_size=1, max_size=200) | st.text(min_size=1, max_size=200).map(str.encode))
def test_random_notes_are_refused_and_never_crash(raw: bytes) -> None:
    with pytest.raises(HashingError):
        open_checkpoint(raw, LOG_KEY)
    with pytest.raises(HashingError):
        open_checkpoint(raw + NOTE, LOG_KEY)
    with contextlib.suppress(HashingError):
        assert open_checkpoint(NOTE + raw, LOG_KEY) == HEAD


def test_lines_by_unknown_keys_are_ignored_even_under_the_same_name_or_id() -> None:
    stranger = Ed25519Signer.generate()
    text = HEAD.text()
    same_name = line(NoteKey(ORIGIN, stranger.public, SignatureType.ED25519), text, stranger)
    same_id = NoteSignature("other", LOG_KEY.id, bytes(64)).line()
    longer = NoteSignature("post-quantum", b"\x00\x01\x02\x03", bytes(2428)).line()

    assert open_checkpoint(NOTE + f"{same_name}{same_id}{longer}".encode(), LOG_KEY) == HEAD


def test_a_second_wrong_signature_by_the_same_key_spoils_the_note() -> None:
    wrong = NoteSignature(ORIGIN, LOG_KEY.id, bytes(64)).line().encode()
    again = line(LOG_KEY, HEAD.text(), LOG).encode()

    assert open_checkpoint(NOTE + again, LOG_KEY) == HEAD
    with pytest.raises(SignatureError):
        open_checkpoint(NOTE + wrong, LOG_KEY)


def test_a_witness_key_opens_no_checkpoint_and_a_log_key_cosigns_none() -> None:
    with pytest.raises(KeyFormatError, match="log's own key"):
        open_checkpoint(NOTE, WITNESS_KEYS[0])
    with pytest.raises(KeyFormatError, match="no witness key"):
        cosignatures(NOTE, [LOG_KEY])


def test_a_signed_text_that_is_no_checkpoint_is_none() -> None:
    text = "hello\nworld\n"

    with pytest.raises(DecodeError, match="three lines"):
        open_checkpoint(f"{text}\n{line(LOG_KEY, text, LOG)}".encode(), LOG_KEY)


def test_witnesses_are_named_with_their_times_in_the_order_asked_for() -> None:
    note = cosign(NOTE, WITNESSES[1], WITNESS_KEYS[1].name, 200)
    note = cosign(note, WITNESSES[0], WITNESS_KEYS[0].name, 100)

    assert cosignatures(note, WITNESS_KEYS) == [
        (WITNESS_KEYS[0].name, 100),
        (WITNESS_KEYS[1].name, 200),
    ]
    assert open_checkpoint(note, LOG_KEY) == HEAD
    assert cosignatures(NOTE, WITNESS_KEYS) == []


def test_a_witness_counts_once_with_its_earliest_time() -> None:
    name = WITNESS_KEYS[0].name
    note = cosign(cosign(NOTE, WITNESSES[0], name, 300), WITNESSES[0], name, 200)

    assert cosignatures(note, [WITNESS_KEYS[0], WITNESS_KEYS[0]]) == [(name, 200)]


def test_one_key_under_two_names_is_one_witness() -> None:
    alias = NoteKey("alias", WITNESSES[0].public, SignatureType.COSIGNATURE)
    note = cosign(cosign(NOTE, WITNESSES[0], "alias", 5), WITNESSES[0], WITNESS_KEYS[0].name, 6)

    assert cosignatures(note, [WITNESS_KEYS[0], alias]) == [(WITNESS_KEYS[0].name, 6)]


@pytest.mark.parametrize(
    "signature",
    [
        bytes(72),
        b"\x00" * 8 + b"\x01" * 64,
        bytes(71),
        b"\xff" * 72,
        b"short",
    ],
)
def test_a_cosignature_that_does_not_verify_counts_for_nothing(signature: bytes) -> None:
    key = WITNESS_KEYS[0]
    forged = NoteSignature(key.name, key.id, signature).line().encode()
    note = cosign(NOTE + forged, WITNESSES[1], WITNESS_KEYS[1].name, 9)

    assert cosignatures(note, WITNESS_KEYS) == [(WITNESS_KEYS[1].name, 9)]


def test_a_cosignature_holds_for_its_own_checkpoint_and_time_alone() -> None:
    key = WITNESS_KEYS[0]
    cosigned = cosign(NOTE, WITNESSES[0], key.name, 100).decode()
    taken = cosigned.rsplit("— ", 1)[1]
    elsewhere = sign_checkpoint(Checkpoint(ORIGIN, 8, HEAD.root), LOG, ORIGIN).decode()
    earlier = NoteSignature(
        key.name,
        key.id,
        (99).to_bytes(8, "big") + parse_note(cosigned.encode()).signatures[1].signature[8:],
    ).line()

    assert cosignatures(f"{elsewhere}— {taken}".encode(), [key]) == []
    assert cosignatures(NOTE + earlier.encode(), [key]) == []


def test_nothing_but_a_checkpoint_is_cosigned() -> None:
    with pytest.raises(DecodeError):
        cosign(GO_NOTE.encode(), WITNESSES[0], "w", 1)
    with pytest.raises(DecodeError):
        cosignatures(GO_NOTE.encode(), [])
    with pytest.raises(DecodeError, match="no time"):
        cosign(NOTE, WITNESSES[0], "w", 1 << 63)
    with pytest.raises(DecodeError, match="no time"):
        cosign(NOTE, WITNESSES[0], "w", -1)


def test_a_note_holds_sixteen_signatures_and_no_more() -> None:
    note = NOTE
    for second in range(15):
        note = cosign(note, WITNESSES[0], "w", second)

    assert len(parse_note(note).signatures) == 16
    with pytest.raises(DecodeError, match="more than 16"):
        cosign(note, WITNESSES[0], "w", 99)


def test_a_note_longer_than_64_kib_is_refused() -> None:
    with pytest.raises(DecodeError, match="at most 65536"):
        parse_note(bytes(MAX_NOTE + 1))
    with pytest.raises(DecodeError, match="not UTF-8"):
        parse_note(b"\xff\n\n")


def test_the_text_of_a_note_may_have_empty_lines() -> None:
    text = "one\n\ntwo\n"
    note = parse_note(f"{text}\n{line(LOG_KEY, text, LOG)}".encode())

    assert note == SignedNote(text, note.signatures)


@pytest.mark.parametrize("key", [LOG_KEY, *WITNESS_KEYS])
def test_a_verifier_key_survives_its_text(key: NoteKey) -> None:
    assert NoteKey.parse(key.vkey()) == key
    assert key.vkey().startswith(f"{key.name}+{key.id.hex()}+")


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "PeterNeumann+c74f20a3+!!!!",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PaulNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
    ],
)
def test_text_that_is_no_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(KeyFormatError):
        NoteKey.parse(vkey)


def test_a_verifier_key_of_another_type_is_refused_as_such() -> None:
    with pytest.raises(Unsupported, match="type 101"):
        NoteKey.parse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


@given(st.text(max_size=60))
def test_random_text_is_no_verifier_key(text: str) -> None:
    for vkey in (text, f"name+00000000+{text}"):
        with pytest.raises(HashingError):
            NoteKey.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x01b"])
def test_a_name_that_would_break_the_line_is_refused(name: str) -> None:
    with pytest.raises(KeyFormatError, match="no name"):
        NoteKey(name, LOG.public, SignatureType.ED25519)


def test_a_p256_key_signs_no_notes() -> None:
    with pytest.raises(KeyFormatError, match="Ed25519"):
        NoteKey("name", Es256Signer.generate().public, SignatureType.ED25519)
