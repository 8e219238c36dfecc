"""Log and witness before an implementation that is not ours: Go's golang.org/x/mod/sumdb.

Debian's ``golang-go`` and ``golang-golang-x-mod-dev`` are enough; no network is used. Three sizes
of trees: one unfinished tile, whole tiles with unfinished ones beside and above them, and the
place where a tile of the next level begins.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gateway.log.published import TileAddress, published_tile
from gateway.log.tiles import ENTRIES, HEIGHT, WIDTH
from gateway.services import Services
from tests.simulators.agency import Agency, rounds_with
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, enrol, gateway_on
from tests.simulators.tools import needed

PROGRAM = Path(__file__).parents[1] / "simulators/go/tlogreader.go"
GOPATH = Path("/usr/share/gocode")
# The log begins with its own opening and the enrolment of a dock.
OPENED = 2


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built once."""
    needed("go", "golang-go")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        said = "apt-get install golang-golang-x-mod-dev"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    built = tmp_path_factory.mktemp("go") / "tlogreader"
    there = os.environ | {"GOPATH": str(GOPATH), "GO111MODULE": "off", "CGO_ENABLED": "0"}
    command = ["go", "build", "-o", str(built), str(PROGRAM)]
    subprocess.run(command, env=there, capture_output=True, check=True)
    return built


async def published(services: Services, out: Path, size: int) -> list[str]:
    """Every tile of a tree as the gateway gives it out."""
    addresses = []
    for row, shift in ((0, 0), (ENTRIES, 0), (1, HEIGHT), (2, 2 * HEIGHT)):
        count = size >> shift
        addresses += [f"{row}/{number:03d}" for number in range(count // WIDTH)]
        addresses += [f"{row}/{count // WIDTH:03d}.p/{count % WIDTH}"] if count % WIDTH else []
    for address in addresses:
        (out / "tile" / address).parent.mkdir(parents=True, exist_ok=True)
        tile = await published_tile(services.log, services.store, TileAddress.parse(address))
        (out / "tile" / address).write_bytes(tile)
    return addresses


@pytest.mark.parametrize(("old", "size"), [(5, 10), (300, 700), (255, 256), (256, 513)])
async def test_go_reads_tiles_entries_checkpoints_and_cosignatures(
    tmp_path: Path, reader: Path, old: int, size: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with gateway_on(tmp_path / "gateway") as services:
        dock = SimulatedDock()
        await enrol(services, dock)
        for _ in range(size - OPENED):
            dock.boot()
        await admit(services, dock, dock.entries[: old - OPENED])
        (out / "old").write_bytes(services.log.checkpoint().note)
        await admit(services, dock, dock.entries[old - OPENED :])
        agency = Agency(tmp_path, "witness.example", [services.log.anchors().checkpoint_key])
        await rounds_with(services, [agency]).round()
        newest = services.log.checkpoint()
        note = services.cosigned.with_cosignatures(newest.size, newest.note)
        (out / "checkpoint").write_bytes(note)
        addresses = await published(services, out, newest.size)
        keys = [services.log.anchors().checkpoint_key.vkey(), agency.key.vkey()]
        agency.state.close()
    found = ask(reader, out, *keys)
    assert found.stdout.split() == [str(old), str(size), "ok"], found.stderr
    bundle = out / "tile" / next(each for each in reversed(addresses) if ENTRIES in each)
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"\x00")
    assert "is not in its tile" in ask(reader, out, *keys).stderr


def ask(reader: Path, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [str(reader), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
