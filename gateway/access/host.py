"""The token by which commands on the gateway's own machine are known.

A running gateway leaves it in a folder that only its own user and root can read; whoever can read
it could read the database and the keys as well. It is new at every start, and stands for
nothing beyond the run: a program that takes the gateway's port later learns nothing of use.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import SetupError
from gateway.keys import write_private

VARIABLE = "EVIDOCK_TOKEN"
"""Environment variable with a token, for a case system's or a far gateway's."""

PREFIX = "evh_"
_SYSTEM = Path("/run/evidock-gateway")
_MOST = 8192
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HostToken:
    """The token of one run."""

    def __init__(self) -> None:
        self.text = PREFIX + secrets.token_urlsafe(32)

    def is_it(self, given: str) -> bool:
        """Whether this is the token; takes the same time whatever is given."""
        return secrets.compare_digest(given.encode(), self.text.encode())

    @contextlib.contextmanager
    def left_for(self, port: int, names: Sequence[str] = ()) -> Iterator[None]:
        """Leave it where commands on this machine find it, until the block ends.

        Args:
            port: of the API.
            names: of the API, to which commands may show it as well as to loopback.

        Raises:
            SetupError: it cannot be left there.
        """
        text = "\n".join((self.text, *names))
        path = _left(text, _name(port))
        try:
            yield
        finally:
            # Another run on the same port may have replaced it by now.
            with contextlib.suppress(OSError):
                if path.read_text() == text:
                    path.unlink()


def token_for(url: str) -> str | None:
    """The token to show to a gateway: the environment's, or that of this machine's own.

    Args:
        url: its address. A token of this machine goes to no name but its own gateway's.
    """
    if given := os.environ.get(VARIABLE, "").strip():
        return given
    parts = urlsplit(url)
    name = _name(parts.port or (443 if parts.scheme == "https" else 80))
    for folder in _folders():
        # What is not there, not to be read or no token is none: the next folder may have one.
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if (found := _read(folder / name)) is not None:
                token, *names = found
                return token if parts.hostname in {*_LOOPBACK, *names} else None
    return None


def _left(text: str, name: str) -> Path:
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    problem = ""
    for folder in [Path(given)] if given else _folders():
        path = folder / name
        fresh = path.with_name(f".{name}.new")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            write_private(fresh, text.encode())
            fresh.rename(path)
        except OSError as error:
            problem = f"{path}: the token for commands on this machine: {error.strerror}"
        else:
            return path
    raise SetupError(problem)


def _folders() -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    home = Path(os.environ.get("HOME") or "/nonexistent") / ".local" / "state"
    return [_SYSTEM, (Path(runtime) if runtime else home) / "evidock-gateway"]


def _read(path: Path) -> list[str] | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, encoding="ascii") as file:  # noqa: PTH123  # opened above
        about = os.fstat(descriptor)
        # What others could have put there would make them privy to the commands' questions.
        private = stat.S_ISREG(about.st_mode) and not about.st_mode & 0o022
        lines = file.read(_MOST).splitlines() if private else None
        return lines or None


def _name(port: int) -> str:
    return f"api-{port}.token"
