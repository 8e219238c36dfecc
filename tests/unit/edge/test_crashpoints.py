"""The power-cut hook does nothing unless it is asked to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import edge
from edge.crashpoints import POINTS, VARIABLE

PROGRAM = (
    "from edge.crashpoints import reach\n"
    "for n in range(3): reach('seal.before-commit'); print(n, flush=True)"
)


@pytest.mark.parametrize(
    ("setting", "passes", "code"),
    [
        (None, 3, 0),
        ("seal.before-commit", 0, -signal.SIGKILL),
        ("seal.before-commit:3", 2, -signal.SIGKILL),
        ("seal.before-commit:9", 3, 0),
        ("seal.after-commit", 3, 0),
    ],
)
def test_the_process_dies_at_the_asked_pass_of_the_point(
    setting: str | None, passes: int, code: int
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if setting is not None:
        environment[VARIABLE] = setting
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, check=False
    )
    assert done.returncode == code
    assert len(done.stdout.split()) == passes


def test_every_point_that_is_named_is_passed_somewhere() -> None:
    source = "".join(path.read_text() for path in Path(edge.__file__).parent.rglob("*.py"))
    assert set(re.findall(r'reach\("([^"]+)"\)', source)) == POINTS
