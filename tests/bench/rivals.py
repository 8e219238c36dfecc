"""What the product is compared with: ordinary tools doing the same piece of work."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

CHUNK = 4 * 1024 * 1024


def make_sources(folder: Path, files: int, file_size: int) -> list[Path]:
    """Random files: nothing can be saved by compressing or recognising them."""
    folder.mkdir(parents=True)
    paths = []
    for number in range(files):
        path = folder / f"DSJ_36NCC009910_016042_20260619_{10 + number:02d}0000.mp4"
        with path.open("wb") as file:
            for offset in range(0, file_size, CHUNK):
                file.write(os.urandom(min(CHUNK, file_size - offset)))
        paths.append(path)
    return paths


def level(sources: list[Path]) -> None:
    """The same start for everybody: nothing waits to be written, sources are in memory."""
    os.sync()
    for path in sources:
        with path.open("rb", buffering=0) as file:
            while file.read(CHUNK):
                pass


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Seconds from entry to exit, in a list of one."""
    seconds: list[float] = []
    began = time.monotonic()
    yield seconds
    seconds.append(time.monotonic() - began)


def copy_and_sync(sources: list[Path], target: Path) -> float:
    """`cp` and `sync`: the least anybody does to a card."""
    target.mkdir()
    with stopwatch() as seconds:
        _run("cp", *sources, target)
        _run("sync")
    shutil.rmtree(target)
    return seconds[0]


def copy_and_check(sources: list[Path], target: Path) -> float:
    """`cp`, `sync`, `sha256sum`, `sha256sum -c`: what a careful person does by hand."""
    target.mkdir()
    sums = target / "SHA256SUMS"
    with stopwatch() as seconds:
        _run("cp", *sources, target)
        _run("sync")
        with sums.open("wb") as listing:
            subprocess.run(
                ["sha256sum", *(path.name for path in sources)],
                stdout=listing,
                cwd=sources[0].parent,
                check=True,
            )
        subprocess.run(["sha256sum", "--quiet", "-c", sums.name], cwd=target, check=True)
    shutil.rmtree(target)
    return seconds[0]


def restic_backup(sources: list[Path], target: Path) -> float:
    """`restic backup` into a fresh local repository; making the repository is not counted."""
    target.mkdir()
    env = {
        **os.environ,
        "RESTIC_REPOSITORY": str(target / "repository"),
        "RESTIC_PASSWORD": "bench",
        "RESTIC_CACHE_DIR": str(target / "cache"),
    }
    _run("restic", "-q", "init", env=env)
    with stopwatch() as seconds:
        _run("restic", "-q", "backup", sources[0].parent, env=env)
        _run("sync")
    shutil.rmtree(target)
    return seconds[0]


def hash_only(sources: list[Path], passes: int) -> float:
    """SHA-256 of everything so many times, on all cores, and nothing else: a ceiling.

    One pass over the file and one over its leaves are what a signed record needs; a gateway
    that believes nobody needs both once more.
    """
    with stopwatch() as seconds, ThreadPoolExecutor(os.cpu_count()) as threads:
        for digest in threads.map(_hash, sources * passes):
            assert digest
    return seconds[0]


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _run(*words: str | Path, env: dict[str, str] | None = None) -> None:
    subprocess.run(
        [str(word) for word in words], env=env, check=True, stdin=subprocess.DEVNULL, timeout=1800
    )
