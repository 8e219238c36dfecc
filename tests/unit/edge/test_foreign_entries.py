"""Entries under a dock's name that it did not make: an alarm, once it is proved that there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.ledger import Ledger
from edge.proofs import FOREIGN, Proofs, Taken
from hashing.keys import Es256Signer, Signer
from hashing.ledger import DockLink
from hashing.statement import sign_statement
from protocols.ids import DockId, dock_urn
from protocols.messages import Entry, LoggedMessage
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import camera_opened, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(tmp_path / "ledger.db")
    ledger.open_session(camera_opened())
    yield ledger
    ledger.close()


@pytest.fixture
def log() -> SimulatedLog:
    return SimulatedLog()


@pytest.fixture
def proofs(ledger: Ledger, log: SimulatedLog) -> Proofs:
    return Proofs(ledger, log.anchors)


def made(signer: Signer, dock: DockId, seq: int) -> Entry:
    """An entry that this dock's program never made."""
    link = DockLink(0, seq, bytes(32))
    urn = dock_urn(dock)
    statement = sign_statement(signer, record=b"{}", issuer=urn, subject=urn, chain=link)
    return Entry(0, seq, b"{}", statement)


def logged(log: SimulatedLog, proofs: Proofs, entry: Entry) -> LoggedMessage:
    index = log.append(entry)
    return LoggedMessage(entry.statement, log.receipt(index), log.proved(proofs.accepted.size))


def alarms(ledger: Ledger) -> list[tuple[str, str]]:
    return [(alarm.code, alarm.text) for alarm in ledger.alarms()]


def test_an_entry_of_its_own_is_nothing(ledger: Ledger, log: SimulatedLog, proofs: Proofs) -> None:
    message = logged(log, proofs, ledger.entries(0, 0, 0)[0])
    assert proofs.logged(LoggedMessage.decode(message.encode())) is Taken.REPEATED
    assert alarms(ledger) == []


@pytest.mark.parametrize("seq", [0, 57])
def test_an_entry_by_a_puppet_is_an_alarm_once(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs, seq: int
) -> None:
    message = logged(log, proofs, made(Es256Signer.generate(), ledger.dock, seq))
    assert proofs.logged(message) is Taken.NEWS
    ((code, text),) = alarms(ledger)
    assert code == FOREIGN
    assert f"{ledger.dock}.0.{seq}" in text
    assert "another key" in text
    assert proofs.logged(message) is Taken.REPEATED
    assert len(alarms(ledger)) == 1


def test_an_entry_by_its_own_key_says_that_the_key_was_copied(
    ledger: Ledger, log: SimulatedLog, proofs: Proofs
) -> None:
    message = logged(log, proofs, made(ledger._signer, ledger.dock, 9))
    assert proofs.logged(message) is Taken.NEWS
    assert "the key was copied" in alarms(ledger)[0][1]


def test_what_is_not_proved_is_no_alarm(ledger: Ledger, log: SimulatedLog, proofs: Proofs) -> None:
    puppet = Es256Signer.generate()
    good = logged(log, proofs, made(puppet, ledger.dock, 9))
    never = made(puppet, ledger.dock, 10)
    forged = SimulatedLog()
    for message in (
        replace(good, statement=never.statement),
        replace(good, statement=b"x"),
        replace(good, receipt=b"x"),
        replace(good, proved=forged.proved(1)),
        logged(forged, proofs, never),
        logged(log, proofs, made(puppet, DockId("dock8"), 9)),
    ):
        assert proofs.logged(message) is Taken.REFUSED
    assert proofs.logged(replace(good, proved=log.proved(0))) is Taken.STALE
    assert alarms(ledger) == []
