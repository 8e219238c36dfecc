import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from hashing.errors import HashingError, KeyFormatError, SignatureError, UnsupportedError
from hashing.keys import (
    Algorithm,
    Ed25519Signer,
    Es256Signer,
    KeyKind,
    PublicKey,
    Signer,
    load_signer,
    low_s,
)

P256 = Es256Signer.generate()
ED = Ed25519Signer.generate()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MESSAGE = b"a message"


def private_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_der(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | x25519.X25519PublicKey,
    encoding: serialization.Encoding = serialization.Encoding.DER,
) -> bytes:
    return key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


RSA = rsa.generate_private_key(65537, 2048)
P384 = ec.generate_private_key(ec.SECP384R1())
X25519 = x25519.X25519PrivateKey.generate()


@pytest.mark.parametrize("signer", [P256, ED])
def test_a_signature_verifies_under_its_key_alone(signer: Signer) -> None:
    signature = signer.sign(MESSAGE)
    other = type(signer).generate()  # type: ignore[attr-defined]  # both signers have it

    signer.public.verify(signer.algorithm, MESSAGE, signature)
    assert len(signature) == 64
    with pytest.raises(SignatureError):
        signer.public.verify(signer.algorithm, b"another", signature)
    with pytest.raises(SignatureError):
        other.public.verify(signer.algorithm, MESSAGE, signature)


def test_both_names_of_an_algorithm_are_accepted() -> None:
    P256.public.verify(Algorithm.ESP256, MESSAGE, P256.sign(MESSAGE))
    ED.public.verify(Algorithm.ED25519, MESSAGE, ED.sign(MESSAGE))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (P256.public, Algorithm.EDDSA),
        (P256.public, Algorithm.ED25519),
        (ED.public, Algorithm.ES256),
        (ED.public, Algorithm.ESP256),
    ],
)
def test_an_algorithm_of_another_kind_of_key_is_refused(
    key: PublicKey, algorithm: Algorithm
) -> None:
    with pytest.raises(UnsupportedError, match="does not fit"):
        key.verify(algorithm, MESSAGE, bytes(64))


def test_signers_write_low_s_and_readers_refuse_the_high_twin() -> None:
    for number in range(20):
        message = bytes([number])
        signature = P256.sign(message)
        s = int.from_bytes(signature[32:], "big")
        twin = signature[:32] + (ORDER - s).to_bytes(32, "big")

        assert s <= ORDER // 2
        assert low_s(twin) == low_s(signature) == signature
        with pytest.raises(SignatureError, match="low-S"):
            P256.public.verify(Algorithm.ES256, message, twin)


@given(st.binary(max_size=80))
def test_a_made_up_signature_never_verifies_and_never_crashes(signature: bytes) -> None:
    for key, algorithm in ((P256.public, Algorithm.ES256), (ED.public, Algorithm.EDDSA)):
        with pytest.raises(SignatureError):
            key.verify(algorithm, MESSAGE, signature)


@pytest.mark.parametrize(
    "scalars", [(0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER // 2), (ORDER - 1, 1)]
)
def test_edge_scalars_do_not_verify(scalars: tuple[int, int]) -> None:
    signature = b"".join(value.to_bytes(32, "big") for value in scalars)

    with pytest.raises(SignatureError):
        P256.public.verify(Algorithm.ES256, MESSAGE, signature)


@pytest.mark.parametrize("signer", [P256, ED])
def test_a_key_id_is_the_digest_of_the_public_key_whatever_it_was_read_from(
    signer: Es256Signer | Ed25519Signer,
) -> None:
    key = signer.public

    assert key.kid == hashlib.sha256(key.spki).digest()
    assert PublicKey.from_der(key.spki) == key
    assert PublicKey.from_pem(key.pem()) == PublicKey.from_pem(key.pem().encode()) == key


def test_a_compressed_point_is_the_same_key() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    prefix = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")

    assert PublicKey.from_der(prefix + point) == Es256Signer(private).public


@pytest.mark.parametrize("signer", [P256, ED])
def test_a_private_key_survives_its_pem_form(signer: Es256Signer | Ed25519Signer) -> None:
    loaded = load_signer(signer.pem().decode())

    assert type(loaded) is type(signer)
    assert loaded.public == type(signer).from_pem(signer.pem()).public == signer.public
    assert loaded.algorithm == signer.algorithm


def test_kinds_are_told_apart() -> None:
    assert (P256.public.kind, ED.public.kind) == (KeyKind.P256, KeyKind.ED25519)
    assert len(ED.public.raw) == 32
    assert ED.public.spki.endswith(ED.public.raw)
    with pytest.raises(KeyFormatError, match="raw form"):
        _ = P256.public.raw


def test_other_kinds_of_keys_are_refused() -> None:
    for der in (
        public_der(RSA.public_key()),
        public_der(P384.public_key()),
        public_der(X25519.public_key()),
    ):
        with pytest.raises(KeyFormatError):
            PublicKey.from_der(der)
    with pytest.raises(KeyFormatError):
        PublicKey.from_pem(public_der(RSA.public_key(), serialization.Encoding.PEM))
    for pem in (private_pem(RSA), private_pem(X25519), private_pem(P384)):
        with pytest.raises(KeyFormatError):
            load_signer(pem)
    with pytest.raises(KeyFormatError, match="neither a P-256"):
        Es256Signer(P384)


def test_a_key_of_the_wrong_kind_is_no_signer_of_the_other() -> None:
    with pytest.raises(KeyFormatError):
        Es256Signer.from_pem(ED.pem())
    with pytest.raises(KeyFormatError):
        Ed25519Signer.from_pem(P256.pem())


def test_an_encrypted_private_key_is_refused() -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(KeyFormatError, match="unencrypted"):
        load_signer(pem)


@given(st.binary(max_size=120))
def test_random_bytes_are_no_key(data: bytes) -> None:
    for read in (PublicKey.from_der, PublicKey.from_pem, load_signer):
        with pytest.raises(HashingError):
            read(data)


@given(st.text(max_size=60))
def test_random_text_is_no_key(text: str) -> None:
    armoured = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
    for pem in (text, armoured):
        with pytest.raises(KeyFormatError):
            PublicKey.from_pem(pem)
