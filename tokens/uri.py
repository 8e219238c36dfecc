"""Where a key is in a token: ``pkcs11:`` addresses (RFC 7512), of the parts that name one key.

    pkcs11:token=dock7;object=statement?module-path=/usr/lib/softhsm/libsofthsm2.so&
    pin-source=/etc/evidock/statement.pin

``token`` or ``serial`` names the token, ``object`` or ``id`` the key, ``module-path`` the library
that reaches it and ``pin-source`` the file that holds the PIN. What would narrow it further
(``model``, ``manufacturer``) is understood; anything else is refused, as it could name another key
than its writer meant. ``pin-value`` is refused: settings end in tickets and backups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from tokens.errors import TokenUriError

SCHEME: Final = "pkcs11:"
_MAX: Final = 2048
_MAX_LABEL: Final = 255
_PATH: Final = frozenset({"token", "serial", "model", "manufacturer", "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-source"})


@dataclass(frozen=True, slots=True)
class TokenKey:
    """The address of one key.

    Attributes:
        text: as it was written.
        token, serial, model, manufacturer: of the token; None where any will do.
        label, id: of the key, CKA_LABEL and CKA_ID; at least one is given.
        module: the PKCS#11 library, absolute.
        pin: the file that holds the PIN; None where the token asks for none.
    """

    text: str
    module: Path
    token: str | None = None
    serial: str | None = None
    model: str | None = None
    manufacturer: str | None = None
    label: str | None = None
    id: bytes | None = None
    pin: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises:
            TokenUriError: it is none, or does not name one key in one token.
        """
        if not text.startswith(SCHEME):
            raise TokenUriError(f"a key in a token is addressed as {SCHEME}..., RFC 7512")
        if len(text) > _MAX or not text.isascii():
            raise TokenUriError(f"at most {_MAX} characters of ASCII, others as %XX")
        path, _, query = text.removeprefix(SCHEME).partition("?")
        named = _attributes(path, ";", _PATH)
        asked = _attributes(query, "&", _QUERY)
        if named.get("type", b"private") != b"private":
            raise TokenUriError("type: only a private key signs")
        if not named.keys() & {"token", "serial"} or not named.keys() & {"object", "id"}:
            raise TokenUriError("names no key: give token= or serial=, and object= or id=")
        return cls(
            text,
            _module(asked),
            _text(named, "token"),
            _text(named, "serial"),
            _text(named, "model"),
            _text(named, "manufacturer"),
            _text(named, "object"),
            named.get("id"),
            _pin(asked),
        )

    def __str__(self) -> str:
        return self.text

    def with_pin(self, path: Path) -> Self:
        """The same key, its PIN in the file of another name."""
        return replace(self, pin=path)

    @property
    def described(self) -> str:
        """For people: which key of which token."""
        key = self.label or f"id {(self.id or b'').hex()}"
        return f"key {key!r} of token {self.token or self.serial!r}"


def key_place(text: str) -> Path | TokenKey:
    """Where a key is, as settings say it: a file, or a token.

    Raises:
        TokenUriError: it begins as an address in a token and is none.
    """
    return TokenKey.parse(text) if text.startswith(SCHEME) else Path(text)


def _attributes(text: str, between: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(between) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise TokenUriError("pin-value: a PIN never stands in settings; use pin-source=FILE")
        if not equals or name not in known:
            raise TokenUriError(
                f"{name[:40]!r} is not understood; known: {', '.join(sorted(known))}"
            )
        if name in found:
            raise TokenUriError(f"{name} is given twice")
        found[name] = _decoded(name, value)
    return found


def _decoded(name: str, value: str) -> bytes:
    raw = unquote_to_bytes(value)
    # A "%" that begins no byte is left as it is by the library, and would name something else.
    if value.count("%") * 2 != len(value) - len(raw):
        raise TokenUriError(f"{name}: % must be followed by two hexadecimal digits")
    if not 0 < len(raw) <= _MAX_LABEL:
        raise TokenUriError(f"{name}: 1 to {_MAX_LABEL} bytes")
    return raw


def _text(named: dict[str, bytes], name: str) -> str | None:
    raw = named.get(name)
    if raw is None:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise TokenUriError(f"{name}: not UTF-8") from error
    if not text.isprintable():
        raise TokenUriError(f"{name}: letters that do not show")
    return text


def _module(asked: dict[str, bytes]) -> Path:
    text = _text(asked, "module-path")
    # A bare name would be looked for wherever the environment says.
    if text is None or not PurePosixPath(text).is_absolute():
        raise TokenUriError("module-path: the library that reaches the token, from / on")
    return Path(text)


def _pin(asked: dict[str, bytes]) -> Path | None:
    text = _text(asked, "pin-source")
    if text is None:
        return None
    if text.startswith("|"):
        raise TokenUriError("pin-source: a file, never a command")
    return Path(text.removeprefix("file://").removeprefix("file:"))
