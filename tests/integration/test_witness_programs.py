"""A real gateway and real witnesses as programs: a kill at any moment makes no witness forget."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.witness.settings import keygen, load_settings
from hashing.note import cosignatures
from tests.simulators.seeded import gateway_on
from tests.simulators.treelog import TreeLog

DEADLINE_S = 60


def gateway(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def settings(folder: Path, port: int, vkey: str) -> Path:
    folder.mkdir()
    path = folder / "witness.toml"
    path.write_text(
        f'[witness]\nname = "{folder.name}.example/w1"\nport = {port}\n[[logs]]\nvkey = "{vkey}"\n'
    )
    return path


@contextmanager
def running(*arguments: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as err, subprocess.Popen(gateway(*arguments), stderr=err) as program:
        try:
            yield program
        finally:
            program.kill()


def post(port: int, body: bytes) -> httpx.Response:
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            return httpx.post(f"http://127.0.0.1:{port}/add-checkpoint", content=body)
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_witness_that_is_killed_at_its_answer_remembers_what_it_cosigned(tmp_path: Path) -> None:
    log, port = TreeLog(), free_port()
    log.grow(12)
    config = settings(tmp_path / "court", port, log.key.vkey())
    key = keygen(load_settings(config).witness)
    told = tmp_path / "witness.log"
    with running("witness", "--config", config, log=told) as program:
        for last, size in ((0, 5), (5, 9)):
            answer = post(port, log.asked(last, size))
            assert answer.status_code == 200, answer.text
            assert cosignatures(log.note(size) + answer.content, [key])
        program.kill()
    with running("witness", "--config", config, log=told):
        other = log.fork(8, 4)
        for body in (log.asked(0, 5), other.asked(8, 9), other.asked(5, 12)):
            answer = post(port, body)
            assert (answer.status_code, answer.content) == (409, b"9\n")
        assert post(port, other.asked(9, 12)).status_code == 422


async def test_a_gateway_gets_its_checkpoints_cosigned_by_a_witness_that_comes_late(
    tmp_path: Path,
) -> None:
    api, mqtt, port = free_port(), free_port(), free_port()
    data = tmp_path / "gateway"
    async with gateway_on(data) as services:
        vkey = services.log.anchors().checkpoint_key.vkey()
    config = settings(tmp_path / "court", port, vkey)
    key = keygen(load_settings(config).witness)
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[[cosigning.witnesses]]\nvkey = "{key.vkey()}"\nurl = "http://127.0.0.1:{port}"\n'
        "[cosigning]\nevery_s = 0.5\n"
    )
    plain = ("--data-dir", data, "--port", api, "--mqtt-port", mqtt)
    told = tmp_path / "gateway.log"
    with running("serve", "--config", file, *plain, log=told):
        assert cosignatures(cosigned(api, "/tlog/checkpoint"), [key]) == []
        with running("witness", "--config", config, log=tmp_path / "witness.log"):
            end = time.monotonic() + DEADLINE_S
            while not cosignatures(cosigned(api, "/tlog/checkpoint"), [key]):
                assert time.monotonic() < end, told.read_text()
                await asyncio.sleep(0.2)


def cosigned(port: int, address: str) -> bytes:
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{address}").raise_for_status().content
        except httpx.ConnectError:
            assert time.monotonic() < end
            time.sleep(0.05)
