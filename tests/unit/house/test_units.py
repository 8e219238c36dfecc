"""The units, users, folders and rules are ones that systemd and udev take without a murmur.

`systemd-analyze verify` answers 0 with no more than a line on standard error for a misspelt
key, so any line there is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.__main__ import main as edge_main
from tests.simulators.tools import needed

UNITS = Path(__file__).parents[3] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
# In tenths, as systemd-analyze counts; its own words begin with "medium" at 4.
BOUNDS = {
    "evidock-edge": 20,
    "evidock-kiosk": 20,
    "evidock-gateway": 20,
    "evidock-witness": 20,
    # Mounting takes root, CAP_SYS_ADMIN and the system's own mount namespace (README.md).
    "evidock-mounter": 40,
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    needed(str(command[0]), "systemd")
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as installed, with a program where their programs would be."""
    folder = tmp_path / "units"
    folder.mkdir()
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    for unit in SERVICES:
        text = re.sub(r"(?m)^(Exec\w+=)/usr/bin/[\w-]+", rf"\1{program}", unit.read_text())
        (folder / unit.name).write_text(text)
    return folder


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_is_understood_without_a_murmur(installed: Path, unit: Path) -> None:
    said = run("systemd-analyze", "verify", "--man=no", installed / unit.name)
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


@pytest.mark.parametrize("name", ["evidock-edge", "evidock-gateway", "evidock-witness"])
def test_what_holds_private_keys_leaves_no_memory_on_the_disk(name: str) -> None:
    assert "\nLimitCORE=0\n" in (UNITS / f"{name}.service").read_text()


def test_a_misspelt_key_would_be_noticed(installed: Path) -> None:
    unit = installed / "evidock-edge.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchdogSek="))
    assert "WatchdogSek" in run("systemd-analyze", "verify", "--man=no", unit).stderr


@pytest.mark.parametrize("name", BOUNDS)
def test_a_unit_is_as_confined_as_it_says(installed: Path, name: str) -> None:
    said = run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={BOUNDS[name]}",
        "--no-pager",
        installed / f"{name}.service",
    )
    assert said.returncode == 0, said.stdout[-4000:]


def test_the_scores_in_the_notes_are_the_measured_ones(installed: Path) -> None:
    notes = (UNITS / "README.md").read_text(encoding="utf-8")
    for name in BOUNDS:
        said = run("systemd-analyze", "security", "--offline=true", installed / f"{name}.service")
        score = re.search(r"Overall exposure level for .*?: ([\d.]+)", said.stdout)
        assert score, said.stderr
        assert f"| `{name}.service` | {score[1]} |" in notes


@pytest.mark.parametrize("file", sorted(UNITS.glob("*.sysusers")), ids=lambda file: file.stem)
def test_the_users_can_be_made(file: Path) -> None:
    said = run("systemd-sysusers", "--dry-run", file)
    assert said.returncode == 0, said.stderr
    problems = [line for line in said.stderr.splitlines() if f"{file}:" in line]
    assert problems == []


@pytest.mark.parametrize("file", sorted(UNITS.glob("*.tmpfiles")), ids=lambda file: file.stem)
def test_the_folders_can_be_made_and_nothing_is_ever_removed(file: Path, tmp_path: Path) -> None:
    lines = [line.split() for line in file.read_text().splitlines() if line[:1] not in {"", "#"}]
    # D, R, r, e and an age all empty or remove what is there.
    assert {line[0] for line in lines} <= {"d", "z"}
    assert [line for line in lines if len(line) > 5] == []
    # Really, below another root; there the users are this one's.
    me = [str(os.geteuid()), str(os.getegid())]
    rules = tmp_path / "rules.conf"
    rules.write_text("\n".join(" ".join([*line[:3], *me]) for line in lines) + "\n")
    root = tmp_path / "root"
    root.mkdir()
    said = run("systemd-tmpfiles", "--create", f"--root={root}", rules)
    assert (said.returncode, said.stderr) == (0, "")
    assert (root / "var/lib/evidock").is_dir()


def test_udev_takes_the_rules() -> None:
    needed("udevadm", "udev")
    needed("unshare", "util-linux")
    if os.geteuid() != 0:
        pytest.skip("only root can show udev rules in a place of their own")
    # `udevadm test` reads them; in a mount namespace, so that this system's own stay as they are.
    script = (
        "mkdir -p /run/udev/rules.d && mount -t tmpfs none /run/udev/rules.d &&"
        ' cp "$1" /run/udev/rules.d/ && udevadm test /sys/class/mem/null 2>&1'
    )
    said = run("unshare", "--mount", "sh", "-c", script, "-", UNITS / "70-evidock.rules")
    assert "Reading rules file: /run/udev/rules.d/70-evidock.rules" in said.stdout
    assert [line for line in said.stdout.splitlines() if "70-evidock.rules:" in line] == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_every_command_that_a_unit_starts_is_one_of_the_program(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in re.findall(r"(?m)^Exec\w+=/usr/bin/evidock-edge ([\w-]+)", unit.read_text()):
        with pytest.raises(SystemExit) as ended:
            edge_main([command, "--help"])
        assert ended.value.code == 0, capsys.readouterr().err


def test_a_key_encrypted_as_the_notes_say_comes_back(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has the host's key for credentials")
    key, sealed = tmp_path / "statement.pem", tmp_path / "statement.pem.cred"
    key.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    said = run("systemd-creds", "encrypt", "--with-key=host", "--name=statement.pem", key, sealed)
    assert said.returncode == 0, said.stderr
    assert b"PRIVATE" not in sealed.read_bytes()
    said = run("systemd-creds", "decrypt", "--name=statement.pem", sealed, "-")
    assert said.stdout.encode() == key.read_bytes()
