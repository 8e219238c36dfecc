"""Every fixed text of the pages, in Chinese and English."""

from __future__ import annotations

from typing import Final, NamedTuple


class Pair(NamedTuple):
    """A text in both languages."""

    zh: str
    en: str


WORDS: Final[dict[str, Pair]] = {
    name: Pair(*pair)
    for name, pair in {
        "acts": ("您可以做什么", "What you may do"),
        "act": ("事项", "Act"),
        "reach": ("范围", "How far"),
        "reach.none": ("不可", "not at all"),
        "reach.own": ("本人拍摄的记录", "what you recorded"),
        "reach.unit": ("本单位及下级单位", "your unit and those below it"),
        "reach.all": ("全部单位", "all units"),
        "clips.read": ("查看音视频记录清单", "list clips"),
        "clips.play": ("播放音视频记录", "play clips"),
        "trails.read": ("查看溯源轨迹", "read trails and proofs"),
        "cases.read": ("查看案件", "read cases"),
        "cases.open": ("建立案件", "open cases"),
        "cases.link": ("关联与解除关联", "tie clips to cases"),
        "exports.make": ("导出证据包", "hand out evidence packs"),
        "docks.read": ("查看采集站", "see docks"),
        "docks.manage": ("管理采集站", "manage docks"),
        "log.read": ("审阅透明日志", "read the log's records"),
        "log.prove": ("取得日志证明", "get proofs of the log"),
        "people.read": ("查看账户", "see accounts"),
        "people.manage": ("管理账户", "manage accounts"),
        "officer": ("民警", "officer"),
        "custodian": ("管理员", "custodian"),
        "handler": ("办案人员", "case handler"),
        "reviewer": ("法制审核人员", "legal reviewer"),
        "supervisor": ("执法监督人员", "supervisor"),
        "auditor": ("审计人员", "auditor"),
        "operator": ("运维人员", "operator"),
        "role": ("角色", "Roles"),
        "unit": ("单位", "Unit"),
        "signin": ("登录", "Sign in"),
        "signout": ("退出", "Sign out"),
        "signed-out": ("您已退出。", "You are signed out."),
        "login": ("用户名", "User name"),
        "login-hint": (
            "小写字母、数字、点或连字符，例如 wang",
            "small letters, digits, dots or hyphens, such as wang",
        ),
        "name": ("姓名", "Name"),
        "password": ("密码", "Password"),
        "password-again": ("再输入一次密码", "Password again"),
        "password-hint": (
            "至少 12 个字符，可以是一句话",
            "at least 12 characters; a sentence will do",
        ),
        "code": ("动态验证码", "Code from your app"),
        "code-hint": ("验证器应用现在显示的六位数字", "the six digits that the app shows now"),
        "setup": ("设置账户", "Set up your account"),
        "setup-first": ("建立第一个账户", "Make the first account"),
        "setup-why": (
            "第一个账户是运维人员：管理采集站和账户，看不到任何音视频。它再为其他人建立账户。",
            "The first account is an operator's: it makes the others, and sees no footage.",
        ),
        "setup-app": (
            "用手机上的验证器应用扫描二维码，或手工输入密钥：",
            "Scan this with an authenticator app on your phone, or type the key:",
        ),
        "setup-done": (
            "设置完成。请等验证器应用显示下一个验证码后登录。",
            "Done. Wait for the next code in your app, then sign in.",
        ),
        "setup-no-link": (
            "请完整打开收到的设置链接。",
            "Open the whole link that you were given.",
        ),
        "save": ("保存", "Save"),
        "working": ("请稍候……", "One moment…"),
        "language": ("English", "中文"),
        "api": ("接口说明", "API"),
        "hello": ("您已登录", "You are signed in"),
        "skip": ("跳到正文", "Skip to the content"),
        "error.sign-in-wrong": (
            "用户名、密码或验证码有误。每个验证码只能用一次，且只在半分钟内有效。",
            "Name, password or code is wrong. A code serves once, and for half a minute.",
        ),
        "error.account-closed": (
            "错误次数过多，该账户暂停登录 {seconds} 秒。",
            "Too many wrong answers: this account is closed for {seconds} seconds.",
        ),
        "error.code-wrong": (
            "这不是应用现在显示的验证码。请检查手机时间是否准确。",
            "This is not the code that the app shows now. Is the phone's clock right?",
        ),
        "error.password-weak": (
            "密码太容易猜到，或不足 12 个字符。",
            "The password is easily guessed, or shorter than 12 characters.",
        ),
        "error.link-over": (
            "链接已失效：已经用过、已被替换，或超过三天。请向运维人员另要一个。",
            "This link is good no more: used, replaced, or older than three days. Ask for another.",
        ),
        "error.account-taken": ("该用户名已有人使用。", "That user name is taken."),
        "error.request-invalid": ("填写的内容不合要求。", "Something was not filled in right."),
        "error.differ": ("两次输入的密码不一致。", "The two passwords differ."),
        "error.sign-in": (
            "长时间没有操作，已自动退出。请重新登录。",
            "You were signed out after a while without doing anything. Sign in again.",
        ),
        "error.away": (
            "网关没有应答。请稍后再试。",
            "The gateway does not answer. Try again in a while.",
        ),
        "error.other": ("未能完成：{detail}", "This could not be done: {detail}"),
        "nothing-here": ("没有这个页面。", "There is no such page."),
    }.items()
}
"""By name; what depends on an act, a role or a problem is named like that."""
