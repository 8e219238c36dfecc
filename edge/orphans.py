"""Files of the spool that no clip names: resolved once their bytes are proven to be elsewhere.

A cut between publishing a recording into the spool and sealing it leaves one, and so does a ledger
that was set back. Mostly the camera is docked again and the recording is sealed under another
name; then the file is one copy too many. It goes only when its SHA-256 is that of a clip which
the gateway has released, or whose own file in the spool was read again and is the same. All others
stay for people, who may say that they saw to them; nobody can have one removed here on a word.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog

from edge.durable import UncachedReader
from edge.errors import LedgerDamaged, LedgerError, SpoolDamaged
from edge.ledger import ClipRow, ClipState, Ledger
from edge.signals import Signals
from edge.spool import Spool

log = structlog.get_logger()

CODE: Final = "spool-orphans"
_SEEN: Final = "orphans-seen"
_TEND_S: Final = 60.0
_PAUSE_S: Final = 5.0
_NAMED: Final = 20
# A bad sector stays bad, and reading up to it once a minute would keep the disk from its work.
_AGAIN_S: Final = 600.0


class Orphans:
    """Of one spool. Blocking but for ``run``; safe from several threads."""

    def __init__(self, ledger: Ledger, spool: Spool, signals: Signals) -> None:
        self._ledger = ledger
        self._spool = spool
        self._signals = signals
        self._lock = threading.Lock()
        self._digests: dict[str, tuple[bytes, int]] = {}
        self._unread: dict[str, tuple[float, str]] = {}

    async def run(self) -> None:
        """Look again as long as there are any; only a start leaves new ones."""
        left = True
        while left:
            rung = self._signals.ledger.listen()
            try:
                if await asyncio.to_thread(self.resolve):
                    self._signals.ledger.ring()
                left = bool(await asyncio.to_thread(self._spool.orphans))
            except LedgerDamaged:
                raise
            except (LedgerError, SpoolDamaged) as error:
                log.warning("spool.orphans-unresolved", error=str(error))
            if left:
                # A recording that is sealed meanwhile may be what one of them is.
                await self._signals.ledger.wait(_TEND_S, rung)
                await asyncio.sleep(_PAUSE_S)

    def resolve(self) -> list[str]:
        """Drop what is proven to be elsewhere, which is said before; gives the names dropped."""
        with self._lock:
            proven = {name: self._resolved(name) for name in self._spool.orphans()}
            told = {name: str(row.clip) for name, row in proven.items() if row is not None}
            if told:
                self._state(told)
            for name, clip in told.items():
                self._spool.drop_orphan(name)
                log.warning("spool.orphan-dropped", name=name, clip=clip)
            if told:
                say(self._ledger, self._spool)
        return list(told)

    def _state(self, told: Mapping[str, str]) -> None:
        """On record, whether the alarm stands or somebody saw to it before."""
        named = ", ".join(f"{name} is {clip}" for name, clip in list(told.items())[:_NAMED])
        why = f"{len(told)} files have the bytes of clips and go: {named}"
        if self._ledger.clear_alarm(CODE, why=why) is None:
            self._ledger.raise_alarm(CODE, why)
            self._ledger.clear_alarm(CODE, why=why)

    def listed(self) -> list[dict[str, Any]]:
        """Every one that is left: name, size, digest, and the clips of the same bytes.

        Of one that cannot be read size and digest are None, and ``problem`` says why.
        """
        with self._lock:
            return [self._told(name) for name in self._spool.orphans()]

    def _told(self, name: str) -> dict[str, Any]:
        try:
            sha256, size = self._digest(name)
        except SpoolDamaged as error:
            unknown: dict[str, Any] = {"name": name, "size": None, "sha256": None, "clips": []}
            return {**unknown, "problem": str(error)}
        rows = self._ledger.clips_of_content(sha256, size)
        clips = [{"clip": str(row.clip), "state": row.state.value} for row in rows]
        return {"name": name, "size": size, "sha256": sha256.hex(), "clips": clips}

    def _resolved(self, name: str) -> ClipRow | None:
        """As ``_proven``; one that the disk does not give back stays, and keeps no other."""
        try:
            return self._proven(name)
        except SpoolDamaged as error:
            log.warning("spool.orphan-unread", name=name, reason=str(error))
            return None

    def _proven(self, name: str) -> ClipRow | None:
        """A clip of the same bytes which is safe without this file."""
        for row in self._ledger.clips_of_content(*self._digest(name)):
            if row.state in {ClipState.RELEASED, ClipState.ERASED}:
                return row
            if row.state is ClipState.SEALED and self._holds(row):
                return row
        return None

    def _holds(self, row: ClipRow) -> bool:
        """Whether the clip's own file in the spool is what was sealed, as the disk has it now."""
        if row.spool_name is None:
            return False
        try:
            return _read(self._spool.open(row.spool_name)) == (row.sha256, row.size)
        except (OSError, SpoolDamaged):
            return False

    def _digest(self, name: str) -> tuple[bytes, int]:
        if name not in self._digests:
            failed_s, why = self._unread.get(name, (0.0, ""))
            if why and time.monotonic() - failed_s < _AGAIN_S:
                raise SpoolDamaged(why)
            try:
                self._digests[name] = _read(self._spool.open_orphan(name))
            except (OSError, SpoolDamaged) as error:
                why = f"{name} cannot be read: {getattr(error, 'strerror', error)}"
                self._unread[name] = (time.monotonic(), why)
                raise SpoolDamaged(why) from error
        return self._digests[name]


def say(ledger: Ledger, spool: Spool) -> None:
    """Say how many there are, unless somebody saw to just these or fewer; blocks."""
    names = spool.orphans()
    text = (
        f"no clip names {len(names)} of the files in {spool.root}; they are kept as *.orphan: "
        "dock their cameras again. `evidock-edge orphans` lists them; one that turns out to be a "
        "clip goes by itself"
    )
    standing = {alarm.code: alarm.text for alarm in ledger.alarms()}.get(CODE)
    if standing is not None and (not names or standing != text):
        ledger.clear_alarm(CODE)
    if set(names) - _seen(ledger):
        ledger.raise_alarm(CODE, text)
        log.warning("spool.orphans", count=len(names), folder=str(spool.root))


def saw_to(ledger: Ledger, spool: Spool) -> None:
    """Somebody saw to those that are there: they stay, and raise no alarm by themselves again."""
    ledger.remember(_SEEN, CODE, json.dumps(spool.orphans()))


def _seen(ledger: Ledger) -> set[str]:
    return set(json.loads(ledger.recall(_SEEN, CODE) or "[]"))


def _read(descriptor: int) -> tuple[bytes, int]:
    try:
        with UncachedReader(descriptor) as reader:
            return reader.sha256()
    finally:
        os.close(descriptor)
