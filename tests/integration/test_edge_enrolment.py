"""A real dock enrols with a real gateway, survives every cut, uploads over mTLS, and renews."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge import config as configuration
from edge import keys, screen, tls
from edge.__main__ import main
from edge.clock import DockClock
from edge.crashpoints import VARIABLE
from edge.enrolment import certificates, steps
from edge.enrolment.certificates import Authorities
from edge.enrolment.papers import Papers, certificate_in, keep
from edge.enrolment.renewal import CODE, Renewal
from edge.enrolment.wire import Listener
from edge.errors import ConfigError, EnrolmentLater, EnrolmentRefused, KeyFileError
from edge.ledger import Ledger
from edge.rotation import Asked, KeyRotation
from edge.signals import Signals
from protocols.enrolment import Invitation
from protocols.following import MOST_SHOWN
from tests.demo.programs import Program, free_port, script
from tests.simulators.asking import AsHost
from tests.simulators.station import Station, enrol, station
from tests.simulators.tokens import plugged_in

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

# In the order of the steps.
KILLS = [
    "enrol.keys",
    "enrol.authorities",
    "enrol.statement-answered",
    "enrol.statement-kept",
    "enrol.tls-answered",
    "enrol.tls-kept",
    "enrol.trust",
    "enrol.done",
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with station(tmp_path_factory.mktemp("station")) as up:
        yield up


def papers_of(config: Path) -> Papers:
    return Papers.of(configuration.load(config))


def enrolled(config: Path) -> bool:
    papers = papers_of(config)
    files = (papers.ca, papers.cert, papers.tls_key, papers.statement_cert, papers.enrolled)
    return papers.anchors() is not None and all(each.exists() for each in files)


def quietly(_step: str) -> None:
    pass


# --- the whole of it ----------------------------------------------------------------------


def test_a_dock_enrols_and_a_clip_is_released_over_mutual_tls(
    running: Station, tmp_path: Path
) -> None:
    config = running.dock(tmp_path / "dock7", dock="dock7")
    done = enrol(config, running.invite("dock7").text())
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
    assert enrolled(config)
    (config.parent / "camera" / "a.mp4").write_bytes(b"a" * 2_000_000)
    dock = Program(
        "dock", [script("evidock-edge"), "run", "--config", config], tmp_path / "dock.log"
    )
    dock.start()
    try:
        socket = tmp_path / "dock7" / "state" / "status.sock"
        dock.wait_until(lambda: released(socket), "a release", 60)
    finally:
        assert dock.stop() == 0, dock.tail()
    assert "dock7" in (running.home / "broker.log").read_text()
    again = enrol(config, running.invite("dock7").text())
    assert again.returncode == 0, again.stderr
    assert "already" in again.stdout


def test_a_dock_whose_certificate_was_revoked_hears_it_from_the_command(
    running: Station, tmp_path: Path
) -> None:
    name = "dock-ended"
    config = running.dock(tmp_path / "dock", dock=name)
    papers, spent = papers_of(config), running.invite(name)
    steps.enrol(papers, spent, DockClock(), quietly)
    well = enrol(config, spent.text())
    assert (well.returncode, "takes its certificate" in well.stdout) == (0, True), well.stderr
    away = Invitation(spent.dock, spent.host, free_port(), spent.token, spent.root)
    offline = enrol(config, away.text())
    assert (offline.returncode, "could not be asked" in offline.stdout) == (0, True)
    found = certificate_in(papers.cert)
    assert found is not None
    url = f"{running.api}/api/v1/certificates/{found.serial_number:x}/revoke"
    assert httpx.post(
        url, json={"by": "Li", "reason": "stolen"}, timeout=30, auth=AsHost()
    ).is_success
    ended = enrol(config, spent.text())
    assert ended.returncode != 0
    assert "certificate-revoked" in ended.stderr
    assert f"move {papers.tls_key} and {papers.cert} away" in ended.stderr
    assert "already" not in ended.stdout
    # As it was told.
    for each in (papers.tls_key, papers.cert):
        each.rename(each.with_suffix(".old"))
    again = enrol(config, running.invite(name).text())
    assert again.returncode == 0, again.stderr
    assert "takes its certificate" in enrol(config, spent.text()).stdout


def released(socket: Path) -> bool | None:
    answer = screen.ask(socket, {"cmd": "status"})
    return True if answer and answer["clips"]["released"] == 1 else None


def test_a_key_in_a_token_is_enrolled_too(running: Station, tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with plugged_in(tmp_path / "token") as token:
        config = running.dock(tmp_path / "dock", dock="dock-token", key=token.uri())
        done = enrol(config, running.invite("dock-token").text(), "--lang", "zh")
        assert done.returncode == 0, done.stderr
        assert "已登记" in done.stdout
        found = certificate_in(papers_of(config).statement_cert)
        assert found is not None
        _, root, issuing = x509.load_pem_x509_certificates(
            papers_of(config).statement_cert.read_bytes()
        )
        by, public = Authorities(root, issuing), keys.load(token.key()).public
        assert certificates.wrong_with(found, by, public, "dock-token") == ""


# --- cuts ---------------------------------------------------------------------------------


def test_killed_at_every_step_the_same_command_completes_it(
    running: Station, tmp_path: Path
) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-kill")
    papers, invitation = papers_of(config), running.invite("dock-kill")
    made: set[bytes] = set()
    for point in KILLS:
        cut = enrol(config, invitation.text(), **{VARIABLE: point})
        assert cut.returncode == -signal.SIGKILL, f"{point}: {cut.stderr}"
        made.add((tmp_path / "dock" / "statement.pem").read_bytes() + papers.tls_key.read_bytes())
        # Before the last step nothing lets the dock run on half an enrolment.
        assert (papers.anchors() is not None) == (point == "enrol.done")
    assert len(made) == 1
    assert steps.enrol(papers, invitation, DockClock(), quietly) is False
    assert enrolled(config)


def test_once_both_certificates_are_kept_they_are_enough(running: Station, tmp_path: Path) -> None:
    name, point = "dock-spent", "enrol.tls-kept"
    config = running.dock(tmp_path / "dock", dock=name)
    good = running.invite(name)
    assert enrol(config, good.text(), **{VARIABLE: point}).returncode < 0
    spent = Invitation(good.dock, good.host, good.port, "00000-00000-00000-00000", good.root)
    assert steps.enrol(papers_of(config), spent, DockClock(), quietly)
    assert enrolled(config)


def test_a_dock_that_lost_its_tls_key_is_invited_again_and_keeps_the_rest(
    running: Station, tmp_path: Path
) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-lost")
    papers = papers_of(config)
    steps.enrol(papers, running.invite("dock-lost"), DockClock(), quietly)
    statement, trust = (tmp_path / "dock" / "statement.pem").read_bytes(), papers.trust.read_bytes()
    papers.tls_key.unlink()
    assert steps.enrol(papers, running.invite("dock-lost"), DockClock(), quietly)
    assert not steps.enrol(papers, running.invite("dock-lost"), DockClock(), quietly)
    assert (tmp_path / "dock" / "statement.pem").read_bytes() == statement
    assert papers.trust.read_bytes() == trust
    # Its statement key is another matter: a new one would not be the enrolled one.
    papers.tls_key.unlink()
    (tmp_path / "dock" / "statement.pem").unlink()
    with pytest.raises(KeyFileError, match="enrolled with"):
        steps.enrol(papers, running.invite("dock-lost"), DockClock(), quietly)
    assert not (tmp_path / "dock" / "statement.pem").exists()


# --- refusals -----------------------------------------------------------------------------


def test_another_gateway_than_the_invitations_is_told_nothing(
    running: Station, tmp_path: Path
) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-pin")
    good = running.invite("dock-pin")
    other = Invitation(good.dock, good.host, good.port, good.token, bytes(32))
    with pytest.raises(EnrolmentRefused, match="told nothing") as refused:
        steps.enrol(papers_of(config), other, DockClock(), quietly)
    assert refused.value.problem == "pin"
    assert not (tmp_path / "dock" / "statement.pem").exists()
    steps.enrol(papers_of(config), good, DockClock(), quietly)


def test_a_wrong_token_leaves_keys_for_the_next_invitation(
    running: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-token-1")
    good = running.invite("dock-token-1")
    wrong = Invitation(good.dock, good.host, good.port, "00000-00000-00000-00000", good.root)
    assert main(["enrol", "--config", str(config), wrong.text()]) == 1
    assert "new invitation" in capsys.readouterr().err
    key = (tmp_path / "dock" / "statement.pem").read_bytes()
    typed = ("--host", good.host, "--port", str(good.port), "--token", good.token)
    assert main(["enrol", "--config", str(config), *typed, "--root", good.root.hex()]) == 0
    assert (tmp_path / "dock" / "statement.pem").read_bytes() == key


def test_somebody_who_used_the_invitation_first_is_named(
    running: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    invitation = running.invite("dock-bound")
    thief = running.dock(tmp_path / "thief", dock="dock-bound")
    assert enrol(thief, invitation.text(), **{VARIABLE: "enrol.statement-kept"}).returncode < 0
    config = running.dock(tmp_path / "dock", dock="dock-bound")
    assert main(["enrol", "--config", str(config), invitation.text()]) == 1
    assert "Somebody else used this invitation" in capsys.readouterr().err
    assert papers_of(config).anchors() is None


def test_nothing_of_another_gateway_or_dock_is_touched(running: Station, tmp_path: Path) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-other")
    papers, good = papers_of(config), running.invite("dock-other")
    with pytest.raises(ConfigError, match="is for dock-else"):
        steps.enrol(papers, running.invite("dock-else"), DockClock(), quietly)
    assert not papers.folder.exists()
    assert enrol(config, good.text(), **{VARIABLE: "enrol.authorities"}).returncode < 0
    elsewhere = Invitation(good.dock, good.host, good.port, good.token, bytes(32))
    with pytest.raises(ConfigError, match="another root certificate"):
        steps.enrol(papers, elsewhere, DockClock(), quietly)
    steps.enrol(papers, good, DockClock(), quietly)
    trust = papers.trust.read_bytes()
    # A dock that was enrolled by hand.
    shutil.rmtree(papers.folder)
    with pytest.raises(ConfigError, match="by hand"):
        steps.enrol(papers, good, DockClock(), quietly)
    assert papers.trust.read_bytes() == trust


def test_nobody_at_home_is_later_and_nothing_is_made(running: Station, tmp_path: Path) -> None:
    config = running.dock(tmp_path / "dock", dock="dock-later")
    good = running.invite("dock-later")
    nobody = Invitation(good.dock, "127.0.0.1", 9, good.token, good.root)
    with pytest.raises(EnrolmentLater, match="refused"):
        steps.enrol(papers_of(config), nobody, DockClock(), quietly)
    assert not (tmp_path / "dock" / "statement.pem").exists()


@pytest.mark.parametrize("text", ["nonsense", "EVIDOCK-INVITE:9:X", "EVIDOCK-INVITE:1:DOCK7"])
def test_what_is_no_invitation_is_said_to_be_none(
    running: Station, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = running.dock(tmp_path / "dock")
    (tmp_path / "invitation").write_text(text)
    for words in ([text], ["--file", str(tmp_path / "invitation")]):
        assert main(["enrol", "--config", str(config), *words]) == 2
        assert "invitation" in capsys.readouterr().err


# --- renewing -----------------------------------------------------------------------------


class Away:
    """The uplink, as far as renewal asks it."""

    def __init__(self) -> None:
        self.away_s = 0.0
        self.taken = 0

    def take_up(self) -> None:
        self.taken += 1


class Later(DockClock):
    """A clock that stands some days ahead, as nobody waits a year."""

    days = 0.0
    right = False

    def is_synchronised(self) -> bool:
        return self.right

    def passed_ns(self) -> int:
        return super().passed_ns() + int(self.days * 86400e9)


def _today() -> datetime:
    return datetime.fromtimestamp(DockClock().passed_ns() // 10**9, UTC)


def aged(running: Station, papers: Papers, begun: int, left: int) -> None:
    """Put a certificate in the dock's place that began and ends so many days from today."""
    folder = running.home / "data" / "ca"
    issuer = x509.load_pem_x509_certificate((folder / "tls-ca.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / "tls-ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    found = certificate_in(papers.cert)
    assert found is not None
    now = _today()
    builder = (
        x509.CertificateBuilder()
        .subject_name(found.subject)
        .issuer_name(issuer.subject)
        .public_key(found.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begun))
        .not_valid_after(now + timedelta(days=left))
    )
    for extension in found.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(key, hashes.SHA256())
    keep(papers.cert, made.public_bytes(serialization.Encoding.PEM))


@dataclass
class Renewing:
    """A dock that is enrolled, and what renews its certificate, without the rest of the daemon."""

    renewal: Renewal
    papers: Papers
    ledger: Ledger
    uplink: Away

    def look(self) -> bool:
        return self.renewal.look(self.papers)

    def alarms(self) -> list[str]:
        return [each.code for each in self.ledger.alarms()]


@pytest.fixture(scope="module")
def dock(running: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewing]:
    home = tmp_path_factory.mktemp("renewing")
    config = configuration.load(running.dock(home / "dock", dock="dock-renew"))
    papers = Papers.of(config)
    steps.enrol(papers, running.invite("dock-renew"), DockClock(), quietly)
    signer, clock = keys.load(config.dock.key), Later()
    ledger = Ledger(config.database, dock=config.dock.dock, signer=signer, clock=DockClock())
    uplink: Any = Away()
    yield Renewing(Renewal(papers, signer, ledger, clock, uplink), papers, ledger, uplink)
    ledger.close()


def test_a_fresh_certificate_is_left_alone(dock: Renewing) -> None:
    before = dock.papers.cert.read_bytes()
    assert not dock.look()
    assert dock.papers.cert.read_bytes() == before
    assert dock.alarms() == []


@pytest.mark.parametrize(("begun", "left"), [(-300, 65), (-400, -35)])
def test_a_certificate_that_is_due_or_expired_is_replaced(
    running: Station, dock: Renewing, begun: int, left: int
) -> None:
    aged(running, dock.papers, begun, left)
    assert dock.look()
    found = certificate_in(dock.papers.cert)
    assert found is not None
    assert found.not_valid_after_utc > _today() + timedelta(days=300)
    assert dock.alarms() == []
    assert not dock.look()


def test_a_certificate_of_a_gateway_whose_clock_was_ahead_is_replaced_and_none_such_is_taken(
    running: Station, dock: Renewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Later, "right", True)
    aged(running, dock.papers, 300, 665)
    assert dock.look()
    found = certificate_in(dock.papers.cert)
    assert found is not None
    assert found.not_valid_before_utc <= _today()
    # For a clock that stands a year back, what the gateway gives today begins in a year.
    aged(running, dock.papers, -700, -350)
    before = dock.papers.cert.read_bytes()
    monkeypatch.setattr(Later, "days", -365.0)
    assert not dock.look()
    assert dock.papers.cert.read_bytes() == before
    monkeypatch.setattr(Later, "days", 0.0)
    assert dock.look()
    assert dock.alarms() == []


def test_a_dock_that_rotated_its_key_renews_an_expired_certificate_by_its_new_one(
    running: Station, dock: Renewing
) -> None:
    place, asked = dock.papers.statement_key, Asked(cmd="rotate-key", by="Wang", reason="yearly")
    rotating = KeyRotation(
        place, dock.ledger, Signals(), dock.renewal.follow, before=dock.renewal.must_last
    )
    old = dock.ledger.public
    # The gateway hears of none of them: no entry of this dock ever reaches it.
    for rotations in range(1, MOST_SHOWN + 1):
        rotating.rotate(asked)
        assert len(dock.ledger.unheard_rotations()) == rotations
        aged(running, dock.papers, -400, -35)
        assert dock.look()
    found = certificate_in(dock.papers.cert)
    assert found is not None
    assert found.not_valid_after_utc > _today() + timedelta(days=300)
    head = dock.ledger.head()
    with pytest.raises(EnrolmentLater, match="has not heard"):
        rotating.rotate(asked)
    assert dock.ledger.head() == head
    assert dock.alarms() == []
    told = httpx.get(f"{running.api}/api/v1/docks", timeout=30, auth=AsHost()).json()["docks"]
    assert {each["kid"] for each in told if each["id"] == "dock-renew"} == {old.kid.hex()}


def test_a_certificate_that_cannot_be_renewed_is_an_alarm_until_it_can(
    running: Station, dock: Renewing
) -> None:
    aged(running, dock.papers, -355, 10)
    known = dock.papers.enrolled.read_text()
    dock.papers.enrolled.write_text(known.replace("localhost", "127.0.0.1"))
    for _ in range(2):
        assert not dock.look()
        assert dock.alarms() == [CODE]
    dock.papers.enrolled.unlink()
    assert not dock.look()
    assert dock.alarms() == [CODE]
    dock.papers.enrolled.write_text(known)
    assert dock.look()
    assert dock.alarms() == []


@pytest.mark.parametrize("begun", [-300, -400])
def test_a_running_dock_takes_the_new_certificate_up_without_a_restart(
    running: Station, tmp_path: Path, begun: int
) -> None:
    name = f"dock-run{begun}"
    config = running.dock(tmp_path / "dock", dock=name)
    papers = papers_of(config)
    steps.enrol(papers, running.invite(name), DockClock(), quietly)
    aged(running, papers, begun, begun + 365)
    old = papers.cert.read_bytes()
    (tmp_path / "dock" / "camera" / "a.mp4").write_bytes(b"a" * 2_000_000)
    program = Program(
        "dock", [script("evidock-edge"), "run", "--config", config], tmp_path / "dock.log"
    )
    program.start()
    try:
        program.wait_until(lambda: released(tmp_path / "dock/state/status.sock"), "a release", 60)
        assert papers.cert.read_bytes() != old
        assert "certificate.renewed" in (tmp_path / "dock.log").read_text()
    finally:
        assert program.stop() == 0, program.tail()


# --- clocks -------------------------------------------------------------------------------


@dataclass
class Known:
    """What a board knows of the time."""

    day: datetime
    synchronised: bool

    def passed_ns(self) -> int:
        return int(self.day.timestamp()) * 10**9

    def is_synchronised(self) -> bool:
        return self.synchronised


@pytest.mark.parametrize(
    ("year", "synchronised", "said"),
    [
        (1970, False, ""),
        (2018, False, ""),
        (2018, True, "valid from"),
        (2090, True, "expired on"),
        (2090, False, "expired on"),
    ],
)
def test_a_board_without_a_clock_goes_by_the_newest_time_it_knows(
    running: Station,
    dock: Renewing,
    year: int,
    synchronised: bool,  # noqa: FBT001 -- a table
    said: str,
) -> None:
    listener = Listener("localhost", running.invite("dock-clock").port)
    time = Known(datetime(year, 1, 2, tzinfo=UTC), synchronised)
    context = tls.pinned(dock.papers.ca, time)
    if not said:
        assert len(listener.nonce(context)) == 32
        return
    with pytest.raises(EnrolmentRefused, match=said):
        listener.nonce(context)


def test_a_server_of_another_authority_or_name_is_not_believed(
    running: Station, dock: Renewing
) -> None:
    port = running.invite("dock-clock").port
    context = tls.pinned(dock.papers.ca, DockClock())
    with pytest.raises(EnrolmentRefused, match="not believed"):
        Listener("127.0.0.1", port).nonce(context)


# --- authorities; the last, since the station's broker is not told of a new root ------------


@pytest.mark.parametrize("part", ["tls-ca", "root"])
def test_a_dock_learns_a_renewed_authority_when_it_renews(
    running: Station, dock: Renewing, part: str
) -> None:
    aged(running, dock.papers, -300, 65)
    old, pinned = dock.papers.ca.read_text(), dock.papers.known()
    config = running.home / "gateway.toml"
    done = subprocess.run(
        [script("evidock-gateway"), "ca", "renew", part, "--config", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = running.home / "data" / "ca"
    issuer = x509.load_pem_x509_certificate((folder / "tls-ca.pem").read_bytes())
    end = time.monotonic() + 30
    while True:
        # The gateway takes it up by itself.
        renewed = dock.look()
        assert renewed or time.monotonic() < end
        found = certificate_in(dock.papers.cert)
        assert found is not None
        if renewed and found.issuer == issuer.subject:
            break
        aged(running, dock.papers, -300, 65)
        time.sleep(0.5)
    own, by = x509.load_pem_x509_certificates(dock.papers.cert.read_bytes())
    assert own == found
    assert by.public_key() == issuer.public_key()
    # Beside what it trusted before, and under the root that it has pinned.
    assert dock.papers.ca.read_text().startswith(old)
    assert certificates.pem(by) in dock.papers.ca.read_text()
    assert dock.papers.known() == pinned
    assert dock.alarms() == []
