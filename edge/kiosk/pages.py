"""The addresses of the screen: bays, what is still to do for a docking, slips, alarms.

Every page is drawn from what the daemon answers at that moment; nothing is kept here. What
an officer taps goes to the daemon as a question, and comes back as on record or as refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from edge.codes import Declined
from edge.kiosk import alarms, reasons, view
from edge.kiosk.amounts import Pair, lasted, moment, size, tame
from edge.kiosk.line import DaemonLine, NoAnswer, Refused
from edge.kiosk.lookout import BadForm, Forms
from edge.kiosk.pad import marks
from edge.kiosk.phrases import SENTENCES, TEXT, filled
from edge.kiosk.slip_page import drawn
from protocols.caselist import CATEGORIES, REASONS

_HERE: Final = Path(__file__).parent
_BEAT_S: Final = 1.0
_STREAMS: Final = 16
_SPOKEN: Final = 500
_STALE_S: Final = 3600.0
_YEAR_S: Final = 365 * 86_400
_COOKIE: Final = "language"

Answer = dict[str, Any]


class Pages:
    """All pages over one line to the daemon."""

    def __init__(self, line: DaemonLine, languages: tuple[str, str]) -> None:
        self._line = line
        self._languages = languages
        self._forms = Forms()
        self._streams: list[object] = []
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_finalized,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(text=TEXT, filled=filled, size=size)

    def routes(self) -> list[BaseRoute]:
        """What is served where."""
        return [
            Route("/", self._bays),
            Route("/events", self._events),
            Route("/alarms", self._alarms),
            Route("/slips", self._slips),
            Route("/slip/{session}", self._slip),
            Route("/docking/{session}", self._docking),
            Route("/docking/{session}/{what:str}", self._choose, methods=["GET"]),
            Route("/docking/{session}/{what:str}", self._chosen, methods=["POST"]),
            Route("/language", self._language, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]

    # --- bays -----------------------------------------------------------------------

    async def _bays(self, request: Request) -> Response:
        return self._page(request, "bays.html")

    async def _events(self, _: Request) -> Response:
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=headers)

    async def _stream(self) -> AsyncGenerator[str, None]:
        mine = object()
        self._streams.append(mine)
        # The newest is the screen that somebody stands before: whoever took all places on this
        # machine before it, or left them open, does not keep it blank.
        del self._streams[:-_STREAMS]
        try:
            yield "retry: 1000\n\n"
            while mine in self._streams:
                rung = self._line.changed.listen()
                yield f"data: {json.dumps(self._seen(), ensure_ascii=False)}\n\n"
                await self._line.changed.wait(_BEAT_S, rung)
        finally:
            with contextlib.suppress(ValueError):
                self._streams.remove(mine)

    def _seen(self) -> view.Shown:
        answer, age_s = self._line.answer, self._line.age_s
        if answer is None:
            return view.lost(age_s, self._line.problem)
        return view.screen(answer, age_s)

    async def _alarms(self, request: Request) -> Response:
        answer = self._line.answer
        if answer is None:
            raise NoAnswer(self._line.problem)
        refusals = answer["refusals"]
        standing = [
            {**each, "plain": alarms.plain(each["code"]), "since": moment(each["raised"])}
            for each in answer["alarms"]
        ]
        return self._page(
            request,
            "alarms.html",
            alarms=standing,
            unknown=alarms.UNKNOWN,
            refusals=[{**each, "plain": reasons.refusal(each["code"])} for each in refusals],
            strays=[
                {**each, "plain": view.why_not(each)}
                for each in (*answer.get("usb_refused", ()), *answer.get("unplaced", ()))
            ],
        )

    # --- slips ----------------------------------------------------------------------

    async def _slips(self, request: Request) -> Response:
        answer = self._line.answer
        if answer is None:
            raise NoAnswer(self._line.problem)
        rows = [{**row, "at": moment(row["opened"])} for row in answer["recent"]]
        return self._page(request, "slips.html", rows=rows)

    async def _slip(self, request: Request) -> Response:
        slip = await self._ask_slip(request)
        return self._page(request, "slip.html", **drawn(slip))

    async def _ask_slip(self, request: Request) -> Answer:
        answer = await self._line.ask({"cmd": "slip", "session": request.path_params["session"]})
        slip: Answer = answer["slip"]
        return slip

    async def _ask_known(self, slip: Answer) -> Answer:
        try:
            return await self._line.ask({"cmd": "cases", "officer": slip["officer"]})
        except Refused:
            # Whatever kept the daemon from it, the page says that there is no list.
            return {}

    # --- what is still to do ----------------------------------------------------------

    async def _docking(self, request: Request) -> Response:
        slip = await self._ask_slip(request)
        known = await self._ask_known(slip)
        done = request.query_params.get("done", "")
        return self._page(
            request,
            "docking.html",
            slip=slip,
            opened=moment(slip["opened"]["utc"]),
            tags=_tags(slip),
            trouble=view.trouble(self._line.answer, slip),
            category=_names(known, "categories"),
            reason=_names(known, "reasons"),
            done=int(done) if done.isdecimal() and len(done) < len("1000000") else None,
            noted="noted" in request.query_params,
        )

    async def _choose(self, request: Request) -> Response:
        what = request.path_params["what"]
        if what not in _CHOICES:
            raise HTTPException(404)
        slip = await self._ask_slip(request)
        known = await self._ask_known(slip)
        stale_s = known.get("stale_s")
        return self._page(
            request,
            "choose.html",
            what=what,
            slip=slip,
            known=known,
            clips=_offered(slip),
            stale=lasted(stale_s) if stale_s is not None and stale_s > _STALE_S else None,
            category=_names(known, "categories"),
            sentences=SENTENCES,
            marks=marks(case["case_no"] for case in known.get("cases", ())),
        )

    async def _chosen(self, request: Request) -> Response:
        session, what = request.path_params["session"], request.path_params["what"]
        if what not in _CHOICES:
            raise HTTPException(404)
        fields = await self._forms.read(request)
        slip = await self._ask_slip(request)
        if what == "reason":
            await self._line.ask(_note(slip, fields))
            return RedirectResponse(f"/docking/{session}?noted=1", 303)
        answer = await self._line.ask(_tag(slip, what, fields))
        return RedirectResponse(f"/docking/{session}?done={int(answer['tagged'])}", 303)

    # --- around them ------------------------------------------------------------------

    async def _language(self, request: Request) -> Response:
        fields = await self._forms.read(request)
        back = fields.get("back", ["/"])[0]
        # A path of this server: nothing that a browser takes for another one.
        safe = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
        answer = RedirectResponse(back if safe else "/", 303)
        other = self._order(request)[1]
        answer.set_cookie(_COOKIE, other, max_age=_YEAR_S, httponly=True, samesite="strict")
        return answer

    async def failed(self, request: Request, error: Exception) -> Response:
        """The page that says what was not done, and why."""
        values: Mapping[str, Any] = {}
        match error:
            case HTTPException():
                status, code, detail = error.status_code, Declined.NO_PAGE.value, ""
            case NoAnswer():
                status, code, detail = 503, Declined.NO_ANSWER.value, ""
            case BadForm():
                status, code, detail = 403, Declined.OLD_PAGE.value, ""
            case Refused():
                status, code, detail = 409, error.code, str(error)
                values = error.values
            case _:
                # A screen without a keyboard needs a way back from what nobody thought of too.
                status, code, detail = 500, Declined.FAILED.value, ""
        why = reasons.declined(code, values)
        return self._page(request, "failed.html", status, why=why, word=code, detail=detail)

    def _order(self, request: Request) -> tuple[str, str]:
        chosen = request.cookies.get(_COOKIE)
        return self._languages[::-1] if chosen == self._languages[1] else self._languages

    def _page(self, request: Request, template: str, code: int = 200, **values: Any) -> Response:  # noqa: ANN401  # whatever a template shows
        first, second = self._order(request)
        place = {"zh": 0, "en": 1}
        text = self._templates.get_template(template).render(
            first=first,
            second=second,
            one=place[first],
            two=place[second],
            token=self._forms.token,
            here=request.url.path,
            **values,
        )
        return HTMLResponse(text, code)


def _finalized(value: object) -> object:
    return tame(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_CHOICES: Final = frozenset({"case", "category", "reason"})


def _names(known: Answer, what: str) -> Callable[[str], Pair]:
    """Names of the codes of ``categories`` or ``reasons``; an unknown one is its own name."""
    built_in = CATEGORIES if what == "categories" else REASONS
    names = {each.code: (each.zh, each.en) for each in built_in}
    names |= {each["code"]: (each["zh"], each["en"]) for each in known.get(what, ())}
    return lambda code: names.get(code, (code, ""))


def _offered(slip: Mapping[str, Any]) -> list[Answer]:
    """Clips an officer may tag; ``mine`` are chosen unless he says otherwise.

    What else was on the card may be of another shift, but not when the power went meanwhile.
    """
    own = [{**each, "mine": True} for each in slip["clips"]]
    return own + [{**each, "mine": each["cut"]} for each in slip["earlier"]]


def _tag(slip: Mapping[str, Any], what: str, fields: Mapping[str, list[str]]) -> Answer:
    """The question that tags clips; all of a docking's are named by its session."""
    chosen = set(fields.get("clip", ()))
    clips = [each["clip"] for each in _offered(slip) if each["clip"] in chosen]
    if not clips:
        raise Refused("no clip was chosen", Declined.NO_CLIP_CHOSEN)
    every = clips == [each["clip"] for each in slip["clips"]]
    value = fields.get("choice", [""])[0][:_SPOKEN]
    if not value:
        raise Refused("nothing was chosen", Declined.NOTHING_CHOSEN)
    return {
        "cmd": "tag",
        **({"session": slip["session"]} if every else {"clips": clips}),
        "case_no": value if what == "case" else None,
        "category": value if what == "category" else None,
        "officer": slip["officer"],
    }


def _note(slip: Mapping[str, Any], fields: Mapping[str, list[str]]) -> Answer:
    reason = fields.get("choice", [""])[0][:_SPOKEN]
    if not reason:
        raise Refused("nothing was chosen", Declined.NOTHING_CHOSEN)
    return {
        "cmd": "note",
        "session": slip["session"],
        "reason": reason,
        "text": fields.get("text", [""])[0][:_SPOKEN].strip() or None,
        "officer": slip["officer"],
    }


def _tags(slip: Mapping[str, Any]) -> list[tuple[Pair, str, int]]:
    """What officers said of the clips so far: which kind, what, of how many."""
    counts: dict[tuple[str, str], int] = {}
    for clip in _offered(slip):
        for key, what in (("case_no", "case-of"), ("category", "category-of")):
            if clip[key]:
                counts[what, clip[key]] = counts.get((what, clip[key]), 0) + 1
    return [(TEXT[what], value, count) for (what, value), count in counts.items()]
