"""The gateway's real objects, built and connected in this one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gateway import keys, recovery
from gateway.access.host import HostToken
from gateway.accounts.clients import Clients
from gateway.accounts.secrets import Passwords, SecondFactors
from gateway.accounts.service import Accounts
from gateway.accounts.sessions import Sessions
from gateway.accounts.setup import SetupLinks
from gateway.accounts.signing_in import SigningIn
from gateway.ca import folder as ca_folder
from gateway.ca.crl import RevocationList
from gateway.ca.service import ISSUED, Authority
from gateway.ca.upkeep import Upkeep
from gateway.cases.changes import CaseChanges
from gateway.cases.service import Cases
from gateway.cases.stages import Stages
from gateway.clock import GatewayClock
from gateway.config import Config
from gateway.corrections.service import Corrections
from gateway.cosigning.kept import CosignedCheckpoints
from gateway.cosigning.rounds import Rounds
from gateway.db import Database
from gateway.disposal.executing import Executing
from gateway.disposal.others import OtherClocks
from gateway.disposal.reconciling import Reconciling
from gateway.disposal.removing import Remover
from gateway.disposal.service import Disposals
from gateway.disposal.sureness import SureClock
from gateway.docks.service import Docks
from gateway.enrolment.following import Following
from gateway.enrolment.invitations import Invitations
from gateway.enrolment.papers import Papers
from gateway.enrolment.service import Enrolment
from gateway.events.feed import Feed
from gateway.events.stream import Streams
from gateway.evidence.service import Evidence
from gateway.export.service import Exports
from gateway.export.sightings import Outside
from gateway.export.streaming import PackStreams
from gateway.holds.service import Holds
from gateway.idempotency.service import KeyedRequests
from gateway.intake.decisions import Decisions
from gateway.intake.revoking import Revoking
from gateway.log.service import Log
from gateway.marks.service import Marks
from gateway.oidc.service import REDIRECT, OidcSignIn
from gateway.overview.service import Overview
from gateway.previews.keys import ClipKeys
from gateway.previews.service import Previews
from gateway.previews.worker import PreviewWorker
from gateway.proposals.service import Proposing
from gateway.recordings.service import Recordings
from gateway.repair.service import Repairs
from gateway.retention.service import Retention
from gateway.stamping.kept import Stamps
from gateway.stamping.rounds import Stamping
from gateway.storage.opening import store_of
from gateway.storage.store import Store
from gateway.trail.service import Trails
from gateway.vault import Vault
from gateway.views.service import Views
from gateway.webhooks.delivering import Deliveries
from gateway.webhooks.sending import Sender
from gateway.webhooks.service import Webhooks


@dataclass(slots=True)
class Vitals:
    """What the running parts say of themselves, for whoever watches the service.

    Attributes:
        broker: ``connected``, or why not; None where no intake runs.
        issued: there were certificates when it opened.
    """

    broker: str | None = None
    issued: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What every feature, route and task is handed."""

    config: Config
    database: Database
    store: Store
    log: Log
    docks: Docks
    evidence: Evidence
    cases: Cases
    case_changes: CaseChanges
    stages: Stages
    proposing: Proposing
    trails: Trails
    cosigned: CosignedCheckpoints
    rounds: Rounds
    stamps: Stamps
    stamping: Stamping
    decisions: Decisions
    revoking: Revoking
    exports: Exports
    streams: PackStreams
    repairs: Repairs
    authority: Authority
    upkeep: Upkeep
    revocations: RevocationList
    invitations: Invitations
    enrolment: Enrolment
    papers: Papers
    clock: GatewayClock
    accounts: Accounts
    clients: Clients
    sessions: Sessions
    signing_in: SigningIn
    setup_links: SetupLinks
    oidc: OidcSignIn
    host: HostToken
    views: Views
    holds: Holds
    overview: Overview
    retention: Retention
    previews: Previews
    preview_worker: PreviewWorker
    clip_keys: ClipKeys
    sure_clock: SureClock
    remover: Remover
    disposals: Disposals
    executing: Executing
    reconciling: Reconciling
    vault: Vault
    streams_of_events: Streams
    keyed: KeyedRequests
    corrections: Corrections
    marks: Marks
    webhooks: Webhooks
    recordings: Recordings
    vitals: Vitals = field(default_factory=Vitals)

    async def open(self) -> None:
        """Bring the database up to date and open the log; before anything is served.

        Raises:
            GatewayError: it must not start; the kind of error says who can mend it.
        """
        await self.database.upgrade()
        await self.log.open()
        # The log's lock is held now: whatever lies half written is nobody's any more.
        await self.store.staging.sweep()
        await self.cosigned.open()
        await self.repairs.settle()
        await self.remover.settle()
        await self.sure_clock.watch()
        self.vitals.issued = await anext(self.store.iterate(ISSUED), None) is not None
        if self.issues:
            await self.upkeep.begin()

    @property
    def issues(self) -> bool:
        """Whether there is an authority, was one, or is to be one."""
        named = bool(self.config.enrolment.names)
        return named or ca_folder.is_there(self.config.ca_dir) or self.vitals.issued

    async def close(self) -> None:
        """Let go of log and database."""
        self.log.close()
        await self.database.close()


def build(config: Config) -> Services:
    """Build everything a configuration describes; only keys are read or made here.

    Raises:
        SetupError: the operator has to correct a file or setting.
    """
    clock = GatewayClock()
    database = Database(config.database_url)
    store = store_of(config)
    # Only in the gateway's own folder are keys made: a mistyped one must not found a new log.
    signers = (
        keys.load_or_make(config.keys_dir)
        if config.keys.is_own_folder
        else keys.load(config.keys_dir, config.keys)
    )
    log = Log(database, store, signers, clock, name=config.gateway.name)
    log.on_recover(recovery.apply)
    docks = Docks(database, log, clock)
    evidence, cases, trails = Evidence(database, store), Cases(database, log), Trails(database, log)
    cosigned, stamps = CosignedCheckpoints(database, store, clock), Stamps(store)
    authority = Authority(
        database,
        store,
        clock,
        folder=config.ca_dir,
        name=config.gateway.name,
        own=config.enrolment.ca is None,
    )
    invitations = Invitations(database, clock, docks)
    following = Following(database, store, clock, log, docks, authority)
    listener_dir = config.gateway.data_dir / "enrolment"
    rounds = Rounds(config.cosigning, log, cosigned)
    stamping = Stamping(config.stamping, log, stamps)
    outside = Outside(log, cosigned, rounds, stamps, stamping)
    revocations = RevocationList(database, authority, clock, config.crl_path)
    revoking = Revoking(database, log, docks)
    revoking.on_revoked(revocations.follow)
    accounts, sessions, passwords = Accounts(database, log), Sessions(database, clock), Passwords()
    vault = Vault(config.gateway.data_dir)
    factors = SecondFactors(vault)
    previews = Previews(database, store, clock)
    marks = Marks(database, log, clock)
    clients, feed = Clients(database, log, clock), Feed(database, log)
    sender = Sender(config.webhooks)
    deliveries = Deliveries(database, feed, clients, vault, clock, sender)
    clip_keys = ClipKeys(database, store, log, previews, vault)
    retention = Retention(database, store, log, clock, config.retention.keys)
    others = OtherClocks(database, [each.key for each in config.cosigning.witnesses])
    sure_clock = SureClock(clock, others, synchronised=config.disposal.synchronised)
    remover = Remover(database, store, previews)
    return Services(
        config=config,
        database=database,
        store=store,
        log=log,
        docks=docks,
        evidence=evidence,
        cases=cases,
        case_changes=CaseChanges(cases),
        stages=Stages(database, config.cases, clock),
        proposing=Proposing(database, cases, config.cases, clock),
        trails=trails,
        cosigned=cosigned,
        rounds=rounds,
        stamps=stamps,
        stamping=stamping,
        decisions=Decisions(database, log, docks),
        revoking=revoking,
        exports=Exports(database, log, evidence, cases, trails, outside, marks),
        streams=PackStreams(store),
        repairs=Repairs(database, store, log),
        authority=authority,
        upkeep=Upkeep(authority, database, clock),
        revocations=revocations,
        invitations=invitations,
        enrolment=Enrolment(invitations, authority, docks, clock, following),
        papers=Papers(authority, clock, listener_dir, config.enrolment.names),
        clock=clock,
        accounts=accounts,
        clients=clients,
        sessions=sessions,
        signing_in=SigningIn(database, clock, passwords, factors, sessions),
        oidc=OidcSignIn(
            config.oidc, database, accounts, clock, sessions, vault, config.api.url + REDIRECT
        ),
        setup_links=SetupLinks(database, clock, accounts, passwords, factors, config.gateway.name),
        vault=vault,
        host=HostToken(),
        views=Views(database, log, clock, marks),
        overview=Overview(database, log),
        streams_of_events=Streams(feed),
        holds=Holds(database, log, clock, ZoneInfo(config.cases.zone)),
        keyed=KeyedRequests(database, log, clock),
        corrections=Corrections(database, log, clock),
        previews=previews,
        marks=marks,
        webhooks=Webhooks(database, log, clients, vault, clock, feed=feed, deliveries=deliveries),
        preview_worker=PreviewWorker(config.previews, database, store, previews, clip_keys, clock),
        clip_keys=clip_keys,
        retention=retention,
        sure_clock=sure_clock,
        remover=remover,
        disposals=Disposals(
            database, log, retention, sure_clock, wait_hours=config.disposal.wait_hours
        ),
        executing=Executing(database, log, retention, remover, sure_clock),
        reconciling=Reconciling(database, store, log),
        recordings=Recordings(database, log, evidence),
    )
