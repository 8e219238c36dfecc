"""A pack as one ZIP file: members stored as they are, ZIP64 where they are large.

It is written front to back, into a file or into a pipe that somebody downloads from. Its
directory comes last, so a ZIP that was cut is none to any program.
"""

from __future__ import annotations

import contextlib
import zipfile
from typing import BinaryIO

from gateway.export.fetching import check_as_sealed
from gateway.export.origins import Origins
from gateway.export.writing import Advance, Tally, checked
from hashing.digest import ContentDigest, Digester
from protocols.trail import ExpectedContent

_LARGE = 1 << 31
_MODE = 0o100640 << 16
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class PackZip:
    """A pack in the making, in a ZIP file.

    Every write raises OSError when the file or pipe takes no more.
    """

    at_once = 1

    def __init__(self, out: BinaryIO, top: str) -> None:
        """Begin; ``top`` is the one folder around everything."""
        self._outlet = _Outlet(out)
        self._zip = zipfile.ZipFile(self._outlet, "w", zipfile.ZIP_STORED)
        self._top = top
        self._tally = Tally()

    def put(self, path: str, data: bytes) -> None:
        """Write one small file."""
        self._zip.writestr(self._info(path), data)
        self._tally.took(path, data)

    def original(
        self, path: str, expected: ExpectedContent, origins: Origins, advance: Advance
    ) -> ContentDigest:
        """Write one original as it comes; what is not as sealed ends the ZIP file."""
        info = self._info(path)
        info.file_size = expected.size
        large = expected.size >= _LARGE
        hashing = Digester(origins.leaves(expected))
        with hashing as digester, self._zip.open(info, "w", force_zip64=large) as member:
            for chunk in origins.read(expected, 0):
                digester.update(chunk)
                member.write(chunk)
                advance(len(chunk))
            digest = digester.finish()
            check_as_sealed(digest, expected)
        self._tally.took_original(path, digest)
        return digest

    def finish(self, info: dict[str, str]) -> None:
        """Write declaration, manifests and the directory of the ZIP file."""
        self._tally.declare(self.put, info)
        self._zip.close()

    def abandon(self) -> None:
        """Write nothing more, least of all a directory over what there is."""
        self._outlet.is_shut = True
        with contextlib.suppress(Exception):
            # Whatever it says of a file that takes nothing; it lets go of it all the same.
            self._zip.close()

    def _info(self, path: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(f"{self._top}/{checked(path)}", _LONG_AGO)
        info.external_attr = _MODE
        info.create_system = 3
        return info


class _Outlet:
    """The file below a ZIP; shut, it drops everything.

    A ZIP object that is closed or collected would otherwise write a directory over what there is.
    """

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.is_shut = False

    def write(self, data: bytes) -> int:
        """Write; raises OSError when the file takes no more."""
        return len(data) if self.is_shut else self._inner.write(data)

    def tell(self) -> int:
        """Where it is; raises OSError for a pipe, and the ZIP then goes on without seeking."""
        return 0 if self.is_shut else self._inner.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go elsewhere in a file."""
        return 0 if self.is_shut else self._inner.seek(offset, whence)

    def flush(self) -> None:
        """Nothing: who owns the file does that."""

    def close(self) -> None:
        """Nothing: who owns the file does that."""
