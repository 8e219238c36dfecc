"""Secrets in the database open with the vault's key, and with nothing else."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import KeyFileError
from gateway.vault import NAME, Vault, VaultError


def test_a_sealed_secret_opens_for_its_purpose_after_a_restart(tmp_path: Path) -> None:
    sealed = Vault(tmp_path).seal("second-factor", b"secret")
    assert b"secret" not in sealed
    assert Vault(tmp_path).open("second-factor", sealed) == b"secret"
    with pytest.raises(VaultError):
        Vault(tmp_path).open("webhook", sealed)


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda n: Vault(tmp_path).seal("x", b"%d" % n), range(32)))
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert [Vault(tmp_path).open("x", each) for each in sealed] == [b"%d" % n for n in range(32)]


@pytest.mark.parametrize("at", [0, 1, 12, 13, 20, -1])
def test_what_was_changed_does_not_open(tmp_path: Path, at: int) -> None:
    vault = Vault(tmp_path)
    sealed = bytearray(vault.seal("x", b"secret" * 4))
    sealed[at] ^= 1
    with pytest.raises(VaultError):
        vault.open("x", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(11), b"\x01" + bytes(12)])
def test_what_is_cut_does_not_open(tmp_path: Path, sealed: bytes) -> None:
    vault = Vault(tmp_path)
    vault.seal("x", b"")
    with pytest.raises(VaultError):
        vault.open("x", sealed)


def test_a_lost_key_is_not_made_anew_by_reading(tmp_path: Path) -> None:
    sealed = Vault(tmp_path).seal("x", b"secret")
    (tmp_path / NAME).unlink()
    with pytest.raises(KeyFileError, match=NAME):
        Vault(tmp_path).open("x", sealed)
    assert not (tmp_path / NAME).exists()
    Vault(tmp_path).seal("x", b"another")
    with pytest.raises(VaultError):
        Vault(tmp_path).open("x", sealed)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / NAME).write_bytes(bytes(length))
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(KeyFileError, match="restore"):
        Vault(tmp_path).seal("x", b"secret")


def test_a_key_that_others_read_is_refused(tmp_path: Path) -> None:
    sealed = Vault(tmp_path).seal("x", b"secret")
    (tmp_path / NAME).chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Vault(tmp_path).open("x", sealed)
