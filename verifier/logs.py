"""A whole log against keys, checkpoints and a policy of one's own.

The entries come from a gateway over HTTP, or from a folder of saved answers, so that a copy
made today can be checked again in ten years. Whatever comes back is a stranger's word: it is
bounded in size, no redirect is followed, and every wait has an end.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hashing.errors import HashingError
from hashing.note import MAX_NOTE, open_checkpoint
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.policy import Policy, check_policy
from protocols.printed import PrintedError, note_of
from protocols.progress import Progress, Quiet
from protocols.shown import shown
from protocols.trail.whole import Audited, LoggedEntry, WholeLog, other_log
from verifier.errors import VerifierError
from verifier.files import read_regular

_PAGE = 200
_MAX_PAGE = 64 << 20
_TIMEOUT_S = 30.0
_API = "/api/v1/log"


class LogSource(ABC):
    """Where a log is read from."""

    @abstractmethod
    def note(self) -> bytes:
        """The checkpoint; raises VerifierError."""

    @abstractmethod
    def page(self, start: int) -> bytes:
        """An answer of ``GET /log/entries``, from this position on; raises VerifierError."""

    def entries(self, end: int) -> Iterator[LoggedEntry]:
        """All entries before ``end``; raises VerifierError."""
        start = 0
        while start < end:
            rows = _rows(self.page(start), start)
            for row in rows[: end - start]:
                yield _entry(row, start)
                start += 1


TOKEN = "EVIDOCK_TOKEN"  # noqa: S105  # its name
"""Environment variable with what is shown to a gateway."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_WHO = (
    f"records are for auditors; set {TOKEN} to an auditor's key, or on the gateway's machine to "
    "what `evidock-gateway token` prints; saved pages and mirrors of /tlog need none"
)


class HttpLog(LogSource):
    """A gateway's API; records are for auditors, so ``EVIDOCK_TOKEN`` says who asks.

    Attributes:
        whole_s: how long one answer may take from beginning to end.
    """

    whole_s = 600.0

    def __init__(self, url: str) -> None:
        """Prepare; raises VerifierError for what is no address of a gateway."""
        parts = urlsplit(url)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.path not in {"", "/"}
        ):
            raise VerifierError(f"{url}: no folder, and no address such as http://127.0.0.1:8080")
        self._base = url.rstrip("/")
        self._parts = parts

    def note(self) -> bytes:
        """The newest checkpoint, with the cosignatures that there are; the API's has none."""
        return self._get("/tlog/checkpoint", MAX_NOTE)

    def page(self, start: int) -> bytes:
        """One page."""
        return self._get(f"{_API}/entries?start={start}&limit={_PAGE}", _MAX_PAGE)

    def _get(self, path: str, limit: int) -> bytes:
        try:
            raw = self._answer(path, limit + 1)
        except (OSError, HTTPException, ValueError) as error:
            raise VerifierError(f"{self._base}{path}: {error}") from error
        if len(raw) > limit:
            raise VerifierError(f"{self._base}{path}: an answer of more than {limit} bytes")
        return raw

    def _shown(self) -> dict[str, str]:
        # In the open, a key would be everybody's on the way.
        token = os.environ.get(TOKEN, "").strip()
        private = self._parts.scheme == "https" or self._parts.hostname in _LOOPBACK
        return {"authorization": f"Bearer {token}"} if token and private else {}

    def _answer(self, path: str, most: int) -> bytes:
        """No proxy of the environment and no redirect: what was named is what is asked."""
        secure = self._parts.scheme == "https"
        connection = (HTTPSConnection if secure else HTTPConnection)(
            self._parts.hostname or "", self._parts.port, timeout=_TIMEOUT_S
        )
        # A byte now and then, in headers or body, would meet every shorter wait for ever.
        late = threading.Event()
        sockets: list[socket.socket] = []
        end = threading.Timer(self.whole_s, _cut, (connection, sockets, late))
        end.daemon = True
        end.start()
        try:
            connection.connect()
            # The connection forgets its own when the answer ends with it.
            sockets.append(connection.sock)
            connection.request("GET", path, headers=self._shown())
            answer = connection.getresponse()
            raw = answer.read(most)
        finally:
            end.cancel()
            connection.close()
        if late.is_set():
            raise TimeoutError(f"no whole answer within {self.whole_s:g} seconds")
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise HTTPException(f"answered {answer.status.real}: {_WHO}")
        if answer.status != HTTPStatus.OK:
            raise HTTPException(f"answered {answer.status} {shown(answer.reason)[:80]}")
        return raw


def _cut(connection: HTTPConnection, sockets: list[socket.socket], late: threading.Event) -> None:
    late.set()
    # It may not be there yet, or gone by now.
    with suppress(OSError, AttributeError):
        (sockets[0] if sockets else connection.sock).shutdown(socket.SHUT_RDWR)


class SavedLog(LogSource):
    """A folder with ``checkpoint`` and pages ``entries-START.json``, as the gateway gave them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self) -> bytes:
        """The saved checkpoint."""
        return self._read("checkpoint", MAX_NOTE)

    def page(self, start: int) -> bytes:
        """The page that begins here; it may hold more than asked for."""
        return self._read(f"entries-{start}.json", _MAX_PAGE)

    def _read(self, name: str, limit: int) -> bytes:
        raw = read_regular(self._folder / name, limit + 1)
        if len(raw) > limit:
            raise VerifierError(f"{self._folder / name}: larger than {limit} bytes")
        return raw


def source_of(what: str) -> LogSource:
    """A folder that is there, or an address; raises VerifierError for neither."""
    from verifier.tiles import TiledLog, is_tiled  # noqa: PLC0415  # it builds on what is above

    folder = Path(what)
    if not folder.is_dir():
        return HttpLog(what)
    return TiledLog(folder) if is_tiled(folder) else SavedLog(folder)


def audit(
    source: LogSource,
    anchors: Anchors,
    saved: Sequence[tuple[str, bytes]],
    policy: Policy | None,
    begin: Callable[[int], Progress] = lambda _: Quiet(),
) -> Audited:
    """Check every entry, and that the log still contains what was saved.

    Args:
        source: of the log.
        anchors: keys of one's own.
        saved: checkpoints of one's own, by the name they go by here.
        policy: which witnesses are enough; None asks for none.
        begin: told how many entries there are; gives who is told of each.

    Raises:
        VerifierError: the log cannot be read.
    """
    note = source.note()
    try:
        checkpoint = open_checkpoint(note, anchors.checkpoint_key)
    except HashingError as error:
        reason = other_log(note, anchors) or str(error)
        return Audited(Verdict((Finding(7, Outcome.UNSIGNED, "checkpoint", reason),)))
    whole = WholeLog(anchors)
    taken = 0
    progress = begin(checkpoint.size)
    try:
        for entry in source.entries(checkpoint.size):
            whole.take(entry)
            progress.advance(1)
            taken += 1
            if whole.is_hopeless:
                break
    finally:
        progress.close()
    findings = [_contained(whole, name, raw, anchors) for name, raw in saved]
    if policy is not None:
        findings.append(check_policy(note, policy))
    verdict = whole.verdict(checkpoint) + Verdict(tuple(findings))
    return Audited(verdict, taken, whole.read, bare=whole.bare > 0)


def _contained(whole: WholeLog, name: str, note: bytes, anchors: Anchors) -> Finding:
    try:
        checkpoint = open_checkpoint(note_of(note), anchors.checkpoint_key)
    except (HashingError, PrintedError) as error:
        return Finding(7, Outcome.UNSIGNED, name, f"not a checkpoint of this log: {error}")
    if checkpoint.size > whole.read:
        reason = f"the log has {whole.read} entries and once had {checkpoint.size}"
        return Finding(7, Outcome.INCOMPLETE, name, reason)
    if whole.root_at(checkpoint.size) != checkpoint.root:
        reason = f"the log does not contain this checkpoint of size {checkpoint.size}"
        return Finding(7, Outcome.ALTERED, name, reason)
    return Finding(7, Outcome.INTACT, name, f"contained, at size {checkpoint.size}")


def _rows(raw: bytes, start: int) -> list[Any]:
    try:
        rows = json.loads(raw)["entries"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise VerifierError(f"what should be entries from {start} on is something else") from error
    if not isinstance(rows, list) or not rows:
        raise VerifierError(f"no entry {start} was given")
    return rows


def _entry(row: Any, index: int) -> LoggedEntry:  # noqa: ANN401  # JSON
    try:
        if row["index"] != index:
            raise VerifierError(f"entry {row['index']} was given for {index}")
        statement = base64.b64decode(row["statement"], validate=True)
        return LoggedEntry(index, statement, base64.b64decode(row["record"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise VerifierError(f"something was given for entry {index} that is no entry") from error
