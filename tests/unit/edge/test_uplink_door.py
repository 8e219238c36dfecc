"""What a real TLS server says at the door, in words; and when people are told by an alarm."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge.clock import DockClock
from edge.config import TlsSection, UplinkSection
from edge.ledger import Ledger
from edge.tls import DatesRefused
from edge.uplink_door import OURS, Door, examine
from gateway.ca.crl import build_crl
from gateway.ca.folder import key_pem, pem
from gateway.ca.profiles import Issuer, Purpose, issue, make_root, make_tls_authority, new_key
from gateway.ca.service import Revocation
from hashing.keys import Es256Signer
from protocols.ids import DockId

NOW = datetime.fromtimestamp(DockClock().passed_ns() // 10**9, UTC)


class At(DockClock):
    """A dock's clock some days from now, kept right or not."""

    days = 0.0
    right = True

    def is_synchronised(self) -> bool:
        return self.right

    def passed_ns(self) -> int:
        return super().passed_ns() + int(self.days * 86400e9)


@dataclass
class Paper:
    """A certificate in a file with its key, and who may have signed it."""

    certificate: x509.Certificate
    file: Path


@dataclass
class Office:
    """An authority, which began so long ago that what it issues can have ended."""

    home: Path
    root: Issuer
    tls: Issuer

    @classmethod
    def at(cls, home: Path, name: str) -> Office:
        home.mkdir()
        root = make_root(name, NOW - timedelta(days=2000))
        made = cls(home, root, make_tls_authority(root, name))
        (home / "ca.pem").write_bytes(pem(root.certificate) + pem(made.tls.certificate))
        return made

    def issue(self, name: str, purpose: Purpose, *, days: float = 0, host: str = "") -> Paper:
        key = new_key()
        hosts = (host,) if host else ()
        when = NOW + timedelta(days=days)
        made = issue(self.tls, purpose, name, key.public_key(), now=when, hosts=hosts)
        file = self.home / f"{name}-{len(list(self.home.iterdir()))}.pem"
        file.write_bytes(pem(made) + pem(self.tls.certificate) + key_pem(key))
        return Paper(made, file)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.at(tmp_path_factory.mktemp("office") / "ours", "test")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office.at(tmp_path_factory.mktemp("office") / "other", "other")


@contextlib.contextmanager
def broker(
    office: Office, own: Paper, *revoked: Paper, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[int]:
    """A TLS server that wants a certificate, and then waits to be spoken to, as brokers do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    context.load_cert_chain(own.file)
    context.load_verify_locations(office.home / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    if revoked:
        entries = [Revocation(each.certificate.serial_number, NOW) for each in revoked]
        made = build_crl(office.tls, entries, number=1, begin=NOW - timedelta(minutes=10))
        (office.home / "crl.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        context.load_verify_locations(office.home / "crl.pem")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        with (
            plain,
            contextlib.suppress(OSError),
            context.wrap_socket(plain, server_side=True) as up,
        ):
            up.settimeout(10)
            up.recv(1)


def uplink(office: Office, port: int, own: Paper, host: str = "localhost") -> UplinkSection:
    tls = TlsSection(ca=office.home / "ca.pem", cert=own.file, key=own.file)
    return UplinkSection(host=host, port=port, tls=tls)


def code(office: Office, port: int, own: Paper, host: str = "localhost", days: float = 0) -> str:
    """What is found, or nothing; in both languages, with what to do."""
    clock = At()
    clock.days = days
    found = examine(uplink(office, port, own, host), clock)
    if found is None:
        return ""
    for english in (found.en, found.do_en):
        assert english.isascii()
    for chinese in (found.zh, found.do_zh):
        assert any("\u4e00" <= each <= "\u9fff" for each in chinese)
    return found.code


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_the_broker_has_against_our_certificate(
    office: Office, other: Office, newest: ssl.TLSVersion
) -> None:
    own = office.issue("localhost", Purpose.SERVER, host="localhost")
    revoked, ended = (office.issue("dock7", Purpose.DOCK, days=days) for days in (0, -400))
    with broker(office, own, revoked, newest=newest) as port:
        assert code(office, port, revoked) == "certificate-revoked"
        assert code(office, port, ended) == "certificate-expired"
        stranger = other.issue("dock7", Purpose.DOCK)
        assert code(office, port, stranger) == "certificate-unknown"


def test_a_broker_that_has_nothing_against_us_is_not_accused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.uplink_door._LISTEN_S", 0.3)
    own = office.issue("localhost", Purpose.SERVER, host="localhost")
    dock = office.issue("dock7", Purpose.DOCK)
    with broker(office, own) as port:
        assert code(office, port, dock) == ""
    # Nobody there, no TLS configured, and a file that is gone: said elsewhere.
    assert code(office, port, dock) == ""
    assert examine(UplinkSection(host="localhost", port=port), At()) is None
    assert code(office, port, Paper(dock.certificate, office.home / "gone.pem")) == ""


@pytest.mark.parametrize(
    ("issued", "today", "said"),
    [(-400, 0, "broker-expired"), (0, 2000, "broker-expired"), (0, -300, "broker-early")],
)
def test_dates_that_do_not_fit_name_both_days(
    office: Office, issued: float, today: float, said: str
) -> None:
    own = office.issue("localhost", Purpose.SERVER, days=issued, host="localhost")
    dock = office.issue("dock7", Purpose.DOCK)
    with broker(office, own) as port:
        assert code(office, port, dock, days=today) == said
        clock = At()
        clock.days = today
        found = examine(uplink(office, port, dock), clock)
    assert found is not None
    for text in (found.en, found.zh, found.do_en, found.do_zh):
        assert f"{NOW + timedelta(days=today):%Y-%m-%d}" in text


def test_who_is_not_the_broker_is_named(office: Office, other: Office) -> None:
    dock = office.issue("dock7", Purpose.DOCK)
    with broker(office, other.issue("localhost", Purpose.SERVER, host="localhost")) as port:
        assert code(office, port, dock) == "broker-unknown"
    with broker(office, office.issue("elsewhere", Purpose.SERVER, host="elsewhere")) as port:
        assert code(office, port, dock) == "broker-name"
        assert code(office, port, dock, host="127.0.0.1") == "broker-name"
    with broker(office, office.issue("dock9", Purpose.DOCK)) as port:
        assert code(office, port, dock) == "broker-certificate"


def test_what_speaks_no_tls_is_said(office: Office) -> None:
    dock = office.issue("dock7", Purpose.DOCK)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            plain, _ = server.accept()
            with plain:
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                plain.recv(4096)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert code(office, server.getsockname()[1], dock) == "tls"
        thread.join(10)


def test_the_alarm_is_raised_once_and_ends_with_a_connection(
    office: Office, tmp_path: Path
) -> None:
    own = office.issue("localhost", Purpose.SERVER, host="localhost")
    revoked = office.issue("dock7", Purpose.DOCK)
    signer = Es256Signer.generate()
    ledger = Ledger(tmp_path / "l.db", dock=DockId("dock7"), signer=signer, clock=DockClock())
    try:
        with broker(office, own, revoked) as port:
            door = Door(uplink(office, port, revoked), ledger, At())
            for _ in range(2):
                door.look()
                (alarm,) = ledger.alarms()
                assert alarm.code == OURS
                assert "revoked" in alarm.text
                assert "吊销" in alarm.text
        head = ledger.head()
        door.look()
        # Nobody there any more: what was said stands until there is a connection.
        assert door.trouble is None
        assert ledger.head() == head
        door.opened()
        assert ledger.alarms() == []
    finally:
        ledger.close()


def test_dates_are_refused_with_the_day() -> None:
    day = datetime(2030, 1, 2, tzinfo=UTC)
    assert "expired on 2030-01-02" in str(DatesRefused(day, expired=True))
    assert "valid from 2030-01-02 on" in str(DatesRefused(day, expired=False))
