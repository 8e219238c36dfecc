"""The integrity report on one HTML page that a judge can read, in Chinese and English.

It loads nothing and runs nothing; everything from a camera or a person is escaped and shown
with its hidden characters made visible.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from protocols.shown import shown

_STYLE = (
    "body{font:15px/1.6 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;"
    "max-width:64rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #999}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #bbb;padding:.25rem .5rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:30%;background:#f3f3f3}"
    "code{overflow-wrap:anywhere}.good{color:#064}.bad{color:#a00}"
    ".box{border:2px solid;padding:1rem}"
    ".line{height:3rem;border-bottom:1px solid #000}@media print{h2{break-after:avoid}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_OUTCOMES = {
    "intact": "完整，未发现改动",
    "altered": "已被改动",
    "incomplete": "不完整",
    "unsigned": "签名不成立",
    "unknown-key": "密钥未登记",
    "revoked": "密钥已吊销",
    "not-logged": "未入透明日志",
    "unwitnessed": "未经见证",
    "unsupported": "不支持",
}
_KINDS = {
    "log.opened": "日志启用",
    "dock.enrolled": "采集站登记",
    "dock.revoked": "采集站密钥吊销",
    "session.opened": "记录仪放入仓位",
    "session.inventory": "存储卡清单",
    "session.noted": "民警说明",
    "session.closed": "采集批次结束",
    "clip.sealed": "封存",
    "clip.tagged": "民警标注",
    "clip.stored": "入库并回读",
    "clip.repaired": "库内副本修复",
    "erase.intended": "准备清除原卡文件",
    "clip.erased": "原卡文件清除",
    "clip.exported": "导出",
    "case.opened": "案件建立",
    "case.linked": "关联案件",
    "case.unlinked": "解除关联",
}
_STEPS = {
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
_LIMITS = {
    "when or where something was recorded before docking, beyond what the camera claims": (
        "放入采集站之前，何时何地录制：只有记录仪自己的说法"
    ),
    "that nothing was recorded and deleted before docking, beyond what lists and numbering show": (
        "放入采集站之前是否录制后又删除：仅能由清单与编号看出"
    ),
    "what the newest acts on a subject were after the checkpoint of this pack": (
        "本包检查点之后又发生了什么"
    ),
}


def report_page(report: Mapping[str, Any]) -> bytes:
    """The page, complete in itself."""
    outcome = report["verification"]["outcome"]
    about = report["about"].get("case_no") or report["about"].get("clip") or ""
    parts = [
        "<!doctype html><html lang=zh-CN><meta charset=utf-8>",
        f'<meta http-equiv=content-security-policy content="{_POLICY}">',
        "<meta name=viewport content='width=device-width'>",
        f"<title>{_text(report['id'])}</title><style>{_STYLE}</style>",
        "<h1>电子数据完整性报告<br>Integrity report</h1>",
        _verdict(outcome, report["deviations"]),
        _table(_particulars(report, about)),
        *(_clip(clip) for clip in report["clips"]),
        "<h2>核验步骤 / Verification, step by step</h2>",
        _table(_steps(report)),
        "<h2>经过 / What happened, in the order of the log</h2>",
        _events(report["events"]),
        "<h2>密钥 / Keys</h2>",
        _table((_text(each["use"]), _code(each["kid"])) for each in report["keys"]),
        "<h2>本包不能证明的事项 / What this does not show</h2>",
        _list(f"{_LIMITS.get(each, '')} {each}".strip() for each in report["not_shown"]),
        _list(report["notes"]),
        _how(report["repeat"]),
        _signatures(),
        "</html>\n",
    ]
    return "".join(parts).encode()


def _verdict(outcome: str, deviations: Iterable[str]) -> str:
    kind = "good" if outcome == "intact" else "bad"
    said = f"<b>{_OUTCOMES.get(outcome, '')} / {_text(outcome)}</b>"
    own = (
        "导出方自查的结论，不能代替独立核验。"
        "This is the exporter's own finding; verify it yourself, with keys from elsewhere."
    )
    return f"<div class='box {kind}'>{said}{_list(deviations)}<p>{own}</p></div>"


def _particulars(report: Mapping[str, Any], about: str) -> Iterable[tuple[str, str]]:
    export, log, made = report["export"], report["log"], report["made"]
    yield "报告编号 / Report", _text(report["id"])
    yield "案件或音视频 / About", _text(about)
    yield "导出编号 / Export", _text(str(export["number"]))
    yield "导出人 / By", _text(export["by"])
    yield "接收方 / Recipient", _text(export["recipient"])
    yield "事由 / Reason", "<br>".join(_text(line) for line in export["reason"].splitlines())
    yield "导出登记时间 / Stated in the log at", _text(export["at"])
    yield "制作 / Made by", _text(f"{made['tool']}, {_clock(made['at'])}")
    yield "透明日志 / Log", _text(f"{log['origin']}, {log['size']}")
    yield "根 / Root", _code(log["root"])
    yield "见证 / Witnesses", "无 / none" if not log["witnesses"] else _json(log["witnesses"])
    yield "时间戳 / Timestamps", "无 / none" if not log["timestamps"] else _json(log["timestamps"])


def _clip(clip: Mapping[str, Any]) -> str:
    content, docked = clip.get("content", {}), clip.get("docked", {})
    clock = clip.get("camera_clock", {})
    rows = [
        ("原始文件名 / Name on the card", _text(clip.get("name", "?"))),
        ("包内文件 / File in this pack", _code(clip.get("file", "?"))),
        ("大小 / Bytes", _text(str(content.get("size", "?")))),
        ("SHA-256", _code(content.get("sha256", "?"))),
        ("1 MiB 叶子树根 / Tree root", _code(content.get("tree", {}).get("root", "?"))),
        ("记录仪自称 / Camera, as it claims", _json(clip.get("camera", {}))),
        ("民警，自称 / Officer, as claimed", _text(clip.get("officer") or "–")),
        ("记录仪时钟称 / The camera's clock said", _camera_clock(clock)),
        ("放入仓位 / Docked", _docked(docked)),
        ("封存 / Sealed", _at(clip.get("sealed"))),
        *(("入库 / Stored", f"{_at(each)}, {_text(each['read_back'])}") for each in clip["stored"]),
        *(("原卡清除 / Erased on the card", _at(each)) for each in clip["erased"]),
        *(("导出 / Exported", _exported(each)) for each in clip["exported"]),
        ("媒体 / Media", _json(clip.get("media", {}))),
    ]
    return f"<h2>{_text(clip['clip'])}</h2>{_table(rows)}"


def _camera_clock(clock: Mapping[str, Any]) -> str:
    offset = clock.get("offset_ms")
    said = clock.get("started") or "未说明 / nothing"
    off = (
        "误差未测 / its error was not measured"
        if offset is None
        else f"入仓时偏差 / off at docking by {offset} ms ± {clock.get('offset_error_ms', '?')} ms"
    )
    return _text(f"{said}; {off}; {clock.get('method', '')}")


def _docked(docked: Mapping[str, Any]) -> str:
    if not docked:
        return "–"
    return f"{_text(docked.get('bay', '?'))}, {_at(docked)}"


def _exported(act: Mapping[str, Any]) -> str:
    told = f"#{act['export']}, {act['recipient']}, {act['by']}: {act['reason']}"
    return f"{_text(told)}, {_at(act)}"


def _steps(report: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    findings = report["verification"]["findings"]
    for number, name in report["steps"].items():
        mine = [each for each in findings if str(each["step"]) == number]
        good = sum(each["outcome"] == "intact" for each in mine)
        state = f"{good} / {len(mine)}" if mine else "未在此核验 / not checked here"
        kind = "bad" if good < len(mine) else "good" if mine else ""
        label = f"{number} {_STEPS.get(int(number), '')}<br>{_text(name)}"
        yield label, f"<span class='{kind}'>{state}</span>"


def _events(events: Iterable[Mapping[str, Any]]) -> str:
    rows = (
        (
            f"{event['index']} {_KINDS.get(event['kind'] or '', '')}<br>{_text(event['issuer'])}",
            f"{_text(_clock(event['at']) if event['at'] else '')}<br>{_text(event['text'])}",
        )
        for event in events
    )
    return _table(rows)


def _how(repeat: Mapping[str, str]) -> str:
    return (
        "<h2>如何自行核验 / How to repeat this without us</h2><ol>"
        f"<li>在浏览器中打开 <code>{_text(repeat['browser'])}</code>，把本文件夹拖入。"
        f"Open <code>{_text(repeat['browser'])}</code> in a browser and drop this folder on it."
        f"<li><code>{_text(repeat['tool'])} FOLDER --trust trust.json</code>"
        f"<li>只用 sha256sum 与 openssl：见 <code>{_text(repeat['commands'])}</code>。"
        f"With sha256sum and openssl alone: see <code>{_text(repeat['commands'])}</code>.</ol>"
    )


def _signatures() -> str:
    lines = (
        "FRE 902(13) 证明人 / certification of a qualified person",
        "FRE 902(14) 证明人 / certification of a qualified person",
        "电子数据提取、固定说明：提取人、见证人、时间 / extraction note",
    )
    return "<h2>签署 / To be signed</h2>" + "".join(
        f"<p>{line}</p><div class=line></div>" for line in lines
    )


def _at(said: Mapping[str, Any] | None) -> str:
    return "–" if said is None else _text(f"{_clock(said['at'])}, log entry {said['index']}")


def _clock(at: Mapping[str, Any]) -> str:
    error = at.get("error_ms")
    bound = "" if error is None else f", ±{error} ms"
    return f"{at['utc']} ({at['source']}{bound})"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return f"<table>{''.join(f'<tr><th>{name}<td>{value}' for name, value in rows)}</table>"


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(line)}" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _json(value: object) -> str:
    return _code(json.dumps(value, ensure_ascii=False))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str) -> str:
    return escape(shown(text))
