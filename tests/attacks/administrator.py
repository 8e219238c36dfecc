"""A gateway's administrator who has everything of it: files, rows, and all of its keys."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from gateway import keys
from gateway.log import journal
from gateway.log.journal import Batch, NewEntry
from hashing.keys import Signer
from hashing.statement import decode_statement, sign_statement


def rewrite(before: Path, after: Path, was: str, becomes: str) -> None:
    """Write the log's history anew, in a copy of a gateway that does not run.

    One act says something else from now on and is signed again; every index, tile, checkpoint
    and cosignature that speaks of the old history goes. The gateway then builds all of them from
    the journal when it starts, as it would after a disk was lost.

    Args:
        before: data directory.
        after: where to.
        was: text in one record of the gateway's, the last on its subject.
        becomes: what stands there from now on.
    """
    shutil.copytree(before, after)
    for path in after.glob("gateway.db*"):
        path.unlink()
    objects = after / "store/objects/log"
    for name in ("tile", "cosigned", "stamped"):
        shutil.rmtree(objects / name, ignore_errors=True)
    (objects / "checkpoint").unlink(missing_ok=True)
    signer = keys.load(after / "keys").statement
    changed = 0
    for path in sorted((objects / "journal").iterdir()):
        batch = journal.decode_batch(int(path.name), path.read_bytes())
        entries = tuple(
            _changed(entry, signer, was, becomes) if was.encode() in entry.record else entry
            for entry in batch.entries
        )
        changed += entries != batch.entries
        path.unlink()
        path.write_bytes(journal.encode_batch(Batch(batch.first, batch.at, entries)))
    assert changed == 1, f"{changed} batches changed"


def _changed(entry: NewEntry, signer: Signer, was: str, becomes: str) -> NewEntry:
    record = entry.record.replace(was.encode(), becomes.encode())
    said = decode_statement(entry.statement)
    assert said.chain is not None
    statement = sign_statement(
        signer,
        record=record,
        issuer=said.issuer,
        subject=said.subject,
        chain=said.chain,
        issued_at=said.issued_at,
    )
    return replace(entry, record=record, statement=statement)


def swap_object(data: Path, clip: str, content: bytes) -> None:
    """Put other bytes in a clip's place in the store."""
    path = data / "store/objects/clips" / Path(*clip.split("."))
    path.unlink()
    path.write_bytes(content)
