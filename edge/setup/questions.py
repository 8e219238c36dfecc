"""Asks on a plain terminal what ``setup`` has to know, in Chinese or English.

Plain lines in and out: it works over a serial console, and with anything that reads aloud. An
answer that cannot be right is asked for again with the reason; the end of input ends the setup
with nothing written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeVar

from pydantic import ValidationError

from edge.bays import BaySection
from edge.errors import ConfigError
from edge.setup.answers import Answers, Erase, Gateway
from edge.setup.plugs import plug, plugged
from protocols.errors import IdError
from protocols.ids import dock_id

Language = Literal["zh", "en"]
Text = tuple[str, str]

_T = TypeVar("_T")

_TLS_PORT: Final = 8883
_YES: Final = frozenset({"y", "yes", "j", "是", "1"})
_NO: Final = frozenset({"n", "no", "否", "0"})
_AGAIN: Final = ("That cannot be: {why}", "不可用：{why}")
_NO_PORT: Final = (
    "not an ID_PATH such as pci-0000:00:14.0-usb-0:1.2 / 不是 ID_PATH "
    "(udevadm info --query=property --name=/dev/sda | grep ID_PATH)"
)
_ENDED: Final = (
    "the questions were not answered to the end; nothing was written",
    "问题未答完，未写入任何内容",
)


class Terminal:
    """Asks and tells.

    Args:
        language: of what is said.
        read: gives the answer to a prompt; raises ``EOFError`` at the end of input.
        write: shows a text; default: standard output.
    """

    def __init__(
        self,
        language: Language,
        read: Callable[[str], str] = input,
        write: Callable[[str], object] | None = None,
    ) -> None:
        self.language = language
        self._read = read
        self._write = write or sys.stdout.write

    def say(self, text: Text, **values: object) -> None:
        """Show a line."""
        self._write(self.text(text).format(**values) + "\n")

    def text(self, text: Text) -> str:
        """One of two languages."""
        return text[self.language == "zh"]

    def ask(self, question: Text, parse: Callable[[str], _T], default: str = "") -> _T:
        """Ask until the answer can be taken.

        Raises:
            ConfigError: there are no more answers.
        """
        shown = f"{self.text(question)}{f' [{default}]' if default else ''}: "
        while True:
            try:
                answer = self._read(shown).strip() or default
            except EOFError as error:
                raise ConfigError(self.text(_ENDED)) from error
            try:
                return parse(answer)
            except (ValueError, IdError) as error:
                self.say(_AGAIN, why=_why(error))

    def yes(self, question: Text, *, default: bool) -> bool:
        """Ask for yes or no."""
        return self.ask(question, _yes_or_no, "y" if default else "n")


def ask_all(terminal: Terminal, ports: Callable[[], frozenset[str]] = plugged) -> Answers:
    """Every question, one after the other.

    Raises:
        ConfigError: there are no more answers.
    """
    dock = terminal.ask(
        ("This dock's name (a-z, 0-9, -)", "本采集站名称（小写字母、数字、-）"), dock_id
    )
    gateway = _gateway(terminal)
    trust = terminal.ask(
        (
            "Path of trust.json from the gateway (empty: it comes later)",
            "网关给出的 trust.json 的路径（留空：以后再放入）",
        ),
        _file_or_nothing,
    )
    bays = _bays(terminal, ports)
    kiosk = terminal.yes(("Is there a screen on this dock?", "本采集站是否有屏幕？"), default=True)
    return Answers(
        dock=dock,
        gateway=gateway,
        trust=trust,
        bays=bays,
        kiosk=kiosk,
        language=terminal.language,
        erase=_erase(terminal),
    )


def _gateway(terminal: Terminal) -> Gateway:
    host = terminal.ask(("Broker's host name or address", "消息服务器的主机名或地址"), _something)
    port = terminal.ask(("Its port", "端口"), _port, str(_TLS_PORT))
    if not terminal.yes(("Does it ask for TLS certificates?", "是否使用 TLS 证书？"), default=True):
        return Gateway(host=host, port=port)
    ca = terminal.ask(
        (
            "File of its authority (ca.pem; empty: by invitation, with evidock-edge enrol)",
            "根证书文件（ca.pem；留空：凭邀请码登记，用 evidock-edge enrol）",
        ),
        _file_or_nothing,
    )
    if ca is None:
        return Gateway(host=host, port=port, enrol=True)
    files = [
        terminal.ask(question, _file)
        for question in (
            ("File of this dock's certificate", "本采集站的证书文件"),
            ("File of that certificate's key", "该证书的私钥文件"),
        )
    ]
    return Gateway(host=host, port=port, ca=ca, cert=files[0], key=files[1])


def _erase(terminal: Terminal) -> Erase:
    erase = terminal.yes(
        (
            "Erase a recording from its card once the gateway stored it and proved it?",
            "网关确认入库并出具放行凭证后，是否清除卡内对应文件？",
        ),
        default=False,
    )
    return Erase.RELEASED if erase else Erase.KEEP


def _bays(terminal: Terminal, ports: Callable[[], frozenset[str]]) -> tuple[BaySection, ...]:
    """Bay by bay: what is plugged in next is the next bay."""
    bays: list[BaySection] = []
    terminal.say(
        (
            "Now the bays. Empty them all, then plug a camera or a stick into bay 1.",
            "现在设置仓位。请先清空全部仓位，再将记录仪或U盘插入第 1 个仓位。",
        )
    )
    before = ports()
    while True:
        number = len(bays) + 1
        typed = terminal.ask(
            (
                f"Bay {number}: Enter once it is plugged in, its ID_PATH, or . for no more bays",
                f"仓位 {number}：插好后按回车；或输入其 ID_PATH；没有更多仓位请输入 .",
            ),
            _port_or_nothing,
        )
        if typed == ".":
            return tuple(bays)
        now = ports()
        new = [plug(typed) or typed] if typed else sorted(now - before)
        before = now
        _take(terminal, bays, new)


def _take(terminal: Terminal, bays: list[BaySection], new: list[str]) -> None:
    if len(new) != 1:
        terminal.say(
            (
                "{n} new ports with a disk; one is needed. Pull it, wait, try again, or type it.",
                "检测到 {n} 个带磁盘的新端口，应为 1 个。请拔出，稍候再试，或直接输入。",
            ),
            n=len(new),
        )
        return
    if any(bay.path == new[0] for bay in bays):
        terminal.say(("This port is a bay already.", "该端口已设为仓位。"))
        return
    try:
        bays.append(BaySection(name=str(len(bays) + 1), path=new[0]))
    except ValidationError as error:
        terminal.say(_AGAIN, why=_why(error))
        return
    terminal.say(("Bay {n} is {path}", "仓位 {n} 为 {path}"), n=len(bays), path=new[0])


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(str(each["msg"]) for each in error.errors())
    return str(error)


def _something(text: str) -> str:
    if not text:
        msg = "an answer is needed / 必须填写"
        raise ValueError(msg)
    return text


def _port_or_nothing(text: str) -> str:
    """Enter, a dot, or what may be an ``ID_PATH``: a slip of the finger is no bay."""
    if text and text != "." and ("-" not in text or "/" in text):
        raise ValueError(_NO_PORT)
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:  # noqa: PLR2004
        msg = "1 to 65535"
        raise ValueError(msg)
    return int(text)


def _yes_or_no(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        msg = "y / n"
        raise ValueError(msg)
    return word in _YES


def _file(text: str) -> Path:
    path = Path(_something(text)).absolute()
    if not path.is_file():
        msg = f"{path}: no such file / 没有该文件"
        raise ValueError(msg)
    return path


def _file_or_nothing(text: str) -> Path | None:
    return _file(text) if text else None
