"""What pages say of refusals, by the problem's code."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "error.sign-in-wrong": (
        "用户名、密码或验证码有误。每个验证码只能用一次，且只在半分钟内有效。",
        "Name, password or code is wrong. A code serves once, and for half a minute.",
    ),
    "error.account-closed": (
        "错误次数过多，该账户暂停登录 {seconds} 秒。",
        "Too many wrong answers: this account is closed for {seconds} seconds.",
    ),
    "error.factors-unreadable": (
        "网关暂时无法读取验证器密钥。请联系运维人员，或索取新的设置链接。",
        "The gateway cannot read second factors now. Ask its operator, or for a new link.",
    ),
    "error.oidc-again": (
        "这次登录不是从本浏览器发起的，或已超过十分钟。请重新登录。",
        "This sign-in was not begun in this browser, or too long ago. Begin again.",
    ),
    "error.oidc-denied": (
        "统一认证没有允许您登录。",
        "The provider did not let you in.",
    ),
    "error.oidc-refused": (
        "统一认证的答复无法核实。请重试；若仍不行，请联系运维人员查看网关日志。",
        "What the provider says cannot be believed. Try again, or ask the operator to read why.",
    ),
    "error.oidc-nobody": (
        "统一认证认识您，但本系统没有为您开通账户。请联系运维人员。",
        "The provider knows you, but nobody here lets you in. Ask an operator for an account.",
    ),
    "error.oidc-away": (
        "统一认证暂时没有应答。可稍后再试；本地密码不受影响。",
        "The provider does not answer now. Try later; passwords of this gateway still work.",
    ),
    "error.oidc-none": ("没有配置统一认证。", "No provider is configured."),
    "error.provided": (
        "该账户通过统一认证登录，没有本系统密码。",
        "This account signs in through the provider and has no password here.",
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
    "error.request-invalid": (
        "填写的内容不合要求：{what}",
        "Something was not filled in right: {what}",
    ),
    "error.changed-meanwhile": (
        "您打开页面之后，有人更改过。请重新载入页面，再作决定。",
        "Somebody changed it since you opened this page. Load it again, and decide anew.",
    ),
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
    "error.not-allowed": ("您的角色不能这样做。", "Your roles do not allow this."),
    "error.clip-unknown": (
        "没有这段记录，或不在您的权限内。",
        "No such clip, or it is not for you.",
    ),
    "error.case-differs": (
        "该案号已有案件，且名称、类别或单位不同。",
        "There is a case of that number with another title, category or unit.",
    ),
    "error.link-differs": (
        "这段记录已由他人或因其他事由关联到本案。",
        "It is tied to this case already, by somebody else or for another reason.",
    ),
    "error.beyond-your-unit": ("超出您的单位范围。", "This is beyond your unit."),
    "error.must-match": (
        "请原样输入“{detail}”以确认。",
        "To confirm, type {detail} exactly.",
    ),
    "error.case-unknown": (
        "没有这个案号的案件，或不在您的权限内。案号须与建立时完全相同。",
        "No case has exactly that number, or it is not for you.",
    ),
    "error.case-sealed": (
        "案卷已封存，不能更改。须先启封。",
        "The file of this case is closed. It has to be opened again first.",
    ),
    "error.case-merged": (
        "本案已并入另一案件，请在那里办理。",
        "This case is part of another now; act on that one.",
    ),
    "error.case-number-taken": (
        "该案号属于或曾属于另一案件。若是同一件案子，请并案。",
        "Another case has or had that number. Merge the two if they are one.",
    ),
    "error.case-into-itself": (
        "这是本案自己的案号，不能并入自己。",
        "That is a number of this very case.",
    ),
    "error.case-busy": (
        "刚才有人对本案作了登记。请重新载入后再办。",
        "Somebody stated something about this case just now. Reload the page and try again.",
    ),
    "error.case-unit-differs": (
        "本案属于另一单位；改变单位请用移送。",
        "The case counts to another unit; a transfer changes that.",
    ),
    "error.stage-unknown": (
        "本案没有这个执法环节，可能刚被更改。请重新载入。",
        "The case has no such stage; it may have been changed. Reload the page.",
    ),
    "error.link-unknown": (
        "这段记录没有关联到本案，可能已被解除。请重新载入。",
        "It is not tied to this case; somebody may have untied it. Reload the page.",
    ),
    "error.proposal-unknown": (
        "不再建议这段记录，可能已有人处理。请重新载入，或凭事由直接关联。",
        "It is not proposed any more; somebody may have decided. Reload, or tie it with a reason.",
    ),
    "error.clip-linked": (
        "这段记录已关联到本案；要撤回请解除关联。",
        "It is tied to this case already; untie it instead.",
    ),
    "error.classified": (
        "该记录定有密级，您的角色不能这样做。",
        "It has a class of secrecy, and your roles do not allow this.",
    ),
    "error.view-needed": (
        "请先说明查看事由。",
        "Say first why you look at it.",
    ),
}
