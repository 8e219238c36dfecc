"""Examples of the main bodies and answers of the API, by the names of their schemas.

They stand in the OpenAPI document; a test holds each against the model that it is an example of.
"""

from __future__ import annotations

from typing import Any, Final

_CASE = "9a0c64f1d1c84c0f8e2b5f4a3d7e6b21"
_BY = "李警官"
_NUMBER = "云商执〔2026〕17号"

_LINK: Final = {
    "link": "5b1f0c9e7a3d4e2f8c6b1a0d9e8f7c6b",
    "clip": "dock7.0.12",
    "filed_under": _CASE,
    "how": "case-system",
    "by": "李警官 via platform",
    "why": "现场检查",
    "link_index": 42,
    "unlink_index": None,
    "unlinked_by": None,
    "unlink_why": None,
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "CaseAsked": {"case_no": _NUMBER, "title": "未按规定明码标价", "unit": "市局", "by": _BY},
    "ParticularsAsked": {
        "cause": "未按规定明码标价",
        "category": "行政处罚",
        "filed": "2026-02-24",
        "officers": [{"name": "王警官", "number": "014032"}],
        "parties": [{"name": "张*", "type": "person", "role": "当事人"}],
        "stages": [
            {
                "name": "调查取证",
                "start": "2026-02-24T09:30:00+08:00",
                "end": "2026-02-24T11:00:00+08:00",
            }
        ],
        "by": _BY,
    },
    "gateway__cases__schemas__LinkAsked": {
        "clip": "dock7.0.12",
        "by": _BY,
        "why": "现场检查",
        "how": "case-system",
    },
    "UnlinkAsked": {"by": _BY, "why": "同名案件，关联有误"},
    "AcceptAsked": {"by": _BY, "why": "同一现场"},
    "RejectAsked": {"by": _BY, "why": "同日另一起检查"},
    "ViewAsked": {"how": "play", "reason": "案件审核", "by": _BY},
    "ExportAsked": {
        "case_no": _NUMBER,
        "reason": "移送审核",
        "recipient": "市局法制支队",
        "by": _BY,
    },
    "WebhookAsked": {
        "url": "https://cases.example/evidock",
        "kinds": ["case.linked"],
        "by": _BY,
        "why": "平台联调",
    },
    "HoldAsked": {
        "case_no": _NUMBER,
        "reason": "行政诉讼",
        "authority": "区人民法院",
        "document": "2026行初12号",
        "until": "2027-06-30",
        "by": _BY,
    },
    "gateway__cases__schemas__LinkTold": _LINK,
    "CaseTold": {
        "case_no": _NUMBER,
        "case": _CASE,
        "title": None,
        "category": "行政处罚",
        "unit": "市局",
        "cause": "未按规定明码标价",
        "filed": "2026-02-24",
        "archive_no": None,
        "state": "open",
        "opened_by": "李警官 via platform",
        "opened_index": 40,
        "set_index": 41,
        "changed_index": 41,
        "created_at": "2026-02-24T03:10:00Z",
    },
    "RejectionTold": {
        "case_no": _NUMBER,
        "clip": "dock7.0.13",
        "by": "李警官 via platform",
        "why": "同日另一起检查",
        "rejected_index": 43,
    },
    "Problem": {
        "type": "urn:evidock:problem:changed-meanwhile",
        "title": "Precondition Failed",
        "status": 412,
        "detail": "it was changed since you read it (If-Match); read it again and decide anew",
        "code": "changed-meanwhile",
        "errors": [],
    },
}
