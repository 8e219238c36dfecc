"""All decoders of outside bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.fuzz.decoder import Decoder
from tests.fuzz.enrolling import enrolment_decoders
from tests.fuzz.outside import document_decoders, hashing_decoders, message_decoders
from tests.fuzz.within import edge_decoders, gateway_decoders, verifier_decoders

GROUPS: Mapping[str, Callable[[], tuple[Decoder, ...]]] = {
    "hashing": hashing_decoders,
    "protocols": message_decoders,
    "documents": document_decoders,
    "edge": edge_decoders,
    "gateway": gateway_decoders,
    "verifier": verifier_decoders,
    "enrolment": enrolment_decoders,
}


def decoders() -> tuple[Decoder, ...]:
    """Every one of them."""
    return tuple(decoder for made in GROUPS.values() for decoder in made())
