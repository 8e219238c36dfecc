"""What ``run`` and ``check-config`` make sure of before anything begins.

Here are the slips that a file can contain although each value is a good one by itself, and
that would show late or never: a folder camera that is the dock's own directory, a TLS file
that is not there. Commands that only look at a dock do without, so that a status can be
asked while something is wrong.
"""

from __future__ import annotations

import functools
import ssl
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from edge.config import Config, TlsSection
from edge.errors import ConfigError, not_allowed
from edge.registry import Registry

_T = TypeVar("_T")

_PATIENCE_S: Final = 2.0


def check(config: Config) -> list[str]:
    """Look at what the configuration names.

    Returns:
        What may be as it should, but looks like a slip.

    Raises:
        ConfigError: what the dock cannot or must not begin with.
    """
    own_folders(config)
    if config.uplink.tls is not None:
        tls_files(config.uplink.tls)
    Registry(config.cameras.registry)
    named = [("folders", each.path) for each in config.cameras.folders]
    if config.cameras.mount_root is not None:
        named.insert(0, ("mount_root", config.cameras.mount_root))
    return [
        f"cameras.{setting}: there is no directory {path}; no card is found there until then"
        for setting, path in named
        if _in_time(path.is_dir) is False
    ]


def own_folders(config: Config) -> None:
    """Make sure that no folder camera is, holds or lies in what is the dock's own.

    Raises:
        ConfigError: one does.
    """
    own = config.own
    for folder in config.cameras.folders:
        # One on a share that hangs is asked again before it is opened.
        why = _in_time(functools.partial(own.conflict, folder.path))
        if why is not None:
            raise ConfigError(
                f"cameras.folders: {folder.path} cannot be a camera: {why}. What is on a camera is "
                "uploaded and may be erased; take a directory that holds nothing but recordings"
            )


def tls_files(section: TlsSection) -> None:
    """Make sure that the files of the uplink can be used.

    Raises:
        ConfigError: names every one that cannot be read, or what is wrong with what they hold.
    """
    files = (("ca", section.ca), ("cert", section.cert), ("key", section.key))
    wrong: list[str] = []
    for name, path in files:
        try:
            path.open("rb").close()
        except PermissionError:
            wrong.append(f"uplink.tls.{name}: {not_allowed(path)}")
        except OSError as error:
            wrong.append(f"uplink.tls.{name}: {path}: {error.strerror}")
    if wrong and not section.cert.exists():
        wrong.append("an invitation of the gateway gets them: evidock-edge enrol")
    if wrong:
        raise ConfigError("\n".join(wrong))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(section.ca)
    except ssl.SSLError as error:
        raise ConfigError(f"uplink.tls.ca: {section.ca}: no certificate in PEM form") from error
    try:
        # A key with a pass phrase would ask for it on a terminal that no daemon has.
        context.load_cert_chain(section.cert, section.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"uplink.tls.cert, key: {section.cert} and {section.key} are no certificate and its "
            f"private key without a pass phrase, both in PEM form: {error}"
        ) from error


def _in_time(call: Callable[[], _T]) -> _T | None:
    """The answer; None from a share that hangs."""
    answers: list[_T] = []
    asking = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    return answers[0] if answers else None
