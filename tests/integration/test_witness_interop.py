"""Log and witness before an implementation that is not ours: Go's golang.org/x/mod/sumdb.

Debian's ``golang-go`` and ``golang-golang-x-mod-dev`` are enough; no network is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.log.published import TileAddress, published_tile
from protocols.kinds import AlarmRaised
from tests.simulators.agency import Agency, rounds_with
from tests.simulators.seeded import gateway_on

PROGRAM = Path(__file__).parents[1] / "simulators/go/tlogreader.go"
GOPATH = Path("/usr/share/gocode")
NOTHING = AlarmRaised(code="test", text="nothing")
MISSING = [
    name
    for name, there in (
        ("golang-go", shutil.which("go") is not None),
        ("golang-golang-x-mod-dev", (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir()),
    )
    if not there
]


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
async def test_go_reads_tiles_entries_checkpoints_and_cosignatures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with gateway_on(tmp_path / "gateway") as services:
        log = services.log
        for number in range(4):
            await log.append_own(NOTHING, f"urn:{number}")
        old = log.checkpoint()
        for number in range(4, 9):
            await log.append_own(NOTHING, f"urn:{number}")
        agency = Agency(tmp_path, "witness.example", [log.anchors().checkpoint_key])
        await rounds_with(services, [agency]).round()
        newest = log.checkpoint()
        note = services.cosigned.with_cosignatures(newest.size, newest.note)
        files = {"old": old.note, "checkpoint": note}
        for address in (f"0/000.p/{newest.size}", f"entries/000.p/{newest.size}"):
            tile = TileAddress.parse(address)
            files[f"tile/{address}"] = await published_tile(log, services.store, tile)
        keys = [log.anchors().checkpoint_key.vkey(), agency.key.vkey()]
        agency.state.close()
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    found = go(out, *keys)
    assert found.stdout.split() == ["5", "10", "ok"], found.stderr
    bundle = out / "tile/entries/000.p/10"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"\x00")
    assert "is not in its tile" in go(out, *keys).stderr


def go(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    """Run the program; the compiler's cache is kept, since the first build takes a while."""
    there = os.environ | {"GOPATH": str(GOPATH), "GO111MODULE": "off"}
    command = ["go", "run", str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, env=there, capture_output=True, text=True, check=False)
