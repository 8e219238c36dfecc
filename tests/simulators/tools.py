"""Programs of the system that a test needs; a missing one fails where tests must be whole."""

from __future__ import annotations

import os
import shutil

import pytest

# Daemons live where an ordinary user's PATH does not look.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def needed(command: str, package: str) -> str:
    """Where a program is; without it the test is skipped, and in continuous integration fails."""
    found = shutil.which(command, path=PATH)
    if found is None:
        said = f"{command} is missing: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return found
