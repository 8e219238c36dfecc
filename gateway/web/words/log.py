"""Pages of the log."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "log": ("日志", "Log"),
    "log-lead": (
        "每一条签名声明都进入这本只能追加的日志。下面的核验由您自己的浏览器完成，不听网关的一面之词。",
        (
            "Every signed statement is in this log, which can only grow. What is checked below, "
            "your own browser checks; it does not take the gateway's word for it."
        ),
    ),
    "checkpoint": ("检查点", "Checkpoint"),
    "checkpoint-lead": (
        "日志此刻的状态，由日志密钥签名。把它交给别人保存，以后即可证明日志没有改写。",
        (
            "The log as it is now, signed with its key. Give it to somebody to keep: with it "
            "anybody can show later whether history was rewritten."
        ),
    ),
    "log-size": ("{n} 条", "{n} entries"),
    "root": ("根", "Root"),
    "checked-here": ("您的浏览器的核验", "Checked by your browser"),
    "check-again": ("重新核验", "Check again"),
    "witnesses": ("见证人", "Witnesses"),
    "witnesses-lead": (
        "外部见证人只在日志没有改写时才签名。",
        "Outside witnesses cosign only a log that continues what they saw before.",
    ),
    "witnesses-none": (
        "没有配置外部见证人；采集站仍会核对日志是否延续。",
        "No outside witness is configured; docks still check that the log continues.",
    ),
    "witness": ("见证人", "Witness"),
    "cosigned": ("最近签过", "Cosigned last"),
    "cosigned-none": ("尚未签过", "nothing yet"),
    "witness.well": ("正常", "well"),
    "witness.away": ("没有应答", "does not answer"),
    "witness.refuses": ("拒绝签名！请立即查明原因", "refuses to sign! Find out why at once"),
    "stamps": ("时间戳", "Time stamps"),
    "stamps-of": ("检查点（{n} 条）已加盖时间戳", "checkpoint of {n} entries is stamped"),
    "stamps-none": ("没有时间戳。", "There are no time stamps."),
    "entries": ("条目", "Entries"),
    "entries-none": (
        "条目内容只供全单位的审计人员审阅；任何人都可以按位置取得证明：",
        (
            "What entries say is for auditors above all units. Anybody can have the proof of a "
            "position:"
        ),
    ),
    "position": ("日志位置", "Position"),
    "open": ("打开", "Open"),
    "kind": ("种类", "Kind"),
    "subject": ("对象", "Subject"),
    "issuer": ("签发者", "Issuer"),
    "logged": ("入日志", "Logged"),
    "entry-of": ("日志条目 {n}", "Log entry {n}"),
    "statement-hash": ("声明的 SHA-256", "SHA-256 of the statement"),
    "leaf": ("叶", "Leaf"),
    "record": ("记录内容", "What it says"),
    "record-hidden": (
        "记录内容只供全单位的审计人员审阅。",
        "What it says is for auditors above all units.",
    ),
    "record-odd": ("无法读懂的记录：{why}", "A record that cannot be understood: {why}"),
    "previous-entry": ("前一条", "Entry before"),
    "next-entry": ("后一条", "Entry after"),
    "js.checking": ("正在核验……", "Checking…"),
    "js.no-crypto": (
        "此浏览器在这个地址上不能核验（需要 https）。请换用新版浏览器，或用 evidock-verify 核验。",
        (
            "This browser cannot check anything at this address (it takes https). Use a current "
            "one, or evidock-verify."
        ),
    ),
    "js.step-signature": ("检查点由日志密钥签名", "The log's key signed the checkpoint"),
    "js.no-ed25519": (
        "此浏览器不支持 Ed25519，签名未核验；其余步骤照常。",
        "This browser has no Ed25519: the signature was not checked; the rest was.",
    ),
    "js.step-key": (
        "日志密钥与本浏览器 {at} 所见相同",
        "The log's key is the one this browser saw on {at}",
    ),
    "js.step-key-first": (
        "本浏览器第一次见到这本日志；从现在起记住它的密钥和检查点",
        "This browser sees this log for the first time, and keeps its key and checkpoint from now",
    ),
    "js.step-key-differs": (
        "日志密钥与本浏览器 {at} 所见不同！",
        "The log's key is not the one this browser saw on {at}!",
    ),
    "js.step-grown": (
        "自您 {at} 来访以来，日志只增加了 {n} 条，此前内容没有改动",
        "Since your visit on {at} the log only grew, by {n} entries; nothing before was changed",
    ),
    "js.step-same": (
        "自您 {at} 来访以来，日志没有变化",
        "The log has not changed since your visit on {at}",
    ),
    "js.step-rewritten": (
        "警告：日志不再包含您 {at} 所见的内容！历史可能被改写。请把下面的旧检查点交给审计人员。",
        (
            "WARNING: the log no longer contains what you saw on {at}! History may have been "
            "rewritten. Keep the old checkpoint below and take it to an auditor at once."
        ),
    ),
    "js.step-shrunk": (
        "警告：网关给出的日志（{n} 条）比您 {at} 所见的还短！请把下面的旧检查点交给审计人员。",
        (
            "WARNING: the gateway shows a log of {n} entries, shorter than you saw on {at}! Keep "
            "the old checkpoint below and take it to an auditor at once."
        ),
    ),
    "js.step-record": (
        "记录内容与签名声明中的摘要一致",
        "The record is the one whose digest the statement signs",
    ),
    "js.step-leaf": ("由声明算出叶", "The leaf, computed from the statement"),
    "js.step-path": (
        "沿 {n} 步路径算到检查点的根：条目确在日志的位置 {index}",
        "{n} steps from the leaf to the checkpoint's root: the entry stands at position {index}",
    ),
    "js.step-path-bad": (
        "由声明和路径算不出检查点的根：证明不成立！",
        "Statement and path do not lead to the checkpoint's root: the proof does not hold!",
    ),
    "js.step-failed": ("未能核验：{why}", "Could not be checked: {why}"),
}
