"""Settings, key, trust: whether the dock can begin, and whether others could meddle."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge import checks, keys
from edge.config import key_file
from edge.doctor.finding import Case, Finding, State, ok, unseen
from edge.enrolment.certificates import renew_at
from edge.enrolment.papers import certificate_in
from edge.enrolment.renewal import papers_of
from edge.errors import ConfigError, KeyFileError, TokenAway
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError


def settings(case: Case) -> Iterator[Finding]:
    """What ``run`` would refuse, and what looks like a slip."""
    try:
        doubts = checks.check(case.config)
    except ConfigError as error:
        yield Finding("config", State.WRONG, str(error), str(error), *_MEND)
        return
    for doubt in doubts:
        yield Finding("config", State.WARNING, doubt, doubt, *_MEND)
    if not doubts:
        yield ok("config", f"dock {case.config.dock.id}", f"采集站 {case.config.dock.id}")


_MEND = ("mend the settings, then evidock-edge check-config", "修改配置后运行 check-config")


def key(case: Case) -> Iterator[Finding]:
    """The statement key: there, private, and one."""
    path = case.config.dock.key
    file = key_file(path)
    if keys.is_units_own(path):
        yield from _credential(case, file.name if file else "")
    elif file and file.exists() and not os.access(file, os.R_OK, effective_ids=True):
        yield unseen("key", file)
    else:
        try:
            kid = keys.load(path).public.kid.hex()[:16]
        except TokenAway as error:
            yield Finding("key", State.WRONG, str(error), str(error), *_TOKEN)
        except KeyFileError as error:
            yield Finding("key", State.WRONG, str(error), str(error), *_KEY)
        else:
            yield ok("key", f"{path}, key id {kid}…", f"{path}，密钥标识 {kid}…")


def certificate(case: Case) -> Iterator[Finding]:
    """The certificate towards the broker: until when, and whether the dock can renew it."""
    papers = papers_of(case.config)
    found = None if papers is None else certificate_in(papers.cert)
    if papers is None or found is None:
        return
    now = datetime.fromtimestamp(time.time_ns() // 10**9, UTC)
    until = f"{found.not_valid_after_utc:%Y-%m-%d}"
    said = f"valid until {until}", f"有效期至 {until}"
    try:
        known = papers.known()
    except ConfigError as error:
        yield Finding("certificate", State.WRONG, str(error), str(error), *_MEND)
        return
    if found.not_valid_after_utc <= now:
        past = f"expired on {until}", f"已于 {until} 过期"
        yield Finding("certificate", State.WRONG, *past, *_RENEW)
    elif known is None:
        by_hand = f"{said[0]}; given by hand, not renewed", f"{said[1]}；人工发放，不会自动更新"
        due = now >= renew_at(found)
        yield Finding("certificate", State.WARNING if due else State.OK, *by_hand, *_BY_HAND)
    elif now >= renew_at(found):
        late = f"{said[0]}; renewal is due", f"{said[1]}；应更新而未更新"
        yield Finding("certificate", State.WARNING, *late, *_RENEW)
    else:
        yield ok("certificate", *said)


_RENEW = (
    "the running dock renews it; look in its journal for certificate.not-renewed",
    "运行中的采集站会自动更新；请查看其日志中的 certificate.not-renewed",
)
_BY_HAND = ("have a new one made before that day", "请在到期前换发新证书")
_TOKEN = ("put the key's token in, or look at its driver", "请插入签名密钥的密码设备，或检查其驱动")
_KEY = (
    "bring the enrolled key back; only a new dock makes one (evidock-edge setup)",
    "请恢复已登记的密钥；只有新采集站才生成新密钥（evidock-edge setup）",
)


def _credential(case: Case, name: str) -> Iterator[Finding]:
    found = [folder / name for folder in case.places.credentials if (folder / name).exists()]
    if found:
        yield ok("key", f"a credential: {found[0]}", f"凭据：{found[0]}")
        return
    if all(os.access(folder, os.X_OK) for folder in case.places.credentials if folder.exists()):
        said = f"the unit's credential {name} is nowhere", f"找不到凭据 {name}"
        yield Finding("key", State.WRONG, *said, *_KEY)
    else:
        yield unseen("key", case.places.credentials[0])


def trust(case: Case) -> Iterator[Finding]:
    """The gateway's keys."""
    path = case.config.dock.trust
    do = (
        "enrol the dock at the gateway and bring its trust.json here",
        "请在网关登记本采集站，并放入其 trust.json",
    )
    try:
        with path.open("rb") as file:
            anchors = Anchors.from_json(file.read(MAX_ANCHORS + 1))
    except PermissionError:
        yield unseen("trust", path)
    except OSError as error:
        yield Finding("trust", State.WRONG, *(2 * (f"{path}: {error.strerror}",)), *do)
    except AnchorsError as error:
        yield Finding("trust", State.WRONG, *(2 * (f"{path}: {error}",)), *do)
    else:
        yield ok("trust", f"log {anchors.origin}", f"日志 {anchors.origin}")


def permissions(case: Case) -> Iterator[Finding]:
    """What others could write, or read and must not."""
    config = case.config
    wanted: list[tuple[Path, int]] = [
        (config.dock.state_dir, stat.S_IRWXO | stat.S_IRWXG),
        (config.dock.trust, stat.S_IWOTH),
    ]
    if config.file is not None:
        wanted.append((config.file, stat.S_IWOTH))
    if config.uplink.tls is not None:
        wanted.append((config.uplink.tls.key, stat.S_IRWXO))
    loose = [(path, bits) for path, bits in wanted if _mode(path) & bits]
    for path, bits in loose:
        said = f"{path} has mode {_mode(path):04o}", f"{path} 权限为 {_mode(path):04o}"
        do = f"chmod {_mode(path) & ~bits:04o} {path}"
        yield Finding("permissions", State.WRONG, *said, do, do)
    if not loose:
        yield ok("permissions", "nobody else can write here", "其他用户无写权限")


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
