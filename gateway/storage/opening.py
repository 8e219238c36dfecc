"""Opens the store that an address names; nothing is asked of it yet."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obstore import exceptions
from obstore.store import S3Store
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from gateway.config import Config
from gateway.errors import SetupError
from gateway.keys import private_key
from gateway.storage.cloud import CloudStore
from gateway.storage.local import LocalStore
from gateway.storage.staging import Staging
from gateway.storage.store import Store
from gateway.storage.urls import Bucket, Folder

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

_PATIENCE: Final = timedelta(seconds=20)
"""A service that stays away is told of soon; whoever asked tries again."""
_WHOLE: Final = timedelta(days=1)
"""For an answer that keeps coming: a long clip is read for hours over a slow line."""
_PART: Final = timedelta(minutes=5)
"""For a request that sends a part, or has the service copy an object: it is silent meanwhile."""
_CONNECT: Final = timedelta(seconds=5)
_REGION: Final = "us-east-1"
"""What services that have no regions are signed for."""


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    access_key_id: str = Field(min_length=1)
    secret_access_key: SecretStr = Field(min_length=1)
    session_token: SecretStr | None = None


def open_store(where: Folder | Bucket, staging: Path) -> Store:
    """A store of either kind.

    Args:
        where: its address.
        staging: a folder on this machine for files in the making, where the store is no folder.

    Raises:
        SetupError: a file that the address names is missing or unfit.
    """
    if isinstance(where, Folder):
        return LocalStore(where.path)
    # Unless it is told, the library ends every request after 30 s, however well it goes.
    asking: ClientConfig = {"read_timeout": _PATIENCE, "timeout": _WHOLE}
    sending: ClientConfig = {"timeout": _PART}
    return CloudStore(_bucket(where, asking), _bucket(where, sending), Staging(staging))


def store_of(config: Config) -> Store:
    """The store of a configuration.

    Raises:
        SetupError: as ``open_store``.
    """
    return open_store(config.store_at, config.staging_path)


def _bucket(where: Bucket, waits: ClientConfig) -> S3Store:
    client: ClientConfig = {"connect_timeout": _CONNECT, **waits}
    if where.endpoint is not None and where.endpoint.startswith("http://"):
        client["allow_http"] = True
    if where.ca is not None:
        client["root_certificate"] = _authorities(where.ca)
    known: S3Config = _credentials(where.credentials) if where.credentials is not None else {}
    try:
        return S3Store(
            prefix=where.prefix or None,
            config=_service(where) | known,
            client_options=client,
            retry_config={"max_retries": 4, "retry_timeout": _PATIENCE},
        )
    except (exceptions.BaseError, ValueError) as error:
        raise SetupError(f"{where}: {error}") from error


def _service(where: Bucket) -> S3Config:
    service: S3Config = {"bucket": where.name}
    if where.endpoint is not None:
        service |= {"endpoint": where.endpoint, "region": _REGION}
    if where.region is not None:
        service["region"] = where.region
    return service


def _credentials(path: Path) -> S3Config:
    try:
        document = tomllib.loads(private_key(path).decode())
        known = _Credentials.model_validate(document)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        # What the file says is not repeated: it is a secret.
        names = ", ".join(_Credentials.model_fields)
        raise SetupError(f"{path}: not what is wanted: TOML text with {names}") from error
    said: S3Config = {
        "access_key_id": known.access_key_id,
        "secret_access_key": known.secret_access_key.get_secret_value(),
    }
    if known.session_token is not None:
        said["session_token"] = known.session_token.get_secret_value()
    return said


def _authorities(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
