"""The REST API of one gateway: routes of every feature under one roof.

It only reads what intake and log have made, and lets people open cases and link clips.
It opens nothing by itself: the services it is handed are running already.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field

from gateway import apidocs, problems
from gateway.access.gate import OPEN_TO_ALL, check_guarded
from gateway.accounts import routes as accounts
from gateway.addresses import WholeSegments
from gateway.apidocs import PREFIX
from gateway.ca import routes as certificates
from gateway.cases import change_routes as case_changes
from gateway.cases import routes as cases
from gateway.corrections import routes as corrections
from gateway.cosigning import routes as cosigning
from gateway.disposal import routes as disposal
from gateway.docks import routes as docks
from gateway.enrolment import routes as enrolment
from gateway.events import routes as events
from gateway.evidence import routes as evidence
from gateway.export import routes as exports
from gateway.given import Given
from gateway.guard import Guard
from gateway.holds import routes as holds
from gateway.idempotency.middleware import Idempotency
from gateway.intake import routes as attention
from gateway.log import routes as log
from gateway.log import tlog_routes
from gateway.marks import routes as marks
from gateway.previews import routes as previews
from gateway.proposals import routes as proposals
from gateway.recordings import routes as recordings
from gateway.retention import routes as retention
from gateway.services import Services
from gateway.stamping import routes as stamping
from gateway.views import routes as views
from gateway.web import admin as admin_pages
from gateway.web import case as case_page
from gateway.web import cases as case_pages
from gateway.web import clips as clip_pages
from gateway.web import disposals as disposal_pages
from gateway.web import docks as dock_pages
from gateway.web import holds as hold_pages
from gateway.web import keeping as keeping_pages
from gateway.web import log as log_pages
from gateway.web import oidc as provider_pages
from gateway.web import pages as entrance
from gateway.web import routing as page_routing
from gateway.web import rules as rules_pages
from gateway.web import today as today_pages
from gateway.web import webhooks as webhook_pages
from gateway.webhooks import routes as webhooks

_PAGES = (
    entrance,
    provider_pages,
    today_pages,
    clip_pages,
    case_page,
    case_pages,
    keeping_pages,
    disposal_pages,
    hold_pages,
    rules_pages,
    dock_pages,
    log_pages,
    admin_pages,
    webhook_pages,
)
_DESCRIPTION = (
    "Clips that docks sealed, the cases they belong to, and the log that proves both. "
    "Refusals are RFC 9457 problem documents; programs go by their code."
)


class Health(BaseModel):
    """The gateway answers, how far its log has come, and whether the broker hears it."""

    model_config = ConfigDict(frozen=True)

    status: str
    log_size: int
    broker: str | None = Field(
        description="`connected`, or why not; null where no intake runs beside the API."
    )


def create_app(services: Services) -> FastAPI:
    """Build the application over running services."""
    app = FastAPI(
        title="Evidock gateway",
        version=version("evidock"),
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        # A redirect would repeat the client's own words and hide a mistyped address.
        redirect_slashes=False,
    )
    app.state.services = services
    # Not included once more: what FastAPI works out about a route is kept where it is included,
    # and costs more than all of the rest.
    app.router.routes.extend(_everything().routes)
    problems.install(app)
    page_routing.install(app)
    apidocs.install(app)
    check_guarded(app)
    app.add_middleware(Idempotency, services=services)
    app.add_middleware(WholeSegments)
    app.add_middleware(Guard, names=services.config.api.names)
    return app


@cache
def _everything() -> APIRouter:
    """The routes of every feature; the same for each application of this process."""
    roof = APIRouter()
    about_docks = (accounts, docks, enrolment, certificates)
    put_right = (corrections, marks, recordings)
    about_clips = (evidence, views, previews, proposals, case_changes, cases, exports, *put_right)
    kept = (holds, retention, disposal)
    told = (events, webhooks)
    proving = (log, cosigning, stamping, attention)
    for feature in (*about_docks, *about_clips, *told, *proving, *kept):
        roof.include_router(feature.router, prefix=PREFIX, responses=problems.responses())
    # At its own stable place, because its readers are other people's programs.
    roof.include_router(tlog_routes.router, responses=problems.responses())
    roof.include_router(_health, responses=problems.responses())
    roof.include_router(apidocs.router, prefix=PREFIX)
    for pages in _PAGES:
        roof.include_router(pages.router)
    return roof


_health = APIRouter(tags=["health"])


@_health.get("/healthz", dependencies=[OPEN_TO_ALL])
async def get_health(services: Given) -> Health:
    """Whether the gateway can read its database; `degraded` while it has no broker.

    Also while a witness refuses to cosign, see `/api/v1/log/witnesses`, and while the list of
    revoked certificates cannot be written, by which the broker would refuse everybody in the end.
    """
    await services.cases.find(before=None, limit=1)
    broker = services.vitals.broker
    refused = any(standing.refuses for standing in services.rounds.standings)
    well = broker in {None, "connected"} and not refused and services.revocations.problem is None
    status = "ok" if well else "degraded"
    return Health(status=status, log_size=services.log.checkpoint().size, broker=broker)
