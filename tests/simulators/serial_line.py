"""A serial device without hardware: a pseudo-terminal behind a stable path.

`Line` is the cable: it can be plugged in, pulled (the master is closed, as when a USB device
leaves) and plugged in again under the same path but another number, as real ones are. What a
device does with the bytes it gets is its own; it answers in a thread, since the daemon's
event loop is what is being tested. `Faults` says how the line misbehaves.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_AT_ONCE: Final = 4096


@dataclass(slots=True)
class Faults:
    """How a device misbehaves from now on.

    Attributes:
        silent: it answers nothing.
        before: bytes ahead of each answer.
        split: it sends one byte at a time.
        flip: which byte of each answer is wrong.
        deaf: it does not even read.
        answer_late_s: how long it thinks.
    """

    silent: bool = False
    before: bytes = b""
    split: bool = False
    flip: int | None = None
    deaf: bool = False
    answer_late_s: float = 0.0


class Device:
    """One device at the end of a line; subclasses answer."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.faults = Faults()
        self.heard = bytearray()
        self._lock = threading.Lock()
        self._master = -1
        self._stop = threading.Event()
        self._leaving = False
        self._thread: threading.Thread | None = None

    def answer(self, heard: bytes) -> bytes:
        """What to send after these bytes came; nothing by default."""
        del heard
        return b""

    def reset(self) -> None:
        """What a device forgets without power."""

    def plug(self) -> None:
        """Show up under the path."""
        self.reset()
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        name = os.ttyname(slave)
        os.close(slave)
        self._master = master
        self._stop.clear()
        self._leaving = False
        self._thread = threading.Thread(target=self._serve, args=(master,), daemon=True)
        self._thread.start()
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.symlink_to(name)
        fresh.replace(self.link)

    def unplug(self) -> None:
        """Leave, as a pulled plug does."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._gone()

    def leave(self) -> None:
        """Leave from within ``answer``, as a device does that starts again as another one."""
        self._leaving = True
        self._stop.set()

    def _gone(self) -> None:
        self.link.unlink(missing_ok=True)
        with self._lock:
            if self._master >= 0:
                os.close(self._master)
                self._master = -1

    def send(self, data: bytes) -> None:
        """Put bytes on the line, as its faults have it."""
        with self._lock:
            for piece in self._pieces(data):
                if self._master >= 0:
                    _write(self._master, piece)

    @contextlib.contextmanager
    def plugged(self) -> Iterator[None]:
        """Be there while this lasts."""
        self.plug()
        try:
            yield
        finally:
            self.unplug()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        whole = bytearray(self.faults.before + data)
        if self.faults.flip is not None and data:
            whole[len(self.faults.before) + self.faults.flip] ^= 0x04
        if not self.faults.split:
            yield bytes(whole)
            return
        for byte in whole:
            yield bytes([byte])
            # So that each is a reading of its own.
            self._stop.wait(0.002)

    def _serve(self, master: int) -> None:
        while not self._stop.is_set():
            if self.faults.deaf:
                self._stop.wait(0.01)
                continue
            readable, _, _ = select.select([master], [], [], 0.02)
            if not readable:
                continue
            try:
                heard = os.read(master, _AT_ONCE)
            except OSError:
                # Nobody has the other end open; EIO until somebody does.
                self._stop.wait(0.005)
                continue
            self.heard += heard
            answer = self.answer(heard)
            if answer and not self.faults.silent:
                self._stop.wait(self.faults.answer_late_s)
                self.send(answer)
        if self._leaving:
            self._gone()


def _write(master: int, data: bytes) -> None:
    """What nobody reads in time is lost, as on a real line."""
    with contextlib.suppress(OSError):
        os.write(master, data)


def stay(device: Device) -> None:
    """Be plugged in until interrupted; for use by hand."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with device.plugged():
        print(f"{type(device).__name__} at {device.link}; end with Ctrl-C", flush=True)
        ended.wait()
