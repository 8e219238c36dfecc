"""One gateway and one dock in a folder, set up as the operations page says.

The camera is a folder: docking it is a rename into the bay, so the card appears at once and
complete, as a mounted disk does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx

from tests.demo.programs import Program, ProgramError, free_port, must, script
from tests.simulators.asking import AsHost

DOCK = "dock7"
BAY = "bay 1"
CAMERA = "36NCC009910"
START_S = 60
Json = dict[str, Any]
Tables = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Broker:
    """An outside broker, such as Mosquitto; without one the gateway's own is used."""

    port: int


@dataclass
class Station:
    """The two programs, their files and their addresses.

    Attributes:
        root: everything is below it.
        broker: an outside broker instead of the embedded one.
        erase: whether the dock erases released recordings on the card.
        settings: further settings, a table per section, for gateway and dock.
        folders: further directories that stand for cameras, beside the bay.
        dock_tables: further settings of the dock, as TOML.
    """

    root: Path
    broker: Broker | None = None
    erase: bool = True
    gateway_settings: Tables = field(default_factory=dict)
    dock_settings: Tables = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    dock_tables: str = ""

    def __post_init__(self) -> None:
        self.root = self.root.absolute()
        self.bay = self.root / "bays" / "bay1"
        self.trust = self.root / "dock" / "trust.json"
        self.state = self.root / "dock" / "state"
        self.database = self.state / "ledger.db"
        self.public_key = self.root / "dock" / "statement.pub.pem"
        self.dock_config = self.root / "dock" / "edge.toml"
        self.gateway_config = self.root / "gateway" / "gateway.toml"
        self.store = self.root / "gateway" / "data" / "store" / "objects"
        self.mqtt_port = self.broker.port if self.broker else free_port()
        self.api_port = free_port()
        self.api = f"http://127.0.0.1:{self.api_port}"
        logs = self.root / "logs"
        self.gateway = Program(
            "gateway",
            [script("evidock-gateway"), "serve", "--config", self.gateway_config],
            logs / "gateway.log",
        )
        self.dock = Program(
            "dock",
            [script("evidock-edge"), "run", "--config", self.dock_config],
            logs / "dock.log",
        )
        self._seen = 0
        self._http = httpx.Client(
            base_url=f"{self.api}/api/v1", timeout=60, trust_env=False, auth=AsHost()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop both programs."""
        self._http.close()
        try:
            self.dock.stop()
        finally:
            self.gateway.stop()

    # --- setting up ---------------------------------------------------------------

    def start_gateway(self) -> None:
        """Write its configuration, start it, wait until it answers."""
        settings: Tables = {
            "gateway": {"data_dir": str(self.root / "gateway" / "data")},
            "broker": {"embedded": self.broker is None, "port": self.mqtt_port},
            "api": {"port": self.api_port},
        }
        _write_toml(self.gateway_config, settings, self.gateway_settings)
        self.gateway.start()
        self.gateway.wait_until(self._healthy, "an answer to /healthz", START_S)

    def first_link(self) -> str | None:
        """The newest link that makes the first account, as the gateway printed it."""
        found = re.findall(r"gateway.first-account.*open=(\S+)", self.gateway.log.read_text())
        return str(found[-1]) if found else None

    def _healthy(self) -> bool | None:
        try:
            return True if httpx.get(f"{self.api}/healthz", trust_env=False).is_success else None
        except httpx.TransportError:
            return None

    def enrol(self) -> str:
        """Make the dock's key and exchange it for the gateway's; returns the public key."""
        self.public_key.parent.mkdir(parents=True, exist_ok=True)
        key = self.public_key.parent / "statement.pem"
        pem = must(script("evidock-edge"), "keygen", "--out", key)
        self.public_key.write_text(pem)
        must(
            *(script("evidock-gateway"), "enrol", DOCK, "--key", self.public_key),
            *("--api", self.api, "--out", self.trust),
        )
        return pem

    def start_dock(self) -> None:
        """Write its configuration, start it, wait until its status socket answers."""
        self.bay.parent.mkdir(parents=True, exist_ok=True)
        settings: Tables = {
            "dock": {
                "id": DOCK,
                "state_dir": str(self.state),
                "key": "statement.pem",
                "trust": "trust.json",
            },
            "spool": {"reserve_mb": 64},
            "cameras": {"settle_s": 0.5, "scan_s": 0.25},
            "uplink": {"port": self.mqtt_port, "max_backoff_s": 2},
            "erase": {"enabled": self.erase},
            # A Unix socket's address holds about a hundred bytes; a deep folder has more.
            "status": {"socket": str(_short_socket(self.root))},
        }
        tail = _FOLDERS.format(self.bay, f"BWC-{CAMERA}", BAY)
        tail += "".join(_FOLDERS.format(each, each.name, each.name) for each in self.folders)
        _write_toml(self.dock_config, settings, self.dock_settings, tail + self.dock_tables)
        self.dock.start()
        self.dock.wait_until(self.status_or_none, "an answer on its status socket", START_S)

    # --- at the dock --------------------------------------------------------------

    def insert(self, card: Path) -> None:
        """Put a card into the bay."""
        card.rename(self.bay)

    def remove(self, card: Path) -> None:
        """Take it out again."""
        self.bay.rename(card)

    def status(self) -> Json:
        """What the dock says about itself, asked as `evidock-edge status` asks.

        Raises:
            OSError: nobody listens.
        """
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(10)
            asked.connect(str(_short_socket(self.root)))
            asked.sendall(b'{"cmd": "status"}\n')
            with asked.makefile("rb") as answer:
                return cast("Json", json.loads(answer.readline()))

    def status_or_none(self) -> Json | None:
        """The same, or None while nobody listens or the answer is cut off."""
        try:
            return self.status()
        except (OSError, ValueError):
            return None

    # --- at the gateway -----------------------------------------------------------

    def get(self, path: str, **query: str | int) -> Json:
        """Ask the API."""
        return _answer(self._http.get(path, params=query))

    def post(self, path: str, body: Json) -> Json:
        """Tell the API."""
        return _answer(self._http.post(path, json=body))

    def clips(self) -> list[Json]:
        """Every clip the gateway knows, oldest first."""
        clips: list[Json] = []
        query: dict[str, str | int] = {"limit": 200}
        while True:
            page = self.get("/clips", **query)
            clips += page["clips"]
            if page["next"] is None:
                return clips[::-1]
            query["cursor"] = page["next"]

    def logged(self, statement_hash: str) -> bool:
        """Whether a statement is in the gateway's log; asks from where it stopped last."""
        page = self.get("/log/entries", start=self._seen, limit=200)
        hashes = [entry["statement_hash"] for entry in page["entries"]]
        if statement_hash in hashes:
            return True
        if page["next"] is not None:
            self._seen = page["next"]
            return self.logged(statement_hash)
        return False

    def case_path(self, case_no: str) -> str:
        """Address of a case; its number is data and may hold anything."""
        return f"/cases/{quote(case_no, safe='')}"

    def stored_object(self, clip: str) -> Path:
        """The file in the object store that holds a clip."""
        return self.store / "clips" / Path(*clip.split("."))


_FOLDERS = """
[[cameras.folders]]
path = "{}"
name = "{}"
bay = "{}"
"""


def _short_socket(root: Path) -> Path:
    path = root / "dock" / "status.sock"
    return path if len(os.fsencode(path)) < 100 else Path("/tmp") / f"evidock-{os.getpid()}.sock"  # noqa: S108  # only for deep folders


def _write_toml(
    path: Path,
    settings: Tables,
    more: Tables,
    tail: str = "",
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for section in {**settings, **more}:
        lines.append(f"[{section}]")
        values = {**settings.get(section, {}), **more.get(section, {})}
        # Every value here is a text, number or truth value, which JSON writes as TOML does.
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.write_text("\n".join(lines) + "\n" + tail)


def _answer(response: httpx.Response) -> Json:
    if response.is_error:
        request = response.request
        raise ProgramError(f"{request.method} {request.url}: {response.text[:500]}")
    return cast("Json", response.json())


def fresh(root: Path) -> Path:
    """An empty folder at this place; what an earlier run left there is removed."""
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    return root
