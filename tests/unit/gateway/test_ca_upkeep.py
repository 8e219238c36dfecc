"""An authority that cannot be used or ends is an alarm, and nothing else stops for it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.ca import folder as files
from gateway.ca.profiles import ROOT_LIFE, Purpose, new_key
from gateway.ca.upkeep import Upkeep, ending
from gateway.clock import GatewayClock
from gateway.errors import AuthorityAwayError
from gateway.intake import alarms
from gateway.services import Services
from tests.simulators.seeded import api_of, gateway_on

NOW = GatewayClock().now()


class SetClock(GatewayClock):
    """A clock that a test sets forward."""

    later = timedelta()

    def now(self) -> datetime:
        """The time, later."""
        return super().now() + self.later


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    files.make(tmp_path / "ca", "gateway", NOW, development=False)
    async with gateway_on(tmp_path) as opened:
        yield opened


async def standing(services: Services) -> dict[str, str]:
    async with services.database.reading() as session:
        return {each.code: each.text for each in await alarms.standing(session)}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("root.pem", "empty"),
        ("tls-ca.pem", "spoiled"),
        ("tls-ca.key", "gone"),
        ("statement-ca.pem", "gone"),
        ("statement-ca.key", "spoiled"),
    ],
)
async def test_a_gateway_opens_with_any_part_of_its_authority_gone_or_spoiled(
    tmp_path: Path, name: str, how: str
) -> None:
    files.make(tmp_path / "ca", "gateway", NOW, development=False)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "ca", kept)
    broken = tmp_path / "ca" / name
    if how == "gone":
        broken.unlink()
    else:
        broken.write_bytes(b"nonsense" if how == "spoiled" else b"")
    async with gateway_on(tmp_path) as services:
        assert not services.authority.is_open
        await services.upkeep.look()
        assert name in (await standing(services))[alarms.AUTHORITY_AWAY]
        with pytest.raises(AuthorityAwayError, match=name):
            await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
        async with api_of(services) as api:
            answer = await api.get("/api/v1/certificates")
            assert (answer.status_code, answer.json()["code"]) == (503, "authority-away")
        # Restored beside the running gateway.
        shutil.copy(kept / name, broken)
        await services.upkeep.look()
        assert await standing(services) == {}
        await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())


async def test_what_was_read_goes_on_while_its_folder_is_gone(
    services: Services, tmp_path: Path
) -> None:
    await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    shutil.move(tmp_path / "ca", tmp_path / "gone")
    await services.upkeep.look()
    assert "restore it" in (await standing(services))[alarms.AUTHORITY_AWAY]
    await services.authority.issue(Purpose.DOCK, "dock8", new_key().public_key())
    shutil.move(tmp_path / "gone", tmp_path / "ca")
    await services.upkeep.look()
    assert await standing(services) == {}


async def test_a_spoiled_record_of_what_was_issued_closes_enrolment_alone(tmp_path: Path) -> None:
    files.make(tmp_path / "ca", "gateway", NOW, development=False)
    async with gateway_on(tmp_path) as services:
        await services.store.put_bytes("ca/issued/1f", b"nonsense")
    async with gateway_on(tmp_path) as services:
        await services.upkeep.look()
        assert "ca/issued/1f" in (await standing(services))[alarms.AUTHORITY_AWAY]
        assert not services.authority.is_open


async def test_an_authority_that_ends_is_told_of_once_and_in_time(services: Services) -> None:
    clock = SetClock()
    upkeep = Upkeep(services.authority, services.database, clock)
    for years, named in ((22.9, False), (23.1, True), (23.2, True)):
        clock.later = timedelta(days=years * 365)
        await upkeep.look()
        assert (alarms.AUTHORITY_ENDS in await standing(services)) == named
    text = (await standing(services))[alarms.AUTHORITY_ENDS]
    for part in ("root.pem ends", "tls-ca.pem ends", "statement-ca.pem ends", "ca renew tls-ca"):
        assert part in text
    async with services.database.reading() as session:
        assert [each.times for each in await alarms.standing(session)] == [1]
    clock.later = timedelta()
    await upkeep.look()
    assert await standing(services) == {}


def test_a_short_life_is_told_of_at_its_last_quarter(tmp_path: Path) -> None:
    files.make(tmp_path / "ca", "gateway", NOW - ROOT_LIFE + timedelta(days=700), development=False)
    assert len(ending(files.load(tmp_path / "ca"), NOW)) == 3


def test_check_config_says_what_is_missing_or_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["check-config", "--data-dir", str(tmp_path)]
    assert main(said) == 0
    assert "WARNING" not in capsys.readouterr().out
    files.make(tmp_path / "ca", "gateway", NOW - ROOT_LIFE + timedelta(days=700), development=False)
    assert main(said) == 0
    assert "# WARNING: root.pem ends on" in capsys.readouterr().out
    for name in ("tls-ca.key", "statement-ca.pem"):
        (tmp_path / "ca" / name).unlink()
    assert main(said) == 0
    assert "tls-ca.key, statement-ca.pem missing" in capsys.readouterr().out
