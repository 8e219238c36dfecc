"""Real packs to be verified; files that need others have their own."""

from tests.simulators.genuine import genuine, pack, trust

__all__ = ["genuine", "pack", "trust"]
