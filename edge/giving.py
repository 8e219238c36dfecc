"""Lets the dock's user have what root writes for it: settings, keys, certificates."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from pathlib import Path

from edge.mounter.settings import USER


def give(path: Path, *, group_only: bool = False) -> None:
    """Let the dock's user have a file, when root writes it and there is such a user."""
    if os.geteuid() != 0:
        return
    with contextlib.suppress(KeyError):
        owner = 0 if group_only else pwd.getpwnam(USER).pw_uid
        os.chown(path, owner, grp.getgrnam(USER).gr_gid)
