"""The ``[mounter]`` table: what the mount helper may mount, where, and for whom.

The helper runs as root, so everything it could be talked into is a setting of the operator's
and none of a device's. A dock without this table mounts nothing and is as before.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool

USER: Final = "evidock"
# Simplified Chinese: what these cameras write short names in, where they write no long ones.
CODEPAGE: Final = 936


class FsType(StrEnum):
    """File systems that can be mounted at all.

    NTFS is not among them: no recorder is known to write it, and its drivers are large.
    """

    VFAT = "vfat"
    EXFAT = "exfat"
    EXT4 = "ext4"


class MounterSection(BaseModel):
    """The mount helper."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    socket: Path = Field(
        default=Path("/run/evidock/mounter.sock"), description="where the helper listens"
    )
    root: Path = Field(
        default=Path("/run/evidock/cameras"), description="cards are mounted below, by bay"
    )
    user: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default=USER, description="the dock's user: it alone may ask, and cards are readable to it"
    )
    types: tuple[FsType, ...] = Field(
        default=(FsType.VFAT, FsType.EXFAT),
        description="file systems that are mounted; ext4 only where a camera needs it",
    )
    codepage: Annotated[int, Field(strict=True, ge=1, le=99999)] = Field(
        default=CODEPAGE,
        description="code page of FAT's short names; plain letters and digits are alike in all",
    )
    writable_s: Annotated[float, Field(strict=True, gt=0, le=600)] = Field(
        default=60.0, description="longest time a card stays writable for erasing"
    )
    usb_guard: StrictBool = Field(
        default=True, description="let a bay's port be a disk, and no keyboard or network card"
    )
    usb_vendor: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")], ...] = Field(
        default=("4255:0001",),
        description="VID:PID of cameras whose own (vendor) interfaces are let through",
    )
