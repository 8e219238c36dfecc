"""What every page has, and what several have."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "signout": ("退出", "Sign out"),
    "save": ("保存", "Save"),
    "working": ("请稍候……", "One moment…"),
    "language": ("English", "中文"),
    "skip": ("跳到正文", "Skip to the content"),
    "home": ("首页", "Home"),
    "menu": ("主菜单", "Main menu"),
    "me": ("我的账户", "My account"),
    "stale": (
        "网关暂时没有应答，以下内容可能已经过时。",
        "The gateway does not answer; what follows may be out of date.",
    ),
    "copy": ("复制", "Copy"),
    "copied": ("已复制", "Copied"),
    "newer": ("更新的", "Newer"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "any": ("全部", "any"),
    "find": ("查找", "Find"),
    "find.all": ("显示全部", "Show all"),
    "js.moment-hint": ("年-月-日 时:分，{zone}", "year-month-day hour:minute, {zone}"),
    "older": ("更早的", "Older"),
    "reason": ("事由", "Reason"),
    "download": ("下载", "Download"),
    "clips": ("音视频记录", "Clips"),
    "cases": ("案件", "Cases"),
    "dock": ("采集站", "Dock"),
    "page-unknown": (
        "没有这个页面，或不在您的权限内。",
        "There is no such page, or it is not for you.",
    ),
    "page-unreadable": (
        "网址或所填的条件无法理解。请返回检查所填内容。",
        "The address, or something filled in, cannot be understood. Go back and check it.",
    ),
    "page-refused": ("您的角色不能查看此页。", "Your roles do not allow this page."),
    "page-failed": (
        "网关出了差错，没有完成；再试一次不会有害。原因记在网关自己的日志里。",
        "The gateway failed at this. Asking again does no harm; its own log says why.",
    ),
    "page-away": (
        "网关暂时不能应答，请稍后再试。",
        "The gateway cannot answer now. Try again soon.",
    ),
    "nothing-here": ("没有这个页面。", "There is no such page."),
}
