"""Signs with a key in a token, for as long as somebody wants it: pulled, put back, or faulty.

Order at each signature: hash here, sign there, bring ES256 into low-S form, verify. A token that
computes wrongly, or a line that alters bits, would else put a statement on record that nobody can
verify. A key that comes back is compared with the first one: a token of the same name with another
key in it must not go on with this ledger or log.
"""

from __future__ import annotations

import hashlib
from typing import Self

from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import Mechanism

from hashing.errors import SignatureError, SigningError
from hashing.keys import SIGNATURE_SIZE, Algorithm, KeyKind, PublicKey, low_s
from tokens import keys
from tokens.errors import PinRefusedError, TokenAwayError, TokenError, TokenSetupError
from tokens.module import Module, module
from tokens.uri import TokenKey

_PROBE = b"evidock: does this key sign"


class TokenSigner:
    """A ``hashing.keys.Signer`` over a token; safe from any thread.

    Attributes:
        address: of the key.
        problem: why it could not sign the last time; empty when it could.
    """

    def __init__(self, address: TokenKey, library: Module) -> None:
        """Find the key and try it once.

        Raises:
            TokenError: it cannot be used; the kind says who can mend it.
        """
        self.address = address
        self.problem = ""
        self._library = library
        self._generation = -1
        self._key: keys.SigningKey | None = None
        self._public: PublicKey | None = None
        self._answer(_PROBE)

    @classmethod
    def open(cls, address: TokenKey) -> Self:
        """The signer of an address; raises as the class does."""
        return cls(address, module(address.module))

    @property
    def algorithm(self) -> Algorithm:
        """ES256, or EdDSA for an Ed25519 key."""
        return Algorithm.ES256 if self.public.kind is KeyKind.P256 else Algorithm.EDDSA

    @property
    def public(self) -> PublicKey:
        """Key that verifies; known also while the token is away."""
        if self._public is None:
            msg = "a signer that was never opened"
            raise RuntimeError(msg)
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Sign a message: 64 bytes raw, for ES256 r || s in low-S form.

        Raises:
            SigningError: the token is not there, does not answer, or computes wrongly.
        """
        try:
            signature = self._answer(message)
        except TokenError as error:
            self.problem = str(error)
            raise SigningError(str(error)) from error
        self.problem = ""
        return signature

    def _answer(self, message: bytes) -> bytes:
        """One signature that verifies; begins anew with the token once where that may help."""
        with self._library.lock:
            try:
                return self._once(message)
            except PinRefusedError:
                raise
            except TokenError:
                self._key = None
                if not self._library.renew():
                    raise
                return self._once(message)

    def _once(self, message: bytes) -> bytes:
        try:
            key = self._found()
            raw = self._signed(key, message)
        except PKCS11Error as error:
            said = str(error) or type(error).__name__
            raise TokenAwayError(f"{self.address.described}: {said}") from error
        try:
            self.public.verify(self.algorithm, message, raw)
        except SignatureError as error:
            raise TokenAwayError(
                f"{self.address.described}: the token gave a signature that does not verify"
            ) from error
        return raw

    def _found(self) -> keys.SigningKey:
        if self._key is not None and self._generation == self._library.generation:
            return self._key
        session = self._library.session(self.address)
        key = keys.find(session, self.address)
        public = keys.public_of(session, key, self.address)
        if self._public is None:
            self._public = public
        elif public != self._public:
            raise TokenSetupError(
                f"{self.address.described}: this is another key than before; put the right token in"
            )
        self._key, self._generation = key, self._library.generation
        return key

    def _signed(self, key: keys.SigningKey, message: bytes) -> bytes:
        if self.public.kind is KeyKind.ED25519:
            return key.sign(message, mechanism=Mechanism.EDDSA)
        digest = hashlib.sha256(message).digest()
        raw = key.sign(digest, mechanism=Mechanism.ECDSA)
        return low_s(raw) if len(raw) == SIGNATURE_SIZE else raw


def generate(address: TokenKey, kind: KeyKind = KeyKind.P256) -> TokenSigner:
    """Make a key in a token that cannot leave it, and open it.

    Raises:
        TokenError: there is one of that name, or the token would not.
    """
    library = module(address.module)
    with library.lock:
        session = library.writable(address)
        try:
            keys.make(session, address, kind)
        except PKCS11Error as error:
            said = str(error) or type(error).__name__
            raise TokenSetupError(f"{address.described}: cannot be made: {said}") from error
        return TokenSigner(address, library)
