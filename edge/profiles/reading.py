"""One docked card as its profile reads it: which profile, which names, which small files.

A card is looked at again and again, so what a name says is worked out once. The profile is
chosen anew at each look until ``settle``, when a session opens and names it: from then on
every record of that session is by the same profile, whatever else turns up on the card.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import date

from edge.cameras.base import Card, shown
from edge.errors import Unreadable, Vanished, camera_error
from edge.profiles.card import CardClaims, card_claims
from edge.profiles.cardfiles import MAX_FILE
from edge.profiles.profile import FALLBACK, NameFacts, Profile, choose
from edge.profiles.schema import Reads, Role
from edge.profiles.vouching import Lists, Vouch

# A hostile card may hold as many as it likes, a mebibyte each.
MAX_SMALL_FILES = 64
MAX_SMALL_BYTES = 8 << 20
_OWNERS = 8


def small_files(card: Card, profile: Profile, paths: Iterable[bytes]) -> dict[bytes, bytes]:
    """Content of the small files that a profile reads; blocks.

    64 of them and 8 MiB at most, in the order of their paths; those that cannot be read are
    left out, and of one that is too large there is one byte more than is read.

    Raises:
        CameraGone: the card stopped answering.
    """
    found: dict[bytes, bytes] = {}
    room = MAX_SMALL_BYTES
    for path in sorted(paths):
        if profile.read_name(path).reads is None:
            continue
        if len(found) >= MAX_SMALL_FILES or room <= 0:
            break
        with suppress(Unreadable, Vanished):
            found[path] = _beginning(card, path)
            room -= len(found[path])
    return found


def _beginning(card: Card, path: bytes) -> bytes:
    """The file, and one byte more than a small one may have, so that a larger one shows."""
    descriptor = card.open(path)
    try:
        pieces = []
        left = MAX_FILE + 1
        while left and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    except OSError as error:
        raise camera_error(error, f"reading {shown(path)}", alive=card.alive) from error
    finally:
        # Closing a file of a pulled FUSE card fails too, and nothing depends on it.
        with suppress(OSError):
            os.close(descriptor)


class CardReading:
    """What a profile says of one card, for as long as it is docked. Not thread-safe."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        *,
        label: str | None = None,
        binding_key: bytes | None = None,
    ) -> None:
        """Begin with the profile for whatever no other knows.

        Args:
            profiles: by name; one is called ``generic``.
            label: the volume's name.
            binding_key: secret of the stations that write ``station_bind.ini``.
        """
        self._profiles = profiles
        self._label = label
        self._binding_key = binding_key
        self._settled = False
        self._listing: frozenset[bytes] = frozenset()
        self._facts: dict[bytes, NameFacts] = {}
        self._marked: frozenset[bytes] = frozenset()
        self._owners: dict[bytes, list[bytes]] = {}
        self.lists = Lists()
        self.profile = profiles[FALLBACK]
        self.claims = CardClaims()

    def look(self, paths: Collection[bytes], today: date) -> None:
        """Take what one look found; chooses the profile until it is settled.

        Args:
            paths: of all files on the card; names that are gone are forgotten.
            today: by the dock's clock.
        """
        listing = frozenset(paths)
        if listing == self._listing:
            return
        self._listing = listing
        if not self._settled:
            chosen, _ = choose(self._profiles.values(), sorted(listing), self._label)
            if chosen.name != self.profile.name:
                self.profile, self._facts = chosen, {}
        known, read = self._facts, self.profile.read_name
        self._facts = {path: known.get(path) or read(path, today=today) for path in listing}
        self._owners = {}
        for path in sorted(listing):
            facts = self._facts[path]
            if facts.role is Role.RECORDING and facts.key is not None:
                self._owners.setdefault(facts.key, []).append(path)

    def begin(self) -> None:
        """Choose the profile anew, for what is docked next in the same place."""
        self._settled = False
        self._listing = frozenset()
        self.claims, self._marked, self.lists = CardClaims(), frozenset(), Lists()

    def settle(self, card: Card) -> None:
        """Keep the profile from now on, and read the card's small files; blocks.

        Raises:
            CameraGone: the card stopped answering.
        """
        self._settled = True
        small = small_files(card, self.profile, self._facts)
        self.claims = card_claims(self._facts, small, binding_key=self._binding_key)
        chains, incidents = (
            [(path, data) for path, data in small.items() if self.facts(path).reads is kind]
            for kind in (Reads.HASH_CHAIN, Reads.INCIDENT)
        )
        self.lists = Lists.read(chains, incidents)
        self._marked = self.lists.marked

    def facts(self, path: bytes) -> NameFacts:
        """What a name says."""
        return self._facts.get(path) or self.profile.read_name(path)

    def ignored(self, path: bytes) -> str | None:
        """Why a file stays on the card, or None: everything else is taken."""
        facts = self.facts(path)
        return facts.reason if facts.role is Role.IGNORED else None

    def marked(self, path: bytes, *, read_only: bool = False) -> bool:
        """Whether the officer marked a recording, by any way its camera knows."""
        facts, listed = self.facts(path), path in self._marked
        return bool(self.profile.marks(facts, read_only=read_only, in_manifest=listed))

    def beside(self, path: bytes) -> list[bytes]:
        """Recordings that a preview, track or log stands beside, as its name says; 8 at most."""
        facts = self.facts(path)
        if facts.role not in {Role.SIDECAR, Role.UNKNOWN} or facts.key is None:
            return []
        return self._owners.get(facts.key, [])[:_OWNERS]

    def vouch(self, path: bytes) -> Vouch | None:
        """What the camera's own list of digests says of a recording; a claim."""
        return self.lists.vouch(path) if self.facts(path).role is Role.RECORDING else None
