"""A renewed authority is trusted beside the one before, and a cut leaves the one or the other."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.enrolment.certificates import pinned_in, wrong_with
from gateway.__main__ import main
from gateway.ca import folder as files
from gateway.ca import renewing
from gateway.ca.folder import Authorities
from gateway.ca.profiles import Purpose, issue, new_key
from gateway.ca.renewing import renew
from gateway.ca.requests import kid_of
from gateway.clock import GatewayClock
from gateway.enrolment.listener import _certificates
from gateway.errors import ClockWrongError, InvalidError, KeyFileError
from hashing.keys import PublicKey
from protocols.enrolment import fingerprint
from tests.simulators.seeded import gateway_on

NOW = GatewayClock().now()
LATER = NOW + timedelta(days=200)


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    """An authority whose root's key is in a safe."""
    home = tmp_path / "ca"
    files.make(home, "gateway", NOW, development=False)
    shutil.move(home / "root.key", tmp_path / "safe.key")
    return home


def renewed(ca: Path, part: str, *, same_key: bool = False) -> Authorities:
    return renew(ca, part, LATER, root_key=ca.parent / "safe.key", same_key=same_key)


def takes(
    folder: Path,
    root: x509.Certificate,
    own: x509.Certificate,
    by: x509.Certificate,
    purpose: str = "any",
) -> bool:
    """Whether OpenSSL takes a certificate with what is sent beside it, under one root alone."""
    for name, found in (("trusted", root), ("sent", by), ("own", own)):
        (folder / f"{name}.pem").write_bytes(files.pem(found))
    said = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-attime", str(int(LATER.timestamp()))),
            *("-purpose", purpose),
            *("-CAfile", "trusted.pem", "-untrusted", "sent.pem", "own.pem"),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return said.returncode == 0


@pytest.mark.parametrize("same_key", [False, True])
@pytest.mark.parametrize("part", ["tls-ca", "statement-ca"])
def test_a_renewed_authority_stands_beside_the_one_before(
    ca: Path,
    tmp_path: Path,
    part: str,
    same_key: bool,  # noqa: FBT001 -- a table
) -> None:
    before = files.load(ca)
    purpose = Purpose.DOCK if part == "tls-ca" else Purpose.STATEMENT
    old = issue(before.issuer(purpose), purpose, "dock7", new_key().public_key(), now=NOW)
    after = renewed(ca, part, same_key=same_key)
    again = files.load(ca)
    assert (again.tls_certificates, again.former) == (after.tls_certificates, after.former)
    assert after.root == before.root
    issuer = after.issuer(purpose)
    assert issuer.certificate != before.issuer(purpose).certificate
    assert (issuer.certificate.subject == before.issuer(purpose).certificate.subject) == same_key
    new = issue(issuer, purpose, "dock7", new_key().public_key(), now=LATER)
    for own, by in ((old, before), (new, after)):
        assert takes(tmp_path, before.root, own, by.issuer(purpose).certificate)
        assert files.is_signed(own, after.chain(own)[1])
        assert after.chain(own)[2] == before.root
    # The rights are those of before, and no more.
    client = issue(issuer, Purpose.DOCK, "dock7", new_key().public_key(), now=LATER)
    fits = takes(tmp_path, after.root, client, issuer.certificate, purpose="sslclient")
    assert fits == (purpose is Purpose.DOCK)
    # Nothing of it lies about, and nobody else may read it.
    assert not list(tmp_path.glob("ca.*"))
    assert {each.stat().st_mode & 0o777 for each in ca.rglob("*.*")} == {0o600}
    again = renewed(ca, part, same_key=same_key)
    assert len(again.former) == 2
    assert len(again.tls_issuers) == (3 if part == "tls-ca" and not same_key else 1)


def test_docks_that_pinned_the_old_root_go_on_under_a_new_one(ca: Path, tmp_path: Path) -> None:
    before = files.load(ca)
    old = issue(before.tls, Purpose.DOCK, "dock7", new_key().public_key(), now=NOW)
    statement = issue(before.statement, Purpose.STATEMENT, "d", new_key().public_key(), now=NOW)
    after = renewed(ca, "root")
    assert after.fingerprint != before.fingerprint
    assert after.root.not_valid_after_utc > before.root.not_valid_after_utc
    assert after.root_is_here
    assert after.roots == (after.root, before.root)
    assert [files.is_signed(each, after.chain(each)[1]) for each in (old, statement)] == [True] * 2
    assert after.chain(old)[2] == before.root
    # As the listener answers, and docks of both kinds read it.
    key = new_key().public_key()
    new = issue(after.tls, Purpose.DOCK, "dock7", key, now=LATER)
    public = PublicKey.from_pem(_public(key))
    for purpose in (Purpose.DOCK, Purpose.STATEMENT):
        pairs = [(root, after.under(root, purpose)) for root in after.roots]
        sent = [each for pair in pairs for each in pair if each is not None]
        assert len(sent) == 4
        raw = _raw(sent)
        for root in after.roots:
            found = pinned_in(raw, fingerprint(files.der(root)))
            assert found.root == root
            if purpose is Purpose.DOCK:
                assert wrong_with(new, found, public, "dock7") == ""
                assert takes(tmp_path, root, new, found.issuing)
    # A server shows what the oldest pin needs; who has the newest has its authority at hand.
    host = issue(
        after.tls, Purpose.SERVER, "broker", new_key().public_key(), now=LATER, hosts=("broker",)
    )
    assert takes(tmp_path, before.root, host, after.served(Purpose.SERVER))
    assert not takes(tmp_path, after.root, old, before.tls.certificate)


def _raw(sent: list[x509.Certificate]) -> bytes:
    return base64.b64decode(bytes(_certificates(sent).body))


def _public(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_what_cannot_be_renewed_changes_nothing(ca: Path, tmp_path: Path) -> None:
    def tree() -> dict[Path, bytes]:
        return {each: each.read_bytes() for each in ca.rglob("*.*")}

    kept = tree()
    safe = tmp_path / "safe.key"
    for error, part, key, same in (
        (KeyFileError, "tls-ca", None, False),
        (KeyFileError, "tls-ca", tmp_path / "gone.key", False),
        (KeyFileError, "tls-ca", ca / "tls-ca.key", False),
        (KeyFileError, "statement-ca", ca / "root.pem", False),
        (InvalidError, "root", safe, True),
    ):
        with pytest.raises(error):
            renew(ca, part, LATER, root_key=key, same_key=same)
    with pytest.raises(ClockWrongError, match="the root ends"):
        renew(ca, "tls-ca", NOW + timedelta(days=26 * 365), root_key=safe, same_key=False)
    (ca / "tls-ca.key").unlink()
    with pytest.raises(KeyFileError, match="missing"):
        renewed(ca, "statement-ca")
    del kept[ca / "tls-ca.key"]
    assert tree() == kept


CUT = """
import sys
from datetime import datetime
from pathlib import Path
from gateway.ca.renewing import renew
folder, part, now = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
renew(folder, part, now, root_key=folder.parent / "safe.key", same_key=False)
"""


@pytest.mark.parametrize(("part", "point"), [("tls-ca", "ca.renewed"), ("root", "ca.swapped")])
def test_a_power_cut_leaves_the_old_or_the_new(ca: Path, part: str, point: str) -> None:
    before = files.load(ca)
    cut = subprocess.run(
        [sys.executable, "-c", CUT, str(ca), part, LATER.isoformat()],
        env={**os.environ, "EVIDOCK_CRASH_AT": point},
        capture_output=True,
        check=False,
    )
    assert cut.returncode == -signal.SIGKILL, cut.stderr
    left = files.load(ca)
    assert (left.tls.certificate == before.tls.certificate) == (point == "ca.renewed")
    safe = ca / "root.key" if left.root != before.root else ca.parent / "safe.key"
    renew(ca, part, LATER, root_key=safe, same_key=False)
    assert files.load(ca).tls.certificate != left.tls.certificate
    assert not list(ca.parent.glob("ca.*"))


def test_an_operator_renews_at_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "data"
    files.make(home / "ca", "gateway", NOW, development=False)
    before = files.load(home / "ca")
    said = ["ca", "renew", "root", "--data-dir", str(home)]
    assert main(said) == 0
    after = files.load(home / "ca")
    assert after.fingerprint.hex() in capsys.readouterr().out
    # The old root's key lay here; it is not thrown away for its owner.
    key = home / "ca" / "former" / f"{before.root.serial_number:x}.key"
    assert b"PRIVATE KEY" in key.read_bytes()
    assert main([*said, "--same-key"]) != 0
    assert "docks pin" in capsys.readouterr().err
    assert main(["ca", "renew", "tls-ca", "--same-key", "--data-dir", str(home)]) == 0
    assert files.load(home / "ca").root == after.root


def test_a_disk_that_cannot_exchange_folders_renames_them(
    ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "_EXCHANGE", 1 << 30)  # a flag that no kernel knows
    before = files.load(ca)
    assert renewed(ca, "tls-ca").former == (before.tls.certificate,)
    assert not list(tmp_path.glob("ca.*"))


async def test_a_running_authority_takes_it_up_and_keeps_a_list_for_each(tmp_path: Path) -> None:
    files.make(tmp_path / "ca", "gateway", NOW, development=False)
    async with gateway_on(tmp_path) as services:
        key = new_key().public_key()
        old = await services.authority.issue(Purpose.DOCK, "dock7", key)
        kept = await services.authority.issue(Purpose.STATEMENT, "d", new_key().public_key())
        host = await services.authority.issue(Purpose.DOCK, "dock8", new_key().public_key())
        renew(tmp_path / "ca", "tls-ca", NOW, root_key=None, same_key=False)
        await services.upkeep.look()
        again = await services.authority.issue(Purpose.STATEMENT, "d", _key_of(kept.der))
        assert again.serial == kept.serial
        new = await services.authority.issue(Purpose.DOCK, "dock7", key)
        assert new.serial != old.serial
        for row in (old, new, kept):
            chain = [x509.load_der_x509_certificate(each) for each in services.authority.chain(row)]
            assert files.is_signed(chain[0], chain[1])
            assert files.is_signed(chain[1], chain[2])
        for row in (new, host):
            await services.authority.revoke(row.serial, "Li", "stolen")
        assert await services.revocations.refresh()
        assert not await services.revocations.refresh()
        known = services.authority.authorities
        found = _lists(tmp_path / "crl.pem")
        assert len(found) == 2
        for each, issuer in zip(found, known.tls_issuers, strict=True):
            assert each.is_signature_valid(issuer.key.public_key())
            assert {f"{one.serial_number:x}" for one in each} == {new.serial, host.serial}
        assert kid_of(key) == old.kid
        # The very first list after a renewal goes on from the one before.
        numbers = [_number(each) for each in found]
        renew(tmp_path / "ca", "tls-ca", NOW, root_key=None, same_key=False)
        await services.upkeep.look()
        assert await services.revocations.refresh()
        found = _lists(tmp_path / "crl.pem")
        assert len(found) == 3
        assert all(_number(each) > max(numbers) for each in found)


def _key_of(der: bytes) -> ec.EllipticCurvePublicKey:
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def _number(found: x509.CertificateRevocationList) -> int:
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _lists(path: Path) -> list[x509.CertificateRevocationList]:
    head = b"-----BEGIN X509 CRL-----"
    return [x509.load_pem_x509_crl(head + each) for each in path.read_bytes().split(head)[1:]]
