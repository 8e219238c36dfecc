"""Why something is not done, in plain words: for every code of ``edge.codes`` and of records.

The dock's own sentence is for operators and is shown small, if at all; what a person before the
dock is told stands here, in both languages, by the code alone. A code of a newer program that
is not known here is told in general words, never by silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edge.codes import Barred, Declined, Stays, Unlike, Unmounted
from edge.kiosk.alarms import Plain
from edge.kiosk.amounts import Pair

_CUSTODIAN: Final = ("请联系管理员。", "Call the custodian.")
_OPERATOR: Final = ("请通知系统维护人员。", "Call the operator.")
_AGAIN: Final = ("请返回重试。", "Go back and try again.")

DECLINED: Final[dict[str, Pair]] = {
    Declined.FAILED: ("没有办成，请联系管理员。", "This was not done. Call the custodian."),
    Declined.NOT_UNDERSTOOD: (
        "采集程序与屏幕程序版本不一致，没有办成，请通知系统维护人员。",
        "Not done: the screen and the dock's program do not fit. Call the operator.",
    ),
    Declined.NOT_ALLOWED: ("屏幕无权这样做。", "The screen may not do this."),
    Declined.BUSY: (
        "采集站正忙，请稍候再试。",
        "The dock is busy. Try again in a moment.",
    ),
    Declined.TOO_FAST: (
        "操作过于频繁，没有办成，请{wait_s}秒后再试。",
        "Not done: that was too fast. Try again in {wait_s} seconds.",
    ),
    Declined.NO_ANSWER: (
        "与采集程序失去连接。请勿取走记录仪，稍候再试。",
        "No connection to the dock program. Leave the cameras and try again in a moment.",
    ),
    Declined.NO_PAGE: ("没有这一页。", "There is no such page."),
    Declined.OLD_PAGE: (
        "这一页已过期，请返回重试。",
        "This page is too old. Go back and try again.",
    ),
    Declined.LEDGER: (
        "采集站未能记下，没有办成。请重试；仍不行请联系管理员。",
        "Not on record: the dock could not write it down. Try again, else call the custodian.",
    ),
    Declined.LEDGER_DAMAGED: (
        "采集站的存证链有损坏，已停止。请勿取走记录仪，请联系管理员。",
        "The dock's ledger is damaged and it stopped. Leave the cameras; call the custodian.",
    ),
    Declined.LEDGER_EMPTY: ("采集站还没有任何记录。", "The dock has nothing on record yet."),
    Declined.KEY_AWAY: (
        "采集站的签名密钥不在或没有应答，没有办成。请联系管理员。",
        "Not done: the dock's signing key is out or does not answer. Call the custodian.",
    ),
    Declined.NO_SESSION: ("采集站没有这个批次。", "The dock knows no such session."),
    Declined.NO_CLIP: ("采集站没有这个记录。", "The dock knows no such clip."),
    Declined.NO_CHOICE: (
        "这一选项已不在列表中，请返回重选。",
        "That choice is on the list no more. Go back and choose again.",
    ),
    Declined.NO_CLIP_CHOSEN: (
        "没有选中任何记录，请返回勾选。",
        "No clip was chosen. Go back and tick one.",
    ),
    Declined.NOTHING_CHOSEN: (
        "没有作出选择，请返回重选。",
        "Nothing was chosen. Go back and choose.",
    ),
    Declined.TOO_MANY_CLIPS: (
        "一次最多选{most}个记录，请分几次办理。",
        "At most {most} clips at once. Do it in several turns.",
    ),
    Declined.TEXT_NEEDED: (
        "选“其他”要写明原因，请返回填写。",
        "That choice needs a few words of your own. Go back and type them.",
    ),
    Declined.TEXT_EMPTY: ("没有输入内容，请返回填写。", "Nothing was typed. Go back and type it."),
    Declined.TEXT_LONG: (
        "输入太长，最多{most}个字，请返回改短。",
        "That is too long: {most} letters at most. Go back and make it shorter.",
    ),
    Declined.TEXT_UNFIT: (
        "输入中有看不见的字符，请返回重新填写。",
        "There is a letter in it that cannot be seen. Go back and type it anew.",
    ),
}

STAYS: Final[dict[str, Pair]] = {
    Stays.REFUSED: ("存储卡无法写入。", "The card cannot be written to."),
    Stays.PROTECTED: (
        "存储卡处于写保护状态。",
        "The card is write-protected.",
    ),
    Stays.IN_USE: ("存储卡正被占用。", "The card is in use."),
    Stays.TAKEN_OUT: ("存储卡已被取出。", "The card was taken out."),
    Stays.WRITTEN: (
        "记录仪自己正在写入存储卡。",
        "The camera itself writes to its card.",
    ),
    Stays.SILENT: ("存储卡没有应答。", "The card does not answer."),
    Stays.NO_HELPER: (
        "采集站以只读方式读取这张存储卡。",
        "The dock has this card read-only.",
    ),
    Stays.HELPER_SILENT: (
        "采集站的挂载程序没有应答，请通知系统维护人员。",
        "The dock's mount program does not answer. Call the operator.",
    ),
    Stays.NOT_ALLOWED: (
        "采集站的挂载程序不允许写入，请通知系统维护人员。",
        "The dock's mount program does not allow it. Call the operator.",
    ),
    Stays.NOT_UNDERSTOOD: (
        "挂载程序与采集程序版本不一致，请通知系统维护人员。",
        "The dock's programs do not fit each other. Call the operator.",
    ),
    Stays.NOT_HELD: ("存储卡的写入时间已过。", "The time for writing to the card was over."),
}
UNMOUNTED: Final[dict[str, Plain]] = {
    Unmounted.FAILED: Plain(
        (
            "存储卡打不开，可能已损坏，什么也没有采集。",
            "The card cannot be opened, nothing was copied.",
        ),
        (
            "请勿格式化，不要使用，并联系管理员。",
            "Do not format or use it; call the custodian.",
        ),
    ),
    Unmounted.NO_BAY: Plain(
        (
            "有存储设备插在不是仓位的接口上，没有采集。",
            "A disk is in a socket that is no bay; nothing of it was copied.",
        ),
        ("请改插到仓位里。", "Put it into a bay."),
    ),
    Unmounted.NO_FILE_SYSTEM: Plain(
        (
            "存储卡上认不出文件系统，什么也没有采集。",
            "No file system is known on the card, nothing was copied.",
        ),
        (
            "可能已加密或损坏。请勿格式化，并联系管理员。",
            "It may be encrypted or damaged. Do not format it; call the custodian.",
        ),
    ),
    Unmounted.OTHER_FILE_SYSTEM: Plain(
        (
            "存储卡的文件系统类型本站不读，什么也没有采集。",
            "This dock does not read the card's file system, nothing was copied.",
        ),
        ("请勿格式化，并联系管理员。", "Do not format it; call the custodian."),
    ),
    Unmounted.PLACE_TAKEN: Plain(
        (
            "同一仓位里另有一张存储卡，这一张没有采集。",
            "Another card is in this bay; this one was not copied.",
        ),
        ("请把其中一台换到空闲仓位。", "Move one of the two to a free bay."),
    ),
    Unmounted.TOO_MANY: Plain(
        (
            "这台设备的分区太多，其余的没有采集。",
            "This device has too many parts; the rest was not copied.",
        ),
        _CUSTODIAN,
    ),
    Unmounted.SILENT: Plain(
        (
            "存储卡中途没有应答，没有采集完。",
            "The card stopped answering and was not copied to its end.",
        ),
        (
            "请取出后重新插入；仍不行请联系管理员。",
            "Take it out and put it in again; else call the custodian.",
        ),
    ),
    Unmounted.WRITTEN: Plain(
        (
            "记录仪还在往存储卡里写，写完后采集站会自动采集。",
            "The camera still writes to its card; the dock copies it once that ends.",
        ),
        (
            "请停止录像并稍候；一直如此请联系管理员。",
            "Stop recording and wait; if it stays so, call the custodian.",
        ),
    ),
}

UNLIKE: Final[dict[str, Plain]] = {
    Unlike.HARMFUL: Plain(
        (
            "这不是执法记录仪，而是键盘、网卡一类的设备，已被拦下。",
            "This is no camera but a keyboard, network card or the like; it was not let through.",
        ),
        (
            "请拔下它，查清是谁插的，并联系管理员。",
            "Take it out, find out who put it in, and call the custodian.",
        ),
    ),
    Unlike.MTP: Plain(
        (
            "记录仪处于 MTP/PTP 模式，采集站读不到存储卡，什么也没有采集。",
            "The camera is in MTP or PTP mode; its card cannot be read, nothing was copied.",
        ),
        (
            "请把记录仪的 USB 模式设为“U盘/存储”后重新放入；没有此项请联系管理员。",
            "Set its USB mode to disk (mass storage) and dock it again; else call the custodian.",
        ),
    ),
    Unlike.NO_DISK: Plain(
        (
            "插入的设备没有可读的存储盘，什么也没有采集。",
            "What was put in has no disk that can be read; nothing was copied.",
        ),
        (
            "如果是记录仪，请查看是否要开机或设为“U盘”模式；否则请拔下。",
            "If it is a camera, switch it on or set it to disk mode; else take it out.",
        ),
    ),
    Unlike.SWITCHES: Plain(
        (
            "插入的设备会变成别的东西，已被拦下。",
            "What was put in can turn into something else; it was not let through.",
        ),
        ("请拔下它，并联系管理员。", "Take it out and call the custodian."),
    ),
    Unlike.MALFORMED: Plain(
        (
            "插入的 USB 设备自述有错，已被拦下。",
            "What was put in does not say properly what it is; it was not let through.",
        ),
        (
            "请换线重插；仍不行请联系管理员。",
            "Try another cable; if that fails, call the custodian.",
        ),
    ),
    Unlike.STRAY: Plain(
        (
            "插入的设备假扮成别的设备，已被拦下。",
            "What was put in passed itself off as something else; it was shut out.",
        ),
        ("请拔下它，查清是谁插的，并联系管理员。", "Take it out and call the custodian."),
    ),
    Unlike.NO_DRIVER: Plain(
        (
            "采集站没有能读这台设备的驱动，什么也没有采集。",
            "The dock has no driver that can read this device; nothing was copied.",
        ),
        (
            "请重新插入；仍不行请联系系统维护人员。",
            "Put it in again; if that fails, call the operator.",
        ),
    ),
}

BARRED: Final[dict[str, Pair]] = {
    Barred.LOST: (
        "这台记录仪已登记为遗失，什么也没有采集；请交给管理员。",
        "This camera is reported lost; nothing was copied. Hand it to the custodian.",
    ),
    Barred.UNKNOWN: (
        "这台记录仪不在本单位名册里，什么也没有采集；请交给管理员。",
        "This camera is not on the station's list; nothing was copied. Hand it to the custodian.",
    ),
}

# What records say of a recording that was not taken (``edge.items.Outcome``).
OUTCOMES: Final[dict[str, Pair]] = {
    "vanished": ("已不在卡上，没有采集", "is gone from the card; it was not taken"),
    "unreadable": ("读不出来，存储卡可能已损坏", "cannot be read; the card may be failing"),
    "growing": ("仍在写入，没有采集", "was still being written and was not taken"),
    "incomplete": ("没有采集完整", "was not taken to its end"),
    "changed": ("读取时不断变化，没有采集", "kept changing while it was read; not taken"),
}

_FORGED: Final = Plain(
    (
        "网关收到的一条记录与采集站签发的不符，没有入库。",
        "What the gateway got of an entry is not what this dock signed; it is not stored.",
    ),
    (
        "文件仍在采集站，没有丢失。请通知系统维护人员。",
        "The clips stay here, nothing is lost. Call the operator.",
    ),
)
_BROKEN: Final = Plain(
    (
        "网关认为采集站的存证链与此前的不一致。",
        "To the gateway, the dock's ledger does not continue the one it knows.",
    ),
    (
        "文件仍在采集站，没有丢失。请通知系统维护人员查明原因。",
        "The clips stay here, nothing is lost. The operator has to find out why.",
    ),
)
# The gateway's codes for an entry it does not take.
_KEY: Final = (
    "文件仍在采集站，没有丢失。请勿再使用本采集站，立即联系管理员。",
    "Nothing is lost. Do not use this dock any more, and call the custodian at once.",
)
REFUSALS: Final[dict[str, Plain]] = {
    "statement-form": _FORGED,
    "statement-issuer": _FORGED,
    "statement-signature": _FORGED,
    "statement-place": _FORGED,
    "record-digest": _FORGED,
    "statement-unsupported": Plain(
        (
            "网关的版本较旧，读不懂采集站的一条记录。",
            "The gateway is of an older version and does not know an entry of this dock.",
        ),
        ("文件仍在采集站，没有丢失。请通知系统维护人员。", "Nothing is lost. Call the operator."),
    ),
    "epoch-unapproved": Plain(
        (
            "采集站的存证链是恢复后新开的，网关尚未批准。",
            "The dock's ledger began anew after a recovery, and the gateway has not approved that.",
        ),
        (
            "文件仍在采集站，没有丢失。请通知系统维护人员批准。",
            "Nothing is lost. Call the operator.",
        ),
    ),
    "key-given-up": Plain(
        (
            "采集站用已停用的旧密钥签名，可能装回了旧的系统盘。",
            "The dock signs with a key that it gave up: is this an old copy of its disk?",
        ),
        _KEY,
    ),
    "key-taken": Plain(
        (
            "采集站换上的密钥属于另一台采集站，网关不予承认。",
            "The dock's new key is another dock's; the gateway does not accept it.",
        ),
        _KEY,
    ),
    "key-proof": Plain(
        (
            "采集站更换密钥的声明不成立，仍使用原密钥。",
            "The dock's change of its key is not proved; the key before it goes on.",
        ),
        _KEY,
    ),
    "revoked": Plain(
        (
            "本采集站已被吊销，新采集的文件不再被承认；文件仍在这里，没有丢失。",
            "This dock is revoked: what it takes now does not count. The files are kept here.",
        ),
        (
            "请勿再使用本采集站，立即联系管理员。",
            "Do not use this dock any more, and call the custodian at once.",
        ),
    ),
    **{f"chain-{fault}": _BROKEN for fault in ("gap", "fork", "edit", "cut", "repeat")},
}
_REFUSED: Final = Plain(
    (
        "网关拒收了采集站的一条记录；文件仍在采集站，没有丢失。",
        "The gateway refuses an entry of this dock; the clips stay here, nothing is lost.",
    ),
    _CUSTODIAN,
)


def declined(code: str, values: Mapping[str, Any]) -> Pair:
    """Why the dock did not do what was tapped."""
    pair = DECLINED.get(code, DECLINED[Declined.FAILED])
    try:
        return pair[0].format(**values), pair[1].format(**values)
    except (KeyError, IndexError):
        # The word is known, its number was not sent.
        return DECLINED[Declined.FAILED]


def stays(code: str | None) -> Pair:
    """Why nothing was erased on a card."""
    return STAYS.get(code or "", STAYS[Stays.REFUSED])


def unmounted(code: str) -> Plain:
    """Why a disk is not read."""
    return UNMOUNTED.get(code, UNMOUNTED[Unmounted.FAILED])


def unlike(code: str) -> Plain:
    """Why a USB device was not let through."""
    return UNLIKE.get(code, UNLIKE[Unlike.NO_DISK])


def outcome(code: str) -> Pair:
    """What became of a recording that was not taken."""
    return OUTCOMES.get(code, OUTCOMES["incomplete"])


def refusal(code: str) -> Plain:
    """Why the gateway did not take an entry."""
    return REFUSALS.get(code, _REFUSED)
