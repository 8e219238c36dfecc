"""The real `evidock-gateway serve` over real HTTP, and the commands against it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from gateway.access.host import token_for
from gateway.evidence.service import object_key
from hashing.keys import Es256Signer
from hashing.verdict import Outcome
from protocols.ids import ClipId
from tests.demo.programs import Program, free_port, run, script
from tests.simulators.asking import AsHost
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import enrol, gateway_on, shift_end
from tests.simulators.tools import needed

CASE_NO = "云商执〔2026〕17号/2"
MIB = 1 << 20
START_S = 60

_POST = b"POST /api/v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

pytestmark = pytest.mark.timeout(300)


@dataclass
class Running:
    """One gateway process."""

    program: Program
    data: Path
    port: int
    mqtt_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.program.start()
        self.program.wait_until(self._healthy, "an answer to /healthz", START_S)

    def _healthy(self) -> bool | None:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).is_success or None
        except httpx.TransportError:
            return None

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.url}/api/v1", trust_env=False, timeout=60, auth=AsHost()
        )


@dataclass(frozen=True)
class Seed:
    """A data folder with one enrolled dock and stored clips, nobody running on it."""

    data: Path
    clips: list[ClipId]
    contents: dict[ClipId, bytes]


async def _seed(folder: Path) -> Seed:
    recordings = {
        "A.MP4": footage(5 * MIB + 17, "a"),
        "B.MP4": footage(10, "b"),
        "C.MP4": b"",
        "BIG.MP4": footage(160 * MIB, "big"),
    }
    async with gateway_on(folder) as services:
        dock = SimulatedDock()
        await enrol(services, dock)
        clips = await shift_end(services, dock, recordings)
    return Seed(folder, clips, dict(zip(clips, recordings.values(), strict=True)))


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return asyncio.run(_seed(tmp_path_factory.mktemp("seed") / "data"))


def _gateway(folder: Path, data: Path) -> Running:
    port, mqtt_port = free_port(), free_port()
    argv: list[str | Path] = [script("evidock-gateway"), "serve", "--data-dir", data]
    argv += ["--port", str(port), "--mqtt-port", str(mqtt_port)]
    return Running(Program("gateway", argv, folder / "gateway.log"), data, port, mqtt_port)


@contextmanager
def _serving(folder: Path, data: Path) -> Iterator[Running]:
    gateway = _gateway(folder, data)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.program.stop()


@pytest.fixture(scope="module")
def gateway(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One gateway for the tests that leave it as it is, apart from new entries."""
    with _serving(tmp_path_factory.mktemp("run"), seed.data) as running:
        with running.client() as api:
            trust = api.get("/trust").text
            (running.data / "trust.json").write_text(trust)
        yield running


def _trail(gateway: Running, what: str, *more: str) -> tuple[int, str]:
    words: list[str | Path] = [script("evidock-gateway"), "trail", what, "--api", gateway.url]
    done = run(*words, "--trust", gateway.data / "trust.json", "--verify", *more)
    return done.returncode, done.stdout + done.stderr


# --- content -------------------------------------------------------------------------


def test_every_clip_comes_back_byte_for_byte_over_real_http(seed: Seed, gateway: Running) -> None:
    with gateway.client() as api:
        for clip, data in seed.contents.items():
            answer = api.get(f"/clips/{clip}/content")
            assert answer.status_code == 200
            assert answer.content == data
            assert answer.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'


def test_many_readers_of_a_large_clip_cost_the_gateway_little_memory(
    seed: Seed, gateway: Running
) -> None:
    big = seed.clips[3]
    process = psutil.Process(gateway.program.pid)
    before = process.memory_info().rss

    async def read(api: httpx.AsyncClient) -> tuple[str, int]:
        digest, most = hashlib.sha256(), 0
        async with api.stream("GET", f"/clips/{big}/content") as answer:
            async for chunk in answer.aiter_raw(MIB):
                digest.update(chunk)
                most = max(most, process.memory_info().rss)
        return digest.hexdigest(), most

    async def read_all() -> list[tuple[str, int]]:
        async with httpx.AsyncClient(
            base_url=f"{gateway.url}/api/v1", trust_env=False, timeout=60, auth=AsHost()
        ) as api:
            return await asyncio.gather(*(read(api) for _ in range(4)))

    results = asyncio.run(read_all())
    assert {digest for digest, _ in results} == {hashlib.sha256(seed.contents[big]).hexdigest()}
    assert max(most for _, most in results) - before < 48 * MIB


def test_a_reader_that_leaves_or_sleeps_stops_the_reading_and_frees_the_file(
    seed: Seed, gateway: Running
) -> None:
    big = seed.clips[3]
    stored = str(gateway.data / "store" / "objects" / object_key(big))
    process = psutil.Process(gateway.program.pid)

    def is_open() -> bool:
        return any(file.path == stored for file in process.open_files())

    with socket.create_connection(("127.0.0.1", gateway.port)) as sleeper:
        asked = f"GET /api/v1/clips/{big}/content HTTP/1.1\r\nHost: localhost\r\n\r\n"
        sleeper.sendall(_known(gateway, asked.encode()))
        assert _soon(is_open)
        with gateway.client() as api:
            assert api.get("/clips").status_code == 200
        assert is_open()
    assert _soon(lambda: not is_open())


def test_curl_resumes_a_download_where_it_was_cut(
    seed: Seed, gateway: Running, tmp_path: Path
) -> None:
    needed("curl", "curl")
    clip, data = seed.clips[0], seed.contents[seed.clips[0]]
    part = tmp_path / "clip.mp4"
    part.write_bytes(data[: 2 * MIB])
    address = f"{gateway.url}/api/v1/clips/{clip}/content"
    shown = ("--oauth2-bearer", str(token_for(gateway.url)))
    done = run("curl", "--noproxy", "*", "-sS", *shown, "-C", "-", "-o", part, address)
    assert done.returncode == 0, done.stderr
    assert part.read_bytes() == data


def test_raw_requests_that_no_client_library_sends_do_no_harm(seed: Seed, gateway: Running) -> None:
    clip = seed.clips[0]
    requests = [
        b"GET /api/v1/clips/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/v1/cases/\xe4\xba\x91 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/api/v1/clips HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /api/v1/clips HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /api/v1/clips HTTP/1.0\r\n\r\n",
        _POST + b"Content-Length: -1\r\n\r\n{}",
        _POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        _POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET /api/v1/clips/{clip}/content HTTP/1.1\r\nHost: localhost\r\n".encode()
        + b"Range: bytes="
        + b"0-0," * 5000
        + b"\r\n\r\n",
    ]
    for request in requests:
        status = _raw(gateway.port, _known(gateway, request))
        assert 200 <= status < 500, (request[:80], status)
    with gateway.client() as api:
        assert api.get("/clips").status_code == 200


def _known(gateway: Running, request: bytes) -> bytes:
    """The request with the token of this machine, where it has a place for it."""
    shown = f"Host: localhost\r\nAuthorization: Bearer {token_for(gateway.url)}\r\n"
    return request.replace(b"Host: localhost\r\n", shown.encode(), 1)


def _raw(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
    # A connection that is simply closed is a refusal too.
    return int(answer.split(b" ", 2)[1]) if answer else 400


def _soon(holds: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


# --- commands ------------------------------------------------------------------------


def test_a_case_is_opened_linked_and_its_trail_verified_by_the_command(
    seed: Seed, gateway: Running
) -> None:
    with gateway.client() as api:
        made = api.post("/cases", json={"case_no": CASE_NO, "title": "街头检查", "by": "Li"})
        assert made.status_code == 201, made.text
        for clip in seed.clips[:3]:
            body = {"clip": str(clip), "by": "Li", "why": "现场"}
            link = api.post(f"/cases/{quote(CASE_NO, safe='')}/links", json=body)
            assert link.status_code == 201, link.text
    code, text = _trail(gateway, CASE_NO, "--content")
    assert code == 0, text
    assert "verdict: intact" in text
    assert f"case.linked: {seed.clips[0]} to {CASE_NO} by Li (manual): 现场" in text
    code, text = _trail(gateway, str(seed.clips[0]), "--content", "--json")
    assert code == 0, text
    assert json.loads(text)["verdict"]["outcome"] == "intact"


def test_an_altered_object_is_named_and_gives_the_exit_code_of_altered(
    seed: Seed, gateway: Running
) -> None:
    clip = seed.clips[1]
    stored = gateway.data / "store" / "objects" / object_key(clip)
    good = stored.read_bytes()
    stored.chmod(0o600)
    stored.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        code, text = _trail(gateway, str(clip), "--content")
        assert code == Outcome.ALTERED.exit_code, text
        assert f"altered: {clip}" in text
    finally:
        stored.write_bytes(good)
    assert _trail(gateway, str(clip), "--content")[0] == 0


def test_the_whole_log_verifies_by_the_command(gateway: Running) -> None:
    trust = gateway.data / "trust.json"
    done = run(script("evidock-gateway"), "log", "verify", "--api", gateway.url, "--trust", trust)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = run(script("evidock-gateway"), "log", "--api", gateway.url)
    assert "evidock/gateway/" in shown.stdout
    entry = run(script("evidock-gateway"), "log", "show", "0", "--api", gateway.url)
    assert '"kind": "log.opened"' in entry.stdout


def test_a_dock_is_enrolled_by_the_command(gateway: Running, tmp_path: Path) -> None:
    key, out = tmp_path / "key.pem", tmp_path / "trust.json"
    key.write_text(Es256Signer.generate().public.pem())
    words: list[str | Path] = [script("evidock-gateway"), "enrol", "dock21", "--key", key]
    words += ["--api", gateway.url]
    for _ in range(2):
        done = run(*words, "--out", out)
        assert done.returncode == 0, done.stderr
    with gateway.client() as api:
        assert "dock21" in {dock["id"] for dock in api.get("/docks").json()["docks"]}
    key.write_text(Es256Signer.generate().public.pem())
    again = run(*words, "--out", tmp_path / "other.json")
    assert again.returncode == 1
    assert "another key" in again.stderr


def test_a_closed_pipe_ends_a_command_quietly(seed: Seed, gateway: Running) -> None:
    command = f"{script('evidock-gateway')} trail {seed.clips[0]} --api {gateway.url} | true"
    done = run("sh", "-c", command)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


# --- life ----------------------------------------------------------------------------


def test_what_was_opened_survives_a_kill_and_a_gateway_ends_soon_when_asked(
    tmp_path: Path,
) -> None:
    gateway = _gateway(tmp_path, tmp_path / "data")
    gateway.start()
    with gateway.client() as api:
        assert api.post("/cases", json={"case_no": "C 1", "by": "Li"}).status_code == 201
    gateway.program.kill()
    gateway.start()
    with gateway.client() as api:
        assert api.get("/cases/C%201").json()["case_no"] == "C 1"
        # A connection kept open and idle must not hold up the end.
        began = time.monotonic()
        assert gateway.program.stop() == 0
    assert time.monotonic() - began < 10


def test_a_second_gateway_on_the_same_port_or_data_is_refused_and_harms_nothing(
    tmp_path: Path,
) -> None:
    with _serving(tmp_path, tmp_path / "data") as first:
        words: list[str | Path] = [script("evidock-gateway"), "serve", "--data-dir"]
        same_port = run(*words, tmp_path / "other", "--port", str(first.port))
        assert same_port.returncode == 1
        assert "--port or [api] port" in same_port.stderr
        assert not (tmp_path / "other").exists()
        ports = ["--port", str(free_port()), "--mqtt-port", str(free_port())]
        same_data = run(*words, tmp_path / "data", *ports)
        assert same_data.returncode == 1
        assert "log-busy" in same_data.stderr
        same_broker = ["--port", str(free_port()), "--mqtt-port", str(first.mqtt_port)]
        taken = run(*words, tmp_path / "third", *same_broker)
        assert taken.returncode == 1
        assert "broker cannot listen" in taken.stderr
        with first.client() as api:
            assert api.get("/cases").status_code == 200


def test_the_verifier_audits_the_log_for_whoever_shows_that_he_may(
    gateway: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVIDOCK_TOKEN", raising=False)
    trust = tmp_path / "trust.json"
    with gateway.client() as api:
        trust.write_text(api.get("/trust").text)
        expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()  # noqa: TID251  # a key's end
        asked = {"expires": expires, "why": "yearly audit", "by": "Li"}
        keys = [
            api.post("/clients", json={**asked, "name": role, "role": role}).json()["key"]
            for role in ("auditor", "case-system")
        ]
    command = (script("evidock-verify"), "log", gateway.url, "--trust", str(trust))
    unknown = run(*command)
    assert unknown.returncode == 1
    assert "evidock-gateway token" in unknown.stderr
    for key, code in zip((str(token_for(gateway.url)), *keys), (0, 0, 1), strict=True):
        monkeypatch.setenv("EVIDOCK_TOKEN", key)
        done = run(*command)
        assert done.returncode == code, done.stdout + done.stderr


def test_with_a_name_and_a_certificate_it_serves_over_tls_and_only_so(tmp_path: Path) -> None:
    needed("openssl", "openssl")
    made = run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-subj", "/CN=t", "-addext", "subjectAltName=DNS:evidock.example,IP:127.0.0.1"),
        *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
    )
    assert made.returncode == 0, made.stderr
    port, config = free_port(), tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\ndata_dir = "{tmp_path}/data"\n[broker]\nport = {free_port()}\n'
        f'[api]\nhost = "0.0.0.0"\nport = {port}\nnames = ["evidock.example"]\n'
        f'cert = "{tmp_path}/cert.pem"\nkey = "{tmp_path}/key.pem"\n'
    )
    argv: list[str | Path] = [script("evidock-gateway"), "serve", "--config", config]
    program = Program("gateway", argv, tmp_path / "gateway.log")
    program.start()
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    try:
        program.wait_until(
            lambda: True if "gateway.first-account" in program.tail() else None, "it", START_S
        )
        assert f"open=https://evidock.example:{port}/setup#" in program.log.read_text()
        with httpx.Client(
            base_url=f"https://127.0.0.1:{port}", verify=trusted, trust_env=False, auth=AsHost()
        ) as api:
            for host, status in (
                ("evidock.example", 200),
                ("127.0.0.1", 200),
                ("evil.example", 421),
            ):
                answer = api.get("/api/v1/clips", headers={"host": host})
                assert answer.status_code == status, host
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
        assert token_for(f"https://evidock.example:{port}") is not None
        assert token_for(f"https://other.example:{port}") is None
    finally:
        assert program.stop() == 0, program.tail()
