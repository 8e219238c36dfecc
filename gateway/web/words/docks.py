"""Pages of docks."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "docks": ("采集站", "Docks"),
    "docks-lead": (
        "哪些采集站的签名可信、状态如何、哪里需要人处理。",
        "Whose signatures count, how each dock is doing, and what needs a person.",
    ),
    "health": ("状态", "Health"),
    "ledger": ("存证链", "Ledger"),
    "ledger.logged": ("已入日志至 {n}", "logged up to {n}"),
    "ledger.announced": ("采集站报告至 {n}", "the dock says {n}"),
    "ledger.behind": ("尚有 {n} 条未入日志", "{n} entries behind"),
    "ledger.even": ("全部已入日志", "all logged"),
    "ledger.none": ("尚无条目", "no entry yet"),
    "ledger.unknown": ("无法比较", "cannot be compared"),
    "version": ("程序版本", "Version"),
    "free": ("剩余空间", "Free space"),
    "clock": ("时钟", "Clock"),
    "clock-at": ("最近一次封存时", "at its last sealing"),
    "clock-source.ntp": ("网络对时", "synchronised"),
    "clock-source.rtc": ("电池时钟", "battery clock"),
    "clock-source.unsynchronised": ("未对时", "not synchronised"),
    "clock-unbounded": ("误差未知", "error unknown"),
    "waiting": ("等待放行", "Waiting for release"),
    "key": ("签名密钥", "Statement key"),
    "enrolled": ("登记", "Enrolled"),
    "revoked-from": (
        "只信任到条目 {n}；其后的签名不予采信。",
        "Trusted up to its entry {n} and no further.",
    ),
    "dockings": ("最近的采集批次", "Last dockings"),
    "dockings-none": ("尚未带来记录。", "No docking brought footage yet."),
    "docking": ("批次", "Docking"),
    "docking-sealed": ("封存时间（采集站时钟）", "Sealed, by the dock's clock"),
    "outcome": ("结果", "Outcome"),
    "notes": ("民警说明", "What officers noted"),
    "notes-none": ("没有说明。", "Nobody noted anything."),
    "note": ("说明", "Note"),
    "alarms-none": ("没有告警。", "No alarm stands."),
    "settle": ("已查明，结束告警", "It was looked into: end it"),
    "settle-found": ("查明的情况", "What was found"),
    "refusals": ("未受理的条目", "Entries that were not admitted"),
    "quarantine": ("隔离的条目", "Entries set aside"),
    "strangers": ("未登记而在发送消息的名称", "Names that speak without being enrolled"),
    "strangers-mean": (
        "可能是尚未登记的采集站，也可能是冒名者；消息一律不予处理。",
        "A dock that was not enrolled yet, or somebody else; nothing they say is heeded.",
    ),
    "enrol": ("登记采集站", "Enrol a dock"),
    "enrol-invite": (
        "生成一次性邀请码，半小时内在采集站上使用：evidock-edge enrol。",
        "An invitation is good once and for half an hour: use it at the dock, evidock-edge enrol.",
    ),
    "enrol-do": ("生成邀请", "Invite"),
    "enrol-off": (
        "本网关没有开放登记端口（[enrolment] names 未设置）；只能手工登记密钥。",
        "This gateway does not listen for docks to enrol ([enrolment] names): enrol keys by hand.",
    ),
    "enrol-told": (
        "邀请码只显示这一次，请在采集站上输入或扫描：",
        "Shown this once; type it at the dock, or let it scan this:",
    ),
    "enrol-by-hand": ("手工登记密钥", "Enrol a key by hand"),
    "enrol-by-hand-lead": (
        "公钥由采集站的 evidock-edge keygen 显示；请当面核对。",
        "The public key as evidock-edge keygen shows it at the dock; compare it face to face.",
    ),
    "dock-name": ("采集站名称", "Name of the dock"),
    "public-key": ("公钥（PEM）", "Public key (PEM)"),
    "how-handed": ("密钥如何交付（英文）", "How the key was handed over"),
    "invitations": ("未完成的邀请", "Open invitations"),
    "invited-by": ("邀请人", "By"),
    "expires": ("有效期至", "Until"),
    "state.open": ("未使用", "not used yet"),
    "state.begun": ("已开始", "begun"),
    "withdraw": ("撤回", "Withdraw"),
    "revoke": ("吊销采集站", "Revoke this dock"),
    "revoke-lead": (
        (
            "采集站被盗、密钥可能泄露时使用。所填条目之后的签名不再采信，且不能收回；名称不再使用。"
            "此前的签名永远有效，已入库的内容不会删除。"
        ),
        (
            "For a dock that was stolen, or whose key may be in other hands. What it signed "
            "after the entry named here counts no more, and that cannot be taken back; its name "
            "is never used again. What it signed before stays valid, and nothing is removed."
        ),
    ),
    "revoke-epoch": ("最后可信条目：纪元", "Last trusted entry: epoch"),
    "revoke-seq": ("最后可信条目：序号", "Last trusted entry: number"),
    "revoke-ahead": (
        "该条目确已由采集站签出，只是尚未入日志",
        "the dock surely made that entry, and it has not arrived yet",
    ),
    "type-name": ("输入采集站名称“{n}”以确认", "Type {n} to confirm"),
    "revoke-do": ("吊销", "Revoke"),
    "epoch": ("批准新纪元", "Approve a new epoch"),
    "epoch-lead": (
        "采集站的磁盘或数据库丢失而密钥仍在时，允许其存证链从纪元 {n} 重新开始；缺口记录在日志中。",
        (
            "For a dock that lost its disk and kept its key: its ledger may begin again as "
            "epoch {n}. The gap stands in the log."
        ),
    ),
    "epoch-do": ("批准纪元 {n}", "Approve epoch {n}"),
    "error.revocation-ahead": (
        "该条目超出日志中已有的全部条目，吊销不会有任何作用；请核对序号，或勾选“尚未入日志”。",
        "Nothing that far is logged: nothing would be revoked. Check the number, or tick the box.",
    ),
    "error.revocation-wider": (
        "已经从更早的条目起吊销。",
        "It is revoked from an earlier entry on already.",
    ),
    "error.dock-key-differs": (
        "该名称已登记另一个密钥；密钥不会被悄悄替换。",
        "That name has another key; a key is never swapped silently.",
    ),
    "error.key-taken": ("该密钥属于另一采集站。", "That key is another dock's."),
    "error.dock-revoked": (
        "该采集站已吊销，名称不再使用。",
        "That dock was revoked; its name is never used again.",
    ),
    "error.alarm-not-up": ("该告警已不存在。", "That alarm stands no more."),
}
