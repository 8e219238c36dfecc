"""A dock that enrols, as a stranger would write one: httpx, and nothing of gateway or edge."""

from __future__ import annotations

import base64
import hashlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def kid_of(key: Key) -> str:
    """SHA-256 of its SubjectPublicKeyInfo, hex."""
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def csr_for(key: Key, name: str = "dock7") -> bytes:
    """A plain PKCS #10, DER."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def pem_of(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def one_certificate(answer: httpx.Response) -> x509.Certificate:
    """The certificate of a certs-only answer."""
    assert answer.status_code == 200, answer.text
    (found,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
    return found


@dataclass
class EnrollingDock:
    """One dock's keys and what it was given.

    Attributes:
        url: of the listener. root: SHA-256 of the root's certificate, hex, from the invitation.
    """

    url: str
    root: str
    folder: Path
    name: str = "dock7"
    tls: Key = field(default_factory=new_key)
    statement: Key = field(default_factory=new_key)
    trusted: bytes = b""

    async def pin(self) -> None:
        """Fetch the authorities without trust, and keep them once the root is the right one."""
        async with httpx.AsyncClient(verify=False) as client:  # noqa: S501  # the point of pinning
            answer = await client.get(f"{self.url}/.well-known/est/cacerts")
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
        (root,) = [each for each in found if each.fingerprint(hashes.SHA256()).hex() == self.root]
        root.verify_directly_issued_by(root)
        self.trusted = root.public_bytes(serialization.Encoding.PEM)

    def client(
        self, certificate: x509.Certificate | None = None, key: Key | None = None
    ) -> httpx.AsyncClient:
        """A client that trusts the pinned root alone; with a certificate of its own, or none."""
        context = ssl.create_default_context(cadata=self.trusted.decode())
        if certificate is not None:
            file = self.folder / "client.pem"
            text = certificate.public_bytes(serialization.Encoding.PEM)
            file.write_bytes(text + pem_of(key or self.tls))
            context.load_cert_chain(file)
        return httpx.AsyncClient(base_url=self.url, verify=context, timeout=20)

    async def enrol(
        self, token: str, label: str = "", *, csr: bytes | None = None, **headers: str
    ) -> httpx.Response:
        """``simpleenroll`` for the TLS key, or with ``label="statement/"`` for the other one."""
        own, other = (self.statement, self.tls) if label else (self.tls, self.statement)
        credentials = base64.b64encode(f"{self.name}:{token}".encode()).decode()
        said = {
            "authorization": f"Basic {credentials}",
            "evidock-other-key": kid_of(other),
            "content-type": "application/pkcs10",
        }
        body = base64.encodebytes(csr or csr_for(own, self.name))
        async with self.client() as client:
            return await client.post(
                f"/.well-known/est/{label}simpleenroll",
                content=body,
                headers=said | {k.replace("_", "-"): v for k, v in headers.items()},
            )

    async def enrol_both(self, token: str) -> tuple[x509.Certificate, x509.Certificate]:
        """The certificates of TLS key and statement key."""
        statement = one_certificate(await self.enrol(token, "statement/"))
        return one_certificate(await self.enrol(token)), statement

    async def trust(self, certificate: x509.Certificate, key: Key | None = None) -> httpx.Response:
        """The trust file, by a TLS certificate."""
        async with self.client(certificate, key) as client:
            return await client.get("/.well-known/evidock/trust")
