"""The command line: what each subcommand says and ends with, short of a running gateway."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from gateway.__main__ import main
from gateway.enrol import enrol, load_trust
from gateway.errors import ConflictError, InvalidError, SetupError
from gateway.services import Services
from gateway.trail.client import ApiClient, ApiError
from hashing.keys import Es256Signer
from protocols.anchors import Anchors
from tests.simulators.seeded import SyncBridge, gateway_on

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "dock.pub.pem"
    path.write_text(Es256Signer.generate().public.pem())
    return path


async def enrolled(services: Services, key: Path, out: Path, dock: str = "dock7") -> Anchors:
    bridge = SyncBridge(services)

    def work() -> Anchors:
        with ApiClient("http://127.0.0.1", transport=bridge) as client:
            return enrol(client, dock, key, out)

    return await asyncio.to_thread(work)


def replace(path: Path, text: str) -> None:
    path.write_text(text)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- the parser ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nothing"],
        ["trail"],
        ["enrol", "dock7"],
        ["log", "show"],
        ["log", "show", "-1"],
        ["log", "show", "9223372036854775808"],
        ["log", "show", "\u0661"],
        ["log", "verify"],
        ["serve", "--port", "x"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: evidock-gateway" in capsys.readouterr().err


def test_the_version_says_of_what(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"evidock-gateway {version('evidock')}\n"


@pytest.mark.parametrize("flag", ["--verify", "--content"])
def test_verifying_without_keys_of_ones_own_is_wrong_usage(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trail", "x", "--api", NOWHERE, flag]) == 2
    assert "--trust" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["trail", "x"], ["trail", "dock7.0.1"], ["log"], ["log", "show", "0"]]
)
def test_a_gateway_that_does_not_answer_is_named_and_ends_with_1(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--api", NOWHERE]) == 1
    assert "does not answer: http://127.0.0.1:1" in capsys.readouterr().err


def test_an_api_address_given_before_the_part_of_log_counts_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["log", "--api", NOWHERE, "show", "0"]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        *("nonsense", "http://[", "ftp://127.0.0.1", "", "127.0.0.1:8080", "http://"),
        *("http://127.0.0.1:8080/api/v1", "http://127.0.0.1?x=1", "http://a:b@127.0.0.1"),
    ],
)
def test_an_address_that_is_none_is_said_so(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "--api", address]) == 2
    assert "is not the address of a gateway, such as http://" in capsys.readouterr().err


def test_a_trust_file_that_is_missing_or_none_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "trust.json"
    assert main(["trail", "x", "--trust", str(wrong)]) == 2
    wrong.write_text("{}")
    assert main(["log", "verify", "--trust", str(wrong)]) == 2
    wrong.write_bytes(b"x" * 100_000)
    assert main(["log", "verify", "--trust", str(wrong)]) == 2
    wrong.write_text("-----BEGIN PRIVATE KEY-----")
    assert main(["log", "verify", "--trust", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert said.count(str(wrong)) == 4
    assert said.count("is not a trust file (JSON, as `evidock-gateway enrol` writes it): ") == 2
    assert "http" not in said
    assert "PRIVATE" not in said
    assert "v: Field required" in said


# --- check-config, migrate -----------------------------------------------------------


def test_check_config_prints_what_is_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-config", "--data-dir", str(tmp_path / "d")]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "d" / "store") in said
    assert "part_size = 262144" in said


def test_check_config_refuses_what_does_not_hold_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "gateway.toml"
    wrong.write_text('[api]\nhost = "0.0.0.0"\n')
    assert main(["check-config", "--config", str(wrong)]) == 2
    assert "names, cert and key" in capsys.readouterr().err


def test_migrate_makes_the_tables_and_may_be_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for _ in range(2):
        assert main(["migrate", "--data-dir", str(folder)]) == 0
    assert (folder / "gateway.db").stat().st_size > 0


def test_migrate_lets_no_other_user_of_the_machine_read_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = os.umask(0o022)
    try:
        assert main(["migrate", "--data-dir", str(folder)]) == 0
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    made = [folder, *folder.iterdir()]
    assert len(made) > 1
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


# --- serve ---------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--port", "--mqtt-port"])
def test_a_taken_port_ends_with_1_says_what_to_change_and_leaves_nothing_behind(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
        other.close()
        ports = {"--port": free, "--mqtt-port": free} | {flag: taken.getsockname()[1]}
        argv = [part for name, port in ports.items() for part in (name, str(port))]
        assert main(["serve", "--data-dir", str(tmp_path / "data"), *argv]) == 1
    said = capsys.readouterr().err
    assert "the port is taken" in said
    assert f"{flag} or [" in said
    assert not (tmp_path / "data").exists()


# --- enrol ---------------------------------------------------------------------------


async def test_enrolling_a_dock_writes_what_it_has_to_trust_and_may_be_repeated(
    services: Services, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trust.json"
    anchors = await enrolled(services, key, out)
    assert load_trust(out) == anchors
    assert anchors.statement_key == services.log.anchors().statement_key
    first = out.read_bytes()
    await enrolled(services, key, out)
    assert out.read_bytes() == first
    assert names(tmp_path) == {"data", "dock.pub.pem", "trust.json"}


async def test_a_trust_file_of_another_gateway_is_never_overwritten(
    services: Services, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trust.json"
    async with gateway_on(tmp_path / "other") as other:
        await enrolled(other, key, out)
    before = out.read_bytes()
    with pytest.raises(ConflictError, match="another gateway"):
        await enrolled(services, key, out)
    assert out.read_bytes() == before


async def test_another_key_for_an_enrolled_dock_is_refused(
    services: Services, key: Path, tmp_path: Path
) -> None:
    await enrolled(services, key, tmp_path / "trust.json")
    replace(key, Es256Signer.generate().public.pem())
    with pytest.raises(ApiError, match="another key") as refused:
        await enrolled(services, key, tmp_path / "again.json")
    assert (refused.value.status, refused.value.code) == (409, "dock-key-differs")
    assert not (tmp_path / "again.json").exists()


async def test_what_is_no_public_key_never_leaves_this_machine(
    services: Services, key: Path, tmp_path: Path
) -> None:
    out = tmp_path / "trust.json"
    size = services.log.checkpoint().size
    for text in (Es256Signer.generate().pem().decode(), "nonsense", "", "x" * 20_000):
        replace(key, text)
        with pytest.raises((InvalidError, SetupError)):
            await enrolled(services, key, out)
    with pytest.raises(SetupError):
        await enrolled(services, tmp_path / "missing.pem", out)
    assert services.log.checkpoint().size == size


async def test_a_dock_name_that_is_none_is_refused(
    services: Services, key: Path, tmp_path: Path
) -> None:
    for name in ("gateway", "UPPER", "", "a" * 24, "\x00"):
        with pytest.raises(ApiError):
            await enrolled(services, key, tmp_path / "trust.json", name)


async def test_a_dock_is_not_enrolled_when_its_trust_file_cannot_be_written(
    services: Services, key: Path, tmp_path: Path
) -> None:
    size = services.log.checkpoint().size
    with pytest.raises(SetupError, match=r"No such file.*nothing was enrolled"):
        await enrolled(services, key, tmp_path / "nowhere" / "trust.json")
    with pytest.raises(SetupError, match="nothing was enrolled"):
        await enrolled(services, key, tmp_path / ("x" * 300))
    assert services.log.checkpoint().size == size


async def test_a_trust_file_that_fails_after_enrolling_is_said_so(
    services: Services, key: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    bridge = Removing(services, folder)

    def work() -> None:
        with ApiClient("http://127.0.0.1", transport=bridge) as client:
            enrol(client, "dock7", key, folder / "trust.json")

    with pytest.raises(SetupError, match=r"IS enrolled.*another --out"):
        await asyncio.to_thread(work)
    await enrolled(services, key, tmp_path / "trust.json")


class Removing(SyncBridge):
    """The folder of the trust file goes away while the gateway answers."""

    def __init__(self, services: Services, folder: Path) -> None:
        super().__init__(services)
        self._folder = folder

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        shutil.rmtree(self._folder)
        return answer
