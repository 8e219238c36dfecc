"""A rotation is proved by both keys and fits one place of one dock's ledger alone."""

from __future__ import annotations

import pytest

from hashing.keys import Ed25519Signer, Es256Signer
from protocols.errors import RotationError
from protocols.ids import DockId, EntryId
from protocols.kinds import KeyRotated
from protocols.rotation import DockKeys, Rotation, open_rotation, rotated

ENTRY = EntryId(DockId("dock7"), 0, 12)
OLD, NEW = Es256Signer.generate(), Es256Signer.generate()


def _stated() -> KeyRotated:
    return rotated(ENTRY, OLD.public, NEW)


def test_a_rotation_opens_where_it_was_made() -> None:
    rotation = open_rotation(_stated(), ENTRY)
    assert rotation == Rotation((0, 12), OLD.public, NEW.public)


@pytest.mark.parametrize(
    "elsewhere",
    [
        EntryId(DockId("dock8"), 0, 12),
        EntryId(DockId("dock7"), 1, 12),
        EntryId(DockId("dock7"), 0, 13),
    ],
)
def test_a_rotation_that_is_replayed_elsewhere_does_not_open(elsewhere: EntryId) -> None:
    with pytest.raises(RotationError, match="nobody proves"):
        open_rotation(_stated(), elsewhere)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"proof": "AAAA"}, "64 are expected"),
        ({"proof": "no base64"}, "unusable"),
        ({"proof": "é"}, "unusable"),
        ({"previous_key": NEW.public.pem()}, "the new key is the old one"),
        ({"previous_key": Es256Signer.generate().public.pem()}, "nobody proves"),
        ({"statement_key": "no key"}, "unusable"),
        ({"kid": "ab" * 32}, "names ab"),
        (
            {
                "statement_key": (other := Es256Signer.generate()).public.pem(),
                "kid": other.public.kid.hex(),
            },
            "nobody proves",
        ),
    ],
)
def test_what_is_stated_otherwise_does_not_open(lie: dict[str, str], reason: str) -> None:
    with pytest.raises(RotationError, match=reason):
        open_rotation(_stated().model_copy(update=lie), ENTRY)


def test_a_statement_key_is_a_p256_key() -> None:
    with pytest.raises(RotationError, match="P-256"):
        open_rotation(rotated(ENTRY, OLD.public, Ed25519Signer.generate()), ENTRY)


def test_every_place_has_one_key() -> None:
    third = Es256Signer.generate().public
    keys = DockKeys(OLD.public).after(Rotation((0, 12), OLD.public, NEW.public))
    keys = keys.after(Rotation((1, 4), NEW.public, third))
    at = {place: keys.at(place) for place in [(0, 0), (0, 12), (0, 13), (1, 0), (1, 4), (1, 5)]}
    assert list(at.values()) == [OLD.public, OLD.public, NEW.public, NEW.public, NEW.public, third]
    assert keys.newest == third
    assert keys.given_up(OLD.public.kid, (0, 13)) == (0, 12)
    assert keys.given_up(OLD.public.kid, (0, 12)) is None
    assert keys.given_up(third.kid, (2, 0)) is None


def test_a_rotation_continues_the_keys_or_does_not_count() -> None:
    keys = DockKeys(OLD.public).after(Rotation((0, 12), OLD.public, NEW.public))
    third = Es256Signer.generate().public
    for rotation, reason in [
        (Rotation((0, 12), NEW.public, third), "before"),
        (Rotation((0, 13), OLD.public, third), "another key"),
        (Rotation((0, 13), NEW.public, OLD.public), "goes back"),
    ]:
        with pytest.raises(RotationError, match=reason):
            keys.after(rotation)
    # Nor to one in between.
    longer = keys.after(Rotation((0, 13), NEW.public, third))
    with pytest.raises(RotationError, match="goes back"):
        longer.after(Rotation((0, 14), third, NEW.public))
