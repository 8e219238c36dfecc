"""A pack in a ZIP file (ZIP64 too): members stored as they are, each once, nothing unpacked.

Only plain stored members are read: nothing can blow up, and nothing is written to a disk, so no
member can lead outside. Members that lie over one another, repeat a name or hide behind a
second name are refused; a ZIP that other programs would read differently is no evidence
(``seams``).
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self, cast

from protocols.pack.layout import is_safe
from protocols.shown import shown
from verifier.errors import VerifierError
from verifier.seams import check_seams
from verifier.sources import Source

_ENCRYPTED = 0x1
_MASKED = 0x2000
_FOLDER = 0x10
# No one folder around a pack: leads elsewhere, or is a pack's own.
_OUTSIDE = re.compile(r"^(?:\.{0,2}|data)/$|[:\\]")
# The library builds half a kilobyte of objects for each of its entries, 46 bytes at least.
MAX_DIRECTORY = 64 << 20
# A local name that is no UTF-8, an offset before the file: the reader says ValueError.
_NO_ZIP = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error),
    *(ValueError, OverflowError, EOFError),
)


class Archive(Source):
    """A pack in a ZIP file; one folder around everything is allowed."""

    def __init__(self, path: Path) -> None:
        """Read its directory.

        Raises:
            VerifierError: not a ZIP file, or one that cannot be told apart from a trap.
        """
        super().__init__()
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._counting = Lock()
        try:
            self._file = _File(io.FileIO(path))
        except OSError as error:
            raise VerifierError(f"{path}: {error.strerror}") from error
        try:
            self._zip = zipfile.ZipFile(self._file)
            self._file.most = None
            self._list(path.stat().st_size)
        except (OSError, *_NO_ZIP) as error:
            self._file.close()
            raise VerifierError(f"{path}: not a folder and not a ZIP file: {error}") from error
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._file.close()

    def open(self, path: str) -> BinaryIO:
        """Open one member.

        Raises:
            OSError: it cannot be read, or is another than the directory says.
        """
        try:
            # The library counts its open members, and not for several threads.
            with self._counting:
                return cast(
                    "BinaryIO", _Member(self._zip.open(self._members[path]), self._counting)
                )
        except _NO_ZIP as error:
            raise OSError(str(error)) from error

    def _list(self, size: int) -> None:
        members = sorted(self._zip.infolist(), key=lambda each: each.header_offset)
        check_seams(self._file, members, self._zip.start_dir, size)
        top = _common_folder(members)
        folders = {each.orig_filename.rstrip("/") for each in members if each.is_dir()}
        for member in members:
            path = member.orig_filename.removeprefix(top)
            if not path:
                continue
            if path.endswith("/"):
                if not _is_bare(member, path):
                    self.refused[shown(path)] = "a folder with bytes, or a name that no pack has"
            elif reason := _why_not(member):
                self.refused[shown(path)] = reason
            elif member.orig_filename in folders:
                self.refused[shown(path)] = "is a folder, too"
            elif path in self._members:
                self.refused[shown(path)] = "stands twice in the ZIP file"
                del self.sizes[path]
            else:
                self._members[path] = member
                self._found(path, member.file_size)


class _File(io.BufferedReader):
    """A ZIP file whose directory, which the library reads in one piece, has a largest size."""

    most: int | None = MAX_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; raises BadZipFile for a directory that no pack has."""
        if self.most is not None and size is not None and size > self.most:
            msg = f"a directory of {size} bytes; {self.most} are read"
            raise zipfile.BadZipFile(msg)
        return super().read(size)


class _Member:
    """A member as a file whose faults are those of a file."""

    def __init__(self, inner: object, counting: Lock) -> None:
        self._inner = cast("BinaryIO", inner)
        self._counting = counting

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._counting:
            self._inner.close()

    def seek(self, offset: int) -> int:
        """Go there; raises OSError for what the ZIP reader does not like."""
        try:
            return self._inner.seek(offset)
        except _NO_ZIP as error:
            raise OSError(str(error)) from error

    def read(self, size: int = -1) -> bytes:
        """Read; raises OSError for what the ZIP reader does not like."""
        try:
            return self._inner.read(size)
        except _NO_ZIP as error:
            raise OSError(str(error)) from error


def _is_bare(folder: zipfile.ZipInfo, path: str) -> bool:
    is_link = stat.S_ISLNK(folder.external_attr >> 16)
    return is_safe(path[:-1]) and not folder.file_size and not is_link


def _why_not(member: zipfile.ZipInfo) -> str | None:
    mode = member.external_attr >> 16
    if member.external_attr & _FOLDER:
        return "a file to one program and a folder to another"
    if stat.S_ISLNK(mode):
        return "a symbolic link, which is not followed"
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "neither a file nor a folder"
    if member.flag_bits & (_ENCRYPTED | _MASKED):
        return "encrypted"
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        return "compressed; a pack's members are stored as they are (zip -0)"
    return None


def _common_folder(members: list[zipfile.ZipInfo]) -> str:
    names = [member.orig_filename for member in members]
    top = names[0].partition("/")[0] + "/" if names else ""
    if _OUTSIDE.search(top) or shown(top) != top:
        return ""
    return top if all(name.startswith(top) for name in names) else ""
