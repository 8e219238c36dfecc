"""A key in a token signs like one in a file, stays inside, and survives being pulled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pkcs11
import pytest
from pkcs11.constants import Attribute, ObjectClass, TokenFlag
from pkcs11.mechanisms import Mechanism

from hashing.errors import SigningError
from hashing.keys import Algorithm, KeyKind, low_s
from tests.simulators.tokens import SoftToken, plugged_in
from tokens import module
from tokens.errors import (
    NoSuchKeyError,
    PinRefusedError,
    TokenAwayError,
    TokenError,
    TokenSetupError,
)
from tokens.signer import TokenSigner, generate
from tokens.uri import TokenKey


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftToken]:
    monkeypatch.setattr(module, "_RENEW_S", 0.0)
    with plugged_in(tmp_path) as plugged:
        yield plugged


def object_of(token: SoftToken, kind: ObjectClass, label: str = "statement") -> Any:  # noqa: ANN401 -- the wrapper's own
    (found,) = token.session().get_objects({Attribute.CLASS: kind, Attribute.LABEL: label})
    return found


@pytest.mark.parametrize(
    ("kind", "algorithm"), [(KeyKind.P256, Algorithm.ES256), (KeyKind.ED25519, Algorithm.EDDSA)]
)
def test_a_made_key_signs_and_is_found_again(
    token: SoftToken, kind: KeyKind, algorithm: Algorithm
) -> None:
    made = generate(token.key(), kind)
    found = TokenSigner.open(token.key())
    assert found.public == made.public
    assert found.algorithm is algorithm
    for n in range(20):
        message = bytes([n])
        signature = found.sign(message)
        found.public.verify(algorithm, message, signature)
        assert kind is KeyKind.ED25519 or low_s(signature) == signature


def test_a_made_key_cannot_leave_its_token(token: SoftToken) -> None:
    generate(token.key())
    private = object_of(token, ObjectClass.PRIVATE_KEY)
    assert private[Attribute.SENSITIVE]
    assert private[Attribute.NEVER_EXTRACTABLE]
    assert private[Attribute.PRIVATE]
    assert not private[Attribute.DECRYPT]
    assert not private[Attribute.DERIVE]
    with pytest.raises(pkcs11.AttributeSensitive):
        private[Attribute.VALUE]


def test_a_key_is_never_replaced(token: SoftToken) -> None:
    before = generate(token.key()).public
    with pytest.raises(TokenSetupError, match="never replaced"):
        generate(token.key())
    assert TokenSigner.open(token.key()).public == before


def test_a_key_that_the_token_would_let_out_is_not_kept(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tokens.keys._stays_inside", lambda _: False)
        with pytest.raises(TokenSetupError, match="let the key out"):
            generate(token.key())
    # Neither half is in the way of one that stays inside.
    generate(token.key())


def test_a_key_is_found_by_its_id(token: SoftToken) -> None:
    made = generate(token.key("object=statement;id=%07"))
    assert TokenSigner.open(token.key("id=%07")).public == made.public
    with pytest.raises(NoSuchKeyError, match="no such private key"):
        TokenSigner.open(token.key("id=%08"))


def test_two_keys_of_one_name_are_not_chosen_between(token: SoftToken) -> None:
    generate(token.key("object=statement;id=%01"))
    generate(token.key("object=statement;id=%02"))
    with pytest.raises(TokenSetupError, match="add id="):
        TokenSigner.open(token.key())


def test_two_tokens_of_one_name_are_not_chosen_between(token: SoftToken) -> None:
    token.add("dock7")
    with pytest.raises(TokenSetupError, match="add serial="):
        TokenSigner.open(token.key())


def test_a_token_is_told_by_its_serial(token: SoftToken) -> None:
    made = generate(token.key())
    serial = token.session().token.serial.decode()
    key = TokenKey.parse(token.uri().replace("token=dock7", f"serial={serial}"))
    assert TokenSigner.open(key).public == made.public


def test_without_a_public_key_beside_it_a_key_is_not_used(token: SoftToken) -> None:
    generate(token.key())
    object_of(token, ObjectClass.PUBLIC_KEY).destroy()
    with pytest.raises(TokenSetupError, match="neither its public key nor a certificate"):
        TokenSigner.open(token.key())


# --- pulled, put back, another one --------------------------------------------------------


def test_a_pulled_token_is_a_typed_error_and_goes_on_when_it_is_back(token: SoftToken) -> None:
    signer = generate(token.key())
    token.pull()
    for _ in range(3):
        with pytest.raises(SigningError, match="dock7"):
            signer.sign(b"m")
    assert signer.problem
    assert signer.public.kid
    token.put_back()
    signer.public.verify(Algorithm.ES256, b"m", signer.sign(b"m"))
    assert not signer.problem


def test_while_a_token_is_away_the_library_is_begun_anew_at_leisure(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = generate(token.key())
    monkeypatch.setattr(module, "_RENEW_S", 60.0)
    generations = []
    token.pull()
    for _ in range(5):
        with pytest.raises(SigningError):
            signer.sign(b"m")
        generations.append(module.module(token.library).generation)
    assert len(set(generations)) <= 2


def test_an_absent_token_is_told_from_a_wrong_name(token: SoftToken) -> None:
    generate(token.key())
    with pytest.raises(TokenAwayError, match="not there"):
        TokenSigner.open(TokenKey.parse(token.uri().replace("dock7", "dock8")))
    with pytest.raises(TokenSetupError, match="no library"):
        TokenSigner.open(TokenKey.parse(token.uri().replace(".so", ".none.so")))


def test_a_token_of_the_same_name_with_another_key_does_not_go_on(token: SoftToken) -> None:
    signer = generate(token.key())
    token.pull()
    token.folder.mkdir()
    token.add("dock7")
    module.module(token.library).renew()
    generate(token.key())
    with pytest.raises(SigningError, match="another key than before"):
        signer.sign(b"m")


def test_keys_of_one_library_do_not_cost_each_other_their_sessions(token: SoftToken) -> None:
    one, two = generate(token.key()), generate(token.key("object=receipt"))
    module.module(token.library).renew()
    for signer in (one, two, one):
        signer.public.verify(Algorithm.ES256, b"m", signer.sign(b"m"))


def test_threads_share_a_key(token: SoftToken) -> None:
    signers = [generate(token.key()), generate(token.key("object=receipt"))]

    def many(n: int) -> None:
        signer = signers[n % 2]
        for i in range(50):
            message = f"{n}.{i}".encode()
            signer.public.verify(Algorithm.ES256, message, signer.sign(message))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(many, range(8)))


# --- faults of a token --------------------------------------------------------------------


class Faulty:
    """A key whose token computes wrongly."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def sign(self, _digest: bytes, **_how: object) -> bytes:
        return self._answer


@pytest.mark.parametrize("answer", [bytes(64), b"", b"\xff" * 64, bytes(63)])
def test_a_signature_that_does_not_verify_is_not_given_out(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    signer = generate(token.key())
    monkeypatch.setattr(signer, "_found", lambda: Faulty(answer))
    with pytest.raises(SigningError, match="does not verify"):
        signer.sign(b"m")


def test_one_wrong_signature_is_asked_for_again(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = generate(token.key())
    good, faulty = signer._found, [Faulty(bytes(64))]
    monkeypatch.setattr(signer, "_found", lambda: faulty.pop() if faulty else good())
    signer.public.verify(Algorithm.ES256, b"m", signer.sign(b"m"))


def test_a_high_s_is_brought_low(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = generate(token.key())
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    low = signer.sign(b"m")
    high = low[:32] + (order - int.from_bytes(low[32:], "big")).to_bytes(32, "big")
    monkeypatch.setattr(signer, "_found", lambda: Faulty(high))
    assert signer.sign(b"m") == low


# --- the PIN ------------------------------------------------------------------------------


def test_a_wrong_pin_is_tried_once(token: SoftToken) -> None:
    generate(token.key())
    module.module(token.library).renew()
    token.write_pin("0000")
    with pytest.raises(PinRefusedError, match="not tried again") as first:
        TokenSigner.open(token.key())
    assert isinstance(first.value.__cause__, pkcs11.PinIncorrect)
    with pytest.raises(PinRefusedError) as again:
        TokenSigner.open(token.key())
    assert again.value.__cause__ is None
    token.write_pin("4711")
    TokenSigner.open(token.key())


@pytest.mark.parametrize(
    ("flags", "said"),
    [(TokenFlag.USER_PIN_FINAL_TRY, "one more"), (TokenFlag.USER_PIN_LOCKED, "locked")],
)
def test_a_token_about_to_lock_itself_is_left_alone(flags: TokenFlag, said: str) -> None:
    stub: Any = SimpleNamespace(flags=flags | TokenFlag.TOKEN_INITIALIZED)
    with pytest.raises(PinRefusedError, match=said):
        module.may_log_in(stub, refused=False)


def test_without_a_pin_the_key_is_not_seen_and_the_remedy_named(token: SoftToken) -> None:
    generate(token.key())
    module.module(token.library).renew()
    with pytest.raises(NoSuchKeyError, match="pin-source=FILE"):
        TokenSigner.open(token.key(pin=False))


@pytest.mark.parametrize("content", [b"", b"\n", b"12\n34", b"\xff\xfe", b"1" * 2000])
def test_a_file_that_holds_no_pin_is_refused_without_quoting_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "pin"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(TokenSetupError, match="holds no PIN") as refused:
        module.read_pin(path)
    assert "12" not in str(refused.value).replace(str(path), "")


def test_a_pin_file_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text("1234\n")
    path.chmod(0o644)
    with pytest.raises(TokenSetupError, match="chmod 600"):
        module.read_pin(path)
    with pytest.raises(TokenSetupError, match="No such file"):
        module.read_pin(tmp_path / "none")
    with pytest.raises(TokenSetupError, match="directory"):
        module.read_pin(tmp_path)


def test_no_library_is_one_that_is_no_pkcs11(token: SoftToken) -> None:
    for path in (token.conf, Path("/nonexistent/p11.so")):
        key = TokenKey.parse(f"pkcs11:token=a;object=b?module-path={path}")
        with pytest.raises(TokenSetupError, match="module-path"):
            TokenSigner.open(key)


def test_the_digest_that_is_signed_is_of_the_message(token: SoftToken) -> None:
    signer = generate(token.key())
    seen: list[bytes] = []
    key = signer._found()

    class Recording:
        def sign(self, digest: bytes, mechanism: Mechanism) -> bytes:
            seen.append(digest)
            return key.sign(digest, mechanism=mechanism)

    signer._found = Recording  # type: ignore[assignment,method-assign]
    signer.sign(b"message")
    assert seen == [hashlib.sha256(b"message").digest()]


def test_every_error_is_of_one_tree() -> None:
    for each in (NoSuchKeyError, PinRefusedError, TokenAwayError, TokenSetupError):
        assert issubclass(each, TokenError)
