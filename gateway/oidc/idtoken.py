"""What an ID token has to be before it is believed (OpenID Connect Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "Ed25519",
    "EdDSA",
)
"""Signatures with the provider's public keys alone: no ``none``, and no HMAC, whose key a forger
might choose (RFC 8725, sections 2.1 and 3.1)."""

_LEEWAY_S: Final = 60
_MAX_TOKEN: Final = 64 * 1024
_OLDEST_S: Final = 600
_LONGEST_SUBJECT: Final = 255


class TokenRefusedError(Exception):
    """An ID token that says nothing about who signs in here now."""


class KeyUnknownError(TokenRefusedError):
    """It names a key that the provider did not have when it was last asked."""


def read_id_token(
    token: str, keys: KeySet, *, issuer: str, client: str, nonce: str, now_s: int
) -> dict[str, Any]:
    """The claims of an ID token, checked.

    Args:
        token: compact JWS.
        keys: of the provider.
        issuer: who has to have made it.
        client: for whom.
        nonce: for which sign-in.
        now_s: seconds since 1970.

    Raises:
        KeyUnknownError: perhaps with newer keys. TokenRefusedError: what it is not.
    """
    if len(token) > _MAX_TOKEN:
        raise TokenRefusedError("too long")
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    except InvalidKeyIdError as error:
        raise KeyUnknownError(str(error)) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefusedError(f"{error}") from error
    wanted: ClaimsOption = {"essential": True}
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client},
        nonce={"essential": True, "value": nonce},
        sub=wanted,
        exp=wanted,
        iat=wanted,
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise TokenRefusedError(f"{error}") from error
    _check_rest(claims, client, now_s)
    return claims


def _check_rest(claims: dict[str, Any], client: str, now_s: int) -> None:
    audience = claims["aud"]
    others = isinstance(audience, list) and len(audience) > 1
    if (others or "azp" in claims) and claims.get("azp") != client:
        raise TokenRefusedError("azp: made for another client")
    if now_s - claims["iat"] > _OLDEST_S + _LEEWAY_S:
        raise TokenRefusedError("iat: made too long ago")
    subject = claims["sub"]
    fits = isinstance(subject, str) and subject.isascii() and subject.isprintable()
    if not fits or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise TokenRefusedError("sub: has 1 to 255 ASCII characters (OpenID Connect Core, 2)")
