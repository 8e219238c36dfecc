"""Makes sure at a start that the spool is the one this ledger's clips are in.

A disk that is not mounted looks like an empty spool, and a lost ledger like a new one: on
the strength of either, clips would be called lost or set aside. So a name stands in both,
and where the names differ while anything is at stake, the dock does not start until a
person mounts the disk, puts the ledger back, or says that they are gone for good.
"""

from __future__ import annotations

import secrets

from edge.errors import SpoolForeign
from edge.ledger import Bond, BoundSpool, ClipState, Ledger
from edge.spool import Spool


def accept_spool(ledger: Ledger, spool: Spool) -> str:
    """Bind the ledger to the spool as it is now, because a person says so.

    The next start states as lost what is not in it, and sets aside what no clip names. Where
    both agree already, nothing is changed.

    Returns:
        What it amounts to, for the one who asked.

    Raises:
        LedgerError: the disk refuses.
        SpoolDamaged: the spool's disk refuses.
    """
    known, found = ledger.spool(), spool.identity()
    there = spool.names()
    missing = [row for row in ledger.spooled(ClipState.SEALED) if row.spool_name not in there]
    unnamed = there - ledger.spool_names()
    if found == (known and known.identity) and not missing and not unnamed:
        return (
            f"there is nothing to accept: the spool {spool.root} is the one of this ledger, no "
            "clip is missing from it and no file unknown. Nothing was changed"
        )
    identity = secrets.token_hex(16)
    ledger.bind_spool(BoundSpool(identity, Bond.ACCEPTED))
    spool.set_identity(identity)
    return (
        f"the spool {spool.root} is accepted as {identity}; the next start states "
        f"{len(missing)} clips as lost and sets {len(unnamed)} files aside"
    )


def bind(ledger: Ledger, spool: Spool) -> list[str]:
    """Make sure that the spool is this ledger's own; bind both to each other at first.

    The ledger's word comes first and is BEGUN until both agree: so after a cut a spool
    without a name is one that did not get it yet, and a name the ledger never gave is
    another ledger's.

    Returns:
        What to say of it in ``dock.booted``.

    Raises:
        SpoolForeign: clips are expected that are not there, or files are there that this
            ledger does not know.
        LedgerError, SpoolDamaged: a disk refuses.
    """
    known, found = ledger.spool(), spool.identity()
    if known is not None and known.identity == found:
        accepted = known.bond is Bond.ACCEPTED
        return [f"an operator accepted the spool as it is, under the name {found}"] * accepted
    waiting = ledger.spooled(ClipState.SEALED)
    foreign = len(spool.names() - ledger.spool_names())
    if found is None and (known is None or known.bond is Bond.BEGUN):
        # The first start, or the first with a program that names spools.
        here = spool.names()
        if waiting and not any(row.spool_name in here for row in waiting):
            raise _foreign(spool, f"it holds none of the {len(waiting)} clips that wait in it")
        if foreign and ledger.head() is None:
            raise _foreign(spool, f"the ledger is new, but the spool holds {foreign} clips")
    elif known is None:
        raise _foreign(spool, f"it belongs to another ledger (its name is {found})")
    elif waiting or foreign:
        raise _foreign(
            spool,
            f"its name is {found or 'missing'}, the ledger's is {known.identity}; "
            f"{len(waiting)} clips should wait in it, {foreign} are there that the ledger lacks",
        )
    # An empty spool in place of one in which nothing waited any more gets a new name, so
    # that the old one cannot turn up again unseen.
    identity = secrets.token_hex(16)
    ledger.bind_spool(BoundSpool(identity, Bond.BEGUN))
    spool.set_identity(identity)
    replaced = known is not None and known.bond is not Bond.BEGUN
    return [f"the spool is another one now: {identity}"] * replaced


def settle(ledger: Ledger) -> None:
    """Say that both agree and ``dock.booted`` tells of it."""
    known = ledger.spool()
    if known is not None and known.bond is not Bond.BOUND:
        ledger.bind_spool(BoundSpool(known.identity, Bond.BOUND))


def _foreign(spool: Spool, why: str) -> SpoolForeign:
    return SpoolForeign(
        f"the spool {spool.root} is not the one of this ledger: {why}. Nothing was changed. "
        "Mount the spool's disk, or put the right ledger back, and start again. Only if they "
        "are gone for good: `evidock-edge accept-spool --config FILE` goes on with what is "
        "there, states missing clips as lost and sets unknown files aside"
    )
