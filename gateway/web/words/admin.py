"""Pages for those who keep the gateway."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "admin": ("管理", "Admin"),
    "admin.people": ("人员", "People"),
    "admin.systems": ("办案系统", "Case systems"),
    "admin.policy": ("权限与规则", "Policy and rules"),
    "admin.state": ("运行状态", "State"),
    "people-lead": (
        "谁有账户、有什么权限。每次变更都进入日志。",
        "Who has an account and with which rights. Every change stands in the log.",
    ),
    "signs-in": ("登录", "Signing in"),
    "signs-in.no": ("已停用", "closed"),
    "signs-in.unset": ("尚未设置", "not set up yet"),
    "signs-in.ready": ("已设置", "set up"),
    "signs-in.provider": ("通过统一身份认证", "through the provider"),
    "signs-in.now": ("{n} 个会话，最近 {at}", "{n} open, last seen {at}"),
    "person-add": ("添加人员", "Add a person"),
    "person-roles": ("角色", "Roles"),
    "officer-number": ("民警编号（采集站所知）", "Officer number, as docks know it"),
    "unit-hint": (
        "单位路径，例如 市局/城东/一中队；不填则为全部单位",
        "path in the unit tree, such as 市局/城东; empty for all units",
    ),
    "person-why": ("事由（记入日志）", "Reason; it stands in the log"),
    "sign-in-by": ("登录方式", "Signs in with"),
    "sign-in-by.password": ("密码和动态验证码", "password and a code"),
    "sign-in-by.provider": ("统一身份认证", "the provider"),
    "add-do": ("添加", "Add"),
    "link-told": (
        "设置链接只显示这一次，三天内有效、用一次即失效。请当面或以可靠方式交给本人：",
        "Shown this once; good for three days, and once. Hand it to the person in a way you trust:",
    ),
    "person-change": ("变更权限", "Change rights"),
    "person-change-lead": (
        "变更后立即退出其所有会话。",
        "Whoever gets other rights is signed out at once.",
    ),
    "may-sign-in": ("账户有效，可以登录", "may sign in"),
    "change-do": ("保存变更", "Save changes"),
    "factor-reset": ("重设密码和验证器", "Reset password and second factor"),
    "factor-reset-lead": (
        "给丢失密码或手机的人一个新的设置链接；使用后旧的密码和验证器失效。",
        "A new link for who lost password or phone; the old ones end when it is used.",
    ),
    "factor-reset-do": ("生成新链接", "Make a new link"),
    "systems-lead": (
        "可以通过接口查询和关联的程序；密钥到期失效，也可以随时收回。",
        "Programs that may ask; their keys expire, and can be taken back at any time.",
    ),
    "systems-none": ("还没有办案系统。", "No case system may ask yet."),
    "case-system": ("办案系统", "case system"),
    "system": ("系统", "System"),
    "system-add": ("接入办案系统", "Let a case system ask"),
    "system-name": ("名称", "Name"),
    "expires-at": ("有效期至", "Expires"),
    "key-told": (
        "密钥只显示这一次，请立即存入办案系统：",
        "Shown this once; put it into the case system now:",
    ),
    "key-end": ("收回密钥", "Take the key back"),
    "key.good": ("有效", "good"),
    "key.soon": ("即将到期", "ends soon"),
    "key.over": ("已到期", "expired"),
    "key.ended": ("已收回", "taken back"),
    "admin.webhooks": ("事件推送", "Webhooks"),
    "webhooks-lead": (
        "办案系统登记的地址，发生了什么就按次序通知到那里，至少一次；失败会重试三天。",
        (
            "Addresses of case systems that are told what happens, in order and at least once. "
            "What fails is tried again for three days."
        ),
    ),
    "webhooks-none": ("没有事件推送。", "Events are sent nowhere."),
    "webhook": ("接收地址", "Receiver"),
    "webhook-url": ("地址（https://）", "Address (https://)"),
    "webhook-lost": (
        "地址随数据库遗失，请另建一个。",
        "Its address was lost with a database; make another.",
    ),
    "webhook-kinds": ("哪些事件", "Which events"),
    "webhook-kinds-all": ("全部", "all"),
    "webhook-kinds-hint": ("都不选则通知全部事件", "None chosen: all of them"),
    "webhook-client": ("为哪个办案系统", "For which case system"),
    "webhook-no-client": (
        "先接入一个办案系统，才能添加通知地址。",
        "A case system has to be let in before it can be told anything.",
    ),
    "webhook-add": ("添加通知地址", "Add a receiver"),
    "webhook-told-secret": (
        "签名密钥只显示这一次，请立即存入接收系统；通知从现在开始：",
        "Shown once: put this secret into the receiver now. It is told what happens from here on:",
    ),
    "webhook.upto": ("已通知至日志位置 {n}", "told up to log position {n}"),
    "webhook.on": ("正常", "well"),
    "webhook.failing": ("连续失败 {n} 次，将重试", "failed {n} times in a row; tried again"),
    "webhook.stopped": ("已停止", "given up"),
    "webhook.ended": ("已撤销", "ended"),
    "webhook-next": ("下次重试", "Next try"),
    "webhook-go-on": ("立即重试", "Try again now"),
    "webhook-go-on-what": (
        "从停下的地方继续，什么都没有丢失。",
        "It goes on where it stood; nothing is lost.",
    ),
    "webhook-secret": ("更换签名密钥", "Give it another secret"),
    "webhook-secret-what": (
        "一天之内新旧密钥同时签名，便于切换。",
        "For a day messages are signed with both, so that the receiver can change over.",
    ),
    "webhook-end": ("撤销接收地址", "End this receiver"),
    "webhook-end-what": (
        "不再通知这个地址，不能恢复；可以另建一个。",
        "It is told nothing any more, for good; another one can be made.",
    ),
    "deliveries": ("发送记录", "What was sent"),
    "deliveries-lead": ("最近一千次，新的在前。", "The newest thousand attempts, newest first."),
    "deliveries-none": ("还没有发送过。", "Nothing was sent yet."),
    "delivery-event": ("事件", "Event"),
    "delivery-at": ("时间", "When"),
    "delivery-came": ("结果", "What came of it"),
    "delivery-good": ("已送达", "told"),
    "delivery-bad": ("未送达", "not told"),
    "delivery-attempt": ("第 {n} 次", "attempt {n}"),
    "delivery-resent": ("应要求重发", "sent again on request"),
    "delivery-resend": ("重发", "Send again"),
    "failed.redirect": (
        "对方要求转到别处（{status}）；转址不予跟随。",
        "It redirects ({status}); redirects are not followed.",
    ),
    "failed.status": ("对方答复 {status}。", "It answered {status}."),
    "failed.no-answer": ("对方没有按时答复。", "It did not answer in time."),
    "failed.no-connection": (
        "无法连接，或对方证书不受信任。",
        "No connection, or its certificate is not trusted.",
    ),
    "failed.address": (
        "地址无法解析，或不允许连接到那里。",
        "Its name has no address, or this gateway does not connect there.",
    ),
    "error.webhook-address": (
        (
            "不能通知这个地址：须以 https:// 开头、可以解析；"
            "内网地址须由运维人员在 [webhooks] allow 中允许。"
        ),
        (
            "Not to this address: it begins with https:// and can be resolved; one in a private "
            "network has to be listed in [webhooks] allow."
        ),
    ),
    "error.webhooks-many": (
        "通知地址已达上限，请先撤销一个。",
        "There are as many receivers as there can be; end one first.",
    ),
    "error.webhook-over": (
        "该地址已撤销，请另建一个。",
        "This receiver was ended; make another.",
    ),
    "error.event-unknown": (
        "该事件已不在办案系统的权限内。",
        "This event is not for the case system any more.",
    ),
    "error.client-unknown": (
        "没有这个办案系统，或不在您的权限内。",
        "No such case system, or it is not yours.",
    ),
    "policy-lead": (
        "权限表就是全部的权限规定：每个接口和页面只按它判断。",
        "This table is the whole policy: every route and page goes by it and nothing else.",
    ),
    "reach.short.none": ("—", "—"),
    "reach.short.own": ("本人", "own"),
    "reach.short.unit": ("单位", "unit"),
    "rule-packs": ("保存期限规则", "Rule packs"),
    "rule-packs-none": (
        "尚未启用任何规则；在此之前没有记录会到期。",
        "None was adopted yet; until then nothing expires.",
    ),
    "rules-version": ("版本", "Version"),
    "jurisdiction": ("适用范围", "Jurisdiction"),
    "adopted-by": ("启用人", "Adopted by"),
    "state-lead": (
        "网关自身的运行情况；采集站的告警在“采集站”页。",
        "How the gateway itself is doing. Alarms are on the pages of docks.",
    ),
    "fact.broker": ("消息服务", "Broker"),
    "fact.store": ("存储剩余空间", "Space in the store"),
    "fact.queue": ("等待入库的记录", "Clips that wait to be stored"),
    "fact.witnesses": ("应答的见证人", "Witnesses that answer"),
    "fact.log-size": ("日志条目", "Entries of the log"),
    "fact.authority": ("证书签发机构", "Certificate authority"),
    "fact.crl": ("吊销列表", "Revocation list"),
    "fact.api": ("地址与证书到期日", "Address, and end of its certificate"),
    "fact.ends": ("即将到期的证书", "A certificate that ends soon"),
    "fact.database": ("数据库", "Database"),
    "fact.versions": ("程序版本", "Versions"),
    "fact.value.well": ("正常", "well"),
    "fact.value.away": ("不可用", "away"),
    "fact.value.none": ("未配置", "none"),
    "fact.value.no-intake": ("此进程不接收", "no intake in this process"),
    "error.client-taken": (
        "该名称已有密钥；请先收回。",
        "That name has a key; take it back first.",
    ),
    "error.expiry-past": ("有效期已过。", "That expiry lies in the past."),
}
