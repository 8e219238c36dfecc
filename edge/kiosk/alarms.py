"""Alarms in plain words: what happened, and what the person before the dock should do.

The dock's own text is shown beneath in any case; a code that is not known here is shown
by that text alone, so no alarm is ever hidden by this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.kiosk.amounts import Pair


@dataclass(frozen=True, slots=True)
class Plain:
    """One alarm for people."""

    what: Pair
    act: Pair


_CUSTODIAN: Final = ("请联系管理员。", "Call the custodian.")
_OPERATOR: Final = ("请通知系统维护人员。", "Call the operator.")
_GATEWAY: Final = (
    "网关的答复无法通过校验，采集站不予采信；未经确认的文件不会清除。",
    "The gateway's answer cannot be proved and is not believed; nothing is erased on it.",
)

_KNOWN: Final[dict[str, Plain]] = {
    "clip-lost": Plain(
        (
            "一个已采集的文件在采集站存储盘上丢失，尚未入库。",
            "A clip that was copied is missing on the dock's disk and is not stored yet.",
        ),
        (
            "请勿使用或清空那台记录仪，放回仓位，并联系管理员。",
            "Do not use or clear that camera; put it back and call the custodian.",
        ),
    ),
    "recording-differs": Plain(
        (
            "记录仪上的文件与已采集的不一致，没有清除。",
            "A recording on the camera is not the one that was copied. It was not erased.",
        ),
        (
            "请保留该记录仪，不要使用，并联系管理员。",
            "Keep the camera as it is and call the custodian.",
        ),
    ),
    "docking-failed": Plain(
        ("采集一台记录仪时发生故障。", "Serving a camera went wrong."),
        (
            "请保留该记录仪，换一个仓位再试；仍不行请联系管理员。",
            "Keep the camera, try another bay; if that fails, call the custodian.",
        ),
    ),
    "bay-power-off": Plain(
        (
            "一个仓位已断电，继电器未确认恢复供电。",
            "A bay was switched off, and its relay does not say that it is on again.",
        ),
        (
            "请改用其他仓位，并联系管理员。",
            "Use another bay, and call the custodian.",
        ),
    ),
    "camera-hangs": Plain(
        (
            "一台记录仪长时间没有响应，仓位已断电重启。",
            "A camera did not answer for long; its bay was switched off and on.",
        ),
        _CUSTODIAN,
    ),
    "camera-is-the-dock": Plain(
        (
            "接入的存储盘是采集站自己的，未当作记录仪处理。",
            "What was plugged in belongs to the dock itself and is not taken for a camera.",
        ),
        _OPERATOR,
    ),
    "recordings-vanished": Plain(
        (
            "上次在这张存储卡上看到的录像不见了，采集站没有副本。",
            "Recordings this card had last time are gone, and the dock has no copy of them.",
        ),
        (
            "请保留该记录仪和存储卡，不要使用，并联系管理员。",
            "Keep the camera and its card, do not use them, and call the custodian.",
        ),
    ),
    "camera-lost": Plain(
        ("接入的记录仪已登记为遗失。", "A camera that is reported lost was put in."),
        (
            "请勿使用或带走，交给管理员。",
            "Do not use it or take it away; hand it to the custodian.",
        ),
    ),
    "camera-retired": Plain(
        ("接入的记录仪已登记为停用。", "A camera that was taken out of service was put in."),
        (
            "请勿再用它执勤，交给管理员。",
            "Do not take it on duty; hand it to the custodian.",
        ),
    ),
    "camera-unknown": Plain(
        (
            "接入的记录仪不在本单位的名册里。",
            "A camera that is not on the station's list was put in.",
        ),
        ("请交给管理员登记。", "Hand it to the custodian, who can have it listed."),
    ),
    "camera-list-broken": Plain(
        (
            "记录仪名册读不出来，采集站暂用上一份。",
            "The list of cameras cannot be read; the dock goes by the one before.",
        ),
        _OPERATOR,
    ),
    "usb-refused": Plain(
        (
            "仓位里插了不是执法记录仪的 USB 设备，已被拦下。",
            "A USB device that is no camera was put into a bay; it was not let through.",
        ),
        (
            "请拔下它，查清是谁插的，并联系管理员。",
            "Take it out, find out who put it in, and call the custodian.",
        ),
    ),
    "usb-mtp": Plain(
        (
            "仓位里的记录仪处于 MTP/PTP 模式，采集站读不到它，什么也没有采集。",
            "A camera is in MTP or PTP mode and cannot be read; nothing was copied from it.",
        ),
        (
            "请把记录仪的 USB 模式设为“U盘/存储”后重新放入；没有此项请联系管理员。",
            "Set its USB mode to disk (mass storage) and dock it again; else call the custodian.",
        ),
    ),
    "clock-behind": Plain(
        (
            "采集站的时钟比上次记录的时间还早，时间不可信。",
            "The dock's clock is earlier than its last record; its time cannot be trusted.",
        ),
        (
            "可以继续采集，请通知系统维护人员校时。",
            "Copying goes on; call the operator to have the clock set right.",
        ),
    ),
    "statement-key-away": Plain(
        (
            "采集站的签名密钥（密码设备）不在或没有应答，采集暂停；已采集的文件都在。",
            "The dock's signing key is out or does not answer: copying waits, nothing is lost.",
        ),
        (
            "记录仪留在仓位，不要取走。请管理员插回密码设备；插回后自动继续。",
            "Leave the cameras. Have the custodian put the key device back; it then goes on.",
        ),
    ),
    "certificate-expires": Plain(
        (
            "采集站与网关之间的证书即将到期或已到期，没能自动更新；采集照常进行。",
            "The dock's certificate runs out, or did, and was not renewed; copying goes on.",
        ),
        (
            "到期后文件只存在采集站、不再上传。请尽快通知系统维护人员。",
            "Once it is out, clips stay here and are not uploaded. Call the operator soon.",
        ),
    ),
    "certificate-refused": Plain(
        (
            "网关一侧不接受采集站的证书（可能已被吊销或过期）；采集照常进行，但不再上传。",
            "The broker refuses this dock's certificate; copying goes on, nothing is uploaded.",
        ),
        (
            "文件只存在采集站，没有丢失。请尽快通知系统维护人员。",
            "Clips stay here and nothing is lost. Call the operator soon.",
        ),
    ),
    "broker-not-trusted": Plain(
        (
            "采集站无法确认对方就是网关（证书过期、名称不符或时钟不对）；采集照常，但不上传。",
            "Who answers is not known to be the gateway; copying goes on, nothing is uploaded.",
        ),
        (
            "文件只存在采集站，没有丢失。请通知系统维护人员检查证书与时钟。",
            "Clips stay here and nothing is lost. Call the operator: certificates or a clock.",
        ),
    ),
    "spool-orphans": Plain(
        (
            "采集站存储盘上有无法对应的文件，已保留。",
            "There are files on the dock's disk that belong to no clip; they are kept.",
        ),
        _OPERATOR,
    ),
    "spool-full": Plain(
        (
            "采集站存储空间已满，采集暂停；记录仪上的文件原样保留。",
            "The dock is full and copying waits; the cameras keep their recordings.",
        ),
        (
            "记录仪留在仓位；网关恢复后自动继续。若长时间不恢复，请联系管理员。",
            "Leave the cameras; it goes on when the gateway takes clips. Else call the custodian.",
        ),
    ),
    "recording-too-large": Plain(
        (
            "有文件比采集站存储盘还大，无法采集，保留在记录仪上。",
            "A recording is larger than the dock's disk and stays on the camera.",
        ),
        (
            "请保留该记录仪，并联系管理员。",
            "Keep the camera as it is and call the custodian.",
        ),
    ),
    "gateway-refuses": Plain(
        (
            "网关拒收了采集站的一条记录；文件仍在采集站，没有丢失。",
            "The gateway refuses an entry of this dock; the clips stay here, nothing is lost.",
        ),
        _CUSTODIAN,
    ),
    "entries-not-ours": Plain(
        (
            "网关日志中有以本采集站名义、但不是本采集站所作的记录，可能有人冒用。",
            "The log has entries in this dock's name that it did not make; who uses its name?",
        ),
        (
            "请勿使用本采集站，立即联系管理员。",
            "Do not use this dock, and call the custodian at once.",
        ),
    ),
    "gateway-log-forked": Plain(
        (
            "网关的日志与此前的不一致，可能被改动；已停止采信。",
            "The gateway's log does not continue the one known before; it may have been changed.",
        ),
        _OPERATOR,
    ),
}


def plain(code: str) -> Plain | None:
    """What a code means; None for one this program does not know."""
    if code in _KNOWN:
        return _KNOWN[code]
    return Plain(_GATEWAY, _OPERATOR) if code.startswith("gateway-") else None


UNKNOWN: Final[Pair] = ("采集站报警，请联系管理员。", "The dock has an alarm. Call the custodian.")
