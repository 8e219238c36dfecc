"""Why a key in a token cannot be used, split by what can be done about it.

::

    TokenError
     ├ TokenUriError    the address is none, or holds what it must not: correct the setting
     ├ TokenSetupError  the operator corrects something: the library, the key, a file
     │  ├ NoSuchKeyError   the token is there and has no such key: make it, or correct its name
     │  └ PinRefusedError  the token says the PIN is wrong; trying again may lock it for good
     └ TokenAwayError   the token is not there or does not answer: put it back, try again later

A signer raises ``hashing.errors.SigningError`` from one of these, like every other signer.
"""

from __future__ import annotations


class TokenError(Exception):
    """Root of everything this package raises on purpose."""


class TokenUriError(TokenError, ValueError):
    """No address of a key in a token."""


class TokenSetupError(TokenError):
    """The operator has to correct something."""


class NoSuchKeyError(TokenSetupError):
    """The token is there and shows no such private key."""


class PinRefusedError(TokenSetupError):
    """The token refused the PIN, or would lock itself at the next wrong one."""


class TokenAwayError(TokenError):
    """The token is not there, or does not answer."""
