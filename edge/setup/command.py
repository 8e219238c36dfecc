"""The command: settings and key are written whole or not at all, and nothing is overwritten.

Order: everything is checked in a file beside the final one, by the loader that the dock uses;
then the key is made if there is none; then the settings get their name. A cut at any point
leaves the old settings, or the new ones with their key.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

from edge import checks, durable, keys
from edge import config as configuration
from edge.errors import ConfigError, NotAllowed
from edge.giving import give
from edge.setup.answers import Answers, from_file
from edge.setup.answers import configuration as as_toml
from edge.setup.questions import Language, Terminal, ask_all
from hashing.keys import PublicKey
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError

_SETTINGS_MODE: Final = 0o640
_BACKUPS: Final = 1000
_INVITED: Final = (
    "\nAt the gateway:\n{invite}\nthen here, with the line it prints:\n  sudo evidock-edge enrol",
    "\n在网关上运行：\n{invite}\n再在本机运行（粘贴那一行）：\n  sudo evidock-edge enrol --lang zh",
)
_INVITE: Final = "  evidock-gateway invite {dock}"
_ENROL: Final = "  evidock-gateway enrol {dock} --key {dock}.pub.pem --api URL --out trust.json"


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    setup = commands.add_parser("setup", help="write the configuration and key of a new dock")
    setup.add_argument("--config", type=Path, default=configuration.DEFAULT, help="file to write")
    setup.add_argument("--from", dest="answers", type=Path, metavar="ANSWERS.toml")
    setup.add_argument("--force", action="store_true", help="replace settings; keeps a copy")
    setup.add_argument("--lang", choices=["zh", "en"], default=_language(), help="of the questions")
    setup.set_defaults(command=setup_dock)


def setup_dock(options: argparse.Namespace) -> int:
    """Ask or read, write, and say what is left to do.

    Raises:
        ConfigError: an answer cannot be used; nothing was written.
        KeyFileError: no key could be made.
    """
    path: Path = options.config.absolute()
    if path.exists() and not options.force:
        raise ConfigError(f"{path} exists; --force replaces it and keeps a copy beside it")
    # Before the questions: nobody answers them all to be told that they were in vain.
    _writable(path.parent)
    terminal = Terminal(options.lang)
    answers = from_file(options.answers) if options.answers else ask_all(terminal)
    trust = _trust(answers)
    try:
        config, doubts = _checked(path, answers)
        if trust is not None:
            durable.write_atomic(config.dock.trust, trust, _SETTINGS_MODE)
            give(config.dock.trust, group_only=True)
        public = _key(config.dock.key)
        backup = _publish(path)
    finally:
        _fresh(path).unlink(missing_ok=True)
    _tell(terminal, path, backup, config, public, doubts)
    return 0


def _language() -> Language:
    said = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if said.startswith("zh") else "en"


def _writable(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(
            f"there is no directory {folder}: make it, or name another file with --config"
        )
    if not os.access(folder, os.W_OK, effective_ids=True):
        raise NotAllowed(f"you may not write {folder}; run setup as root")


# --- writing ------------------------------------------------------------------------


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def _checked(path: Path, answers: Answers) -> tuple[configuration.Config, list[str]]:
    """The settings as the dock will read them, and what is still missing around them.

    Raises:
        ConfigError: the dock would refuse them.
    """
    fresh = _fresh(path)
    durable.write_atomic(fresh, as_toml(answers).encode(), _SETTINGS_MODE)
    config = configuration.load(fresh)
    checks.own_folders(config)
    try:
        return config, checks.check(config)
    except ConfigError as error:
        # Certificates may come with trust.json, after this.
        return config, [str(error)]


def _trust(answers: Answers) -> bytes | None:
    """The gateway's trust file, if it is there already.

    Raises:
        ConfigError: it is none.
    """
    if answers.trust is None:
        return None
    try:
        with answers.trust.open("rb") as file:
            raw = file.read(MAX_ANCHORS + 1)
        Anchors.from_json(raw)
    except OSError as error:
        raise ConfigError(f"{answers.trust}: {error.strerror}") from error
    except AnchorsError as error:
        raise ConfigError(f"{answers.trust}: {error}") from error
    return raw


def _key(place: configuration.KeyPlace) -> PublicKey | None:
    """The statement key's public half; None where a credential of the unit holds the key."""
    if keys.is_units_own(place):
        return None
    signer = keys.load_or_make(place)
    file = configuration.key_file(place)
    if file is not None:
        give(file)
    return signer.public


def _publish(path: Path) -> Path | None:
    """Give the settings their name; the ones before keep a name of their own.

    Raises:
        ConfigError: too many copies.
    """
    backup = None
    if path.exists():
        names = (path.with_name(f"{path.name}.{number}.bak") for number in range(1, _BACKUPS))
        backup = next((name for name in names if not name.exists()), None)
        if backup is None:
            raise ConfigError(f"{path.parent} holds {_BACKUPS} copies of settings; remove some")
        os.link(path, backup)
    durable.publish(_fresh(path), path)
    give(path, group_only=True)
    return backup


# --- telling ------------------------------------------------------------------------


def _tell(
    terminal: Terminal,
    path: Path,
    backup: Path | None,
    config: configuration.Config,
    public: PublicKey | None,
    doubts: list[str],
) -> None:
    terminal.say(("\nwritten: {path}", "\n已写入：{path}"), path=path)
    if backup is not None:
        terminal.say(("the settings before: {path}", "原设置保留为：{path}"), path=backup)
    for doubt in doubts:
        terminal.say(("still to do: {doubt}", "尚待处理：{doubt}"), doubt=doubt)
    invited = config.uplink.tls is not None and not config.uplink.tls.cert.exists()
    if public is not None and not invited:
        terminal.say(
            (
                "\nThis dock's public key, for the gateway; save it there as {dock}.pub.pem:\n",
                "\n本采集站的公钥，请在网关上存为 {dock}.pub.pem：\n",
            ),
            dock=config.dock.id,
        )
        sys.stdout.write(public.pem())
    if invited:
        terminal.say(_INVITED, invite=_INVITE.format(dock=config.dock.id))
    elif not config.dock.trust.exists():
        terminal.say(
            (
                f"\nAt the gateway:\n{_ENROL}\nthen bring trust.json to {{trust}}",
                f"\n在网关上运行：\n{_ENROL}\n再将 trust.json 放到 {{trust}}",
            ),
            dock=config.dock.id,
            trust=config.dock.trust,
        )
    units = ["evidock-edge"]
    units += ["evidock-mounter"] * (config.mounter is not None)
    units += ["evidock-kiosk"] * (config.status.socket is not None)
    terminal.say(
        (
            "\nThen:  evidock-edge doctor && systemctl enable --now {units}",
            "\n然后：  evidock-edge doctor && systemctl enable --now {units}",
        ),
        units=" ".join(units),
    )
