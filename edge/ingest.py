"""Takes one recording off a card: read once, hashed and written at once, proved, sealed.

Two blocking stages, so that the second of one recording overlaps the first of the next:
``copy`` reads the camera; ``finish`` syncs, reads back past the page cache, probes,
publishes and seals. All of it up to the probing is ``prove``, which may be done while a card
still comes to rest. Whatever fails, the half file is dropped and nothing was sealed; the
camera's recording is never written to. Which recordings are taken, in which order and how
often, is the session's business.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

import structlog

from edge.cameras.base import FileState, changed_ns, shown
from edge.clock import DockClock
from edge.crashpoints import reach
from edge.durable import CHUNK
from edge.errors import (
    Changed,
    EdgeError,
    LedgerDamaged,
    LedgerError,
    SpoolDamaged,
    Unreadable,
    camera_error,
)
from edge.ledger import ClipDraft, Ledger
from edge.probe import Prober, ProbeResult
from edge.profiles.vouching import Vouch
from edge.spool import Spool, SpoolFile
from hashing.digest import ContentDigest, Digester
from protocols.ids import ClipId, SessionId
from protocols.kinds import CameraClock, Source

_log = structlog.get_logger()

_P = ParamSpec("_P")
_T = TypeVar("_T")

# Pages of the source are let go behind the reading: memory stays small on a small board.
_FORGET: Final = 8 << 20


def _always() -> bool:
    return True


def _undated(clock: CameraClock, _probed: ProbeResult) -> CameraClock:
    return clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording on a card, and what a look said of it: enough to copy it.

    Attributes:
        open: opens the recording on the card for reading, without following symbolic links
            (``O_RDONLY | O_NOFOLLOW | O_NONBLOCK``); this module closes the descriptor.
        path: on the card, relative to its root.
        size: bytes, as last seen.
        mtime_ns: as last seen, by ``edge.cameras.base.changed_ns``.
        inode: as last seen, None when not known.
        alive: whether the card's root still answers; tells a yanked camera from a bad file.
    """

    open: Callable[[], int]
    path: bytes
    size: int
    mtime_ns: int
    inode: int | None = None
    alive: Callable[[], bool] = _always

    @property
    def shown(self) -> str:
        """The path for messages."""
        return shown(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestTask(Recording):
    """One recording to take, and what its record will say of it.

    Attributes:
        volume: the card, as the camera claims it.
        session: the docking.
        source: the record's ``source``.
        camera_clock: what is known of the camera's clock so far.
        dated: says when it was made, from its claims and what was found inside it.
        vouch: what the camera's own list of digests says of it.
    """

    volume: str
    session: SessionId
    source: Source
    camera_clock: CameraClock
    dated: Callable[[CameraClock, ProbeResult], CameraClock] = _undated
    vouch: Vouch | None = None

    def sourced(self, sha256: bytes) -> Source:
        """Where it came from, with what the camera's own list says of a recording that was read."""
        if self.vouch is None:
            return self.source
        return self.source.model_copy(update={"camera_digest": self.vouch.check(sha256)})


@dataclass(frozen=True, slots=True)
class Copied:
    """A recording whose bytes were written to the spool and hashed, nothing more.

    Attributes:
        file: the half file; ``discard`` it when the recording will not be finished.
        content: digests of the bytes as the camera gave them.
        copied_ns: monotonic time when the last byte was taken.
        state: of the file on the card, before its first byte was read and after its last.
    """

    file: SpoolFile
    content: ContentDigest
    copied_ns: int
    state: FileState

    def discard(self) -> None:
        """Drop the half file of a recording that will not be finished."""
        self.file.discard()


@dataclass(frozen=True, slots=True)
class Proved(Copied):
    """One whose every byte the disk was shown to have; ``probed`` says what it is."""

    probed: ProbeResult


class Ingest:
    """Copies recordings into the spool and seals them. Blocking; safe from several threads."""

    def __init__(self, spool: Spool, ledger: Ledger, prober: Prober, clock: DockClock) -> None:
        self._spool = spool
        self._ledger = ledger
        self._prober = prober
        self._clock = clock

    def begin(self) -> None:
        """Get ready for a camera that was docked: the probe's helper takes a second to start."""
        self._prober.begin()

    def take(self, task: IngestTask, progress: Callable[[int], None]) -> ClipId:
        """Both stages; see ``copy`` and ``finish``."""
        return self.finish(self.copy(task, progress), task)

    def copy(self, task: Recording, progress: Callable[[int], None]) -> Copied:
        """Read the recording once, into the spool and both digests.

        Args:
            task: what to read.
            progress: called with the bytes copied so far, about once a MiB.

        Raises:
            CameraGone: the card stopped answering.
            Vanished: the recording is not there.
            Unreadable: it cannot be read, or ends before its size.
            Changed: it is not what was seen before, or changed meanwhile.
            SpoolFull: no room.
            SpoolDamaged: the spool's disk refuses.
        """
        with ExitStack() as undo:
            fd = self._open(task)
            undo.callback(_close, fd)
            before = self._stat(task, fd)
            _same(task, before)
            file = self._spool.begin(task.size)
            with ExitStack() as failed:
                failed.callback(file.discard)
                content = _pump(task, fd, file, progress)
                after = self._stat(task, fd)
                _same(task, after)
                _unmoved(task, before, after)
                failed.pop_all()
        reach("ingest.copied")
        state = FileState.of(before)
        return Copied(file, content, self._clock.read().monotonic_ns, state)

    def still(self, copied: Copied, task: Recording) -> bool:
        """Whether a recording is to this moment what it was when it was copied; blocks.

        Raises:
            CameraError: it cannot be looked at, or the card is gone.
        """
        fd = self._open(task)
        try:
            seen = self._stat(task, fd)
            _same(task, seen)
        except Changed:
            return False
        finally:
            _close(fd)
        return FileState.of(seen) == copied.state

    def prove(self, copied: Copied) -> Proved:
        """Sync, read the whole back past the page cache, and probe; neither seals nor publishes.

        Args:
            copied: dropped when this fails.

        Raises:
            SpoolDamaged: the disk did not keep the bytes.
        """
        with ExitStack() as failed:
            failed.callback(copied.discard)
            copied.file.sync()
            reach("ingest.synced")
            copied.file.read_back()
            reach("ingest.read-back")
            probed = self._probe(copied)
            failed.pop_all()
        return Proved(copied.file, copied.content, copied.copied_ns, copied.state, probed)

    def finish(self, copied: Copied, task: IngestTask) -> ClipId:
        """Prove that the disk has what the camera gave, and make it a clip.

        When the disk gives back other bytes, the recording is copied once more.

        Args:
            copied: the bytes; dropped when this fails.
            task: the same recording, with what its record says.

        Raises:
            SpoolDamaged: the disk did not keep the bytes, twice.
            LedgerError: not sealed; the spool file is dropped unless it was sealed after all.
            CameraError: met while copying once more.
        """
        (ended,) = self.finish_all([(copied, task)])
        if isinstance(ended, EdgeError):
            raise ended
        return ended

    def finish_all(self, pairs: Sequence[tuple[Copied, IngestTask]]) -> list[ClipId | EdgeError]:
        """``finish`` of several, sealed with one commit; one that fails keeps no other from it.

        Returns:
            For each the clip it became, or what ``finish`` would raise.

        Raises:
            LedgerDamaged: the dock has to stop.
        """
        with ExitStack() as failed:
            for copied, _ in pairs:
                # Harmless for what is published by then.
                failed.callback(copied.discard)
            ended: list[ClipId | EdgeError | ClipDraft]
            ended = [_caught(self._publish, copied, task) for copied, task in pairs]
            drafts = [draft for draft in ended if isinstance(draft, ClipDraft)]
            sealed = iter(self._seal_all(drafts))
        results = [next(sealed) if isinstance(each, ClipDraft) else each for each in ended]
        for (copied, _), result in zip(pairs, results, strict=True):
            if not isinstance(result, EdgeError):
                self._log_sealed(result, copied)
        return results

    def _publish(self, copied: Copied, task: IngestTask) -> ClipDraft:
        try:
            proved = copied if isinstance(copied, Proved) else self.prove(copied)
        except SpoolDamaged:
            proved = self.prove(self.copy(task, lambda _: None))
        with ExitStack() as failed:
            failed.callback(proved.discard)
            draft = _draft(proved, task)
            proved.file.publish()
            failed.pop_all()
        reach("ingest.published")
        return draft

    def _probe(self, copied: Copied) -> ProbeResult:
        fd = copied.file.reader()
        try:
            return self._prober.probe(fd, copied.content.size)
        finally:
            os.close(fd)

    def _seal_all(self, drafts: Sequence[ClipDraft]) -> list[ClipId | EdgeError]:
        if len(drafts) > 1:
            # What no record can hold must not keep the others; sealing twice is harmless.
            with suppress(LedgerError):
                return list(self._ledger.seal_clips(drafts))
        return [_caught(self._seal, draft) for draft in drafts]

    def _seal(self, draft: ClipDraft) -> ClipId:
        try:
            return self._ledger.seal_clip(draft)
        except LedgerError:
            # The commit may have reached the disk all the same; if even that cannot be
            # asked, the file stays and the next start decides by the rows.
            with suppress(LedgerError, SpoolDamaged):
                if self._ledger.clip_of_spool(draft.spool_name) is None:
                    self._spool.remove(draft.spool_name)
            raise

    def _log_sealed(self, clip: ClipId, copied: Copied) -> None:
        took_ns = self._clock.read().monotonic_ns - copied.copied_ns
        _log.info(
            "clip.sealed", clip=str(clip), bytes=copied.content.size, took_ms=took_ns // 10**6
        )

    @staticmethod
    def _open(task: Recording) -> int:
        try:
            return task.open()
        except OSError as error:
            raise camera_error(error, f"opening {task.shown}", alive=task.alive) from error

    @staticmethod
    def _stat(task: Recording, fd: int) -> os.stat_result:
        try:
            return os.fstat(fd)
        except OSError as error:
            raise camera_error(error, f"looking at {task.shown}", alive=task.alive) from error


def _caught(call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T | EdgeError:
    """What a call gives or raises; a damaged ledger is for nobody to hold back."""
    try:
        return call(*args, **named)
    except LedgerDamaged:
        raise
    except EdgeError as error:
        return error


def _draft(proved: Proved, task: IngestTask) -> ClipDraft:
    clock = _clock_claim(task.camera_clock, proved.probed)
    return ClipDraft(
        content=proved.content,
        source=task.sourced(proved.content.sha256),
        camera_clock=task.dated(clock, proved.probed),
        media=proved.probed.media,
        session=task.session,
        spool_name=proved.file.name,
        volume=task.volume,
        path=task.path,
        mtime_ns=task.mtime_ns,
    )


def _pump(
    task: Recording, fd: int, file: SpoolFile, progress: Callable[[int], None]
) -> ContentDigest:
    _advise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    done = forgotten = 0
    with Digester() as digester:
        while data := _read(task, fd, done):
            done += len(data)
            if done > task.size:
                raise Changed(f"{task.shown} grew beyond the {task.size} bytes seen before")
            digester.update(data)
            file.write(data)
            progress(done)
            if done - forgotten >= _FORGET:
                _advise(fd, forgotten, done - forgotten, os.POSIX_FADV_DONTNEED)
                forgotten = done
        if done < task.size:
            raise Unreadable(f"{task.shown} ended at {done} of {task.size} bytes")
        return digester.finish()


def _close(fd: int) -> None:
    # Closing a file of a pulled FUSE card fails as well; what matters was said by the read.
    with suppress(OSError):
        os.close(fd)


def _advise(fd: int, start: int, length: int, advice: int) -> None:
    # Advice may be refused; a card that is gone shows it at the next read.
    with suppress(OSError):
        os.posix_fadvise(fd, start, length, advice)


def _read(task: Recording, fd: int, offset: int) -> bytes:
    try:
        return os.read(fd, CHUNK)
    except OSError as error:
        raise camera_error(
            error, f"reading {task.shown} at byte {offset}", alive=task.alive
        ) from error


def _same(task: Recording, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise Changed(f"{task.shown} is not a regular file")
    if task.inode is not None and seen.st_ino != task.inode:
        raise Changed(f"{task.shown} is another file than the one seen before")
    if (seen.st_size, changed_ns(seen)) != (task.size, task.mtime_ns):
        raise Changed(
            f"{task.shown} has {seen.st_size} bytes and time {seen.st_mtime_ns};"
            f" seen before: {task.size} and {task.mtime_ns}"
        )


def _unmoved(task: Recording, before: os.stat_result, after: os.stat_result) -> None:
    # Whoever rewrites a file can set back its time of change, but not that of its status.
    if FileState.of(before) != FileState.of(after):
        raise Changed(f"{task.shown} was replaced or written to while it was read")


def _clock_claim(known: CameraClock, probed: ProbeResult) -> CameraClock:
    """Join what the card said and what the container says; neither is proved."""
    if probed.started is None or known.started is not None:
        return known
    method = "; ".join(part for part in (known.method, probed.method) if part)
    return known.model_copy(update={"started": probed.started, "method": method[:200]})
