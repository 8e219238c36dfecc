"""A camera's card on a file system of its own (FUSE), which fails on cue.

The card is a folder, shown by a driver in a process of its own. What goes wrong is said in a
small JSON file beside it, which the driver reads again whenever it changes:

``eio``    bytes from an offset on cannot be read: ``{"a.mp4": 4096}``; ``*`` names every file
``short``  the file ends there although its size says more
``torn``   bytes from there on are others at each reading
``rate``   bytes a second, all files together
``hang``   reads wait until this is taken back
``gone``   every call answers ENODEV, as a disk does that was pulled
``coarse`` times count in steps of two seconds and there is none of status, as on FAT
"""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from tests.simulators.tools import there

_TICK_NS = 2 * 10**9


def available() -> bool:
    """Whether this machine lets us mount such a card."""
    return there(fusermount3="fuse3") and os.geteuid() == 0 and Path("/dev/fuse").exists()


class FuseCard:
    """The card, as a test holds it; its recordings stay in ``tree`` whatever happens."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        tree.mkdir(parents=True, exist_ok=True)
        self._cue = tree.with_suffix(".cue")
        self._driver: subprocess.Popen[bytes] | None = None
        self.point: Path | None = None
        self.cue()

    def cue(self, **faults: object) -> None:
        """From now on do these things wrong, and no others."""
        new = self._cue.with_suffix(".new")
        new.write_text(json.dumps(faults))
        new.replace(self._cue)

    def mount(self, point: Path, *, read_only: bool = False) -> None:
        """Show the card below a directory, and wait until it shows."""
        point.mkdir(parents=True, exist_ok=True)
        words = [str(self.tree), str(point), str(self._cue), "ro" if read_only else "rw"]
        self._driver = subprocess.Popen([sys.executable, "-m", __name__, *words])
        self.point = point
        deadline = time.monotonic() + 20
        while not os.path.ismount(point):
            if time.monotonic() > deadline or self._driver.poll() is not None:
                msg = f"{point} was not mounted"
                raise RuntimeError(msg)
            time.sleep(0.01)

    def pull(self) -> None:
        """Kill the driver: every call answers ENOTCONN, the mount stays in the list."""
        if self._driver is not None:
            self._driver.send_signal(signal.SIGKILL)
            self._driver.wait(10)

    def unmount(self) -> None:
        """Take the card out, now if it is at rest, else as soon as it is; harmless when out."""
        if self.point is not None:
            subprocess.run(["umount", "-l", str(self.point)], capture_output=True, check=False)
            self.point = None
        if self._driver is not None:
            try:
                self._driver.wait(10)
            except subprocess.TimeoutExpired:
                # Somebody still holds a file of it, which is for the caller to find out.
                self._driver.kill()
                self._driver.wait(10)
                raise
            finally:
                self._driver = None


class _Faulty(mfusepy.Operations):  # type: ignore[misc]  # it has no types
    """A folder with faults."""

    use_ns = True

    def __init__(self, tree: Path, cue: Path) -> None:
        self._tree = tree
        self._cue = cue
        self._read_at = -1
        self._faults: dict[str, Any] = {}
        self._turn = threading.Lock()

    def _now(self) -> dict[str, Any]:
        changed = self._cue.stat().st_mtime_ns
        if changed != self._read_at:
            self._faults, self._read_at = json.loads(self._cue.read_text()), changed
        if self._faults.get("gone"):
            raise mfusepy.FuseOSError(errno.ENODEV)
        return self._faults

    def _at(self, path: str) -> str:
        self._now()
        return f"{self._tree}{path}"

    def _from(self, fault: str, path: str) -> int | None:
        named = self._faults.get(fault, {})
        at = named.get(path.rpartition("/")[2], named.get("*"))
        return None if at is None else int(at)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:  # noqa: ARG002  # libfuse's call
        found = os.lstat(self._at(path))
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
        told: dict[str, Any] = {name: getattr(found, name) for name in names}
        mtime, ctime = found.st_mtime_ns, found.st_ctime_ns
        if self._faults.get("coarse") and not stat.S_ISDIR(found.st_mode):
            mtime = ctime = mtime - mtime % _TICK_NS
        return told | {"st_atime": found.st_atime_ns, "st_mtime": mtime, "st_ctime": ctime}

    def readdir(self, path: str, fh: int) -> list[str]:  # noqa: ARG002  # libfuse's call
        return [".", "..", *(each.name for each in Path(self._at(path)).iterdir())]

    def open(self, path: str, flags: int) -> int:
        return os.open(self._at(path), flags & ~(os.O_NOFOLLOW | os.O_NOATIME))

    def release(self, path: str, fh: int) -> int:  # noqa: ARG002  # libfuse's call
        os.close(fh)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        faults = self._now()
        while faults.get("hang"):
            time.sleep(0.02)
            faults = self._now()
        if rate := faults.get("rate"):
            with self._turn:
                time.sleep(size / rate)
        end = offset + size
        if (bad := self._from("eio", path)) is not None and end > bad:
            raise mfusepy.FuseOSError(errno.EIO)
        if (cut := self._from("short", path)) is not None:
            size = max(min(end, cut) - offset, 0)
        data = os.pread(fh, size, offset)
        if (torn := self._from("torn", path)) is not None and end > torn:
            good = max(torn - offset, 0)
            return data[:good] + os.urandom(max(len(data) - good, 0))
        return data

    def unlink(self, path: str) -> int:
        Path(self._at(path)).unlink()
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        room = os.statvfs(self._at(path))
        names = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files")
        return {name: getattr(room, name) for name in names}


def _main() -> None:
    tree, point, cue, mode = sys.argv[1:]
    # A file that is open while it is removed goes at once, and under no other name.
    options: dict[str, Any] = {"hard_remove": True} | ({"ro": True} if mode == "ro" else {})
    name = f"card-{Path(tree).name}"
    driver = _Faulty(Path(tree), Path(cue))
    mfusepy.FUSE(driver, point, foreground=True, allow_other=True, fsname=name, **options)


if __name__ == "__main__":
    _main()
