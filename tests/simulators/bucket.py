"""A real S3 service on this machine for tests: ``rclone serve s3`` over a folder of its own.

Every bucket is a folder and every object a file in it, so that tests can spoil objects behind
the service's back.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.storage import urls
from gateway.storage.opening import open_store
from gateway.storage.store import Store
from tests.simulators.partial import Door

BUCKET = "evidence"
KEY, SECRET = "evidock", "a-secret-of-the-tests"
_numbers = itertools.count()


class Buckets:
    """A running service.

    Attributes:
        folder: each folder in it is a bucket.
        endpoint: its address.
        credentials: the file that a gateway is given.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "buckets"
        (self.folder / BUCKET).mkdir(parents=True)
        self.credentials = folder / "credentials.toml"
        self.credentials.touch(0o600)
        self.credentials.write_text(
            f'access_key_id = "{KEY}"\nsecret_access_key = "{SECRET}"\n', encoding="utf-8"
        )
        self._port, door = _free_port(), _free_port()
        self.endpoint = f"http://127.0.0.1:{door}"
        self._door = Door(door, f"http://127.0.0.1:{self._port}")
        self._log = folder / "rclone.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._door.open()
        self.start()

    def start(self) -> None:
        """Serve; returns once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _rclone(), "serve", "s3", str(self.folder), "--config", "",
                    "--addr", f"127.0.0.1:{self._port}", "--auth-key", f"{KEY},{SECRET}",
                    # What is changed behind its back is seen soon.
                    "--dir-cache-time", "100ms", "--poll-interval", "0", "--no-cleanup",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                return
            time.sleep(0.02)
        raise AssertionError(self._log.read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Kill it; what was stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._door.close()

    def new_url(self) -> str:
        """The address of a new, empty place in the bucket."""
        place = f"{BUCKET}/place{next(_numbers)}"
        return f"s3://{place}?endpoint={self.endpoint}&credentials={self.credentials}"

    def path_of(self, url: str, key: str) -> Path:
        """The file of an object."""
        where = urls.parse(url)
        assert isinstance(where, urls.Bucket)
        return self.folder / where.name / where.prefix / key


def opened(url: str, staging: Path) -> Store:
    """The store at an address."""
    return open_store(urls.parse(url), staging)


@contextlib.contextmanager
def buckets(folder: Path) -> Iterator[Buckets]:
    """A service until the end of the context."""
    served = Buckets(folder)
    try:
        yield served
    finally:
        served.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _rclone() -> str:
    # The package of the test's own environment first: another one may be too old.
    return shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
