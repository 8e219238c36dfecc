"""The configuration file: what is accepted, and that refusals say what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from edge import config, keys
from edge.errors import ConfigError, KeyFileError

MINIMAL = '[dock]\nid = "dock7"\nkey = "dock.key"\ntrust = "trust.json"\n'


def load(tmp_path: Path, text: str) -> config.Config:
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return config.load(path)


def test_the_example_file_is_valid() -> None:
    example = Path(config.__file__).with_name("edge.example.toml")
    loaded = config.load(example)
    assert loaded.cameras.mount_root == Path("/media")


def test_the_example_file_shows_the_defaults(tmp_path: Path) -> None:
    example = config.load(Path(config.__file__).with_name("edge.example.toml"))
    plain = load(tmp_path, MINIMAL)
    for section in ("spool", "uplink", "erase", "probe", "status"):
        assert getattr(example, section) == getattr(plain, section)


def test_every_field_is_described() -> None:
    def undescribed(model: type[BaseModel], where: str) -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found += undescribed(inner, f"{where}{name}.")
            elif not field.description:
                found.append(f"{where}{name}")
        return found

    assert undescribed(config.Config, "") == []
    assert undescribed(config.FolderSection, "folders.") == []
    assert undescribed(config.TlsSection, "tls.") == []


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    text = MINIMAL + '[cameras]\nfolders = [{ path = "inbox" }]\n[status]\nsocket = "s"\n'
    loaded = load(tmp_path, text.replace("[dock]", '[dock]\nstate_dir = "state"'))
    assert loaded.dock.key == tmp_path / "dock.key"
    assert loaded.cameras.folders[0].path == tmp_path / "inbox"
    assert loaded.database == tmp_path / "state" / "ledger.db"
    assert loaded.status_socket == tmp_path / "s"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MINIMAL + "[spool]\nreserve_bm = 1\n", "spool.reserve_bm"),
        (MINIMAL + "[cmaeras]\n", "cmaeras"),
        (MINIMAL.replace("dock7", "Dock 7"), "dock.id"),
        (MINIMAL.replace("dock7", "gateway"), "dock.id"),
        ('[dock]\nid = "dock7"\n', "dock.key"),
        (MINIMAL + "[uplink]\nport = 70000\n", "uplink.port"),
        (MINIMAL + "[cameras]\nscan_s = 0\n", "cameras.scan_s"),
        (MINIMAL + "[uplink]\nmin_backoff_s = 100.0\n", "min_backoff_s"),
        ("[dock", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_what_is_wrong(
    tmp_path: Path, text: str, names: str
) -> None:
    with pytest.raises(ConfigError, match=names):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "wrong",
    [
        *("erase.enabled = 'yes'", "erase.enabled = 1", "erase.enabled = 'false'"),
        *("uplink.port = '1883'", "uplink.port = 1883.0", "uplink.port = true"),
        *("dock.log_json = 'yes'", "cameras.scan_s = '1'", "cameras.scan_s = true"),
        *("spool.reserve_mb = '1'", "cameras.settle_s = '1.0'", "serial.claim_s = '60'"),
        *("probe.cpu_s = '1'", "cameras.ingest_parallel = '2'", "uplink.keepalive_s = 20.0"),
    ],
)
def test_a_switch_or_number_written_as_something_else_is_refused(
    tmp_path: Path, wrong: str
) -> None:
    dotted = MINIMAL.replace("[dock]\n", "dock.").replace("\nkey", "\ndock.key")
    dotted = dotted.replace("\ntrust", "\ndock.trust")
    with pytest.raises(ConfigError, match=wrong.partition(" ")[0]):
        load(tmp_path, f"{dotted}{wrong}\n")


def test_a_whole_number_of_seconds_needs_no_point(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL + "[cameras]\nscan_s = 2\n").cameras.scan_s == 2.0


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ('"inbox"', 'written as { path = "inbox", name = '),
        ('{ path = "a/cam" }, { path = "b/cam" }', "two folders are called cam"),
        ('{ path = "a", name = "b" }, { path = "b" }', "two folders are called b"),
        ('{ path = "a", bay = "1" }, { path = "b", bay = "1" }', "two folders are in bay 1"),
        ('{ path = "a", bay = "b" }, { path = "b" }', "two folders are in bay b"),
    ],
)
def test_folders_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, folders: str, told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"{MINIMAL}[cameras]\nfolders = [{folders}]\n")
    assert told in str(refused.value)


def test_a_missing_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        config.load(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_bytes(b"\xff\xfe[dock]")
    with pytest.raises(ConfigError, match="not TOML"):
        config.load(tmp_path / "edge.toml")


def test_the_key_may_be_a_credential_of_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MINIMAL.replace("dock.key", "${CREDENTIALS_DIRECTORY}/statement.pem")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/evidock-edge.service")
    loaded = load(tmp_path, text)
    assert loaded.dock.key == Path("/run/credentials/evidock-edge.service/statement.pem")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    # Outside the unit everything but the key can be looked at.
    outside = load(tmp_path, text).dock.key
    with pytest.raises(KeyFileError, match="credential of the dock's unit"):
        keys.load(outside)


def test_only_the_beginning_of_a_path_names_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x")
    text = MINIMAL.replace("dock.key", "sub/${CREDENTIALS_DIRECTORY}/k")
    assert load(tmp_path, text).dock.key == tmp_path / "sub/${CREDENTIALS_DIRECTORY}/k"
