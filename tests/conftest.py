"""What holds for every test: how Hypothesis searches, and where real camera files are."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import hypothesis
import pytest
import structlog

# Two busy cores make any deadline a coin toss. In continuous integration the same examples
# are tried every time, so that a failure belongs to the change that is being judged.
hypothesis.settings.register_profile("evidock", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("evidock"), derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "evidock")

# Unless told otherwise structlog draws every frame of an exception with its variables where it
# finds a package for that, as it does here: seconds of work for each failure that a test asks
# for. The programs write plain ones.
_PLAIN = [
    *structlog.get_config()["processors"][:-1],
    structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
]


def pytest_collection_finish() -> None:
    """What was imported by now stays: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(autouse=True)
def plain_tracebacks() -> None:
    if not structlog.is_configured():
        structlog.configure(processors=list(_PLAIN))


@pytest.fixture
def real_footage() -> Path:
    """The directory of real camera files that EVIDOCK_FOOTAGE names; tests that need one ask."""
    named = os.environ.get("EVIDOCK_FOOTAGE")
    if not named:
        pytest.skip("EVIDOCK_FOOTAGE names no directory of real camera files")
    return Path(named)
