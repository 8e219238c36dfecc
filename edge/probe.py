"""Asks the limited process what a recording is; never fails because of a recording.

The answer enriches the record and decides nothing: a recording is copied, hashed and
sealed whatever the probe says. The helper process is started when first needed, serves
many files, and is killed with all its forks when it does not answer in time. Its answer
comes from where hostile bytes were parsed, so it is checked like any other input.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from pydantic import ValidationError

from limited.helper import Helper
from protocols.kinds import Media

# Beyond the helper's own limit: time to kill a fork and tell.
_GRACE_S: Final = 5.0
_MAX_TEXT: Final = 200
_CHILD: Final = "edge.probe_child"
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What the probe could tell.

    Attributes:
        media: for the record.
        started: when the container claims the recording began; a claim of the camera.
        method: where that claim stands, with its raw value; empty without one.
    """

    media: Media
    started: str | None = None
    method: str = ""


class Prober:
    """Probes one file at a time; safe from several threads. Close it at the end.

    Args:
        timeout_s: wall time for one file.
        cpu_s: processor time for one file.
        memory_bytes: memory for one file, beyond what the loaded library takes.
    """

    def __init__(
        self, timeout_s: float = 20.0, cpu_s: int = 10, memory_bytes: int = 512 << 20
    ) -> None:
        self._timeout_s = timeout_s
        self._question = {
            "timeout_ms": int(timeout_s * 1000),
            "cpu_s": cpu_s,
            "memory_bytes": memory_bytes,
        }
        self._lock = threading.Lock()
        self._helper: Helper | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the helper; a later probe starts another."""
        with self._lock:
            self._stop()

    def begin(self) -> None:
        """Start the helper, so that it has loaded its library when a first file comes."""
        with self._lock, contextlib.suppress(OSError):
            if self._helper is not None and not self._helper.alive:
                self._stop()
            if self._helper is None:
                self._helper = Helper(_CHILD, self._timeout_s + _GRACE_S)

    def probe(self, fd: int, size: int) -> ProbeResult:
        """Look at an open file; blocking, at most ``timeout_s`` and a little.

        Args:
            fd: open for reading; its offset is not moved.
            size: bytes.

        Returns:
            A result for every file there is; what went wrong is among its warnings.
        """
        question = json.dumps({**self._question, "size": size}).encode()
        with self._lock:
            for _ in range(_ATTEMPTS):
                answer = self._ask(question, fd)
                if answer is not None:
                    return _read_answer(answer)
        return _failed("the probe could not be run")

    def _ask(self, question: bytes, fd: int) -> bytes | None:
        """One question; None when the helper is gone, which idling makes ordinary."""
        try:
            if self._helper is None:
                self._helper = Helper(_CHILD, self._timeout_s + _GRACE_S)
            answer = self._helper.ask(question, fd)
        except OSError:
            self._stop()
            return None
        if not answer:
            self._stop()
        return answer or None

    def _stop(self) -> None:
        if self._helper is not None:
            self._helper.stop()
            self._helper = None


def _read_answer(answer: bytes) -> ProbeResult:
    line, _, body = answer.partition(b"\n")
    try:
        ended = str(json.loads(line)["ended"])
        if ended == "timeout":
            return _failed("the probe did not finish in time and was ended")
        if ended != "answered":
            return _failed(f"the probe failed on this file ({ended[:60]})")
        said = json.loads(body)
        started = said.pop("started", None)
        method = said.pop("method", None)
        media = Media.model_validate(_clean(said))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = "gave an answer that fits no form" if isinstance(error, ValidationError) else "failed"
        return _failed(f"the probe {why}")
    if not isinstance(started, str) or not started:
        return ProbeResult(media)
    return ProbeResult(media, _text(started)[:_MAX_TEXT], _text(str(method or ""))[:_MAX_TEXT])


def _failed(why: str) -> ProbeResult:
    return ProbeResult(Media(warnings=(why,)))


def _clean(value: Any) -> Any:  # noqa: ANN401 -- any JSON value in, the same shape out
    """Take out of all texts what no record may hold: lone surrogates, NUL, control characters."""
    match value:
        case str():
            return _text(value)
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {str(name): _clean(item) for name, item in value.items() if item is not None}
        case _:
            return value


def _text(value: str) -> str:
    whole = value.encode("utf-8", errors="replace").decode()
    return "".join(c if c.isprintable() else " " for c in whole).strip()
