"""The board itself: its clock, how its card wears, its journal, its versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Final

from edge.clock import DockClock
from edge.doctor.finding import Case, Finding, State, ok, unseen
from edge.screen import size
from protocols.clock import ClockSource

_SECTOR: Final = 512
_WRITTEN: Final = 6
# Tenths of its life that an eMMC says it has spent (JEDEC: 0x0a is 90 to 100 %, 0x0b beyond).
_WORN, _SPENT = 8, 10
_JOURNAL: Final = 1 << 30
_ERROR_MS: Final = 2000


def clock(case: Case) -> Iterator[Finding]:  # noqa: ARG001  # one clock a machine
    """What keeps the time, as it will stand in every record."""
    read = DockClock().read()
    bound = "" if read.error_ms is None else f", ±{read.error_ms} ms"
    said = f"{read.utc} ({read.source}{bound})"
    if read.source is ClockSource.NTP and (read.error_ms or 0) <= _ERROR_MS:
        yield ok("clock", said, said)
        return
    yield Finding(
        "clock",
        State.WARNING,
        f"{said}: records will say so",
        f"{said}：记录中将如实注明",
        "let chrony or systemd-timesyncd reach a time server; add an RTC for power cuts",
        "请配置 chrony 或 systemd-timesyncd，并加装实时时钟",
    )


def wear(case: Case) -> Iterator[Finding]:
    """What was written to the card since the machine began, and what the card says of itself."""
    device = _block(case.places.sys, case.config.dock.state_dir)
    if device is None:
        yield unseen("wear", "no block device below state_dir", ("", ""))
        return
    try:
        sectors = int((device / "stat").read_text().split()[_WRITTEN])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError) as error:
        yield unseen("wear", error)
        return
    written = sectors * _SECTOR
    daily = size(int(written / max(up_s, 1) * 86400))
    said = (
        f"{device.name}: {size(written)} written since the start, {daily} a day",
        f"{device.name}：开机以来写入 {size(written)}，每日 {daily}",
    )
    spent = _life(device)
    if spent is None or spent < _WORN:
        yield ok("wear", *said)
        return
    yield Finding(
        "wear",
        State.WRONG if spent >= _SPENT else State.WARNING,
        f"{said[0]}; {spent * 10} % of its life is spent",
        f"{said[1]}；寿命已用约 {spent * 10}%",
        "replace the card soon; first let the gateway take every clip",
        "请尽快更换存储卡；更换前请确认全部数据已被网关接收",
    )


def _block(sys: Path, path: Path) -> Path | None:
    """The whole disk in sysfs that a path is on."""
    while not path.exists():
        path = path.parent
    number = path.stat().st_dev
    node = sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    try:
        found = node.resolve(strict=True)
    except OSError:
        return None
    return found.parent if (found / "partition").exists() else found


def _life(device: Path) -> int | None:
    """Tenths of an eMMC's life, the worse of its two kinds of cells; None for what says none."""
    try:
        words = (device / "device/life_time").read_text().split()
        return max(int(word, 16) for word in words)
    except (OSError, ValueError):
        return None


def journal(case: Case) -> Iterator[Finding]:
    """How large it is on the card."""
    folder = case.places.journal
    if not folder.exists():
        yield ok("journal", "kept in memory only", "仅保存在内存中")
        return
    try:
        files = [each for each in folder.rglob("*.journal*") if each.is_file()]
        total = sum(each.stat().st_size for each in files)
    except OSError as error:
        yield unseen("journal", error)
        return
    if total <= _JOURNAL:
        yield ok("journal", size(total), size(total))
        return
    yield Finding(
        "journal",
        State.WARNING,
        f"{size(total)} on the card",
        f"占用 {size(total)}",
        "set SystemMaxUse=200M, as systemd/evidock-journald.conf does",
        "请设置 SystemMaxUse=200M（见 systemd/evidock-journald.conf）",
    )


def versions(case: Case) -> Iterator[Finding]:  # noqa: ARG001  # of this program
    """What runs here, for whoever is asked for help."""
    try:
        ours = package_version("evidock")
    except PackageNotFoundError:
        ours = "0+source"
    said = (
        f"evidock {ours}, Python {platform.python_version()}, "
        f"Linux {platform.release()}, {platform.machine()}"
    )
    yield ok("versions", said, said)
