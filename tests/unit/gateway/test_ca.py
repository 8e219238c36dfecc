"""The authority: what its certificates may do, by OpenSSL's judgement, and what is on record."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AttributeOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.ca import folder as files
from gateway.ca import profiles
from gateway.ca.command import show_certificates
from gateway.ca.crl import RevocationList
from gateway.ca.models import Certificate
from gateway.ca.profiles import Issuer, Purpose
from gateway.ca.requests import RequestError, kid_of, read_base64, read_request
from gateway.ca.service import (
    REVOKED,
    Authority,
    CertificateKeyTakenError,
    CertificateUnknownError,
)
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks import service as docks
from gateway.errors import (
    ClockWrongError,
    ConflictError,
    KeyFileError,
    LogDamagedError,
    SetupError,
)
from gateway.services import Services
from gateway.storage.local import LocalStore
from gateway.trail.client import ApiClient
from protocols.kinds import DockRevoked
from tests.simulators.dock import SimulatedDock
from tests.simulators.enrolling import new_key
from tests.simulators.seeded import SyncBridge, gateway_on

NOW = GatewayClock().now()


@dataclass
class Office:
    """An authority on its own, without a log."""

    database: Database
    store: LocalStore
    authority: Authority


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, made once."""
    made = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        database = Database(f"sqlite+aiosqlite:///{made}/gateway.db")
        await database.upgrade()
        await database.close()

    asyncio.run(make())
    return made


@contextlib.asynccontextmanager
async def office_in(folder: Path) -> AsyncIterator[Office]:
    """The authority whose everything lies below a folder, opened."""
    database = Database(f"sqlite+aiosqlite:///{folder}/gateway.db")
    store = LocalStore(folder / "store")
    opened = Authority(
        database, store, GatewayClock(), folder=folder / "ca", name="gateway", own=True
    )
    try:
        await database.upgrade()
        await opened.open(make=True)
        yield Office(database, store, opened)
    finally:
        await database.close()


@pytest.fixture
async def services(tmp_path: Path, empty: Path) -> AsyncIterator[Office]:
    shutil.copy(empty / "gateway.db", tmp_path)
    async with office_in(tmp_path) as opened:
        yield opened


# --- what a certificate may do, by OpenSSL ----------------------------------------------


class Chain:
    """A root, its authorities, and one certificate of each purpose, as files."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = profiles.make_root("test", NOW)
        self.tls = profiles.make_tls_authority(self.root, "test")
        self.statement = profiles.make_statement_authority(self.root, "test")
        for name, issuer in (("root", self.root), ("tls", self.tls), ("st", self.statement)):
            self.write(name, issuer.certificate)
        for purpose in Purpose:
            issuer = self.statement if purpose is Purpose.STATEMENT else self.tls
            hosts = ("broker.example", "10.0.0.7") if purpose is Purpose.SERVER else ()
            self.write(purpose, self.issue(issuer, purpose, hosts))

    def issue(self, issuer: Issuer, purpose: Purpose, hosts: tuple[str, ...]) -> x509.Certificate:
        key = new_key().public_key()
        return profiles.issue(issuer, purpose, "dock7", key, now=NOW, hosts=hosts)

    def write(self, name: str, certificate: x509.Certificate) -> None:
        (self.home / f"{name}.pem").write_bytes(files.pem(certificate))

    def verdict(self, name: str, between: str, *options: str) -> bool:
        """Whether OpenSSL takes a certificate under the root."""
        said = subprocess.run(
            [
                *("openssl", "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted"),
                *(f"{between}.pem", *options, f"{name}.pem"),
            ],
            cwd=self.home,
            capture_output=True,
            check=False,
        )
        return said.returncode == 0


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return Chain(tmp_path_factory.mktemp("chain"))


@pytest.mark.parametrize(
    ("name", "between", "purpose", "fit"),
    [
        ("dock", "tls", "sslclient", True),
        ("dock", "tls", "sslserver", False),
        ("client", "tls", "sslclient", True),
        ("server", "tls", "sslserver", True),
        ("server", "tls", "sslclient", False),
        ("statement", "st", "any", True),
        ("statement", "st", "sslclient", False),
        ("statement", "st", "sslserver", False),
        ("statement", "st", "smimesign", False),
    ],
)
def test_a_certificate_passes_for_its_purpose_alone(
    chain: Chain, name: str, between: str, purpose: str, *, fit: bool
) -> None:
    assert chain.verdict(name, between, "-purpose", purpose) is fit


def test_no_authority_can_issue_for_the_others_purpose(chain: Chain) -> None:
    chain.write("stolen-tls", chain.issue(chain.statement, Purpose.DOCK, ()))
    assert not chain.verdict("stolen-tls", "st", "-purpose", "sslclient")
    chain.write("stolen-host", chain.issue(chain.statement, Purpose.STATEMENT, ("evil.example",)))
    assert not chain.verdict("stolen-host", "st")
    chain.write("stolen-ip", chain.issue(chain.statement, Purpose.STATEMENT, ("10.0.0.7",)))
    assert not chain.verdict("stolen-ip", "st")


def test_no_authority_can_make_further_authorities(chain: Chain) -> None:
    below = profiles.make_tls_authority(chain.tls, "below")
    leaf = profiles.issue(below, Purpose.DOCK, "dock7", new_key().public_key(), now=NOW)
    bundle = files.pem(below.certificate) + files.pem(chain.tls.certificate)
    (chain.home / "below.pem").write_bytes(bundle)
    chain.write("leaf", leaf)
    assert not chain.verdict("leaf", "below")
    # By the root's word and by their own: not every verifier counts from the root.
    for issuer, length in ((chain.root, 1), (chain.tls, 0), (chain.statement, 0)):
        said = issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert (said.ca, said.path_length) == (True, length)


def test_a_server_is_known_by_its_names(chain: Chain) -> None:
    for option, value, fit in (
        ("-verify_hostname", "broker.example", True),
        ("-verify_hostname", "dock7", False),
        ("-verify_ip", "10.0.0.7", True),
    ):
        assert chain.verdict("server", "tls", option, value) is fit


def test_a_docks_certificate_lasts_a_year_and_a_statement_keys_as_long_as_its_authority(
    chain: Chain,
) -> None:
    dock = x509.load_pem_x509_certificate((chain.home / "dock.pem").read_bytes())
    assert dock.not_valid_before_utc <= NOW - timedelta(minutes=59)
    assert timedelta(days=365) - timedelta(seconds=2) < dock.not_valid_after_utc - NOW
    assert dock.not_valid_after_utc - NOW <= timedelta(days=365)
    statement = x509.load_pem_x509_certificate((chain.home / "statement.pem").read_bytes())
    assert statement.not_valid_after_utc == chain.statement.certificate.not_valid_after_utc
    assert dock.serial_number.bit_length() > 128
    assert dock.serial_number != statement.serial_number


# --- requests ----------------------------------------------------------------------------


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | None = None,
    names: tuple[str, ...] = ("dock7",),
    extension: x509.ExtensionType | None = None,
    attribute: x509.ObjectIdentifier | None = None,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    if attribute is not None:
        builder = builder.add_attribute(attribute, b"secret")
    key = key or new_key()
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
    made = builder.sign(key, digest)  # type: ignore[arg-type]  # the fitting hash is chosen above
    return made.public_bytes(serialization.Encoding.DER)


def test_a_plain_request_is_read() -> None:
    key = new_key()
    found = read_request(request(key))
    assert (found.name, found.kid) == ("dock7", kid_of(key.public_key()))
    assert read_request(request(key, attribute=AttributeOID.CHALLENGE_PASSWORD)).kid == found.kid


def flipped(der: bytes, at: int) -> bytes:
    return der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]


GOOD = request()
HOSTILE = {
    "empty": (b"", "csr-form"),
    "not asn.1": (b"PKCS", "csr-form"),
    "cut": (GOOD[:-1], "csr-form"),
    "bytes after it": (GOOD + b"\0", "csr-form"),
    "a certificate": (files.der(profiles.make_root("x", NOW).certificate), "csr-form"),
    "another version": (GOOD.replace(b"\x02\x01\x00", b"\x02\x01\x07", 1), "csr-form"),
    "huge": (GOOD + b"\0" * 5000, "csr-form"),
    "another's signature": (flipped(GOOD, len(GOOD) - 1), "csr-signature"),
    "rsa": (request(rsa.generate_private_key(65537, 2048)), "csr-key"),
    "ed25519": (request(ed25519.Ed25519PrivateKey.generate()), "csr-key"),
    "p-384": (request(ec.generate_private_key(ec.SECP384R1())), "csr-key"),
    "weak digest": (request(algorithm=hashes.SHA384()), "csr-signature"),
    "names": (
        request(extension=x509.SubjectAlternativeName([x509.DNSName("gateway.example")])),
        "csr-asks",
    ),
    "to be an authority": (
        request(extension=x509.BasicConstraints(ca=True, path_length=0)),
        "csr-asks",
    ),
    "an odd attribute": (request(attribute=AttributeOID.UNSTRUCTURED_NAME), "csr-asks"),
    "no name": (request(names=()), "csr-name"),
    "two names": (request(names=("dock7", "gateway")), "csr-name"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_request_that_cannot_be_granted_is_refused_with_a_reason(what: str) -> None:
    der, code = HOSTILE[what]
    with pytest.raises(RequestError) as refused:
        read_request(der)
    assert refused.value.code == code
    assert str(refused.value)


@given(st.binary(max_size=300), st.integers(0, len(GOOD) - 1))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    for der in (noise, GOOD[:at] + noise + GOOD[at + len(noise) :]):
        try:
            found = read_request(der)
        except RequestError:
            continue
        assert der == GOOD
        assert found.name == "dock7"


def test_base64_has_line_breaks_anywhere_and_no_header_lines() -> None:
    assert read_base64(b"MAA\r\n= \n".replace(b" ", b"")) == b"0\0"
    for wrong in (b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=", b"MAA", b"M\0AA", b"\xff"):
        with pytest.raises(RequestError, match="base64"):
            read_base64(wrong)


# --- keys on the disk ----------------------------------------------------------------------


def test_an_authority_is_made_once_and_read_back(tmp_path: Path) -> None:
    home = tmp_path / "ca"
    files.make(home, "gateway", NOW, development=False)
    known = files.load(home)
    assert not known.development
    assert known.root_is_here
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}
    with pytest.raises(ConflictError, match="stays"):
        files.make(home, "gateway", NOW, development=False)
    (home / "root.key").unlink()
    assert not files.load(home).root_is_here
    assert files.load(home).fingerprint == known.fingerprint


def test_a_development_authority_says_so_in_every_certificate_under_it(services: Office) -> None:
    known = services.authority.authorities
    assert known.development
    for certificate in (known.root, known.tls.certificate, known.statement.certificate):
        assert "DEVELOPMENT" in certificate.subject.rfc4514_string()


@pytest.mark.parametrize("spoiled", ["tls-ca.key", "statement-ca.pem", "root.pem"])
def test_an_authority_that_lacks_a_part_is_refused(tmp_path: Path, spoiled: str) -> None:
    home = tmp_path / "ca"
    files.make(home, "gateway", NOW, development=False)
    (home / spoiled).unlink()
    with pytest.raises(KeyFileError, match=spoiled):
        files.load(home)
    (home / spoiled).write_bytes(b"nonsense")
    (home / spoiled).chmod(0o600)
    with pytest.raises(KeyFileError, match=spoiled):
        files.load(home)


def test_authorities_that_were_swapped_or_are_anothers_are_refused(tmp_path: Path) -> None:
    home, other = tmp_path / "ca", tmp_path / "other"
    for each in (home, other):
        files.make(each, "gateway", NOW, development=False)
    (home / "tls-ca.pem").write_bytes((other / "tls-ca.pem").read_bytes())
    with pytest.raises(KeyFileError, match="not signed by"):
        files.load(home)
    for end in ("pem", "key"):
        (home / f"tls-ca.{end}").write_bytes((home / f"statement-ca.{end}").read_bytes())
    with pytest.raises(KeyFileError, match="swapped"):
        files.load(home)
    (home / "tls-ca.key").write_bytes((other / "tls-ca.key").read_bytes())
    with pytest.raises(KeyFileError, match="not the key of"):
        files.load(home)
    (home / "tls-ca.key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod"):
        files.load(home)


# --- issuing and revoking --------------------------------------------------------------------


async def test_the_same_key_gets_the_same_certificate(services: Office) -> None:
    key = new_key().public_key()
    first = await services.authority.issue(Purpose.DOCK, "dock7", key)
    assert (await services.authority.issue(Purpose.DOCK, "dock7", key)).der == first.der
    assert len(await services.authority.certificates("dock7")) == 1


async def test_what_was_issued_while_the_clock_was_ahead_is_not_given_again(
    services: Office,
) -> None:
    key, clock = new_key().public_key(), SetClock()
    services.authority._clock = clock
    clock.at += timedelta(days=14 * 365)
    ahead = await services.authority.issue(Purpose.DOCK, "dock7", key)
    clock.at -= timedelta(days=14 * 365)
    made = await services.authority.issue(Purpose.DOCK, "dock7", key)
    assert made.not_before <= clock.at < made.not_after < ahead.not_before
    assert (await services.authority.issue(Purpose.DOCK, "dock7", key)).der == made.der


async def test_a_clock_from_before_the_authority_or_after_it_makes_nothing_that_never_counts(
    services: Office,
) -> None:
    clock, key = SetClock(), new_key().public_key()
    services.authority._clock = clock
    clock.at = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    made = await services.authority.issue(Purpose.DOCK, "dock7", key)
    assert made.not_before == services.authority.authorities.tls.certificate.not_valid_before_utc
    assert (await services.authority.issue(Purpose.DOCK, "dock7", key)).der == made.der
    clock.at = datetime(2060, 1, 1, tzinfo=UTC)
    with pytest.raises(ClockWrongError, match="2060"):
        await services.authority.issue(Purpose.DOCK, "dock7", key)


async def test_a_key_is_for_one_name_and_one_purpose(services: Office) -> None:
    key = new_key().public_key()
    row = await services.authority.issue(Purpose.DOCK, "dock7", key)
    for purpose, name in ((Purpose.DOCK, "dock8"), (Purpose.STATEMENT, "dock7")):
        with pytest.raises(CertificateKeyTakenError, match="another"):
            await services.authority.issue(purpose, name, key)
    await services.authority.revoke(row.serial, "Li", "stolen")
    with pytest.raises(CertificateKeyTakenError, match="revoked"):
        await services.authority.issue(Purpose.DOCK, "dock7", key)


def lose_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_nothing_issued_or_revoked_is_lost_with_the_database(tmp_path: Path) -> None:
    key = new_key().public_key()
    async with office_in(tmp_path) as services:
        row = await services.authority.issue(Purpose.DOCK, "dock7", key)
        kept = await services.authority.issue(Purpose.STATEMENT, "dock7", new_key().public_key())
        host = await services.authority.issue(
            Purpose.SERVER, "broker", new_key().public_key(), hosts=("broker",)
        )
        await services.authority.revoke(row.serial, "李", "被盗")
    lose_database(tmp_path)
    async with office_in(tmp_path) as services:
        found = {each.serial: each for each in await services.authority.certificates()}
        assert set(found) == {row.serial, kept.serial, host.serial}
        for before in (row, kept, host):
            again = found[before.serial]
            assert (again.der, again.purpose, again.name) == (
                before.der,
                before.purpose,
                before.name,
            )
        assert (found[row.serial].revoked_by, found[row.serial].revoked_reason) == ("李", "被盗")
        with pytest.raises(CertificateKeyTakenError):
            await services.authority.issue(Purpose.DOCK, "dock7", key)


async def test_no_new_authority_is_made_where_one_was_lost(
    services: Office, tmp_path: Path
) -> None:
    await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    shutil.move(tmp_path / "ca", tmp_path / "gone")
    with pytest.raises(KeyFileError, match="restore it"):
        await services.authority.open(make=True)
    assert not files.is_there(tmp_path / "ca")


async def test_a_spoiled_record_stops_the_authority(services: Office) -> None:
    for key in ("ca/issued/1f", "ca/revoked/1f"):
        await services.store.put_bytes(key, b"nonsense")
        with pytest.raises(LogDamagedError, match=key):
            await services.authority.open(make=True)
        await services.store.delete(key)


async def test_an_unknown_serial_is_refused(services: Office) -> None:
    for serial in ("1f", "", "x", "0" * 500):
        with pytest.raises(CertificateUnknownError):
            await services.authority.revoke(serial, "Li", "test")


# --- the list ----------------------------------------------------------------------------------


class SetClock(GatewayClock):
    """A clock that a test sets."""

    at = NOW.replace(microsecond=0)

    def now(self) -> datetime:
        return self.at


def the_list(services: Office, clock: GatewayClock, path: Path) -> RevocationList:
    return RevocationList(services.database, services.authority, clock, path)


def read(path: Path) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(path.read_bytes())


def number(path: Path) -> int:
    return read(path).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


async def test_the_list_is_written_for_all_to_read_and_renewed_daily(
    services: Office, tmp_path: Path
) -> None:
    clock, path = SetClock(), tmp_path / "broker" / "crl.pem"
    crl = the_list(services, clock, path)
    assert await crl.refresh()
    assert path.stat().st_mode & 0o777 == 0o644
    tls = services.authority.authorities.tls
    assert read(path).is_signature_valid(tls.key.public_key())
    assert read(path).issuer == tls.certificate.subject
    first = number(path)
    clock.at += timedelta(hours=23)
    assert not await crl.refresh()
    clock.at += timedelta(hours=1)
    assert await crl.refresh()
    assert number(path) > first
    after = read(path).next_update_utc
    assert after is not None
    assert after - clock.at > timedelta(days=29)


async def test_revoked_certificates_and_those_of_revoked_docks_are_on_the_list(
    tmp_path: Path,
) -> None:
    path = tmp_path / "crl.pem"
    async with gateway_on(tmp_path) as services:
        await services.authority.open(make=True)
        crl = RevocationList(services.database, services.authority, SetClock(), path)
        stolen = await services.authority.issue(Purpose.DOCK, "dock8", new_key().public_key())
        mine = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
        host = new_key().public_key()
        await services.authority.issue(Purpose.SERVER, "dock7", host, hosts=("dock7",))
        await services.authority.revoke(stolen.serial, "Li", "stolen")
        assert await crl.refresh()
        assert {f"{each.serial_number:x}" for each in read(path)} == {stolen.serial}
        await revoke_dock(services)
        assert await crl.refresh()
        assert {f"{each.serial_number:x}" for each in read(path)} == {stolen.serial, mine.serial}
        assert not await crl.refresh()
        await services.authority.issue(Purpose.STATEMENT, "dock7", new_key().public_key())
        shown = await asyncio.to_thread(listed, SyncBridge(services))
        assert {each for each in shown if "revoked" in each} == {
            each for each in shown if stolen.serial in each or mine.serial in each
        }
        assert [" by Li" in each for each in shown if stolen.serial in each] == [True]
        assert [each.endswith(" with the dock") for each in shown if mine.serial in each] == [True]


def listed(bridge: SyncBridge) -> list[str]:
    """What `ca certificates` prints, without the authority."""
    said: list[str] = []
    with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
        show_certificates(client, None, said.append)
    return [each.rstrip() for each in said[1:]]


async def revoke_dock(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "test")
    body = DockRevoked(
        dock="dock7", kid=dock.signer.public.kid.hex(), last_epoch=0, last_seq=0, reason="stolen"
    )

    async def also(session: AsyncSession, indices: list[int]) -> None:
        await docks.apply(session, body, indices[0])

    await services.log.append_own(body, "urn:evidock:dock:dock7", also=also)


async def test_each_list_is_newer_than_the_one_before_however_soon_it_follows(
    services: Office, tmp_path: Path
) -> None:
    path, seen = tmp_path / "crl.pem", []
    crl = the_list(services, SetClock(), path)
    for _ in range(4):
        row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
        await services.authority.revoke(row.serial, "Li", "test")
        assert await crl.refresh()
        seen.append((read(path).last_update_utc, number(path)))
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in itertools.pairwise(seen))


async def test_a_restored_database_takes_nobody_off_the_list_before_the_certificate_ends(
    services: Office, tmp_path: Path
) -> None:
    path, clock, serials = tmp_path / "crl.pem", SetClock(), []
    crl = the_list(services, clock, path)
    for _ in range(2):
        row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
        serials.append((await services.authority.revoke(row.serial, "Li", "stolen")).serial)
    assert await crl.refresh()
    async with services.database.session() as session:
        # From a day on which one was not revoked yet, and the other one not even issued.
        (await session.get_one(Certificate, serials[0])).revoked_at = None
        await session.delete(await session.get_one(Certificate, serials[1]))
        dates = [(await services.authority.certificate(serials[0])).not_before]
    shutil.rmtree(tmp_path / "store")
    assert not await crl.refresh()
    # Nor is it forgotten anywhere else: not who may renew, nor which keys are barred.
    again = await services.authority.certificate(serials[0])
    assert again.revoked_by == "the list"
    assert again.revoked_at is not None
    assert again.revoked_at >= dates[0]
    assert [key async for key in services.store.iterate(REVOKED)] == [
        f"{REVOKED}/{serial}" for serial in sorted(serials)
    ]
    clock.at += timedelta(days=2)
    assert await crl.refresh()
    assert {f"{each.serial_number:x}" for each in read(path)} == set(serials)
    clock.at += timedelta(days=366)
    assert await crl.refresh()
    assert serials[0] not in {f"{each.serial_number:x}" for each in read(path)}


@pytest.mark.parametrize("left", [b"", b"nonsense", None])
async def test_a_list_that_is_spoiled_or_anothers_is_written_anew(
    services: Office, tmp_path: Path, left: bytes | None
) -> None:
    path = tmp_path / "crl.pem"
    crl = the_list(services, SetClock(), path)
    if left is None:
        other = Authority(
            services.database,
            services.store,
            SetClock(),
            folder=tmp_path / "other",
            name="other",
            own=True,
        )
        await other.open(make=True)
        await RevocationList(services.database, other, SetClock(), path).refresh()
    else:
        path.write_bytes(left)
    assert await crl.refresh()
    assert read(path).is_signature_valid(services.authority.authorities.tls.key.public_key())


async def test_after_a_clock_was_set_back_the_list_is_of_the_present(
    services: Office, tmp_path: Path
) -> None:
    clock, path = SetClock(), tmp_path / "crl.pem"
    crl = the_list(services, clock, path)
    clock.at += timedelta(days=400)
    await crl.refresh()
    before = number(path)
    clock.at -= timedelta(days=400)
    assert await crl.refresh()
    assert read(path).last_update_utc < clock.at
    assert number(path) > before
    assert not await crl.refresh()


async def test_a_clock_from_before_the_authority_writes_no_list_that_shuts_everybody_out(
    services: Office, tmp_path: Path
) -> None:
    clock, path = SetClock(), tmp_path / "crl.pem"
    crl = the_list(services, clock, path)
    await crl.refresh()
    before = path.read_bytes()
    clock.at = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    with pytest.raises(ClockWrongError, match="clock"):
        await crl.refresh()
    assert path.read_bytes() == before


async def test_a_list_that_cannot_be_written_is_an_error_that_names_it(
    services: Office, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"crl\.pem: Not a directory"):
        await the_list(services, SetClock(), tmp_path / "file" / "crl.pem").refresh()
