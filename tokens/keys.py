"""Keys inside a token: finding one, reading its public half, making one that stays inside.

Nothing here signs for anybody. A private key is found by what its address says and must be the
only one; what verifies it is taken from the public key or certificate kept beside it, and proved
by whoever signs with it.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Final, cast

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.constants import DEFAULT, Attribute, MechanismFlag, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import KeyType, Mechanism
from pkcs11.types import SignMixin

from hashing.errors import KeyFormatError
from hashing.keys import KeyKind, PublicKey
from tokens.errors import NoSuchKeyError, TokenSetupError
from tokens.uri import TokenKey

# ECParameters (SEC 1): the OID of P-256; of Ed25519 a curve name (PKCS#11 3.0) or RFC 8410's OID.
P256_PARAMS: Final = bytes.fromhex("06082a8648ce3d030107")
ED25519_PARAMS: Final = bytes.fromhex("130c656477617264733235353139")
_KINDS: Final = {
    P256_PARAMS: KeyKind.P256,
    ED25519_PARAMS: KeyKind.ED25519,
    bytes.fromhex("06032b6570"): KeyKind.ED25519,
}
# OCTET STRING around a point; some tokens keep the bare point.
_WRAPPED: Final = {KeyKind.P256: b"\x04\x41", KeyKind.ED25519: b"\x04\x20"}
_ID_BYTES: Final = 8
_OTHER_USES: Final = (Attribute.DECRYPT, Attribute.UNWRAP, Attribute.DERIVE)


class SigningKey(pkcs11.PrivateKey, SignMixin):
    """A private key that its token lets sign; for types alone, the wrapper makes its own."""


def find(session: pkcs11.Session, wanted: TokenKey) -> SigningKey:
    """The private key of an address.

    Raises:
        NoSuchKeyError: there is none.
        TokenSetupError: there is more than one, or it may not sign.
        PKCS11Error: the token does not answer.
    """
    found = _objects(session, wanted, ObjectClass.PRIVATE_KEY)
    if not found:
        hint = "" if wanted.pin else "; most tokens show keys only with a PIN: add pin-source=FILE"
        raise NoSuchKeyError(f"{wanted.described}: there is no such private key{hint}")
    if len(found) > 1:
        raise TokenSetupError(f"{wanted.described}: there are {len(found)}; add id= to the address")
    if not isinstance(found[0], SignMixin):
        raise TokenSetupError(f"{wanted.described}: the token does not let this key sign")
    return cast("SigningKey", found[0])


def public_of(session: pkcs11.Session, key: SigningKey, wanted: TokenKey) -> PublicKey:
    """The public half of a private key, as the token keeps it beside.

    Raises:
        TokenSetupError: there is none, or the key is of a kind that nothing here signs with.
        PKCS11Error: the token does not answer.
    """
    by: dict[Any, Any] = {Attribute.ID: key.id} if key.id else {Attribute.LABEL: key.label}
    try:
        for each in session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, **by}):
            return _public(each[Attribute.EC_PARAMS], each[Attribute.EC_POINT])
        for each in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE, **by}):
            spki = x509.load_der_x509_certificate(each[Attribute.VALUE]).public_key()
            return PublicKey.from_der(
                spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
    except (ValueError, KeyFormatError) as error:
        raise TokenSetupError(f"{wanted.described}: {error}") from error
    raise TokenSetupError(
        f"{wanted.described}: the token has neither its public key nor a certificate beside it"
    )


def make(session: pkcs11.Session, wanted: TokenKey, kind: KeyKind) -> None:
    """Make a key pair that cannot leave the token; a key that is there is never replaced.

    Raises:
        TokenSetupError: there is one, or the token would let the new one out.
        PKCS11Error: the token does not do it.
    """
    for each in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY):
        if _objects(session, wanted, each):
            raise TokenSetupError(f"{wanted.described} is there already and is never replaced")
    public, private = _generate(session, wanted, kind)
    if not _stays_inside(private):
        public.destroy()
        private.destroy()
        raise TokenSetupError(f"{wanted.described}: the token would let the key out; not kept")
    _narrow(private)


def _generate(session: pkcs11.Session, wanted: TokenKey, kind: KeyKind) -> tuple[Any, Any]:
    type_, params, mechanism = {
        KeyKind.P256: (KeyType.EC, P256_PARAMS, Mechanism.EC_KEY_PAIR_GEN),
        KeyKind.ED25519: (KeyType.EC_EDWARDS, ED25519_PARAMS, Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
    }[kind]
    curve = session.create_domain_parameters(type_, {Attribute.EC_PARAMS: params}, local=True)
    return curve.generate_keypair(
        id=wanted.id or secrets.token_bytes(_ID_BYTES),
        label=wanted.label,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        mechanism=mechanism,
        # By default the wrapper says False to every other use, which tpm2-pkcs11 refuses to hear.
        public_template=dict.fromkeys((Attribute.ENCRYPT, Attribute.WRAP), DEFAULT),
        private_template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.PRIVATE: True,
            **dict.fromkeys(_OTHER_USES, DEFAULT),
        },
    )


def _narrow(private: Any) -> None:  # noqa: ANN401  # a key of the wrapper's
    """Take every use but signing from a new key, where the token lets that be said."""
    for use in _OTHER_USES:
        with contextlib.suppress(PKCS11Error):
            if private[use]:
                private[use] = False


def _stays_inside(private: Any) -> bool:  # noqa: ANN401  # a key of the wrapper's
    return bool(private[Attribute.SENSITIVE]) and not private[Attribute.EXTRACTABLE]


def _objects(session: pkcs11.Session, wanted: TokenKey, kind: Any) -> list[Any]:  # noqa: ANN401
    asked: dict[Any, Any] = {Attribute.CLASS: kind}
    if wanted.label is not None:
        asked[Attribute.LABEL] = wanted.label
    if wanted.id is not None:
        asked[Attribute.ID] = wanted.id
    return list(session.get_objects(asked))


def _public(params: bytes, point: bytes) -> PublicKey:
    kind = _KINDS.get(params)
    if kind is None:
        raise KeyFormatError("neither a P-256 nor an Ed25519 key")
    wrap = _WRAPPED[kind]
    bare = point.removeprefix(wrap) if len(point) == len(wrap) + wrap[1] else point
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    if kind is KeyKind.P256:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bare)
    else:
        key = ed25519.Ed25519PublicKey.from_public_bytes(bare)
    return PublicKey.from_der(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
