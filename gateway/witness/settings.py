"""The settings of a witness: one TOML file; and its key, a file that nobody else can read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.durable import sync_folder
from gateway.errors import ConfigError, KeyFileError
from gateway.keys import private_key, write_private
from gateway.witness.state import State
from hashing.errors import HashingError, KeyFormatError
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType
from protocols.settings import wrong_settings

_MOST_LOGS = 1000


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class WitnessSection(_Section):
    """Who this witness is, and where it keeps its things."""

    name: str = Field(
        max_length=200,
        description="Name in its cosignatures, such as witness.agency.example/w1; never changed.",
    )
    key: Path = Field(Path("witness.pem"), description="Its private key, made by keygen.")
    state: Path = Field(Path("witness.db"), description="What it cosigned, made by keygen.")
    host: str = Field("127.0.0.1", min_length=1, max_length=255, description="Address.")
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(8700, description="Port.")
    prefix: str = Field(
        "", pattern=r"^(/[a-z0-9._~-]{1,60}){0,4}$", description="Path before /add-checkpoint."
    )
    log_json: bool = Field(default=False, strict=True, description="Log one JSON object per line.")


class LogSection(_Section):
    """A log to witness; more than one key of the same origin may be listed."""

    vkey: str = Field(max_length=400, description="Verifier key: origin, id and key of the log.")

    @property
    def key(self) -> NoteKey:
        """The key."""
        return NoteKey.parse(self.vkey)

    @model_validator(mode="after")
    def _is_a_logs(self) -> Self:
        try:
            kind = self.key.type
        except HashingError as error:
            raise ValueError(str(error)) from error
        if kind is not SignatureType.ED25519:
            msg = "the key of a witness, not of a log"
            raise ValueError(msg)
        return self


class WitnessSettings(_Section):
    """The whole file."""

    witness: WitnessSection
    logs: Annotated[tuple[LogSection, ...], Field(max_length=_MOST_LOGS)] = ()


def load_settings(path: Path) -> WitnessSettings:
    """Read the file; paths in it are taken from the folder it lies in.

    Raises:
        ConfigError: unreadable, not TOML, or not the settings of a witness.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = WitnessSettings.model_validate(document)
        # A name that no key can have is found here, not at the first cosignature.
        NoteKey(settings.witness.name, Ed25519Signer.generate().public, SignatureType.COSIGNATURE)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, WitnessSettings))
        raise ConfigError(f"{path}:{problems}") from error
    except KeyFormatError as error:
        raise ConfigError(f"{path}: witness.name: {error}") from error
    own = settings.witness
    placed = {"key": path.parent / own.key, "state": path.parent / own.state}
    return settings.model_copy(update={"witness": own.model_copy(update=placed)})


def load_key(own: WitnessSection) -> Ed25519Signer:
    """Read the witness's key.

    Raises:
        KeyFileError: it is missing, unusable, or readable by others.
    """
    if not own.key.exists():
        made = "make it with its state: evidock-gateway witness keygen --config FILE"
        lost = "if it was lost, make a new witness under another name and hand out its key"
        raise KeyFileError(f"{own.key}: there is no key; {made}; {lost}")
    try:
        return Ed25519Signer.from_pem(private_key(own.key))
    except KeyFormatError as error:
        raise KeyFileError(f"{own.key}: {error}") from error


def keygen(own: WitnessSection) -> NoteKey:
    """Make key and empty state together; returns the verifier key to hand out.

    A witness that has lost its state must not go on under the same key, since it could be led to
    cosign a second history. So state is only ever made with a fresh key.

    Raises:
        KeyFileError: there is a key or a state already, or no room for them.
    """
    for path in (own.key, own.state):
        if path.exists():
            raise KeyFileError(f"{path} is there already; a witness keeps its key and its state")
    signer = Ed25519Signer.generate()
    key = witness_key(own, signer)
    try:
        own.state.parent.mkdir(parents=True, exist_ok=True)
        own.key.parent.mkdir(parents=True, exist_ok=True)
        # The state first: a key without one is of no use, and is refused.
        State.make(own.state, key).close()
        write_private(own.key, signer.pem())
        for folder in {own.state.parent, own.key.parent}:
            sync_folder(folder)
    except OSError as error:
        raise KeyFileError(f"{own.key}: cannot be made: {error.strerror}") from error
    return key


def witness_key(own: WitnessSection, signer: Ed25519Signer) -> NoteKey:
    """The verifier key under which cosignatures are made."""
    return NoteKey(own.name, signer.public, SignatureType.COSIGNATURE)
