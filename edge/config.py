"""The dock's configuration: one TOML file into frozen values, unknown keys refused.

A mistyped key that is silently ignored would leave a dock running other than its operator
believes, so every name must be known; so would a switch that is guessed from text, so numbers
and switches are written as TOML's own. Paths are relative to the file. Nothing is opened
here but the file itself; what it names is checked by ``edge.checks`` and by the module
that uses it.
"""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

import tomli_w
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from edge.bays import BaysTable
from edge.cameras.own import Own
from edge.erasing_policy import ErasingPolicy, Rule, When
from edge.errors import ConfigError, not_allowed
from edge.mounter.settings import MounterSection
from edge.registry import Unknown
from edge.wired.settings import SerialSection, Zone
from protocols.errors import IdError
from protocols.ids import DockId, dock_id
from protocols.settings import wrong_settings
from tokens.uri import TokenKey, key_place

DEFAULT: Final = Path("/etc/evidock/edge.toml")
CREDENTIALS: Final = "${CREDENTIALS_DIRECTORY}"

Seconds = Annotated[float, Field(strict=True, gt=0, le=86_400)]
Megabytes = Annotated[int, Field(strict=True, ge=0, le=1 << 30)]

KeyPlace = Path | TokenKey
KeySetting = Annotated[
    KeyPlace,
    BeforeValidator(lambda given: key_place(given) if isinstance(given, str) else given),
    PlainSerializer(str),
]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DockSection(Section):
    """Who this dock is and what it trusts."""

    id: str = Field(description="the dock's name: 1 to 23 of a-z, 0-9 and -")
    state_dir: Path = Field(
        default=Path("/var/lib/evidock/edge"), description="ledger database and spool"
    )
    key: KeySetting = Field(
        description="PEM file of the statement key, from `evidock-edge keygen`; or a credential "
        "of the unit, as ${CREDENTIALS_DIRECTORY}/statement.pem; or a key in a token, as pkcs11:..."
    )
    trust: Path = Field(description="trust.json of the gateway, handed over at enrolment")
    log_json: StrictBool = Field(default=False, description="log lines as JSON instead of text")

    @field_validator("id")
    @classmethod
    def _dock_name(cls, text: str) -> str:
        try:
            return dock_id(text)
        except IdError as error:
            raise ValueError(str(error)) from error

    @property
    def dock(self) -> DockId:
        """The name as the rest of the program takes it."""
        return dock_id(self.id)


class SpoolSection(Section):
    """Where clips wait for the gateway."""

    reserve_mb: Megabytes = Field(
        default=512, description="free space in MiB that is never filled; ingest pauses before"
    )
    keep_released_days: Annotated[int, Field(strict=True, ge=0, le=3650)] = Field(
        default=0, description="how long a released clip stays in the spool while there is room"
    )


class FolderSection(Section):
    """A directory that stands for a camera."""

    path: Path = Field(description="the directory")
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="what the camera is called; default: the directory's name"
    )
    bay: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="the bay it stands in; default: the name"
    )

    zone: Zone | None = Field(
        default=None, description="what this camera's clock shows; default: as [cameras] zone"
    )

    @property
    def called(self) -> str:
        """What the camera is called."""
        return self.name or self.path.name or "folder"

    @property
    def stands_in(self) -> str:
        """The bay it stands in."""
        return self.bay or self.called


class CamerasSection(Section):
    """Where cameras turn up."""

    folders: tuple[FolderSection, ...] = Field(
        default=(), description="directories that stand for cameras"
    )
    zone: Zone | None = Field(
        default=None,
        description="what the cameras' clocks show, for example Asia/Shanghai; default: not known",
    )
    mount_root: Path | None = Field(
        default=None, description="every disk mounted below this directory is a camera"
    )
    profiles_dir: Path | None = Field(
        default=None, description="camera profiles of one's own, *.toml (docs/profiles.md)"
    )
    binding_key: Path | None = Field(
        default=None, description="secret of the stations that write station_bind.ini"
    )
    registry: Path | None = Field(
        default=None, description="list of cameras: whose they are, which are lost (edge/registry)"
    )
    unknown: Unknown = Field(
        default="accept", description="cameras that are not on it: accept, alarm or refuse"
    )
    settle_s: Annotated[float, Field(strict=True, ge=0, le=3600)] = Field(
        default=2.0, description="a file is taken when size and time stood still for so long"
    )
    scan_s: Seconds = Field(default=1.0, description="pause between two looks at a card")
    ingest_parallel: Annotated[int, Field(strict=True, ge=1, le=64)] = Field(
        default=2, description="cameras copied at the same time"
    )

    @field_validator("folders", mode="before")
    @classmethod
    def _tables(cls, folders: Any) -> Any:  # noqa: ANN401  # whatever the file holds
        if isinstance(folders, list) and any(isinstance(each, str) for each in folders):
            msg = 'each folder is written as { path = "inbox", name = "cam1", bay = "1" }'
            raise ValueError(msg)
        return folders

    @model_validator(mode="after")
    def _unknown_to_what(self) -> Self:
        if self.registry is None and self.unknown != "accept":
            msg = "unknown needs a registry: without a list of cameras every camera is unknown"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        # Else two cameras' recordings could not be told apart on any record.
        for what, names in (
            ("called", [folder.called for folder in self.folders]),
            ("in bay", [folder.stands_in for folder in self.folders]),
        ):
            for name in names:
                if names.count(name) > 1:
                    msg = f"two folders are {what} {name}; give each a name and a bay of its own"
                    raise ValueError(msg)
        return self


class TlsSection(Section):
    """Mutual TLS towards the broker."""

    ca: Path = Field(description="PEM file of the authority that signed the broker's certificate")
    cert: Path = Field(description="PEM file of this dock's certificate, CN = the dock's name")
    key: Path = Field(description="PEM file of its private key")


class UplinkSection(Section):
    """The MQTT broker."""

    host: Annotated[str, Field(min_length=1)] = Field(default="127.0.0.1", description="its host")
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(
        default=1883, description="its port"
    )
    tls: TlsSection | None = Field(default=None, description="mutual TLS; none on loopback only")
    keepalive_s: Annotated[int, Field(strict=True, ge=5, le=3600)] = Field(
        default=20, description="MQTT keep-alive in seconds"
    )
    min_backoff_s: Seconds = Field(default=0.5, description="first pause before connecting again")
    max_backoff_s: Seconds = Field(default=60.0, description="longest pause before that")
    announce_s: Seconds = Field(
        default=30.0, description="how often the head is said again while clips wait for a release"
    )

    @model_validator(mode="after")
    def _backoff_grows(self) -> Self:
        if self.min_backoff_s > self.max_backoff_s:
            msg = "min_backoff_s is larger than max_backoff_s"
            raise ValueError(msg)
        return self


Days = Annotated[int, Field(strict=True, ge=0, le=3650)]
_DAYS_MEAN = "how many days after its release, by a synchronised clock"


class EraseRule(Section):
    """What becomes of recordings of one kind once they are released."""

    profile: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="only cards read with this profile"
    )
    unit: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="only cameras that say they are this unit's"
    )
    marked: StrictBool | None = Field(
        default=None, description="only recordings the officer marked, or only others"
    )
    when: When = Field(description="never or released")
    after_days: Days = Field(default=0, description=_DAYS_MEAN)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.profile is None and self.unit is None and self.marked is None:
            msg = "names no profile, unit or marked; what holds for all is [erase] when"
            raise ValueError(msg)
        _days_need_a_when(self.when, self.after_days)
        return self

    @property
    def rule(self) -> Rule:
        """As the policy takes it."""
        return Rule(self.when, self.after_days, self.profile, self.unit, self.marked)


class EraseSection(Section):
    """Erasing released recordings on cameras (docs/erasing.md)."""

    enabled: StrictBool = Field(
        default=False, description="erase a recording once its release is proved and it is re-read"
    )
    when: When | None = Field(
        default=None,
        description="what no rule matches: never or released; default: released, but never "
        "where there are rules",
    )
    after_days: Days = Field(default=0, description=_DAYS_MEAN)
    rules: tuple[EraseRule, ...] = Field(default=(), description="the first that matches counts")

    @model_validator(mode="after")
    def _switch_is_said(self) -> Self:
        more = self.model_fields_set & {"when", "after_days", "rules"}
        if more and "enabled" not in self.model_fields_set:
            msg = "say enabled = true; or enabled = false, and nothing is erased for now"
            raise ValueError(msg)
        _days_need_a_when(self._otherwise, self.after_days)
        return self

    @property
    def policy(self) -> ErasingPolicy:
        """The rules in force."""
        default = Rule(self._otherwise, self.after_days)
        return ErasingPolicy(self.enabled, default, tuple(each.rule for each in self.rules))

    @property
    def _otherwise(self) -> When:
        return self.when or (When.NEVER if self.rules else When.RELEASED)


def _days_need_a_when(when: When, days: int) -> None:
    if days and when is When.NEVER:
        msg = 'after_days means nothing with when = "never"'
        raise ValueError(msg)


class ProbeSection(Section):
    """Limits of the process that parses media files."""

    timeout_s: Seconds = Field(default=20.0, description="longest time for one file")
    memory_mb: Annotated[int, Field(strict=True, ge=128, le=16384)] = Field(
        default=512, description="address space in MiB"
    )
    cpu_s: Annotated[int, Field(strict=True, ge=1, le=3600)] = Field(
        default=10, description="processor seconds for one file"
    )


class StatusSection(Section):
    """The socket that `evidock-edge status` asks."""

    socket: Path | None = Field(default=None, description="default: status.sock in state_dir")


class KioskSection(Section):
    """The screen that `evidock-edge kiosk` serves to a browser on this machine."""

    host: str = Field(default="127.0.0.1", description="a loopback address, and no other")
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(
        default=8470, description="its port"
    )
    languages: tuple[Literal["zh", "en"], Literal["zh", "en"]] = Field(
        default=("zh", "en"), description="the first is shown large, the second beneath"
    )

    @field_validator("host")
    @classmethod
    def _this_machine_alone(cls, text: str) -> str:
        try:
            loopback = ip_address(text).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            # Nobody signs in at the screen: whoever reaches it may speak for an officer.
            msg = "the screen is served to this machine alone: 127.0.0.1 or ::1"
            raise ValueError(msg)
        return text

    @field_validator("languages")
    @classmethod
    def _both(cls, languages: tuple[str, str]) -> tuple[str, str]:
        if languages[0] == languages[1]:
            msg = 'both languages, the larger first: ["zh", "en"] or ["en", "zh"]'
            raise ValueError(msg)
        return languages


class Config(Section, BaysTable):
    """Everything in the file."""

    dock: DockSection
    spool: SpoolSection = SpoolSection()
    cameras: CamerasSection = CamerasSection()
    uplink: UplinkSection = UplinkSection()
    erase: EraseSection = EraseSection()
    probe: ProbeSection = ProbeSection()
    status: StatusSection = StatusSection()
    kiosk: KioskSection = KioskSection()
    serial: SerialSection = SerialSection()
    mounter: MounterSection | None = Field(
        default=None, description="the mount helper; none: cards are mounted by the system"
    )

    # The file itself, which is no camera's either.
    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _mounter_knows_its_bays(self) -> Self:
        if self.mounter is not None and not self.bays:
            msg = "[mounter] mounts what stands in a bay; name the dock's ports in [[bays]]"
            raise ValueError(msg)
        return self

    @property
    def file(self) -> Path | None:
        """The file these settings came from."""
        return self._file

    @property
    def own(self) -> Own:
        """What belongs to the dock and to no camera."""
        dock, cameras, tls = self.dock, self.cameras, self.uplink.tls
        named = (
            *(self._file, key_file(dock.key), dock.trust, self.status_socket),
            *(cameras.profiles_dir, cameras.binding_key, cameras.registry),
            *((tls.ca, tls.cert, tls.key) if tls else ()),
        )
        return Own((dock.state_dir, self.spool_dir), tuple(each for each in named if each))

    @property
    def database(self) -> Path:
        """The ledger's database."""
        return self.dock.state_dir / "ledger.db"

    @property
    def spool_dir(self) -> Path:
        """Where clips wait."""
        return self.dock.state_dir / "spool"

    @property
    def status_socket(self) -> Path:
        """Where `evidock-edge status` finds the daemon."""
        return self.status.socket or self.dock.state_dir / "status.sock"


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: unreadable, not TOML, or a value that is missing, unknown or wrong; the
            text names all of them.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise ConfigError(not_allowed(path)) from error
    except OSError as error:
        hint = "; name the dock's settings with --config FILE" if path == DEFAULT else ""
        raise ConfigError(f"{path}: {error.strerror}{hint}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, Config))
        raise ConfigError(f"{path}:{problems}") from error
    rooted = _rooted(config, path.absolute().parent)
    rooted._file = path.absolute()  # noqa: SLF001  # known to this function alone
    return rooted


def credential(path: Path) -> Path:
    """Where systemd has put a credential of the unit (systemd.exec(5), CREDENTIALS).

    Outside the unit there is none, and the path stays as it is written: commands that need no
    key work all the same, those that need it say what is missing.
    """
    first, *rest = path.parts or (".",)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder, *rest) if first == CREDENTIALS and folder else path


def key_file(place: KeyPlace) -> Path | None:
    """The file that gives the key away: the key's own, or of the PIN for its token."""
    return place.pin if isinstance(place, TokenKey) else place


def _placed(place: KeyPlace, base: Path) -> KeyPlace:
    """The same key, its file's path absolute."""
    if not isinstance(place, TokenKey):
        return base / credential(place)
    return place if place.pin is None else place.with_pin(base / credential(place.pin))


def zones(cameras: CamerasSection) -> tuple[ZoneInfo | None, dict[str, ZoneInfo]]:
    """What cameras' clocks show: all of them, and those in bays of their own."""
    own = {each.stands_in: ZoneInfo(each.zone) for each in cameras.folders if each.zone}
    return (ZoneInfo(cameras.zone) if cameras.zone else None), own


_UNTOLD: Final = "(not-shown)"


def describe(config: Config) -> str:
    """The configuration in force as TOML, defaults filled in and paths made absolute.

    Without passwords: what is printed ends in journals, tickets and chats.
    """
    told = config.model_dump(mode="json", exclude_none=True)
    for line in told["serial"]["control"]:
        line["password"] = _UNTOLD
    return tomli_w.dumps(told)


def _rooted(config: Config, base: Path) -> Config:
    """The same configuration with every path absolute."""
    dock, cameras, tls = config.dock, config.cameras, config.uplink.tls
    folders = tuple(
        folder.model_copy(update={"path": base / folder.path}) for folder in cameras.folders
    )
    paths: dict[str, KeyPlace] = {"key": _placed(dock.key, base)}
    paths |= {name: base / getattr(dock, name) for name in ("state_dir", "trust")}
    root = cameras.mount_root and base / cameras.mount_root
    profiles = cameras.profiles_dir and base / cameras.profiles_dir
    binding = cameras.binding_key and base / cameras.binding_key
    registry = cameras.registry and base / cameras.registry
    socket = config.status.socket and base / config.status.socket
    mounter = config.mounter and config.mounter.model_copy(
        update={"socket": base / config.mounter.socket, "root": base / config.mounter.root}
    )
    secured = tls and tls.model_copy(
        update={"ca": base / tls.ca, "cert": base / tls.cert, "key": base / tls.key}
    )
    return config.model_copy(
        update={
            "dock": dock.model_copy(update=paths),
            "cameras": cameras.model_copy(
                update={
                    "folders": folders,
                    "mount_root": root,
                    "profiles_dir": profiles,
                    "binding_key": binding,
                    "registry": registry,
                }
            ),
            "uplink": config.uplink.model_copy(update={"tls": secured}),
            "status": config.status.model_copy(update={"socket": socket}),
            "mounter": mounter,
        }
    )
