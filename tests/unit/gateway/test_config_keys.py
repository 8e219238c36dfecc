"""The gateway's key files: made once for trying out, otherwise read and never replaced."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest

import gateway
from gateway.__main__ import main
from gateway.cases.service import NewCase
from gateway.config import Config, describe
from gateway.config import load as configuration
from gateway.errors import KeyAwayError, KeyFileError
from gateway.keys import CHECKPOINT, RECEIPT, STATEMENT, load, load_or_make, refuse_lost
from gateway.services import build
from hashing.keys import Ed25519Signer, Es256Signer, KeyKind
from hashing.receipt import decode_receipt
from tests.simulators.tokens import SoftToken, plugged_in
from tokens import module
from tokens.signer import generate

FILES = (STATEMENT, RECEIPT, CHECKPOINT)


def operators_keys(folder: Path) -> Path:
    folder.mkdir()
    for name, signer in (
        (STATEMENT, Es256Signer.generate()),
        (RECEIPT, Es256Signer.generate()),
        (CHECKPOINT, Ed25519Signer.generate()),
    ):
        (folder / name).write_bytes(signer.pem())
        (folder / name).chmod(0o600)
    return folder


def test_without_keys_development_keys_are_made_and_kept(tmp_path: Path) -> None:
    first = load_or_make(tmp_path / "a" / "keys")
    again = load_or_make(tmp_path / "a" / "keys")
    assert first.development
    assert again.development
    assert first.statement.public == again.statement.public
    assert first.checkpoint.public == again.checkpoint.public


def test_made_keys_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    load_or_make(tmp_path / "keys")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_the_three_keys_are_three_different_keys(tmp_path: Path) -> None:
    keys = load_or_make(tmp_path / "keys")
    kids = {keys.statement.public.kid, keys.receipt.public.kid, keys.checkpoint.public.kid}
    assert len(kids) == 3


def test_the_operators_keys_are_no_development_keys(tmp_path: Path) -> None:
    assert not load_or_make(operators_keys(tmp_path / "keys")).development


@pytest.mark.parametrize("lost", FILES)
def test_a_lost_key_is_refused_and_not_made_anew(tmp_path: Path, lost: str) -> None:
    folder = operators_keys(tmp_path / "keys")
    (folder / lost).unlink()
    with pytest.raises(KeyFileError, match=f"{lost} missing"):
        load_or_make(folder)
    assert not (folder / lost).exists()


@pytest.mark.parametrize("name", FILES)
def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, name: str
) -> None:
    folder = operators_keys(tmp_path / "keys")
    (folder / name).chmod(0o640)
    with pytest.raises(KeyFileError, match=f"chmod 600 .*{name}"):
        load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(100_000)])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    folder = operators_keys(tmp_path / "keys")
    (folder / name).write_bytes(content)
    with pytest.raises(KeyFileError, match=name):
        load(folder)


def test_keys_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    folder = operators_keys(tmp_path / "keys")
    (folder / STATEMENT).write_bytes(Ed25519Signer.generate().pem())
    with pytest.raises(KeyFileError, match="P-256"):
        load(folder)


def test_a_cut_while_making_keys_leaves_no_half_set(tmp_path: Path) -> None:
    half = tmp_path / "keys.new"
    half.mkdir()
    (half / STATEMENT).write_bytes(b"half")
    assert load_or_make(tmp_path / "keys").development
    assert not half.exists()


@pytest.mark.parametrize("left", ["log/checkpoint", "log/journal/00000000000000000000"])
def test_beside_a_log_that_exists_lost_keys_are_not_replaced_by_new_ones(
    tmp_path: Path, left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store/objects/log/journal").mkdir(parents=True)
    (tmp_path / "store/objects" / left).write_bytes(b"a log")
    assert main(["serve", "--data-dir", str(tmp_path)]) == 2
    assert "restore them from their backup. No new ones were made" in capsys.readouterr().err
    assert not (tmp_path / "keys").exists()


def test_keys_that_are_there_are_not_lost(tmp_path: Path) -> None:
    refuse_lost(operators_keys(tmp_path / "keys"))
    with pytest.raises(KeyFileError, match="the keys are gone"):
        refuse_lost(tmp_path / "absent")


def test_in_a_folder_that_the_operator_named_no_keys_are_made(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(f'[keys]\ndir = "{tmp_path}/keys"', encoding="utf-8")
    config = configuration(tmp_path / "gateway.toml", data_dir=tmp_path)
    with pytest.raises(KeyFileError, match=r"statement\.pem: No such file"):
        build(config)
    operators_keys(tmp_path / "keys")
    assert build(config).config == config


def test_keys_that_openssl_makes_as_the_example_says_are_read(tmp_path: Path) -> None:
    example = Path(gateway.__file__).parent / "gateway.example.toml"
    lines = [line for line in example.read_text(encoding="utf-8").splitlines() if "genpkey" in line]
    for line in lines:
        subprocess.run(line.removeprefix("#").split(), cwd=tmp_path, check=True)
    keys = load(tmp_path)
    assert len(lines) == 3
    assert not keys.development


# --- keys in a token ----------------------------------------------------------------------


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    home = tmp_path / "token"
    home.mkdir()
    with plugged_in(home) as plugged:
        yield plugged


def config_with(tmp_path: Path, token: SoftToken, **objects: str) -> Config:
    (tmp_path / "gateway.toml").write_text(
        f'[gateway]\ndata_dir = "{tmp_path}/data"\n[keys]\n'
        + "".join(f'{name} = "{token.uri(f"object={label}")}"\n' for name, label in objects.items())
    )
    return configuration(tmp_path / "gateway.toml")


async def test_a_log_is_founded_and_goes_on_with_all_its_keys_in_a_token(
    tmp_path: Path, token: SoftToken
) -> None:
    for label in ("statement", "receipt"):
        generate(token.key(f"object={label}"))
    generate(token.key("object=checkpoint"), KeyKind.ED25519)
    labels = {name: name for name in ("statement", "receipt", "checkpoint")}
    config = config_with(tmp_path, token, **labels)
    assert "pkcs11:token=dock7" in describe(config)
    for number in (1, 2):
        services = build(config)
        await services.open()
        try:
            await services.cases.open(NewCase(f"c{number}", None, None, None, "Li"))
            assert services.log.checkpoint().size == number + 1
            (receipt,) = await services.log.receipts([number])
            decode_receipt(receipt)
        finally:
            await services.close()
    assert not config.keys_dir.exists()


async def test_while_the_token_is_away_nothing_is_logged_and_afterwards_it_goes_on(
    tmp_path: Path, token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RENEW_S", 0.0)
    generate(token.key("object=statement"))
    config = config_with(tmp_path, token, statement="statement")
    config.gateway.data_dir.mkdir()
    operators_keys(config.keys_dir)
    services = build(config)
    await services.open()
    try:
        token.pull()
        with pytest.raises(KeyAwayError, match="dock7"):
            await services.cases.open(NewCase("c", None, None, None, "Li"))
        assert services.log.checkpoint().size == 1
        token.put_back()
        await services.cases.open(NewCase("c", None, None, None, "Li"))
        assert services.log.checkpoint().size == 2
    finally:
        await services.close()


def test_what_is_no_key_for_its_purpose_is_refused(tmp_path: Path, token: SoftToken) -> None:
    generate(token.key("object=statement"))
    for objects, said in (
        ({"statement": "statement", "receipt": "statement"}, "its own"),
        ({"checkpoint": "statement"}, "not a Ed25519 private key"),
        ({"statement": "none"}, "no such private key"),
    ):
        config = config_with(tmp_path, token, **objects)
        if not config.keys_dir.exists():
            config.gateway.data_dir.mkdir()
            operators_keys(config.keys_dir)
        with pytest.raises(KeyFileError, match=said):
            build(config)
    token.pull()
    module._modules.clear()
    pkcs11.unload(str(token.library))
    with pytest.raises(KeyAwayError):
        build(config_with(tmp_path, token, statement="statement"))
    token.put_back()


def test_an_address_that_is_none_is_named_by_check_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('[keys]\nstatement = "pkcs11:token=a;object=b?pin-value=1"\n')
    assert main(["check-config", "--config", str(config)]) == 2
    assert "keys.statement: " in capsys.readouterr().err
