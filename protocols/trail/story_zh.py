"""What each statement of a trail says, in Chinese: the same facts as ``story`` tells in English.

Verifiers speak English; pages are read by people who do not. A kind without a sentence of its
own is told field by field: nothing of it is left out, and nothing is put into its mouth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from protocols.kinds import (
    Body,
    CameraClock,
    ClipRepaired,
    ClipSealed,
    ClipTagged,
    ClockOffset,
    Imported,
    SessionInventory,
    SessionNoted,
    SessionOpened,
)
from protocols.shown import shown
from protocols.trail.findings import TrailEvent
from protocols.trail.story import URN

_SHOWN: Final = 10
_FEW: Final = 200

SENTENCES: Final[dict[str, str]] = {
    "clip.key.supplied": "{0.by} 提供 {0.clip} 的解密密钥（{0.scheme}），原始录像不变：{0.why}",
    "dock.enrolled": "{0.dock} 登记，密钥 {0.kid}，方式：{0.how}",
    "key.rotated": "自下一条起改用密钥 {0.kid} 签名；本条是旧密钥的最后一条",
    "dock.key.rotated": "{0.dock} 在其第 {0.epoch}.{0.seq} 条之后改用密钥 {0.kid} 签名",
    "dock.revoked": "{0.dock} 在其第 {0.last_epoch}.{0.last_seq} 条之后不再可信：{0.reason}",
    "epoch.approved": "准许 {0.dock} 以纪元 {0.epoch} 继续，{0.by}：{0.reason}",
    "alarm.settled": "{0.dock} 的告警 {0.code} 由 {0.by} 处理：{0.reason}",
    "dock.booted": "程序版本 {0.version}，存证链自检：{0.ledger_check}",
    "ledger.reopened": "依据批准 {0.approval} 重新开始",
    "clip.stored": "{0.clip} 入库并回读（{0.read_back}），SHA-256 {0.sha256}",
    "erase.intended": "依据第 {0.release_index} 条的放行，准备清除卡上的 {0.clip}",
    "clip.erased": "再次读取核对后，清除卡上的 {0.clip}",
    "clip.lost": "{0.clip}：{0.reason}",
    "alarm.raised": "{0.code}：{0.text}",
    "alarm.cleared": "{0.code}",
    "account.set": "{0.name} <{0.login}>，{0.by}：{0.why}",
    "client.set": "{0.name}，{0.by}：{0.why}",
    "webhook.set": "{0.host}，{0.by}：{0.why}",
    "case.opened": "{0.by} 建立案件 {0.case_no}",
    "case.set": "{0.by} 登记案件 {0.case_no} 的信息",
    "case.renumbered": "{0.by} 将案号由 {0.former} 改为 {0.case_no}：{0.why}",
    "case.merged": "{0.by} 将案件 {0.merged_no} 并入 {0.case_no}：{0.why}",
    "case.transferred": "{0.by} 将案件 {0.case_no} 移送 {0.unit}：{0.why}",
    "case.sealed": "{0.by} 封存案件 {0.case_no} 的案卷：{0.why}",
    "case.unsealed": "{0.by} 启封案件 {0.case_no} 的案卷：{0.why}",
    "case.excused": "{0.by} 说明案件 {0.case_no} 的 {0.stage} 为何没有录像：{0.why}",
    "proposal.rejected": "{0.by} 认为 {0.clip} 不属于案件 {0.case_no}：{0.why}",
    "hold.lifted": "{0.by} 解除冻结（编号 {0.hold}）：{0.reason}",
    "disposal.approved": (
        "{0.by} 批准处置（编号 {0.disposal}），等候 {0.wait_s} 秒后执行：{0.reason}"
    ),
    "disposal.refused": "{0.by} 否决或撤回处置（编号 {0.disposal}）：{0.reason}",
    "disposal.closed": (
        "处置（编号 {0.disposal}）结束：提请 {0.proposed} 个，处置 {0.disposed} 个，"
        "共 {0.bytes} 字节，清单 SHA-256 {0.list_sha256}"
    ),
    "case.unlinked": "{0.by} 解除 {0.clip} 与案件 {0.case_no} 的关联：{0.why}",
}
"""By kind; ``{0}`` is the record's body."""

FIELDS: Final[dict[str, str]] = {
    "account": "账户",
    "acknowledged": "已知悉的标记",
    "active": "有效",
    "acts": "行为数",
    "approved": "批准条目",
    "archive_no": "档案号",
    "asker": "查看人标识",
    "authority": "依据机关",
    "by": "经办",
    "bytes": "字节",
    "case": "案件标识",
    "case_no": "案号",
    "category": "执法类别",
    "cause": "案由",
    "claimed": "原登记",
    "clip": "记录",
    "clips": "记录",
    "decision": "决定",
    "disposal": "处置",
    "disposed": "已处置",
    "document": "文书",
    "error_ms": "误差（毫秒）",
    "export": "导出编号",
    "external_ids": "外部编号",
    "field": "项目",
    "filed": "立案日期",
    "former": "原为",
    "hold": "冻结",
    "how": "方式",
    "jurisdiction": "适用地区",
    "kid": "密钥",
    "known_by": "得知途径",
    "label": "标记",
    "left_out": "未处置",
    "link": "关联",
    "list_sha256": "清单 SHA-256",
    "mark": "标记编号",
    "merged": "并入的案件",
    "merged_no": "并入的案号",
    "name": "名称",
    "number": "次序",
    "officer": "民警",
    "officers": "办案人员",
    "original": "含原始文件",
    "parties": "当事人",
    "proposal": "建议",
    "proposed": "提请",
    "reason": "事由",
    "recipient": "接收人",
    "recording": "录像分组",
    "request": "请求标识",
    "root": "树根",
    "rules": "规则",
    "session": "批次",
    "sha256": "SHA-256",
    "size": "大小",
    "stage": "环节",
    "stages": "环节",
    "title": "案由",
    "to": "更正为",
    "unit": "单位",
    "until": "至",
    "version": "版本",
    "wait_s": "等候（秒）",
    "why": "事由",
}
"""What a field is called; one that is not here keeps its own name."""

_HOW: Final = {
    "manual": "手工",
    "officer-tag": "民警标注",
    "case-system": "办案系统",
    "confirmed-proposal": "采纳建议",
    "play": "播放",
    "copy": "复制",
}
_ENDED: Final = {
    "released": "全部放行",
    "removed": "记录仪被取走",
    "power": "断电",
    "daily": "每日结束",
}
_CARD: Final = {
    "first": "首次见到",
    "known": "此前见过",
    "formatted": "似被格式化过",
    "swapped": "曾属另一台记录仪",
}
_CLAIMED: Final = {"serial": "编号", "name": "名称", "model": "型号", "firmware": "固件"}


def story_zh(event: TrailEvent) -> str:
    """What one statement says, without its kind, which has a word of its own."""
    if event.record is None:
        subject = event.statement.subject.removeprefix(URN)
        return shown(f"[内容未披露或无法理解；关于 {subject}]")
    return shown(said_zh(event.record.kind, event.record.body))


def said_zh(kind: str, body: Body) -> str:
    """What a record states."""
    if kind in _TOLD:
        return _TOLD[kind](body)
    if kind in SENTENCES:
        return SENTENCES[kind].format(body)
    return "，".join(_fields(body.model_dump(mode="json", exclude_none=True, warnings=False)))


def _fields(values: dict[str, Any]) -> Iterable[str]:
    for name, value in values.items():
        if value in ("", [], {}):
            continue
        said = "、".join(map(_flat, value)) if isinstance(value, list) else _flat(value)
        yield f"{FIELDS.get(name, name)}：{said[:_FEW]}"


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{FIELDS.get(name, name)} {_flat(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


def _docked(body: SessionOpened) -> str:
    claim = body.camera.model_dump(exclude_none=True)
    says = [f"放入 {body.bay}", f"存储卷 {body.volume}"]
    if body.imported:
        says = [f"没有记录仪：{_by_hand(body.imported)}", *says]
    if claim:
        told = (f"{_CLAIMED.get(name, name)} {value}" for name, value in claim.items())
        says.append("记录仪自称 " + "、".join(told))
    else:
        says.append("记录仪没有说明自己是谁")
    says += [f"民警（自报）{body.officer}"] if body.officer else []
    says += [f"在采集站的记录仪名册中：{body.registered}"] if body.registered else []
    if body.card:
        says.append(f"存储卡{_CARD.get(body.card.seen, body.card.seen)}")
        says[-1] += f"（{body.card.reason}）" * bool(body.card.reason)
    says += [] if body.clock is None else _measured(body.clock)
    return "，".join(says)


def _measured(clock: ClockOffset) -> list[str]:
    says = []
    if clock.offset_ms is not None:
        says.append(f"其时钟偏差 {clock.offset_ms} 毫秒 ± {clock.offset_error_ms} 毫秒")
    says += ["随后已校准"] if clock.set_to_dock else []
    return [*says, f"时钟：{clock.method}"]


def _listed(body: SessionInventory) -> str:
    says = [f"批次 {body.session} 第 {body.page} 页，{len(body.files)} 个文件"]
    says += [
        f"编号 {gap.after} 与 {gap.before} 之间缺 {gap.missing} 个" for gap in body.gaps[:_SHOWN]
    ]
    says += [f"另有 {len(body.gaps) - _SHOWN} 处缺号"] if len(body.gaps) > _SHOWN else []
    says += [f"机内清单所列 {absent.count} 个文件不在卡上" for absent in body.absent]
    return "，".join(says)


def _claimed_times(clock: CameraClock) -> list[str]:
    says = [f"记录仪时钟所示开始时间 {clock.started}"] if clock.started else []
    if clock.offset_ms is not None:
        bound = "不明" if clock.offset_error_ms is None else f"{clock.offset_error_ms} 毫秒"
        says.append(f"入仓时偏差 {clock.offset_ms} 毫秒 ± {bound}")
    if (when := clock.interval) is not None:
        bounds = [f"不早于 {when.earliest}"] if when.earliest else []
        bounds += [f"不晚于 {when.latest}"] if when.latest else []
        says.append(f"录制时间{'、'.join(bounds) or '无从得知'}（依据：{when.basis}）")
    return [*says, *(f"存疑：{doubt}" for doubt in clock.doubts)]


def _sealed(body: ClipSealed) -> str:
    says = [body.source.name, f"{body.content.size} 字节", f"SHA-256 {body.content.sha256}"]
    says += _claimed_times(body.camera_clock)
    says += [f"民警（自报）{body.source.officer}"] if body.source.officer else []
    if body.source.camera_digest:
        says.append(f"记录仪自带摘要：{body.source.camera_digest.state}")
    says += [_by_hand(body.source.imported)] if body.source.imported else []
    if body.media.vendor_signature:
        says.append(f"似有记录仪签名（{body.media.vendor_signature}），此处未核验")
    return "，".join(says)


def _by_hand(how: Imported) -> str:
    return f"由 {how.by} 手工导入，来源 {how.origin}：{how.why}"


def _tagged(body: ClipTagged) -> str:
    says = [f"在采集站标注 {body.clip}"]
    says += [f"案件 {body.case_no}"] if body.case_no else []
    says += [f"类别 {body.category}"] if body.category else []
    says += [f"民警（自报）{body.officer}"] if body.officer else []
    return "，".join(says)


def _noted(body: SessionNoted) -> str:
    says = [f"批次 {body.session}：{body.reason}"]
    says += [body.text] if body.text else []
    says += [f"民警（自报）{body.officer}"] if body.officer else []
    return "，".join(says)


def _repaired(body: ClipRepaired) -> str:
    sources = "、".join(dict.fromkeys(run.source for run in body.leaves))
    says = [f"库内 {body.clip} 的 {body.replaced} 片叶子取自 {sources}"]
    says += [f"回读（{body.read_back}）", f"SHA-256 {body.sha256}"]
    says += [f"此前为 {body.before.sha256}"] if body.before.sha256 else []
    return f"{'，'.join(says)}，{body.by}：{body.reason}"


def _viewed(body: Any) -> str:  # noqa: ANN401 -- one of two kinds, which share what is told
    how = _HOW.get(body.how, body.how)
    return f"{body.by} 查看 {body.clip}（{how}）：{body.reason}" + _acknowledged(body)


def _exported(body: Any) -> str:  # noqa: ANN401 -- likewise
    said = f"{body.by} 以第 {body.export} 号导出 {body.clip}，交 {body.recipient}：{body.reason}"
    return said + _acknowledged(body)


def _acknowledged(body: Any) -> str:  # noqa: ANN401 -- likewise
    marks = getattr(body, "acknowledged", None)
    return f"；已知悉标记：{'、'.join(marks)}" if marks else ""


def _linked(body: Any) -> str:  # noqa: ANN401 -- likewise
    how = _HOW.get(body.how, body.how)
    return f"{body.by} 将 {body.clip} 关联到案件 {body.case_no}（{how}）：{body.why}"


def _founded(body: Any) -> str:  # noqa: ANN401 -- likewise
    return f"{body.gateway.removeprefix(URN)} 启用日志 {body.origin}"


def _closed(body: Any) -> str:  # noqa: ANN401 -- likewise
    why = _ENDED.get(body.reason, body.reason)
    return (
        f"批次 {body.session} 结束（{why}）：本次封存 {body.sealed} 个，"
        f"放行 {body.released} 个，清除 {body.erased} 个，未采集 {body.leftovers_total} 个"
    )


def _held(body: Any) -> str:  # noqa: ANN401 -- likewise
    says = [f"{body.by} 冻结{f' {body.clip}' if body.clip else '本案'}，依据机关 {body.authority}"]
    says += [f"文书 {body.document}"] if body.document else []
    says += [f"{body.until} 之后复查"] if body.until else []
    return f"{'，'.join(says)}：{body.reason}（冻结编号 {body.hold}）"


def _proposed(body: Any) -> str:  # noqa: ANN401 -- likewise
    size = sum(each.size for each in body.clips)
    what = f"提请处置 {len(body.clips)} 个记录，共 {size} 字节（处置编号 {body.disposal}）"
    return f"{body.by} 依保存规则第 {body.rules.version} 版{what}：{body.reason}"


def _disposed(body: Any) -> str:  # noqa: ANN401 -- likewise
    says = [f"{body.clip}，{body.size} 字节，SHA-256 {body.sha256}"]
    says.append(f"由日志第 {body.proposed} 条提请、第 {body.approved} 条批准")
    return "，".join([*says, f"依保存规则第 {body.rules.version} 版", *body.why])


_TOLD: Final[dict[str, Callable[[Any], str]]] = {
    "log.opened": _founded,
    "session.closed": _closed,
    "hold.placed": _held,
    "disposal.proposed": _proposed,
    "clip.disposed": _disposed,
    "session.opened": _docked,
    "session.inventory": _listed,
    "session.noted": _noted,
    "clip.sealed": _sealed,
    "clip.tagged": _tagged,
    "clip.repaired": _repaired,
    "clip.viewed": _viewed,
    "clip.exported": _exported,
    "case.linked": _linked,
}
