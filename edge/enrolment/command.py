"""`evidock-edge enrol`: what an operator carries from the gateway to the dock, and what is next."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from edge import config as configuration
from edge.clock import DockClock
from edge.enrolment.papers import Papers
from edge.enrolment.steps import ask_whether_it_counts, enrol
from edge.errors import ConfigError, EnrolmentLater, EnrolmentRefused
from edge.setup.questions import Terminal
from protocols.enrolment import MAX_TEXT, Invitation, read_fingerprint, read_token
from protocols.errors import EnrolmentError, IdError
from protocols.ids import dock_id

_STEPS: Final = {
    "pinned": (
        "the gateway is the one of the invitation",
        "已确认网关与邀请码一致",
    ),
    "certified": (
        "both keys have their certificates",
        "两个密钥的证书均已取得",
    ),
    "trusted": ("the trust file is written", "信任文件已写入"),
}
_NEXT: Final = (
    "\nThis dock is enrolled. Next:  evidock-edge doctor && systemctl enable --now evidock-edge",
    "\n本采集站已登记。下一步：  evidock-edge doctor && systemctl enable --now evidock-edge",
)
_ALREADY: Final = (
    "this dock is enrolled with that gateway already; nothing was changed",
    "本采集站已在该网关登记，未作任何更改",
)
_COUNTS: Final = ("the gateway takes its certificate", "网关认可其证书")
_UNASKED: Final = (
    "whether its certificate still counts could not be asked: {reason}",
    "无法询问网关其证书是否仍然有效：{reason}",
)
_PROMPT: Final = (
    "Paste the line that `evidock-gateway invite {dock}` printed (or scan its code):",
    "请粘贴网关上 evidock-gateway invite {dock} 打印的那一行（或扫描其二维码）：",
)
_ASK_ANEW: Final = frozenset({"token-wrong", "token-expired", "token-withdrawn", "token-used"})
_BOUND: Final = "keys-bound"
_REVOKED: Final = "certificate-revoked"
_DOCK_REVOKED: Final = "dock-revoked"
_BY_PROOF: Final = frozenset({"certificate-unknown", "certificate-expired"})


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    parser = commands.add_parser("enrol", help="enrol this dock with an invitation of the gateway")
    parser.add_argument(
        "invitation", nargs="?", help="as `evidock-gateway invite` printed it; default: asked for"
    )
    parser.add_argument("--config", type=Path, default=configuration.DEFAULT, help="of the dock")
    parser.add_argument("--file", type=Path, help="holds the invitation; default: asked for")
    parser.add_argument("--lang", choices=["zh", "en"], default="en", help="of what is said")
    typed = parser.add_argument_group("typed by hand, all four")
    typed.add_argument("--host", help="of the gateway")
    typed.add_argument("--port", type=int, help="of its enrolment")
    typed.add_argument("--token", help="in groups of five")
    typed.add_argument("--root", help="SHA-256 fingerprint of the root certificate")
    parser.set_defaults(command=enrol_dock)


def enrol_dock(options: argparse.Namespace) -> int:
    """Enrol, and say what is next.

    Raises:
        EdgeError: it could not be done; the text says what to do, and the same again goes on.
    """
    config = configuration.load(options.config)
    papers = Papers.of(config)
    terminal = Terminal(options.lang)
    try:
        invitation = _invitation(options, papers.dock, terminal)
    except (EnrolmentError, IdError) as error:
        raise ConfigError(str(error)) from error
    try:
        new = enrol(papers, invitation, DockClock(), lambda step: terminal.say(_STEPS[step]))
        said = None if new else _asked(papers, invitation)
    except EnrolmentRefused as error:
        raise EnrolmentRefused(error.problem, f"{error}{_remedy(error.problem, papers)}") from error
    terminal.say(_NEXT if new else _ALREADY)
    if said is not None:
        terminal.say(said[0], reason=said[1])
    return 0


def _asked(papers: Papers, invitation: Invitation) -> tuple[tuple[str, str], str]:
    """A dock may have all its papers, and one that was revoked: that shows at the gateway only."""
    try:
        ask_whether_it_counts(papers, invitation, DockClock())
    except EnrolmentLater as error:
        return _UNASKED, str(error)
    return _COUNTS, ""


def _remedy(problem: str, papers: Papers) -> str:
    if problem == _REVOKED:
        return (
            f". Its key is never certified again. Stop this dock, move {papers.tls_key} and "
            f"{papers.cert} away, and run this again with an unused invitation: the statement key, "
            "the ledger and the name stay"
        )
    if problem == _DOCK_REVOKED:
        return ". This dock was revoked for good: it goes on only under a new name, with new keys"
    if problem in _BY_PROOF:
        return (
            ". The running dock gets another by its statement key, by itself; if it does not "
            "within the hour, ask the operator"
        )
    if problem in _ASK_ANEW:
        return ". Ask the operator for a new invitation, and run this again: keys are kept"
    if problem == _BOUND:
        return (
            ". Somebody else used this invitation, or this dock lost the keys it began with: the "
            "operator has to withdraw the invitation and to look who it was"
        )
    return ""


def _invitation(options: argparse.Namespace, dock: str, terminal: Terminal) -> Invitation:
    parts = (options.host, options.port, options.token, options.root)
    if any(parts):
        if not all(parts):
            raise ConfigError("--host, --port, --token and --root go together")
        token, root = read_token(options.token), read_fingerprint(options.root)
        return Invitation(dock_id(dock), options.host, options.port, token, root)
    if options.file is not None:
        try:
            with options.file.open(encoding="utf-8") as file:
                return Invitation.parse(file.read(MAX_TEXT + 2).strip())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{options.file}: {error}") from error
    if options.invitation is not None:
        return Invitation.parse(options.invitation)
    if sys.stdin.isatty():
        terminal.say(_PROMPT, dock=dock)
    return Invitation.parse(sys.stdin.readline(MAX_TEXT + 2).strip())
