"""The report's sections on clips and dockings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from protocols.pack.markup import (
    NONE,
    both,
    bullets,
    code,
    grid,
    lines,
    placed,
    size_of,
    table,
    text,
    when,
)
from protocols.pack.words import DISPOSITIONS

_Told = Mapping[str, Any]


def clip_section(clip: _Told) -> str:
    """One clip: what it is, its times, its digests, what happened to it."""
    head = f"<h2>{both('录像', 'Clip')} {text(clip['clip'])}</h2>"
    if "sealed" not in clip:
        return head + f"<p class=bad>{both('没有封存记录', 'its sealing is not in this pack')}</p>"
    parts = [
        head,
        table(_facts(clip)),
        f"<h3>{both('时间，以及是谁说的', 'Times, and who says so')}</h3>",
        table(_times(clip)),
        _late(clip),
        f"<h3>{both('摘要', 'Digests')}</h3>",
        grid(
            (both("何处", "where"), "SHA-256", both("何时", "when")),
            (
                (_where(each["where"]), code(each["sha256"]), placed_short(each))
                for each in clip["digests"]
            ),
            "wrap",
        ),
        f"<h3>{both('保管过程', 'Custody')}</h3>",
        table(_custody(clip)),
    ]
    return "".join(parts)


def placed_short(each: _Told) -> str:
    """Entry and time of one digest."""
    return placed({"index": each["entry"], "at": each["at"]})


_WHERE = {
    "on its way from the card, and again in the dock's spool": "采集时边读边算，并在采集站回读",
    "on the card, read again right before it was erased there": "清除前在原卡上再读一遍",
}


def _where(en: str) -> str:
    zh = _WHERE.get(en) or ("平台存储，修复后回读" if "mended" in en else "平台存储，回读")
    return both(zh, text(en))


def _facts(clip: _Told) -> Iterable[tuple[str, str]]:
    content, media = clip["content"], clip.get("media", {})
    yield both("原始文件名", "name on the card"), text(clip.get("name"))
    path = clip.get("path") or f"{clip.get('path_b64')} (base64)"
    yield both("卡上路径", "path on the card"), text(path)
    missing = f"<span class=bad>{both('不在包内：', 'not in this pack:')} "
    there = code(clip["file"]) if clip["file"] else f"{missing}{text(clip['missing'])}</span>"
    yield both("包内文件", "file in this pack"), there
    yield both("大小", "size"), f"{size_of(content['size'])} B"
    yield "SHA-256", code(content["sha256"])
    yield both("1 MiB 叶子树根", "root of 1 MiB leaves"), code(content["tree"]["root"])
    yield both("记录仪，自称", "camera, as it claims"), _claims(clip.get("camera", {}))
    yield both("民警，自称", "officer, as claimed"), text(clip.get("officer"))
    if clip.get("marked"):
        yield both("标记", "mark"), both("民警标为重点", "marked by the officer")
    yield both("媒体", "media"), _media(media)


def _claims(camera: _Told) -> str:
    return ", ".join(f"{text(name)} {text(value)}" for name, value in camera.items()) or NONE


def _media(media: _Told) -> str:
    said = [text(media.get("container"))]
    if media.get("duration_ms") is not None:
        said.append(f"{media['duration_ms'] / 1000:.1f} s")
    for stream in media.get("streams", ()):
        shape = f" {stream['width']}×{stream['height']}" if stream.get("width") else ""
        said.append(f"{text(stream.get('type'))} {text(stream.get('codec'))}{shape}")
    if media.get("playable") is False:
        said.append(both("无法播放", "does not play"))
    said += [text(warning) for warning in media.get("warnings", ())]
    return "; ".join(said)


# --- times --------------------------------------------------------------------------------


def _times(clip: _Told) -> Iterable[tuple[str, str]]:
    times = clip["times"]
    yield both("记录仪时钟", "camera's clock"), _camera_clock(times["camera_clock"])
    yield both("采集站时钟：入仓", "dock's clock: docked"), when(times["docked_at"])
    yield both("采集站时钟：封存", "dock's clock: sealed"), placed(clip["sealed"])
    knew = int(times["knew"] or 0)
    yield (
        both("封存时采集站已知", "the dock knew when it sealed"),
        both(
            f"日志的前 {knew} 条（次序，不是时间）",
            f"the log's first {knew} entries: place, no time",
        )
        if knew
        else NONE,
    )
    yield both("平台登记", "registered by the gateway"), when(times["registered"])
    after = [
        _sighted(each)
        for each in (times["not_after"]["cosigned"], times["not_after"]["stamped"])
        if each
    ]
    unseen = both("尚无外部见证或时间戳", "seen by nobody outside yet")
    yield (
        both("封存不晚于（须以其密钥核验）", "sealed not after (once checked with their keys)"),
        lines(after) if after else unseen,
    )


def _sighted(seen: _Told) -> str:
    size = int(seen["checkpoint"])
    who = (
        both(f"见证人 {text(seen['name'])}", f"witness {text(seen['name'])}")
        if "name" in seen
        else both("时间戳机构", "time stamping authority")
    )
    return f"{text(seen['at'])} ({who}, {both(f'检查点 {size}', f'checkpoint {size}')})"


def _camera_clock(clock: _Told) -> str:
    said = clock.get("started")
    parts = [
        both(
            f"记录仪时钟称 {text(said)}" if said else "记录仪未说明",
            f"the camera's clock said {text(said)}" if said else "the camera said nothing",
        )
    ]
    if clock.get("ended"):
        parts.append(both(f"至 {text(clock['ended'])}", f"to {text(clock['ended'])}"))
    offset, error = clock.get("offset_ms"), clock.get("offset_error_ms")
    bound = "?" if error is None else int(error)
    parts.append(
        both("入仓时误差未测", "its error was not measured at docking")
        if offset is None
        else both(
            f"入仓时偏差 {int(offset)} ± {bound} ms",
            f"it was off by {int(offset)} ± {bound} ms at docking",
        )
    )
    parts.append(
        both(f"读取方式：{text(clock.get('method'))}", f"learnt by {text(clock.get('method'))}")
    )
    interval = clock.get("interval") or {}
    if interval:
        first, last = text(interval.get("earliest")), text(interval.get("latest"))
        parts.append(
            both(
                f"据采集站推算，录制于 {first} 至 {last}",
                f"reckoned by the dock: {first} to {last}",
            )
            + f"; {both('依据', 'on this basis')}: {text(interval.get('basis'))}"
        )
    parts += [f"{both('存疑', 'doubt')}: {text(doubt)}" for doubt in clock.get("doubts", ())]
    return lines(parts)


def _late(clip: _Told) -> str:
    late = clip.get("late")
    if not late:
        return ""
    hours = int(late["hours"])
    zh = f"录制后约 {hours} 小时才放入采集站（超过 24 小时）"
    en = f"docked about {hours} hours after it was recorded, {text(late['basis'])} (more than 24)"
    return f"<p class=note>{both(zh, en)}</p>"


# --- custody ------------------------------------------------------------------------------


def _custody(clip: _Told) -> Iterable[tuple[str, str]]:
    docked = clip["docked"]
    yield both("入仓", "docked"), f"{text(docked.get('bay'))}, {placed(docked)}" if docked else NONE
    yield both("封存", "sealed"), placed(clip["sealed"])
    for act in clip["tagged"]:
        said = [text(act.get(name)) for name in ("case_no", "category", "officer") if act.get(name)]
        yield both("民警标注", "tagged at the dock"), f"{', '.join(said)}; {placed(act)}"
    for act in clip["stored"]:
        yield both("入库并回读", "stored and read back"), placed(act)
    for act in clip["repaired"]:
        words = f"{int(act['replaced'])} × 1 MiB; {text(act['by'])}: {text(act['reason'])}"
        yield both("库内副本修复", "copy in the store mended"), f"{words}; {placed(act)}"
    for act in clip["erased"]:
        yield both("原卡清除", "erased on the card"), placed(act)
    for act in clip["lost"]:
        yield both("采集站丢失", "lost at the dock"), f"{text(act['reason'])}; {placed(act)}"
    for act in clip["disposed"]:
        zh = f"第 {int(act['proposed'])} 条提请，第 {int(act['approved'])} 条批准"
        en = f"proposed at entry {int(act['proposed'])}, approved at entry {int(act['approved'])}"
        yield both("到期处置", "disposed of"), f"{both(zh, en)}; {placed(act)}"
    for act in clip["linked"]:
        name = both("关联", "linked") if act["act"] == "linked" else both("解除关联", "unlinked")
        words = f"{text(act['case_no'])}, {text(act['by'])}: {text(act['why'])}"
        yield name, f"{words}; {placed(act)}"
    for act in clip["exported"]:
        words = f"#{int(act['export'])}, {text(act['recipient'])}, {text(act['by'])}"
        yield both("导出", "handed out"), f"{words}: {text(act['reason'])}; {placed(act)}"


# --- dockings -----------------------------------------------------------------------------


def docking_section(docking: _Told) -> str:
    """One docking: everything that was on the card, and what became of it."""
    head = f"<h3>{both('采集批次', 'Docking')} {text(docking['session'])}</h3>"
    return head + table(_docking(docking)) + _left(docking)


def _docking(docking: _Told) -> Iterable[tuple[str, str]]:
    opened, closed = docking.get("opened"), docking.get("closed")
    if opened:
        yield both("仓位", "bay"), text(opened.get("bay"))
        yield both("开始", "opened"), placed(opened)
    yield both("结束", "closed"), placed(closed) if closed else both("尚未结束", "not closed yet")
    counts = docking["files"]
    if counts:
        said = [f"{_state(state)}: {int(count)}" for state, count in counts.items()]
        yield both("卡上文件", "files on the card"), lines(said)
    if closed:
        yield both("封存数", "sealed"), text(closed.get("sealed"))
        yield both("留在卡上", "left to the camera"), text(closed.get("leftovers_total"))
    for gap in docking["gaps"]:
        missing, after, before = (int(gap[name]) for name in ("missing", "after", "before"))
        zh = f"{after} 与 {before} 之间缺 {missing} 个；文件不在，或计数器被改动"
        en = f"{missing} between {after} and {before}: files that are gone, or a moved counter"
        yield both("编号缺口", "numbers missing"), both(zh, en)
    for absent in docking["absent"]:
        yield (
            both("机内清单有而卡上没有", "in the camera's own list, not there"),
            f"{int(absent['count'])}: {text(', '.join(absent.get('files', [])))}",
        )
    for note in docking["noted"]:
        words = ": ".join(text(note[name]) for name in ("reason", "text") if note.get(name))
        yield both("民警说明", "what the officer said"), f"{words}; {placed(note)}"


def _left(docking: _Told) -> str:
    closed = docking.get("closed") or {}
    left = closed.get("leftovers", [])
    rows = [_file(each, each.get("outcome")) for each in (*left, *docking["not_recordings"])]
    more = docking["not_recordings_total"] - len(docking["not_recordings"])
    if more > 0:
        rows.append(both(f"另有 {more} 个", f"and {more} more; the records name them"))
    return bullets(rows)


def _file(each: _Told, outcome: str | None) -> str:
    path = each.get("path") or f"{each.get('path_b64')} (base64)"
    clip = f" = {text(each['clip'])}" if each.get("clip") else ""
    reason = f": {text(each['reason'])}" if each.get("reason") else ""
    return f"{code(path)} {_state(outcome or each.get('disposition') or '')}{clip}{reason}"


def _state(state: str) -> str:
    zh, en = DISPOSITIONS.get(state, ("", text(state)))
    return both(zh, en)
