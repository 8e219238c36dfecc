"""What ``setup`` has to know, and the configuration file that it makes of it.

The file of answers is TOML, unknown keys refused::

    dock = "dock7"
    trust = "/media/stick/trust.json"   # may come later
    kiosk = true
    erase = "keep"                      # or "released"

    [gateway]
    host = "gateway.example"
    port = 8883
    enrol = true                # or ca = "ca.pem", cert = "dock7.pem", key = "dock7.key"

    [[bays]]
    name = "1"
    path = "pci-0000:00:14.0-usb-0:1.2"
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import tomli_w
from pydantic import Field, StrictBool, ValidationError, field_validator, model_validator

from edge.bays import BaySection
from edge.config import Section
from edge.enrolment.papers import DEFAULTS, FOLDER
from edge.errors import ConfigError
from protocols.errors import IdError
from protocols.ids import dock_id
from protocols.settings import wrong_settings

SOCKET: Final = "/run/evidock/edge/status.sock"
STATE: Final = Path("/var/lib/evidock/edge")
_MAX_FILE: Final = 256 * 1024
_HEADING: Final = (
    "# Written by `evidock-edge setup`. Settings are described in edge.example.toml, which a\n"
    "# package has in /usr/share/doc/evidock-edge/examples.\n"
    "# `evidock-edge check-config` prints what is in force.\n\n"
)


class Erase(StrEnum):
    """What becomes of released recordings on their cards."""

    KEEP = "keep"
    RELEASED = "released"


class Gateway(Section):
    """Where the broker is.

    Attributes:
        ca, cert, key: certificates that are there already.
        enrol: they come by an invitation, with `evidock-edge enrol`.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 8883
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    enrol: StrictBool = False

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = [each is not None for each in (self.ca, self.cert, self.key)]
        if any(given) and not all(given):
            msg = "TLS takes all three of ca, cert and key"
            raise ValueError(msg)
        if any(given) and self.enrol:
            msg = "enrol = true gets ca, cert and key by an invitation; name none of them"
            raise ValueError(msg)
        return self


class Answers(Section):
    """Everything that setup asks.

    Attributes:
        key: of the statement key; made when missing.
        mount_root: where the system mounts cards, for a dock without bays of its own.
    """

    dock: str
    gateway: Gateway
    trust: Path | None = None
    key: Annotated[str, Field(min_length=1)] = "statement.pem"
    state_dir: Path = STATE
    bays: tuple[BaySection, ...] = ()
    mount_root: Path | None = None
    kiosk: StrictBool = True
    language: Literal["zh", "en"] = "zh"
    erase: Erase = Erase.KEEP

    @field_validator("dock")
    @classmethod
    def _dock_name(cls, text: str) -> str:
        try:
            return dock_id(text)
        except IdError as error:
            raise ValueError(str(error)) from error


def from_file(path: Path) -> Answers:
    """Read a file of answers.

    Raises:
        ConfigError: unreadable, not TOML, or an answer that is missing, unknown or wrong.
    """
    try:
        with path.open("rb") as file:
            document = tomllib.loads(file.read(_MAX_FILE).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        return Answers.model_validate(document)
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, Answers))
        raise ConfigError(f"{path}:{problems}") from error


def configuration(answers: Answers) -> str:
    """The configuration file as text."""
    gateway = answers.gateway
    uplink: dict[str, Any] = {"host": gateway.host, "port": gateway.port}
    if gateway.ca and gateway.cert and gateway.key:
        files = {"ca": gateway.ca, "cert": gateway.cert, "key": gateway.key}
        uplink["tls"] = {name: str(path) for name, path in files.items()}
    elif gateway.enrol:
        folder = answers.state_dir / FOLDER
        uplink["tls"] = {name: str(folder / file) for name, file in DEFAULTS.items()}
    document: dict[str, Any] = {
        "dock": {
            "id": answers.dock,
            "state_dir": str(answers.state_dir),
            "key": answers.key,
            "trust": "trust.json",
        },
        "uplink": uplink,
        "erase": {"enabled": answers.erase is Erase.RELEASED},
        **_cameras(answers),
    }
    if answers.kiosk:
        document["status"] = {"socket": SOCKET}
        other = "en" if answers.language == "zh" else "zh"
        document["kiosk"] = {"languages": [answers.language, other]}
    return _HEADING + tomli_w.dumps(document)


def _cameras(answers: Answers) -> dict[str, Any]:
    """Cards are mounted by our own helper where the bays are known, else by the system."""
    if not answers.bays:
        root = answers.mount_root or Path("/media")
        return {"cameras": {"mount_root": str(root)}}
    bays = [bay.model_dump() for bay in answers.bays]
    return {"mounter": {"root": "/run/evidock/cameras"}, "bays": bays}
