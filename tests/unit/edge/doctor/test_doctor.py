"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge import config as configuration
from edge import keys
from edge.__main__ import main
from edge.clock import DockClock
from edge.doctor import around, command, evidence, machine, papers
from edge.doctor.finding import Case, Finding, Places, State, ok
from edge.ledger import Bond, BoundSpool, Ledger
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import camera_opened

Captured = pytest.CaptureFixture[str]

CONFIG = """\
[dock]
id = "dock7"
state_dir = "state"
key = "dock.pem"
trust = "trust.json"
[cameras]
folders = [{{ path = "camera" }}]
[spool]
reserve_mb = {reserve}
[uplink]
port = {port}
{more}
"""


class Home:
    """A dock's files, all in order until a test spoils one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir(mode=0o700)
        (folder / "camera").mkdir()
        self.signer = keys.generate(folder / "dock.pem")
        (folder / "trust.json").write_text(SimulatedLog().anchors.to_json())
        self.places = Places()

    def case(self, *, reserve: int = 1, port: int = 9, more: str = "") -> Case:
        path = self.folder / "edge.toml"
        path.write_text(CONFIG.format(reserve=reserve, port=port, more=more))
        return Case(configuration.load(path), self.places)

    def ledger(self) -> Ledger:
        path = self.folder / "state/ledger.db"
        case = self.case()
        return Ledger(path, dock=case.config.dock.dock, signer=self.signer, clock=DockClock())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def found(look: Callable[[Case], Iterator[Finding]], case: Case) -> dict[str, Finding]:
    return {each.about: each for each in look(case)}


def states(look: Callable[[Case], Iterator[Finding]], case: Case) -> dict[str, State]:
    return {about: each.state for about, each in found(look, case).items()}


# --- papers


def test_a_dock_in_order_has_nothing_wrong_with_its_papers(home: Home) -> None:
    for look in (papers.settings, papers.key, papers.trust, papers.permissions):
        assert set(states(look, home.case()).values()) == {State.OK}


def test_a_folder_camera_that_is_the_docks_own_is_wrong(home: Home) -> None:
    case = home.case()
    own = case.config.cameras.folders[0].model_copy(update={"path": home.folder / "state"})
    cameras = case.config.cameras.model_copy(update={"folders": (own,)})
    spoilt = replace(case, config=case.config.model_copy(update={"cameras": cameras}))
    assert states(papers.settings, spoilt) == {"config": State.WRONG}


@pytest.mark.parametrize("spoil", ["missing", "loose", "public"])
def test_a_key_that_cannot_be_used_is_wrong(home: Home, spoil: str) -> None:
    path = home.folder / "dock.pem"
    match spoil:
        case "missing":
            path.unlink()
        case "loose":
            path.chmod(0o644)
        case _:
            path.write_text(home.signer.public.pem())
    (finding,) = papers.key(home.case())
    assert finding.state is State.WRONG
    assert finding.do_en
    assert finding.do_zh


def test_a_key_as_a_credential_is_looked_for_where_systemd_looks(home: Home) -> None:
    store = home.folder / "credstore.encrypted"
    home.places = Places(credentials=(store,))
    case = home.case()
    dock = case.config.dock.model_copy(
        update={"key": home.folder / "${CREDENTIALS_DIRECTORY}/statement.pem"}
    )
    case = replace(case, config=case.config.model_copy(update={"dock": dock}))
    assert states(papers.key, case) == {"key": State.WRONG}
    store.mkdir()
    (store / "statement.pem").write_text("sealed")
    assert states(papers.key, case) == {"key": State.OK}


def test_a_trust_file_that_is_none_is_wrong(home: Home) -> None:
    (home.folder / "trust.json").write_text("{}")
    assert states(papers.trust, home.case()) == {"trust": State.WRONG}
    (home.folder / "trust.json").unlink()
    assert states(papers.trust, home.case()) == {"trust": State.WRONG}


def test_what_others_can_write_is_wrong(home: Home) -> None:
    case = home.case()
    (home.folder / "edge.toml").chmod(0o666)
    (finding,) = papers.permissions(case)
    assert finding.state is State.WRONG
    assert finding.do_en == f"chmod 0664 {home.folder / 'edge.toml'}"


# --- evidence


def test_a_ledger_is_none_yet_or_holds_or_does_not(home: Home) -> None:
    assert states(evidence.ledger, home.case()) == {"ledger": State.WARNING}
    ledger = home.ledger()
    ledger.open_session(camera_opened())
    ledger.raise_alarm("spool-full", "no room")
    ledger.close()
    assert states(evidence.ledger, home.case()) == {"ledger": State.OK, "alarm": State.WARNING}
    with sqlite3.connect(home.folder / "state/ledger.db") as db:
        db.execute("UPDATE entries SET record = CAST('{}' AS BLOB) WHERE seq = 0")
    db.close()
    assert states(evidence.ledger, home.case())["ledger"] is State.WRONG


def test_a_ledger_is_looked_at_without_its_key_too(home: Home) -> None:
    home.ledger().close()
    (home.folder / "dock.pem").unlink()
    assert states(evidence.ledger, home.case())["ledger"] is State.OK
    (home.folder / "state/ledger.db").write_bytes(b"no database")
    assert states(evidence.ledger, home.case()) == {"ledger": State.WRONG}


def test_a_spool_that_is_not_the_ledgers_is_wrong(home: Home) -> None:
    assert states(evidence.spool, home.case()) == {"spool": State.OK}
    ledger = home.ledger()
    ledger.bind_spool(BoundSpool("a" * 32, Bond.BOUND))
    ledger.close()
    folder = home.folder / "state/spool"
    folder.mkdir()
    (folder / "spool-id").write_text("a" * 32)
    assert states(evidence.spool, home.case()) == {"spool": State.OK}
    (folder / "spool-id").write_text("b" * 32)
    assert states(evidence.spool, home.case()) == {"spool": State.WRONG}


def test_a_disk_without_room_beyond_the_reserve_is_wrong(home: Home) -> None:
    much = shutil.disk_usage(home.folder).free // (1 << 20) + 1000
    assert states(evidence.room, home.case(reserve=much))["room"] is State.WRONG


@pytest.mark.parametrize(
    ("kind", "options", "state"),
    [
        ("ext4", "rw,errors=remount-ro", State.OK),
        ("ext4", "rw,data=writeback", State.WRONG),
        ("ext4", "rw,nobarrier", State.WRONG),
        ("ext4", "ro", State.WRONG),
        ("tmpfs", "rw", State.WRONG),
        ("vfat", "rw", State.WRONG),
        ("overlay", "rw", State.WARNING),
    ],
)
def test_a_file_system_that_loses_commits_is_wrong(
    home: Home, kind: str, options: str, state: State
) -> None:
    mounts = home.folder / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw,relatime - xfs /dev/sda1 rw\n"
        f"2 1 8:2 / {home.folder} rw,noatime - {kind} /dev/sda2 {options}\n"
    )
    home.places = Places(mounts=mounts)
    assert states(evidence.filesystem, home.case()) == {"filesystem": state}


# --- machine


def test_a_worn_card_is_told_from_what_it_says_itself(home: Home) -> None:
    number = home.folder.stat().st_dev
    disk = home.folder / "sys/block/mmcblk0"
    part = disk / "mmcblk0p2"
    (disk / "device").mkdir(parents=True)
    part.mkdir()
    (part / "partition").write_text("2")
    (disk / "stat").write_text(" 1 2 3 4 5 6 2097152 8 9 10 11")
    link = home.folder / "sys/dev/block" / f"{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(part)
    home.places = Places(sys=home.folder / "sys")
    (finding,) = machine.wear(home.case())
    assert finding.state is State.OK
    assert "mmcblk0: 1.0 GiB written" in finding.en
    for said, state in (("0x01 0x08", State.WARNING), ("0x0b 0x01", State.WRONG)):
        (disk / "device/life_time").write_text(said)
        assert states(machine.wear, home.case()) == {"wear": state}


def test_a_journal_that_fills_the_card_is_a_warning(home: Home) -> None:
    folder = home.folder / "journal/abc"
    folder.mkdir(parents=True)
    home.places = Places(journal=folder.parent)
    with (folder / "system.journal").open("wb") as file:
        file.truncate(2 << 30)
    assert states(machine.journal, home.case()) == {"journal": State.WARNING}


# --- around


def test_a_dock_that_does_not_run_is_wrong(home: Home) -> None:
    assert states(around.daemon, home.case()) == {"daemon": State.WRONG}


def answering(path: Path, uplink: dict[str, object]) -> socket.socket:
    """A status socket that gives one answer."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(json.dumps({"uptime_s": 5, "uplink": uplink}).encode() + b"\n")

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("connected", "silent_s", "about", "state"),
    [
        (False, None, "uplink", State.WARNING),
        (True, None, "gateway", State.WARNING),
        (True, 500.0, "gateway", State.WARNING),
        (True, 3.0, "gateway", State.OK),
    ],
)
def test_what_the_dock_says_of_its_uplink_is_passed_on(
    home: Home,
    connected: bool,  # noqa: FBT001  # pytest names it
    silent_s: float | None,
    about: str,
    state: State,
) -> None:
    uplink = {"connected": connected, "problem": "refused", "gateway_silent_s": silent_s}
    with answering(home.folder / "state/status.sock", uplink):
        assert states(around.daemon, home.case()) == {"daemon": State.OK, about: state}


def test_why_tls_keeps_the_dock_out_is_passed_on_with_what_to_do(home: Home) -> None:
    trouble = {"code": "x", "en": "revoked", "zh": "吊销", "do_en": "enrol", "do_zh": "登记"}
    uplink = {"connected": False, "problem": "long", "trouble": trouble, "gateway_silent_s": None}
    with answering(home.folder / "state/status.sock", uplink):
        (found,) = [each for each in around.daemon(home.case()) if each.about == "uplink"]
    assert found.state is State.WRONG
    assert ("revoked" in found.en, "吊销" in found.zh) == (True, True)
    assert (found.do_en, found.do_zh) == ("enrol", "登记")


def test_a_broker_that_is_away_is_wrong_and_one_on_this_machine_is_fine(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert states(around.broker, home.case(port=port)) == {"broker": State.OK}
    assert states(around.broker, home.case(port=port)) == {"broker": State.WRONG}


def test_a_certificate_that_ended_is_wrong_and_one_that_ends_soon_a_warning() -> None:
    now = time.time_ns() // 10**9
    day = 86400
    ages = [around._expiry("x", now + days * day).state for days in (-2, 5, 90)]
    assert ages == [State.WRONG, State.WARNING, State.OK]


def test_a_mounter_that_does_not_run_is_wrong(home: Home) -> None:
    more = '[mounter]\nsocket = "mounter.sock"\n[[bays]]\nname = "1"\npath = "pci-x-usb-0:1"\n'
    case = home.case(more=more)
    assert states(around.parts, case) == {"mounter": State.WRONG}
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home.folder / "mounter.sock"))
        server.listen()
        assert states(around.parts, case) == {"mounter": State.OK}


def test_bays_without_udev_are_wrong(home: Home) -> None:
    home.places = Places(run=home.folder)
    case = home.case(more='[[bays]]\nname = "1"\npath = "pci-x-usb-0:1"\n')
    assert states(around.bays, case) == {"bays": State.WRONG}
    (home.folder / "udev/data").mkdir(parents=True)
    assert State.WRONG not in states(around.bays, case).values()


def test_a_serial_port_that_is_not_there_is_wrong(home: Home) -> None:
    line = home.folder / "badge"
    more = f'[[serial.readers]]\npath = "{line}"\ndriver = "line"\nbay = "1"\n'
    assert states(around.serial, home.case(more=more)) == {"serial": State.WRONG}
    line.touch()
    assert states(around.serial, home.case(more=more)) == {"serial": State.OK}


# --- the page


def test_the_page_tells_all_of_it_and_the_exit_code_that_something_is_wrong(
    home: Home, capsys: Captured
) -> None:
    home.case()
    before = sorted(home.folder.rglob("*"))
    assert main(["doctor", "--config", str(home.folder / "edge.toml")]) == 1
    page = capsys.readouterr().out
    assert "wrong   daemon" in page
    assert "→ systemctl enable --now evidock-edge" in page
    assert main(["doctor", "--config", str(home.folder / "edge.toml"), "--lang=zh"]) == 1
    assert "错误" in capsys.readouterr().out
    assert main(["doctor", "--config", str(home.folder / "edge.toml"), "--json"]) == 1
    told = {each["about"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert told["key"] == "ok"
    assert told["daemon"] == "wrong"
    assert "versions" in told
    assert sorted(home.folder.rglob("*")) == before


def test_settings_that_cannot_be_read_are_told_as_such(home: Home, capsys: Captured) -> None:
    (home.folder / "edge.toml").write_text("[dock")
    assert main(["doctor", "--config", str(home.folder / "edge.toml")]) == 2
    assert "not TOML" in capsys.readouterr().out


def test_a_look_that_hangs_or_fails_costs_its_own_line_alone(home: Home) -> None:
    held = threading.Event()

    def hangs(_case: Case) -> Iterator[Finding]:
        held.wait(20)
        yield ok("late", "", "")

    def fails(_case: Case) -> Iterator[Finding]:
        yield ok("first", "", "")
        raise OSError("no")

    told = command.examine(home.case(), (hangs, fails, machine.versions), 0.2)
    held.set()
    assert [(each.about, each.state) for each in told] == [
        ("hangs", State.WRONG),
        ("first", State.OK),
        ("fails", State.UNSEEN),
        ("versions", State.OK),
    ]


def test_without_rights_it_says_what_it_could_not_see(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.ledger().close()

    def refused(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(os, "access", refused)
    assert states(papers.key, home.case()) == {"key": State.UNSEEN}
    assert states(evidence.ledger, home.case()) == {"ledger": State.UNSEEN}
    assert states(evidence.spool, home.case()) == {"spool": State.UNSEEN}
