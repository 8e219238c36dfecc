"""The log has more entries of a dock than the dock announces: the dock is shown the newest."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from gateway.intake.dock import DockIntake
from gateway.intake.leases import Leases
from protocols.acceptance import accept_logged
from protocols.messages import Head, LoggedMessage
from protocols.topics import ToDock
from tests.simulators.dock import SimulatedDock
from tests.simulators.means import Sent, means_of
from tests.simulators.seeded import admit, enrol, gateway_on


async def test_the_newest_entry_beyond_a_head_is_shown_with_its_proof(tmp_path: Path) -> None:
    sent = Sent()
    async with gateway_on(tmp_path) as services:
        dock = SimulatedDock()
        await enrol(services, dock)
        anchors = services.log.anchors()
        for _ in range(3):
            dock.boot()
        await admit(services, dock, dock.entries)
        held = await Leases(services.database, "worker", 600).acquire(dock.id)
        assert held is not None
        row = await services.docks.dock(dock.id)
        with means_of(services, sent) as means:
            intake = DockIntake(means, held, row)
            sending = asyncio.ensure_future(intake._proofs.run())
            for seq in (2, 3):
                await intake._look_beyond(head(seq))
            await asyncio.sleep(0.05)
            assert sent.of(ToDock.LOGGED) == []
            await intake._look_beyond(head(1))
            async with asyncio.timeout(30):
                while not sent.of(ToDock.LOGGED):  # noqa: ASYNC110  # set by the task beside this one
                    await asyncio.sleep(0.02)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
        message = LoggedMessage.decode(sent.of(ToDock.LOGGED)[0])
        statement, link = accept_logged(anchors, None, dock.id, message)
        assert (link.epoch, link.seq) == (0, 2)
        assert message.statement == dock.entries[2].statement
        assert statement.issuer == "urn:evidock:dock:dock7"


def head(seq: int) -> Head:
    return Head(epoch=0, seq=seq, hash="0" * 64, unreleased=(), free_bytes=0)
