"""Fuzzing by hand, guided by coverage: ``make fuzz GROUP=hashing SECONDS=600``.

atheris (libFuzzer) instruments the packages before they are imported and searches for new
edges; what a run finds lies in ``build/fuzz/findings``. It is no part of the tests: minutes
are too long there, and atheris has no wheel for every Python. docs/fuzzing.md has figures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # brought by make

_PACKAGES = ["hashing", "protocols", "verifier", "edge", "gateway", "limited", "tokens"]
_WORK = Path("build/fuzz")
with atheris.instrument_imports(include=_PACKAGES):
    from tests.fuzz.all import GROUPS


def main() -> None:
    """Fuzz one group for a while; libFuzzer tells how it goes, and ends the program."""
    asked = _asked()
    decoders = [each for each in GROUPS[asked.group]() if each.name.endswith(asked.only)]
    corpus = _WORK / "corpus" / asked.group
    findings = _WORK / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for number, decoder in enumerate(decoders):
        for place, seed in enumerate(decoder.seeds):
            (corpus / f"seed-{number}-{place}").write_bytes(bytes([number]) + seed)

    def one(raw: bytes) -> None:
        # The first byte says which decoder the rest is for.
        if raw:
            decoders[raw[0] % len(decoders)].try_on(raw[1:])

    told = [
        *(f"-max_total_time={asked.seconds}", f"-artifact_prefix={findings}/{asked.group}-"),
        *("-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-max_len=65536"),
    ]
    atheris.Setup([sys.argv[0], str(corpus), *told], one)
    atheris.Fuzz()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("group", choices=list(GROUPS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="", help="end of a decoder's name")
    return parser.parse_args()


if __name__ == "__main__":
    main()
