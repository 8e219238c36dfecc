"""The commands of docs/case-system.md, as written, against a running gateway."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from protocols.kinds import Media
from tests.demo.programs import SCRIPTS, Program, free_port, script
from tests.simulators.asking import AsHost
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import admit, enrol, gateway_on, store
from tests.simulators.tools import needed

PAGE = Path(__file__).parents[2] / "docs" / "case-system.md"
_GATEWAY = """\
[gateway]
data_dir = "{data}"
[api]
port = {api}
[broker]
port = {mqtt}
[webhooks]
allow = ["127.0.0.0/8"]
"""
# What the page tells a server to do with a message, before it is looked at.
_ARRIVED = """\
for _ in $(seq 300); do [ ! -s headers ] || break; sleep 0.1; done
. ./headers
"""

pytestmark = pytest.mark.timeout(300)


def blocks() -> list[str]:
    """Every block of commands of the page, in order."""
    return re.findall(
        r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@contextmanager
def receiver(folder: Path) -> Iterator[str]:
    """A case system's address, which keeps the first message that comes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if not (folder / "headers").exists():
                (folder / "message.json").write_bytes(body)
                said = {
                    "ID": self.headers["webhook-id"],
                    "TIMESTAMP": self.headers["webhook-timestamp"],
                    "SIGNATURE": self.headers["webhook-signature"],
                }
                text = "".join(f"{name}='{value}'\n" for name, value in said.items())
                (folder / "headers").write_text(text)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/evidock"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def seeded(data: Path) -> None:
    """Clips of the unit that the page's key is for and of the stage it tells of, stored."""
    async with gateway_on(data) as services:
        dock = SimulatedDock("dock7")
        dock.officer, dock.unit = "014032", "市局/城东"
        await enrol(services, dock)
        first = len(dock.entries)
        session = dock.open_session(officer=dock.officer)
        names = ["A.MP4", "B.MP4", "C.MP4"]
        dock.inventory(session, names)
        clips = [
            dock.seal(
                session,
                footage(100_000 * number),
                name=name,
                media=Media(container="mp4", playable=True, duration_ms=240_000),
                started=f"2026-02-24T09:{30 + number}:00",
            )
            for number, name in enumerate(names, 1)
        ]
        dock.close_session(session)
        await admit(services, dock, dock.entries[first:])
        for clip in clips:
            await store(services, dock.clips[clip])


async def test_every_command_of_the_page_works_as_written(tmp_path: Path) -> None:
    for tool in ("curl", "jq", "openssl"):
        needed(tool, tool)
    data, work, port = tmp_path / "data", tmp_path / "work", free_port()
    work.mkdir()
    await seeded(data)
    config = tmp_path / "gateway.toml"
    config.write_text(_GATEWAY.format(data=data, api=port, mqtt=free_port()))
    url = f"http://127.0.0.1:{port}"
    argv: list[str | Path] = [script("evidock-gateway"), "serve", "--config", config]
    gateway = Program("gateway", argv, tmp_path / "gateway.log")
    gateway.start()
    try:
        gateway.wait_until(lambda: _up(url), "an answer to /healthz", 60)
        (work / "trust.json").write_bytes(_trust(url))
        with receiver(work) as address:
            done = _shell(work, url, address)
    finally:
        gateway.kill()
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{gateway.tail()}"
    assert "genuine" in done.stdout
    assert "intact" in done.stdout
    assert 'data: {"type":"case.linked"' in done.stdout


def _shell(work: Path, url: str, address: str) -> subprocess.CompletedProcess[str]:
    key, *rest = blocks()
    # The operator's command tells the key in a line of its own.
    parts = [f"EVIDOCK_TOKEN=$({{ {key.strip()}; }} | grep -o 'evc_[A-Za-z0-9_-]*')\n"]
    parts.append('export EVIDOCK_TOKEN; test -n "$EVIDOCK_TOKEN"\n')
    parts += [
        _ARRIVED + block if "message.json" in block and "ID" in block else block for block in rest
    ]
    told = {"GATEWAY": url, "RECEIVER": address, "NO_PROXY": "*"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(parts)],
        cwd=work,
        env={**os.environ, **told, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def _trust(url: str) -> bytes:
    return httpx.get(f"{url}/api/v1/trust", auth=AsHost(), trust_env=False).content


def _up(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False).is_success or None
    except httpx.TransportError:
        return None


def test_the_page_has_commands_for_every_step() -> None:
    text = "\n".join(blocks())
    of_cases = ("links", "accept", "reject", "holds", "If-Match", "If-None-Match")
    for step in ("webhooks", "views", "pack.zip", "evidock-verify", *of_cases):
        assert step in text, step
