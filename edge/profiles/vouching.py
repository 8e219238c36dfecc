"""What a camera's own lists of digests say of the recordings beside them. Pure.

A list vouches for a recording through its chain (``chains``): whoever can write the card can
write a whole new one, so a link that holds shows that nothing was damaged by accident since
the camera wrote it. One that does not hold is on record with the clip, which is sealed all
the same, and so is what the list names and the card has not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from edge.cameras.base import word
from edge.profiles.cardfiles import CardFileError, incident_files
from edge.profiles.chains import ZEROS, ChainLine, Manifest, links, read_manifest
from protocols.kinds import AbsentFiles, CameraDigest, FileName

MAX_NAMED: Final = 20
MAX_LISTS: Final = 64

State = Literal["holds", "broken", "no-start", "not-listed"]


@dataclass(frozen=True, slots=True)
class Vouch:
    """A list's word on one recording.

    Attributes:
        manifest: path of the list.
        line: of the recording; None if the list does not name it.
        before: the digest that the line goes on from; None for the first line.
    """

    manifest: bytes
    line: ChainLine | None = None
    before: bytes | None = None

    def check(self, sha256: bytes) -> CameraDigest:
        """Compare with what was read.

        Args:
            sha256: of the recording.
        """
        return CameraDigest.model_validate(
            {**FileName.names(self.manifest), "state": self._state(sha256)}
        )

    def _state(self, sha256: bytes) -> State:
        if self.line is None:
            return "not-listed"
        if self.line.digest in links(self.before or ZEROS, sha256):
            return "holds"
        return "no-start" if self.before is None else "broken"


class Lists:
    """The lists of one card; each speaks for its own folder."""

    def __init__(
        self,
        manifests: Mapping[bytes, Manifest] | None = None,
        named: Mapping[bytes, Iterable[str]] | None = None,
    ) -> None:
        """Take them as they were read.

        Args:
            manifests: by path.
            named: recordings that lists without digests name, by the list's path.
        """
        self._named = {
            _folder(path) + _raw(name): path
            for path, names in (named or {}).items()
            for name in names
        }
        self._manifests = dict(manifests or {})
        self._by_folder: dict[bytes, bytes] = {}
        self._vouches: dict[bytes, Vouch] = {}
        for path, manifest in sorted(self._manifests.items()):
            folder = _folder(path)
            self._by_folder.setdefault(folder, path)
            before = None
            for line in manifest.lines:
                # A name that was used again means its newest file.
                self._vouches[folder + _raw(line.name)] = Vouch(path, line, before)
                before = line.digest

    @classmethod
    def read(
        cls,
        small: Iterable[tuple[bytes, bytes]],
        incidents: Iterable[tuple[bytes, bytes]] = (),
    ) -> Lists:
        """Read them; one that cannot be read says nothing.

        Args:
            small: paths and contents of the lists with digests.
            incidents: likewise of those that name recordings alone.
        """
        named = {}
        for path, data in incidents:
            with suppress(CardFileError):
                named[path] = [name for name, _ in incident_files(data)]
        found = {}
        for path, data in small:
            try:
                found[path] = read_manifest(data)
            except CardFileError:
                continue
        return cls(found, named)

    @property
    def marked(self) -> frozenset[bytes]:
        """Paths of recordings that a list marks as important."""
        return frozenset(
            _folder(path) + _raw(name)
            for path, manifest in self._manifests.items()
            for name in manifest.marked
        )

    def vouch(self, path: bytes) -> Vouch | None:
        """What a list says of a recording; None where no list stands beside it."""
        if path in self._manifests:
            return None
        manifest = self._by_folder.get(_folder(path))
        return self._vouches.get(path) or (None if manifest is None else Vouch(manifest))

    def missing(self, there: Collection[bytes]) -> dict[bytes, list[bytes]]:
        """Paths that a list names and that are not there, by the list's path."""
        found: dict[bytes, list[bytes]] = {}
        lists = {path: vouch.manifest for path, vouch in self._vouches.items()}
        for path, manifest in (lists | self._named).items():
            if path not in there:
                found.setdefault(manifest, []).append(path)
        return found


def absent(missing: Mapping[bytes, Iterable[bytes]], taken: Collection[bytes]) -> list[AbsentFiles]:
    """For the inventory: what is neither there nor was ever sealed from there.

    Args:
        missing: from ``Lists.missing``.
        taken: paths that clips were sealed from.
    """
    found = []
    for manifest, paths in sorted(missing.items()):
        gone = sorted(path for path in paths if path not in taken)
        if gone:
            names = [word(path.rpartition(b"/")[2].decode("utf-8", "replace")) for path in gone]
            said = {"count": len(gone), "files": names[:MAX_NAMED]}
            found.append(AbsentFiles.model_validate({**FileName.names(manifest), **said}))
    return found[:MAX_LISTS]


def _folder(path: bytes) -> bytes:
    """With its slash, so that a name can follow."""
    return path[: len(path) - len(path.rpartition(b"/")[2])]


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
