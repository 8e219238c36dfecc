"""What a program holds of the system while it runs: descriptors, threads, memory, children."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

MIB = 1 << 20


@dataclass(frozen=True)
class Held:
    """One program at one moment, with nothing to do.

    Attributes:
        files: open descriptors.
        threads: of the process itself.
        memory: resident bytes of the process itself.
        helpers: resident bytes of its children.
        zombies: children that ended and were not waited for.
    """

    files: int
    threads: int
    memory: int
    helpers: int
    zombies: int

    @classmethod
    def by(cls, pid: int) -> Held:
        """Of a running process."""
        process = psutil.Process(pid)
        children = process.children(recursive=True)
        dead = [each for each in children if each.status() == psutil.STATUS_ZOMBIE]
        return cls(
            files=process.num_fds(),
            threads=process.num_threads(),
            memory=process.memory_info().rss,
            helpers=sum(each.memory_info().rss for each in children if each not in dead),
            zombies=len(dead),
        )

    def row(self) -> str:
        """For a table."""
        return (
            f"{self.files} | {self.threads} | {self.memory / MIB:.0f} | "
            f"{self.helpers / MIB:.0f} | {self.zombies}"
        )
