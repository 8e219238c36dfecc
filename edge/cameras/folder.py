"""A directory of the dock's own file system that stands for a camera.

For cameras that another program empties into a folder, and for trying the dock without any
camera. A folder is there for as long as its directory is; it has no serial number, so what
it claims to be is the name the operator gave it.
"""

from __future__ import annotations

import os

from edge.cameras.base import Camera
from edge.config import FolderSection
from protocols.kinds import CameraClaim

PROFILE = "folder"


def find(folder: FolderSection) -> Camera | None:
    """The camera this folder stands for, or None while there is no such directory."""
    try:
        found = folder.path.stat()
        if not folder.path.is_dir():
            return None
        # A folder that answers no listing is not there either (a network share, say).
        with os.scandir(folder.path) as entries:
            next(entries, None)
        read_only = bool(os.statvfs(folder.path).f_flag & os.ST_RDONLY)
    except OSError:
        return None
    return Camera(
        key=f"folder:{folder.path}:{found.st_dev}:{found.st_ino}",
        root=folder.path,
        volume=f"folder:{folder.called}",
        bay=folder.stands_in,
        profile=PROFILE,
        claim=CameraClaim(name=folder.called),
        read_only=read_only,
    )
