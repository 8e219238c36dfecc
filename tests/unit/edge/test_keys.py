"""The dock's key file is made once and refused when others can use it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge import keys
from edge.crashpoints import VARIABLE
from edge.errors import KeyFileError
from hashing.keys import Algorithm, Ed25519Signer


def test_a_made_key_can_be_loaded_and_signs_as_itself(tmp_path: Path) -> None:
    made = keys.generate(tmp_path / "key.pem")
    loaded = keys.load(tmp_path / "key.pem")
    assert loaded.public == made.public
    made.public.verify(Algorithm.ES256, b"m", loaded.sign(b"m"))
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    keys.generate(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        keys.generate(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_bytes() == before


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o601])
def test_a_key_others_can_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    keys.generate(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(KeyFileError, match=r"chmod 600 .*key\.pem"):
        keys.load(tmp_path / "key.pem")


def test_a_credential_readable_by_its_group_is_fine(tmp_path: Path) -> None:
    keys.generate(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o440)
    keys.load(tmp_path / "key.pem")


def test_a_missing_key_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="keygen --out"):
        keys.load(tmp_path / "key.pem")


@pytest.mark.parametrize("content", [b"", b"not a key", Ed25519Signer.generate().pem()])
def test_what_is_no_statement_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=str(path)):
        keys.load(path)


def test_a_public_key_in_its_place_is_called_that_whatever_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(keys.generate(tmp_path / "private.pem").public.pem())
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="this is the public key"):
        keys.load(path)


@pytest.mark.parametrize(("point", "made"), [("key.written", False), ("key.linked", True)])
def test_a_power_cut_leaves_no_private_key_about_after_the_next_start(
    tmp_path: Path,
    point: str,
    made: bool,  # noqa: FBT001 -- a table
) -> None:
    key = tmp_path / "statement.pem"
    cut = subprocess.run(
        [sys.executable, "-m", "edge", "keygen", "--out", str(key)],
        env={**os.environ, VARIABLE: point},
        capture_output=True,
        check=False,
    )
    assert cut.returncode == -signal.SIGKILL
    before = key.read_bytes() if made else None
    (left,) = tmp_path.glob(".statement.pem.*.tmp")
    assert b"PRIVATE KEY" in left.read_bytes()
    others = [tmp_path / name for name in (".statement.pem.tmp", ".other.pem.0123456789abcdef.tmp")]
    for other in others:
        other.write_bytes(b"not ours")
    assert keys.sweep(key) == 1
    assert keys.sweep(key) == 0
    assert sorted(tmp_path.iterdir()) == sorted([*others, *([key] if made else [])])
    assert (key.read_bytes() if made else None) == before


def test_what_was_left_in_the_midst_of_writing_goes_too(tmp_path: Path) -> None:
    left = tmp_path / "..statement.pem.0123456789abcdef.tmp.fedcba9876543210.tmp"
    left.write_bytes(b"half a key")
    assert keys.sweep(tmp_path / "statement.pem") == 1
    assert keys.sweep(tmp_path / "gone" / "statement.pem") == 0
