"""What holds for every test: how Hypothesis searches, and where real camera files are."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Two busy cores make any deadline a coin toss. In continuous integration the same examples
# are tried every time, so that a failure belongs to the change that is being judged.
hypothesis.settings.register_profile("evidock", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("evidock"), derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "evidock")


@pytest.fixture
def real_footage() -> Path:
    """The directory of real camera files that EVIDOCK_FOOTAGE names; tests that need one ask."""
    named = os.environ.get("EVIDOCK_FOOTAGE")
    if not named:
        pytest.skip("EVIDOCK_FOOTAGE names no directory of real camera files")
    return Path(named)
