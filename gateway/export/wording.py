"""``verify.html`` as it goes along in a pack: with the words of this program's reports.

It is one file: the modules of checks that the gateway's pages use, too, are put in. The page draws
report.html anew and compares. The words in it are those of one version of the program, so they are
put in when a pack is made and stand in the repository once.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from hashing.verdict import STEPS
from protocols.pack import page, words
from protocols.pack.report import NOT_SHOWN
from protocols.trail.story import WORDS

_PLACE: Final = b'<script type="application/json" id="given">null</script>'
# Pages check with the same code: it is kept once, in the order in which it needs each other.
_MODULES: Final = ("hashing.js", "trail.js", "reasons.js")
_SHARED: Final = re.compile(rb"^/\* hashing\.js, [^*]*\*/\n", re.MULTILINE)
_IMPORTS: Final = re.compile(rb"^import [^;]*;\n", re.MULTILINE)


def verifier_page() -> bytes:
    """The verifier that goes along, as one HTML file."""
    raw = files("gateway.export").joinpath("verify.html").read_bytes()
    raw = _SHARED.sub(lambda _: b"".join(_shared(name) for name in _MODULES), raw)
    # A "<" could end the element that they stand in.
    given = json.dumps(_given(), ensure_ascii=False).replace("<", "\\u003c").encode()
    return raw.replace(_PLACE, _PLACE.replace(b"null", given))


def _shared(name: str) -> bytes:
    """A module of the pages as a part of one script: its names are all there already."""
    raw = files("gateway.web").joinpath("static", name).read_bytes()
    return _IMPORTS.sub(b"", raw).replace(b"\nexport ", b"\n")


def _given() -> dict[str, Any]:
    return {
        "tool": f"evidock-gateway {version('evidock')}",
        "says": {kind.kind: said for kind, said in WORDS.items()},
        "steps": {str(step): name for step, name in STEPS.items()},
        "steps_zh": {str(step): name for step, name in words.STEPS.items()},
        "not_shown": list(NOT_SHOWN),
        "limits": words.LIMITS,
        "kinds": words.KINDS,
        "outcomes": words.OUTCOMES,
        "dispositions": words.DISPOSITIONS,
        "style": words.STYLE,
        "own": page.OWN,
        "readers": page.READERS,
    }
