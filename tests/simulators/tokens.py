"""A real PKCS#11 token without hardware: SoftHSM 2 in a folder, which can be pulled and put back.

SoftHSM looks at its folder again at C_Initialize only, as some drivers of real tokens do.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pkcs11
import pytest

from tests.simulators.tools import needed
from tokens import module
from tokens.uri import TokenKey

PIN = "4711"
_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so")


def library() -> Path:
    """The PKCS#11 library of SoftHSM; without it the test is skipped, and fails under CI."""
    needed("softhsm2-util", "softhsm2")
    for place in _PLACES:
        if Path(place).exists():
            return Path(place)
    pytest.fail(f"softhsm2-util is there and {_PLACES[0]} is not")


class SoftToken:
    """One token called ``label``, in a folder of its own."""

    def __init__(self, folder: Path, label: str = "dock7") -> None:
        self.library = library()
        self.folder, self.label = folder / "tokens", label
        self.conf = folder / "softhsm2.conf"
        self.pin = folder / "pin"
        self.folder.mkdir()
        self.conf.write_text(f"directories.tokendir = {self.folder}\nlog.level = ERROR\n")
        self.write_pin(PIN)
        self.add(label)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to see this token."""
        return {"SOFTHSM2_CONF": str(self.conf)}

    def add(self, label: str) -> None:
        """One more token beside it."""
        subprocess.run(
            (
                *("softhsm2-util", "--init-token", "--free", "--label", label),
                *("--pin", PIN, "--so-pin", "0815"),
            ),
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
        )

    def write_pin(self, text: str) -> None:
        """Write what the PIN is said to be."""
        self.pin.write_text(f"{text}\n")
        self.pin.chmod(0o600)

    def uri(self, key: str = "object=statement", *, pin: bool = True) -> str:
        """The address of a key in it."""
        source = f"&pin-source={self.pin}" if pin else ""
        return f"pkcs11:token={self.label};{key}?module-path={self.library}{source}"

    def key(self, key: str = "object=statement", *, pin: bool = True) -> TokenKey:
        """Likewise, parsed."""
        return TokenKey.parse(self.uri(key, pin=pin))

    def pull(self) -> None:
        """Take the token out."""
        self.folder.rename(self.folder.with_name("pulled"))

    def put_back(self) -> None:
        """Put it in again."""
        self.folder.with_name("pulled").rename(self.folder)

    def session(self) -> Any:  # noqa: ANN401  # the wrapper's own
        """A session with full rights beside the program, as the token's own tools have."""
        token = pkcs11.lib(str(self.library)).get_token(token_label=self.label)
        with suppress(pkcs11.UserAlreadyLoggedIn):
            return token.open(rw=True, user_pin=PIN)
        return token.open(rw=True)


@contextmanager
def plugged_in(folder: Path) -> Iterator[SoftToken]:
    """A token for this process, which forgets all of it afterwards."""
    token = SoftToken(folder)
    with mock.patch.dict(os.environ, token.environment):
        try:
            yield token
        finally:
            # The library is one for the whole process, and read where its tokens are once.
            with suppress(pkcs11.PKCS11Error):
                pkcs11.lib(str(token.library)).finalize()
            module._modules.clear()
