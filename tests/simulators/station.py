"""A gateway and a broker as a station runs them: one authority, mutual TLS, a dock that enrols.

Real programs: `evidock-gateway serve` with its enrolment listener, Mosquitto with certificates of
that authority and the ACL of the documents, `evidock-edge` with settings as `setup` writes them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from protocols.enrolment import Invitation
from tests.demo.programs import Program, free_port, script
from tests.simulators.asking import AsHost
from tests.simulators.tools import needed

_BROKER = """\
user root
listener {port} 127.0.0.1
cafile {home}/broker/ca.pem
certfile {home}/broker/localhost.pem
keyfile {home}/broker/localhost.key
require_certificate true
use_identity_as_username true
acl_file {home}/acl
"""
_ACL = """\
user gateway
topic readwrite evidock/1/#
pattern write evidock/1/dock/%u/#
pattern read evidock/1/gate/%u/#
"""
_GATEWAY = """\
[gateway]
data_dir = "{home}/data"
[api]
port = {api}
[enrolment]
names = ["localhost"]
port = {enrolment}
[broker]
embedded = false
host = "localhost"
port = {mqtt}
[broker.tls]
ca = "{home}/own/ca.pem"
cert = "{home}/own/gateway.pem"
key = "{home}/own/gateway.key"
"""
_DOCK = """\
[dock]
id = "{dock}"
state_dir = "{home}/state"
key = "{key}"
trust = "{home}/trust.json"
[spool]
reserve_mb = 16
[cameras]
folders = [{{ path = "camera", name = "cam1", bay = "1" }}]
settle_s = 0.2
scan_s = 0.1
[uplink]
host = "localhost"
port = {mqtt}
min_backoff_s = 0.1
max_backoff_s = 1.0
announce_s = 1.0
[uplink.tls]
ca = "{home}/state/enrolment/ca.pem"
cert = "{home}/state/enrolment/tls.cert.pem"
key = "{home}/state/enrolment/tls.key.pem"
"""


@dataclass
class Station:
    """The running gateway and broker."""

    home: Path
    gateway: Program
    broker: Program
    api: str
    mqtt: int

    def invite(self, dock: str = "dock7") -> Invitation:
        """As an operator does."""
        answer = httpx.post(
            f"{self.api}/api/v1/invitations",
            json={"dock": dock, "by": "Li"},
            timeout=30,
            auth=AsHost(),
        )
        assert answer.is_success, answer.text
        return Invitation.parse(answer.json()["text"])

    def dock(self, home: Path, *, dock: str = "dock7", key: str = "statement.pem") -> Path:
        """Settings of a dock that is not enrolled; gives the file."""
        (home / "camera").mkdir(parents=True)
        config = home / "edge.toml"
        config.write_text(_DOCK.format(home=home, dock=dock, key=key, mqtt=self.mqtt))
        return config


@contextlib.contextmanager
def station(home: Path) -> Iterator[Station]:
    """Start gateway and broker; both end with the block."""
    home.mkdir(exist_ok=True)
    needed("mosquitto", "mosquitto")
    api, mqtt, enrolment = free_port(), free_port(), free_port()
    settings = {"home": home, "api": api, "mqtt": mqtt, "enrolment": enrolment}
    (home / "gateway.toml").write_text(_GATEWAY.format(**settings))
    (home / "acl").write_text(_ACL)
    (home / "broker.conf").write_text(_BROKER.format(home=home, port=mqtt))
    for words in (("init",), ("server", "localhost", "--out", home / "broker")):
        _gateway("ca", *words, "--config", home / "gateway.toml")
    _gateway("ca", "client", "--out", home / "own", "--config", home / "gateway.toml")
    broker = Program("broker", ["mosquitto", "-c", home / "broker.conf"], home / "broker.log")
    gateway = Program(
        "gateway",
        [script("evidock-gateway"), "serve", "--config", home / "gateway.toml"],
        home / "gateway.log",
    )
    running = Station(home, gateway, broker, f"http://127.0.0.1:{api}", mqtt)
    with contextlib.ExitStack() as ending:
        for each in (broker, gateway):
            # Both, whatever became of either; one that cannot be killed is told.
            ending.callback(each.kill)
            each.start()
        gateway.wait_until(lambda: _up(running.api), "to be up", 60)
        yield running


def _gateway(*words: object) -> None:
    done = subprocess.run(
        [script("evidock-gateway"), *(str(word) for word in words)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def _up(api: str) -> bool | None:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{api}/healthz").is_success or None
    return None


def enrol(
    config: Path, invitation: str, *more: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`evidock-edge enrol`, the invitation pasted."""
    return subprocess.run(
        [sys.executable, "-m", "edge", "enrol", "--config", str(config), *more],
        input=f"{invitation}\n",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
