"""The trail as a picture, and as a list."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "lane.camera": ("记录仪", "Camera"),
    "lane.camera.sub": ("仓位", "in its bay"),
    "lane.dock": ("采集站", "Dock"),
    "lane.dock.sub": ("封存", "seals"),
    "lane.store": ("网关", "Gateway"),
    "lane.store.sub": ("入库保存", "keeps"),
    "lane.case": ("案件", "Case"),
    "lane.case.sub": ("关联", "links"),
    "lane.people": ("人员", "People"),
    "lane.people.sub": ("查看、接收", "look, receive"),
    "picture-caption": (
        "自上而下按日志次序；箭头是录像内容的去向，时间旁是钟的来源与误差（UTC）。重复的合并为一行。",
        (
            "In the order of the log, from the top; arrows are where the footage went. Beside each "
            "time stands how good the clock was (UTC). What repeats is one row."
        ),
    ),
    "picture-title": ("从仓位到案件与查看人的经过", "How it came from the bay to cases and people"),
    "picture-left": (
        "另有 {count} 行未画出，见列表。",
        "{count} more rows are not drawn; the list has them.",
    ),
    "trail-list": ("逐条文字（{count} 条）", "All {count} entries in words"),
}
