"""A real dock program behind mutual TLS: the broker knows it by its certificate alone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge import screen, uplink
from edge.__main__ import main
from edge.config import TlsSection, UplinkSection
from edge.kiosk import view
from edge.uplink_door import OURS, THEIRS
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.gateway import GrowingLog
from tests.unit.edge.bayside import until
from tests.unit.edge.test_uplink import Linked

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]

BROKER = """\
user root
listener {port} 127.0.0.1
cafile {home}/ca.pem
certfile {home}/broker.pem
keyfile {home}/broker.key
require_certificate true
use_identity_as_username true
acl_file {home}/acl
"""
ACL = """\
pattern write evidock/1/dock/%u/#
pattern read evidock/1/gate/%u/#
"""


class Authority:
    """A certificate authority for one test."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test ca")])
        certificate = self._certificate(self._name, self._key.public_key(), ca=True)
        (home / "ca.pem").write_bytes(certificate)

    def issue(self, name: str) -> None:
        """Write ``<name>.pem`` and ``<name>.key``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        (self._home / f"{name}.pem").write_bytes(self._certificate(subject, key.public_key()))
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (self._home / f"{name}.key").write_bytes(private)

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool = False
    ) -> bytes:
        now = datetime.fromtimestamp(1_790_000_000, UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3650))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    authority = Authority(tmp_path)
    authority.issue("broker")
    authority.issue("dock7")
    port = free_port()
    (tmp_path / "acl").write_text(ACL)
    (tmp_path / "broker.conf").write_text(BROKER.format(port=port, home=tmp_path))
    broker = subprocess.Popen(
        ["mosquitto", "-c", str(tmp_path / "broker.conf")], stderr=subprocess.DEVNULL
    )
    yield port
    broker.terminate()
    broker.wait(10)


def daemon_with(tmp_path: Path, port: int, certificate: str) -> EdgeDaemon:
    daemon = EdgeDaemon(tmp_path / "dock", GrowingLog().anchors, port=port)
    text = daemon.config.read_text().replace("[uplink]\n", '[uplink]\nhost = "localhost"\n')
    text += f'\n[uplink.tls]\nca = "{tmp_path}/ca.pem"\n'
    text += f'cert = "{tmp_path}/{certificate}.pem"\nkey = "{tmp_path}/{certificate}.key"\n'
    daemon.config.write_text(text)
    return daemon


async def test_a_dock_with_its_certificate_is_let_in(tmp_path: Path, port: int) -> None:
    daemon = daemon_with(tmp_path, port, "dock7")
    (daemon.folder / "a.mp4").write_bytes(b"a")
    async with daemon.running():
        status = await daemon.until(lambda s: s["uplink"]["connected"])
        assert status["uplink"]["problem"] == ""
        await daemon.until(lambda s: bay(s)["phase"] == "copied")


def test_a_dock_whose_certificate_is_missing_does_not_start_and_names_it(
    tmp_path: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = daemon_with(tmp_path, port, "missing")
    assert main(["run", "--config", str(daemon.config)]) == 2
    assert f"uplink.tls.cert: {tmp_path}/missing.pem: No such file" in capsys.readouterr().err


async def test_a_broker_of_another_authority_is_not_trusted_and_footage_taken_all_the_same(
    tmp_path: Path, port: int
) -> None:
    other = tmp_path / "other"
    other.mkdir(exist_ok=True)
    Authority(other)
    daemon = daemon_with(tmp_path, port, "dock7")
    text = daemon.config.read_text().replace(f"{tmp_path}/ca.pem", f"{other}/ca.pem")
    daemon.config.write_text(text)
    (daemon.folder / "a.mp4").write_bytes(b"a")
    async with daemon.running():
        await daemon.until(lambda s: bay(s)["phase"] == "copied")
        status = await daemon.until(lambda s: THEIRS in codes(s))
        assert status["uplink"]["trouble"]["code"] == "broker-unknown"
        assert "not of the gateway" in status["uplink"]["problem"]
        assert "不属于本采集站登记的网关" in screen.table(status)
        assert "不属于本采集站登记的网关" in view.queue(status)[0]


async def test_a_dock_whose_certificate_the_broker_refuses_says_so_until_it_is_let_in(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS 1.3, where the MQTT client itself sees no more than an answer that does not come."""
    monkeypatch.setattr(uplink, "_CONNECT_S", 2.0)
    other = tmp_path / "other"
    other.mkdir()
    Authority(other).issue("dock7")
    own = {end: tmp_path / f"own.{end}" for end in ("pem", "key")}
    for end, path in own.items():
        shutil.copy(other / f"dock7.{end}", path)
    tls = TlsSection(ca=tmp_path / "ca.pem", cert=own["pem"], key=own["key"])
    section = UplinkSection(
        host="localhost", port=port, tls=tls, min_backoff_s=0.1, max_backoff_s=0.2
    )
    linked = Linked(tmp_path, section)
    running = asyncio.ensure_future(linked.uplink.run())
    try:
        await until(lambda: OURS in standing(linked))
        told = linked.uplink.problem
        assert "the broker does not take this dock's certificate" in told
        # Put right by hand: the alarm ends with the connection.
        for end, path in own.items():
            shutil.copy(tmp_path / f"dock7.{end}", path)
        await until(lambda: linked.uplink.connected and not standing(linked))
        assert linked.uplink.trouble is None
    finally:
        running.cancel()
        await asyncio.wait({running})
        linked.ledger.close()


def standing(linked: Linked) -> set[str]:
    return {each.code for each in linked.ledger.alarms()}


def codes(status: Any) -> set[str]:  # noqa: ANN401  # JSON
    return {each["code"] for each in status["alarms"]} & {OURS, THEIRS}
