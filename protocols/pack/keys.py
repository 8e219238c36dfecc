"""Which public keys lie in a pack for ``openssl``, and under which names."""

from __future__ import annotations

from collections.abc import Iterable

from protocols.anchors import Anchors
from protocols.kinds import DockEnrolled, DockKeyRotated
from protocols.pack import layout
from protocols.trail import TrailEvent

GATEWAY_KEYS = ("gateway-statement", "gateway-receipt", "log-checkpoint")


def key_files(events: Iterable[TrailEvent], anchors: Anchors) -> dict[str, str]:
    """PEM by path: the gateway's, each dock's first key, and those that it changed to."""
    pems = (
        anchors.statement_key.pem(),
        anchors.receipt_key.pem(),
        anchors.checkpoint_key.key.pem(),
    )
    keys = {layout.key(use): pem for use, pem in zip(GATEWAY_KEYS, pems, strict=True)}
    for event in events:
        if event.statement.issuer != anchors.gateway:
            continue
        match event.body:
            case DockEnrolled() as body:
                keys.setdefault(layout.key(body.dock), body.statement_key)
            case DockKeyRotated() as body:
                name = f"{body.dock}.{body.epoch}.{body.seq}"
                keys.setdefault(layout.key(name), body.statement_key)
            case _:
                pass
    return keys
