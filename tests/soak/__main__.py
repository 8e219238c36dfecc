"""`make soak CYCLES=1000`: see ``soak``; prints what was held after each tenth of the cycles."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.demo.station import fresh
from tests.soak.soak import Soak


def main() -> None:
    """Run it and print figures; fails with what is not as it has to be."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000, help="dockings, all bays together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/soak"), help="scratch space")
    asked = parser.parse_args()
    soak = Soak(fresh(asked.folder.absolute()), asked.cycles, asked.seed)
    print("|  | dock: files | threads | MiB | helpers | zombies | gateway: files | threads | MiB |")
    soak.run()
    yanks = sum((bay.yanks for bay in soak.bays), Counter())
    rested = sum(bay.rested for bay in soak.bays)
    print(f"{asked.cycles} dockings in {soak.seconds:.0f} s, {rested} to their rest; {soak.facts}")
    print(f"torn out: {dict(yanks.most_common())}", file=sys.stdout)
    shutil.rmtree(asked.folder)


if __name__ == "__main__":
    main()
