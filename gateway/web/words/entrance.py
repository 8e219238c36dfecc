"""Signing in and setting up an account."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "signin": ("登录", "Sign in"),
    "signin-password": ("或使用本系统密码", "Or with a password of this gateway"),
    "signin-arrived": ("已登录，继续", "You are signed in; go on"),
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
        "第一个账户是运维人员：管理采集站和账户，看不到任何音视频。由该账户再为其他人建立账户。",
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
    "api": ("接口说明", "API"),
    "hello": ("您已登录", "You are signed in"),
}
