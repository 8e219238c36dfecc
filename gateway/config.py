"""The gateway's configuration: one TOML file, one frozen model per section.

Everything has a default, so ``evidock-gateway serve`` runs with no file at all, on loopback,
below one folder. Unknown names are refused: a misspelt setting that is silently ignored is
worse than none. Values are taken as they stand: ``port = true`` is a mistake, not port 1.
Nothing here touches a network, a database or a key.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import ConfigError
from gateway.loopback import is_loopback
from gateway.storage import urls
from hashing.errors import HashingError
from hashing.note import MAX_SIGNATURES, NoteKey, SignatureType
from protocols.caselist import CATEGORIES, MAX_CHOICES, REASONS, Choice, Code, Label
from protocols.errors import IdError
from protocols.ids import gateway_urn
from protocols.settings import wrong_settings
from tokens.uri import TokenKey, key_place

VARIABLE = "EVIDOCK_GATEWAY_CONFIG"
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared, not listened on
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class GatewaySection(_Section):
    """Who this gateway is and where it keeps its things."""

    name: str = Field(
        "gateway", description="Name in the statements it signs; fixed once the log is opened."
    )
    data_dir: Path = Field(
        Path("evidock-data"), description="Folder for everything whose place is not set below."
    )
    log_json: bool = Field(default=False, strict=True, description="Log one JSON object per line.")

    @model_validator(mode="after")
    def _usable_name(self) -> Self:
        try:
            gateway_urn(self.name)
        except IdError as error:
            raise ValueError(str(error)) from error
        return self


class DatabaseSection(_Section):
    """The database: an index, which the object store can rebuild."""

    url: str | None = Field(
        None,
        description="SQLAlchemy URL of an asynchronous driver; "
        "default: SQLite in data_dir/gateway.db.",
    )

    @model_validator(mode="after")
    def _is_url(self) -> Self:
        if self.url is not None:
            try:
                make_url(self.url)
            except ArgumentError as error:
                msg = "not a database URL"
                raise ValueError(msg) from error
        return self


class StorageSection(_Section):
    """The object store: clips, the log's journal and tiles."""

    path: Path | None = Field(None, description="Its folder; default: data_dir/store.")
    url: str | None = Field(
        None, description="A bucket instead of a folder: s3://bucket/prefix?endpoint=https://..."
    )
    staging: Path | None = Field(
        None,
        description="With a bucket: folder on this machine for files in the making; "
        "default: data_dir/staging.",
    )

    @model_validator(mode="after")
    def _is_one_store(self) -> Self:
        if self.url is not None:
            if self.path is not None:
                raise ValueError("path and url: a store is in one place; leave one of them out")
            urls.parse(self.url)
        elif self.staging is not None:
            raise ValueError("staging: a store in a folder has its own; leave it out")
        return self


class BrokerTls(_Section):
    """Mutual TLS to an outside broker."""

    ca: Path = Field(description="PEM file of the authorities that may sign the broker.")
    cert: Path = Field(description="PEM file of this gateway's certificate.")
    key: Path = Field(description="PEM file of its key.")


class BrokerSection(_Section):
    """The MQTT broker between docks and gateway."""

    embedded: bool = Field(
        default=True,
        strict=True,
        description="Run a broker inside this process, loopback only, for trying it out; "
        "false: connect to the broker at host and port.",
    )
    host: str = Field("127.0.0.1", min_length=1, max_length=255, description="Address.")
    port: Port = Field(1883, description="Port.")
    tls: BrokerTls | None = Field(None, description="Section [broker.tls]; outside broker only.")

    @model_validator(mode="after")
    def _embedded_on_loopback(self) -> Self:
        if self.embedded and not is_loopback(self.host):
            msg = (
                f"the embedded broker knows no accounts and listens on loopback only, not on "
                f"{self.host}; set embedded = false and use a broker such as Mosquitto"
            )
            raise ValueError(msg)
        if self.embedded and self.tls is not None:
            msg = "the embedded broker has no TLS; set embedded = false"
            raise ValueError(msg)
        return self


class IntakeSection(_Section):
    """How much is asked of docks at a time."""

    part_size: int = Field(
        256 * KIB,
        strict=True,
        ge=4 * KIB,
        le=MIB,
        description="Bytes of a clip in one message; a power of two. Brokers limit messages.",
    )
    window_bytes: int = Field(
        8 * MIB,
        strict=True,
        ge=MIB,
        le=256 * MIB,
        description="Most bytes asked of one dock at a time.",
    )
    window_messages: int = Field(
        32, strict=True, ge=1, le=1000, description="Most answers asked of one dock at a time."
    )
    worker_bytes: int = Field(
        32 * MIB,
        strict=True,
        ge=MIB,
        le=4096 * MIB,
        description="Most bytes asked of all docks at a time.",
    )
    lease_s: float = Field(
        15, strict=True, ge=1, le=600, description="Seconds for which one worker holds a dock."
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.part_size & (self.part_size - 1):
            msg = f"part_size {self.part_size} is no power of two"
            raise ValueError(msg)
        if self.window_bytes > self.worker_bytes:
            msg = "window_bytes (one dock) is above worker_bytes (all docks)"
            raise ValueError(msg)
        return self


class ChoiceSetting(_Section):
    """One thing that an officer can choose at a dock."""

    code: Code = Field(description="Short word that goes on record; keep it once it was used.")
    zh: Label = Field(description="What the screen shows in Chinese.")
    en: Label = Field(description="What the screen shows in English.")


_Choices = Annotated[tuple[ChoiceSetting, ...], Field(max_length=MAX_CHOICES)]


def _settings(choices: Iterable[Choice]) -> tuple[ChoiceSetting, ...]:
    return tuple(ChoiceSetting.model_validate(choice.model_dump()) for choice in choices)


class CasesSection(_Section):
    """What officers can choose at docks, besides the open cases."""

    categories: _Choices = Field(
        _settings(CATEGORIES), description="What a clip can show; a list of code, zh and en."
    )
    reasons: _Choices = Field(
        _settings(REASONS), description="Why there can be no video; likewise."
    )
    zone: str = Field(
        "Asia/Shanghai",
        description="What cameras show that name no zone, and in which the agency's days are days: "
        "of cases, of today's counts, and on which somebody looks at a hold again.",
    )
    overlooked_s: Annotated[int, Field(ge=0, le=3600)] = Field(
        10, description="Gaps in footage that are no longer are not told, in seconds."
    )

    @field_validator("zone")
    @classmethod
    def _there(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            msg = "no time zone of that name, such as Asia/Shanghai"
            raise ValueError(msg) from error
        return zone


_HostName = Annotated[str, Field(max_length=253, pattern=r"^[0-9A-Za-z:][0-9A-Za-z.:-]*$")]


class ApiSection(_Section):
    """The REST API and the pages."""

    host: str = Field(
        "127.0.0.1", description="To listen on; beyond loopback it takes names, cert and key."
    )
    port: Port = Field(8080, description="Port.")
    names: Annotated[tuple[_HostName, ...], Field(max_length=16)] = Field(
        (),
        description="Names or addresses under which people and case systems reach it, directly or "
        "through a proxy on this machine; requests to any other name are refused.",
    )
    cert: Path | None = Field(
        None, description="PEM file of its certificate and what leads to the root; read at start."
    )
    key: Path | None = Field(None, description="PEM file of the certificate's key.")

    @property
    def url(self) -> str:
        """Where people open it: its own port, or the proxy before it."""
        name = self.names[0] if self.names else self.host
        name = f"[{name}]" if ":" in name else name
        if self.names and self.cert is None:
            return f"https://{name}"
        return f"{'http' if self.cert is None else 'https'}://{name}:{self.port}"

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.cert is None) != (self.key is None):
            msg = "cert and key go together"
            raise ValueError(msg)
        if not is_loopback(self.host) and (self.cert is None or not self.names):
            msg = (
                f"passwords and footage cross no network in the open: to listen on {self.host}, "
                "give names, cert and key, or put a proxy with TLS before it on this machine"
            )
            raise ValueError(msg)
        return self


class OidcSection(_Section):
    """Signing in through an OpenID Connect provider, such as an agency's single sign-on."""

    issuer: str | None = Field(
        None,
        max_length=500,
        description="Address of the provider, exactly as it calls itself. None: people have "
        "passwords here. https, unless it is on this machine.",
    )
    client_id: str = Field("evidock", min_length=1, max_length=200, description="As registered.")
    client_secret_file: Path | None = Field(
        None, description="File with the client's secret; none for a public client (PKCE alone)."
    )
    ca: Path | None = Field(
        None, description="PEM file with the authority of the provider's TLS certificate."
    )
    name_zh: Label = Field("统一身份认证", description="What the button says in Chinese.")
    name_en: Label = Field("Single sign-on", description="What the button says in English.")
    scope: str = Field("openid profile", max_length=500, description="Scopes asked for.")
    login_claim: str = Field(
        "preferred_username", max_length=100, description="Claim with the account's name here."
    )
    acr: Annotated[tuple[str, ...], Field(max_length=16)] = Field(
        (),
        description="Accepted `acr` values, asked for and checked: how strongly the provider made "
        "sure who it is. Empty: the provider is trusted to ask for a second factor.",
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.issuer is None:
            return self
        parts = urlsplit(self.issuer)
        plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not plain:
            msg = f"{self.issuer}: a provider is asked over https, or on this machine"
            raise ValueError(msg)
        if "openid" not in self.scope.split():
            msg = "scope: without openid the provider does not say who signed in"
            raise ValueError(msg)
        return self


KeySetting = Annotated[
    Path | TokenKey,
    BeforeValidator(lambda given: key_place(given) if isinstance(given, str) else given),
    PlainSerializer(str),
]


class KeysSection(_Section):
    """The gateway's signing keys."""

    dir: Path | None = Field(
        None,
        description="Folder with statement.pem, receipt.pem, checkpoint.pem, only ever read; "
        "default: data_dir/keys, where development keys are made when there are none.",
    )
    statement: KeySetting | None = Field(
        None,
        description="Statement key (P-256): a PEM file, or pkcs11:... in a token; else in dir.",
    )
    receipt: KeySetting | None = Field(None, description="Receipt key (P-256), likewise.")
    checkpoint: KeySetting | None = Field(
        None, description="Checkpoint key (Ed25519, which few tokens have), likewise."
    )

    @property
    def is_own_folder(self) -> bool:
        """Whether nothing is named, so that keys may be made."""
        return (self.dir, self.statement, self.receipt, self.checkpoint) == (None,) * 4


class EnrolmentSection(_Section):
    """Where docks get their certificates; nothing listens until names are given."""

    names: Annotated[tuple[_HostName, ...], Field(max_length=16)] = Field(
        (),
        description="Names or addresses under which docks reach this host; they stand in the "
        "listener's certificate, the first one in invitations. None: no listener.",
    )
    host: str = Field("127.0.0.1", min_length=1, max_length=255, description="To listen on.")
    port: Port = Field(8443, description="Port.")
    ca: Path | None = Field(
        None,
        description="Folder with the authority as `ca init` makes it, only ever read; default: "
        "data_dir/ca, where a development authority is made when there is none.",
    )
    crl: Path | None = Field(
        None,
        description="File for the list of revoked certificates, which the broker reads; "
        "default: data_dir/crl.pem.",
    )


class WitnessSetting(_Section):
    """An outside witness that is asked to cosign checkpoints."""

    vkey: str = Field(max_length=400, description="Its verifier key, from the agency that runs it.")
    url: str = Field(
        max_length=500,
        pattern="^https?://[^ ?#]+$",
        description="Its submission prefix; /add-checkpoint is asked below it.",
    )
    ca: Path | None = Field(
        None, description="PEM file of the authorities that vouch for it; default: the system's."
    )

    @property
    def key(self) -> NoteKey:
        """Its key."""
        return NoteKey.parse(self.vkey)

    @model_validator(mode="after")
    def _is_a_witness(self) -> Self:
        try:
            kind = self.key.type
        except HashingError as error:
            raise ValueError(str(error)) from error
        if kind is not SignatureType.COSIGNATURE:
            msg = "vkey is the key of a log, not of a witness"
            raise ValueError(msg)
        return self


class CosigningSection(_Section):
    """How witnesses are asked."""

    every_s: float = Field(
        5, strict=True, ge=0.5, le=86400, description="Fewest seconds between two rounds."
    )
    # Of a note's signatures one is the log's own.
    witnesses: Annotated[tuple[WitnessSetting, ...], Field(max_length=MAX_SIGNATURES - 1)] = Field(
        (), description="The witnesses; a list of vkey, url and ca."
    )


class RetentionSection(_Section):
    """By whose rules clips are kept."""

    keys: Annotated[tuple[Path, ...], Field(max_length=16)] = Field(
        (),
        description="PEM files of the public keys (Ed25519 or P-256) of authorities whose signed "
        "rule packs this gateway adopts; none: none is adopted, and nothing ever expires.",
    )


class DisposalSection(_Section):
    """How footage whose time is over is disposed of."""

    wait_hours: float = Field(
        72,
        strict=True,
        ge=1,
        le=8760,
        description="Hours of running between approval and disposal, in which it can be refused.",
    )
    synchronised: bool = Field(
        default=True,
        strict=True,
        description="Propose and dispose only while this host's clock is synchronised by NTP.",
    )


class StampingSection(_Section):
    """RFC 3161 time stamps over checkpoints; none without an authority."""

    url: str | None = Field(
        None,
        max_length=500,
        pattern="^https?://[^ #]+$",
        description="Where the authority answers; default: nobody is asked.",
    )
    roots: Path | None = Field(
        None, description="PEM file of the roots that the authority's certificate leads to."
    )
    every_s: float = Field(
        3600, strict=True, ge=1, le=31_536_000, description="Seconds between two stamps."
    )

    @model_validator(mode="after")
    def _authority_has_roots(self) -> Self:
        if self.url is not None and self.roots is None:
            msg = "url needs roots: a stamp that nobody can check is none"
            raise ValueError(msg)
        return self


class PreviewsSection(_Section):
    """Derived copies for people to look at; they may be deleted, and are made again."""

    enabled: bool = Field(
        default=True, strict=True, description="Make them; false: nothing is made, all is kept."
    )
    workers: int = Field(
        1, strict=True, ge=1, le=16, description="Previews made at a time, beside one for pictures."
    )
    max_height: int = Field(
        720, strict=True, ge=144, le=2160, description="Short side of a preview's pictures."
    )
    keep_free_gib: float = Field(
        2, strict=True, ge=0, le=100_000, description="With less room in the store none is made."
    )


class WebhooksSection(_Section):
    """Where case systems may have themselves told what happens."""

    allow: Annotated[tuple[str, ...], Field(max_length=64)] = Field(
        (),
        description="Networks of receivers that are not on the Internet, such as 10.20.0.0/16; "
        "without them nothing in private networks or on this machine is connected to.",
    )
    plain_http: bool = Field(
        default=False,
        strict=True,
        description="Let receivers beyond this machine have http:// addresses, where a network "
        "protects what they are told.",
    )
    ca: Path | None = Field(
        None, description="PEM file of the authorities that vouch for them; default: the system's."
    )

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks that may be reached all the same."""
        return tuple(ipaddress.ip_network(each) for each in self.allow)

    @model_validator(mode="after")
    def _are_networks(self) -> Self:
        for each in self.allow:
            try:
                ipaddress.ip_network(each)
            except ValueError as error:
                raise ValueError(f"allow: {error}; a network is such as 10.20.0.0/16") from error
        return self


class Config(_Section):
    """The whole configuration."""

    gateway: GatewaySection = Field(default_factory=GatewaySection)
    database: DatabaseSection = Field(default_factory=DatabaseSection)
    storage: StorageSection = Field(default_factory=StorageSection)
    broker: BrokerSection = Field(default_factory=BrokerSection)
    intake: IntakeSection = Field(default_factory=IntakeSection)
    cases: CasesSection = Field(default_factory=CasesSection)
    api: ApiSection = Field(default_factory=ApiSection)
    oidc: OidcSection = Field(default_factory=OidcSection)
    keys: KeysSection = Field(default_factory=KeysSection)
    enrolment: EnrolmentSection = Field(default_factory=EnrolmentSection)
    cosigning: CosigningSection = Field(default_factory=CosigningSection)
    stamping: StampingSection = Field(default_factory=StampingSection)
    retention: RetentionSection = Field(default_factory=RetentionSection)
    disposal: DisposalSection = Field(default_factory=DisposalSection)
    previews: PreviewsSection = Field(default_factory=PreviewsSection)
    webhooks: WebhooksSection = Field(default_factory=WebhooksSection)

    @model_validator(mode="after")
    def _listeners_differ(self) -> Self:
        listens = [("[api]", self.api.host, self.api.port)]
        if self.broker.embedded:
            listens.append(("[broker]", self.broker.host, self.broker.port))
        if self.enrolment.names:
            listens.append(("[enrolment]", self.enrolment.host, self.enrolment.port))
        for (one, at, port), (other, there, same) in itertools.combinations(listens, 2):
            if port == same and (at == there or not _EVERYWHERE.isdisjoint({at, there})):
                msg = f"{other} and {one} cannot both listen on port {port}"
                raise ValueError(msg)
        return self

    @property
    def database_url(self) -> str:
        """URL of the database."""
        if self.database.url is not None:
            return self.database.url
        # Built, not written: a folder's name may hold what means something in a URL.
        path = str(self.gateway.data_dir / "gateway.db")
        return URL.create("sqlite+aiosqlite", database=path).render_as_string()

    @property
    def store_at(self) -> urls.Folder | urls.Bucket:
        """Where the object store is."""
        if self.storage.url is not None:
            return urls.parse(self.storage.url)
        return urls.Folder(self.storage.path or self.gateway.data_dir / "store")

    @property
    def staging_path(self) -> Path:
        """Folder for files in the making, where the store is no folder of this machine."""
        return self.storage.staging or self.gateway.data_dir / "staging"

    @property
    def keys_dir(self) -> Path:
        """Folder of the signing keys."""
        return self.keys.dir or self.gateway.data_dir / "keys"

    @property
    def ca_dir(self) -> Path:
        """Folder of the authority."""
        return self.enrolment.ca or self.gateway.data_dir / "ca"

    @property
    def crl_path(self) -> Path:
        """File with the list of revoked certificates."""
        return self.enrolment.crl or self.gateway.data_dir / "crl.pem"


def load(
    path: Path | None = None,
    *,
    data_dir: Path | None = None,
    port: int | None = None,
    mqtt_port: int | None = None,
) -> Config:
    """Read the configuration; arguments given win over the file.

    Args:
        path: TOML file; None means the one named by ``EVIDOCK_GATEWAY_CONFIG``, or defaults.
        data_dir: instead of ``gateway.data_dir``.
        port: instead of ``api.port``.
        mqtt_port: instead of ``broker.port``.

    Raises:
        ConfigError: unreadable, not TOML, or values that do not hold together.
    """
    named = path or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    document = _read(named) if named else {}
    for section, name, value in (
        ("gateway", "data_dir", data_dir),
        ("api", "port", port),
        ("broker", "port", mqtt_port),
    ):
        if value is not None:
            # A section of the wrong type stays as it is, for the models to name it.
            inner = document.setdefault(section, {})
            if isinstance(inner, dict):
                inner[name] = value
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, Config))
        raise ConfigError(f"{named or 'configuration'}:{problems}") from error


def describe(config: Config) -> str:
    """The configuration in force as TOML: defaults filled in, passwords left out."""
    document = config.model_dump(mode="json", exclude_none=True)
    url = make_url(config.database_url)
    document["database"]["url"] = url.render_as_string(hide_password=True)
    if isinstance(config.store_at, urls.Folder):
        document["storage"]["path"] = str(config.store_at)
    else:
        document["storage"]["staging"] = str(config.staging_path)
    document["keys"]["dir"] = str(config.keys_dir)
    document["enrolment"] |= {"ca": str(config.ca_dir), "crl": str(config.crl_path)}
    return tomli_w.dumps(document)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"{path}: {error.strerror}; make it (empty, it leaves every default), or name another"
        raise ConfigError(msg) from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
