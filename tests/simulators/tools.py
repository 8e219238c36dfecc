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


def there(**packages: str) -> bool:
    """Whether programs are there, for ``skipif``; in continuous integration they have to be.

    Args:
        packages: which Debian package brings each program.

    Raises:
        RuntimeError: one is missing in continuous integration.
    """
    missing = [each for each in packages if shutil.which(each, path=PATH) is None]
    if missing and os.environ.get("CI"):
        names = " ".join(packages[each] for each in missing)
        msg = f"{', '.join(missing)} is missing: apt-get install {names}"
        raise RuntimeError(msg)
    return not missing
