"""A dock that rotated while it was away proves itself by its new key; nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ca.renewing import renew
from gateway.enrolment.following import SHOWN
from gateway.enrolment.refusals import EnrolmentRefusedError
from gateway.errors import LogDamagedError
from gateway.intake import alarms
from gateway.services import Services
from hashing.keys import Es256Signer, Signer
from hashing.ledger import DockHead, DockLink, next_dock_link
from protocols.enrolment import RenewalClaim, RenewalProof
from protocols.errors import EnrolmentError
from protocols.following import MOST_SHOWN, SignedRotation, read_shown, shown_text
from protocols.ids import EntryId, dock_id
from protocols.kinds import DockBooted
from protocols.messages import Entry
from protocols.rotation import rotated
from tests.simulators.dock import SimulatedDock
from tests.simulators.enrolling import Key, csr_for, new_key, pem_of
from tests.simulators.seeded import admit, enrol, gateway_on

DOCK7 = dock_id("dock7")
Shown = tuple[SignedRotation, ...]


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        await opened.authority.open(make=True)
        yield opened


@pytest.fixture
async def dock(services: Services) -> SimulatedDock:
    """A dock whose ledger the log has up to its first entry."""
    made = SimulatedDock()
    await enrol(services, made)
    made.boot()
    await admit(services, made, made.entries)
    return made


def shown(*entries: Entry) -> Shown:
    """As they would arrive."""
    return read_shown(shown_text(SignedRotation(each.statement, each.record) for each in entries))


def at(head: DockHead | None) -> DockLink:
    """The place after it."""
    return next_dock_link(head)


def rotation_at(head: DockHead | None, old: Es256Signer, new: Es256Signer) -> Entry:
    """A rotation of an old key to another one, after any entry."""
    link = at(head)
    body = rotated(EntryId(DOCK7, link.epoch, link.seq), old.public, new)
    return SimulatedDock().forge(body, link, signer=old)


async def renewed(
    services: Services, signer: Signer, what: Shown = (), tls: Key | None = None
) -> str:
    """``issued``, or the code of the refusal."""
    csr = csr_for(tls or new_key())
    proof = RenewalProof(services.authority.authorities.fingerprint, DOCK7, b"n" * 32, csr)
    claim = RenewalClaim.parse(proof.authorization(signer))
    try:
        await services.enrolment.renew_by(claim, csr, what)
    except EnrolmentRefusedError as error:
        return error.code
    return "issued"


async def alarmed(services: Services) -> bool:
    async with services.database.reading() as session:
        codes = [each.code for each in await alarms.standing(session)]
    assert set(codes) <= {alarms.ROTATION_CONTESTED}
    return bool(codes)


async def test_one_and_two_rotations_are_followed_and_change_no_key(
    services: Services, dock: SimulatedDock
) -> None:
    first = dock.signer
    dock.rotate()
    second = dock.signer
    once = dock.entries[-1]
    assert await renewed(services, second) == "proof-wrong"
    assert await renewed(services, second, shown(once)) == "issued"
    dock.boot()
    dock.rotate()
    both = (once, dock.entries[-1])
    assert await renewed(services, dock.signer, shown(*both)) == "issued"
    # What was shown before needs no showing, and what was passed over cannot be left out.
    assert await renewed(services, dock.signer) == "issued"
    assert await renewed(services, dock.signer, shown(both[1])) == "issued"
    assert not await alarmed(services)
    assert await services.docks.key(DOCK7) == first.public
    assert await services.docks.speaker(dock.signer.public.kid) is None
    # The log hears of it, and it is all the same.
    await admit(services, dock, dock.entries[1:])
    await services.docks.confirm_rotations(DOCK7)
    assert await services.docks.key(DOCK7) == dock.signer.public
    assert await renewed(services, dock.signer, shown(*both)) == "issued"
    assert not await alarmed(services)


async def test_a_rotation_that_is_left_out_leads_nowhere(
    services: Services, dock: SimulatedDock
) -> None:
    dock.rotate()
    dock.rotate()
    assert await renewed(services, dock.signer, shown(dock.entries[-1])) == "rotation-wrong"
    assert await renewed(services, dock.signer, shown(*dock.entries[:-3:-1])) == "rotation-wrong"
    assert not await alarmed(services)


@pytest.mark.parametrize("logged", [False, True])
async def test_a_key_that_was_given_up_renews_nothing_whatever_it_signs(
    services: Services,
    dock: SimulatedDock,
    logged: bool,  # noqa: FBT001 -- a table
) -> None:
    old, thief, before = dock.signer, Es256Signer.generate(), dock.head
    dock.rotate()
    real = dock.entries[-1]
    if logged:
        await admit(services, dock, [real])
        await services.docks.confirm_rotations(DOCK7)
    assert await renewed(services, dock.signer, shown(real)) == "issued"
    assert not await alarmed(services)
    size = services.log.checkpoint().size
    assert await renewed(services, old) == "key-given-up"
    assert await renewed(services, old, shown(real)) == "key-given-up"
    # Beyond its rotation, and in its very place.
    for place in (dock.head, before):
        entry = rotation_at(place, old, thief)
        for what in (shown(entry), shown(real, entry)):
            assert await renewed(services, thief, what) == "rotation-contested"
    assert await alarmed(services)
    assert services.log.checkpoint().size == size
    assert await renewed(services, dock.signer, shown(real)) == "issued"


async def test_a_rotation_where_the_log_has_another_entry_is_an_alarm(
    services: Services, dock: SimulatedDock
) -> None:
    """A dock that was set back and rotated, or a copy of it."""
    thief, before = Es256Signer.generate(), dock.head
    dock.boot()
    await admit(services, dock, dock.entries[-1:])
    forked = rotation_at(before, dock.signer, thief)
    assert await renewed(services, thief, shown(forked)) == "rotation-contested"
    assert await alarmed(services)
    assert await renewed(services, dock.signer) == "issued"


async def test_a_rotation_that_the_log_set_aside_leads_nowhere(
    services: Services, dock: SimulatedDock
) -> None:
    first = dock.signer
    dock.rotate(proof="AAAA")
    await admit(services, dock, dock.entries[-1:])
    assert await renewed(services, dock.signer, shown(dock.entries[-1])) == "rotation-wrong"
    assert await renewed(services, first) == "issued"
    assert not await alarmed(services)


async def test_a_thief_who_was_first_is_shut_out_when_his_certificate_is_revoked(
    services: Services, dock: SimulatedDock
) -> None:
    old, thief, before = dock.signer, Es256Signer.generate(), dock.head
    dock.rotate()
    real = dock.entries[-1]
    stolen = rotation_at(before, old, thief)
    # The gateway has heard of nothing else: that key is the dock's, as far as it knows.
    assert await renewed(services, thief, shown(stolen)) == "issued"
    assert await renewed(services, dock.signer, shown(real)) == "rotation-contested"
    assert await alarmed(services)
    (his,) = await services.authority.certificates("dock7")
    await services.authority.revoke(his.serial, "Li", "not the dock's")
    assert await renewed(services, dock.signer, shown(real)) == "issued"
    assert await renewed(services, thief, shown(stolen)) == "rotation-contested"
    assert await renewed(services, thief) == "proof-wrong"


async def test_only_a_rotation_of_this_dock_to_a_key_of_nobody_is_followed(
    services: Services, dock: SimulatedDock
) -> None:
    other = SimulatedDock("dock8")
    await enrol(services, other)
    other.boot()
    old, theirs, head = dock.signer, other.signer, dock.head
    other.rotate()
    stranger = Es256Signer.generate()
    dock.rotate()
    real = dock.entries[-1]
    for what, signer in (
        # Another dock's, and a key that is another dock's.
        (shown(other.entries[-1]), other.signer),
        (shown(rotation_at(head, old, theirs)), theirs),
        # Signed by the new key alone; of another record; no rotation.
        (shown(rotation_at(head, stranger, dock.signer)), dock.signer),
        ((SignedRotation(real.statement, b"{}"),), dock.signer),
        ((SignedRotation(b"", b""),), dock.signer),
        (shown(dock.forge(DockBooted(version="x", ledger_check="x"), at(head), signer=old)), old),
    ):
        assert await renewed(services, signer, what) == "rotation-wrong"
    assert not await alarmed(services)
    # Without the new key it is of no use, however often it is shown.
    for signer in (stranger, old):
        assert await renewed(services, signer, shown(real)) in {"proof-wrong", "key-given-up"}
    assert not [key async for key in services.store.iterate(SHOWN)]


async def test_a_statement_key_is_no_tls_key_before_the_log_has_it(
    services: Services, dock: SimulatedDock
) -> None:
    key = new_key()
    signer = Es256Signer.from_pem(pem_of(key))
    dock.rotate(signer)
    assert await renewed(services, signer, shown(dock.entries[-1]), key) == "key-taken"


async def test_a_revoked_dock_gets_nothing_by_rotating(
    services: Services, dock: SimulatedDock
) -> None:
    await services.revoking.revoke("dock7", (0, 0), by="Li", reason="stolen")
    dock.rotate()
    assert await renewed(services, dock.signer, shown(dock.entries[-1])) == "dock-revoked"


async def test_what_was_kept_and_spoiled_is_said(services: Services, dock: SimulatedDock) -> None:
    dock.rotate()
    await services.store.put_bytes(f"{SHOWN}/dock7/x", b"{}")
    with pytest.raises(LogDamagedError, match="restore the store"):
        await renewed(services, dock.signer, shown(dock.entries[-1]))


@pytest.mark.parametrize(
    "text",
    ["x", ".", "A.B", "AA.A?", "=.=", "ä.ä", "AA.AA,", "A" * 50_000, ",".join(["AA.AA"] * 5)],
)
def test_a_header_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EnrolmentError):
        read_shown(text)


def test_no_more_is_shown_than_a_gateway_reads() -> None:
    one = SignedRotation(b"s" * 700, b"r" * 7_000)
    assert read_shown(shown_text([one] * MOST_SHOWN)) == (one,) * MOST_SHOWN
    assert read_shown(shown_text([])) == ()
    for many in ([one] * (MOST_SHOWN + 1), [SignedRotation(b"", b"r" * 50_000)]):
        with pytest.raises(EnrolmentError, match="more than a proof can carry"):
            shown_text(many)


async def test_a_proof_for_the_root_before_holds_and_one_for_any_other_does_not(
    services: Services, dock: SimulatedDock
) -> None:
    folder = services.config.ca_dir
    pinned = services.authority.authorities.fingerprint
    renew(folder, "root", services.clock.now(), root_key=None, same_key=False)
    await services.authority.look()
    assert services.authority.authorities.fingerprints[1] == pinned
    for root, said in ((pinned, "issued"), (b"\0" * 32, "proof-wrong")):
        csr = csr_for(new_key())
        proof = RenewalProof(root, DOCK7, b"n" * 32, csr)
        claim = RenewalClaim.parse(proof.authorization(dock.signer))
        if said == "issued":
            await services.enrolment.renew_by(claim, csr)
            continue
        with pytest.raises(EnrolmentRefusedError) as refused:
            await services.enrolment.renew_by(claim, csr)
        assert refused.value.code == said
