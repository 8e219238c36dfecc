"""The dock's settings and commands take a key in a token where they take a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import config as configuration
from edge import keys
from edge.__main__ import main
from edge.errors import KeyFileError, PinRefused, TokenAway
from hashing.keys import KeyKind, PublicKey
from tests.simulators.tokens import SoftToken, plugged_in
from tokens import module
from tokens.signer import generate
from tokens.uri import TokenKey


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    with plugged_in(tmp_path) as plugged:
        yield plugged


def config_of(tmp_path: Path, key: str) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f'[dock]\nid = "dock7"\nstate_dir = "state"\nkey = "{key}"\ntrust = "trust.json"\n'
    )
    return path


def test_keygen_makes_a_key_in_the_token_and_prints_its_public_half(
    token: SoftToken, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keygen", "--out", token.uri()]) == 0
    printed = PublicKey.from_pem(capsys.readouterr().out)
    assert keys.load(token.key()).public == printed
    assert main(["keygen", "--out", token.uri()]) == 1
    assert "never replaced" in capsys.readouterr().err


def test_a_key_is_made_once_and_then_found(token: SoftToken) -> None:
    made = keys.load_or_make(token.key())
    assert keys.load_or_make(token.key()).public == made.public


def test_what_a_token_says_is_a_typed_error_of_the_docks(token: SoftToken) -> None:
    generate(token.key("object=ed"), KeyKind.ED25519)
    with pytest.raises(KeyFileError, match="P-256"):
        keys.load(token.key("object=ed"))
    with pytest.raises(TokenAway, match="put it in"):
        keys.load(TokenKey.parse(token.uri().replace("dock7", "other")))
    module.module(token.library).renew()
    token.write_pin("0000")
    with pytest.raises(PinRefused):
        keys.load_or_make(token.key())


def test_settings_hold_an_address_and_print_it_without_a_pin(
    token: SoftToken, tmp_path: Path
) -> None:
    config = configuration.load(config_of(tmp_path, token.uri()))
    assert config.dock.key == token.key()
    text = configuration.describe(config)
    assert token.uri() in text
    assert "4711" not in text
    # A card must not be able to pass the PIN's file off as a recording.
    assert config.own.conflict(token.pin.parent) is not None


def test_a_pin_may_be_a_credential_of_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = "pkcs11:token=a;object=b?module-path=/p11.so&pin-source=${CREDENTIALS_DIRECTORY}/pin"
    outside = configuration.load(config_of(tmp_path, uri)).dock.key
    assert keys.is_units_own(outside)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/evidock-edge.service")
    inside = configuration.load(config_of(tmp_path, uri)).dock.key
    assert configuration.key_file(inside) == Path("/run/credentials/evidock-edge.service/pin")
    assert not keys.is_units_own(inside)


def test_an_address_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config_of(tmp_path, "pkcs11:token=a;object=b?module-path=/x&pin-value=123987")
    assert main(["check-config", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert "dock.key: " in said
    assert "pin-source=FILE" in said
