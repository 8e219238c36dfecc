"""The slip as a page: what the daemon says of one docking, drawn to be printed or photographed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import segno
from markupsafe import Markup

from edge.kiosk.amounts import moment, size, trust
from edge.kiosk.phrases import TEXT
from edge.kiosk.reasons import outcome

_STATES: Final = {state: TEXT[state] for state in ("sealed", "released", "erased", "lost")}
# White around the code that readers need (ISO/IEC 18004), in squares.
_QUIET: Final = 4


def drawn(slip: Mapping[str, Any]) -> dict[str, Any]:
    """What the template of a slip is given.

    Args:
        slip: the daemon's answer to ``slip``.
    """
    clips = [_line(each) for each in slip["clips"]]
    return {
        "slip": slip,
        "qr": qr(slip["text"]),
        "clips": clips,
        "more": slip["clips_total"] - len(clips),
        "earlier": [_line(each) for each in slip["earlier"]],
        "leftovers": [{**each, "what": outcome(each["outcome"])} for each in slip["leftovers"]],
        "opened": _when(slip["opened"]),
        "closed": _when(slip["closed"]),
        "made": _when(slip["made"]),
        "stored": sum(each["state"] in {"released", "erased"} for each in slip["clips"]),
        "amount": size(sum(each["size"] for each in slip["clips"])),
    }


def qr(text: str) -> Markup:
    """A QR code as SVG without a size of its own; error correction M survives a smudge."""
    out = io.BytesIO()
    code = segno.make(text, error="m", micro=False, boost_error=False)
    code.save(
        out, kind="svg", border=_QUIET, xmldecl=False, svgns=True, omitsize=True, light="#fff"
    )
    # Segno writes numbers and colours alone; the text is in the pattern.
    return Markup(out.getvalue().decode())  # noqa: S704


def _line(clip: Mapping[str, Any]) -> dict[str, Any]:
    return {**clip, "amount": size(clip["size"]), "became": _STATES[clip["state"]]}


def _when(reading: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {"at": moment(str(reading["utc"])), "trust": trust(reading)}
