"""What the dock works with: its own processes, the broker, the gateway, bays, serial lines."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from cryptography.x509 import load_pem_x509_certificate

from edge import screen
from edge.bays import Bays
from edge.clock import DockClock
from edge.config import TlsSection
from edge.doctor.finding import Case, Finding, State, ok, unseen
from edge.errors import NotAllowed
from edge.setup.plugs import plugged
from edge.uplink_door import examine

_PATIENCE_S: Final = 5.0
_SILENCE_S: Final = 90.0
_DAY_S: Final = 86_400
_SOON: Final = 30
_UNIT: Final = "evidock-edge.service"


def daemon(case: Case) -> Iterator[Finding]:
    """Whether it runs, and what it says of its uplink and the gateway."""
    path = case.config.status_socket
    try:
        answer = screen.ask(path, {"cmd": "status"})
    except NotAllowed:
        yield unseen("daemon", path)
        return
    if answer is None:
        said = f"nobody answers at {path}", f"{path} 无应答"
        do = "systemctl enable --now evidock-edge; journalctl -u evidock-edge -p warning"
        yield Finding("daemon", State.WRONG, *said, do, do)
        return
    yield ok("daemon", f"runs for {answer['uptime_s']} s", f"已运行 {answer['uptime_s']} 秒")
    yield from _uplink(answer["uplink"])


def _uplink(uplink: dict[str, Any]) -> Iterator[Finding]:
    if not uplink["connected"]:
        if trouble := uplink.get("trouble"):
            said = f"uplink: {trouble['en']}", f"上行链路：{trouble['zh']}"
            yield Finding("uplink", State.WRONG, *said, trouble["do_en"], trouble["do_zh"])
            return
        said = 2 * (f"uplink: {uplink['problem']}",)
        do = "nothing is lost; mend network or broker", "数据不会丢失；请检查网络或消息服务器"
        yield Finding("uplink", State.WARNING, *said, *do)
        return
    silent = uplink["gateway_silent_s"]
    if silent is None or silent > _SILENCE_S:
        since = "since the dock began" if silent is None else f"for {silent:.0f} s"
        said = f"not heard {since}", "已连接消息服务器，但未收到网关消息"
        do = "look at the gateway, unless nothing waits", "请检查网关（无待传数据时可忽略）"
        yield Finding("gateway", State.WARNING, *said, *do)
    else:
        yield ok("gateway", f"heard {silent:.0f} s ago", f"{silent:.0f} 秒前收到消息")


def broker(case: Case) -> Iterator[Finding]:
    """Whether it can be reached from here, and for how long certificates last."""
    uplink = case.config.uplink
    where = f"{uplink.host}:{uplink.port}"
    do = "look at network, name and firewall", "请检查网络、主机名与防火墙"
    try:
        with socket.create_connection((uplink.host, uplink.port), _PATIENCE_S) as plain:
            if uplink.tls is None:
                yield from _without_tls(plain, where)
            elif (trouble := examine(uplink, DockClock())) is not None:
                said = f"{where}: {trouble.en}", f"{where}：{trouble.zh}"
                yield Finding("broker", State.WRONG, *said, trouble.do_en, trouble.do_zh)
            else:
                yield from _with_tls(plain, uplink.host, uplink.tls, where)
    except ssl.SSLError as error:
        do = "look at ca, cert and key of [uplink.tls]", "请检查 [uplink.tls] 的证书"
        yield Finding("broker", State.WRONG, *(2 * (f"{where}: TLS: {error}",)), *do)
    except OSError as error:
        yield Finding("broker", State.WRONG, *(2 * (f"{where}: {error}",)), *do)


def _without_tls(plain: socket.socket, where: str) -> Iterator[Finding]:
    if plain.getpeername()[0] in {"127.0.0.1", "::1"}:
        yield ok("broker", f"{where}, on this machine", f"{where}，本机")
        return
    said = f"{where} without TLS", f"{where} 未使用 TLS"
    do = "set [uplink.tls]; footage goes over this line", "请配置 [uplink.tls]：影像经此传输"
    yield Finding("broker", State.WARNING, *said, *do)


def _with_tls(plain: socket.socket, host: str, tls: TlsSection, where: str) -> Iterator[Finding]:
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.load_cert_chain(tls.cert, tls.key, password="")
    with context.wrap_socket(plain, server_hostname=host) as secured:
        theirs: Any = secured.getpeercert() or {}
    yield ok("broker", f"{where}, TLS", f"{where}，TLS")
    try:
        ours = load_pem_x509_certificate(tls.cert.read_bytes())
    except ValueError as error:
        raise OSError(f"{tls.cert}: {error}") from error
    yield _expiry(str(tls.cert), int(ours.not_valid_after_utc.timestamp()))
    if until := theirs.get("notAfter"):
        yield _expiry(where, ssl.cert_time_to_seconds(str(until)))


def _expiry(name: str, until: float) -> Finding:
    days = int((until - time.time_ns() / 10**9) // _DAY_S)
    said = f"{name} lasts {days} days", f"{name} 有效期剩余 {days} 天"
    if days >= _SOON:
        return ok("certificate", *said)
    do = "renew it; the uplink ends with it", "请及时更换证书，过期后将断开"
    return Finding("certificate", State.WARNING if days >= 0 else State.WRONG, *said, *do)


def parts(case: Case) -> Iterator[Finding]:
    """Mounter and screen, where this dock has them."""
    if case.config.mounter is not None:
        place = case.config.mounter.socket
        try:
            with socket.socket(socket.AF_UNIX) as asked:
                asked.settimeout(_PATIENCE_S)
                asked.connect(str(place))
        except PermissionError:
            yield unseen("mounter", place)
        except OSError:
            yield _not_running("mounter", "evidock-mounter", State.WRONG)
        else:
            yield ok("mounter", "runs", "运行中")
    if case.config.status.socket is None:
        return
    screen_at = (case.config.kiosk.host, case.config.kiosk.port)
    try:
        socket.create_connection(screen_at, _PATIENCE_S).close()
    except OSError:
        yield _not_running("screen", "evidock-kiosk", State.WARNING)
    else:
        said = f"http://{screen_at[0]}:{screen_at[1]}/"
        yield ok("screen", said, said)


def _not_running(about: str, unit: str, state: State) -> Finding:
    do = f"systemctl enable --now {unit}"
    return Finding(about, state, "does not run", "未运行", do, do)


def bays(case: Case) -> Iterator[Finding]:
    """udev, and disks in ports that no bay is."""
    known = case.config.bays
    if not known:
        return
    if not (case.places.run / "udev/data").exists():
        said = "udev does not run: no camera can be found", "udev 未运行，无法发现记录仪"
        do = "systemctl start systemd-udevd"
        yield Finding("bays", State.WRONG, *said, do, do)
        return
    lookup = Bays(known)
    strangers = [each for each in sorted(plugged()) if lookup.at(each) is None]
    for port in strangers:
        said = f"a disk is in {port}, which is no bay", f"{port} 上有存储设备，但不是仓位"
        what = "pull it, or name the port in [[bays]]", "请拔出，或在 [[bays]] 中登记"
        yield Finding("bays", State.WARNING, *said, *what)
    if not strangers:
        yield ok("bays", f"{len(known)} bays", f"{len(known)} 个仓位")


def serial(case: Case) -> Iterator[Finding]:
    """Ports that are configured: there, and this user may open them."""
    wired = case.config.serial
    paths = {each.path for each in chain(wired.readers, wired.boards(), wired.control)}
    for path in sorted(paths):
        if not Path(path).exists():
            said = f"{path} is not there", f"{path} 不存在"
            do = "plug it in; see /dev/serial/by-path", "请插好设备；参见 /dev/serial/by-path"
            yield Finding("serial", State.WRONG, *said, *do)
        elif not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            yield unseen("serial", f"{path}: this user may not open it")
        else:
            yield ok("serial", path, path)


def watchdog(case: Case) -> Iterator[Finding]:
    """Whether systemd watches the dock."""
    if not (case.places.run / "systemd/system").exists():
        yield unseen("watchdog", "systemd does not run this system", ("", ""))
        return
    try:
        said = subprocess.run(  # noqa: S603  # a fixed command
            ["systemctl", "show", "--property=WatchdogUSec,ActiveState", _UNIT],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        yield unseen("watchdog", error)
        return
    if "WatchdogUSec=0" in said or "WatchdogUSec=infinity" in said:
        do = "install systemd/evidock-edge.service as it is", "请使用原样的 evidock-edge.service"
        yield Finding("watchdog", State.WARNING, "is off", "未启用", *do)
    else:
        shown = ", ".join(said.split())
        yield ok("watchdog", shown, shown)
