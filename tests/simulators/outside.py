"""Witnesses of a gateway in this process: their keys, their cosignatures, and their policy."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from gateway.cosigning.rounds import Standing
from gateway.services import Services
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType, cosign, parse_note
from protocols.policy import Policy, parse_policy

AT = 1_772_000_000


@dataclass
class SimulatedWitness:
    """Cosigns whatever it is shown; how a real one decides is tested with the real one."""

    name: str
    signer: Ed25519Signer = field(default_factory=Ed25519Signer.generate)

    @property
    def key(self) -> NoteKey:
        """What it is known by."""
        return NoteKey(f"{self.name}.example/w", self.signer.public, SignatureType.COSIGNATURE)

    def asked_by(self, services: Services) -> None:
        """Stand in the gateway's configuration."""
        standing = Standing(self.key, f"https://{self.name}.example/", httpx.AsyncClient())
        services.rounds.standings = (*services.rounds.standings, standing)

    async def cosign(self, services: Services, *, at: int = AT) -> int:
        """Cosign the newest checkpoint; returns its size."""
        checkpoint = services.log.checkpoint()
        cosigned = cosign(checkpoint.note, self.signer, self.key.name, at)
        (line,) = parse_note(cosigned).of(self.key)
        await services.cosigned.add(checkpoint.note, line)
        return checkpoint.size


def policy_of(*witnesses: SimulatedWitness, needed: int = 1) -> Policy:
    """So many of these are enough."""
    return parse_policy(policy_text(*witnesses, needed=needed).encode())


def policy_text(*witnesses: SimulatedWitness, needed: int = 1) -> str:
    """The same as a file."""
    lines = [f"witness {each.name} {each.key.vkey()}" for each in witnesses]
    lines.append(f"group enough {needed} {' '.join(each.name for each in witnesses)}")
    return "\n".join(lines) + "\nquorum enough\n"
