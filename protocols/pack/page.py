"""The integrity report on one HTML page that a judge can read, in Chinese and English.

It loads nothing and runs nothing; everything from a camera or a person is escaped and shown
with its hidden characters made visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from protocols.pack.markup import NONE, both, bullets, code, grid, lines, placed, table, text, when
from protocols.pack.page_clips import clip_section, docking_section
from protocols.pack.words import KINDS, LIMITS, OUTCOMES, STEPS, STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_Told = Mapping[str, Any]
OWN = both(
    "这是导出方自查的结论，未经签名，不能代替独立核验：第 1 步也要由您自己核验。请用 VERIFY.md、"
    "verify.html 或 evidock-verify，密钥另行取得。",
    "This page is the exporter's own word, and not signed; step 1 is yours to check, too. Verify "
    "it yourself with VERIFY.md, verify.html or evidock-verify, and keys from elsewhere.",
)
# The report is in the manifest, so whoever makes it cannot have checked the manifest yet.
READERS = both(
    "由您自己核验：本页制作时，文件清单尚不存在",
    "for you to check: this page was made before the list of files existed",
)


def report_page(report: _Told) -> bytes:
    """The page, complete in itself."""
    parts = [
        "<!doctype html><html lang=zh-CN><meta charset=utf-8>",
        f'<meta http-equiv=content-security-policy content="{_POLICY}">',
        "<meta name=viewport content='width=device-width'>",
        f"<title>{text(report['id'])}</title><style>{STYLE}</style>",
        f"<h1>{both('电子数据完整性报告', 'Integrity report')}</h1>",
        _verdict(report["verification"]["outcome"], report["deviations"], report["log"]),
        table(_particulars(report)),
        _heading("核验步骤", "Verification, step by step"),
        grid(("", both("步骤", "step"), both("结果", "result")), _steps(report), "wrap"),
        _heading("外部见证", "Seen from outside"),
        _outside(report["log"]),
        *(clip_section(clip) for clip in report["clips"]),
        _heading("存储卡上的每个文件", "Every file on the cards"),
        *(docking_section(each) for each in report["dockings"]),
        _heading("历次导出", "Handed out so far"),
        grid(_EXPORT_HEADS, (_export(each) for each in report["handed_out"])),
        _heading("密钥与签名", "Keys and signatures"),
        *(_key(each) for each in report["keys"]),
        _heading("经过", "What happened, in the order of the log"),
        grid(("", both("何事", "what"), both("签名", "signature")), _events(report["events"])),
        _heading("本包不能证明的事项", "What this does not show"),
        bullets(both(LIMITS.get(each, ""), text(each)) for each in report["not_shown"]),
        bullets(text(note) for note in report["notes"]),
        _how(report["repeat"]),
        _signatures(),
        "</html>\n",
    ]
    return "".join(parts).encode()


def _heading(zh: str, en: str) -> str:
    return f"<h2>{both(zh, en)}</h2>"


def _verdict(outcome: str, deviations: Iterable[str], log: _Told) -> str:
    kind = "good" if outcome == "intact" else "bad"
    said = f"<b>{OUTCOMES.get(outcome, '')} / {text(outcome)}</b>"
    said_of = [text(each) for each in deviations if not each.startswith("witness ")]
    if log["witnesses_missing"]:
        names = ", ".join(text(name) for name in log["witnesses_missing"])
        zh, en = f"尚未得到这些见证人的见证：{names}", f"not cosigned yet by {names}"
        said_of.append(both(zh, en))
    told = bullets(said_of)
    return f"<div class='box {kind}'>{said}<p>{OWN}</p>{told}</div>"


def _particulars(report: _Told) -> Iterable[tuple[str, str]]:
    export, log, made = report["export"], report["log"], report["made"]
    yield both("报告编号", "report"), code(report["id"])
    about = report["about"].get("case_no") or report["about"].get("clip")
    yield both("案件或录像", "about"), text(about)
    yield both("导出编号", "export"), text(export["number"])
    yield both("导出人", "by"), text(export["by"])
    yield both("接收方", "recipient"), text(export["recipient"])
    yield both("事由", "reason"), lines(text(line) for line in export["reason"].splitlines())
    yield both("导出登记于", "stated in the log at"), text(export["at"])
    yield both("制作", "made by"), f"{text(made['tool'])}, {when(made['at'])}"
    yield both("透明日志", "log"), code(log["origin"])
    yield both("检查点", "checkpoint"), both(f"共 {log['size']} 条", f"{log['size']} entries")
    yield both("根", "root"), code(log["root"])


def _outside(log: _Told) -> str:
    missing = [text(name) for name in log["witnesses_missing"]]
    parts = []
    if not log["witnesses_asked"] and not log["witnesses"]:
        parts.append(_note("没有配置见证人", "no witness is configured at this gateway"))
    if missing:
        names = ", ".join(missing)
        parts.append(
            _note(
                f"制作本包时尚未见证全部条目：{names}",
                f"had not cosigned all of it when this was made: {names}",
            )
        )
    if not log["timestamps"]:
        parts.append(_note("本包没有时间戳", "no time stamp is in this pack"))
    rows = [(text(each["name"]), each) for each in log["witnesses"]]
    rows += [(both("时间戳机构", "time stamping authority"), each) for each in log["timestamps"]]
    heads = (both("谁", "who"), both("检查点", "checkpoint"), both("时间", "time"), "")
    told = (
        (
            name,
            text(each["checkpoint"]),
            text(each["at"]),
            both("含本包全部条目", "over all of it")
            if each["covers_all"]
            else both("仅含较早条目", "over earlier entries only"),
        )
        for name, each in rows
    )
    own = both(
        "此处姓名与时间为导出方所述；以您自己的见证策略与根证书核验。",
        "Names and times here are the exporter's word; your own policy and roots decide.",
    )
    return "".join(parts) + (f"{grid(heads, told)}<p>{own}</p>" if rows else "")


def _note(zh: str, en: str) -> str:
    return f"<p class=note>{both(zh, en)}</p>"


def _steps(report: _Told) -> Iterable[tuple[str, str, str]]:
    findings = report["verification"]["findings"]
    for number, name in report["steps"].items():
        mine = [each for each in findings if str(each["step"]) == number]
        good = sum(each["outcome"] == "intact" for each in mine)
        unsaid = READERS if int(number) == 1 else both("未在此核验", "not checked here")
        state = f"{good} / {len(mine)}" if mine else unsaid
        kind = "bad" if good < len(mine) else "good" if mine else ""
        label = both(STEPS.get(int(number), ""), text(name))
        yield text(number), label, f"<span class='{kind}'>{state}</span>"


_EXPORT_HEADS = (
    both("编号", "number"),
    both("接收方", "recipient"),
    both("事由、经手人", "reason, by"),
    both("何时", "when"),
    both("录像", "clips"),
)


def _export(act: _Told) -> Iterable[str]:
    this = f" {both('（本包）', '(this pack)')}" if act["this"] else ""
    new = [text(clip) for clip in act["new"]]
    added = f"<br>{both('此前未导出', 'not in an earlier one')}: {', '.join(new)}" if new else ""
    yield f"{int(act['export'])}{this}"
    yield text(act["recipient"])
    yield f"{text(act['reason'])}<br>{text(act['by'])}"
    yield placed(act)
    yield f"{len(act['clips'])}{added}"


def _key(key: _Told) -> str:
    rows = [
        (both("密钥标识", "key id"), code(key["kid"])),
        (both("包内文件", "file in this pack"), code(key["file"])),
        (both("来源", "how it comes to count"), lines(text(each) for each in key["chain"])),
    ]
    if "signatures" in key:
        good, count = key["intact"], key["signatures"]
        kind = "good" if good == count else "bad"
        told = both(f"{count} 个签名，{good} 个成立", f"{good} of {count} signatures hold")
        rows.append((both("签名核验", "signatures"), f"<span class={kind}>{told}</span>"))
    if key.get("revoked"):
        last = f"{key['revoked']['last_epoch']}.{key['revoked']['last_seq']}"
        told = both(f"{last} 之后不再可信", f"not trusted after {last}")
        reason = f"{told}: {text(key['revoked']['reason'])}"
        rows.append((both("吊销", "revoked"), f"<span class=bad>{reason}</span>"))
    return f"<h3>{text(key['use'])}</h3>{table(rows)}"


def _events(events: Iterable[_Told]) -> Iterable[tuple[str, str, str]]:
    for event in events:
        kind = KINDS.get(event["kind"] or "", "")
        at = when(event["at"]) if event["at"] else NONE
        good = event["signed"] == "intact"
        signed = both(OUTCOMES.get(event["signed"], ""), text(event["signed"]))
        yield (
            text(event["index"]),
            f"{kind} {text(event['issuer'])}<br>{at}<br>{text(event['text'])}",
            f"<span class={'good' if good else 'bad'}>{signed}</span>",
        )


def _how(repeat: Mapping[str, str]) -> str:
    page, tool, commands = (text(repeat[name]) for name in ("browser", "tool", "commands"))
    steps = (
        both(
            f"在浏览器中打开 <code>{page}</code>，把本文件夹拖入。",
            f"Open <code>{page}</code> in a browser and drop this folder on it.",
        ),
        f"<code>{tool} FOLDER --trust trust.json</code>",
        both(
            f"只用 sha256sum 与 openssl：见 <code>{commands}</code>。",
            f"With sha256sum and openssl alone: see <code>{commands}</code>.",
        ),
    )
    items = "".join(f"<li>{step}" for step in steps)
    return _heading("如何自行核验", "How to repeat this without us") + f"<ol>{items}</ol>"


def _signatures() -> str:
    lines_ = (
        both("FRE 902(13) 证明人", "certification of a qualified person"),
        both("FRE 902(14) 证明人", "certification of a qualified person"),
        both("电子数据提取、固定说明：提取人、时间", "extraction note: by, when"),
        both("见证人、时间", "witness, when"),
    )
    return (
        _heading("签署", "To be signed")
        + "<div class=sign>"
        + "".join(f"<div>{line}</div>" for line in lines_)
        + "</div>"
    )
