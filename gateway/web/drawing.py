"""How pages are drawn: templates, the reader's language, and what a page may load.

Whatever comes from outside is text: templates escape everything, and what would turn or hide
other text is shown as what it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.web.menu import menu
from gateway.web.words import WORDS
from protocols.pack.words import KINDS
from protocols.shown import shown

LANGUAGES: Final = ("zh", "en")
LANGUAGE_COOKIE: Final = "evidock-language"
_KILO, _MEGA, _GIGA = 10**3, 10**6, 10**9
_FOR_SCRIPTS: Final = ("error.", "js.")
"""Names of words that scripts use begin so."""

_CSP: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "media")),
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS: Final = {
    "content-security-policy": _CSP,
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def _finalized(value: object) -> object:
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    # Line by line: that a text has several lines hides nothing.
    return "\n".join(shown(line) for line in value.split("\n"))


_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    finalize=_finalized,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_of(request: Request) -> str:
    """The reader's language: as chosen, else the first of the browser's that is spoken here."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for each in request.headers.get("accept-language", "").lower().split(","):
        if each.strip()[:2] in LANGUAGES:
            return each.strip()[:2]
    return LANGUAGES[0]


def page(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    """Draw a page in the reader's language.

    Args:
        request: whose.
        template: its name below ``templates``.
        values: what it shows.
        status: of the answer.
    """
    language = language_of(request)
    words = {name: getattr(pair, language) for name, pair in WORDS.items()}
    for_scripts = {name: text for name, text in words.items() if name.startswith(_FOR_SCRIPTS)}
    values = {"who": None, **(values or {})}
    text = _TEMPLATES.get_template(template).render(
        {
            "language": language,
            "words": words,
            # A data block: no browser runs it, so that no policy has to allow it.
            "words_json": as_data(for_scripts),
            "here": request.url.path,
            "megabytes": megabytes,
            "kinds": KINDS if language == "zh" else {},
            "menu": menu(values["who"]),
            **values,
        }
    )
    return HTMLResponse(text, status.value, headers=dict(_HEADERS))


def megabytes(size: int) -> str:
    """A size as people compare sizes."""
    if size < _KILO:
        return f"{size} B"
    if size < _MEGA // 10:
        return f"{size / _KILO:,.1f} kB"
    return f"{size / _GIGA:,.1f} GB" if size >= _GIGA else f"{size / _MEGA:,.1f} MB"


def as_data(value: object) -> Markup:
    """A value as JSON inside a script element, which no browser runs."""
    # Inside a script element only "</" and "<!" mean anything.
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704
