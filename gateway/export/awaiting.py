"""Waiting until witnesses have seen the acts of an export, but never longer than was said."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.trail.client import ApiClient, ApiError
from hashing.verdict import Outcome
from protocols.policy import Policy, check_policy
from protocols.shown import shown

_SLICE_S = 5.0
_POLL_S = 1.0
_NOTES = 50


def await_witnesses(
    client: ApiClient,
    number: int,
    seconds: float,
    policy: Policy | None,
    write: Callable[[str], object],
) -> None:
    """Wait for the witnesses of a policy, or for all that the gateway asks.

    Args:
        client: of the gateway.
        number: of the export.
        seconds: longest wait.
        policy: which witnesses are enough; None asks for all, and for a time stamp.
        write: told whom it waits for.

    Raises:
        ApiError: the gateway does not answer, or with something else.
    """
    until = time.monotonic() + seconds
    said = ""
    most = 0.0  # first only to say whom it waits for
    while (left := until - time.monotonic()) > 0:
        told = client.get(f"/exports/{number}/witnesses", {"wait": min(left, most)})
        needed, missing = _missing(told)
        if not missing or (policy is not None and _is_enough(client, needed, policy)):
            return
        if said != missing:
            said = missing
            write(f"waiting for {shown(missing)}\n")
        most = _SLICE_S if policy is None else _POLL_S


def _missing(told: object) -> tuple[int, str]:
    try:
        asked, cosigned = list(told["asked"]), set(told["cosigned"])  # type: ignore[index]
        needed, stamped = int(told["needed"]), told["stamped"]  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError("the gateway gave something that is no word about witnesses") from error
    names = [str(name) for name in asked if name not in cosigned]
    return needed, ", ".join(names + ["a time stamp"] * (stamped is False))


def _is_enough(client: ApiClient, needed: int, policy: Policy) -> bool:
    answer = client.get("/log/cosigned", {"at_least": needed, "limit": _NOTES})
    notes = answer.get("checkpoints") if isinstance(answer, dict) else None
    if not isinstance(notes, list):
        raise ApiError("the gateway gave no list of cosigned checkpoints")
    return any(
        check_policy(str(note).encode(errors="replace"), policy).outcome is Outcome.INTACT
        for note in notes
    )
