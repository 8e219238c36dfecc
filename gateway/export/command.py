"""``evidock-gateway export``: an evidence pack, put together on the machine of whoever asks.

The act is in the log before the first byte is asked for. The pack grows in a folder whose
name says that it is not whole; what is whole gets its name in one step. After a cut the same
command goes on with the same export.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from gateway.clock import GatewayClock
from gateway.errors import ConflictError, SetupError
from gateway.export.fetching import Advance, fetch
from gateway.export.schemas import DossierTold
from gateway.export.writing import (
    Content,
    PackFolder,
    as_json,
    decoded,
    put_evidence,
    sync_folder,
    verifier_page,
    write_synced,
)
from gateway.trail.client import ApiClient, ApiError
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors, AnchorsError
from protocols.ids import ClipId
from protocols.pack import layout
from protocols.pack.export import Export, check_export
from protocols.pack.guide import guide
from protocols.pack.page import report_page
from protocols.pack.report import Made, build_report
from protocols.shown import shown
from protocols.trail import answers_case, answers_clip, verify_trail

_STATE = "export.json"
_DOSSIER = "dossier.json"
_PACK = "pack"
_MAX_STATE = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportWanted:
    """What to hand out, and why; exactly one of ``case_no`` and ``clip``."""

    case_no: str | None
    clip: str | None
    reason: str
    recipient: str
    by: str


def export_pack(
    client: ApiClient,
    wanted: ExportWanted,
    out: Path,
    write: Callable[[str], object],
    advance: Advance = lambda _: None,
) -> Verdict:
    """Make the pack.

    Returns:
        The exporter's own finding; the pack is there whatever it is, and says so.

    Raises:
        SetupError: the folder is there already, belongs to another export, or cannot be
            written. ApiError: the gateway does not answer, or refuses. ConflictError: another
            run is at it, or the gateway's copy of a clip is not what was sealed.
    """
    if os.path.lexists(out):
        raise SetupError(f"{out} is there already; a pack is never written over anything")
    partial = out.with_name(f".{out.name}.partial")
    try:
        with _alone(partial):
            content = _content(client, wanted, partial)
            number = content.export.number
            write(f"export {number} is in the log; its pack grows in {partial}\n")
            verdict = _fill(client, content, PackFolder(partial / _PACK), advance)
            (partial / _PACK).rename(out)
            sync_folder(out.parent)
            shutil.rmtree(partial)
    except OSError as error:
        where = shown(str(error.filename or out))
        raise SetupError(f"{where}: {error.strerror}; run again to go on") from error
    write(f"{out}: {len(content.report.contents)} clips, {verdict.outcome}\n")
    return verdict


@contextlib.contextmanager
def _alone(partial: Path) -> Iterator[None]:
    (partial / _PACK).mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"another run is writing {partial}") from error
        yield
    finally:
        os.close(descriptor)


# --- what is exported ---------------------------------------------------------------------


def _content(client: ApiClient, wanted: ExportWanted, partial: Path) -> Content:
    """The export's dossier: the one of an earlier run, or a new one."""
    number = _number(client, wanted, partial)
    saved = partial / _DOSSIER
    if saved.is_file():
        return _read(saved.read_bytes(), number)
    raw = as_json(client.dossier(number))
    content = _read(raw, number)
    temporary = partial / f"{_DOSSIER}.new"
    write_synced(temporary, raw)
    temporary.rename(saved)
    sync_folder(partial)
    return content


def _number(client: ApiClient, wanted: ExportWanted, partial: Path) -> int:
    state = partial / _STATE
    if state.is_file():
        return _continued(state, wanted)
    asked = {name: value for name, value in asdict(wanted).items() if value is not None}
    told = client.post("/exports", asked)
    number = told.get("number") if isinstance(told, dict) else None
    if not isinstance(number, int):
        raise ApiError("the gateway answered with something that is no export")
    temporary = partial / f"{_STATE}.new"
    write_synced(temporary, as_json({"number": number, "wanted": asdict(wanted)}))
    temporary.rename(state)
    sync_folder(partial)
    return number


def _continued(state: Path, wanted: ExportWanted) -> int:
    try:
        said = json.loads(state.read_bytes()[:_MAX_STATE])
        number, before = int(said["number"]), said["wanted"]
    except (ValueError, TypeError, KeyError) as error:
        raise SetupError(f"{state} cannot be read; remove its folder to begin anew") from error
    if before != asdict(wanted):
        raise SetupError(
            f"export {number} lies half done in {state.parent}, for another case, reason or "
            "recipient: finish it with the same words, or remove that folder"
        )
    return number


def _read(raw: bytes, number: int) -> Content:
    try:
        told = DossierTold.model_validate_json(raw)
        anchors = Anchors.from_json(told.trust)
        receipts = decoded(told.receipts)
        export = Export.model_validate(told.export.model_dump())
    except (ValidationError, AnchorsError, ValueError) as error:
        raise ApiError("the gateway answered with something that is no dossier") from error
    if export.number != number or len(receipts) != len(told.trail.entries):
        raise ApiError("the gateway answered with the dossier of another export")
    report = verify_trail(told.trail, anchors)
    return Content(export, told.trail, report, receipts, told.earlier, anchors, told.missing)


# --- what lies in it ----------------------------------------------------------------------


def _fill(client: ApiClient, content: Content, pack: PackFolder, advance: Advance) -> Verdict:
    matched = _originals(client, content, pack, advance)
    put_evidence(pack, content)
    verdict = content.report.verdict + Verdict(tuple(matched)) + _answered(content)
    verdict += Verdict(tuple(check_export(content.export, content.report, content.anchors.gateway)))
    clock = GatewayClock()
    made = Made(f"evidock-gateway {version('evidock')}", clock.read())
    report = build_report(
        content.trail, content.report, content.export, content.anchors, verdict, made
    )
    pack.put(layout.REPORT, as_json(report))
    pack.put(layout.PAGE, report_page(report))
    about = shown(_about(content))
    pack.put(layout.GUIDE, guide(f"`{about.replace('`', '')}`"))
    pack.put(layout.VERIFIER, verifier_page())
    pack.finish(
        {
            "Bag-Software-Agent": made.tool,
            "Bagging-Date": made.at.utc[:10],
            "External-Identifier": report["id"],
            "External-Description": about,
        }
    )
    return verdict


def _originals(
    client: ApiClient, content: Content, pack: PackFolder, advance: Advance
) -> Iterator[Finding]:
    sealed = content.sealed()
    for expected in content.report.contents:
        name = str(expected.clip)
        if name in content.missing:
            yield Finding(2, Outcome.INCOMPLETE, name, content.missing[name])
            continue
        path = layout.original(expected.clip, sealed[expected.clip].source.name)
        digest = fetch(client, expected, pack.place(path), advance)
        pack.took(path, digest)
        pack.put(layout.leaf_list(expected.clip), b"".join(digest.leaves))
        yield Finding(2, Outcome.INTACT, name, f"{digest.size} bytes, {digest.sha256.hex()}")


def _answered(content: Content) -> Verdict:
    about = content.trail.about
    if about.case_no is not None:
        return answers_case(about.case_no, content.trail, content.report, content.anchors)
    return answers_clip(ClipId.parse(about.clip or ""), content.trail)


def _about(content: Content) -> str:
    about = content.trail.about
    return about.case_no or about.clip or content.export.about
