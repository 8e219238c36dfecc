"""Ledger, spool, and the disk under them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge import keys
from edge.cameras.mass_storage import mounted_parts
from edge.doctor.finding import Case, Finding, State, ok, unseen
from edge.errors import KeyFileError, LedgerDamaged, LedgerError, NotAllowed, TokenAway
from edge.ledger_check import check_ledger
from edge.ledger_queries import LedgerQueries
from edge.schema import open_for_reading
from edge.screen import size
from edge.spool import Spool

# The chain makes the newest signatures vouch for those before; `verify-ledger` checks all.
_SIGNATURES = 200
_FEW_INODES = 10_000
_MUCH = 10 << 30
_SAFE = frozenset({"ext4", "xfs", "btrfs", "f2fs", "zfs"})
_LOSES = ("data=writeback", "nobarrier", "barrier=0")
_UNFIT_DO = (
    "put state_dir on ext4 with data=ordered (docs/operations.md)",
    "请将 state_dir 放在 ext4（data=ordered）上",
)


def ledger(case: Case) -> Iterator[Finding]:
    """Whether it holds, quickly; and its alarms."""
    path = case.config.database
    try:
        connection = open_for_reading(path)
    except NotAllowed:
        yield unseen("ledger", path)
        return
    except LedgerDamaged as error:
        yield _damaged(error)
        return
    except LedgerError:
        said = f"none yet at {path}: this dock never ran", f"{path} 尚无存证链：采集站从未运行"
        yield Finding("ledger", State.WARNING, *said)
        return
    with closing(connection):
        yield _holds(case, connection)
        yield from _alarms(LedgerQueries(connection, case.config.dock.dock))


def _holds(case: Case, connection: sqlite3.Connection) -> Finding:
    try:
        if keys.is_units_own(case.config.dock.key):
            return _structure(connection)
        public = keys.load(case.config.dock.key).public
    except (KeyFileError, TokenAway):
        return _structure(connection)
    try:
        report = check_ledger(
            connection,
            dock=case.config.dock.dock,
            key=public,
            newest_signatures=_SIGNATURES,
        )
    except LedgerDamaged as error:
        return _damaged(error)
    except (LedgerError, sqlite3.Error) as error:
        return unseen("ledger", error)
    return ok("ledger", f"{report.entries} entries hold", f"{report.entries} 条记录完好")


def _structure(connection: sqlite3.Connection) -> Finding:
    """Without the key: the file alone."""
    try:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        return _damaged(said)
    en = "the file is sound; signatures were not checked, as the key cannot be read"
    return ok("ledger", en, "文件完好；因无法读取密钥，未核对签名")


def _damaged(error: object) -> Finding:
    return Finding(
        "ledger",
        State.WRONG,
        f"does not hold: {error}",
        f"存证链不完整：{error}",
        "stop the dock, keep state_dir as it is, call the operator (evidock-edge verify-ledger)",
        "请停止采集站，保留 state_dir 原状，联系运维（evidock-edge verify-ledger）",
    )


def _alarms(queries: LedgerQueries) -> Iterator[Finding]:
    try:
        alarms = queries.alarms()
    except LedgerError as error:
        yield unseen("alarms", error)
        return
    for alarm in alarms:
        said = 2 * (f"{alarm.code}: {alarm.text}",)
        do = "see docs/operations.md, then evidock-edge clear-alarm", "处理后运行 clear-alarm"
        yield Finding("alarm", State.WARNING, *said, *do)
    if not alarms:
        yield ok("alarms", "none stands", "无告警")


def spool(case: Case) -> Iterator[Finding]:
    """Whether the spool is this ledger's."""
    root = case.config.spool_dir
    if not os.access(root.parent, os.X_OK) or (root.exists() and not os.access(root, os.X_OK)):
        yield unseen("spool", root)
        return
    if not root.exists() or not case.config.database.exists():
        yield ok("spool", "not begun yet", "尚未启用")
        return
    found = Spool(root, 0).identity()
    try:
        with closing(open_for_reading(case.config.database)) as connection:
            known = LedgerQueries(connection, case.config.dock.dock).spool()
    except LedgerError as error:
        yield unseen("spool", error)
        return
    if known is None or known.identity == found:
        yield ok("spool", f"{root}", f"{root}")
        return
    yield Finding(
        "spool",
        State.WRONG,
        f"{root} is named {found}, the ledger's is {known.identity}",
        f"{root} 标识为 {found}，存证链绑定的是 {known.identity}",
        "mount the spool's disk, or put the right ledger back",
        "请挂载正确的缓存盘，或恢复正确的存证链",
    )


def room(case: Case) -> Iterator[Finding]:
    """Free space and inodes."""
    place = _standing(case.config.spool_dir)
    found = os.statvfs(place)
    free, reserve = found.f_bavail * found.f_frsize, case.config.spool.reserve_mb << 20
    said = f"{size(free)} free at {place}", f"{place} 剩余 {size(free)}"
    do = "free space, or add a disk for the spool", "请清理空间或增加缓存盘"
    if free < reserve:
        yield Finding("room", State.WRONG, *said, *do)
    elif free < _MUCH:
        yield Finding("room", State.WARNING, *said, *do)
    else:
        yield ok("room", *said)
    if found.f_files and found.f_favail < _FEW_INODES:
        few = f"{found.f_favail} inodes free", f"剩余 inode {found.f_favail}"
        yield Finding("inodes", State.WRONG if found.f_favail == 0 else State.WARNING, *few, *do)


def filesystem(case: Case) -> Iterator[Finding]:
    """Whether a commit outlasts a power cut there."""
    line = mount_of(case.places.mounts, _standing(case.config.dock.state_dir).resolve())
    if line is None:
        yield unseen("filesystem", case.places.mounts)
        return
    kind, options = line
    shown = f"{kind} ({options})"
    loses = [each for each in options.split(",") if each in _LOSES]
    if "ro" in options.split(","):
        said = f"{shown}: read-only", f"{shown}：只读"
        do = "look at dmesg: its disk may have failed", "请查看 dmesg：磁盘可能已损坏"
        yield Finding("filesystem", State.WRONG, *said, *do)
    elif loses or kind in {"tmpfs", "vfat", "exfat", "ntfs", "ntfs3"}:
        said = f"{shown} loses commits in a power cut", f"{shown} 断电时会丢失已提交数据"
        yield Finding("filesystem", State.WRONG, *said, *_UNFIT_DO)
    elif kind not in _SAFE:
        said = f"{shown} was not tried", f"{shown} 未经验证"
        yield Finding("filesystem", State.WARNING, *said, *_UNFIT_DO)
    else:
        yield ok("filesystem", kind, kind)


def mount_of(mounts: Path, path: Path) -> tuple[str, str] | None:
    """Type and options of the mount that holds a path; None when the list cannot be read."""
    try:
        text = mounts.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return None
    best: tuple[int, str, str] | None = None
    for line in text.split("\n"):
        parts = mounted_parts(line)
        if not parts:
            continue
        point = parts[0][2]
        # Of several mounts on one directory the last is what one sees there.
        if (point == path or point in path.parents) and (
            best is None or len(point.parts) >= best[0]
        ):
            before, _, after = line.partition(" - ")
            kind, _, options = after.split(" ")[:3]
            best = (len(point.parts), kind, f"{before.split(' ')[5]},{options}")
    return best and best[1:]


def _standing(path: Path) -> Path:
    """The path, or the nearest above it that is there and may be asked."""
    for each in (path, *path.parents):
        if os.access(each, os.F_OK):
            return each
    return Path("/")
