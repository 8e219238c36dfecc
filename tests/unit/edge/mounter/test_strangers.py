"""Who may not ask the mount helper cannot take its descriptors either."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from edge.bays import Bays
from edge.mounter import wire
from edge.mounter.service import Service
from edge.mounter.settings import MounterSection
from tests.unit.edge.bayside import until


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_strangers_who_say_nothing_take_few_of_its_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "mounter.sock"
    none = cast(Any, SimpleNamespace(__iter__=lambda: iter(())))
    service = Service(MounterSection(socket=path), Bays(()), none, None, frozenset())
    async with contextlib.AsyncExitStack() as ending:
        server = await asyncio.start_unix_server(service._serve, path, limit=wire.LINE)
        ending.push_async_callback(server.wait_closed)
        ending.callback(server.close)
        before = descriptors()
        ends = []
        for _ in range(80):
            reader, writer = await asyncio.open_unix_connection(path)
            ending.callback(writer.close)
            ends.append((reader, writer))
        # Each has an end of its own here, and one there while it is heard.
        await until(lambda: descriptors() - before <= 80 + 16, 3.0)
        reader, writer = ends[0]
        writer.write(b'{"verb": "watch"}\n')
        answer = json.loads(await reader.readline())
        assert (answer["ok"], answer["code"]) == (False, "not-allowed")
