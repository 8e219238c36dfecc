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
from pathlib import Path
from secrets import token_hex
from typing import Any

from gateway.crashpoints import reach
from gateway.durable import sync_folder
from gateway.errors import ConflictError, SetupError
from gateway.export.awaiting import await_witnesses
from gateway.export.content import Content, as_json, read_dossier
from gateway.export.filling import Filling
from gateway.export.origins import InStore, Origins, OverHttp
from gateway.export.writing import PackFolder, write_synced
from gateway.export.zipping import PackZip
from gateway.storage.local import LocalStore
from gateway.trail.client import ApiClient, ApiError
from hashing.verdict import Verdict
from protocols.policy import Policy
from protocols.progress import Progress, Quiet
from protocols.shown import shown

Begin = Callable[[int], Progress]
_STATE = "export.json"
_DOSSIER = "dossier.json"
_PACK = "pack"
_MAX_STATE = 1 << 20


@dataclass(frozen=True, slots=True)
class ExportWanted:
    """What to hand out, and why; exactly one of ``case_no`` and ``clip``.

    ``acknowledged`` are marks that whoever hands it out took note of.
    """

    case_no: str | None
    clip: str | None
    reason: str
    recipient: str
    by: str
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is put together.

    Attributes:
        as_zip: one ZIP file instead of a folder.
        wait_s: longest wait for witnesses and a time stamp.
        policy: which witnesses are enough; None waits for all that the gateway asks.
        store: folder of the gateway's store on this machine; None fetches over HTTP.
    """

    as_zip: bool = False
    wait_s: float = 0.0
    policy: Policy | None = None
    store: Path | None = None


PLAIN = Manner()


def export_pack(
    client: ApiClient,
    wanted: ExportWanted,
    out: Path,
    write: Callable[[str], object],
    manner: Manner = PLAIN,
    begin: Begin = lambda _: Quiet(),
) -> Verdict:
    """Make the pack.

    Args:
        client: of the gateway.
        wanted: what, why and for whom.
        out: a new folder or ZIP file.
        write: told what people should know.
        manner: in which form, and how long to wait for others.
        begin: told how many bytes of originals there are; gives who is told of them.

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
            content = _content(client, wanted, partial, manner, write)
            reach("export.dossier")
            write(f"export {content.export.number} is in the log; its pack grows in {partial}\n")
            total = sum(each.size for each in content.report.contents)
            origins = _origins(client, manner.store)
            progress = begin(total)
            filling = Filling(content, origins, progress.advance, manner.policy)
            try:
                verdict = _written(filling, partial, as_zip=manner.as_zip)
            finally:
                progress.close()
            reach("export.written")
            (partial / _PACK).rename(out)
            sync_folder(out.parent)
            reach("export.named")
            shutil.rmtree(partial)
    except OSError as error:
        where = shown(str(error.filename or out))
        raise SetupError(f"{where}: {error.strerror}; run again to go on") from error
    for line in _told(out, content, verdict):
        write(f"{line}\n")
    return verdict


def _written(filling: Filling, partial: Path, *, as_zip: bool) -> Verdict:
    place = partial / _PACK
    if not as_zip:
        place.mkdir(exist_ok=True, mode=0o700)
        return filling.fill(PackFolder(place))
    # From its beginning each time: a ZIP file that was cut cannot be gone on with.
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, 0o640), "w+b") as file:
        pack = PackZip(file, f"export-{filling.content.export.number}")
        try:
            verdict = filling.fill(pack)
        except BaseException:
            pack.abandon()
            raise
        file.flush()
        os.fsync(file.fileno())
    sync_folder(partial)
    return verdict


def _origins(client: ApiClient, store: Path | None) -> Origins:
    return OverHttp(client) if store is None else InStore(LocalStore(store))


def _told(out: Path, content: Content, verdict: Verdict) -> Iterator[str]:
    outside = content.outside
    yield f"{out}: {len(content.report.contents)} clips, {verdict.outcome}"
    if not outside.asked:
        yield "no witness is configured: nobody outside this agency saw the log it comes from"
    elif outside.missing:
        names = ", ".join(shown(name) for name in outside.missing)
        yield f"not cosigned by {names}; the pack says so. --wait-witnesses SECONDS waits for them"
    else:
        yield f"cosigned by {', '.join(shown(name) for name in outside.asked)}"


@contextlib.contextmanager
def _alone(partial: Path) -> Iterator[None]:
    partial.mkdir(parents=True, exist_ok=True, mode=0o700)
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


def _content(
    client: ApiClient,
    wanted: ExportWanted,
    partial: Path,
    manner: Manner,
    write: Callable[[str], object],
) -> Content:
    """The export's dossier: the one of an earlier run, or a new one."""
    number = _number(client, wanted, partial, as_zip=manner.as_zip)
    reach("export.stated")
    saved = partial / _DOSSIER
    if saved.is_file():
        return read_dossier(saved.read_bytes(), number)
    if manner.wait_s:
        await_witnesses(client, number, manner.wait_s, manner.policy, write)
    temporary = _new(saved)
    write_synced(temporary, client.dossier(number))
    content = read_dossier(temporary.read_bytes(), number)
    temporary.rename(saved)
    sync_folder(partial)
    return content


def _number(client: ApiClient, wanted: ExportWanted, partial: Path, *, as_zip: bool) -> int:
    """The export's number; a key that is kept first makes one export of however many askings."""
    state = partial / _STATE
    if not state.is_file():
        _put(state, as_json(_state(wanted, token_hex(16), as_zip=as_zip)))
    key = _continued(state, wanted, as_zip=as_zip)
    asked = {name: value for name, value in asdict(wanted).items() if value is not None}
    reach("export.asking")
    told = client.post("/exports", asked | {"key": key}, patient=True)
    number = told.get("number") if isinstance(told, dict) else None
    if not isinstance(number, int):
        raise ApiError("the gateway answered with something that is no export")
    return number


def _state(wanted: ExportWanted, key: str, *, as_zip: bool) -> dict[str, Any]:
    said = asdict(wanted)
    # Whoever was told of a mark asks again, and it is the same export.
    del said["acknowledged"]
    return {"key": key, "wanted": said, "zip": as_zip}


def _continued(state: Path, wanted: ExportWanted, *, as_zip: bool) -> str:
    try:
        said = json.loads(state.read_bytes()[:_MAX_STATE])
        key = str(said["key"])
    except (ValueError, TypeError, KeyError) as error:
        raise SetupError(f"{state} cannot be read; remove its folder to begin anew") from error
    if said != _state(wanted, key, as_zip=as_zip):
        raise SetupError(
            f"an export lies half done in {state.parent}, for another case, reason, recipient or "
            "form: finish it with the same words, or remove that folder"
        )
    return key


def _put(path: Path, data: bytes) -> None:
    temporary = _new(path)
    write_synced(temporary, [data])
    temporary.rename(path)
    sync_folder(path.parent)


def _new(path: Path) -> Path:
    """Where a file grows until it is whole."""
    return path.with_name(f"{path.name}.new")
