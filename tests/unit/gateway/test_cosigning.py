"""The gateway and its witnesses: rounds, outages, refusals, and what is kept and served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete

from gateway.cosigning.kept import cosigned_key
from gateway.cosigning.models import CosignedRow
from gateway.cosigning.rounds import Rounds, Standing
from gateway.services import Services
from hashing.keys import Ed25519Signer
from hashing.note import cosign, cosignatures, open_checkpoint, parse_note
from protocols.kinds import AlarmRaised
from tests.simulators.agency import Agency, rounds_with
from tests.simulators.seeded import api_of, gateway_on

NOTHING = AlarmRaised(code="test", text="nothing")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
def agencies(tmp_path: Path, services: Services) -> Iterator[list[Agency]]:
    logs = [services.log.anchors().checkpoint_key]
    made = [Agency(tmp_path, name, logs) for name in ("court", "press")]
    yield made
    for agency in made:
        agency.state.close()


async def again(rounds: Rounds) -> tuple[Standing, ...]:
    """A round that waits for nobody's back-off."""
    for standing in rounds.standings:
        standing.not_before = 0
    await rounds.round()
    return rounds.standings


def names(note: bytes, agencies: list[Agency]) -> list[str]:
    return [name for name, _ in cosignatures(note, [agency.key for agency in agencies])]


async def test_every_witness_cosigns_the_same_checkpoint_and_it_is_served(
    services: Services, agencies: list[Agency]
) -> None:
    rounds = rounds_with(services, agencies)
    for number in range(3):
        await services.log.append_own(NOTHING, f"urn:{number}")
        await rounds.round()
    async with api_of(services) as api:
        note = (await api.get("/tlog/checkpoint")).content
        found = (await api.get("/api/v1/log/cosigned")).json()["checkpoints"]
        first = (await api.get("/api/v1/log/cosigned", params={"at_least": 3, "limit": 1})).json()
        told = (await api.get("/api/v1/log/witnesses")).json()
    assert names(note, agencies) == ["court", "press"]
    assert open_checkpoint(note, services.log.anchors().checkpoint_key).size == 4
    sizes = [int(each.splitlines()[1]) for each in found]
    assert sizes == [4, 3, 2]
    assert [each.splitlines()[1] for each in first["checkpoints"]] == ["3"]
    assert told == {"log_size": 4, "witnesses": []}
    before = [agency.asked for agency in agencies]
    await again(rounds)
    assert [agency.asked for agency in agencies] == before


async def test_a_witness_that_was_away_holds_up_nobody_and_catches_up(
    services: Services, agencies: list[Agency]
) -> None:
    press = agencies[1]
    rounds = rounds_with(services, agencies)
    await rounds.round()
    press.away = True
    for number in range(5):
        await services.log.append_own(NOTHING, f"urn:{number}")
        await rounds.round()
    asked = press.asked
    (note,) = await services.cosigned.newest(1)
    assert names(note, agencies) == ["court"]
    # It is not asked at every round while it is away.
    assert asked < 4
    standing = rounds.standings[1]
    assert standing.problem == "ConnectError: no route to host"
    assert not standing.refuses
    press.away = False
    await again(rounds)
    (note,) = await services.cosigned.newest(1)
    assert names(note, agencies) == ["court", "press"]
    assert standing.problem is None


async def test_a_gateway_that_starts_anew_learns_what_the_witness_knows(
    services: Services, agencies: list[Agency]
) -> None:
    await rounds_with(services, agencies).round()
    await services.log.append_own(NOTHING, "urn:0")
    standings = await again(rounds_with(services, agencies))
    assert [standing.cosigned for standing in standings] == [2, 2]


async def test_a_log_that_was_set_back_is_told_so_by_its_witness(
    services: Services, agencies: list[Agency]
) -> None:
    await services.log.append_own(NOTHING, "urn:0")
    old = services.log.checkpoint()
    await services.log.append_own(NOTHING, "urn:1")
    await rounds_with(services, agencies).round()
    services.log._current = old
    rounds = rounds_with(services, agencies)
    for _ in range(2):
        court = (await again(rounds))[0]
        assert court.refuses
        assert "size 3, and this log has 2" in str(court.problem)


async def test_a_witness_that_knows_another_history_refuses_and_health_says_so(
    services: Services, agencies: list[Agency]
) -> None:
    court = agencies[0]
    await rounds_with(services, agencies).round()
    with court.state.changing() as remembering:
        remembering._connection.execute("UPDATE cosigned SET root = zeroblob(32)")
    rounds = rounds_with(services, agencies)
    for size in (1, 2):
        standing = (await again(rounds))[0]
        assert standing.refuses, standing.problem
        assert services.log.checkpoint().size == size
        await services.log.append_own(NOTHING, f"urn:{size}")
    async with api_of(services) as api:
        services.rounds.standings = rounds.standings
        assert (await api.get("/healthz")).json()["status"] == "degraded"
        told = (await api.get("/api/v1/log/witnesses")).json()["witnesses"]
    assert [each["refuses"] for each in told] == [True, False]


async def test_nothing_that_a_witness_answers_is_believed(
    services: Services, agencies: list[Agency]
) -> None:
    court = agencies[0]
    rounds = rounds_with(services, agencies[:1])
    note = services.log.checkpoint().note
    forged = cosign(note, Ed25519Signer.generate(), "court", 1)[len(note) :]
    size = {"content-type": "text/x.tlog.size"}
    for answer in (
        httpx.Response(200, content=b""),
        httpx.Response(200, content=forged),
        httpx.Response(200, content=b"\xff\n"),
        httpx.Response(200, content=b"x" * 100_000),
        httpx.Response(409, content=b"1\n"),
        httpx.Response(409, headers=size, content=b"-1\n"),
        httpx.Response(409, headers=size, content=b"9" * 30 + b"\n"),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
        httpx.Response(500, content=b"\x00\x1b[2J"),
    ):
        court.instead = answer
        (standing,) = await again(rounds)
        assert standing.problem is not None
    assert await services.cosigned.newest(1) == []
    court.instead = None
    await again(rounds)
    (kept,) = await services.cosigned.newest(1)
    assert names(kept, agencies) == ["court"]


async def test_the_first_cosignature_is_kept_and_a_lost_index_is_filled_from_the_store(
    services: Services, agencies: list[Agency]
) -> None:
    await rounds_with(services, agencies).round()
    first = await services.store.get_bytes(cosigned_key(1))
    agencies[0].now += 3600
    await rounds_with(services, agencies).round()
    assert await services.store.get_bytes(cosigned_key(1)) == first
    assert len(parse_note(first).signatures) == 3
    async with services.database.session() as session:
        await session.execute(delete(CosignedRow))
    await services.cosigned.open()
    assert await services.cosigned.newest(5) == [first]
