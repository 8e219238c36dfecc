"""Why the broker's door does not open: TLS failures in words, for status, screen and an alarm.

With TLS 1.3 a client believes itself connected before the server has looked at its certificate; a
refusal then reaches the MQTT client as a connection that ends without a word, or as a time-out. So
after a failed attempt this connects once more, says nothing, and listens for the alert.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from edge.clock import DockClock
from edge.config import UplinkSection
from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.tls import DatesRefused, Own, pinned

log = structlog.get_logger()

OURS: Final = "certificate-refused"
"""Alarm: the broker does not take this dock's certificate."""
THEIRS: Final = "broker-not-trusted"
"""Alarm: whoever answers in the broker's place is not believed."""
_REACH_S: Final = 5.0
# A broker that takes the certificate waits for the first words; one that does not has said so.
_LISTEN_S: Final = 3.0
_UNKNOWN: Final = frozenset({2, 7, 18, 19, 20, 21})
_NAME: Final = frozenset({62, 64})


@dataclass(frozen=True, slots=True)
class Trouble:
    """One TLS failure for people.

    Attributes:
        code: stable word for programs. alarm: ``OURS`` or ``THEIRS``.
        en, zh: what is so. do_en, do_zh: what to do about it.
    """

    code: str
    alarm: str
    en: str
    zh: str
    do_en: str
    do_zh: str

    def told(self) -> dict[str, str]:
        """As the status socket says it."""
        return {
            "code": self.code,
            "en": self.en,
            "zh": self.zh,
            "do_en": self.do_en,
            "do_zh": self.do_zh,
        }


class Door:
    """Looks at the broker's door after failed attempts, and tells people what stands at it.

    Args:
        config: where the broker is, and with which certificate.
        ledger: takes the alarm.
    """

    def __init__(self, config: UplinkSection, ledger: Ledger, clock: DockClock) -> None:
        self._config, self._ledger, self._clock = config, ledger, clock
        self.trouble: Trouble | None = None

    def look(self) -> None:
        """Connect and listen; blocks for some seconds. What is found stands until the next look.

        Raises:
            LedgerDamaged: nothing can be put on record any more.
        """
        self.trouble = found = examine(self._config, self._clock)
        if found is not None:
            self._state(partial(self._raise_alarm, found))

    def opened(self) -> None:
        """There is a connection: whatever stood in its way is gone; blocks.

        Raises:
            LedgerDamaged: nothing can be put on record any more.
        """
        self.trouble = None
        for alarm in (OURS, THEIRS):
            self._state(partial(self._ledger.clear_alarm, alarm, why="connected"))

    def _raise_alarm(self, found: Trouble) -> None:
        text = f"{found.en}. {found.do_en} / {found.zh}。{found.do_zh}"
        if self._ledger.raise_alarm(found.alarm, text):
            log.error("uplink.refused", code=found.code, reason=found.en)

    def _state(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LedgerDamaged:
            raise
        except LedgerError as error:
            log.warning("ledger.refused", error=str(error))


def examine(config: UplinkSection, clock: DockClock) -> Trouble | None:
    """Connect with this dock's certificate and hear whether that is refused; blocks.

    Returns:
        What TLS says; None when it is content, or nobody answers, or there is no TLS.
    """
    tls = config.tls
    if tls is None:
        return None
    try:
        context = pinned(tls.ca, clock, Own(tls.cert, tls.key))
        with socket.create_connection((config.host, config.port), _REACH_S) as plain:
            plain.settimeout(_REACH_S)
            with context.wrap_socket(plain, server_hostname=config.host) as secured:
                secured.settimeout(_LISTEN_S)
                secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        return _theirs(error, f"{config.host}:{config.port}", clock)
    except ssl.SSLError as error:
        return _alert(error)
    except OSError:
        # Nobody there, or no alert within the time: TLS has nothing against us.
        return None
    return None


def _alert(error: ssl.SSLError) -> Trouble:
    """What the other side, or OpenSSL here, ended the handshake with."""
    reason = (error.reason or str(error)).upper()
    if "CERTIFICATE_REVOKED" in reason:
        return Trouble(
            "certificate-revoked",
            OURS,
            "the broker says that this dock's certificate was revoked",
            "消息服务器称本采集站的证书已被吊销",
            "clips are taken and stay here. An operator stops the dock, moves cert and key of "
            "[uplink.tls] away, and enrols it with a new invitation",
            "采集照常，文件保存在采集站。请系统维护人员停止采集站程序，移走 [uplink.tls] 的 "
            "cert 与 key，再用新的邀请码登记",
        )
    if "CERTIFICATE_EXPIRED" in reason:
        return Trouble(
            "certificate-expired",
            OURS,
            "the broker says that this dock's certificate has expired, or its own list of "
            "revoked certificates has",
            "消息服务器称本采集站的证书已过期，或其吊销列表已过期",
            "clips are taken and stay here. The dock renews its certificate by itself; if that "
            "does not help within the hour, look at gateway, broker's clock and crl.pem",
            "采集照常，文件保存在采集站。证书会自动更新；一小时内仍不恢复，请检查网关、"
            "消息服务器的时钟与 crl.pem",
        )
    if "ALERT" in reason:
        return Trouble(
            "certificate-unknown",
            OURS,
            f"the broker does not take this dock's certificate ({_plain(reason)})",
            f"消息服务器不接受本采集站的证书（{_plain(reason)}）",
            "clips are taken and stay here. Look whether the broker's cafile has the gateway's "
            "authorities, and whether [uplink.tls] names the files of this dock",
            "采集照常，文件保存在采集站。请检查消息服务器的 cafile 是否为本网关的证书机构，"
            "以及 [uplink.tls] 的文件是否正确",
        )
    return Trouble(
        "tls",
        THEIRS,
        f"TLS with the broker fails ({_plain(reason)})",
        f"与消息服务器的 TLS 连接失败（{_plain(reason)}）",
        "clips are taken and stay here. Look whether a broker with TLS answers at that port",
        "采集照常，文件保存在采集站。请检查该端口上是否为启用 TLS 的消息服务器",
    )


def _theirs(error: ssl.SSLCertVerificationError, where: str, clock: DockClock) -> Trouble:
    """Why this dock does not believe whoever answers."""
    if isinstance(error, DatesRefused):
        return _dates(error, where, clock)
    # Set by OpenSSL alone.
    number = getattr(error, "verify_code", None)
    if number in _NAME:
        return Trouble(
            "broker-name",
            THEIRS,
            f"the certificate of who answers at {where} is for another name",
            f"{where} 出示的证书不是该名称的",
            "clips are taken and stay here. Write the broker's right name into [uplink] host, or "
            "issue its certificate for this one (ca server)",
            "采集照常，文件保存在采集站。请更正 [uplink] 的 host，或为该名称重新签发"
            "消息服务器证书（ca server）",
        )
    if number in _UNKNOWN:
        return Trouble(
            "broker-unknown",
            THEIRS,
            f"who answers at {where} is not of the gateway that this dock is enrolled with",
            f"{where} 不属于本采集站登记的网关",
            "clips are taken and stay here, and it was told nothing. Do not go around this: look "
            "who answers there, and at ca of [uplink.tls]",
            "采集照常，文件保存在采集站，未向对方发送任何内容。请勿绕过：检查对方是谁，"
            "以及 [uplink.tls] 的 ca",
        )
    said = getattr(error, "verify_message", "") or str(error)
    return Trouble(
        "broker-certificate",
        THEIRS,
        f"the certificate of who answers at {where} is not believed ({_plain(said)})",
        f"{where} 出示的证书不可信（{_plain(said)}）",
        "clips are taken and stay here. Look at the broker's certificate",
        "采集照常，文件保存在采集站。请检查消息服务器的证书",
    )


def _dates(error: DatesRefused, where: str, clock: DockClock) -> Trouble:
    today = f"{datetime.fromtimestamp(clock.passed_ns() // 10**9, UTC):%Y-%m-%d}"
    day = f"{error.day:%Y-%m-%d}"
    if error.expired:
        return Trouble(
            "broker-expired",
            THEIRS,
            f"the broker's certificate expired on {day}; for this dock it is {today}",
            f"消息服务器的证书已于 {day} 过期；本采集站的日期为 {today}",
            f"clips are taken and stay here. If it is {today}, issue {where} a new one (ca "
            "server); if not, set the dock's clock",
            f"采集照常，文件保存在采集站。若今天确为 {today}，请为 {where} 签发新证书"
            "（ca server）；否则请校准采集站时钟",
        )
    return Trouble(
        "broker-early",
        THEIRS,
        f"the broker's certificate begins on {day}; for this dock it is {today}",
        f"消息服务器的证书自 {day} 起生效；本采集站的日期为 {today}",
        f"clips are taken and stay here. If it is {today}, the gateway's clock was ahead: set it "
        "and issue another one (ca server); if not, set the dock's clock",
        f"采集照常，文件保存在采集站。若今天确为 {today}，说明网关时钟曾超前：请校时并"
        "重新签发（ca server）；否则请校准采集站时钟",
    )


def _plain(reason: str) -> str:
    text = reason.lower().replace("_", " ")
    return "".join(letter if letter.isprintable() else " " for letter in text[:120])
