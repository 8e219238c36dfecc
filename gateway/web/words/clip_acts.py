"""The page of a clip: what is said about it, and the forms that do so."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    # --- looking ---------------------------------------------------------------------
    "view-said": ("按您刚才说明的事由打开：", "Opened on the reason you gave just now:"),
    "view-other": ("另有事由", "For another reason"),
    # --- gone ------------------------------------------------------------------------
    "gone-head": ("已到期处置，内容不复存在", "Disposed of: its footage is gone"),
    "gone-at": ("处置时间", "When"),
    "gone-tombstone": ("处置凭证", "Tombstone"),
    "gone-disposal": ("查看这批处置", "The disposal it was part of"),
    "gone-stays": ("仍然保留的", "What stays"),
    "gone-stays-what": (
        (
            "封存记录、哈希、签名、全部经过与证明仍在日志中，可以核验和导出；此前导出的证据包照常"
            "成立。备份、副本等别处的内容不在网关的控制之内。"
        ),
        (
            "Its sealing, digests, signatures and the whole story stay in the log, to be checked "
            "and handed out; packs made before still verify. Copies elsewhere, such as backups, "
            "are beyond this gateway."
        ),
    ),
    # --- kept ------------------------------------------------------------------------
    "kept-head": ("保存期限", "How long it is kept"),
    "kept-to": ("到 {day} 为止", "Until {day}"),
    "kept-rules": ("按第 {n} 版规则", "by rules version {n}"),
    "clip-hold": ("冻结这段记录", "Hold this clip"),
    # --- corrections -----------------------------------------------------------------
    "put-right": ("已更正", "put right"),
    "put-right-claim": ("原登记：", "claimed was:"),
    "put-right-known": ("依据", "known by"),
    "put-right-started": ("更正后的开始时间", "Its start, put right"),
    "correct": ("更正登记", "Put a claim right"),
    "correct-lead": (
        "封存的内容不变，原登记仍然显示在更正旁边；每次更正都记入日志。",
        "Nothing sealed changes, and the claim stays beside what is put right; each is on record.",
    ),
    "correct-field": ("更正什么", "What is put right"),
    "correct.officer": ("民警", "officer"),
    "correct.unit": ("单位", "unit"),
    "correct.started": ("开始时间", "start"),
    "correct-to": ("应为", "It is"),
    "correct-do": ("更正", "Put right"),
    "correct-started": ("实际开始时间", "When it began"),
    "correct-error": ("误差不超过（秒）", "Right to so many seconds"),
    "correct-known": ("从何得知", "How that is known"),
    "correct-started-do": ("更正时间", "Put the time right"),
    "correct-back": ("恢复原登记：{field}；事由", "Back to the claim: {field}; reason"),
    "correct-back-do": ("恢复", "Back"),
    "correct-history": ("更正历史", "Corrections so far"),
    "correct-claim-again": ("恢复原登记", "as claimed again"),
    # --- marks -----------------------------------------------------------------------
    "clip-marks": ("异议与密级", "Objections and secrecy"),
    "mark-add": ("加注标记", "Mark it"),
    "mark-lead": (
        "隐私等异议须由查看人、导出人确认知悉；密级限制谁能查看内容。",
        (
            "Whoever looks at it or hands it out has to take note of an objection; a class of "
            "secrecy narrows who may see it."
        ),
    ),
    "mark-label": ("标记", "Mark"),
    "mark-do": ("加注", "Mark"),
    "mark-until": ("有效至", "until"),
    "mark-until-hint": ("不填则直到有人撤回", "empty: until somebody takes it back"),
    "mark-lift": ("撤回", "Take back"),
    "mark-lift-why": ("撤回理由", "Why it is taken back"),
    "mark-gone": ("已撤回：", "taken back:"),
    # --- chapters --------------------------------------------------------------------
    "recording": ("分段录像", "Chapters of one recording"),
    "recording-proposed": (
        "按编号和时间，这些可能是同一次录像的分段（仅为推断）：",
        "By numbers and times these may be chapters of one recording; nobody has said so:",
    ),
    "chapter-gap": ("与上一段间隔 {s} 秒", "{s} s after the one before"),
    "chapter-gap-unknown": ("间隔不明", "gap not known"),
    "group-do": ("合并为一次录像", "Group them"),
    "group-by-hand": ("手工合并分段", "Group chapters by hand"),
    "group-hint": (
        "按先后列出记录编号，以空格分隔",
        "names of clips in order, with spaces between",
    ),
    "ungroup": ("取消合并", "Take the recording apart"),
    # --- by hand, keys, handing out --------------------------------------------------
    "imported": ("手工导入（不是来自记录仪）", "Imported by hand, off no camera"),
    "imported-from": ("来源", "from"),
    "key-supply": ("提供加密录像的密钥", "Supply the key of this encrypted clip"),
    "key-lead": (
        "密钥经试解后封存，不再显示，只用于制作预览；原始文件保持封存时的样子。",
        (
            "The key is tried, kept and never shown again; it serves for previews alone, and the "
            "original stays as it was sealed."
        ),
    ),
    "key-hex": ("密钥（32 位十六进制）", "Key, 32 hex digits"),
    "key-do": ("试用并保存", "Try and keep it"),
    "clip-export": ("导出这段记录的证据包", "Hand out a pack of this clip"),
    "clip-export-what": (
        "证据包含原始文件、签名记录与证明；预览副本不入包。导出先记入日志。",
        "The original, signed records and proofs; previews never. It goes on record first.",
    ),
    "clip-export-gone": (
        "证据包含签名记录、处置凭证与证明，没有内容。导出先记入日志。",
        "Signed records, the tombstone and proofs, without footage. It goes on record first.",
    ),
    # --- refusals --------------------------------------------------------------------
    "error.not-your-units-clip": (
        "您因案件看到这段记录；只有它自己的单位可以这样做。",
        "You see this clip by a case; this is for the clip's own unit.",
    ),
    "error.privacy-only": (
        "民警对自己的记录只能加注“个人隐私异议”。",
        "Officers mark what they recorded with an objection for privacy only.",
    ),
    "error.not-your-mark": (
        "这是他人加注的标记，请管理员撤回。",
        "Somebody else set this mark; a custodian can take it back.",
    ),
    "error.mark-gone": ("标记已被撤回。", "The mark was taken back already."),
    "error.mark-over": ("有效期已过。", "That time is over already."),
    "error.marks-unacknowledged": (
        "请刷新页面，并勾选已知悉的标记。",
        "Reload the page, and say that you took note of its marks.",
    ),
    "error.correction-empty": (
        "与现在的登记相同，没有可更正的。",
        "That is what counts already; there is nothing to put right.",
    ),
    "error.correction-in-future": (
        "这个时间还没有到。",
        "That time has not come yet, by this gateway's clock.",
    ),
    "error.clip-grouped": (
        "其中有记录已属于另一次录像，请先取消合并。",
        "One of them is a chapter of another recording; take that apart first.",
    ),
    "error.proposal-differs": (
        "推断已经变化，请刷新页面或手工合并。",
        "The rule proposes something else by now; reload, or group them by hand.",
    ),
    "error.recording-gone": ("已被取消合并。", "It was taken apart already."),
    "error.clip-twice": ("同一段记录写了两次。", "A clip is named twice."),
    "error.key-wrong": (
        "这个密钥打不开该录像，没有保存。",
        "This key does not open it; nothing was kept.",
    ),
    "error.key-untried": (
        "现在无法试用密钥，没有保存：{detail}",
        "The key could not be tried, and was not kept: {detail}",
    ),
    "error.not-encrypted": ("录像没有加密，不需要密钥。", "It is not encrypted and needs no key."),
    "error.nothing-to-export": ("没有可导出的内容。", "There is nothing to hand out."),
    "js.proof.unseen": (
        "此处能够核验的签名与证明全部成立；录像内容不在此处，未核验。",
        (
            "Every signature and proof that can be checked here is right; the footage is not here "
            "and was not checked."
        ),
    ),
}
