"""The command: every look has a limit of time, and none can end the page.

Exit codes: 0 nothing is wrong (warnings may stand), 1 something is, 2 the settings themselves
cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from edge import config as configuration
from edge.doctor import around, evidence, machine, papers
from edge.doctor.finding import Case, Finding, State, unseen
from edge.errors import ConfigError, EdgeError

Look = Callable[[Case], Iterator[Finding]]

_PATIENCE_S: Final = 60.0
LOOKS: Final[tuple[Look, ...]] = (
    papers.settings,
    papers.key,
    papers.certificate,
    papers.trust,
    papers.permissions,
    evidence.ledger,
    evidence.spool,
    evidence.room,
    evidence.filesystem,
    machine.clock,
    around.daemon,
    around.broker,
    around.parts,
    around.bays,
    around.serial,
    around.watchdog,
    machine.wear,
    machine.journal,
    machine.versions,
)


def add_command(commands: Any) -> None:  # noqa: ANN401  # argparse keeps this type private
    """Add the command to the parser."""
    doctor = commands.add_parser("doctor", help="look whether all is well, and say what to do")
    doctor.add_argument("--config", type=Path, default=configuration.DEFAULT, help="of the dock")
    doctor.add_argument("--lang", choices=["en", "zh"], default="en")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.set_defaults(command=doctor_command)


def doctor_command(options: argparse.Namespace) -> int:
    """Look at everything and tell it."""
    try:
        config = configuration.load(options.config)
    except ConfigError as error:
        do = "mend it, or evidock-edge setup", "请修改，或运行 evidock-edge setup"
        wrong = Finding("config", State.WRONG, str(error), str(error), *do)
        _tell([wrong], options)
        return 2
    findings = examine(Case(config))
    _tell(findings, options)
    return int(any(finding.state is State.WRONG for finding in findings))


def examine(
    case: Case, looks: Sequence[Look] = LOOKS, patience_s: float = _PATIENCE_S
) -> list[Finding]:
    """Everything that was found, in the page's order."""
    return [finding for look in looks for finding in _looked(look, case, patience_s)]


def _looked(look: Look, case: Case, patience_s: float) -> list[Finding]:
    """One look in a thread of its own: a disk that hangs, hangs that alone."""
    found: list[Finding] = []
    name = look.__name__

    def work() -> None:
        try:
            found.extend(look(case))
        except (EdgeError, OSError) as error:
            found.append(unseen(name, error))

    asking = threading.Thread(target=work, daemon=True)
    asking.start()
    asking.join(patience_s)
    if not asking.is_alive():
        return found
    said = f"no answer in {patience_s:.0f} s", f"{patience_s:.0f} 秒内无应答"
    do = "something hangs: look at dmesg and disks", "设备无响应：请查看 dmesg 与磁盘"
    return [Finding(name, State.WRONG, *said, *do)]


def _tell(findings: list[Finding], options: argparse.Namespace) -> None:
    if options.json:
        lines = [
            {
                "about": each.about,
                "state": each.state.value,
                "en": each.en,
                "zh": each.zh,
                "do": {"en": each.do_en, "zh": each.do_zh},
            }
            for each in findings
        ]
        sys.stdout.write(json.dumps(lines, ensure_ascii=False, indent=1) + "\n")
        return
    for finding in findings:
        sys.stdout.write(finding.line(options.lang) + "\n")
