"""A whole log over HTTP or from saved answers, against saved checkpoints and a policy."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gateway.trail.printing import sheet
from hashing.keys import Ed25519Signer
from hashing.note import Checkpoint, NoteKey, SignatureType, cosign, sign_checkpoint
from hashing.verdict import Outcome
from protocols.ids import case_urn
from protocols.kinds import CaseOpened
from protocols.printed import printed_text
from tests.simulators.log import ORIGIN, SimulatedLog
from tests.simulators.packs import filled
from tests.simulators.seeded import api_of, gateway_on
from verifier.__main__ import main
from verifier.errors import VerifierError
from verifier.logs import HttpLog
from verifier.tiles import tile_name


async def saved(folder: Path) -> Path:
    """What an auditor keeps: the answers of the API, a trust file and an early checkpoint."""
    kept = folder / "log"
    kept.mkdir()
    async with gateway_on(folder / "gateway") as services:
        _, trust = await filled(services)
        (folder / "trust.json").write_text(trust.to_json())
        (folder / "early.note").write_bytes(trust.note)
        async with api_of(services) as api:
            note = await api.get("/api/v1/log/checkpoint")
            page = await api.get("/api/v1/log/entries?start=0&limit=200")
            await mirrored(api, folder / "mirror")
        (kept / "checkpoint").write_bytes(note.content)
        (kept / "entries-0.json").write_bytes(page.content)
    return folder


async def mirrored(api: httpx.AsyncClient, folder: Path) -> None:
    """What a mirror of tiles fetches, by the names of C2SP tlog-tiles."""
    note = (await api.get("/tlog/checkpoint")).content
    size = int(note.split(b"\n")[1])
    for path in ("checkpoint", f"tile/entries/000.p/{size}", f"tile/0/000.p/{size}"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        answer = await api.get(f"/tlog/{path}")
        assert answer.status_code == 200, path
        (folder / path).write_bytes(answer.content)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(saved(tmp_path_factory.mktemp("log")))


@pytest.fixture
def kept(genuine: Path, tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    for name in ("log/checkpoint", "log/entries-0.json", "trust.json", "early.note"):
        (tmp_path / name).write_bytes((genuine / name).read_bytes())
    shutil.copytree(genuine / "mirror", tmp_path / "mirror")
    return tmp_path


class Answers(BaseHTTPRequestHandler):
    """Answers as the gateway does, from what was saved."""

    folder: Path

    def do_GET(self) -> None:
        # The API's checkpoint bears the log's signature alone: no policy could be met with it.
        name = "checkpoint" if self.path == "/tlog/checkpoint" else "entries-0.json"
        here = self.path == "/tlog/checkpoint" or self.path.startswith("/api/v1/log/entries?")
        self.send_response(200 if here else 404)
        self.end_headers()
        self.wfile.write((self.folder / name).read_bytes())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(kept: Path) -> Iterator[str]:
    answers = type("Here", (Answers,), {"folder": kept / "log"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def audited(kept: Path, *more: str, log: str | None = None) -> int:
    return main(["log", log or str(kept / "log"), "--trust", str(kept / "trust.json"), *more])


def test_a_log_is_checked_over_http_and_from_saved_answers_alike(
    kept: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for log in (None, address):
        assert audited(kept, "--checkpoint", str(kept / "early.note"), log=log) == 0
        told = capsys.readouterr().out
        assert "verdict: intact" in told
        assert "unwitnessed: no policy was given" in told


_OK = "HTTP/1.1 200 OK\r\n"


@contextmanager
def dripping(begin: bytes) -> Iterator[str]:
    """Something that answers a byte now and then, for ever: each of its waits is short."""
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(begin)
            while not done.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                drip(server.accept()[0])

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "begin",
    [f"{_OK}\r\n".encode(), f"{_OK}Content-Length: 9999\r\n\r\n".encode(), b"HTTP/1.1 200 O"],
    ids=["without end", "with a length", "in its head"],
)
def test_an_answer_that_drips_for_ever_is_given_up(
    kept: Path, begin: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(HttpLog, "whole_s", 0.4)
    with dripping(begin) as address:
        assert audited(kept, log=address) == 1
    assert "/tlog/checkpoint: " in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["log", "mirror"])
def test_a_pipe_among_the_saved_answers_is_refused_and_not_waited_for(
    kept: Path, tmp_path: Path, folder: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(kept / folder, copy)
    (copy / "checkpoint").unlink()
    os.mkfifo(copy / "checkpoint")
    words = ["log", str(copy), "--trust", str(kept / "trust.json")]
    command = [sys.executable, "-m", "verifier", *words]
    said = subprocess.run(command, capture_output=True, check=False, text=True, timeout=20)
    assert said.returncode == 2
    assert "checkpoint: not a regular file" in said.stderr


def test_a_mirror_of_tiles_is_read_and_says_what_it_cannot_show(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = kept / "mirror"
    early = ("--checkpoint", str(kept / "early.note"))
    assert audited(kept, *early, "--progress", log=str(mirror)) == 0
    told = capsys.readouterr()
    assert "build the tree that was signed" in told.out
    assert "the gateway's signatures, none of a dock" in told.out
    assert "step  3  the record matches its statement: not checked here" in told.out
    assert "a mirror has no records" in told.out
    assert "entries read (100 %)" in told.err
    (bundle,) = (mirror / "tile/entries/000.p").iterdir()
    raw = bundle.read_bytes()
    bundle.write_bytes(raw[:-1])
    assert audited(kept, log=str(mirror)) == 1, "cut"
    bundle.write_bytes(raw[:300] + bytes([raw[300] ^ 1]) + raw[301:])
    assert audited(kept, log=str(mirror)) not in {0, 1}
    # A mirror that went on keeps the whole bundle; the checkpoint says how much of it counts.
    bundle.unlink()
    (mirror / "tile/entries/000").write_bytes(raw + raw[:200])
    assert audited(kept, log=str(mirror)) == 0
    assert tile_name(1234067) == "x001/x234/067"
    (mirror / "tile/entries/000").unlink()
    assert audited(kept, log=str(mirror)) == 1, "gone"


def test_a_printed_checkpoint_is_taken_as_it_was_scanned(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = (kept / "early.note").read_bytes()
    scanned = kept / "scanned.txt"
    scanned.write_text(f"\n {printed_text(note)[:90]}\n{printed_text(note)[90:]} \n")
    assert audited(kept, "--checkpoint", str(scanned)) == 0
    assert "verdict: intact" in capsys.readouterr().out
    scanned.write_text(printed_text(note)[:-9])
    assert audited(kept, "--checkpoint", str(scanned)) == Outcome.UNSIGNED.exit_code
    page = sheet(note).decode()
    for words in ("日志检查点", "Checkpoint of the log", "<svg", "default-src 'none'"):
        assert words in page
    assert "<script" not in page


def test_one_changed_record_or_one_missing_entry_is_found(kept: Path) -> None:
    page = kept / "log/entries-0.json"
    whole = json.loads(page.read_text())
    whole["entries"][3]["record"] = whole["entries"][4]["record"]
    page.write_text(json.dumps(whole))
    assert audited(kept) == Outcome.ALTERED.exit_code
    del whole["entries"][3:]
    page.write_text(json.dumps(whole))
    assert audited(kept) == 1, "a log that is cut short cannot be checked at all"


def test_a_saved_checkpoint_that_the_log_does_not_contain_shows_a_rewritten_history(
    kept: Path, log: SimulatedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signed by the log's own key, and not of this history; or of a longer one."""
    count = log.size
    for size, outcome in ((count - 1, Outcome.ALTERED), (count + 1, Outcome.INCOMPLETE)):
        lost = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), log.checkpoint_signer, ORIGIN)
        (kept / "lost.note").write_bytes(lost)
        assert audited(kept, "--checkpoint", str(kept / "lost.note")) == outcome.exit_code
    (kept / "lost.note").write_bytes((kept / "log/checkpoint").read_bytes()[:-9] + b"AAAAAAA=\n")
    assert audited(kept, "--checkpoint", str(kept / "lost.note")) == Outcome.UNSIGNED.exit_code
    assert "not a checkpoint of this log" in capsys.readouterr().out


@pytest.fixture
def log(kept: Path) -> SimulatedLog:
    """A log whose keys are at hand, in place of the saved one."""
    made = SimulatedLog()
    for number in range(3):
        case = f"{number:032x}"
        made.append_own(CaseOpened(case=case, case_no=str(number), by="Li"), case_urn(case))
    rows = [
        {"index": index, "statement": b64(statement), "record": b64(record)}
        for index, (statement, record) in enumerate(made.entries)
    ]
    (kept / "log/entries-0.json").write_text(json.dumps({"entries": rows}))
    (kept / "log/checkpoint").write_bytes(made.note())
    (kept / "trust.json").write_text(made.anchors.to_json())
    return made


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_a_policy_of_ones_own_is_asked_and_counts(kept: Path) -> None:
    witness = Ed25519Signer.generate()
    key = NoteKey("court.example/w", witness.public, SignatureType.COSIGNATURE)
    policy = kept / "policy"
    policy.write_text(f"witness court {key.vkey()}\nquorum court\n")
    assert audited(kept, "--policy", str(policy)) == Outcome.UNWITNESSED.exit_code
    note = kept / "log/checkpoint"
    note.write_bytes(cosign(note.read_bytes(), witness, key.name, 1_772_000_000))
    assert audited(kept, "--policy", str(policy), "--json") == 0
    policy.write_text("nonsense\n")
    assert audited(kept, "--policy", str(policy)) == 1


def test_another_gateways_log_is_called_so(kept: Path) -> None:
    note = kept / "log/checkpoint"
    note.write_bytes(note.read_bytes().replace(b"evidock/", b"another/"))
    assert audited(kept) == Outcome.UNSIGNED.exit_code


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://a/path", "file:///etc", "nothing"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(VerifierError):
        HttpLog(url)


@pytest.mark.parametrize("page", ["", "[]", "{}", '{"entries": 1}', '{"entries": [{"index": 7}]}'])
def test_answers_that_are_no_entries_end_the_check_in_words(kept: Path, page: str) -> None:
    (kept / "log/entries-0.json").write_text(page)
    assert audited(kept) == 1


def test_a_gateway_that_is_not_there_is_said_in_words(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audited(kept, log="http://127.0.0.1:9") == 1
    assert "127.0.0.1:9" in capsys.readouterr().err
