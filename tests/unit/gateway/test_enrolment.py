"""Invitations in time, who guesses, and the listener's own certificate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from edge.enrolment.certificates import request
from gateway.ca.models import Certificate
from gateway.ca.profiles import Purpose, issue, make_root, make_tls_authority
from gateway.ca.requests import read_request
from gateway.clock import GatewayClock
from gateway.config import load
from gateway.enrolment.guesses import MOST, WITHIN_S, Guesses
from gateway.enrolment.invitations import (
    DockRevokedError,
    Invitations,
    InvitationUnknownError,
    Keys,
)
from gateway.enrolment.nonces import Nonces
from gateway.enrolment.papers import Papers
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.enrolment.service import Credentials
from gateway.errors import ConfigError, ConflictError, InvalidError
from gateway.intake import alarms
from gateway.services import Services
from hashing.keys import Ed25519Signer
from protocols.enrolment import (
    NONCE_LIFE_S,
    TOKEN_LIFE_S,
    RenewalClaim,
    RenewalProof,
    token_of,
)
from protocols.ids import dock_id
from tests.simulators.dock import SimulatedDock
from tests.simulators.enrolling import csr_for, kid_of, new_key
from tests.simulators.seeded import api_of, gateway_on

DOCK7 = dock_id("dock7")
KEYS = Keys(b"\1" * 32, b"\2" * 32)
OTHERS = Keys(b"\3" * 32, b"\4" * 32)


class SetClock(GatewayClock):
    """A clock that a test sets forward."""

    later = timedelta()
    passed_s = 0.0

    def now(self) -> datetime:
        """The time, later."""
        return super().now() + self.later

    def running_s(self) -> float:
        """What has passed, whatever the clock was set to."""
        return super().running_s() + self.passed_s


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def services(tmp_path: Path, clock: SetClock) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        await opened.authority.open(make=True)
        opened.invitations._clock = clock
        opened.enrolment._clock = clock
        yield opened


async def code(services: Services, token: str, dock: str = "dock7") -> str:
    with pytest.raises(EnrolmentRefusedError) as refused:
        await services.invitations.judge(dock, token)
    assert str(refused.value)
    return refused.value.code


# --- tokens -----------------------------------------------------------------------------


async def test_a_token_that_was_never_used_expires_after_half_an_hour(
    services: Services, clock: SetClock
) -> None:
    row, token = await services.invitations.invite("dock7", "Li")
    clock.later = timedelta(seconds=TOKEN_LIFE_S - 5)
    assert (await services.invitations.judge("dock7", token)).id == row.id
    clock.later = timedelta(seconds=TOKEN_LIFE_S + 1)
    assert await code(services, token) == "token-expired"
    assert services.invitations.state(row) == "expired"
    # In the moment between looking and binding, too.
    with pytest.raises(EnrolmentRefusedError, match="expired"):
        await services.invitations.bind(row, KEYS)


async def test_a_clock_that_is_set_back_gives_a_token_no_more_time(
    services: Services, clock: SetClock
) -> None:
    row, token = await services.invitations.invite("dock7", "Li")
    # Set back by nearly the whole life, again and again: the time that passes is what counts.
    clock.later, clock.passed_s = timedelta(seconds=5), TOKEN_LIFE_S - 5.0
    await services.invitations.judge("dock7", token)
    clock.passed_s = TOKEN_LIFE_S + 1.0
    assert await code(services, token) == "token-expired"
    assert services.invitations.state(row) == "expired"
    with pytest.raises(EnrolmentRefusedError, match="nobody sets"):
        await services.invitations.bind(row, KEYS)
    # To before it was made: nobody knows how long that was ago.
    clock.passed_s = 0
    _, token = await services.invitations.invite("dock7", "Li")
    clock.later = timedelta(days=-3)
    assert await code(services, token) == "token-expired"
    clock.later = timedelta(seconds=-30)
    await services.invitations.judge("dock7", token)


async def test_a_restart_gives_a_token_no_more_than_its_life_again(
    services: Services, clock: SetClock
) -> None:
    row, token = await services.invitations.invite("dock7", "Li")
    restarted = Invitations(services.database, clock, services.docks)
    await restarted.judge("dock7", token)
    clock.passed_s = TOKEN_LIFE_S + 1.0
    assert restarted.state(row) == "expired"
    # One that was begun with is its keys' alone, and stays theirs.
    clock.passed_s = 0
    await restarted.bind(row, KEYS)
    clock.passed_s = TOKEN_LIFE_S + 1.0
    await restarted.judge("dock7", token)


async def test_a_token_that_was_begun_with_stays_good_for_its_keys_until_their_use(
    services: Services, clock: SetClock
) -> None:
    row, token = await services.invitations.invite("dock7", "Li")
    await services.invitations.bind(row, KEYS)
    clock.later = timedelta(days=3)
    row = await services.invitations.judge("dock7", token)
    await services.invitations.bind(row, KEYS)
    for other in (OTHERS, Keys(KEYS.tls, OTHERS.statement), Keys(OTHERS.tls, KEYS.statement)):
        with pytest.raises(EnrolmentRefusedError, match="withdraw it"):
            await services.invitations.bind(row, other)
    await services.invitations.ended_by_use(dock_id("dock8"), KEYS.tls)
    await services.invitations.ended_by_use(DOCK7, OTHERS.tls)
    await services.invitations.compare(await services.invitations.judge("dock7", token), KEYS)
    await services.invitations.ended_by_use(DOCK7, KEYS.tls)
    row = await services.invitations.judge("dock7", token)
    for keys, why in ((KEYS, "token-used"), (OTHERS, "keys-bound")):
        with pytest.raises(EnrolmentRefusedError) as refused:
            await services.invitations.compare(row, keys)
        assert refused.value.code == why
        with pytest.raises(EnrolmentRefusedError):
            await services.invitations.bind(row, keys)
    # What is used stays used, whatever an operator does.
    assert services.invitations.state(await services.invitations.withdraw(row.id)) == "used"


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("gateway.db*"))


async def test_a_token_is_for_one_dock_and_its_digest_alone_is_kept(
    services: Services, tmp_path: Path
) -> None:
    _, token = await services.invitations.invite("dock7", "Li")
    for dock, guessed in (
        ("dock8", token),
        ("dock7", token_of(bytes(13))),
        ("dock7", ""),
        ("dock7", "nonsense"),
        ("", token),
    ):
        assert await code(services, guessed, dock) == "token-wrong"
    kept = everything_in(tmp_path)
    assert b"dock7" in kept
    for form in (token, token.replace("-", "")):
        assert form.encode() not in kept


async def test_a_new_invitation_ends_the_one_before(services: Services) -> None:
    _, first = await services.invitations.invite("dock7", "Li")
    _, second = await services.invitations.invite("dock7", "Li")
    assert first != second
    assert await code(services, first) == "token-withdrawn"
    await services.invitations.judge("dock7", second)


async def test_who_cannot_be_invited(services: Services) -> None:
    for name in ("gateway", "Dock7", "", "a" * 24):
        with pytest.raises(InvalidError, match="not a dock name"):
            await services.invitations.invite(name, "Li")
    with pytest.raises(InvitationUnknownError):
        await services.invitations.withdraw(99)
    await services.docks.enrol("dock8", Ed25519Signer.generate().public.pem(), "by hand")
    with pytest.raises(ConflictError, match="not made for"):
        await services.invitations.invite("dock8", "Li")
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    row, _ = await services.invitations.invite("dock7", "Li")
    assert row.statement_kid == dock.signer.public.kid
    await services.revoking.revoke("dock7", (0, 0), by="Li", reason="stolen")
    with pytest.raises(DockRevokedError, match="never used again"):
        await services.invitations.invite("dock7", "Li")


# --- what is granted ------------------------------------------------------------------------


async def test_a_dock_that_was_enrolled_by_hand_gets_certificates_for_its_key(
    services: Services,
) -> None:
    dock, tls, statement = SimulatedDock(), new_key(), new_key()
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    _, token = await services.invitations.invite("dock7", "Li")
    said = Credentials("dock7", token, bytes.fromhex(kid_of(statement)))
    with pytest.raises(EnrolmentRefusedError) as refused:
        await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))
    assert refused.value.code == "statement-key"
    size = services.log.checkpoint().size
    said = Credentials("dock7", token, dock.signer.public.kid)
    # Everybody knows that key's name: whoever cannot sign with it gets nothing by it.
    with pytest.raises(EnrolmentRefusedError) as refused:
        await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))
    assert refused.value.code == "statement-first"
    own = request(dock.signer, "dock7")
    other = Credentials("dock7", token, bytes.fromhex(kid_of(tls)))
    await services.enrolment.enrol(Purpose.STATEMENT, other, own)
    made = await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))
    assert made.name == "dock7"
    assert services.log.checkpoint().size == size


@pytest.mark.parametrize("used", [False, True])
async def test_withdrawing_an_unfinished_invitation_ends_the_tls_certificate_of_a_known_dock(
    services: Services, *, used: bool
) -> None:
    dock, tls = SimulatedDock(), new_key()
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    invitation, token = await services.invitations.invite("dock7", "Li")
    other = Credentials("dock7", token, bytes.fromhex(kid_of(tls)))
    statement = await services.enrolment.enrol(
        Purpose.STATEMENT, other, request(dock.signer, "dock7")
    )
    said = Credentials("dock7", token, dock.signer.public.kid)
    made = await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))
    if used:
        await services.enrolment.recognise(made.der)
    await services.enrolment.withdraw(invitation.id, "Li")
    ended = {
        each.serial for each in await services.authority.certificates("dock7") if each.revoked_at
    }
    assert ended == (set() if used else {made.serial})
    assert statement.serial not in ended


async def enrolled_both(services: Services, token: str) -> Certificate:
    """A dock, or who has a copy of its invitation, enrols; gives the TLS certificate."""
    tls, statement = new_key(), new_key()
    said = Credentials("dock7", token, bytes.fromhex(kid_of(tls)))
    await services.enrolment.enrol(Purpose.STATEMENT, said, csr_for(statement))
    said = Credentials("dock7", token, bytes.fromhex(kid_of(statement)))
    return await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))


async def alarm_codes(services: Services) -> list[str]:
    async with services.database.reading() as session:
        return [each.code for each in await alarms.standing(session)]


@pytest.mark.parametrize("finished", [False, True])
async def test_a_dock_whose_invitation_was_copied_hears_of_it_and_so_does_the_operator(
    services: Services, *, finished: bool
) -> None:
    invitation, token = await services.invitations.invite("dock7", "Li")
    made = await enrolled_both(services, token)
    if finished:
        await services.enrolment.recognise(made.der)
    for purpose in (Purpose.DOCK, Purpose.STATEMENT):
        said = Credentials("dock7", token, bytes.fromhex(kid_of(new_key())))
        with pytest.raises(EnrolmentRefusedError, match="somebody else") as refused:
            await services.enrolment.enrol(purpose, said, csr_for(new_key()))
        # Not "token-used", by which a dock thinks that it was itself.
        assert refused.value.code == "keys-bound"
    assert await alarm_codes(services) == [alarms.CONTESTED]
    await services.enrolment.withdraw(invitation.id, "Li")
    assert await alarm_codes(services) == ([alarms.CONTESTED] if finished else [])
    if finished:
        await services.decisions.settle_alarm(
            "dock7", alarms.CONTESTED, by="Li", reason="the dock lost its disk"
        )
        assert await alarm_codes(services) == []


async def test_a_revoked_dock_gets_nothing_and_its_certificates_go_on_the_list_at_once(
    services: Services, tmp_path: Path
) -> None:
    tls, statement = new_key(), new_key()
    _, token = await services.invitations.invite("dock7", "Li")
    said = Credentials("dock7", token, bytes.fromhex(kid_of(statement)))
    rows = [await services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls))]
    other = Credentials("dock7", token, bytes.fromhex(kid_of(tls)))
    rows.append(await services.enrolment.enrol(Purpose.STATEMENT, other, csr_for(statement)))
    assert await services.enrolment.recognise(rows[0].der) == DOCK7
    await services.revoking.revoke("dock7", (0, 0), by="Li", reason="stolen")
    crl = x509.load_pem_x509_crl((tmp_path / "crl.pem").read_bytes())
    assert [f"{each.serial_number:x}" for each in crl] == [rows[0].serial]
    for asked in (
        services.enrolment.recognise(rows[0].der),
        services.enrolment.renew_with(rows[0].der, Purpose.DOCK, csr_for(tls)),
        services.enrolment.enrol(Purpose.DOCK, said, csr_for(tls)),
    ):
        with pytest.raises(EnrolmentRefusedError) as refused:
            await asked
        assert refused.value.code in {"dock-revoked", "token-used"}


async def refusal(asked: Awaitable[object]) -> str:
    with pytest.raises(EnrolmentRefusedError) as refused:
        await asked
    return refused.value.code


async def test_a_statement_key_that_came_by_hand_gets_no_other_certificate(
    services: Services,
) -> None:
    """Nothing was issued for it, so that the log alone knows whose it is."""
    dock, other = SimulatedDock(), SimulatedDock("dock8")
    for each in (dock, other):
        await services.docks.enrol(each.id, each.public_pem, "by hand")
    row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    for signer in (dock.signer, other.signer):
        asked = services.enrolment.renew_with(row.der, Purpose.DOCK, request(signer, "dock7"))
        assert await refusal(asked) == "key-taken"
    _, token = await services.invitations.invite("dock9", "Li")
    said = Credentials("dock9", token, bytes.fromhex(kid_of(new_key())))
    for purpose in (Purpose.DOCK, Purpose.STATEMENT):
        asked = services.enrolment.enrol(purpose, said, request(other.signer, "dock9"))
        assert await refusal(asked) == "key-taken"


async def test_a_revoked_certificate_or_dock_renews_nothing(services: Services) -> None:
    dock, csr = SimulatedDock(), csr_for(new_key())
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    key = read_request(request(dock.signer, "dock7")).key
    statement = await services.authority.issue(Purpose.STATEMENT, "dock7", key)
    assert await refusal(services.enrolment.recognise(statement.der)) == "certificate-unknown"
    await services.authority.revoke(row.serial, "Li", "stolen")
    asked = services.enrolment.renew_with(row.der, Purpose.DOCK, csr)
    assert await refusal(asked) == "certificate-revoked"
    proof = RenewalProof(services.authority.authorities.fingerprint, DOCK7, b"n" * 32, csr)
    claim = RenewalClaim.parse(proof.authorization(dock.signer))
    await services.enrolment.renew_by(claim, csr)
    await services.revoking.revoke("dock7", (0, 0), by="Li", reason="stolen")
    assert await refusal(services.enrolment.renew_by(claim, csr)) == "dock-revoked"


async def test_a_backup_that_forgot_a_certificate_and_its_end_lets_it_renew_nothing(
    services: Services,
) -> None:
    dock, keys = SimulatedDock(), [new_key(), new_key()]
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    ended, good = [
        await services.authority.issue(Purpose.DOCK, "dock7", each.public_key()) for each in keys
    ]
    await services.authority.revoke(ended.serial, "Li", "stolen")
    await services.revocations.refresh()
    # Database and store of before either was issued; the list is the broker's, and newer.
    async with services.database.session() as session:
        for row in (ended, good):
            await session.delete(await session.get_one(Certificate, row.serial))
    await services.store.remove_below("ca")
    assert not await services.revocations.refresh()
    for csr in (csr_for(keys[0]), csr_for(new_key())):
        asked = services.enrolment.renew_with(ended.der, Purpose.DOCK, csr)
        assert await refusal(asked) == "certificate-revoked"
    # By the statement key neither: that TLS key is barred again.
    csr = csr_for(keys[0])
    proof = RenewalProof(services.authority.authorities.fingerprint, DOCK7, b"n" * 32, csr)
    claim = RenewalClaim.parse(proof.authorization(dock.signer))
    assert await refusal(services.enrolment.renew_by(claim, csr)) == "key-taken"
    # The other one is known again as soon as it is shown.
    assert await services.enrolment.recognise(good.der) == DOCK7
    listed = {each.serial: each.revoked_at for each in await services.authority.certificates()}
    assert set(listed) == {ended.serial, good.serial}
    assert listed[good.serial] is None
    other = make_tls_authority(make_root("other", services.clock.now()), "other")
    forged = issue(
        other, Purpose.DOCK, "dock7", new_key().public_key(), now=services.clock.now()
    ).public_bytes(serialization.Encoding.DER)
    assert await refusal(services.enrolment.recognise(forged)) == "certificate-unknown"


async def test_a_certificate_counts_from_its_beginning_to_its_end(
    services: Services, clock: SetClock
) -> None:
    row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    for later, refusal in ((366, "certificate-expired"), (0, "not-enrolled")):
        clock.later = timedelta(days=later)
        with pytest.raises(EnrolmentRefusedError) as refused:
            await services.enrolment.recognise(row.der)
        assert refused.value.code == refusal
    for der in (b"", b"nonsense", row.der[:-1] + bytes([row.der[-1] ^ 1])):
        with pytest.raises(EnrolmentRefusedError) as refused:
            await services.enrolment.recognise(der)
        assert refused.value.code == "certificate-unknown"


async def test_a_dock_cannot_fill_the_disk_with_certificates(services: Services) -> None:
    dock = SimulatedDock()
    await services.docks.enrol("dock7", dock.public_pem, "by hand")
    row = await services.authority.issue(Purpose.DOCK, "dock7", new_key().public_key())
    for _ in range(9):
        row = await services.enrolment.renew_with(row.der, Purpose.DOCK, csr_for(new_key()))
    with pytest.raises(EnrolmentRefusedError) as refused:
        await services.enrolment.renew_with(row.der, Purpose.DOCK, csr_for(new_key()))
    assert refused.value.code == "too-many"
    await services.authority.revoke(row.serial, "Li", "test")
    (first, *_) = [each for each in await services.authority.certificates() if not each.revoked_at]
    await services.enrolment.renew_with(first.der, Purpose.DOCK, csr_for(new_key()))


# --- over the operators' API ------------------------------------------------------------------


async def test_nobody_is_invited_where_nothing_listens(services: Services) -> None:
    async with api_of(services) as api:
        answer = await api.post("/api/v1/invitations", json={"dock": "dock7", "by": "Li"})
        assert (answer.status_code, answer.json()["code"]) == (409, "no-listener")
        assert (await api.get("/api/v1/invitations")).json() == {"invitations": []}
        for path in ("/invitations/7/withdraw", "/certificates/1f/revoke"):
            body = {"by": "Li"} | ({"reason": "test"} if "certificates" in path else {})
            assert (await api.post(f"/api/v1{path}", json=body)).status_code == 404


async def test_without_an_authority_the_api_says_how_to_get_one(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        assert not services.issues
        answer = await api.get("/api/v1/certificates")
        assert (answer.status_code, answer.json()["code"]) == (404, "authority-missing")
        # Revoking a dock works without one, too.
        await services.docks.enrol("dock7", SimulatedDock().public_pem, "by hand")
        await services.revoking.revoke("dock7", (0, 0), by="Li", reason="stolen")


async def test_a_statement_certificate_is_not_what_is_revoked(services: Services) -> None:
    row = await services.authority.issue(Purpose.STATEMENT, "dock7", new_key().public_key())
    async with api_of(services) as api:
        body = {"by": "Li", "reason": "test"}
        answer = await api.post(f"/api/v1/certificates/{row.serial}/revoke", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "statement-certificate")
    assert (await services.authority.certificate(row.serial)).revoked_at is None


async def until_health_is(api: httpx.AsyncClient, status: str) -> None:
    async with asyncio.timeout(10):
        while (await api.get("/healthz")).json()["status"] != status:  # noqa: ASYNC110  # asked
            await asyncio.sleep(0.05)


async def test_a_list_that_cannot_be_written_is_seen_from_outside_and_ends_by_itself(
    services: Services, tmp_path: Path
) -> None:
    (tmp_path / "crl.pem").mkdir()
    async with api_of(services) as api, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(services.revocations.run())
        await until_health_is(api, "degraded")
        (tmp_path / "crl.pem").rmdir()
        await until_health_is(api, "ok")
        running.cancel()
    assert list(x509.load_pem_x509_crl((tmp_path / "crl.pem").read_bytes())) == []


async def test_a_hosts_certificate_is_told_of_before_it_ends(
    services: Services, clock: SetClock
) -> None:
    services.authority._clock = clock
    for purpose, name in ((Purpose.SERVER, "broker"), (Purpose.DOCK, "dock7")):
        hosts = (name,) if purpose is Purpose.SERVER else ()
        await services.authority.issue(purpose, name, new_key().public_key(), hosts=hosts)
    assert await services.authority.ending() == []
    clock.later = timedelta(days=321)
    assert [row.name for row in await services.authority.ending()] == ["broker"]
    await services.authority.issue(
        Purpose.SERVER, "broker", new_key().public_key(), hosts=("broker",)
    )
    assert await services.authority.ending() == []


# --- what needs memory alone --------------------------------------------------------------------


def test_who_guesses_waits_and_nobody_else_does() -> None:
    guesses = Guesses()
    for number in range(MOST):
        assert guesses.wait_s("10.0.0.66", float(number)) == 0
        guesses.count("10.0.0.66", float(number))
    assert guesses.wait_s("10.0.0.66", float(MOST)) == WITHIN_S - MOST
    assert guesses.wait_s("10.0.0.7", float(MOST)) == 0
    assert guesses.wait_s("10.0.0.66", WITHIN_S) == 0
    for number in range(10_000):
        guesses.count(f"host{number}", 100.0)
    assert len(guesses._wrong) < 5000


def test_a_nonce_is_good_for_a_while_at_the_gateway_that_made_it() -> None:
    nonces = Nonces()
    nonce = nonces.make(1000)
    assert len(nonce) == 32
    assert nonces.make(1000) != nonce
    for at, good in ((1000, True), (1000 + NONCE_LIFE_S, False), (999, False)):
        assert nonces.is_good(nonce, at) is good
    assert nonces.is_good(nonce, 1000 + NONCE_LIFE_S - 1)
    assert not Nonces().is_good(nonce, 1000)
    for at in range(32):
        wrong = nonce[:at] + bytes([nonce[at] ^ 1]) + nonce[at + 1 :]
        assert not nonces.is_good(wrong, 1000)
    assert not nonces.is_good(b"", 1000)


# --- the listener's certificate ------------------------------------------------------------------


def own(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((path / "listener.pem").read_bytes())[0]


async def test_the_listener_keeps_its_certificate_and_renews_it_in_time(
    services: Services, clock: SetClock, tmp_path: Path
) -> None:
    home, names = tmp_path / "listener", ("gateway.example", "10.0.0.7")

    def papers(*called: str) -> Papers:
        return Papers(services.authority, clock, home, called or names)

    await papers().prepare()
    first = own(home)
    assert (home / "listener.pem").stat().st_mode & 0o777 == 0o600
    assert first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == names[0]
    await papers().prepare()
    assert own(home) == first
    kept = papers()
    await kept.prepare()
    clock.later = timedelta(days=244)
    await kept.refresh()
    assert own(home) == first
    clock.later = timedelta(days=246)
    await kept.refresh()
    assert own(home) != first
    await papers("other.example").prepare()
    assert own(home).subject != first.subject
    (home / "listener.pem").write_bytes(b"nonsense")
    await papers().prepare()
    assert own(home).not_valid_after_utc > clock.now()


def test_names_with_which_nothing_can_be_done_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    for wrong in ('"a b"', '"a/b"', '""', '"-a"', "7"):
        config.write_text(f"[enrolment]\nnames = [{wrong}]\n")
        with pytest.raises(ConfigError, match="names"):
            load(config)
