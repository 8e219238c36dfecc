"""What an operator does on the gateway's own machine, from serving to repairing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from gateway import keys, logs
from gateway.ca import command as ca
from gateway.ca import upkeep
from gateway.clock import GatewayClock
from gateway.config import Config, describe, load
from gateway.db import Database
from gateway.errors import SetupError
from gateway.evidence.service import object_key
from gateway.log import rewound
from gateway.log.checking import Checked, check_store
from gateway.log.checkpoints import KEY as CHECKPOINT
from gateway.log.journal import journal_key
from gateway.repair.command import RepairAsked, look_and_repair, replicas_of
from gateway.serve import serve
from gateway.services import build
from gateway.storage.opening import store_of
from gateway.storage.urls import Folder
from hashing.verdict import Outcome, Verdict
from protocols.trail.telling import verdict_json, verdict_lines


class Task(StrEnum):
    """The commands of an operator."""

    SERVE = "serve"
    CHECK_CONFIG = "check-config"
    MIGRATE = "migrate"


def configured(
    path: Path | None, *, data_dir: Path | None, port: int | None, mqtt_port: int | None
) -> Config:
    """Read the configuration and set up logging as it says.

    Raises:
        ConfigError: it does not hold together.
    """
    config = load(path, data_dir=data_dir, port=port, mqtt_port=mqtt_port)
    logs.configure(json=config.gateway.log_json)
    return config


def run(task: Task, config: Config, write: Callable[[str], object]) -> int:
    """Do it; returns the exit code.

    Raises:
        GatewayError: it could not be done.
    """
    match task:
        case Task.SERVE:
            if config.keys.is_own_folder and _is_founded(config):
                keys.refuse_lost(config.keys_dir)
            # What is there by now stays: nor is it looked through while requests wait.
            gc.freeze()
            with _only_ours():
                asyncio.run(serve(config))
        case Task.CHECK_CONFIG:
            write(describe(config))
            for line in upkeep.lines(config.ca_dir, GatewayClock().now()):
                write(f"# WARNING: {line}\n")
        case Task.MIGRATE:
            with _only_ours():
                asyncio.run(_migrate(config.database_url))
    return 0


def with_authority(
    act: str, config: Config, write: Callable[[str], object], asked: Mapping[str, Any]
) -> None:
    """Make the authority, or issue key and certificate of a host.

    Args:
        act: ``init``, ``server``, ``client`` or ``renew``.
        config: where everything is.
        write: takes the text.
        asked: ``names`` of the server, ``out`` for what is issued; ``part``, ``root_key`` and
            ``same_key`` of what is renewed.

    Raises:
        GatewayError: it could not be done.
    """
    _refuse_others(config.gateway.data_dir)
    with _only_ours():
        match act:
            case "server":
                ca.issue_for_host(config, asked["names"], asked["out"], write)
            case "client":
                ca.issue_for_gateway(config, asked["out"], write)
            case "renew":
                ca.renew(
                    config, asked["part"], asked["root_key"], write, same_key=asked["same_key"]
                )
            case _:
                ca.init(config, write)


def _refuse_others(folder: Path) -> None:
    # What root leaves in the store or beside the database, the gateway could not write on.
    owner = folder.stat().st_uid if folder.exists() else os.geteuid()
    if owner != os.geteuid():
        msg = f"{folder} belongs to another user; run this as that one: sudo -u '#{owner}' ..."
        raise SetupError(msg)


@contextlib.contextmanager
def _only_ours() -> Iterator[None]:
    # Case numbers and names stand in the database: no other user of this machine may read it,
    # nor the files that SQLite makes beside it, whatever the shell's umask is.
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _is_founded(config: Config) -> bool:
    async def look() -> bool:
        return any(await store_of(config).sizes([CHECKPOINT, journal_key(0)]))

    return asyncio.run(look())


def _refuse_absent(config: Config) -> None:
    where = config.store_at
    if isinstance(where, Folder) and not where.path.is_dir():
        raise SetupError(f"{where}: no object store is here")


def check_stored(
    config: Config, write: Callable[[str], object], *, content: bool, as_json: bool
) -> int:
    """Look through the whole store, offline; returns the exit code of the verdict.

    Args:
        config: where everything is.
        write: takes the text.
        content: read every clip again, too.
        as_json: one JSON document instead of lines.

    Raises:
        GatewayError: it cannot be read, or a gateway is using it.
    """
    _refuse_absent(config)
    verdict, compared = asyncio.run(_check_store(config, content=content))
    if as_json:
        write(json.dumps(verdict_json(verdict), ensure_ascii=False, indent=2) + "\n")
        return verdict.exit_code
    for finding in verdict.findings:
        if finding.outcome is Outcome.INTACT:
            write(f"  in order: {finding.reason}\n")
    for line in verdict_lines(verdict):
        write(line + "\n")
    if not compared:
        write("there is no database; entries and tree were compared with none\n")
    if not content:
        write("clips were looked for, not read; add --content to hash each of them\n")
    return verdict.exit_code


def clear_rewound(config: Config, write: Callable[[str], object]) -> int:
    """Let a log go on that was shown a checkpoint of its own that it does not contain.

    Raises:
        GatewayError: a gateway is using the store, or no such checkpoint was shown.
    """
    _refuse_absent(config)
    with _only_ours():
        key = asyncio.run(rewound.clear(store_of(config)))
    write(
        f"the log goes on from where it is; the proof that it once was longer is kept as {key}.\n"
        "Docks that accepted the lost part refuse this log: enrol them under new names.\n"
    )
    return 0


def repair_stored(config: Config, asked: RepairAsked, write: Callable[[str], object]) -> int:
    """Look through the store's clips and mend them; returns the exit code of the verdict.

    Raises:
        GatewayError: it could not be done, or a gateway is using the store.
    """
    replicas = replicas_of(asked)
    if not _is_founded(config):
        msg = f"{config.store_at}: no gateway's store is here"
        raise SetupError(msg)
    keys.refuse_lost(config.keys_dir)

    async def run() -> Verdict:
        services = build(config)
        try:
            await services.open()
            return await look_and_repair(services, asked, replicas, write)
        finally:
            await services.close()

    with _only_ours():
        return asyncio.run(run()).exit_code


async def _check_store(config: Config, *, content: bool) -> tuple[Verdict, bool]:
    signers = keys.load(config.keys_dir, config.keys)
    database = _existing(config.database_url)
    try:
        checked = Checked(
            store=store_of(config),
            database=database,
            keys=signers,
            name=config.gateway.name,
            object_key=object_key,
            content=content,
        )
        return await check_store(checked), database is not None
    finally:
        if database is not None:
            await database.close()


def _existing(url: str) -> Database | None:
    """The database; None when it is a file that is not there: looking must not make one."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return None
    return Database(url)


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await database.upgrade()
    finally:
        await database.close()
