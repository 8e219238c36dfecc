"""Alembic's entry: runs migrations over a connection that ``gateway.db`` hands in.

Never over one of its own: engine, pragmas and transaction are the database module's.
"""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from gateway.ca import models as ca
from gateway.cases import details as case_details
from gateway.cases import models as cases
from gateway.cosigning import models as cosigning
from gateway.db import Base, UtcTime
from gateway.docks import models as docks
from gateway.enrolment import models as enrolment
from gateway.evidence import models as evidence
from gateway.idempotency import models as idempotency
from gateway.intake import models as intake
from gateway.log import models as log
from gateway.proposals import models as proposals
from gateway.webhooks import models as webhooks

# Importing a feature's models declares its tables.
MODELS = (
    *(ca, case_details, cases, cosigning, docks, enrolment, evidence, idempotency),
    *(intake, log, proposals, webhooks),
)


def _render(what: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    # A migration stands by itself: it must not change when our own type does.
    if what == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite can undo table changes as well, since the transaction is begun outright.
    transactional_ddl=True,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
