"""Addresses of object stores, as a configuration names them.

    /srv/evidock/store                        a folder
    file:///srv/evidock/store                 the same
    s3://bucket/prefix                        a bucket of AWS
    s3://bucket?endpoint=https://host:9000    a bucket of another service that speaks S3

Further words of an ``s3`` address: ``region``; ``credentials``, a TOML file with
``access_key_id`` and ``secret_access_key`` that only its owner may read (default: the usual
``AWS_…`` variables of the environment, or the machine's role); ``ca``, a PEM file of the
authorities that may sign the service. Secrets never stand in an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from gateway.loopback import is_loopback

_WORDS: Final = frozenset({"endpoint", "region", "credentials", "ca"})


@dataclass(frozen=True, slots=True)
class Folder:
    """A store on a local disk."""

    path: Path

    def __str__(self) -> str:
        """As it is shown."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A store in a bucket, or below a prefix of one."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    credentials: Path | None = None
    ca: Path | None = None

    def __str__(self) -> str:
        """As it is shown."""
        where = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.name}/{self.prefix}".rstrip("/") + where


def parse(text: str) -> Folder | Bucket:
    """Read an address.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    url = urlsplit(text)
    if url.scheme in {"", "file"}:
        return _folder(text if not url.scheme else url.path, plain=not (url.netloc or url.query))
    if url.scheme != "s3":
        raise ValueError(f"{url.scheme}: no kind of store; a folder, or s3://bucket")
    if not url.hostname or url.username or url.password or url.port:
        raise ValueError("write s3://bucket/prefix; keys go into a file (credentials=…)")
    words = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
    unknown = sorted(words.keys() - _WORDS)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not known; there are {', '.join(sorted(_WORDS))}")
    credentials, ca = words.get("credentials"), words.get("ca")
    return Bucket(
        url.hostname,
        url.path.strip("/"),
        _endpoint(words.get("endpoint")),
        words.get("region"),
        Path(credentials) if credentials else None,
        Path(ca) if ca else None,
    )


def _folder(path: str, *, plain: bool) -> Folder:
    if not plain or not path:
        raise ValueError("write a folder as /its/path")
    return Folder(Path(path))


def _endpoint(text: str | None) -> str | None:
    if text is None:
        return None
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname or url.username:
        raise ValueError("endpoint: write https://host or https://host:port")
    if url.scheme == "http" and not is_loopback(url.hostname):
        # Whoever listens would learn the footage, and could answer with other bytes.
        raise ValueError("endpoint: http:// only to this machine itself; use https://")
    return text
