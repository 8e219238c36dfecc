"""Digests of a pack's files by several threads: the same as by one, whatever happens to others."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest

from hashing.digest import LEAF_SIZE, ContentDigest, digest_bytes
from protocols.pack import layout
from protocols.progress import Quiet
from verifier.hashed import _LARGE, _TINY, hashed
from verifier.sources import Folder, Source, opened

SIZES = (0, 1, _TINY - 1, _TINY, LEAF_SIZE, LEAF_SIZE + 1, 3 * LEAF_SIZE, _LARGE, _LARGE + 1)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Originals and other files of every size that is treated in its own way."""
    root = tmp_path_factory.mktemp("hashed") / "pack"
    for folder in (layout.ORIGINALS, layout.RECORDS):
        (root / folder).mkdir(parents=True)
        for number, size in enumerate(SIZES):
            (root / folder / f"{number}").write_bytes(os.urandom(size))
    return root


def digests(source: Source) -> dict[str, object]:
    return dict(hashed(source, source.sizes, Quiet()))


def plainly(root: Path) -> dict[str, tuple[str, ContentDigest | None]]:
    found: dict[str, tuple[str, ContentDigest | None]] = {}
    for path in root.rglob("*"):
        if path.is_file():
            name, raw = str(path.relative_to(root)), path.read_bytes()
            content = digest_bytes(raw) if name.startswith(layout.ORIGINALS) else None
            found[name] = (hashlib.sha256(raw).hexdigest(), content)
    return found


def test_several_threads_find_what_one_would(pack: Path) -> None:
    with opened(pack) as source:
        assert digests(source) == plainly(pack)


def test_members_of_a_zip_file_are_hashed_alike(pack: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pack.zip", "w") as archive:
        for path in sorted(pack.rglob("*")):
            archive.write(path, path.relative_to(pack))
    with opened(tmp_path / "pack.zip") as source:
        assert digests(source) == plainly(pack)


class Failing(Folder):
    """A pack some of whose files raise what they are told to, in the middle."""

    def __init__(self, root: Path, failing: dict[str, Exception]) -> None:
        super().__init__(root)
        self._failing = failing

    def open(self, path: str) -> BinaryIO:
        if path in self._failing:
            raise self._failing[path]
        return super().open(path)


def test_a_file_that_cannot_be_read_is_said_beside_all_others(pack: Path) -> None:
    names = [f"{layout.ORIGINALS}{number}" for number in (2, 4, 8)]
    errors: dict[str, Exception] = {name: OSError(name) for name in names}
    found = digests(Failing(pack, errors))
    assert found == plainly(pack) | errors


def test_whatever_else_goes_wrong_with_a_file_ends_all(pack: Path) -> None:
    source = Failing(pack, {f"{layout.ORIGINALS}4": MemoryError("too little")})
    with pytest.raises(MemoryError):
        digests(source)
    assert not working()


def test_who_breaks_off_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    """Interrupted, a verifier of 200 GB ends at once and leaves no thread behind."""
    (tmp_path / layout.ORIGINALS).mkdir(parents=True)
    large = tmp_path / layout.ORIGINALS / "1"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(KeyboardInterrupt):
        list(hashed(Folder(tmp_path), [f"{layout.ORIGINALS}1"], Interrupted()))
    assert not working()


class Interrupted(Quiet):
    """Somebody presses Ctrl+C after 8 MiB."""

    def __init__(self) -> None:
        self._left = 8 << 20

    def advance(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise KeyboardInterrupt


def working() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("evidock-verify", "evidock-digest"))]
