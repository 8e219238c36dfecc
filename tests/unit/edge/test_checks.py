"""What `run` and `check-config` look at before anything begins."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge import checks, config, screen
from edge.__main__ import main
from edge.errors import ConfigError, NotAllowed
from edge.schema import open_for_reading
from tests.unit.edge.dockside import open_ledger

DOCK = '[dock]\nid = "dock7"\nstate_dir = "state"\nkey = "dock.key"\ntrust = "trust.json"\n'
TLS = '[uplink.tls]\nca = "ca.pem"\ncert = "dock.pem"\nkey = "tls.key"\n'
NOBODY = 65534
Captured = pytest.CaptureFixture[str]


def loaded(home: Path, text: str) -> config.Config:
    (home / "edge.toml").write_text(DOCK + text)
    return config.load(home / "edge.toml")


def certificate(home: Path) -> None:
    """Write an authority that is its own dock, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dock7")])
    made_at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made_at)
        .not_valid_after(made_at + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    for file in ("ca.pem", "dock.pem"):
        (home / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (home / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@contextlib.contextmanager
def shut(directory: Path) -> Iterator[None]:
    """Meanwhile nothing below a directory can be reached, even by a test run as root."""
    was_root = os.geteuid() == 0
    directory.chmod(0)
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        directory.chmod(0o700)


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_tls_files_that_fit_are_accepted(tmp_path: Path) -> None:
    certificate(tmp_path)
    assert checks.check(loaded(tmp_path, TLS)) == []


@pytest.mark.parametrize(
    ("name", "setting"), [("ca.pem", "ca"), ("dock.pem", "cert"), ("tls.key", "key")]
)
def test_a_tls_file_that_is_missing_or_another_is_named(
    tmp_path: Path, name: str, setting: str
) -> None:
    certificate(tmp_path)
    settings = loaded(tmp_path, TLS)
    (tmp_path / name).write_text("something else")
    with pytest.raises(ConfigError, match=rf"uplink\.tls\..*{setting}.*{name}"):
        checks.check(settings)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError, match=rf"uplink\.tls\.{setting}: .*{name}: No such file"):
        checks.check(settings)


def test_every_tls_file_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    certificate(tmp_path)
    settings = loaded(tmp_path, TLS)
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "tls.key").unlink()
    with pytest.raises(ConfigError, match=r"tls\.ca: .*No such file[^\n]*\n.*tls\.key: .*No such"):
        checks.check(settings)


@pytest.mark.parametrize("command", ["run", "check-config"])
def test_the_commands_end_with_the_code_of_wrong_settings(
    tmp_path: Path, command: str, capsys: Captured
) -> None:
    loaded(tmp_path, TLS)
    assert main([command, "--config", str(tmp_path / "edge.toml")]) == 2
    assert f"{tmp_path}/ca.pem: No such file" in capsys.readouterr().err


def test_a_mount_root_that_is_not_there_is_doubted(tmp_path: Path, capsys: Captured) -> None:
    settings = loaded(tmp_path, '[cameras]\nmount_root = "media"\n')
    (doubt,) = checks.check(settings)
    assert f"there is no directory {tmp_path}/media" in doubt
    assert main(["check-config", "--config", str(tmp_path / "edge.toml")]) == 0
    told = capsys.readouterr()
    assert "warning: cameras.mount_root" in told.err
    assert "warning" not in told.out
    (tmp_path / "media").mkdir()
    assert checks.check(settings) == []


def test_a_folder_camera_that_is_not_there_is_doubted(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[cameras]\nfolders = [{ path = "inbox" }]\n')
    (doubt,) = checks.check(settings)
    assert doubt.startswith(f"cameras.folders: there is no directory {tmp_path}/inbox;")
    (tmp_path / "inbox").mkdir()
    assert checks.check(settings) == []


def test_who_may_not_reach_the_dock_is_told_as_whom_to_ask(home: Path, capsys: Captured) -> None:
    settings = loaded(home, "")
    settings.dock.state_dir.mkdir()
    open_ledger(settings.database).close()
    with shut(settings.dock.state_dir):
        with pytest.raises(
            NotAllowed, match=r"you may not reach .*status\.sock; .*sudo -u evidock"
        ):
            screen.ask(settings.status_socket, {"cmd": "status"})
        with pytest.raises(NotAllowed, match=r"you may not reach .*ledger\.db"):
            open_for_reading(settings.database)
        for command in (["status"], ["clear-alarm", "spool-full"]):
            assert main([*command, "--config", str(home / "edge.toml")]) == 1
            assert "you may not reach" in capsys.readouterr().err
    with shut(home):
        assert main(["status", "--config", str(home / "edge.toml")]) == 2
        assert "you may not reach" in capsys.readouterr().err


def test_a_ledger_this_user_may_not_read_is_not_called_missing(home: Path) -> None:
    settings = loaded(home, "")
    settings.dock.state_dir.mkdir()
    open_ledger(settings.database).close()
    settings.dock.state_dir.chmod(0o755)
    (home / "shut").mkdir()
    settings.database.chmod(0)
    with shut(home / "shut"), pytest.raises(NotAllowed, match="you may not reach"):
        open_for_reading(settings.database)


def test_a_socket_nobody_serves_is_no_answer(tmp_path: Path) -> None:
    assert screen.ask(tmp_path / "status.sock", {"cmd": "status"}) is None


def test_a_list_of_cameras_that_is_broken_is_refused_before_anything_begins(
    tmp_path: Path,
) -> None:
    listed = loaded(tmp_path, '[cameras]\nregistry = "cameras.toml"\nunknown = "refuse"\n')
    assert listed.cameras.registry == tmp_path / "cameras.toml"
    with pytest.raises(ConfigError, match="No such file"):
        checks.check(listed)
    (tmp_path / "cameras.toml").write_text('[[camera]]\nstate = "lost"\n')
    with pytest.raises(ConfigError, match="serial or a volume"):
        checks.check(listed)
    (tmp_path / "cameras.toml").write_text('[[camera]]\nserial = "A1"\n')
    assert checks.check(listed) == []
    with pytest.raises(ConfigError, match="unknown needs a registry"):
        loaded(tmp_path, '[cameras]\nunknown = "refuse"\n')
