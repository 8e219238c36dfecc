"""Every decision of a witness: what it is asked, what it remembers, what it answers.

A cosignature says that of all it has seen of this log, this is the longest, and that it contains
all the rest. So the answer is made in one transaction with the memory of it: of two questions at
once, one comes second and is refused with the size that the first has brought.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

import structlog

from gateway.witness.state import Cosigned, Remembering, State
from hashing.errors import HashingError, ProofError
from hashing.keys import Ed25519Signer
from hashing.merkle import verify_consistency
from hashing.note import Checkpoint, NoteKey, cosign, open_checkpoint, parse_note
from protocols.witnessing import SIZE_TYPE, AddCheckpoint, WitnessingError, encode_size

TEXT = "text/plain; charset=utf-8"
# A clock that is set back by less than this is waited out with the last time again.
_BACK_S = 10
_event = structlog.get_logger("witness")


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: HTTPStatus
    body: bytes
    type: str = TEXT


class _Refused(Exception):  # noqa: N818  # an answer, no failure
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Witness:
    """Cosigns what is consistent, for the logs it is configured for and no other."""

    def __init__(
        self,
        state: State,
        signer: Ed25519Signer,
        name: str,
        *,
        logs: Iterable[NoteKey],
        clock: Callable[[], int],
    ) -> None:
        """Prepare.

        Args:
            state: made with the signer's key.
            signer: its private key.
            name: in its cosignatures.
            logs: keys of the logs, each named by its origin.
            clock: seconds since 1970.
        """
        self._state = state
        self._signer = signer
        self._name = name
        self._clock = clock
        self._keys: dict[str, list[NoteKey]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)
        self._one_at_a_time = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer ``add-checkpoint``; safe to call from several threads.

        Raises:
            DatabaseUnavailableError: nothing could be remembered, so nothing is cosigned.
        """
        try:
            asked = _asked(body)
            checkpoint, note = self._opened(asked.note)
            if asked.old_size > checkpoint.size:
                raise _refused(HTTPStatus.BAD_REQUEST, "the old size is above the checkpoint's")
            with self._one_at_a_time, self._state.changing() as remembering:
                outcome = self._decide(remembering, asked, checkpoint, note)
        except _Refused as refused:
            return refused.answer
        # The transaction is committed: from here on the cosignature may be seen.
        if isinstance(outcome, Answer):
            return outcome
        cosigned = cosign(note, self._signer, self._name, outcome)
        _event.info("witness.cosigned", origin=checkpoint.origin, size=checkpoint.size)
        return Answer(HTTPStatus.OK, cosigned[len(note) :])

    def _opened(self, raw: bytes) -> tuple[Checkpoint, bytes]:
        """The checkpoint, and its note with the line of a known key of the log alone."""
        try:
            parsed = parse_note(raw)
            said = Checkpoint.parse(parsed.text)
        except HashingError as error:
            raise _refused(HTTPStatus.BAD_REQUEST, f"no checkpoint: {error}") from error
        keys = self._keys.get(said.origin)
        if keys is None:
            raise _refused(HTTPStatus.NOT_FOUND, "this witness does not watch that log")
        for key in keys:
            for line in parsed.of(key):
                note = f"{parsed.text}\n{line.line()}".encode()
                try:
                    return open_checkpoint(note, key), note
                except HashingError:
                    continue
        raise _refused(HTTPStatus.FORBIDDEN, "not signed by a key of that log")

    def _decide(
        self, remembering: Remembering, asked: AddCheckpoint, checkpoint: Checkpoint, note: bytes
    ) -> int | Answer:
        """The time to cosign with, once remembered; or the refusal."""
        last = remembering.last(checkpoint.origin)
        now = self._clock()
        shown = Cosigned(checkpoint.size, checkpoint.root, note, now)
        if shown.size == last.size and shown.root != last.root and last.note:
            remembering.keep_contradiction(checkpoint.origin, last, shown)
            _event.critical("witness.fork", origin=checkpoint.origin, size=shown.size)
            return _conflict(last.size)
        if asked.old_size != last.size:
            return _conflict(last.size)
        try:
            verify_consistency(last.size, last.root, shown.size, shown.root, asked.proof)
        except ProofError as error:
            _event.warning("witness.inconsistent", origin=checkpoint.origin, size=shown.size)
            raise _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
        newest = remembering.newest_time()
        if now < newest - _BACK_S:
            _event.critical("witness.clock-behind", now=now, newest=newest)
            raise _refused(HTTPStatus.SERVICE_UNAVAILABLE, "this witness's clock was set back")
        at = max(now, newest)
        remembering.remember(checkpoint.origin, Cosigned(shown.size, shown.root, note, at))
        return at


def _asked(body: bytes) -> AddCheckpoint:
    try:
        return AddCheckpoint.parse(body)
    except WitnessingError as error:
        raise _refused(HTTPStatus.BAD_REQUEST, str(error)) from error


def _conflict(size: int) -> Answer:
    return Answer(HTTPStatus.CONFLICT, encode_size(size), SIZE_TYPE)


def _refused(status: HTTPStatus, reason: str) -> _Refused:
    return _Refused(Answer(status, reason.encode() + b"\n"))
