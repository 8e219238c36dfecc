"""``evidock-gateway``: its subcommands, and what becomes of their errors.

Exit codes: 0 done, 1 could not be done, 2 wrong usage or configuration; ``trail``,
``export``, ``repair``, ``log verify`` and ``log check-store`` end with the exit code of their
verdict, 10 and above.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

try:
    from gateway.commands import (
        accounts,
        authority,
        disposal,
        docks,
        evidence,
        operating,
        rules,
        witness,
    )
    from gateway.commands.arguments import FAILED, USAGE, fail
    from gateway.errors import GatewayError, LogError, SetupError
    from gateway.export.arguments import add_export
except ModuleNotFoundError as error:
    # Docks have this command too, and not what it needs.
    sys.exit(
        f"evidock-gateway: no gateway is installed ({error.name} is missing): "
        "install requirements/gateway.txt"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and say what went wrong in words for the person at the terminal."""
    parser = argparse.ArgumentParser(
        prog="evidock-gateway", description="Stores sealed clips and proves what became of them."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evidock')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        *(operating.add_serve, operating.add_check_config, operating.add_migrate),
        *(authority.add_ca, docks.add_invite, docks.add_invitations, docks.add_enrol),
        *(docks.add_decisions, evidence.add_trail, add_export, evidence.add_log),
        *(accounts.add_accounts, accounts.add_clients, accounts.add_token),
        *(operating.add_repair, witness.add_witness, rules.add_rules, disposal.add_disposal),
    ):
        add(commands)
    asked = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a case number's characters must not stop a trail.
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(asked.run(asked))
    except KeyboardInterrupt:
        return FAILED
    except LogError as error:
        return fail(f"{error.state}: {error}", FAILED)
    except SetupError as error:
        return fail(str(error), USAGE)
    except GatewayError as error:
        return fail(str(error), FAILED)
    except BrokenPipeError:
        # Whoever read the output has gone; what is still buffered goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
