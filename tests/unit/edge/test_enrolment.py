"""Whatever answers at the gateway's address, a dock stops with a reason and writes nothing."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from edge import tls
from edge.clock import DockClock
from edge.enrolment import certificates, steps
from edge.enrolment.certificates import Authorities
from edge.enrolment.papers import Papers
from edge.enrolment.wire import Listener
from edge.errors import ConfigError, EnrolmentLater, EnrolmentRefused
from hashing.keys import Es256Signer
from protocols.enrolment import Invitation, fingerprint
from protocols.ids import dock_id

START = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(
    name: str, signer: Es256Signer, issuer: str, by: Es256Signer, **options: bool
) -> x509.Certificate:
    """A certificate; ``ca`` makes it an authority's, ``local`` a server's."""
    key = certificates._Signing(signer)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=30_000))
        .add_extension(x509.BasicConstraints(options.get("ca", False), None), critical=True)
    )
    if options.get("local"):
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(certificates._Signing(by), hashes.SHA256())


ROOT, ISSUING, OWN = (Es256Signer.generate() for _ in range(3))
TOP = certificate("root", ROOT, "root", ROOT, ca=True)
MIDDLE = certificate("tls", ISSUING, "root", ROOT, ca=True)
LEAF = certificate("dock7", OWN, "tls", ISSUING)
BY = Authorities(TOP, MIDDLE)
PIN = fingerprint(TOP.public_bytes(Encoding.DER))


def packed(*found: x509.Certificate) -> bytes:
    return pkcs7.serialize_certificates(list(found), Encoding.DER)


WHOLE = packed(TOP, MIDDLE)

# --- certificates -------------------------------------------------------------------------


def test_a_request_asks_for_nothing_but_its_name() -> None:
    csr = x509.load_der_x509_csr(certificates.request(OWN, "dock7"))
    assert csr.is_signature_valid
    assert csr.subject.rfc4514_string() == "CN=dock7"
    assert len(csr.extensions) == 0
    assert certificates.is_for(LEAF, OWN.public)


def test_only_what_leads_to_the_pinned_root_is_believed() -> None:
    assert certificates.pinned_in(packed(TOP, MIDDLE), PIN) == BY
    assert certificates.issued_in(packed(LEAF), BY, OWN.public, "dock7") == LEAF


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ((MIDDLE,), "another fingerprint"),
        ((TOP,), "no authority"),
        ((TOP, certificate("tls", ISSUING, "root", OWN, ca=True)), "no authority"),
        ((certificate("root", ROOT, "root", ROOT, ca=True), MIDDLE), "another fingerprint"),
        ((TOP,) * 9, "9 certificates"),
    ],
)
def test_authorities_that_are_not_the_pinned_ones_are_refused(
    sent: tuple[x509.Certificate, ...], said: str
) -> None:
    with pytest.raises(EnrolmentRefused, match=said):
        certificates.pinned_in(packed(*sent), PIN)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ((LEAF, LEAF), "2 certificates"),
        ((certificate("dock8", OWN, "tls", ISSUING),), "another dock"),
        ((certificate("dock7", ROOT, "tls", ISSUING),), "another key"),
        ((certificate("dock7", OWN, "tls", ROOT),), "did not sign"),
    ],
)
def test_a_certificate_that_is_not_ours_is_refused(
    sent: tuple[x509.Certificate, ...], said: str
) -> None:
    with pytest.raises(EnrolmentRefused, match=said):
        certificates.issued_in(packed(*sent), BY, OWN.public, "dock7")


@given(st.binary(max_size=200) | st.integers(0, len(WHOLE) - 1).map(lambda n: WHOLE[:n]))
def test_bytes_that_are_no_certificates_are_refused(raw: bytes) -> None:
    with pytest.raises(EnrolmentRefused):
        certificates.pinned_in(raw, PIN)


def test_renewal_is_due_at_two_thirds_of_a_life() -> None:
    assert certificates.renew_at(LEAF) == START + timedelta(days=20_000)


# --- what a listener may answer -----------------------------------------------------------


@contextmanager
def answering(folder: Path, status: int, body: bytes, **headers: str) -> Iterator[int]:
    """A server of our authority that says one thing to everything; gives its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    chain = certificate("localhost", OWN, "tls", ISSUING, local=True)
    (folder / "server.pem").write_bytes(
        b"".join(each.public_bytes(Encoding.PEM) for each in (chain, MIDDLE)) + OWN.pem()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def problem(code: object, detail: object = "why") -> bytes:
    return json.dumps({"code": code, "detail": detail}).encode()


def test_the_authorities_are_fetched_before_anybody_is_believed(tmp_path: Path) -> None:
    body = base64.encodebytes(packed(TOP, MIDDLE))
    with answering(tmp_path, 200, body) as port:
        assert certificates.pinned_in(Listener("localhost", port).cacerts(), PIN) == BY


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (200, b"%%%", EnrolmentRefused, "not base64"),
        (200, b"A" * (1 << 20), EnrolmentRefused, "more than"),
        (401, problem("token-wrong"), EnrolmentRefused, "401 token-wrong: why"),
        (401, b"<html>", EnrolmentRefused, "401 unknown: no reason"),
        (404, problem(7, ["x"]), EnrolmentRefused, r"404 \?: \?"),
        (400, problem("\x1b[31mred\u202e", "x" * 9000), EnrolmentRefused, r"400  \[31mred "),
        (302, b"", EnrolmentRefused, "302"),
        (429, problem("too-many"), EnrolmentLater, "too-many"),
        (503, problem("later"), EnrolmentLater, "503"),
    ],
)
def test_every_answer_has_a_reason(
    tmp_path: Path, status: int, body: bytes, error: type[Exception], said: str
) -> None:
    with answering(tmp_path, status, body) as port, pytest.raises(error, match=said) as refused:
        Listener("localhost", port).cacerts()
    assert len(str(refused.value)) < 1000


def test_how_long_to_wait_is_heard(tmp_path: Path) -> None:
    with (
        answering(tmp_path, 429, problem("too-many"), Retry_After="17") as port,
        pytest.raises(EnrolmentLater) as refused,
    ):
        Listener("localhost", port).cacerts()
    assert refused.value.wait_s == 17


@pytest.mark.parametrize(
    ("body", "said"), [(b"00" * 32 + b"\n", None), (b"00" * 31, "none"), (b"zz", "none")]
)
def test_a_nonce_is_32_bytes(tmp_path: Path, body: bytes, said: str | None) -> None:
    context = tls.pinned(BY.pem(), DockClock())
    with answering(tmp_path, 200, body) as port:
        listener = Listener("localhost", port)
        if said is None:
            assert listener.nonce(context) == bytes(32)
            return
        with pytest.raises(EnrolmentRefused, match=said):
            listener.nonce(context)


def test_another_gateway_is_told_nothing_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "enrolment"
    papers = Papers(
        *("dock7", tmp_path / "statement.pem", folder / "tls.key.pem", folder / "ca.pem"),
        *(folder / "tls.cert.pem", tmp_path / "trust.json", folder),
    )
    body = base64.encodebytes(packed(TOP, MIDDLE))
    with answering(tmp_path, 200, body) as port:
        to = Invitation(dock_id("dock7"), "localhost", port, "00000-00000-00000-00000", bytes(32))
        with pytest.raises(EnrolmentRefused, match="told nothing"):
            steps.enrol(papers, to, DockClock(), lambda _: None)
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "statement.pem").exists()
    papers.enrolled.write_text("{}")
    with pytest.raises(ConfigError, match="not as it was written"):
        steps.enrol(papers, to, DockClock(), lambda _: None)


def test_what_stands_for_a_key_only_signs() -> None:
    stand_in = certificates._Signing(Es256Signer.generate())
    for asked in (
        stand_in.private_numbers,
        lambda: stand_in.exchange(ec.ECDH(), stand_in.public_key()),
        lambda: stand_in.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        with pytest.raises(UnsupportedAlgorithm, match="never leaves"):
            asked()
