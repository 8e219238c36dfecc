"""The product's own runs: real programs, durable settings, nothing switched off.

A run is timed from the moment the card stands in the bay to the moment the dock's status
says that everything is sealed, or released. The pause in which a dock waits for files to
stand still is part of it; it is set to 0.1 s here, as the card comes complete.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hashing.keys import Ed25519Signer, Es256Signer
from hashing.merkle import EMPTY_ROOT
from hashing.note import Checkpoint, NoteKey, SignatureType, sign_checkpoint
from protocols.anchors import Anchors
from protocols.ids import gateway_urn
from tests.bench.memory import Peak
from tests.demo.programs import free_port, must, script
from tests.demo.station import Broker, Station, Tables

QUICK: Tables = {"cameras": {"settle_s": 0.1, "scan_s": 0.1}}
LONGEST_S = 1800
MIB = 1 << 20


@dataclass(frozen=True)
class Run:
    """One measured run.

    Attributes:
        seconds: from card to sealed or released.
        dock, helpers, gateway: peak resident bytes; helpers are the dock's child processes.
    """

    seconds: float
    dock: int
    helpers: int
    gateway: int = 0


def ingest(sources: list[Path], root: Path) -> Run:
    """Card to sealed: copied, hashed twice, synced, read back, probed, signed. No gateway."""
    # A port nobody listens on: the dock works without its gateway for as long as it must.
    station = Station(root, broker=Broker(free_port()), erase=False, dock_settings=QUICK)
    try:
        strange_gateway(station)
        station.start_dock()
        with Peak(station.dock.pid) as peak:
            seconds = _card_until(station, sources, lambda clips: sum(clips.values()))
        return Run(seconds, peak.own, peak.helpers)
    finally:
        station.close()
        shutil.rmtree(root)


def end_to_end(sources: list[Path], root: Path, *, port: int, part_size: int) -> Run:
    """Card to verified release: sealed, pulled over MQTT, checked, stored, read back, signed."""
    station = Station(
        root,
        broker=Broker(port),
        erase=False,
        dock_settings=QUICK,
        gateway_settings={"intake": {"part_size": part_size}},
    )
    try:
        station.start_gateway()
        station.enrol()
        station.start_dock()
        with Peak(station.dock.pid) as dock, Peak(station.gateway.pid) as gateway:
            seconds = _card_until(station, sources, lambda clips: clips.get("released", 0))
        return Run(seconds, dock.own, dock.helpers, gateway.own)
    finally:
        station.close()
        shutil.rmtree(root)


def _card_until(
    station: Station, sources: list[Path], count: Callable[[dict[str, int]], int]
) -> float:
    card = station.root / "card"
    card.mkdir()
    for source in sources:
        # The same inodes as everybody else reads, so the same pages are in memory.
        (card / source.name).hardlink_to(source)
    began = time.monotonic()
    station.insert(card)

    def done() -> float | None:
        status = station.status_or_none()
        if status is None or count(status["clips"]) < len(sources):
            return None
        return time.monotonic() - began

    return station.dock.wait_until(done, "the end of the run", LONGEST_S)


def strange_gateway(station: Station) -> None:
    """A key for the dock, and a trust file of a gateway that does not exist."""
    folder = station.trust.parent
    folder.mkdir(parents=True, exist_ok=True)
    must(script("evidock-edge"), "keygen", "--out", folder / "statement.pem")
    log, origin = Ed25519Signer.generate(), "bench.example/log"
    anchors = Anchors(
        gateway=gateway_urn("gateway"),
        statement_key=Es256Signer.generate().public,
        receipt_key=Es256Signer.generate().public,
        checkpoint_key=NoteKey(origin, log.public, SignatureType.ED25519),
        note=sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), log, origin),
    )
    station.trust.write_text(anchors.to_json())
