"""Makes one copy: the original checked, the limited process asked, its product taken in.

What comes out of the process comes from where hostile bytes were parsed. So it is bounded while
it arrives, its first bytes must be those of its kind, and nothing it says is acted on.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av

from gateway.errors import StoreError, StoreFullError
from gateway.previews import wanted
from gateway.previews.facts import PLAYED_AS, checked
from gateway.previews.wanted import Kind
from gateway.storage.failing import FULL
from limited.helper import Helper

TOOL: Final = f"evidock previews 1, PyAV {av.__version__}"
_CHILD: Final = "gateway.previews.child"
_MEMORY: Final = 768 << 20
_READ: Final = 1 << 20
_STALL_S: Final = 300.0
_GRACE_S: Final = 10.0
_PICTURE_S, _PICTURE_CPU_S, _PICTURE_BYTES = 300, 60, 8 << 20
_LEAST_CPU_S, _MOST_CPU_S, _BYTES_A_SECOND = 300, 21_600, 50_000
_LEAST_BYTES, _MOST_BYTES = 64 << 20, 16 << 30
_KNOWN_ORIGINALS: Final = 4096
_BEGINS: Final = {
    Kind.THUMBNAIL: (0, b"\xff\xd8\xff"),
    Kind.CONTACT_STRIP: (0, b"\xff\xd8\xff"),
    Kind.PREVIEW: (4, b"ftyp"),
}
_MOST_WORDS: Final = 200


class GivenUpError(Exception):
    """There is no copy; ``code`` is of ``wanted.REASONS``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = "".join(c if c.isprintable() else " " for c in detail)[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Original:
    """What a copy is to be made of.

    Attributes:
        name: the clip's, as text. path: of its object. size, sha256: as sealed.
        key: of an encrypted one, as 32 hex digits.
    """

    name: str
    path: Path
    size: int
    sha256: bytes
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Product:
    """A copy in the making's file: its size, digest and what is told of it."""

    size: int
    sha256: bytes
    facts: dict[str, Any]
    parameters: dict[str, Any]
    unneeded: bool = False


class Maker:
    """One limited process, asked from one thread at a time; ``stop`` from any."""

    def __init__(self, max_height: int, *, stall_s: float = _STALL_S) -> None:
        """Prepare; nothing is started before there is something to make.

        Args:
            max_height: short side of a preview's pictures.
            stall_s: how long nothing may come out.
        """
        self._max_height, self._stall_s = max_height, stall_s
        self._helper: Helper | None = None
        self._checked: OrderedDict[tuple[int, ...], None] = OrderedDict()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End what is being made."""
        self._stopped.set()
        if (helper := self._helper) is not None:
            helper.kill()

    def close(self) -> None:
        """End the process; from the thread that asked, or after it."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.stop()

    def make(self, kind: Kind, original: Original, into: Path) -> Product:
        """Make a copy; blocks.

        Args:
            kind: which.
            original: of what.
            into: a file in the making, written anew.

        Raises:
            GivenUpError: there is none, and why. StoreFullError, StoreError: try again later.
        """
        descriptor = self._original(original)
        try:
            answer = self._asked(kind, original, descriptor, into, encode=False)
            if answer.get("reason") == wanted.ENCODE:
                answer = self._asked(kind, original, descriptor, into, encode=True)
        finally:
            os.close(descriptor)
        return self._judged(kind, answer, into)

    def try_key(self, original: Original) -> None:
        """See whether an encrypted original's key opens it; blocks.

        Raises:
            GivenUpError: it does not (``key-wrong``), or something else is wrong.
        """
        descriptor = _opened(original)
        try:
            question = self._question("key", original)
            answer = self._ask(question, descriptor, None, 0)
        finally:
            os.close(descriptor)
        if "reason" in answer:
            raise GivenUpError(str(answer["reason"])[:32], str(answer.get("detail", "")))

    # --- the original ------------------------------------------------------------------

    def _original(self, original: Original) -> int:
        """Open it, and be sure that it is what was sealed: a copy says of what it is one."""
        descriptor = _opened(original)
        try:
            self._check(original, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _check(self, original: Original, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if found.st_size != original.size:
            raise GivenUpError(wanted.DIFFERS, f"{found.st_size} bytes")
        # Objects are never written again; were one swapped, this would be another.
        same = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        if same in self._checked:
            return
        sha256 = hashlib.sha256()
        at = 0
        try:
            while chunk := os.pread(descriptor, _READ, at):
                sha256.update(chunk)
                at += len(chunk)
                if self._stopped.is_set():
                    raise GivenUpError(wanted.CRASHED, "stopped")
        except OSError as error:
            raise GivenUpError(wanted.MISSING, error.strerror or "") from error
        if sha256.digest() != original.sha256:
            raise GivenUpError(wanted.DIFFERS, sha256.hexdigest())
        self._checked[same] = None
        if len(self._checked) > _KNOWN_ORIGINALS:
            self._checked.popitem(last=False)

    # --- the limited process -----------------------------------------------------------

    def _asked(
        self, kind: Kind, original: Original, descriptor: int, into: Path, *, encode: bool
    ) -> dict[str, Any]:
        question = self._question(kind.value, original) | {"encode": encode}
        if kind is Kind.PREVIEW:
            cpu_s = min(_LEAST_CPU_S + original.size // _BYTES_A_SECOND, _MOST_CPU_S)
            most = min(max(4 * original.size, _LEAST_BYTES), _MOST_BYTES)
            question |= {"cpu_s": cpu_s, "timeout_ms": 4000 * cpu_s}
        else:
            most = _PICTURE_BYTES
        return self._ask(question, descriptor, into, most)

    def _question(self, kind: str, original: Original) -> dict[str, Any]:
        return {
            "kind": kind,
            "size": original.size,
            "names": names_of(original.name, original.sha256),
            "key": original.key,
            "max_height": self._max_height,
            "timeout_ms": _PICTURE_S * 1000,
            "cpu_s": _PICTURE_CPU_S,
            "memory_bytes": _MEMORY,
        }

    def _ask(
        self, question: dict[str, Any], descriptor: int, into: Path | None, most: int
    ) -> dict[str, Any]:
        for fresh in (False, True):
            reading, writing = os.pipe2(os.O_CLOEXEC)
            try:
                try:
                    helper = self._running(fresh=fresh)
                    helper.tell(json.dumps(question).encode(), [descriptor, writing])
                except OSError:
                    # It idled and is gone, which is ordinary once.
                    continue
                finally:
                    os.close(writing)
                return self._told(helper, reading, into, most)
            finally:
                os.close(reading)
        raise GivenUpError(wanted.CRASHED, "the limited process could not be started")

    def _running(self, *, fresh: bool) -> Helper:
        if self._helper is not None and (fresh or not self._helper.alive):
            self.close()
        if self._helper is None:
            self._helper = Helper(_CHILD, _GRACE_S)
        if self._stopped.is_set():
            raise GivenUpError(wanted.CRASHED, "stopped")
        return self._helper

    def _told(self, helper: Helper, reading: int, into: Path | None, most: int) -> dict[str, Any]:
        try:
            self._take_in(reading, into, most)
            answer = _answer(helper.hear())
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self.close()
            if isinstance(error, OSError) and error.errno in FULL:
                raise StoreFullError(f"no space for a preview: {error.strerror}") from error
            raise GivenUpError(wanted.CRASHED, type(error).__name__) from error
        except GivenUpError as error:
            if error.code in {wanted.TIME, wanted.TOO_MUCH}:
                self.close()
            raise
        if not isinstance(answer, dict):
            raise GivenUpError(wanted.FALSE)
        return answer

    def _take_in(self, reading: int, into: Path | None, most: int) -> None:
        """Write what comes to the file, until the process has closed its end."""
        ready = select.poll()
        ready.register(reading, select.POLLIN)
        taken = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        target = None if into is None else os.open(into, flags, 0o600)
        try:
            while True:
                if not ready.poll(self._stall_s * 1000):
                    raise GivenUpError(wanted.TIME, f"nothing came for {self._stall_s:.0f} s")
                part = os.read(reading, _READ)
                if not part:
                    return
                taken += len(part)
                if taken > most or target is None:
                    raise GivenUpError(wanted.TOO_MUCH, f"more than {most} bytes")
                left = memoryview(part)
                while left:
                    left = left[os.write(target, left) :]
        finally:
            if target is not None:
                os.close(target)

    # --- the product -------------------------------------------------------------------

    def _judged(self, kind: Kind, answer: dict[str, Any], into: Path) -> Product:
        parameters = {"max_height": self._max_height} if kind is Kind.PREVIEW else {}
        if answer.get("unneeded") in PLAYED_AS and kind is Kind.PREVIEW:
            return Product(0, b"", {"mime": answer["unneeded"]}, parameters, unneeded=True)
        if "reason" in answer:
            code = str(answer["reason"])
            known = code if code in wanted.REASONS else wanted.FALSE
            raise GivenUpError(known, str(answer.get("detail", "")))
        offset, begins = _BEGINS[kind]
        try:
            with into.open("rb") as file:
                head = file.read(offset + len(begins))
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").digest()
                size = file.tell()
        except OSError as error:
            raise StoreError(f"{into.name}: {error.strerror}") from error
        facts = checked(kind, answer.get("made"), size)
        if facts is None or head[offset:] != begins:
            raise GivenUpError(wanted.FALSE)
        return Product(size, sha256, facts, parameters)


def _answer(heard: bytes) -> Any:  # noqa: ANN401  # whatever the process said
    line, _, body = heard.partition(b"\n")
    match json.loads(line)["ended"]:
        case "answered":
            return json.loads(body)
        case "timeout":
            raise GivenUpError(wanted.TIME)
        case ended:
            raise GivenUpError(wanted.CRASHED, str(ended))


def _opened(original: Original) -> int:
    try:
        return os.open(original.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise GivenUpError(wanted.MISSING, error.strerror or "") from error


def names_of(clip: str, sha256: bytes) -> str:
    """What stands in every copy: that it is one, and of what."""
    return f"Evidock derived copy, not evidence. Original: clip {clip}, SHA-256 {sha256.hex()}"
