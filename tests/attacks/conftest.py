"""Real packs to be attacked."""

from tests.simulators.genuine import genuine, pack, trust

__all__ = ["genuine", "pack", "trust"]
