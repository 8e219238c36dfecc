"""A key that is away is an alarm without a signature, and on record once it is back."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from edge import keywatch
from edge.clock import DockClock
from edge.codes import Declined
from edge.errors import KeyAway
from edge.keywatch import KeyWatch
from edge.ledger import Ledger
from edge.signals import Signals
from hashing.errors import SigningError
from hashing.keys import Es256Signer
from protocols.kinds import AlarmCleared, AlarmRaised
from protocols.records import decode_record
from tests.unit.edge.dockside import DOCK, open_ledger


class Pulled(Es256Signer):
    """A signer whose token can be pulled."""

    problem = ""
    away = False

    def sign(self, message: bytes) -> bytes:
        self.problem = "token 'x' is not there" if self.away else ""
        if self.away:
            raise SigningError(self.problem)
        return super().sign(message)


def watched(tmp_path: Path) -> tuple[Pulled, Ledger, KeyWatch]:
    signer = Pulled.generate()
    clock = DockClock()
    ledger = Ledger(tmp_path / "ledger.db", dock=DOCK, signer=signer, clock=clock)
    return signer, ledger, KeyWatch(signer, ledger, Signals(), clock)


def test_an_alarm_stands_while_the_key_is_away_and_is_on_record_afterwards(tmp_path: Path) -> None:
    signer, ledger, watch = watched(tmp_path)
    watch.look()
    assert watch.standing() == []
    signer.away = True
    watch.look()
    watch.look()
    (alarm,) = watch.standing()
    assert (alarm["code"], alarm["text"]) == (keywatch.CODE, "token 'x' is not there")
    assert ledger.head() is None
    signer.away = False
    watch.look()
    assert watch.standing() == []
    assert ledger.alarms() == []
    raised, cleared = (decode_record(e.record).body for e in ledger.entries(0, 0, 9, max_entries=9))
    assert isinstance(raised, AlarmRaised)
    assert alarm["raised"] in raised.text
    assert "token 'x' is not there" in raised.text
    assert isinstance(cleared, AlarmCleared)
    ledger.close()


def test_what_cannot_be_signed_is_not_committed_and_has_its_word(tmp_path: Path) -> None:
    signer, ledger, _ = watched(tmp_path)
    signer.away = True
    with pytest.raises(KeyAway, match=r"alarm\.raised") as refused:
        ledger.raise_alarm("spool-full", "full")
    assert refused.value.declined is Declined.KEY_AWAY
    assert ledger.head() is None
    assert ledger.alarms() == []
    signer.away = False
    assert ledger.raise_alarm("spool-full", "full") is not None
    ledger.close()


async def test_a_failure_elsewhere_is_noticed_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywatch, "_EVERY_S", 30.0)
    monkeypatch.setattr(keywatch, "_AWAY_S", 0.02)
    signer, ledger, watch = watched(tmp_path)
    task = asyncio.ensure_future(watch.run())
    await asyncio.sleep(0.1)
    signer.away = True
    with pytest.raises(KeyAway):
        ledger.raise_alarm("spool-full", "full")
    async with asyncio.timeout(5):
        while not watch.standing():  # noqa: ASYNC110  # it is a thread that ends this
            await asyncio.sleep(0.01)
        signer.away = False
        while watch.standing():  # noqa: ASYNC110  # likewise
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    ledger.close()


async def test_a_key_in_a_file_needs_no_watching(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    watch = KeyWatch(Es256Signer.generate(), ledger, Signals(), DockClock())
    watch.look()
    async with asyncio.timeout(1):
        await watch.run()
    ledger.close()
