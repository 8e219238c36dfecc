"""``evidock-verify``: verify an evidence pack, or a whole log.

Exit codes: 0 intact; 10 and above the worst outcome (``hashing.verdict``); 1 it could not be
checked at all; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from hashing.note import MAX_NOTE
from protocols.anchors import MAX_ANCHORS, Anchors, AnchorsError
from protocols.pack import layout
from protocols.policy import MAX_POLICY, Policy, PolicyError, parse_policy
from protocols.progress import Line, Progress, Quiet, Unit
from protocols.timestamps import MAX_ROOTS, StampError, parse_roots
from protocols.trail.telling import verdict_json, verdict_lines
from verifier.errors import NoFileError, VerifierError
from verifier.files import read_given
from verifier.logs import audit, source_of
from verifier.outside import NO_POLICY, Asked, Roots
from verifier.pack import verify_pack
from verifier.sources import Source, opened
from verifier.telling import pack_json, pack_lines
from verifier.tiles import NO_RECORDS, is_tiled

_FAILED = 1
_USAGE = 2
_CODES = (
    "exit codes: 0 intact, 10 altered, 11 incomplete, 12 unsigned, 13 unknown-key, 14 revoked, "
    "15 not-logged, 16 unwitnessed, 17 unsupported; the worst found wins. 1: could not be read, "
    "2: wrong usage"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run; says what went wrong in words for the person at the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _log(words[1:]) if words[:1] == ["log"] else _pack(words)
    except KeyboardInterrupt:
        return _FAILED
    except NoFileError as error:
        sys.stderr.write(f"evidock-verify: {error}\n")
        return _USAGE
    except MemoryError:
        sys.stderr.write("evidock-verify: not enough memory for what is to be read\n")
        return _FAILED
    except (VerifierError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _FAILED
        sys.stderr.write(f"evidock-verify: {error}\n")
        return _FAILED


def _pack(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="evidock-verify",
        description="Verifies an evidence pack: needs no network and trusts nobody's word.",
        epilog=f"{_CODES}. Example: evidock-verify pack.zip --trust trust.json --policy log.policy "
        "--tsa tsa-roots.pem. A whole log: evidock-verify log --help",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('evidock')}")
    parser.add_argument("pack", type=Path, metavar="PACK", help="folder or ZIP file")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="trust file from elsewhere")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="which witnesses are enough")
    parser.add_argument(
        "--tsa", type=Path, metavar="FILE", help="roots, PEM, of authorities for time stamps"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--story", action="store_true", help="tell every statement, too")
    parser.add_argument("--progress", action="store_true", help="tell it on no terminal, too")
    asked = parser.parse_args(words)
    anchors = None if asked.trust is None else load_trust(asked.trust)
    policy = None if asked.policy is None else load_policy(asked.policy)
    roots = None if asked.tsa is None else load_roots(asked.tsa)
    with opened(asked.pack) as source:
        progress = _progress(source, wanted=asked.progress)
        try:
            checked = verify_pack(source, anchors, progress, Asked(policy, roots))
        finally:
            progress.close()
    if asked.json:
        document = json.dumps(pack_json(checked), ensure_ascii=False, indent=2)
        sys.stdout.write(f"{document}\n")
    else:
        for text in pack_lines(checked, story=asked.story):
            sys.stdout.write(f"{text}\n")
    return checked.verdict.exit_code


def _log(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="evidock-verify log",
        description="Verifies every entry of a log, and that it still contains what was saved.",
        epilog=f"{_CODES}. Example: evidock-verify log http://127.0.0.1:8080 --trust trust.json "
        "--checkpoint pack/data/checkpoint.note",
    )
    parser.add_argument("log", metavar="LOG", help="a gateway's address, or a folder of answers")
    parser.add_argument(
        "--trust", type=Path, required=True, metavar="FILE", help="trust file from elsewhere"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="NOTE",
        help="the log has to contain it: as saved, or as scanned from paper; repeatable",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="which witnesses are enough")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--progress", action="store_true", help="tell it on no terminal, too")
    asked = parser.parse_args(words)
    saved = [(str(path), _read(path, 2 * MAX_NOTE)) for path in asked.checkpoint]
    policy = None if asked.policy is None else load_policy(asked.policy)
    audited = audit(
        source_of(asked.log),
        load_trust(asked.trust),
        saved,
        policy,
        _counted(wanted=asked.progress),
    )
    if asked.json:
        document = json.dumps(verdict_json(audited.verdict), ensure_ascii=False, indent=2)
        sys.stdout.write(f"{document}\n")
    else:
        for text in verdict_lines(audited.verdict, audited):
            sys.stdout.write(f"{text}\n")
        if policy is None:
            sys.stdout.write(f"note: {NO_POLICY}\n")
        if Path(asked.log).is_dir() and is_tiled(Path(asked.log)):
            sys.stdout.write(f"note: {NO_RECORDS}\n")
    return audited.verdict.exit_code


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        VerifierError: it cannot be read, or is none.
    """
    try:
        return parse_policy(_read(path, MAX_POLICY))
    except PolicyError as error:
        raise VerifierError(f"{path}: {error}") from error


def load_roots(path: Path) -> Roots:
    """Read certificates of time stamping authorities.

    Raises:
        VerifierError: they cannot be read, or are none.
    """
    try:
        return parse_roots(_read(path, MAX_ROOTS))
    except StampError as error:
        raise VerifierError(f"{path}: {error}") from error


def load_trust(path: Path) -> Anchors:
    """Read a trust file.

    Raises:
        VerifierError: it cannot be read, or is none.
    """
    try:
        return Anchors.from_json(_read(path, MAX_ANCHORS))
    except AnchorsError as error:
        raise VerifierError(f"{path}: {error}") from error


def _read(path: Path, limit: int) -> bytes:
    """A small file, one byte more than it may have at most; raises VerifierError."""
    return read_given(path, limit + 1)


def _progress(source: Source, *, wanted: bool) -> Progress:
    if wanted or sys.stderr.isatty():
        sizes = source.sizes
        total = sum(sizes.values()) - sizes.get(layout.TAG_MANIFEST, 0)
        return Line(total, _told, time.monotonic)
    return Quiet()


def _counted(*, wanted: bool) -> Callable[[int], Progress]:
    if wanted or sys.stderr.isatty():
        return lambda total: Line(total, _told, time.monotonic, Unit("entries read"))
    return lambda _: Quiet()


def _told(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
