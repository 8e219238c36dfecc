"""The profiles that are shipped and those an operator adds, read from files.

An operator's profile takes the place of a shipped one of the same name. A file that is wrong
is refused whole with every reason: a profile that half works would read cards other than its
author believes.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from edge.errors import ConfigError
from edge.profiles.profile import Profile, compile_profile
from edge.profiles.schema import ProfileFile
from protocols.settings import wrong_settings

MAX_FILE = 64 << 10
MAX_PROFILES = 200


def shipped() -> dict[str, Profile]:
    """The profiles that come with the program, by name."""
    folder = resources.files("edge.profiles") / "data"
    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".toml")
    }
    return _by_name({name: parse(texts[name], name) for name in sorted(texts)})


def load(directory: Path | None = None) -> dict[str, Profile]:
    """All profiles by name.

    Args:
        directory: of the operator's own ``*.toml``; None for none.

    Raises:
        ConfigError: it cannot be read, or a file in it is wrong.
    """
    return shipped() if directory is None else shipped() | _own(directory)


def parse(text: str, origin: str) -> Profile:
    """Make a profile from the text of its file.

    Args:
        text: TOML.
        origin: what to call the file in messages.

    Raises:
        ConfigError: not TOML, or a value that is missing, unknown or wrong; names all of them.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: not TOML: {error}") from error
    try:
        return compile_profile(ProfileFile.model_validate(document))
    except ValidationError as error:
        problems = "".join(f"\n  {problem}" for problem in wrong_settings(error, ProfileFile))
        raise ConfigError(f"{origin}:{problems}") from error


def binding_key(path: Path | None) -> bytes | None:
    """The secret of the stations that write ``station_bind.ini``; None where there is none.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return None if path is None else path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _own(directory: Path) -> dict[str, Profile]:
    try:
        paths = sorted(directory.glob("*.toml")) if directory.is_dir() else None
    except OSError as error:
        raise ConfigError(f"{directory}: {error.strerror}") from error
    if paths is None:
        raise ConfigError(f"{directory}: there is no such directory")
    if len(paths) > MAX_PROFILES:
        raise ConfigError(f"{directory}: {len(paths)} profiles; {MAX_PROFILES} are allowed")
    return _by_name({str(path): parse(_read(path), str(path)) for path in paths})


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise ConfigError(f"{path}: more than {MAX_FILE} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8") from error


def _by_name(profiles: dict[str, Profile]) -> dict[str, Profile]:
    found: dict[str, tuple[str, Profile]] = {}
    for origin, profile in profiles.items():
        if profile.name in found:
            raise ConfigError(f"{origin}: {found[profile.name][0]} is called {profile.name} too")
        found[profile.name] = (origin, profile)
    return {name: profile for name, (_, profile) in found.items()}
