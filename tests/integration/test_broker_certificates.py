"""Real Mosquitto with the configuration that is shipped, and certificates of the real authority."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509

from edge.clock import DockClock
from edge.config import TlsSection, UplinkSection
from edge.uplink_door import examine
from gateway.__main__ import main
from gateway.ca import folder as files
from gateway.ca.crl import RevocationList
from gateway.ca.models import Certificate
from gateway.ca.profiles import Purpose, new_key
from gateway.ca.service import Authority
from gateway.clock import GatewayClock
from gateway.config import Config, load
from gateway.db import Database
from gateway.storage.opening import store_of
from tests.demo.programs import free_port
from tests.simulators.mosquitto import wait_for_port
from tests.simulators.tools import needed

pytestmark = [pytest.mark.broker, pytest.mark.timeout(60)]
SHIPPED = Path(__file__).parents[2] / "systemd"
HEARD = "evidock/1/dock/dock7/head"


class Site:
    """A gateway's authority with its database, and a broker's folder."""

    def __init__(
        self, home: Path, config: Config, authority: Authority, crl: RevocationList
    ) -> None:
        self.home, self.config, self.authority, self.crl = home, config, authority, crl
        self.port = free_port()

    @property
    def broker(self) -> Path:
        """What would be ``/etc/evidock/broker``."""
        return self.home / "broker"

    async def issue(self, name: str, purpose: Purpose = Purpose.DOCK) -> Certificate:
        """A certificate with its key and authority in ``NAME-PURPOSE.pem``."""
        key = new_key()
        row = await self.authority.issue(purpose, name, key.public_key())
        issuer = self.authority.authorities.issuer(purpose).certificate
        text = files.pem(x509.load_der_x509_certificate(row.der)) + files.pem(issuer)
        self.paper(f"{name}-{purpose}").write_bytes(text + files.key_pem(key))
        return row

    def paper(self, name: str) -> Path:
        return self.home / f"{name}.pem"

    def client(self, paper: Path, key: Path | None = None) -> aiomqtt.Client:
        """Connects as a dock or gateway would."""
        context = ssl.create_default_context(cafile=str(self.broker / "ca.pem"))
        context.load_cert_chain(paper, key)
        return aiomqtt.Client("localhost", self.port, tls_context=context, timeout=2)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = load(data_dir=tmp_path / "gateway")
    data = ("--data-dir", str(tmp_path / "gateway"))
    broker = str(tmp_path / "broker")
    # The operator's own commands, as the notes say.
    for command in (
        ("ca", "init", *data),
        ("ca", "server", "localhost", "127.0.0.1", "--out", broker, *data),
        ("ca", "client", "--out", broker, *data),
    ):
        assert await asyncio.to_thread(main, command) == 0
    database = Database(config.database_url)
    authority = Authority(
        database,
        store_of(config),
        GatewayClock(),
        folder=config.ca_dir,
        name="gateway",
        own=True,
    )
    await authority.open(make=False)
    crl = RevocationList(database, authority, GatewayClock(), tmp_path / "broker" / "crl.pem")
    await crl.refresh()
    try:
        yield Site(tmp_path, config, authority, crl)
    finally:
        await database.close()


@contextlib.contextmanager
def mosquitto(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    needed("mosquitto", "mosquitto")
    text = (SHIPPED / "evidock-mosquitto.conf").read_text()
    # Only places and the port are this test's; as root it would else become another user.
    text = re.sub(r"/etc/evidock/broker/acl", str(SHIPPED / "evidock-mosquitto.acl"), text)
    text = re.sub(r"broker/broker\.", "broker/localhost.", text)
    text = re.sub(r"/(etc|var/lib)/evidock/broker", str(site.broker), text)
    text = text.replace("listener 8883", f"listener {site.port} 127.0.0.1")
    config = site.home / "mosquitto.conf"
    config.write_text(f"user root\n{text}")
    log = (site.home / "mosquitto.log").open("wb")
    with log, subprocess.Popen(["mosquitto", "-c", str(config)], stderr=log) as broker:
        try:
            wait_for_port(site.port)
            yield broker
        finally:
            broker.terminate()


async def refused(client: aiomqtt.Client) -> bool:
    with contextlib.suppress(aiomqtt.MqttError):
        async with client:
            return False
    return True


async def test_the_broker_takes_whom_the_authority_vouches_for_and_keeps_docks_apart(
    site: Site,
) -> None:
    for name in ("dock7", "dock8"):
        await site.issue(name)
    await site.issue("dock7", Purpose.STATEMENT)
    own = (site.broker / "gateway.pem", site.broker / "gateway.key")
    with mosquitto(site):
        await only_the_dock_is_heard(site, own)


async def only_the_dock_is_heard(site: Site, own: tuple[Path, Path]) -> None:
    async with site.client(*own) as gateway:
        await gateway.subscribe("evidock/1/dock/#", qos=1)
        # A server's certificate, and a statement key's, open no door.
        server = (site.broker / "localhost.pem", site.broker / "localhost.key")
        assert await refused(site.client(*server))
        assert await refused(site.client(site.paper("dock7-statement")))
        async with site.client(site.paper("dock8-dock")) as other:
            await other.publish(HEARD, b"forged", qos=1)
            await other.publish("evidock/1/gate/dock8/release", b"forged", qos=1)
        async with site.client(site.paper("dock7-dock")) as dock:
            await dock.publish(HEARD, b"true", qos=1)
        message = await asyncio.wait_for(anext(aiter(gateway.messages)), 10)
        assert (str(message.topic), message.payload) == (HEARD, b"true")


async def test_a_revoked_certificate_is_refused_once_the_broker_has_read_the_list_again(
    site: Site,
) -> None:
    stolen = await site.issue("dock7")
    await site.issue("dock8")
    with mosquitto(site) as broker:
        assert not await refused(site.client(site.paper("dock7-dock")))
        await site.authority.revoke(stolen.serial, "Li", "stolen")
        assert await site.crl.refresh()
        broker.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            while not await refused(site.client(site.paper("dock7-dock"))):
                pass
        assert not await refused(site.client(site.paper("dock8-dock")))
        # The dock hears why, though its MQTT client only sees a connection that ends.
        own = site.paper("dock7-dock")
        tls = TlsSection(ca=site.broker / "ca.pem", cert=own, key=own)
        uplink = UplinkSection(host="localhost", port=site.port, tls=tls)
        found = await asyncio.to_thread(examine, uplink, DockClock())
        assert found is not None
        assert found.code == "certificate-revoked"
        # Reissued under the same name for another key, it is let in again.
        await site.issue("dock7")
        assert not await refused(site.client(site.paper("dock7-dock")))


async def test_a_broker_that_knows_the_root_takes_docks_of_a_renewed_authority(site: Site) -> None:
    """Without a new file for it, but for the list; and refuses the revoked of both."""
    for name in ("dock7", "dock8"):
        await site.issue(name)
    before = {each.name: each for each in await site.authority.certificates()}
    assert (
        await asyncio.to_thread(
            main, ("ca", "renew", "tls-ca", "--data-dir", str(site.home / "gateway"))
        )
        == 0
    )
    await site.authority.look()
    new = await site.issue("dock9")
    await site.issue("dock10")
    assert await site.crl.refresh()
    with mosquitto(site) as broker:
        for name in ("dock7", "dock8", "dock9", "dock10"):
            assert not await refused(site.client(site.paper(f"{name}-dock"))), name
        for row in (before["dock8"], new):
            await site.authority.revoke(row.serial, "Li", "stolen")
        assert await site.crl.refresh()
        broker.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            while not await refused(site.client(site.paper("dock9-dock"))):
                pass
        assert await refused(site.client(site.paper("dock8-dock")))
        for name in ("dock7", "dock10"):
            assert not await refused(site.client(site.paper(f"{name}-dock"))), name
