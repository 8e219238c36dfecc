"""The detached signature of a rule pack: one line of text beside the file.

::

    evidock-rules-v1 <SHA-256 of the key, hex> <signature, base64>

Signed is the first word, a line feed, and the file's bytes, so that the signature is good for
nothing else. The key is one of the operator's choosing (``[retention] keys``), of an authority
that keeps no gateway: whoever keeps one could otherwise shorten what is kept.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from gateway.errors import InvalidError
from hashing.errors import HashingError
from hashing.keys import Algorithm, KeyKind, PublicKey, Signer

WORD = "evidock-rules-v1"
MAX_SIGNATURE = 1024
_PARTS = 3


class RulesUnsignedError(InvalidError):
    """No signature of a key that counts here."""


def sign_pack(raw: bytes, signer: Signer) -> str:
    """The signature's line.

    Raises:
        SigningError: the key cannot sign now.
    """
    signature = base64.b64encode(signer.sign(_message(raw))).decode()
    return f"{WORD} {signer.public.kid.hex()} {signature}\n"


def signed_by(raw: bytes, line: str, keys: Iterable[PublicKey]) -> PublicKey:
    """The key that signed a pack, if it is one of these.

    Args:
        raw: the file.
        line: its signature.
        keys: those that count.

    Raises:
        RulesUnsignedError: no signature, by another key, or of other bytes.
    """
    parts = line.removesuffix("\n").split(" ")
    if len(parts) != _PARTS or parts[0] != WORD or len(line) > MAX_SIGNATURE:
        raise RulesUnsignedError(f"not a signature: one line, {WORD} KEY SIGNATURE")
    key = next((key for key in keys if key.kid.hex() == parts[1]), None)
    if key is None:
        raise RulesUnsignedError(
            f"signed with key {parts[1][:64]}, which is none of [retention] keys"
        )
    try:
        signature = base64.b64decode(parts[2], validate=True)
        key.verify(_ALGORITHM[key.kind], _message(raw), signature)
    except (HashingError, ValueError) as error:
        raise RulesUnsignedError(f"the signature is not of this file: {error}") from error
    return key


_ALGORITHM = {KeyKind.P256: Algorithm.ES256, KeyKind.ED25519: Algorithm.EDDSA}


def _message(raw: bytes) -> bytes:
    return f"{WORD}\n".encode() + raw
