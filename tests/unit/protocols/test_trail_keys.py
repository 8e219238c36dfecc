"""Whose key counts where, in a trail and in the whole log: rotation, revocation, attacks."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hashing.keys import Es256Signer
from hashing.ledger import DockHead, DockLink, next_dock_link, statement_hash
from hashing.note import open_checkpoint
from hashing.verdict import Outcome, Verdict
from protocols.acceptance import Sealed
from protocols.ids import ClipId, dock_id, dock_urn
from protocols.kinds import DockBooted, DockRevoked
from protocols.messages import Entry
from protocols.rotation import rotated
from protocols.trail import TrailAbout, TrailDocument, verify_trail
from protocols.trail.story import story
from protocols.trail.whole import LoggedEntry, WholeLog
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import SimulatedLog

UNKNOWN, UNSIGNED, REVOKED = (4, Outcome.UNKNOWN_KEY), (4, Outcome.UNSIGNED), (4, Outcome.REVOKED)
ALTERED = (4, Outcome.ALTERED)


class World:
    """A dock that rotates its key, and the docking of one clip after that."""

    def __init__(self, *, certified: bool = False) -> None:
        self.log = SimulatedLog()
        self.dock = SimulatedDock()
        self.old = self.dock.signer
        shown = (_expired(self.old),) if certified else None
        self.log.enrol(self.dock.id, self.dock.signer, certificates=shown)
        self.add(self.dock.boot())

    def add(self, _name: ClipId) -> int:
        """Log what the dock stated last."""
        return self.log.append(self.dock.entries[-1])

    def rotate(self, new: Es256Signer | None = None, **lies: object) -> Entry:
        self.add(self.dock.rotate(new, **lies))
        return self.dock.entries[-1]

    def confirmed(self) -> Entry:
        entry = self.rotate()
        self.log.confirm(self.dock.id, entry)
        return entry

    def docking(self) -> ClipId:
        first = len(self.dock.entries)
        (clip,) = self.dock.shift_end({"a.mp4": b"one" * 9})
        for entry in self.dock.entries[first:]:
            self.log.append(entry)
        digest, at = self.dock.clips[clip].digest, self.dock.entries[clip.seq]
        sealed = Sealed(clip, digest.size, digest.sha256, digest.root, statement_hash(at.statement))
        self.log.append_own(self.log.stored(sealed), clip.clip_urn)
        return clip

    def forged(self, signer: Es256Signer, *, at: DockHead | None = None) -> Entry:
        """An entry in the dock's name by any key, after ``at`` or as the next one."""
        link = next_dock_link(at or self.dock.head)
        return self.dock.forge(DockBooted(version="x", ledger_check="x"), link, signer=signer)

    def revoke(self, seq: int) -> int:
        body = DockRevoked(
            dock=self.dock.id,
            kid=self.dock.signer.public.kid.hex(),
            last_epoch=0,
            last_seq=seq,
            by="Li",
            reason="stolen",
        )
        return self.log.append_own(body, dock_urn(self.dock.id))

    def trail(self, clip: ClipId | None = None, leave: Iterable[int] = ()) -> Verdict:
        return verify_trail(self.document(clip, leave), self.log.anchors).verdict

    def document(self, clip: ClipId | None = None, leave: Iterable[int] = ()) -> TrailDocument:
        shown = [index for index in range(self.log.size) if index not in set(leave)]
        name = () if clip is None else (str(clip),)
        return self.log.trail(TrailAbout(clip=str(clip)), shown, name)

    def whole(self) -> Verdict:
        log = WholeLog(self.log.anchors)
        for index, (statement, record) in enumerate(self.log.entries):
            log.take(LoggedEntry(index, statement, record))
        return log.verdict(open_checkpoint(self.log.note(), self.log.anchors.checkpoint_key))


@pytest.fixture
def world() -> World:
    return World()


def _keys(verdict: Verdict) -> set[tuple[int, Outcome]]:
    return {(each.step, each.outcome) for each in verdict.problems if each.step == 4}


def _reasons(verdict: Verdict) -> str:
    return "\n".join(f"{each.subject}: {each.reason}" for each in verdict.problems)


def both(world: World, *outcomes: tuple[int, Outcome], says: str = "") -> None:
    """What trail and whole log say of keys, which is the same."""
    for verdict in (world.trail(), world.whole()):
        assert _keys(verdict) == set(outcomes), _reasons(verdict)
        assert says in _reasons(verdict)


# --- rotation ---------------------------------------------------------------------------


def test_a_clip_sealed_after_a_rotation_is_intact(world: World) -> None:
    world.confirmed()
    clip = world.docking()
    world.confirmed()
    assert world.trail(clip).outcome is Outcome.INTACT, _reasons(world.trail(clip))
    assert world.whole().outcome is Outcome.INTACT, _reasons(world.whole())


def test_a_clip_sealed_before_a_rotation_stays_intact(world: World) -> None:
    clip = world.docking()
    world.confirmed()
    assert world.trail(clip).outcome is Outcome.INTACT
    assert world.whole().outcome is Outcome.INTACT


def test_the_story_tells_of_both_statements(world: World) -> None:
    world.confirmed()
    events = verify_trail(world.document(), world.log.anchors).events
    told = [story(event) for event in events]
    assert any(each.startswith("key.rotated: from the next entry") for each in told)
    assert any(each.startswith("dock.key.rotated: dock7 signs with key") for each in told)


def test_an_entry_after_the_rotation_by_the_old_key_is_unsigned(world: World) -> None:
    world.confirmed()
    world.log.append(world.forged(world.old))
    both(world, UNSIGNED, says="given up at entry 0.1")


def test_the_old_key_does_not_count_before_its_rotation_is_logged_either(world: World) -> None:
    at = world.dock.head
    entry = world.dock.rotate()
    assert at is not None
    late = world.forged(world.old)
    world.log.append(late)
    world.log.append(world.dock.entries[entry.seq])
    world.log.confirm(world.dock.id, world.dock.entries[entry.seq])
    assert _keys(world.trail()) == {UNKNOWN}
    assert world.whole().outcome is not Outcome.INTACT


def test_a_rotation_signed_by_the_wrong_key_changes_nothing(world: World) -> None:
    thief, victim = Es256Signer.generate(), world.dock.signer
    world.dock.signer = thief
    entry = world.rotate()
    world.log.confirm(world.dock.id, entry)
    world.add(world.dock.boot())
    assert _keys(world.whole()) == {UNSIGNED, UNKNOWN}
    assert _keys(world.trail()) == {UNSIGNED, UNKNOWN}
    world.dock.signer = victim
    world.add(world.dock.boot())
    assert "entry 6" not in _reasons(world.trail())


def test_a_rotation_without_possession_changes_nothing(world: World) -> None:
    entry = world.rotate(proof="A" * 86 + "==")
    world.log.confirm(world.dock.id, entry)
    world.add(world.dock.boot())
    both(world, UNSIGNED, UNKNOWN, says="nobody proves to hold the new key")


def test_a_gateway_alone_gives_a_dock_no_key(world: World) -> None:
    entry = world.dock.entries[world.dock.rotate().seq]
    world.log.confirm(world.dock.id, entry)
    world.add(world.dock.boot())
    assert UNKNOWN in _keys(world.trail())
    assert "the gateway's word alone" in _reasons(world.trail())
    assert UNSIGNED in _keys(world.whole())


def test_a_gateway_that_states_another_key_than_the_dock_gives_it_none(world: World) -> None:
    entry, other = world.rotate(), Es256Signer.generate().public
    world.log.confirm(world.dock.id, entry, statement_key=other.pem(), kid=other.kid.hex())
    world.add(world.dock.boot())
    both(world, UNKNOWN, says="another rotation of urn:evidock:dock:dock7 than the dock itself")


def test_a_gateway_that_names_another_entry_confirms_nothing(world: World) -> None:
    world.log.confirm(world.dock.id, world.rotate(), statement_hash="ab" * 32)
    both(world, UNKNOWN, says="than the dock itself")


def test_a_gateway_that_names_a_key_by_anothers_id_gives_a_dock_none(world: World) -> None:
    other = Es256Signer.generate().public
    world.log.confirm(world.dock.id, world.rotate(), statement_key=other.pem())
    world.add(world.dock.boot())
    both(world, ALTERED, UNKNOWN, says="names another key id than its key has")


def test_a_gateway_that_knows_of_a_rotation_before_it_is_logged_confirms_nothing(
    world: World,
) -> None:
    entry = world.dock.entries[world.dock.rotate().seq]
    world.log.confirm(world.dock.id, entry)
    world.log.append(entry)
    world.add(world.dock.boot())
    both(world, UNKNOWN, says="another rotation of urn:evidock:dock:dock7 than the dock itself")


def test_two_docks_that_rotate_to_one_key_do_not_share_it(world: World) -> None:
    other, shared = SimulatedDock("dock8"), Es256Signer.generate()
    world.log.enrol(other.id, other.signer)
    other.rotate(shared)
    # Both are logged before the gateway says a word, so that neither finds the key taken.
    mine, theirs = world.rotate(shared), other.entries[-1]
    world.log.append(theirs)
    world.log.confirm(world.dock.id, mine)
    world.log.confirm(other.id, theirs)
    world.add(world.dock.boot())
    assert _keys(world.trail()) == {UNKNOWN, UNSIGNED}
    assert _keys(world.whole()) == {UNKNOWN}
    for verdict in (world.trail(), world.whole()):
        assert "it is a key of urn:evidock:dock:dock7" in _reasons(verdict)


def test_a_dock_alone_changes_no_key_either(world: World) -> None:
    world.rotate()
    both(world)
    world.add(world.dock.boot())
    both(world, UNKNOWN, says="the gateway does not confirm")


def test_a_new_key_counts_after_it_was_confirmed(world: World) -> None:
    entry = world.rotate()
    world.add(world.dock.boot())
    world.log.confirm(world.dock.id, entry)
    assert _keys(world.trail()) == {UNKNOWN}
    assert "confirmed only after this" in _reasons(world.trail())
    assert _keys(world.whole()) == {UNKNOWN}


def test_a_rotation_that_is_left_out_of_a_trail_is_missed(world: World) -> None:
    world.confirmed()
    clip = world.docking()
    index = 3  # log.opened, dock.enrolled, dock.booted, key.rotated
    assert _keys(world.trail(clip, leave=[index])) == {UNKNOWN, UNSIGNED}


def test_a_rotation_replayed_at_another_place_does_not_count(world: World) -> None:
    body = rotated(world.dock.boot(), world.old.public, Es256Signer.generate())
    world.log.append(world.dock.entries[-1])
    world.add(world.dock.append(body))
    both(world, UNSIGNED, says="nobody proves")


def test_a_rotation_replayed_for_another_dock_does_not_count(world: World) -> None:
    other = SimulatedDock("dock8")
    world.log.enrol(other.id, other.signer)
    other.boot()
    body = rotated(world.dock.rotate(), world.old.public, world.dock.signer)
    other.append(body)
    for entry in other.entries:
        world.log.append(entry)
    both(world, UNSIGNED, says="nobody proves")


def test_a_rotation_filed_under_another_dock_changes_nothing(world: World) -> None:
    link = next_dock_link(world.dock.head)
    name = ClipId(world.dock.id, link.epoch, link.seq)
    new = Es256Signer.generate()
    body = rotated(name, world.old.public, new)
    world.log.append(world.dock.forge(body, link, subject=dock_urn(dock_id("dock8"))))
    both(world, ALTERED, says="rotates a key under")


def test_of_two_rotations_at_one_place_the_first_counts(world: World) -> None:
    at = world.dock.head
    assert at is not None
    world.confirmed()
    link = DockLink(at.epoch, at.seq + 1, at.hash)
    name = ClipId(world.dock.id, link.epoch, link.seq)
    second = rotated(name, world.old.public, thief := Es256Signer.generate())
    world.log.append(world.dock.forge(second, link, signer=world.old))
    world.log.append(world.forged(thief))
    assert {ALTERED, UNSIGNED} == _keys(world.trail())
    assert {ALTERED, UNSIGNED} == _keys(world.whole())


# --- a key belongs to one dock, for ever ---------------------------------------------------


def test_a_key_of_another_dock_is_no_dock_s_next_key(world: World) -> None:
    other = SimulatedDock("dock8")
    world.log.enrol(other.id, other.signer)
    world.log.confirm(world.dock.id, world.rotate(other.signer))
    world.add(world.dock.boot())
    both(world, UNSIGNED, UNKNOWN, says="it is a key of urn:evidock:dock:dock8")


def test_a_key_that_a_dock_gave_up_enrols_nobody_else(world: World) -> None:
    world.confirmed()
    other = SimulatedDock("dock8", signer=world.old)
    world.log.enrol(other.id, other.signer)
    other.boot()
    world.log.append(other.entries[0])
    both(world, UNKNOWN, says="enrols dock8 with a key that is not its own")


def test_a_dock_does_not_go_back_to_its_own_old_key(world: World) -> None:
    world.confirmed()
    world.log.confirm(world.dock.id, world.rotate(world.old))
    both(world, UNKNOWN, says="goes back to a key")


def test_a_puppet_gateway_that_enrols_a_dock_again_is_seen(world: World) -> None:
    world.confirmed()
    puppet = Es256Signer.generate()
    world.log.enrol(world.dock.id, puppet)
    world.log.append(world.forged(puppet))
    both(world, UNKNOWN, UNSIGNED, says="enrolled again, under another key")


@pytest.mark.parametrize("purpose", ["statement_signer", "receipt_signer"])
def test_a_gateways_own_key_is_no_docks(world: World, purpose: str) -> None:
    signer = getattr(world.log, purpose)
    world.log.enrol(dock_id("dock8"), signer)
    both(world, UNKNOWN, says="it is the gateway's own")
    world.log.confirm(world.dock.id, world.rotate(signer))
    assert "rotation that does not count: it is the gateway's own" in _reasons(world.whole())


def test_a_receipt_key_signs_no_statements(world: World) -> None:
    world.log.append(world.forged(world.log.receipt_signer))
    world.log.statement_signer = world.log.receipt_signer
    world.revoke(0)
    both(world, UNSIGNED, says="it names the gateway's receipt key, which signs none")


def test_a_key_nobody_enrolled_such_as_one_for_tls_signs_nothing(world: World) -> None:
    world.log.append(world.forged(Es256Signer.generate()))
    both(world, UNSIGNED)


# --- revocation -----------------------------------------------------------------------------


def test_back_dated_entries_of_a_revoked_key_do_not_count(world: World) -> None:
    clip = world.docking()
    last = world.dock.entries[-1].seq
    world.revoke(last)
    assert world.trail(clip).outcome is Outcome.INTACT
    assert world.whole().outcome is Outcome.INTACT
    # The thief's clock says that it was long before.
    world.add(world.dock.boot())
    assert _keys(world.trail(clip)) == _keys(world.whole()) == {REVOKED}


def test_a_clip_before_the_revoked_place_stays_valid_for_ever(world: World) -> None:
    clip = world.docking()
    last = world.dock.entries[-1].seq
    world.confirmed()
    world.revoke(last)
    assert _keys(world.trail(clip)) == {REVOKED}
    # Its own trail needs no entry from beyond that place, not even the rotation.
    beyond = world.log.size - 3
    verdict = world.trail(clip, leave=[beyond])
    assert verdict.outcome is Outcome.INTACT, _reasons(verdict)


def test_a_thief_cannot_rotate_away_from_a_revocation(world: World) -> None:
    world.revoke(world.dock.entries[-1].seq)
    world.log.confirm(world.dock.id, world.rotate())
    world.add(world.dock.boot())
    both(world, REVOKED)


def test_a_revocation_narrows_and_never_widens(world: World) -> None:
    world.confirmed()
    world.revoke(0)
    world.revoke(40)
    assert _keys(world.trail()) == {REVOKED}


# --- certificates -------------------------------------------------------------------------


def _expired(signer: Es256Signer) -> str:
    """A certificate that was over before anybody used its key, base64 of DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dock7")])
    public = serialization.load_der_public_key(signer.public.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(7)
        .not_valid_before(datetime(2001, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2002, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def test_a_certificate_that_expired_long_ago_changes_nothing() -> None:
    world = World(certified=True)
    new = Es256Signer.generate()
    world.log.confirm(world.dock.id, world.rotate(new, certificates=(_expired(new),)))
    clip = world.docking()
    assert world.trail(clip).outcome is Outcome.INTACT, _reasons(world.trail(clip))
    assert world.whole().outcome is Outcome.INTACT
    told = [story(each) for each in verify_trail(world.document(), world.log.anchors).events]
    assert sum("certificate of dock7, until 2002-01-01" in line for line in told) == 2


def test_what_is_no_certificate_is_told_as_such(world: World) -> None:
    world.log.confirm(world.dock.id, world.rotate(certificates=("bm9uZQ==",)))
    both(world)
    told = [story(each) for each in verify_trail(world.document(), world.log.anchors).events]
    assert any("certificate that cannot be read" in line for line in told)


def test_a_second_rotation_continues_the_first(world: World) -> None:
    for _ in range(3):
        world.confirmed()
    both(world)
