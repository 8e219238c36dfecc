"""A status socket that says what a test tells it to, as the dock's program would.

It knows no ledger and no camera: for what a screen makes of the daemon's words, in states that
a real one shows for a moment only. The words themselves are those of ``edge.words``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from edge import words
from protocols.ids import EntryId, dock_id
from protocols.slip import SlipClip, slip_of

DOCK = dock_id("dock7")
Answer = dict[str, Any]

MESSAGES = {
    "looking": words.LOOKING,
    "copying": words.COPYING,
    "copied": words.COPIED,
    "checking": words.CHECKING,
    "erasing": words.ERASING,
    "full": words.FULL,
    "safe": words.SAFE,
    "empty": words.EMPTY,
    "attention": words.Message(
        "attention",
        "2 recordings could not be taken; call the custodian",
        "有 2 个原始文件未能采集，请联系管理员",
    ),
}
CASES = [
    {"case_no": "云商执〔2026〕17号", "title": "某超市销售过期食品案", "category": "检查"},
    {"case_no": "云商执〔2026〕21号", "title": "无证经营加油站案", "category": "检查"},
]
CATEGORIES = [
    {"code": "inspection", "zh": "现场检查", "en": "On-site inspection"},
    {"code": "evidence", "zh": "调查取证", "en": "Taking evidence"},
    {"code": "service", "zh": "送达文书", "en": "Serving documents"},
]
REASONS = [
    {"code": "device-failed", "zh": "设备故障", "en": "The camera failed"},
    {"code": "battery", "zh": "电量耗尽", "en": "The battery was empty"},
    {"code": "not-required", "zh": "无需音像记录", "en": "No recording was required"},
]


def bay_of(name: str, state: str, **other: Any) -> Answer:  # noqa: ANN401  # any field of a bay
    """One bay with a camera, as ``status`` says it."""
    said = MESSAGES[state]
    total = 0 if state in {"looking", "empty"} else 21_400_000_000
    done = {"copying": 8_300_000_000, "full": 15_000_000_000}.get(state, total)
    return {
        "bay": name,
        "camera": {"serial": f"36NCC00991{name[-1:]}"},
        "volume": f"label:CAM0{name}",
        "read_only": False,
        "officer": "张三 016042",
        "session": f"dock7.0.{name}",
        "phase": said.code,
        "message": {"en": said.en, "zh": said.zh, "safe": said.safe},
        "counts": {"sealed": 9, "released": 5} if state == "copied" else {},
        "recordings": [],
        "problems": [],
        "bytes_total": total,
        "bytes_done": done,
        "rate_bytes_s": 35_000_000 if state == "copying" else 0,
        **other,
    }


def status_of(*bays: Answer, **other: Any) -> Answer:  # noqa: ANN401  # any field of a status
    """A whole status."""
    return {
        "version": "1.0",
        "uptime_s": 4000,
        "uplink": {
            "connected": True,
            "problem": "",
            "understood": True,
            "gateway_silent_s": 1.0,
            "gateway": "1.0",
        },
        "clock": {"utc": "2026-11-22T03:48:05.123Z", "source": "ntp", "error_ms": 12},
        "dock": "dock7",
        "queue": {"clips": 0, "bytes": 0},
        "recent": [],
        "alarms": [],
        "refusals": [],
        "known_bays": [],
        "bays": list(bays),
        **other,
    }


def slip_answer(session: str = "dock7.0.1", names: tuple[str, ...] = ("a.mp4",)) -> Answer:
    """The slip of a docking with these recordings."""
    opened = EntryId.parse(session)
    clips = [
        SlipClip(EntryId(DOCK, 0, 50 + n), bytes([n % 256]) * 32, 6_096_307 * (n + 1))
        for n in range(len(names))
    ]
    head = EntryId(DOCK, 0, 60 + len(names))
    text = slip_of(opened, head, b"\x5a" * 32, clips)
    clock = {"source": "ntp", "error_ms": 12}
    return {
        "session": session,
        "bay": "1",
        "volume": "label:CAM01",
        "camera": {"serial": "36NCC009910"},
        "officer": "张三 016042",
        "unit": None,
        "opened": {"utc": "2026-11-22T03:30:11.000Z", **clock},
        "closed": None,
        "ended": None,
        "inventory_files": len(names),
        "leftovers_total": 0,
        "leftovers": [],
        "dock": "dock7",
        "made": {"utc": "2026-11-22T03:48:05.123Z", **clock},
        "head": {"epoch": 0, "seq": head.seq, "hash": "5a" * 32},
        "text": text.text(),
        "digest": text.digest.hex(),
        "clips_total": len(names),
        "clips": [
            {
                "clip": str(clip.clip),
                "name": name,
                "size": clip.size,
                "sha256": clip.sha256.hex(),
                "state": "sealed" if n % 3 == 2 else "released",
                "marked": n == 0,
                "case_no": None,
                "category": None,
            }
            for n, (clip, name) in enumerate(zip(clips, names, strict=True))
        ],
        "earlier_total": 0,
        "earlier": [],
        "notes": [],
    }


class ToldDaemon:
    """Says ``status`` to whoever watches, at once when told and every second.

    Attributes:
        answers: what it answers to each command; a command that is not here is unknown.
        asked: every question but ``watch``.
        silent: lets a watcher wait without a word, as a program that hangs.
    """

    def __init__(self, socket: Path, status: Answer | None = None) -> None:
        self.socket = socket
        self.status = status or status_of()
        self.answers: dict[str, Answer] = {
            "slip": {"slip": slip_answer()},
            "cases": {
                "cases": CASES,
                "categories": CATEGORIES,
                "reasons": REASONS,
                "stale_s": 10,
            },
            "tag": {"tagged": 1},
            "note": {"noted": "dock7.0.99"},
        }
        self.asked: list[Answer] = []
        self.silent = False
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ToldDaemon]:
        """Serve meanwhile; at the end it is gone as a killed one is."""
        self.socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._accept, self.socket)
        try:
            yield self
        finally:
            server.close()
            for task in list(self._serving):
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def tell(self, status: Answer) -> None:
        """Say this from now on."""
        self.status = status

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                question = json.loads(line)
                if question == {"cmd": "watch"}:
                    await self._watch(writer)
                    return
                self.asked.append(question)
                unknown = {"error": "unknown command"}
                await _say(writer, self.answers.get(question["cmd"], unknown))
        except OSError:
            pass
        finally:
            writer.close()

    async def _watch(self, writer: asyncio.StreamWriter) -> None:
        said: Answer | None = None
        beats = 0
        while not writer.is_closing():
            beats += 1
            if not self.silent and (self.status is not said or beats % 10 == 0):
                said = self.status
                await _say(writer, said)
            await asyncio.sleep(0.1)


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    await writer.drain()
