"""What an operator does with the authority: make it, see it, revoke, and issue for hosts.

``init``, ``server`` and ``client`` work on this machine's files, since private keys come of them
and must not travel; the last two beside a running gateway, too. The rest asks the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.ca import folder as files
from gateway.ca import renewing
from gateway.ca.profiles import Purpose, new_key
from gateway.ca.service import GATEWAY, Authority
from gateway.clock import GatewayClock
from gateway.config import Config
from gateway.db import Database
from gateway.durable import sync_folder
from gateway.errors import ConfigError, ConflictError, SetupError
from gateway.keys import write_private
from gateway.storage.opening import store_of
from gateway.trail.client import ApiClient

Write = Callable[[str], object]


def init(config: Config, write: Write) -> None:
    """Make a root and its two authorities.

    Raises:
        ConflictError: there is one already. KeyFileError: it cannot be made.
    """
    folder = config.ca_dir
    files.make(folder, config.gateway.name, GatewayClock().now(), development=False)
    print_of = files.load(folder).fingerprint.hex()
    write(
        f"made in {folder}; docks will pin the root, SHA-256 of its certificate:\n  {print_of}\n"
        f"Now move {folder / 'root.key'} to a medium in a safe, with a copy of the folder for "
        "another one:\nnothing here needs it, and who has it can be any dock.\n"
    )


def issue_for_host(config: Config, names: Sequence[str], out: Path, write: Write) -> None:
    """Make key and certificate of a server, such as the broker.

    Args:
        config: of the gateway.
        names: what clients call it; the first is its common name.
        out: a folder; gets ``NAME.pem``, ``NAME.key`` and ``ca.pem``.
        write: takes the text.

    Raises:
        GatewayError: it cannot be issued or written.
    """
    _issue(config, Purpose.SERVER, names[0], names, out, write)


def issue_for_gateway(config: Config, out: Path, write: Write) -> None:
    """Make key and certificate with which the gateway itself connects to the broker.

    Raises:
        GatewayError: it cannot be issued or written.
    """
    _issue(config, Purpose.CLIENT, GATEWAY, (), out, write)


def renew(
    config: Config, part: str, root_key: Path | None, write: Write, *, same_key: bool
) -> None:
    """Renew an authority, or the root with both.

    Raises:
        GatewayError: it cannot be renewed; nothing has changed.
    """
    made = renewing.renew(
        config.ca_dir, part, GatewayClock().now(), root_key=root_key, same_key=same_key
    )
    until = made.root.not_valid_after_utc.date()
    write(
        f"{part} is renewed, good until {until}; a running gateway takes it up within seconds.\n"
        "What was issued before goes on counting; docks change over when they renew.\n"
    )
    if part == files.ROOT:
        key = config.ca_dir / f"{files.ROOT}.key"
        write(
            f"New invitations pin the new root:\n  {made.fingerprint.hex()}\n"
            f"Now move {key} to a medium in a safe, and give the broker a new ca.pem (ca server).\n"
        )


def show_certificates(client: ApiClient, name: str | None, write: Write) -> None:
    """Print the authority and what it issued."""
    asked = "" if name is None else f"?name={quote(name, safe='')}"
    told: dict[str, Any] = client.get(f"/certificates{asked}")
    authority = told["authority"]
    kind = "  DEVELOPMENT" if authority["development"] else ""
    write(f"root {authority['fingerprint']}{kind}\n")
    for each in told["certificates"]:
        write(
            f"{each['serial']:>40}  {each['purpose']:<9}  {each['name']:<23}  "
            f"until {each['not_after']}{_ended(each)}\n"
        )


def _ended(told: dict[str, Any]) -> str:
    if told["revoked_at"]:
        return f"  revoked {told['revoked_at']} by {told['revoked_by']}"
    if told["dock_revoked_at"]:
        return f"  revoked {told['dock_revoked_at']} with the dock"
    return ""


def revoke(client: ApiClient, serial: str, by: str, reason: str, write: Write) -> None:
    """Take a certificate's right to connect."""
    body = {"by": by, "reason": reason}
    told: dict[str, Any] = client.post(f"/certificates/{quote(serial, safe='')}/revoke", body)
    write(f"{told['serial']} of {told['name']} is revoked and on the list that the broker reads\n")


def _issue(
    config: Config, purpose: Purpose, name: str, names: Sequence[str], out: Path, write: Write
) -> None:
    key = new_key()
    paths = [out / f"{name}.pem", out / f"{name}.key", out / "ca.pem"]
    _refuse_taken(paths[:2])
    row_der, authorities = asyncio.run(_recorded(config, purpose, name, names, key.public_key()))
    made = x509.load_der_x509_certificate(row_der)
    chain = files.pem(authorities.served(purpose))
    others = [*authorities.roots[1:], *authorities.tls_certificates]
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_private(paths[1], files.key_pem(key))
        paths[0].write_bytes(files.pem(made) + chain)
        # Every root and authority that somebody's certificate may still be of.
        trusted = [authorities.root, *others]
        paths[2].write_bytes(b"".join(files.pem(each) for each in trusted))
        sync_folder(out)
    except OSError as error:
        raise SetupError(f"{out}: {error.strerror}") from error
    until = made.not_valid_after_utc.date()
    write(f"{paths[0]}, {paths[1]} and {paths[2]} written; good until {until}\n")


def _refuse_taken(paths: Sequence[Path]) -> None:
    taken = [path for path in paths if path.exists()]
    if taken:
        raise ConflictError(f"{taken[0]} is there already; move it away first")


async def _recorded(
    config: Config, purpose: Purpose, name: str, names: Sequence[str], key: EllipticCurvePublicKey
) -> tuple[bytes, files.Authorities]:
    if not files.is_there(config.ca_dir):
        raise ConfigError(f"{config.ca_dir}: no authority is here; `ca init` makes one")
    database = Database(config.database_url)
    try:
        await database.upgrade()
        authority = Authority(
            database,
            store_of(config),
            GatewayClock(),
            folder=config.ca_dir,
            name=config.gateway.name,
            own=False,
        )
        await authority.open(make=False)
        row = await authority.issue(purpose, name, key, hosts=names)
        return row.der, authority.authorities
    finally:
        await database.close()
