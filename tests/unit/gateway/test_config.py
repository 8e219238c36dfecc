"""The configuration: defaults that work, and mistakes that are named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from sqlalchemy import make_url

import gateway
from gateway.config import Config, describe, load
from gateway.errors import ConfigError
from gateway.storage.urls import Folder

EXAMPLE = Path(gateway.__file__).parent / "gateway.example.toml"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVIDOCK_GATEWAY_CONFIG", raising=False)


def written(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_an_embedded_gateway_on_loopback_below_one_folder(tmp_path: Path) -> None:
    config = load(data_dir=tmp_path)
    assert config.broker.embedded
    assert config.database_url == f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    assert config.store_at == Folder(tmp_path / "store")
    assert config.keys_dir == tmp_path / "keys"


def test_the_example_file_states_the_defaults() -> None:
    assert load(EXAMPLE) == Config()


def test_the_example_file_shows_every_setting() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section, field in Config.model_fields.items():
        assert f"[{section}]" in text
        model = field.annotation
        assert model is not None
        for name in model.model_fields:
            assert name in text, f"{section}.{name}"


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, '[gateway]\nname = "county"')
    monkeypatch.setenv("EVIDOCK_GATEWAY_CONFIG", str(path))
    assert load().gateway.name == "county"


def test_arguments_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[api]\nport = 1\n[broker]\nport = 2")
    config = load(path, port=8081, mqtt_port=1884, data_dir=tmp_path)
    assert (config.api.port, config.broker.port) == (8081, 1884)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[gateway]\nnam = 'x'", "gateway.nam"),
        ("[gatewy]", "gatewy"),
        ("gateway = 3", "gateway"),
        ("[gateway]\nname = 'Über'", "gateway name"),
        ("[broker]\nport = 70000", "broker.port"),
        ("[broker]\nhost = '0.0.0.0'", "loopback"),
        ("[broker]\nhost = 'mqtt.example'", "loopback"),
        ("[broker.tls]\nca = 'a'\ncert = 'b'\nkey = 'c'", "no TLS"),
        ("[api]\nhost = '192.0.2.1'", "names, cert and key"),
        ("[api]\nhost = ''", "names, cert and key"),
        ("[api]\nhost = '0.0.0.0'\nnames = ['a']", "names, cert and key"),
        ("[api]\ncert = 'a'", "go together"),
        ("[intake]\npart_size = 100000", "power of two"),
        ("[intake]\npart_size = 2097152", "intake.part_size"),
        ("[intake]\nwindow_bytes = 134217728", "worker_bytes"),
        ("[database]\nurl = 'nonsense'", "database URL"),
        ("not toml", "not TOML"),
        ("[api]\nport = true", "api.port"),
        ("[api]\nport = '8080'", "api.port"),
        ("[broker]\nport = 1883.0", "broker.port"),
        ("[broker]\nembedded = 'no'", "broker.embedded"),
        ("[broker]\nembedded = 0", "broker.embedded"),
        ("[gateway]\nlog_json = 'yes'", "gateway.log_json"),
        ("[intake]\npart_size = '262144'", "intake.part_size"),
        ("[intake]\nwindow_messages = true", "intake.window_messages"),
        ("[intake]\nlease_s = true", "intake.lease_s"),
        ("[api]\nport = 1883", r"\[broker\] and \[api\] cannot both"),
        ("[enrolment]\nnames = ['gw']\nport = 8080", r"\[enrolment\] and \[api\] cannot both"),
    ],
)
def test_mistakes_are_refused_and_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(written(tmp_path, text))


def test_an_outside_broker_and_enrolment_without_names_take_no_port(tmp_path: Path) -> None:
    text = "[api]\nport = 1883\n[broker]\nembedded = false\n[enrolment]\nport = 1883"
    assert load(written(tmp_path, text)).api.port == 1883


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load(tmp_path / "absent.toml")


def test_any_folder_name_makes_a_usable_database_url(tmp_path: Path) -> None:
    folder = tmp_path / 'a b"c?d=%41#é'
    assert make_url(load(data_dir=folder).database_url).database == str(folder / "gateway.db")


def test_an_outside_broker_may_be_anywhere_and_have_tls(tmp_path: Path) -> None:
    text = "[broker]\nembedded = false\nhost = 'mqtt.example'\nport = 8883\n"
    text += "[broker.tls]\nca = 'ca.pem'\ncert = 'c.pem'\nkey = 'k.pem'"
    tls = load(written(tmp_path, text)).broker.tls
    assert tls is not None
    assert tls.ca == Path("ca.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_every_loopback_address_will_do(tmp_path: Path, host: str) -> None:
    assert load(written(tmp_path, f"[api]\nhost = '{host}'")).api.host == host


def test_the_description_is_toml_with_every_place_filled_in(tmp_path: Path) -> None:
    text = "[broker]\nembedded = false\n[broker.tls]\nca = 'a'\ncert = 'b'\nkey = 'c'\n"
    text += '[gateway]\ndata_dir = "a\\"b\\\\c"'
    config = load(written(tmp_path, text))
    document = tomllib.loads(describe(config))
    assert document["storage"]["path"] == str(config.store_at)
    assert document["database"]["url"] == config.database_url
    assert document["broker"]["tls"]["ca"] == "a"
    assert document["intake"]["part_size"] == 262144


def test_the_description_leaves_the_database_password_out(tmp_path: Path) -> None:
    url = "postgresql+psycopg://evidock:hunter2@db/evidock"
    text = describe(load(written(tmp_path, f"[database]\nurl = '{url}'")))
    assert "hunter2" not in text
    assert "evidock:***@db" in text


def test_settings_that_are_not_there_may_be_made_empty(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    with pytest.raises(ConfigError, match=r"gateway\.toml: No such file .*make it \(empty"):
        load(path)
    path.touch()
    assert load(path).api.port == 8080
