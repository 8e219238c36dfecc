"""``evidock-gateway log print``: a checkpoint on one sheet of paper, for whoever keeps paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import segno

from gateway.errors import SetupError
from gateway.trail.client import ApiClient, ApiError
from hashing.errors import HashingError
from hashing.note import Checkpoint, parse_note
from protocols.pack.markup import both, code, table, text
from protocols.pack.outside import cosigned_lines
from protocols.printed import printed_text

_QUIET = 4
_STYLE = (
    "body{font:13pt/1.5 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif;max-width:46rem;"
    "margin:1rem auto;padding:0 1rem;color:#000;background:#fff}h1{font-size:1.4rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:.2rem .5rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:30%}"
    "pre{font:9pt/1.35 ui-monospace,'DejaVu Sans Mono',monospace;white-space:pre-wrap;"
    "overflow-wrap:anywhere;border:1px solid #999;padding:.5rem}"
    "svg{display:block;width:10cm;height:10cm;margin:.5rem auto}"
    ".sign{border-bottom:1px solid #000;height:2.2rem}"
    "@page{size:A4;margin:12mm}@media print{body{margin:0;padding:0;max-width:none;"
    "font-size:10.5pt}pre,svg,tr{break-inside:avoid}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def print_checkpoint(client: ApiClient, out: Path | None) -> str:
    """The newest cosigned checkpoint, or the newest one if there is none, as text for a person.

    Args:
        client: of the gateway.
        out: where the sheet goes as one HTML page; None makes none.

    Raises:
        ApiError: the gateway does not answer, or with something else.
        SetupError: the sheet cannot be written, or is there already.
    """
    note = _newest(client)
    if out is not None:
        try:
            with out.open("xb") as file:
                file.write(sheet(note))
        except OSError as error:
            raise SetupError(f"{out}: {error.strerror}") from error
    return f"{note.decode()}\n{printed_text(note)}\n"


def sheet(note: bytes) -> bytes:
    """One page: what it is, the checkpoint, its cosignatures, and a code with all of it.

    Raises:
        DecodeError: not a checkpoint.
    """
    checkpoint = Checkpoint.parse(parse_note(note).text)
    rows = [
        (both("透明日志", "log"), code(checkpoint.origin)),
        (both("条目数", "entries"), text(checkpoint.size)),
        (both("根", "root"), code(checkpoint.root.hex())),
    ]
    for name, seconds in cosigned_lines(note):
        rows.append((both("见证人，时间", "cosigned by, at"), f"{text(name)}<br>{_when(seconds)}"))
    why = both(
        "保留此页：日后可凭它证明日志仍含有当日的全部条目，未被改写。",
        "Keep this page: with it anyone can show later that the log still has every entry of "
        "that day, and was not rewritten.",
    )
    how = "evidock-verify log LOG --trust trust.json --checkpoint scanned.txt"
    parts = [
        "<!doctype html><html lang=zh-CN><meta charset=utf-8>",
        f'<meta http-equiv=content-security-policy content="{_POLICY}">',
        f"<title>{text(checkpoint.origin)} {checkpoint.size}</title><style>{_STYLE}</style>",
        f"<h1>{both('日志检查点', 'Checkpoint of the log')}</h1><p>{why}</p>",
        table(rows),
        *_codes(note),
        f"<p>{both('扫描后核对', 'scan it, then')}: <code>{how}</code></p>",
        f"<pre>{text_lines(note)}</pre>",
        f"<p>{both('保管人、日期', 'kept by, date')}</p><div class=sign></div></html>\n",
    ]
    return "".join(parts).encode()


def text_lines(note: bytes) -> str:
    """The signed note line by line, fit to show."""
    return "\n".join(text(line) if line else "" for line in note.decode().split("\n"))


def _newest(client: ApiClient) -> bytes:
    answer = client.get("/log/cosigned", {"limit": 1})
    notes = answer.get("checkpoints") if isinstance(answer, dict) else None
    note = str(notes[0]) if notes else client.text("/log/checkpoint")
    raw = note.encode(errors="replace")
    try:
        Checkpoint.parse(parse_note(raw).text)
    except HashingError as error:
        raise ApiError("the gateway answered with something that is no checkpoint") from error
    return raw


def _codes(note: bytes) -> Iterator[str]:
    """The code, with as many cosignatures as fit into one; the others stand in the text."""
    whole, fitting = len(cosigned_lines(note)), note
    while len(printed_text(fitting)) > _MOST_L:
        fitting = fitting[: fitting.rindex(b"\n", 0, -1) + 1]
    yield _drawn(printed_text(fitting))
    there = len(cosigned_lines(fitting))
    if there < whole:
        zh = f"二维码内有 {whole} 个见证签名中的 {there} 个，其余见下文"
        en = f"the code has {there} of {whole} cosignatures; the rest is below"
        yield f"<p>{both(zh, en)}</p>"


def _drawn(said: str) -> str:
    out = io.BytesIO()
    made = segno.make(said, error="m" if len(said) < _MOST_M else "l", micro=False)
    made.save(
        out, kind="svg", border=_QUIET, xmldecl=False, svgns=True, omitsize=True, light="#fff"
    )
    return out.getvalue().decode()


# Letters that one code holds at levels M and L of correction (ISO/IEC 18004).
_MOST_M = 2_331
_MOST_L = 2_953


def _when(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"second {seconds}"
