"""What enrolment leaves on the dock's disk, and whether it fits together.

The trust file is the last to be written: the dock does not run without it, so a dock that runs has
everything else. All of it may be read by the dock's user and is written whole or not at all.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge import durable
from edge.config import Config, KeyPlace
from edge.errors import ConfigError
from edge.giving import give
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError

FOLDER: Final = "enrolment"
_MAX: Final = 64 * 1024


class Enrolled(BaseModel):
    """Whom this dock is enrolled with: the file ``enrolment.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    dock: str
    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    root: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Papers:
    """Where everything is.

    Attributes:
        dock: the dock's name.
        statement_key, tls_key: the private keys.
        ca: root and TLS authority, as the uplink takes them.
        cert: the TLS certificate.
        trust: the trust file.
        folder: what only enrolment needs.
    """

    dock: str
    statement_key: KeyPlace
    tls_key: Path
    ca: Path
    cert: Path
    trust: Path
    folder: Path

    @classmethod
    def of(cls, config: Config) -> Self:
        """As the settings say.

        Raises:
            ConfigError: they name no TLS files to write.
        """
        tls = config.uplink.tls
        if tls is None:
            folder = config.dock.state_dir / FOLDER
            raise ConfigError(
                "[uplink.tls] names no files for the certificates; write there:\n"
                + "".join(f'{name} = "{folder / file}"\n' for name, file in DEFAULTS.items())
            )
        folder = config.dock.state_dir / FOLDER
        return cls(
            *(config.dock.id, config.dock.key, tls.key, tls.ca, tls.cert),
            *(config.dock.trust, folder),
        )

    @property
    def enrolled(self) -> Path:
        """The file of ``Enrolled``."""
        return self.folder / "enrolment.json"

    @property
    def statement_cert(self) -> Path:
        """The statement key's certificate and its authorities, for strangers."""
        return self.folder / "statement.cert.pem"

    def known(self) -> Enrolled | None:
        """Whom the dock is enrolled with, or began to; None before.

        Raises:
            ConfigError: the file cannot be read, or was altered.
        """
        try:
            return Enrolled.model_validate_json(self.enrolled.read_bytes()[:_MAX])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self.enrolled}: {error.strerror}") from error
        except ValidationError as error:
            raise ConfigError(f"{self.enrolled}: not as it was written; restore it") from error

    def anchors(self) -> Anchors | None:
        """The trust file; None before there is one.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        try:
            with self.trust.open("rb") as file:
                return Anchors.from_json(file.read(MAX_ANCHORS + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self.trust}: {error.strerror}") from error
        except AnchorsError as error:
            raise ConfigError(f"{self.trust}: {error}; move it away first") from error


DEFAULTS: Final = {"ca": "ca.pem", "cert": "tls.cert.pem", "key": "tls.key.pem"}


def certificate_in(path: Path) -> x509.Certificate | None:
    """The first certificate in a PEM file; None where there is none to read."""
    with contextlib.suppress(OSError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes()[:_MAX])
    return None


def keep(path: Path, data: bytes) -> None:
    """Write a file durably for the dock's user.

    Raises:
        OSError: the disk refuses; nothing is there, or what was before.
    """
    durable.make_dir(path.parent)
    durable.write_atomic(path, data, 0o640)
    give(path)
