"""HTML of the report: two languages side by side, and nothing in it that was not escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from protocols.shown import shown

Rows = Iterable[tuple[str, str]]
NONE = "–"


def text(said: object) -> str:
    """A claim or value as text, its hidden characters made visible."""
    return NONE if said is None or said == "" else escape(shown(str(said)))


def code(said: object) -> str:
    """A digest, name or number, in letters of one width."""
    return f"<code>{text(said)}</code>"


def both(zh: str, en: str) -> str:
    """A label of ours in both languages; neither is escaped."""
    return f"<span lang=zh>{zh}</span> <span lang=en class=en>{en}</span>"


def table(rows: Rows, kind: str = "") -> str:
    """A table of names and values."""
    body = "".join(f"<tr><th scope=row>{name}<td>{value}" for name, value in rows)
    return f"<table class='facts {kind}'>{body}</table>" if body else ""


def grid(heads: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """A table with a head."""
    head = "".join(f"<th scope=col>{each}" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    if not body:
        return f"<p>{both('无', 'none')}</p>"
    return f"<table class='grid {kind}'><thead><tr>{head}</thead><tbody>{body}</tbody></table>"


def bullets(lines: Iterable[str]) -> str:
    """A list; the lines are HTML."""
    items = "".join(f"<li>{line}" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def lines(said: Iterable[str]) -> str:
    """Several lines in one cell; they are HTML."""
    return "<br>".join(said) or NONE


def when(at: Mapping[str, Any] | None) -> str:
    """A clock's word: time, how the clock was set, how far off it may be."""
    if not at:
        return NONE
    sources = {
        "ntp": both("已对时", "synchronised"),
        "rtc": both("电池时钟", "battery clock"),
        "unsynchronised": both("未对时", "unsynchronised"),
    }
    error = at.get("error_ms")
    bound = (
        both("误差不明", "error unknown")
        if error is None
        else both(f"误差 ≤ {int(error)} ms", f"error ≤ {int(error)} ms")
    )
    return f"{text(at.get('utc'))} ({sources.get(str(at.get('source')), '')}; {bound})"


def placed(act: Mapping[str, Any] | None) -> str:
    """Where a statement stands, and when its issuer says it was made."""
    if not act:
        return NONE
    entry = int(act["index"])
    return f"{both(f'日志第 {entry} 条', f'log entry {entry}')}, {when(act.get('at'))}"


def size_of(count: object) -> str:
    """A number of bytes, with its thousands apart."""
    return f"{count:,}" if isinstance(count, int) else NONE
