"""Pages of keeping: what is due, disposals, holds, rules."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "keeping": ("保存与处置", "Keeping"),
    "keeping.due": ("到期", "Due"),
    "keeping.disposals": ("处置", "Disposals"),
    "keeping.holds": ("冻结", "Holds"),
    "keeping.unclassified": ("未分类", "Unclassified"),
    "keeping.rules": ("保存规则", "Rules"),
    "further": ("继续往下查看", "Look further"),
    # --- what is due -----------------------------------------------------------------
    "due-lead": (
        "按保存规则、案件与冻结逐段试算，不改动任何内容。到期的记录由一人提请、另一人批准，等待期满后才处置。",
        (
            "Reckoned clip by clip from rules, cases and holds; looking changes nothing. What is "
            "due is proposed by one person, approved by another, and waited for."
        ),
    ),
    "due-no-rules": (
        "尚未启用任何保存规则，因此没有记录会到期。",
        "No rules were adopted yet, so nothing is due.",
    ),
    "rules-unreadable": (
        "现行保存规则的文件读不出来：在修复之前，所有记录都保留。",
        "The file of the rules in force cannot be read: until it is restored, everything is kept.",
    ),
    "clock-unsure": (
        "网关的时钟现在不可信，因此不能提请，也不执行处置：",
        "The gateway's clock cannot be relied on now, so nothing is proposed or disposed of:",
    ),
    "due-by": ("截至（日末，UTC）", "Due by the end of (UTC)"),
    "due-show": ("显示", "Show"),
    "due-only": ("只看到期的", "what is due"),
    "due-kept-too": ("也看保留的", "what is kept, too"),
    "due-count": ("现在到期 {n} 段，{bytes}", "{n} due now, {bytes}"),
    "due-looked": ("（已看 {n} 段）", "({n} clips looked at)"),
    "due-none": ("没有符合条件的记录。", "There are no such clips."),
    "kept-until": ("保存至", "Kept until"),
    "kept-over": ("已到期", "due"),
    "kept-ever": ("不会自行到期", "never ends by itself"),
    "kept-why": ("依据", "Why"),
    "propose-why": ("提请处置的事由", "Why they are to be disposed of"),
    "propose-do": ("提请处置", "Propose"),
    "propose-lead": (
        "提请的名单固定不变，进入日志；须由另一名有权的人批准，本人不能批准。",
        (
            "The list is fixed and goes on record. Another person has to approve it; you cannot "
            "do so yourself."
        ),
    ),
    "unclassified-lead": (
        "没有类别、也没有关联案件的记录不会到期。关联到案件，或由民警在采集站选择类别后，才按规则计算。",
        (
            "What has no category and no case is never due. Tie it to a case, or have the officer "
            "choose a category at the dock; then the rules apply."
        ),
    ),
    "unclassified-none": ("没有未分类的记录。", "Nothing is unclassified."),
    # --- disposals -------------------------------------------------------------------
    "disposal": ("处置", "Disposal"),
    "disposals-lead": (
        "每一批处置：谁提请、谁批准、处置了什么。处置后留下凭证，记录与签名永久保存。",
        (
            "Every disposal: who proposed, who approved, what went. A tombstone stays, and so do "
            "records and signatures, for ever."
        ),
    ),
    "disposals-none": ("没有处置。", "There are no disposals."),
    "disposal.proposed": ("待批准", "waits for approval"),
    "disposal.approved": ("已批准，等待期内", "approved, waiting"),
    "disposal.refused": ("不予批准或已撤回", "refused or withdrawn"),
    "disposal.closed": ("已执行", "done"),
    "disposal-gone": ("已处置 {n} 段", "{n} disposed of"),
    "disposal-proposed": ("提请", "Proposed"),
    "disposal-approved": ("批准", "Approved"),
    "disposal-decided": ("决定", "Decided"),
    "disposal-rules": ("所依据的规则", "By which rules"),
    "disposal-due": ("到期日", "Due since"),
    "disposal-outcome": ("结果", "Outcome"),
    "disposal-waits": (
        "等待期：网关已运行 {waited} 小时，共需 {whole} 小时。期间可随时停止；执行前逐段再次核对。",
        (
            "Waiting: {waited} of {whole} hours that the gateway has to run. It can be stopped at "
            "any time, and each clip is looked at once more before it goes."
        ),
    ),
    "disposal-decide": ("决定", "Decide"),
    "against.person-unsure": (
        "无从确认提请人与批准人是两个人：请运维人员为双方登记民警编号，或双方都通过统一认证登录。",
        (
            "Nothing tells who proposes and who approves apart as two people: an operator sets "
            "officer numbers for both, or both sign in through the provider."
        ),
    ),
    "against.same-person": (
        "这是您本人提请的：须由另一人批准。您可以撤回。",
        "You proposed this yourself: another person has to approve it. You can withdraw it.",
    ),
    "disposal-others": (
        "须由执法监督人员批准。",
        "A supervisor has to approve it.",
    ),
    "approve-do": ("批准处置", "Approve"),
    "approve-lead": (
        "批准后开始等待期，期满即删除原始内容，无法恢复。请先看下方名单。",
        (
            "The waiting begins when you approve; after it the footage is removed and cannot be "
            "brought back. Read the list below first."
        ),
    ),
    "refuse-do": ("不予批准或停止", "Refuse or stop it"),
    "withdraw-do": ("撤回", "Withdraw it"),
    "refuse-lead": (
        "整批终止并记入日志；已经处置的不会恢复。",
        "It ends as a whole, on record; what is gone already stays gone.",
    ),
    "item-gone": ("已处置，留有凭证", "gone, with a tombstone"),
    "item-stays": ("保留", "stays"),
    "item-waits": ("待处置", "waits"),
    "item-would-stay": ("现在有依据保留，届时留下", "would stay, as things are"),
    "report": ("按数量与哈希核对", "By count and hash"),
    "report-right": (
        "日志、数据库与存储一致。",
        "Log, database and store agree.",
    ),
    "report-wrong": ("核对不符！", "They do NOT agree!"),
    "report-proposed": ("提请", "Proposed"),
    "report-gone": ("已处置", "Gone"),
    "report-left": ("留下", "Left out"),
    "report-list": ("已处置名单的摘要（重算）", "Digest over what is gone, recounted"),
    "report-signed": ("网关签名时的摘要", "The same, as the gateway signed it"),
    "left.hold": ("已冻结", "held"),
    "left.case": ("案件要求保存", "its case keeps it"),
    "left.exported": ("刚导出过", "handed out a while ago"),
    "left.floor": ("未满最低期限", "younger than the floor"),
    "left.rule": ("规则要求保存", "a rule keeps it"),
    "left.unclassified": ("尚未分类", "unclassified"),
    "left.marked-unclassified": ("重点标记，尚未分类", "marked, and unclassified"),
    "left.not-stored": ("内容不在库内", "not in the store"),
    "left.no-rules": ("没有可用的规则", "no rules"),
    "left.rules-changed": ("规则已变更", "other rules by then"),
    "left.untold": ("原因不向您显示", "why is not yours to read"),
    "left.differs": ("与提请时不同", "not what was proposed"),
    "count-all": ("全部清点", "Count over everything"),
    "count-lead": (
        "曾经封存的每一段记录，按日志、数据库（及存储）清点。",
        "Every clip that was ever sealed, by log and rows, and by the store if asked for.",
    ),
    "count-right": ("全部相符。", "Everything adds up."),
    "count-logged": ("日志中的封存", "Sealings in the log"),
    "count-aside": ("其中搁置", "Of these set aside"),
    "count-rows": ("数据库中的记录", "Clips by rows"),
    "count-tombstones": ("日志中的处置凭证", "Tombstones in the log"),
    "count-stored-bytes": ("在库内容", "Stored"),
    "count-gone-bytes": ("已处置内容", "Disposed of"),
    "count-looked": ("在存储中查看的对象", "Objects looked for in the store"),
    "count-store": (
        "连同存储一起清点（需要一些时间）",
        "Look for each in the store (takes a while)",
    ),
    # --- holds -----------------------------------------------------------------------
    "holds-lead": (
        "冻结的记录不会被处置，直到有人附理由解除；复查日期只是提醒，不会自行解除。",
        (
            "What is held is not disposed of until somebody lifts the hold with a reason; the day "
            "of review only reminds, and ends nothing."
        ),
    ),
    "holds.in-force": ("有效的", "in force"),
    "holds.due": ("应复查的", "to be looked at again"),
    "holds.lifted": ("已解除的", "lifted"),
    "holds-none-here": ("没有这样的冻结。", "There are no such holds."),
    "hold-over": ("冻结范围", "Over"),
    "hold-more": ("等，另有 {n} 段", "and {n} more"),
    "hold-lift-why": ("解除理由", "Why it is lifted"),
    "hold-review-hint": (
        "到期只提醒复查，不会自行解除；可以不填",
        "it reminds and ends nothing; may be left out",
    ),
    "hold-case": ("冻结一个案件", "Hold a case"),
    "hold-clips": ("冻结若干段记录", "Hold clips"),
    "hold-clips-hint": (
        "记录编号，以空格或逗号分隔；有一段不符则整批不冻结",
        "their names, with spaces between; either all of them are held or none",
    ),
    # --- rules -----------------------------------------------------------------------
    "rules-signer": ("签名密钥（SHA-256）", "Signed with the key of SHA-256"),
    "rules-file": ("文件 SHA-256", "SHA-256 of the file"),
    "rules-basis": ("依据", "On this basis"),
    "rules-floor": ("最低期限", "At least"),
    "rules-export": ("导出后保留", "After handing out"),
    "rules-zone": ("按何地的日期计算", "By the days of"),
    "rules-items": ("音像记录事项清单", "What is kept how long"),
    "rules-matter": ("执法类别与事项", "Category and matter"),
    "rules-when": ("适用于", "Applies to"),
    "rules-keep": ("保存期限", "Kept for"),
    "rules-cases": ("案卷保存期限", "Files of cases"),
    "rules-keep-closed": ("归档后保存", "After it was closed"),
    "rules-other": ("其他类别", "every other category"),
    "rules-before": ("以前的规则", "Rules before"),
    "keep-months": ("{n} 个月", "{n} months"),
    "keep-days": ("{n} 天", "{n} days"),
    "keep.permanent": ("永久", "for ever"),
    "keep.same-as-case": ("与案卷相同", "as its case"),
    "when-tag": ("民警选择的类别：", "tagged"),
    "when-case": ("关联案件的类别：", "a case of category"),
    "when-marked": ("记录仪上标为重点", "marked on the camera"),
    "method.text": ("文字记录", "in writing"),
    "method.key": ("关键环节音像记录", "key stages recorded"),
    "method.full": ("全程音像记录", "recorded throughout"),
    "rules-adopt": ("启用新的保存规则", "Adopt new rules"),
    "rules-adopt-lead": (
        "规则须由主管机关签名，版本须高于现行版本。启用即生效并进入日志；可能使记录提前到期，请先通读文件。",
        (
            "A pack counts when the authority signed it and its version is higher. It is in force "
            "at once, and on record; it may make clips due earlier, so read it first."
        ),
    ),
    "rules-no-keys": (
        "网关没有登记主管机关的公钥：请运维人员设置 [retention] keys。",
        "No authority's key is known here: an operator sets [retention] keys.",
    ),
    "rules-pack-file": ("规则文件 rules.toml", "The file rules.toml"),
    "rules-sig-file": ("签名文件 rules.toml.sig", "Its signature, rules.toml.sig"),
    "rules-adopt-do": ("启用", "Adopt"),
    # --- refusals --------------------------------------------------------------------
    "error.not-due": (
        "名单中有记录未到期，或已在另一批处置中：{detail}",
        "Something on the list is not due, or in another disposal: {detail}",
    ),
    "error.nothing-due": ("没有到期的记录。", "Nothing is due."),
    "error.clock-unsure": (
        "网关的时钟现在不可信，不能提请处置：{detail}",
        "The gateway's clock cannot be relied on now: {detail}",
    ),
    "error.rules-missing": ("没有可用的保存规则。", "No rules are in force that can be read."),
    "error.same-person": (
        "这是您本人提请的，须由另一人批准。",
        "You proposed this yourself; another person has to approve it.",
    ),
    "error.person-unsure": (
        "无从确认提请人与批准人是两个人：请运维人员登记民警编号，或通过统一认证登录。",
        (
            "Nothing tells who proposes and who approves apart as two people: an operator sets "
            "officer numbers, or both sign in through the provider."
        ),
    ),
    "error.disposal-over": (
        "这批处置已有决定，请刷新页面。",
        "This disposal was decided already; reload the page.",
    ),
    "error.disposal-unknown": (
        "没有这批处置，或不在您的权限内。",
        "No such disposal, or it is not for you.",
    ),
    "error.clip-disposed": (
        "记录已经处置，内容不复存在。",
        "The clip was disposed of; its footage is gone.",
    ),
    "error.hold-lifted": ("冻结已被解除。", "The hold was lifted already."),
    "error.hold-beyond-reach": (
        "这项冻结还涉及其他单位的记录，须由上级解除。",
        "This hold is on clips of other units, too; somebody above all of them can lift it.",
    ),
    "error.hold-unknown": (
        "没有这项冻结，或不在您的权限内。",
        "No such hold, or it is not for you.",
    ),
    "error.pack": ("不是可用的规则文件：{detail}", "Not a rule pack: {detail}"),
    "error.rules-unsigned": (
        "签名不成立，或不是登记的主管机关所签：{detail}",
        "Not signed by an authority that counts here: {detail}",
    ),
    "error.rules-older": (
        "版本不高于现行规则，不能启用。",
        "Its version is not higher than the one in force.",
    ),
    "error.rules-other": (
        "这是另一地区的规则，不能启用。",
        "These are another jurisdiction's rules.",
    ),
    "error.rules-authority": (
        "网关没有登记主管机关的公钥：{detail}",
        "No authority's key is known here: {detail}",
    ),
}
