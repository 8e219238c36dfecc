"""Reports and pages of a genuine pack that say other than its records.

Nobody signs either, and everybody reads them. Both verifiers give each of these the same verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from protocols.pack import layout
from protocols.pack.page import report_page

Spoil = Callable[[Path], None]
CLIP = "dock7.0.3"


def _report(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """A report that says something else, and the page of that report."""

    def spoil(pack: Path) -> None:
        report = json.loads((pack / layout.REPORT).read_bytes())
        change(report)
        (pack / layout.REPORT).write_text(json.dumps(report, ensure_ascii=False))
        (pack / layout.PAGE).write_bytes(report_page(report))

    return spoil


def _says(value: object, *names: str | int) -> Spoil:
    """The report says this in the place that these names lead to."""

    def change(report: dict[str, Any]) -> None:
        inner: Any = report
        for name in names[:-1]:
            inner = inner[name]
        assert inner[names[-1]] != value
        inner[names[-1]] = value

    return _report(change)


def _says_more(name: str, value: object) -> Spoil:
    return _report(lambda report: report.update({name: value}))


def _page(old: str, new: str) -> Spoil:
    def spoil(pack: Path) -> None:
        text = (pack / layout.PAGE).read_text()
        assert old in text
        (pack / layout.PAGE).write_text(text.replace(old, new, 1))

    return spoil


def _later(report: dict[str, Any]) -> None:
    report["clips"][0]["sealed"]["at"]["utc"] = "2026-02-26T06:13:23.000Z"


def _another(report: dict[str, Any]) -> None:
    report["clips"].append(report["clips"][0] | {"clip": "dock7.0.9"})


def _condemned(report: dict[str, Any]) -> None:
    finding = {"step": 2, "outcome": "altered", "subject": CLIP, "reason": "not what was sealed"}
    report["verification"]["findings"].append(finding)
    report["verification"] |= {"outcome": "altered", "exit_code": 10}
    report["deviations"].append(f"step 2, altered: {CLIP}: not what was sealed")


def _witnessed(report: dict[str, Any]) -> None:
    seen = {"checkpoint": 17, "name": "court", "at": "2026-01-01T00:00:00.000Z"}
    report["log"]["witnesses"].append(seen | {"covers_all": True})


_FALSE = "0" * 64
_DEVIATES = "step 2, altered: dock7.0.3: not what was sealed"
REPORTS: Mapping[str, Spoil] = {
    "report of another version of itself": _says("yes", "clips", 0, "marked"),
    "report: size of a clip": _says(1, "clips", 0, "content", "size"),
    "report: digest of a clip": _says(_FALSE, "clips", 0, "content", "sha256"),
    "report: root of a clip": _says(_FALSE, "clips", 0, "content", "tree", "root"),
    "report: digest in the store": _says(_FALSE, "clips", 0, "digests", 1, "sha256"),
    "report: name on the card": _says("innocent.MP4", "clips", 0, "name"),
    "report: file in the pack": _says("data/originals/x.mp4", "clips", 0, "file"),
    "report: bytes that are there are missing": _says("burnt", "clips", 0, "missing"),
    "report: officer": _says("officer 1", "clips", 0, "officer"),
    "report: camera": _says("X1", "clips", 0, "camera", "model"),
    "report: camera's clock": _says("2020-01-01T00:00:00", "clips", 0, "camera_clock", "started"),
    "report: when it was docked": _says("2020", "clips", 0, "times", "docked_at", "utc"),
    "report: when it was sealed": _report(_later),
    "report: who linked it": _says("Wang", "clips", 0, "linked", 0, "by"),
    "report: docked late": _says({"hours": 99, "basis": "guess"}, "clips", 0, "late"),
    "report: erased": _says([{"index": 1, "at": None}], "clips", 0, "erased"),
    "report: length": _says(1_000, "clips", 0, "media", "duration_ms"),
    "report: a clip left out": _report(lambda report: report["clips"].pop()),
    "report: a clip more": _report(_another),
    "report: clips in another order": _report(lambda report: report["clips"].reverse()),
    "report: case": _says("2026-1", "about", "case_no"),
    "report: its number": _says("evidock/export/9", "id"),
    "report: export number": _says(9, "export", "number"),
    "report: reason": _says("none", "export", "reason"),
    "report: recipient": _says("the press", "export", "recipient"),
    "report: by whom": _says("Wang", "export", "by"),
    "report: checkpoint": _says(99, "log", "size"),
    "report: root of the log": _says(_FALSE, "log", "root"),
    "report: a witness made up": _report(_witnessed),
    "report: a stamp made up": _says(
        [{"checkpoint": 17, "at": "1999-01-01T00:00:00Z", "covers_all": True}], "log", "timestamps"
    ),
    "report: verdict": _says("altered", "verification", "outcome"),
    "report: a finding made up": _report(_condemned),
    "report: a finding left out": _report(
        lambda report: report["verification"]["findings"].remove(
            next(each for each in report["verification"]["findings"] if each["step"] == 4)
        )
    ),
    "report: a deviation": _report(lambda report: report["deviations"].append(_DEVIATES)),
    "report: how a key counts": _says(["by order of a court"], "keys", 3, "chain"),
    "report: signatures that hold": _says(0, "keys", 3, "intact"),
    "report: a key revoked": _says(
        {"last_epoch": 0, "last_seq": 0, "reason": "lost"}, "keys", 3, "revoked"
    ),
    "report: what happened": _says("clip.sealed: nothing", "events", 5, "text"),
    "report: whose signature fails": _says("unsigned", "events", 5, "signed"),
    "report: an event left out": _report(lambda report: report["events"].pop(5)),
    "report: files on the card": _says({"ingest": 1}, "dockings", 0, "files"),
    "report: how the docking ended": _says(1, "dockings", 0, "closed", "sealed"),
    "report: a gap": _says(
        [{"path": "DCIM", "after": 1, "before": 3, "missing": 1}], "dockings", 0, "gaps"
    ),
    "report: an earlier export": _says([], "handed_out"),
    "report: a note more": _report(lambda report: report["notes"].append("seen by a judge")),
    "report: no limits": _says([], "not_shown"),
    "report: a member more": _says_more("opinion", "verified by the court"),
    "report's page: digest": _page(">18d2586b", ">28d2586b"),
    "report's page: recipient": _page("People&#x27;s Court", "Press"),
    "report's page: verdict": _page("完整，未发现改动", "已被改动"),
    "report's page: a sentence more": _page("</html>", "<p>verified by the court</html>"),
    "report's page: a picture": _page("<h1>", "<h1 style='background:url(x.png)'>"),
    "report without its page": lambda pack: (pack / layout.PAGE).unlink(),
    "page without its report": lambda pack: (pack / layout.REPORT).unlink(),
}


def verdict_on(name: str) -> str:
    """What a pack with such a report is: altered, or incomplete without one."""
    return "incomplete" if "without" in name else "altered"
