"""A gateway where footage grows old: rules of an authority, two people, and time that goes on."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from gateway.access.policy import Role
from gateway.clock import GatewayClock
from gateway.retention.signing import sign_pack
from gateway.services import Services
from hashing.keys import Ed25519Signer
from protocols.clock import ClockReading
from protocols.ids import ClipId
from protocols.kinds import ClipTagged
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import person
from tests.simulators.seeded import admit, enrol, shift_end

AUTHORITY = Ed25519Signer.generate()
PACK = """
format = 1
jurisdiction = "j"
title = "t"
version = {version}
issued = 2026-01-01
zone = "UTC"
floor_months = 6
[[item]]
id = "scene"
category = "c"
matter = "m"
method = "key"
keep = {keep}
[item.when]
tag = ["scene"]
[[case]]
keep = 12
"""
YEAR = timedelta(days=400)
WAIT = timedelta(hours=73)


class Ahead:
    """Lets time go on, by both of a host's clocks; or by the one alone that can be set."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.by = self.set_by = timedelta()
        now, running, read = GatewayClock.now, GatewayClock.running_s, GatewayClock.read

        def ahead(clock: GatewayClock) -> datetime:
            return now(clock) + self.by + self.set_by

        def ran(clock: GatewayClock) -> float:
            return running(clock) + self.by.total_seconds()

        def reading(clock: GatewayClock) -> ClockReading:
            at = ahead(clock).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return read(clock).model_copy(update={"utc": at})

        # People stay signed in for the year.
        self.real = type("RealClock", (GatewayClock,), {"now": now})()
        patch.setattr(GatewayClock, "now", ahead)
        patch.setattr(GatewayClock, "running_s", ran)
        patch.setattr(GatewayClock, "read", reading)

    def __iadd__(self, more: timedelta) -> Self:
        self.by += more
        return self


@dataclass
class Office:
    """A custodian and a supervisor before their gateway, and time that they may let pass."""

    services: Services
    ahead: Ahead
    custodian: httpx.AsyncClient
    supervisor: httpx.AsyncClient

    async def propose(self, *clips: ClipId, **more: Any) -> httpx.Response:  # noqa: ANN401  # JSON
        """Ask for a disposal of these clips."""
        names = {"clips": [str(clip) for clip in clips]} if clips else {}
        asked = {"reason": "到期", **names, **more}
        return await self.custodian.post("/api/v1/disposals", json=asked)

    async def approved(self, *clips: ClipId) -> str:
        """A disposal of these clips that was proposed and approved."""
        said = await self.propose(*clips)
        assert said.status_code == 201, said.text
        token: str = said.json()["disposal"]
        agreed = await self.supervisor.post(
            f"/api/v1/disposals/{token}/approve", json={"reason": "同意"}
        )
        assert agreed.status_code == 200, agreed.text
        return token

    async def wait(self, hours: timedelta = WAIT) -> None:
        """Let the waiting time pass, and the gateway look."""
        await self.services.executing.tick()
        self.ahead += hours
        await self.services.executing.tick()


async def office(
    stack: AsyncExitStack, services: Services, folder: Path, patch: pytest.MonkeyPatch
) -> Office:
    """Set up rules and people."""
    trusted(services, folder)
    believed(services)
    await adopt(services)
    ahead = Ahead(patch)
    services.sessions._clock = ahead.real
    wang = await person(services, Role.CUSTODIAN, login="wang", officer="014031")
    li = await person(services, Role.SUPERVISOR, login="li", officer="014033")
    enter = stack.enter_async_context
    return Office(services, ahead, await enter(wang), await enter(li))


def believed(services: Services) -> None:
    """Let the gateway believe its clock: simulated docks have one that stands still."""
    services.sure_clock._synchronised = False
    services.sure_clock._others = None


def trusted(services: Services, folder: Path) -> None:
    """Let the gateway trust the authority."""
    path = folder / "authority.pem"
    path.write_text(AUTHORITY.public.pem())
    services.retention._keys = [path]


async def adopt(services: Services, version: int = 1, keep: int = 12) -> None:
    """Adopt rules for footage tagged ``scene``."""
    raw = PACK.format(version=version, keep=keep).encode()
    await services.retention.adopt(raw, sign_pack(raw, AUTHORITY), by="Li", why="a")


async def docked(
    services: Services,
    recordings: dict[str, bytes],
    name: str = "dock7",
    unit: str | None = None,
    *,
    tag: str | None = "scene",
) -> tuple[SimulatedDock, list[ClipId]]:
    """Recordings, stored, and tagged by the officer."""
    dock = SimulatedDock(name)
    dock.unit = unit
    await enrol(services, dock)
    clips = await shift_end(services, dock, recordings)
    first = len(dock.entries)
    for clip in clips if tag is not None else ():
        dock.append(ClipTagged(clip=str(clip), category=tag))
    await admit(services, dock, dock.entries[first:])
    return dock, clips
