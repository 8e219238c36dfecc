"""Setup writes settings that the dock takes, whole or not at all, and loses no earlier ones."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import config as configuration
from edge import keys
from edge.__main__ import main
from edge.errors import ConfigError
from edge.setup.answers import Erase
from edge.setup.plugs import plug
from edge.setup.questions import Terminal, ask_all
from tests.simulators.log import SimulatedLog

Captured = pytest.CaptureFixture[str]

ANSWERS = """\
dock = "dock7"
state_dir = "state"
language = "en"
{more}
[gateway]
host = "broker.example"
[[bays]]
name = "1"
path = "pci-0000:00:14.0-usb-0:1.2"
"""


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "stick.json"
    path.write_text(SimulatedLog().anchors.to_json())
    return path


def setup(tmp_path: Path, *options: str, more: str = "", answers: str = ANSWERS) -> int:
    (tmp_path / "answers.toml").write_text(answers.format(more=more))
    (tmp_path / "etc").mkdir(exist_ok=True)
    config, given = tmp_path / "etc/edge.toml", tmp_path / "answers.toml"
    return main(["setup", "--config", str(config), "--from", str(given), "--lang=en", *options])


def test_a_file_of_answers_makes_a_dock(tmp_path: Path, trust: Path, capsys: Captured) -> None:
    assert setup(tmp_path, more=f'trust = "{trust}"\nerase = "released"') == 0
    said = capsys.readouterr().out
    etc = tmp_path / "etc"
    loaded = configuration.load(etc / "edge.toml")
    assert loaded.dock.id == "dock7"
    assert loaded.erase.enabled
    assert loaded.mounter is not None
    assert [bay.name for bay in loaded.bays] == ["1"]
    assert (loaded.uplink.host, loaded.uplink.port) == ("broker.example", 8883)
    assert loaded.status.socket == Path("/run/evidock/edge/status.sock")
    assert loaded.kiosk.languages == ("en", "zh")
    assert loaded.dock.trust.read_text() == trust.read_text()
    assert keys.load(loaded.dock.key).public.pem() in said
    assert "evidock-mounter" in said
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in etc.iterdir()}
    assert modes == {"edge.toml": 0o640, "trust.json": 0o640, "statement.pem": 0o600}


def test_without_a_trust_file_it_says_how_to_enrol(tmp_path: Path, capsys: Captured) -> None:
    assert setup(tmp_path) == 0
    assert "evidock-gateway enrol dock7 --key dock7.pub.pem" in capsys.readouterr().out


def test_who_is_invited_is_not_told_to_carry_a_key_by_hand(
    tmp_path: Path, capsys: Captured
) -> None:
    answers = ANSWERS.replace('"broker.example"', '"broker.example"\nenrol = true')
    assert setup(tmp_path, answers=answers) == 0
    told = capsys.readouterr().out
    assert "evidock-gateway invite dock7" in told
    assert "sudo evidock-edge enrol" in told
    assert "PUBLIC KEY" not in told
    assert "pub.pem" not in told


def test_settings_and_key_are_never_overwritten_unasked(tmp_path: Path, capsys: Captured) -> None:
    assert setup(tmp_path) == 0
    etc = tmp_path / "etc"
    before = {each.name: each.read_bytes() for each in etc.iterdir()}
    assert setup(tmp_path, more="kiosk = false") == 2
    assert "--force" in capsys.readouterr().err
    assert {each.name: each.read_bytes() for each in etc.iterdir()} == before
    for number in (1, 2):
        assert setup(tmp_path, "--force", more="kiosk = false") == 0
        assert (etc / f"edge.toml.{number}.bak").exists()
    assert (etc / "edge.toml.1.bak").read_bytes() == before["edge.toml"]
    assert (etc / "statement.pem").read_bytes() == before["statement.pem"]
    assert configuration.load(etc / "edge.toml").status.socket is None


@pytest.mark.parametrize(
    ("more", "answers", "said"),
    [
        ("dokc = 1", ANSWERS, "dokc"),
        ("", ANSWERS.replace("dock7", "Dock Seven"), "dock"),
        (
            "",
            ANSWERS.replace("usb-0:1.2", "usb-0:1.2") + '[[bays]]\nname = "."\npath = "x-y"\n',
            "",
        ),
        ("", ANSWERS.replace('host = "broker.example"', 'host = ""'), "host"),
        ("", ANSWERS + "[gateway", "TOML"),
        ('trust = "/nowhere/trust.json"', ANSWERS, "No such file"),
        ('trust = "answers.toml"', ANSWERS, "answers.toml"),
    ],
)
def test_answers_that_cannot_be_used_write_nothing(
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    more: str,
    answers: str,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert setup(tmp_path, more=more, answers=answers) == 2
    assert said in capsys.readouterr().err
    assert list((tmp_path / "etc").iterdir()) == []


def test_missing_certificates_are_left_to_do(tmp_path: Path, capsys: Captured) -> None:
    files = '\nca = "ca.pem"\ncert = "c.pem"\nkey = "k.pem"'
    answers = ANSWERS.replace('"broker.example"', f'"broker.example"{files}')
    assert setup(tmp_path, answers=answers) == 0
    assert "still to do: uplink.tls.ca" in capsys.readouterr().out


def answering(*answers: str) -> Callable[[str], str]:
    left = iter(answers)

    def read(_prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return read


def test_bays_are_found_by_plugging_something_in(trust: Path) -> None:
    looks = iter([{"p"}, {"p", "usb-a"}, {"p", "usb-a"}, {"p", "usb-b"}, set()])
    said: list[str] = []
    terminal = Terminal(
        "en",
        answering(
            *("Dock7", "dock7", "broker", "0", "1884", "maybe", "n", "/nowhere", str(trust)),
            *("y", "/dev/sda", "", "", "", "."),
            *("y", "y"),
        ),
        said.append,
    )
    answers = ask_all(terminal, lambda: frozenset(next(looks)))
    assert answers.dock == "dock7"
    assert (answers.gateway.host, answers.gateway.port, answers.gateway.ca) == (
        "broker",
        1884,
        None,
    )
    assert answers.trust == trust
    assert [(bay.name, bay.path) for bay in answers.bays] == [("1", "usb-a"), ("2", "usb-b")]
    assert answers.erase is Erase.RELEASED
    # The one look that showed nothing new is told, and the wrong answers too.
    assert sum("0 new ports with a disk" in line for line in said) == 1
    assert sum("cannot be" in line for line in said) == 6
    assert sum("not an ID_PATH such as" in line for line in said) == 2


def test_what_cannot_be_written_is_told_before_the_first_question(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "edge", "setup", "--config", str(tmp_path / "etc/edge.toml")],
        input="dock9\n",
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout) == (2, "")
    assert f"there is no directory {tmp_path}/etc: make it" in said.stderr


def test_an_end_of_input_writes_nothing() -> None:
    with pytest.raises(ConfigError, match="未写入"):
        ask_all(Terminal("zh", answering("dock7"), lambda _: None), frozenset)


def test_on_a_real_terminal_line_by_line(tmp_path: Path) -> None:
    lines = ["dock9", "broker.example", "1883", "n", "", ".", "y", ""]
    said = subprocess.run(
        [sys.executable, "-m", "edge", "setup", "--config", str(tmp_path / "edge.toml")],
        input="\n".join(lines) + "\n",
        env={**os.environ, "LANG": "zh_CN.UTF-8", "LC_ALL": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert "本采集站名称" in said.stdout
    loaded = configuration.load(tmp_path / "edge.toml")
    assert (loaded.dock.id, loaded.cameras.mount_root) == ("dock9", Path("/media"))
    assert not loaded.erase.enabled


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0", "pci-0000:00:14.0-usb-0:1.2"),
        (
            "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.4.3:1.0",
            "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.4.3",
        ),
        ("platform-fe340000.mmc", None),
        ("", None),
    ],
)
def test_a_plug_is_the_way_to_it_and_no_further(path: str, expected: str | None) -> None:
    assert plug(path) == expected
