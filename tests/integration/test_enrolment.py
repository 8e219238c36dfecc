"""A real gateway over real TLS: a dock enrols, renews, is revoked; strangers get nowhere.

One gateway program for the whole file; each test brings its own dock.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from gateway.__main__ import main
from hashing.keys import Es256Signer
from protocols.anchors import Anchors
from protocols.enrolment import Invitation, RenewalProof
from tests.demo.programs import free_port
from tests.simulators.asking import AsHost
from tests.simulators.enrolling import (
    EnrollingDock,
    Key,
    csr_for,
    kid_of,
    new_key,
    one_certificate,
)
from tests.simulators.forked import start_gateway

pytestmark = pytest.mark.timeout(180)
REENROLL = "/.well-known/est/simplereenroll"
CSR = {"content-type": "application/pkcs10"}
# One for all, because each new client reads the system's certificates, which takes its time.
HTTP = httpx.Client(timeout=30, auth=AsHost())


@dataclass
class Gateway:
    """The program, and its two addresses."""

    program: ForkServerProcess
    home: Path
    api: str
    url: str

    def ask(self, method: str, path: str, json: object = None) -> Any:  # noqa: ANN401  # JSON
        answer = self.answer(method, path, json)
        assert answer.is_success, answer.text
        return answer.json()

    def answer(self, method: str, path: str, json: object = None) -> httpx.Response:
        return HTTP.request(method, f"{self.api}/api/v1{path}", json=json)

    def health(self) -> str:
        return str(HTTP.get(f"{self.api}/healthz").json()["status"])

    def invite(self, name: str) -> Invitation:
        told = self.ask("POST", "/invitations", json={"dock": name, "by": "Li"})
        return Invitation.parse(told["text"])

    def dock(self, folder: Path, name: str) -> tuple[EnrollingDock, str]:
        invitation = self.invite(name)
        return EnrollingDock(invitation.url, invitation.root.hex(), folder, name), invitation.token

    def enrolments(self, name: str) -> list[dict[str, Any]]:
        """Every ``dock.enrolled`` of a dock that is on the log."""
        size = int(HTTP.get(f"{self.api}/healthz").json()["log_size"])
        entries = [self.ask("GET", f"/log/entries/{index}") for index in range(size)]
        records = [json.loads(base64.b64decode(each["record"])) for each in entries]
        return [
            each["body"]
            for each in records
            if each["kind"] == "dock.enrolled" and each["body"]["dock"] == name
        ]


@contextlib.contextmanager
def gateway_in(home: Path, crash_at: str | None = None) -> Iterator[Gateway]:
    home.mkdir(exist_ok=True)
    config = home / "gateway.toml"
    if not config.exists():
        api, mqtt, port = three_ports()
        config.write_text(
            f'[api]\nport = {api}\n[broker]\nport = {mqtt}\n[gateway]\ndata_dir = "{home}/data"\n'
            f'[enrolment]\nnames = ["localhost", "127.0.0.1"]\nport = {port}\n'
        )
    ports = [int(line.split()[-1]) for line in config.read_text().splitlines() if "port" in line]
    gateway = Gateway(
        start_gateway(config, home / "gateway.log", crash_at),
        home,
        f"http://127.0.0.1:{ports[0]}",
        f"https://localhost:{ports[2]}",
    )
    try:
        end = time.monotonic() + 60
        while not _up(gateway.api):
            assert gateway.program.is_alive(), (home / "gateway.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield gateway
    finally:
        gateway.program.kill()
        gateway.program.join(10)


def three_ports() -> list[int]:
    found: set[int] = set()
    while len(found) < 3:
        found.add(free_port())
    return list(found)


def _up(api: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return HTTP.get(f"{api}/healthz").is_success
    return False


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_in(tmp_path_factory.mktemp("enrolment")) as running:
        yield running


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["detail"]
    return str(problem["code"])


# --- the whole of it --------------------------------------------------------------------


async def test_a_dock_enrols_with_what_the_invitation_says(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock7")
    await dock.pin()
    tls, statement = await dock.enrol_both(token)
    (body,) = gateway.enrolments("dock7")
    assert body["kid"] == kid_of(dock.statement)
    assert body["how"].endswith("by Li")
    chain = [x509.load_der_x509_certificate(base64.b64decode(c)) for c in body["certificates"]]
    assert chain[0] == statement
    chain[0].verify_directly_issued_by(chain[1])
    chain[1].verify_directly_issued_by(chain[2])
    assert chain[2].fingerprint(hashes.SHA256()).hex() == dock.root
    answer = await dock.trust(tls)
    assert answer.headers["content-type"] == "application/json"
    anchors = Anchors.from_json(answer.content)
    assert anchors.checkpoint.size >= 2
    # That use of the certificate has ended the token, whoever holds it.
    assert code_of(await dock.enrol(token)) == "token-used"
    assert (await dock.trust(tls)).content == answer.content


async def test_a_repeated_step_gets_the_same_answer_and_is_stated_once(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-again")
    await dock.pin()
    first = await dock.enrol_both(token)
    assert await dock.enrol_both(token.lower().replace("-", "")) == first
    assert len(gateway.enrolments("dock-again")) == 1
    listed = gateway.ask("GET", "/certificates?name=dock-again")["certificates"]
    assert {each["purpose"] for each in listed} == {"dock", "statement"}
    assert len(listed) == 2


async def test_a_token_is_for_the_keys_it_was_first_used_with(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-bound")
    await dock.pin()
    await dock.enrol(token)
    thief = EnrollingDock(dock.url, dock.root, tmp_path, dock.name, trusted=dock.trusted)
    for label in ("", "statement/"):
        assert code_of(await thief.enrol(token, label)) == "keys-bound"
    # Not even with one of the two keys of the dock, whose other one it does not have.
    thief.tls = dock.tls
    assert code_of(await thief.enrol(token, "statement/")) == "keys-bound"
    one_certificate(await dock.enrol(token, "statement/"))
    assert gateway.enrolments("dock-bound")[0]["kid"] == kid_of(dock.statement)


async def test_withdrawing_a_begun_invitation_takes_back_what_was_issued_on_it(
    gateway: Gateway, tmp_path: Path
) -> None:
    thief, token = gateway.dock(tmp_path, "dock-back")
    await thief.pin()
    one_certificate(await thief.enrol(token))
    (listed,) = [
        each
        for each in gateway.ask("GET", "/invitations")["invitations"]
        if each["dock"] == "dock-back"
    ]
    assert listed["state"] == "begun"
    told = gateway.ask("POST", f"/invitations/{listed['id']}/withdraw", json={"by": "Li"})
    assert told["state"] == "withdrawn"
    assert code_of(await thief.enrol(token)) == "token-withdrawn"
    (issued,) = gateway.ask("GET", "/certificates?name=dock-back")["certificates"]
    assert issued["revoked_by"] == "Li"
    dock, token = gateway.dock(tmp_path, "dock-back")
    await dock.pin()
    await dock.enrol_both(token)
    assert [each["kid"] for each in gateway.enrolments("dock-back")] == [kid_of(dock.statement)]


async def test_a_dock_whose_invitation_was_replaced_half_way_goes_on_with_its_keys(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-half")
    await dock.pin()
    first = one_certificate(await dock.enrol(token))
    second = gateway.invite("dock-half").token
    assert code_of(await dock.enrol(token)) == "token-withdrawn"
    other = EnrollingDock(dock.url, dock.root, tmp_path, dock.name, trusted=dock.trusted)
    assert code_of(await other.enrol(second)) == "keys-bound"
    assert (await dock.enrol_both(second))[0] == first


# --- who is refused -----------------------------------------------------------------------


async def test_names_and_keys_that_are_somebody_elses_are_refused(
    gateway: Gateway, tmp_path: Path
) -> None:
    known, token = gateway.dock(tmp_path, "dock-known")
    await known.pin()
    await known.enrol_both(token)
    dock, token = gateway.dock(tmp_path, "dock-new")
    dock.trusted = known.trusted
    for csr in (csr_for(dock.tls, "dock-known"), csr_for(dock.tls, "gateway")):
        assert code_of(await dock.enrol(token, csr=csr)) == "csr-name"
    same = kid_of(dock.tls)
    assert code_of(await dock.enrol(token, evidock_other_key=same)) == "other-key"
    for wrong in ("", "xx", same[:-2], same + "00"):
        assert code_of(await dock.enrol(token, evidock_other_key=wrong)) == "other-key"
    for tls, statement in (
        (known.tls, dock.statement),
        (known.statement, dock.statement),
        (dock.tls, known.statement),
        (dock.tls, known.tls),
    ):
        liar = EnrollingDock(dock.url, dock.root, tmp_path, dock.name, tls, statement, dock.trusted)
        for label in ("", "statement/"):
            assert code_of(await liar.enrol(token, label)) == "key-taken"
    # Nothing of all that has touched the invitation.
    await dock.enrol_both(token)


async def test_a_known_dock_is_invited_with_its_own_statement_key_alone(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-twice")
    await dock.pin()
    old, _ = await dock.enrol_both(token)
    await dock.trust(old)
    again = gateway.invite("dock-twice").token
    stranger = EnrollingDock(dock.url, dock.root, tmp_path, dock.name, trusted=dock.trusted)
    assert code_of(await stranger.enrol(again)) == "statement-key"
    assert code_of(await stranger.enrol(again, "statement/")) == "statement-key"
    # It lost its TLS key and kept the other one.
    dock.tls = new_key()
    fresh, _ = await dock.enrol_both(again)
    assert (await dock.trust(fresh)).status_code == 200
    assert len(gateway.enrolments("dock-twice")) == 1


async def test_hostile_requests_are_refused_with_a_reason_and_change_nothing(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-hostile")
    await dock.pin()
    wished = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, dock.name)]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(dock.tls, hashes.SHA256())
    )
    for csr, code in (
        (wished.public_bytes(serialization.Encoding.DER), "csr-asks"),
        (b"nonsense", "csr-form"),
        (b"0" * 6000, "csr-form"),
    ):
        assert code_of(await dock.enrol(token, csr=csr)) == code
    huge = await dock.enrol(token, csr=b"0" * 7000)
    assert (huge.status_code, code_of(huge)) == (413, "body-too-large")
    pem = await dock.enrol(token, content_type="application/x-pem-file")
    assert (pem.status_code, code_of(pem)) == (415, "content-type")
    async with dock.client() as client:
        for method, path, status in (
            ("GET", "/.well-known/est/simpleenroll", 405),
            ("GET", "/", 404),
            ("GET", "/api/v1/docks", 404),
            ("POST", "/.well-known/est/cacerts", 405),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status
            code_of(answer)
    assert gateway.ask("GET", "/certificates?name=dock-hostile")["certificates"] == []
    made = one_certificate(await dock.enrol(token))
    assert [each.value for each in made.subject] == ["dock-hostile"]


async def test_a_body_that_never_ends_or_never_comes_holds_nothing_up(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-slow")
    await dock.pin()
    context = ssl.create_default_context(cadata=dock.trusted.decode())
    port = int(dock.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nhost: x\r\n")
    writer.write(b"content-type: application/pkcs10\r\ncontent-length: 99999999\r\n\r\n")
    writer.write(b"A" * 20_000)
    await writer.drain()
    assert b" 413 " in await reader.readline()
    writer.close()
    async with dock.client() as client:
        answer = await client.get("/.well-known/est/cacerts")
    assert answer.status_code == 200
    one_certificate(await dock.enrol(token))


async def test_silent_connections_take_nobody_elses_place(gateway: Gateway) -> None:
    port = int(gateway.url.rpartition(":")[2])
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
    async with asyncio.timeout(10):
        # What is too much is closed at once; the others are left to their time.
        assert await silent[-1][0].read() == b""
    transport = httpx.AsyncHTTPTransport(verify=False, local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=transport) as elsewhere:
        answer = await elsewhere.get(f"https://127.0.0.1:{port}/.well-known/est/cacerts")
        assert answer.status_code == 200
    for _, writer in silent:
        writer.close()
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501  # nothing is trusted here
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"{gateway.url}/.well-known/est/cacerts")
                break
            assert time.monotonic() < end


async def test_who_guesses_tokens_has_to_wait_and_is_told_how_long(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, token = gateway.dock(tmp_path, "dock-guess")
    await dock.pin()
    credentials = base64.b64encode(b"dock-guess:00000-00000-00000-00000").decode()
    said = {
        "authorization": f"Basic {credentials}",
        "evidock-other-key": "0" * 64,
        "content-type": "application/pkcs10",
    }
    transport = httpx.AsyncHTTPTransport(verify=False, local_address="127.0.0.3")
    address = f"{gateway.url}/.well-known/est/simpleenroll".replace("localhost", "127.0.0.1")
    async with httpx.AsyncClient(transport=transport) as guesser:
        for _ in range(10):
            answer = await guesser.post(address, headers=said, content=b"MAA=")
            assert code_of(answer) == "token-wrong"
            assert answer.headers["www-authenticate"].startswith("Basic")
        answer = await guesser.post(address, headers=said, content=b"MAA=")
        assert code_of(answer) == "too-many"
        assert 0 < int(answer.headers["retry-after"]) <= 60
    # From another address the dock itself gets on.
    one_certificate(await dock.enrol(token))


# --- renewal --------------------------------------------------------------------------------


async def enrolled(
    gateway: Gateway, folder: Path, name: str
) -> tuple[EnrollingDock, x509.Certificate]:
    dock, token = gateway.dock(folder, name)
    await dock.pin()
    certificate, _ = await dock.enrol_both(token)
    return dock, certificate


async def renew(
    dock: EnrollingDock,
    csr: bytes,
    certificate: x509.Certificate | None = None,
    label: str = "",
    key: Key | None = None,
    **headers: str,
) -> httpx.Response:
    path = REENROLL.replace("/est/", f"/est/{label}")
    async with dock.client(certificate, key) as client:
        return await client.post(path, content=base64.b64encode(csr), headers=CSR | headers)


async def test_a_certificate_renews_the_next_for_the_same_key_or_a_new_one(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, certificate = await enrolled(gateway, tmp_path, "dock-renews")
    again = one_certificate(await renew(dock, csr_for(dock.tls, dock.name), certificate))
    assert again == certificate
    fresh = new_key()
    new = one_certificate(await renew(dock, csr_for(fresh, dock.name), certificate))
    assert new.public_key() == fresh.public_key()
    assert (await dock.trust(new, fresh)).status_code == 200
    # The older one is good until it expires.
    assert (await dock.trust(certificate)).status_code == 200
    for csr, code in (
        (csr_for(new_key(), "dock7"), "csr-name"),
        (csr_for(dock.statement, dock.name), "key-taken"),
    ):
        assert code_of(await renew(dock, csr, certificate)) == code
    assert code_of(await renew(dock, csr_for(fresh, dock.name))) == "who"


async def test_a_statement_certificate_is_given_again_and_opens_no_door(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, certificate = await enrolled(gateway, tmp_path, "dock-state")
    csr = csr_for(dock.statement, dock.name)
    statement = one_certificate(await renew(dock, csr, certificate, "statement/"))
    assert statement.public_key() == dock.statement.public_key()
    other = csr_for(new_key(), dock.name)
    assert code_of(await renew(dock, other, certificate, "statement/")) == "statement-key"
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        await dock.trust(statement, dock.statement)


async def test_a_certificate_of_another_authority_is_refused_in_the_handshake(
    gateway: Gateway, tmp_path: Path
) -> None:
    from gateway.ca import profiles  # noqa: PLC0415  # another authority that looks the same
    from gateway.clock import GatewayClock  # noqa: PLC0415

    dock, _ = await enrolled(gateway, tmp_path, "dock-other")
    now = GatewayClock().now()
    root = profiles.make_root("gateway (DEVELOPMENT)", now)
    tls = profiles.make_tls_authority(root, "gateway (DEVELOPMENT)")
    forged = profiles.issue(tls, profiles.Purpose.DOCK, dock.name, dock.tls.public_key(), now=now)
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        await dock.trust(forged)


async def proof(dock: EnrollingDock, csr: bytes, signer: Es256Signer | None = None) -> str:
    async with dock.client() as client:
        nonce = bytes.fromhex((await client.get("/.well-known/evidock/nonce")).text.strip())
    made = RenewalProof(bytes.fromhex(dock.root), dock.name, nonce, csr)  # type: ignore[arg-type]
    return made.authorization(signer or Es256Signer(dock.statement))


async def test_a_dock_without_a_certificate_renews_by_its_statement_key(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, _ = await enrolled(gateway, tmp_path, "dock-proof")
    fresh = new_key()
    csr = csr_for(fresh, dock.name)
    said = await proof(dock, csr)
    made = one_certificate(await renew(dock, csr, authorization=said))
    assert (await dock.trust(made, fresh)).status_code == 200
    # The answer was lost: the same again, whoever sends it, and for nothing else.
    assert one_certificate(await renew(dock, csr, authorization=said)) == made
    other = csr_for(new_key(), dock.name)
    assert code_of(await renew(dock, other, authorization=said)) == "proof-wrong"


async def test_a_proof_that_does_not_hold_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    dock, _ = await enrolled(gateway, tmp_path, "dock-prove")
    csr = csr_for(new_key(), dock.name)
    said = await proof(dock, csr)
    stranger = EnrollingDock(dock.url, dock.root, tmp_path, "nobody", trusted=dock.trusted)
    nonce = said.split(".")[1]
    for value, code in (
        (await proof(dock, csr, Es256Signer.generate()), "proof-wrong"),
        (await proof(dock, csr, Es256Signer(dock.tls)), "proof-wrong"),
        (said.replace(nonce, "0" * 64), "proof-nonce"),
        (await proof(stranger, csr), "dock-unknown"),
        ("Evidock-Reenrol nonsense", "who"),
        (said.replace("dock-prove", "dock7"), "proof-wrong"),
    ):
        assert code_of(await renew(dock, csr, authorization=value)) == code
    # No proof stands for a statement key's certificate.
    label = "statement/"
    assert code_of(await renew(dock, csr, label=label, authorization=said)) == "who"


async def test_a_revoked_certificate_is_refused_and_its_key_never_certified_again(
    gateway: Gateway, tmp_path: Path
) -> None:
    dock, certificate = await enrolled(gateway, tmp_path, "dock-stolen")
    serial = f"{certificate.serial_number:x}"
    body = {"by": "Li", "reason": "stolen"}
    for _ in range(2):
        told = gateway.ask("POST", f"/certificates/{serial}/revoke", json=body)
        assert told["revoked_by"] == "Li"
    crl = x509.load_pem_x509_crl((gateway.home / "data/crl.pem").read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    assert code_of(await dock.trust(certificate)) == "certificate-revoked"
    csr = csr_for(dock.tls, dock.name)
    assert code_of(await renew(dock, csr, certificate)) == "certificate-revoked"
    assert code_of(await renew(dock, csr, authorization=await proof(dock, csr))) == "key-taken"
    # The thief has the TLS key alone: the dock goes on with another one.
    csr = csr_for(new_key(), dock.name)
    one_certificate(await renew(dock, csr, authorization=await proof(dock, csr)))


# --- as a stranger would, with openssl and curl -----------------------------------------------

STRANGER = r"""
set -eu
est() { curl -sS --fail-with-body --cacert root.pem "$@"; }
certificates() { openssl base64 -d | openssl pkcs7 -inform DER -print_certs; }
curl -sSk "$URL/.well-known/est/cacerts" | certificates >bundle.pem
openssl x509 -in bundle.pem -out root.pem
openssl x509 -in root.pem -noout -fingerprint -sha256 | tr -d : | grep -qi "=$ROOT\$"
for key in tls statement; do
  openssl ecparam -name prime256v1 -genkey -noout -out $key.key
  openssl req -new -key $key.key -subj /CN=$DOCK -outform DER | openssl base64 >$key.csr
  openssl pkey -in $key.key -pubout -outform DER | sha256sum | cut -c1-64 >$key.kid
done
enrol() {
  est --user "$DOCK:$TOKEN" -H "Evidock-Other-Key: $(cat $2.kid)" \
    -H 'Content-Type: application/pkcs10' -H 'Content-Transfer-Encoding: base64' \
    --data-binary @$1.csr "$URL/.well-known/est/$3simpleenroll" | certificates >$1.pem
}
enrol tls statement ""
enrol statement tls statement/
openssl verify -CAfile bundle.pem -purpose sslclient tls.pem
est --cert tls.pem --key tls.key "$URL/.well-known/evidock/trust" >trust.json
est --cert tls.pem --key tls.key -H 'Content-Type: application/pkcs10' --data-binary @tls.csr \
  "$URL/.well-known/est/simplereenroll" | certificates | openssl x509 -noout -subject
echo | openssl s_client -connect "${URL#https://}" -servername localhost -verify_return_error \
  -verify_hostname localhost -CAfile root.pem -cert tls.pem -key tls.key -brief 2>&1 | grep -i verif
"""


def test_openssl_and_curl_can_enrol_a_dock(gateway: Gateway, tmp_path: Path) -> None:
    invitation = gateway.invite("dock-curl")
    environment = os.environ | {
        "URL": invitation.url,
        "ROOT": invitation.root.hex(),
        "TOKEN": invitation.token,
        "DOCK": "dock-curl",
    }
    said = subprocess.run(
        ["bash", "-c", STRANGER],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "tls.pem: OK" in said.stdout
    assert "subject=CN = dock-curl" in said.stdout
    assert "Verification: OK" in said.stdout
    Anchors.from_json((tmp_path / "trust.json").read_bytes())


async def test_what_is_answered_without_asking_who_it_is_is_public(gateway: Gateway) -> None:
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501  # nothing is trusted here
        for label, subject in (("", "TLS authority"), ("statement/", "statement authority")):
            answer = await client.get(f"{gateway.url}/.well-known/est/{label}cacerts")
            assert answer.headers["content-type"].startswith("application/pkcs7-mime")
            found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
            assert len(found) == 2
            assert any(subject in each.subject.rfc4514_string() for each in found)
            assert "date" in answer.headers


def test_invite_prints_all_a_dock_needs_and_the_list_no_token(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> str:
        assert main([*words, "--api", gateway.api]) == 0
        return capsys.readouterr().out

    printed = said("invite", "dock-cli", "--by", "李", "--qr")
    (text,) = [word for word in printed.split() if word.startswith("EVIDOCK-INVITE:")]
    invitation = Invitation.parse(text)
    assert invitation.token in printed
    assert "▄" in printed
    assert "DEVELOPMENT" in printed
    listed = said("invitations")
    (line,) = [line for line in listed.splitlines() if "dock-cli" in line]
    assert "open" in line
    assert "李" in line
    assert invitation.token not in listed
    assert "withdrawn" in said("invitations", "--withdraw", line.split()[0])
    assert "localhost" in said("ca", "certificates")


# --- power cuts at the gateway ------------------------------------------------------------------

POINTS = (
    "enrolment.bound",
    "ca.certificate-stored:2",
    "ca.certificate-recorded:2",
    "log.journal-written",
    "enrolment.stated:2",
)


async def test_half_an_authority_closes_enrolment_alone_until_it_is_restored(
    tmp_path: Path,
) -> None:
    home = tmp_path / "gateway"
    with gateway_in(home) as running:
        dock, token = running.dock(tmp_path, "dock7")
        await dock.pin()
        certificate, _ = await dock.enrol_both(token)
    folder, aside = home / "data" / "ca", tmp_path / "aside"
    aside.mkdir()
    for name in ("tls-ca.key", "statement-ca.pem"):
        shutil.move(folder / name, aside)
    with gateway_in(home) as running:
        # The rest of it works, and says what is wrong.
        assert running.ask("GET", "/docks")["docks"][0]["id"] == "dock7"
        for path in ("/certificates", "/attention"):
            # The alarm is raised by what looks after the list of revoked certificates, soon.
            end = time.monotonic() + 30
            while "tls-ca.key, statement-ca.pem missing" not in running.answer("GET", path).text:
                assert time.monotonic() < end, path
                await asyncio.sleep(0.1)
        answer = running.answer("POST", "/invitations", {"dock": "d", "by": "Li"})
        assert (answer.status_code, answer.json()["code"]) == (503, "authority-away")
        assert running.health() == "degraded"
        # The listener shows the certificate of before, knows its docks, and tells them.
        assert (await dock.trust(certificate)).status_code == 200
        assert code_of(await renew(dock, csr_for(dock.tls), certificate)) == "authority-away"
        spoil = home / "data" / "enrolment" / "listener.pem"
        spoil.unlink()
    with gateway_in(home) as running:
        # Not even that: whoever asks without trust, as docks do first, hears it all the same.
        async with httpx.AsyncClient(verify=False) as client:  # noqa: S501  # nothing is trusted
            answer = await client.get(f"{running.url}/.well-known/est/cacerts")
            assert (answer.status_code, code_of(answer)) == (503, "authority-away")
            assert "ca" not in answer.json()["detail"].split()
        for each in aside.iterdir():
            shutil.move(each, folder)
        end = time.monotonic() + 30
        while running.health() != "ok":
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        while True:
            with contextlib.suppress(httpx.ConnectError):
                assert (await dock.trust(certificate)).status_code == 200
                break
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        assert running.ask("GET", "/attention")["alarms"] == []


async def enrolled_until_it_is_cut(
    dock: EnrollingDock, token: str
) -> AsyncIterator[x509.Certificate]:
    with contextlib.suppress(httpx.TransportError):
        for label in ("", "statement/"):
            yield one_certificate(await dock.enrol(token, label))


async def test_killed_at_any_step_the_same_again_ends_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    home = tmp_path / "gateway"
    with gateway_in(home) as gateway:
        docks = [gateway.dock(tmp_path, f"dock{number}") for number in range(len(POINTS))]
        await docks[0][0].pin()
    seen: list[x509.Certificate] = []
    for (dock, token), point in zip(docks, POINTS, strict=True):
        dock.trusted = docks[0][0].trusted
        with gateway_in(home, crash_at=point) as gateway:
            seen += [each async for each in enrolled_until_it_is_cut(dock, token)]
            await asyncio.to_thread(gateway.program.join, 10)
            assert gateway.program.exitcode == -signal.SIGKILL
    with gateway_in(home) as gateway:
        for dock, token in docks:
            both = await dock.enrol_both(token)
            given = {each for each in seen if each.subject == both[0].subject}
            assert given <= set(both)
            assert (await dock.trust(both[0])).status_code == 200
            (body,) = gateway.enrolments(dock.name)
            assert body["kid"] == kid_of(dock.statement)
    assert len(seen) >= len(POINTS) - 1
