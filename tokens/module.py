"""One PKCS#11 library in this process: its tokens, its sessions, and the way back to both.

Everything that touches the library holds its ``lock``: it was told at C_Initialize that one thread
calls at a time, which is all that some libraries can. Keys of one token share one session, since
logging in is for the whole process. Whatever becomes of a session, ``renew`` begins anew: some
libraries notice a token that was put back only then.

A wrong PIN is tried once. Most tokens lock themselves after a few, and some for good.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import time
from pathlib import Path
from typing import Any, Final

import pkcs11
from pkcs11.constants import TokenFlag
from pkcs11.exceptions import (
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from tokens.errors import PinRefusedError, TokenAwayError, TokenSetupError
from tokens.uri import TokenKey

_MAX_PIN: Final = 1024
# systemd hands credentials over with a group bit set, so reading by the group is fine.
_UNSAFE: Final = stat.S_IRWXO | stat.S_IWGRP
# Beginning anew costs every key of the library its session.
_RENEW_S: Final = 5.0

_modules: dict[Path, Module] = {}
_making = threading.Lock()


class Module:
    """A loaded library.

    Attributes:
        lock: held by whoever calls into it.
        generation: grows with every ``renew``; sessions and keys of one before are void.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self.generation = 0
        self._path = path
        self._library: Any = None
        self._sessions: dict[bytes, pkcs11.Session] = {}
        self._refused: dict[bytes, bytes] = {}
        self._renewed_at = -_RENEW_S

    def session(self, wanted: TokenKey) -> pkcs11.Session:
        """An open session with the token; the lock is held.

        Raises:
            TokenAwayError: it is not there, or does not answer.
            TokenSetupError: the library cannot be used, or the PIN.
        """
        token = self._token(wanted)
        known = self._sessions.get(token.serial)
        if known is not None:
            return known
        try:
            session = self._open(token, wanted, rw=False)
        except PKCS11Error as error:
            raise TokenAwayError(f"{wanted.described}: {_said(error)}") from error
        self._sessions[token.serial] = session
        return session

    def writable(self, wanted: TokenKey) -> pkcs11.Session:
        """A session in which keys can be made; the lock is held.

        Raises:
            TokenAwayError: as for ``session``.
            TokenSetupError: as for ``session``.
        """
        token = self._token(wanted)
        try:
            return self._open(token, wanted, rw=True)
        except PKCS11Error as error:
            raise TokenAwayError(f"{wanted.described}: {_said(error)}") from error

    def renew(self) -> bool:
        """Begin anew with the library, unless that was done just now; the lock is held.

        Returns:
            Whether trying once more makes sense.
        """
        if time.monotonic() - self._renewed_at < _RENEW_S:
            return False
        self._renewed_at = time.monotonic()
        self.generation += 1
        self._sessions.clear()
        if self._library is not None:
            # Where it was not begun, what counts is whether it begins now.
            with contextlib.suppress(PKCS11Error):
                self._library.finalize()
        return True

    def _loaded(self, wanted: TokenKey) -> Any:  # noqa: ANN401  # the wrapper has no type outside its own stubs
        if not self._path.is_file():
            raise TokenSetupError(f"module-path: there is no library {self._path}")
        try:
            self._library = pkcs11.lib(str(self._path))
        except PKCS11Error as error:
            if type(error) is PKCS11Error:
                raise TokenSetupError(f"module-path: {self._path}: {_said(error)}") from error
            raise TokenAwayError(f"{wanted.described}: its library says {_said(error)}") from error
        return self._library

    def _token(self, wanted: TokenKey) -> pkcs11.Token:
        library = self._loaded(wanted)
        try:
            found = [token for token in library.get_tokens() if _is(token, wanted)]
        except PKCS11Error as error:
            raise TokenAwayError(f"{wanted.described}: {_said(error)}") from error
        if not found:
            raise TokenAwayError(f"{wanted.described}: the token is not there")
        if len(found) > 1:
            raise TokenSetupError(
                f"{wanted.described}: {len(found)} tokens are called so; add serial= to the address"
            )
        token: pkcs11.Token = found[0]
        return token

    def _open(self, token: pkcs11.Token, wanted: TokenKey, *, rw: bool) -> pkcs11.Session:
        if wanted.pin is None or token.serial in self._sessions:
            return token.open(rw=rw)
        pin = read_pin(wanted.pin)
        # With a secret of this process: a digest of a few digits alone gives them away.
        mark = hashlib.blake2b(pin.encode(), key=_SECRET).digest()
        may_log_in(token, refused=self._refused.get(token.serial) == mark)
        try:
            return token.open(rw=rw, user_pin=pin)
        except UserAlreadyLoggedIn:
            return token.open(rw=rw)
        except (PinIncorrect, PinInvalid, PinLenRange, PinExpired, PinLocked) as error:
            self._refused[token.serial] = mark
            raise PinRefusedError(
                f"the token refuses the PIN in {wanted.pin} ({_said(error)}); it is not tried "
                "again, because a token locks itself after a few. Correct the file, then start"
            ) from error


_SECRET: Final = os.urandom(32)


def may_log_in(token: pkcs11.Token, *, refused: bool) -> None:
    """Make sure that trying a PIN cannot do harm.

    Raises:
        PinRefusedError: this one was refused before, or one more wrong one would lock the token.
    """
    if refused:
        raise PinRefusedError("the PIN was refused before and is not tried again")
    if token.flags & TokenFlag.USER_PIN_LOCKED:
        raise PinRefusedError("the token is locked after wrong PINs; its owner has to unlock it")
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        raise PinRefusedError(
            "one more wrong PIN locks the token, so this program does not try; log in once with "
            "the token's own tool, which resets the count"
        )


def module(path: Path) -> Module:
    """The one object for a library in this process."""
    with _making:
        return _modules.setdefault(path, Module(path))


def read_pin(path: Path) -> str:
    """The PIN in a file: one line.

    Raises:
        TokenSetupError: it cannot be read, others can, or it holds no PIN.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise TokenSetupError(f"pin-source: {path}: {error.strerror}") from error
    try:
        # Of the open file, so that what was checked is what is read.
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        raw = os.read(fd, _MAX_PIN + 1)
    except OSError as error:
        raise TokenSetupError(f"pin-source: {path}: {error.strerror}") from error
    finally:
        os.close(fd)
    if mode & _UNSAFE:
        raise TokenSetupError(f"pin-source: others can read {path}; run: chmod 600 {path}")
    try:
        pin = raw.decode().removesuffix("\n")
    except UnicodeDecodeError:
        pin = ""
    # Never quoted: whatever it holds, it was meant as a secret.
    if not pin or not pin.isprintable() or len(raw) > _MAX_PIN:
        raise TokenSetupError(f"pin-source: {path} holds no PIN: one line of printable text")
    return pin


def _is(token: pkcs11.Token, wanted: TokenKey) -> bool:
    said = {
        wanted.token: token.label,
        wanted.serial: token.serial.decode("utf-8", "replace").strip(),
        wanted.model: token.model,
        wanted.manufacturer: token.manufacturer_id,
    }
    return all(asked is None or asked == have for asked, have in said.items())


def _said(error: Exception) -> str:
    """The library's name of what happened, for people and logs."""
    return str(error) or type(error).__name__
