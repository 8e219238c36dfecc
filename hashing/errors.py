"""What this package raises, split by what the caller can do about it.

```
HashingError
 ├ DecodeError       bytes are not in the one accepted form: refuse them, keep them, say why
 ├ SignatureError    nobody with this key signed this: refuse, raise an alarm
 ├ UnsupportedError  an algorithm or version outside the accepted ones: a newer program may know it
 ├ ProofError        a proof or digest does not lead to the value it should: refuse
 ├ SigningError      the key cannot sign now: nothing was signed; try again, or call the operator
 └ KeyFormatError    text that should be a key is none: the operator corrects a file or setting
```

Malformed evidence is ordinary input: whatever bytes arrive, nothing else than these escapes.
Misuse by our own code (a negative size, an update after the end) is a `ValueError`, `TypeError`
or `RuntimeError` as everywhere in Python.
"""


class HashingError(Exception):
    """Root of everything this package raises about its input."""


class DecodeError(HashingError):
    """Bytes or text are not in the one accepted form.

    Attributes:
        reason: one sentence a person can act on.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureError(HashingError):
    """A signature does not verify under the given key."""


class UnsupportedError(HashingError):
    """An algorithm or version that is not accepted here, though the bytes are well formed."""


class ProofError(HashingError):
    """A proof or a digest does not lead to the value it is said to lead to."""


class KeyFormatError(HashingError):
    """PEM, DER or verifier-key text that is not a usable key."""


class SigningError(HashingError):
    """A key could not sign: its token is away, does not answer, or computes wrongly."""
