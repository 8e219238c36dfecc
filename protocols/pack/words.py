"""Words of the report in both languages; those of steps and outcomes are English elsewhere."""

from __future__ import annotations

from typing import Final

OUTCOMES: Final = {
    "intact": "完整，未发现改动",
    "altered": "已被改动",
    "incomplete": "不完整",
    "unsigned": "签名不成立",
    "unknown-key": "密钥未登记",
    "revoked": "密钥已吊销",
    "not-logged": "未入透明日志",
    "unwitnessed": "未经见证",
    "unsupported": "不支持",
    "unchecked": "未核验",
}
KINDS: Final = {
    "log.opened": "日志启用",
    "dock.enrolled": "采集站登记",
    "dock.revoked": "采集站密钥吊销",
    "dock.booted": "采集站启动",
    "session.opened": "记录仪放入仓位",
    "session.inventory": "存储卡清单",
    "session.noted": "民警说明",
    "session.closed": "采集批次结束",
    "clip.sealed": "封存",
    "clip.tagged": "民警标注",
    "clip.stored": "入库并回读",
    "clip.repaired": "库内副本修复",
    "dock.key.rotated": "采集站更换密钥",
    "key.rotated": "采集站更换密钥",
    "clip.lost": "采集站丢失",
    "erase.intended": "准备清除原卡文件",
    "clip.erased": "原卡文件清除",
    "clip.exported": "导出",
    "clip.viewed": "查看",
    "clip.key.supplied": "提供解密密钥",
    "clip.disposed": "到期处置",
    "hold.placed": "冻结（暂缓处置）",
    "hold.lifted": "解除冻结",
    "rules.adopted": "保存规则启用",
    "disposal.proposed": "处置提请",
    "disposal.approved": "处置批准",
    "disposal.refused": "处置不予批准",
    "disposal.closed": "处置结果",
    "clip.corrected": "更正登记信息",
    "clip.marked": "加注标记",
    "clip.unmarked": "撤销标记",
    "recording.grouped": "合并分段",
    "recording.ungrouped": "撤销合并",
    "account.set": "账户权限变更",
    "client.set": "办案系统接入变更",
    "webhook.set": "事件推送接收方变更",
    "case.opened": "案件建立",
    "case.linked": "关联案件",
    "case.unlinked": "解除关联",
    "case.set": "案件信息登记",
    "case.renumbered": "案号变更",
    "case.merged": "并案",
    "case.transferred": "案件移送",
    "case.sealed": "案卷封存",
    "case.unsealed": "案卷启封",
    "case.excused": "无录像说明",
    "proposal.rejected": "关联建议不采纳",
    "alarm.raised": "告警",
    "alarm.cleared": "告警解除",
}
STEPS: Final = {
    1: "证据包文件齐全",
    2: "原始文件与封存时的摘要一致",
    3: "记录与签名声明一致",
    4: "签名密钥已登记且未吊销",
    5: "存证链连续",
    6: "回执证明已入日志",
    7: "检查点由日志签名，并满足见证要求",
    8: "检查点上的时间戳",
    9: "清单中的每个文件都有交代",
    10: "保管过程先后有序",
}
DISPOSITIONS: Final = {
    "ingest": ("采集", "taken"),
    "known": ("此前已采集", "known from an earlier docking"),
    "ignored": ("非录像文件", "no recording"),
    "refused": ("拒收", "refused"),
    "unreadable": ("无法读取", "unreadable"),
    "growing": ("仍在写入", "still being written"),
    "vanished": ("已消失", "vanished"),
    "incomplete": ("未采完", "not taken whole"),
    "changed": ("读取时变化", "changed while it was read"),
}
LIMITS: Final = {
    "when or where something was recorded before docking, beyond what the camera claims": (
        "放入采集站之前，何时何地录制：只有记录仪自己的说法"
    ),
    "that nothing was recorded and deleted before docking, beyond what lists and numbering show": (
        "放入采集站之前是否录制后又删除：仅能由清单与编号看出"
    ),
    "what the newest acts on a subject were after the checkpoint of this pack": (
        "本包检查点之后又发生了什么"
    ),
    "who looked at the footage at the gateway: this version does not record views": (
        "谁在平台上查看过：本版本不记录查看"
    ),
}
STYLE: Final = (
    "*{box-sizing:border-box}body{font:15px/1.55 system-ui,'Noto Sans CJK SC','Microsoft YaHei',"
    "sans-serif;max-width:66rem;margin:1.5rem auto;padding:0 1rem;color:#111;background:#fff}"
    "h1{font-size:1.6rem;margin:.5rem 0 1rem;line-height:1.3}"
    "h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:2px solid #333;padding-bottom:.2rem}"
    "h3{font-size:1rem;margin:1.2rem 0 .4rem}.en{color:#444}h1 .en{display:block;font-size:1.1rem}"
    "table{border-collapse:collapse;width:100%;margin:.4rem 0}"
    "td,th{border:1px solid #bbb;padding:.25rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}th{background:#f3f3f3;font-weight:600}.facts th{width:27%}"
    ".grid td:first-child{white-space:nowrap}.grid.wrap td:first-child{white-space:normal}"
    "code{font:.85em/1.4 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}"
    ".good{color:#064}.bad{color:#a00}.box{border:3px solid;padding:.75rem 1rem;margin:1rem 0}"
    ".box p,.box ul{color:#111;margin:.4rem 0}.box b{font-size:1.3rem}"
    ".note{background:#fff7d6;padding:.5rem .75rem;border-left:4px solid #c90}"
    ".sign{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem 2rem;margin-top:.8rem}"
    ".sign div{border-bottom:1px solid #000;min-height:3.2rem}"
    "@page{size:A4;margin:16mm 14mm}@media print{body{font-size:10pt;margin:0;padding:0;"
    "max-width:none}h2,h3{break-after:avoid}tr,.box,.sign div{break-inside:avoid}"
    "thead{display:table-header-group}th{background:#eee!important;"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact}}"
)
