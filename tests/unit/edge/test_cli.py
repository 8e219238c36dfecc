"""The commands of a dock as an operator runs them, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import edge
from edge import keys
from edge.__main__ import main
from edge.verify import outcome_of
from hashing.keys import PublicKey
from hashing.verdict import Outcome
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import SIGNER, camera_opened, draft_of, open_ledger

ALTERED = (
    "UPDATE entries SET record = CAST(replace(CAST(record AS TEXT), 'clip', 'Clip') AS BLOB)"
    " WHERE seq = 1"
)
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        '[dock]\nid = "dock7"\nstate_dir = "state"\nkey = "dock.key"\ntrust = "trust.json"\n'
    )
    (tmp_path / "state").mkdir()
    return path


@pytest.fixture
def database(config: Path) -> Path:
    path = config.parent / "state" / "ledger.db"
    ledger = open_ledger(path)
    session = ledger.open_session(camera_opened())
    for name in (b"1", b"2", b"3"):
        ledger.seal_clip(draft_of(session, name, path=name))
    ledger.close()
    (config.parent / "public.pem").write_text(SIGNER.public.pem())
    return path


def verify(database: Path, *options: str) -> int:
    key = database.parent.parent / "public.pem"
    return main(["verify-ledger", "--db", str(database), "--public-key", str(key), *options])


def alter(database: Path, statement: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.executescript(statement)
    connection.close()


def test_check_config_prints_every_default(config: Path, capsys: Captured) -> None:
    assert main(["check-config", "--config", str(config)]) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert shown["spool"]["reserve_mb"] == 512
    assert shown["dock"]["state_dir"] == str(config.parent / "state")


def test_check_config_names_what_is_wrong(config: Path, capsys: Captured) -> None:
    config.write_text(config.read_text() + "[spool]\nresreve_mb = 1\n")
    assert main(["check-config", "--config", str(config)]) == 2
    assert "spool.resreve_mb: unknown setting; did you mean reserve_mb?" in capsys.readouterr().err


def test_keygen_writes_a_private_file_and_prints_the_public_key(
    tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "dock.key"
    assert main(["keygen", "--out", str(out)]) == 0
    assert PublicKey.from_pem(capsys.readouterr().out).kid
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert main(["keygen", "--out", str(out)]) == 1
    assert "never overwritten" in capsys.readouterr().err


def test_a_whole_ledger_is_intact(database: Path, capsys: Captured) -> None:
    assert verify(database) == 0
    assert capsys.readouterr().out.startswith("intact: 4 entries, 4 signatures, 3 clips; head 0:3:")


def test_a_missing_entry_is_a_gap_and_named(database: Path, capsys: Captured) -> None:
    alter(database, "DELETE FROM clips WHERE seq = 2; DELETE FROM entries WHERE seq = 2")
    assert verify(database) == Outcome.INCOMPLETE.exit_code
    assert capsys.readouterr().out.startswith("incomplete: gap at epoch 0 seq 2")


def test_an_altered_record_is_altered_and_named(database: Path, capsys: Captured) -> None:
    alter(database, ALTERED)
    assert verify(database) == Outcome.ALTERED.exit_code
    assert "dock7.0.1" in capsys.readouterr().out


def test_a_cut_tail_shows_against_a_head_known_from_elsewhere(
    database: Path, capsys: Captured
) -> None:
    verify(database)
    head = capsys.readouterr().out.strip().rpartition(" ")[2]
    alter(database, "DELETE FROM clips WHERE seq = 3; DELETE FROM entries WHERE seq = 3")
    assert verify(database) == 0
    assert verify(database, "--expect-head", head) == Outcome.INCOMPLETE.exit_code
    assert "cut at epoch 0 seq 3" in capsys.readouterr().out


def test_a_ledger_under_another_key_is_unknown(database: Path, config: Path) -> None:
    other = config.parent / "other.key"
    main(["keygen", "--out", str(other)])
    (config.parent / "public.pem").write_text(
        subprocess.run(
            ["openssl", "pkey", "-in", str(other), "-pubout"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert verify(database) == Outcome.UNKNOWN_KEY.exit_code


def test_verify_ledger_takes_everything_from_the_configuration(
    config: Path, database: Path
) -> None:
    key = config.parent / "dock.key"
    key.write_bytes(SIGNER.pem())
    key.chmod(0o600)
    assert database.exists()
    assert main(["verify-ledger", "--config", str(config)]) == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--db", "x"],
        ["--db", "x", "--public-key", "/nowhere.pem"],
        ["--db", "x", "--public-key", "/dev/null"],
    ],
)
def test_verify_ledger_without_enough_to_go_by_is_a_usage_error(options: list[str]) -> None:
    assert main(["verify-ledger", *options]) == 2


def test_a_ledger_far_from_its_dock_needs_the_public_key_and_that_is_said(
    database: Path, capsys: Captured
) -> None:
    assert main(["verify-ledger", "--db", str(database)]) == 2
    assert "--public-key" in capsys.readouterr().err


def test_a_private_key_in_place_of_the_public_one_is_named(
    database: Path, tmp_path: Path, capsys: Captured
) -> None:
    keys.generate(path := tmp_path / "private.pem")
    assert main(["verify-ledger", "--db", str(database), "--public-key", str(path)]) == 2
    assert f"{path} is a private key" in capsys.readouterr().err


def test_a_head_of_another_form_is_a_usage_error(database: Path) -> None:
    assert verify(database, "--expect-head", "7") == 2


def test_a_ledger_that_is_not_there_is_no_verdict(database: Path, capsys: Captured) -> None:
    assert verify(database.with_name("other.db")) == 1
    assert "there is no ledger" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"[dock]\n", b"x" * 10_000])
def test_a_file_that_is_no_ledger_is_a_usage_error_and_not_altered(
    database: Path, content: bytes, capsys: Captured
) -> None:
    database.write_bytes(content)
    assert verify(database) == 2
    assert "is not a ledger" in capsys.readouterr().err


def test_a_database_damaged_behind_its_beginning_is_altered(database: Path) -> None:
    raw = bytearray(database.read_bytes())
    raw[100:] = os.urandom(len(raw) - 100)
    database.write_bytes(raw)
    assert verify(database) == Outcome.ALTERED.exit_code


def test_status_without_a_daemon_comes_from_the_ledger(
    config: Path, database: Path, capsys: Captured
) -> None:
    assert database.exists()
    assert main(["status", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "waiting for release: 3 clips" in out
    assert "daemon is not running" in out
    assert main(["status", "--json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)["clips"]["sealed"] == 3


def test_status_of_a_dock_that_never_ran_says_so(config: Path, capsys: Captured) -> None:
    assert main(["status", "--config", str(config)]) == 1
    assert "there is no ledger" in capsys.readouterr().err


def test_an_alarm_cannot_be_cleared_without_a_daemon(config: Path, capsys: Captured) -> None:
    assert main(["clear-alarm", "--config", str(config), "spool-full"]) == 1
    assert "no dock answers at" in (said := capsys.readouterr().err)
    assert "systemctl status evidock-edge" in said


def test_run_without_a_trust_file_says_where_it_comes_from(config: Path, capsys: Captured) -> None:
    assert main(["run", "--config", str(config)]) == 2
    assert "when the dock is enrolled" in capsys.readouterr().err


def test_run_with_a_key_others_may_read_says_how_to_mend_it(config: Path, capsys: Captured) -> None:
    (config.parent / "trust.json").write_text(SimulatedLog().anchors.to_json())
    key = config.parent / "dock.key"
    key.write_bytes(SIGNER.pem())
    key.chmod(0o644)
    assert main(["run", "--config", str(config)]) == 2
    assert "chmod 600" in capsys.readouterr().err


def test_run_without_a_key_ends_with_the_code_of_wrong_settings(
    config: Path, capsys: Captured
) -> None:
    (config.parent / "trust.json").write_text(SimulatedLog().anchors.to_json())
    assert main(["run", "--config", str(config)]) == 2
    assert "keygen --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [["run"], ["status"], ["clear-alarm", "x"], ["check-config"], ["accept-spool"]],
)
def test_every_command_knows_where_the_settings_are(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    place = tmp_path / "etc" / "edge.toml"
    monkeypatch.setattr("edge.config.DEFAULT", place)
    assert main(command) == 2
    assert f"{place}: No such file or directory; name the dock's" in capsys.readouterr().err


def test_an_error_of_the_system_that_nobody_thought_of_is_one_line(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fails(_: object) -> str:
        raise OSError(5, "Input/output error", "/somewhere")

    monkeypatch.setattr("edge.config.describe", fails)
    assert main(["check-config", "--config", str(config)]) == 1
    told = "evidock-edge: [Errno 5] Input/output error: '/somewhere'\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("gap at epoch 0 seq 2: ...", Outcome.INCOMPLETE),
        ("cut at epoch 0 seq 2: ...", Outcome.INCOMPLETE),
        ("fork at epoch 0 seq 2: ...", Outcome.ALTERED),
        ("edit at epoch 0 seq 2: ...", Outcome.ALTERED),
        ("entry dock7.0.1: signed under key 00, not under 11", Outcome.UNKNOWN_KEY),
        ("entry dock7.0.1: signature does not verify under this key", Outcome.ALTERED),
        ("the database is damaged: ...", Outcome.ALTERED),
    ],
)
def test_every_break_has_its_verdict(reason: str, outcome: Outcome) -> None:
    assert outcome_of(reason) is outcome


async def test_a_daemon_starts_without_a_broker_and_ends_when_told(tmp_path: Path) -> None:
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    async with daemon.running():
        second = await asyncio.to_thread(daemon.cli, "run")
        assert second.returncode == 2
        assert "another evidock-edge works on" in second.stderr
        status = daemon.cli("status")
        assert "no camera is docked" not in status.stdout
        assert "bay 1: nothing on the card" in status.stdout
        assert daemon.end() == 0
    assert daemon.cli("verify-ledger").returncode == 0


async def test_a_damaged_ledger_stops_the_dock_and_names_the_break(tmp_path: Path) -> None:
    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    (daemon.folder / "a.mp4").write_bytes(b"a")
    async with daemon.running():
        await daemon.until(lambda s: s["clips"]["sealed"] == 1)
        daemon.end()
    alter(daemon.database, "UPDATE entries SET subject = 'x' WHERE seq = 1")
    daemon.start()
    assert daemon.process is not None
    assert daemon.process.wait(30) == 1
    assert "dock7.0.1" in daemon.tail()


async def test_the_init_system_is_told_when_the_dock_is_ready(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415  # beside its only use

    daemon = EdgeDaemon(tmp_path / "dock", SimulatedLog().anchors, port=free_port())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as init:
        init.bind(str(tmp_path / "notify"))
        init.settimeout(30)
        async with daemon.running(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000"):
            heard = {init.recv(100) for _ in range(3)}
            assert {b"READY=1", b"WATCHDOG=1"} <= heard
            daemon.end()
            while init.recv(100) != b"STOPPING=1":
                pass
    assert os.environ.get("NOTIFY_SOCKET") is None


def test_a_start_without_the_spools_disk_names_the_command_that_gives_it_up(
    config: Path, database: Path, capsys: Captured
) -> None:
    (config.parent / "dock.key").write_bytes(SIGNER.pem())
    (config.parent / "dock.key").chmod(0o600)
    (config.parent / "trust.json").write_text(SimulatedLog().anchors.to_json())
    assert main(["run", "--config", str(config)]) == 1
    assert "evidock-edge accept-spool" in capsys.readouterr().err
    assert main(["accept-spool", "--config", str(config)]) == 0
    assert "states 3 clips as lost" in capsys.readouterr().out
    assert database.exists()


def test_a_lost_ledger_is_begun_anew_in_the_epoch_that_was_approved(
    config: Path, capsys: Captured
) -> None:
    assert main(["keygen", "--out", str(config.parent / "dock.key")]) == 0
    again = ["reopen-ledger", "1", "--approval", "17", "--config", str(config)]
    assert main(again) == 0
    assert "goes on as dock7.1.0" in capsys.readouterr().out
    assert main(again) == 1
    assert "epoch 1 is not beyond epoch 1" in capsys.readouterr().err


def test_a_quiet_check_says_only_what_is_wrong_and_no_check_says_a_password(
    config: Path, capsys: Captured
) -> None:
    with config.open("a") as file:
        file.write(
            '[[serial.control]]\npath = "/dev/serial/by-path/x"\nbay = "1"\n'
            'zone = "Asia/Shanghai"\npassword = "hunter2"\n'
        )
    assert main(["check-config", "--config", str(config)]) == 0
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    assert "Asia/Shanghai" in told.out
    assert main(["check-config", "--quiet", "--config", str(config)]) == 0
    assert capsys.readouterr().out == ""
    with config.open("a") as file:
        file.write("speed = 7\n")
    assert main(["check-config", "--quiet", "--config", str(config)]) == 2
    assert "speed" in capsys.readouterr().err


def test_the_unit_checks_quietly() -> None:
    unit = (Path(edge.__file__).parents[1] / "systemd" / "evidock-edge.service").read_text()
    (line,) = re.findall(r"^ExecStartPre=.*check-config.*$", unit, re.MULTILINE)
    assert " --quiet " in line
