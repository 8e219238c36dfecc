"""Step 1: the pack is a bag, every file in it is listed, and every listed file is as listed."""

from __future__ import annotations

from dataclasses import dataclass, field

from hashing.digest import ContentDigest
from hashing.verdict import Outcome
from protocols.pack import bag, layout
from protocols.pack.bag import BagError
from protocols.progress import Progress
from protocols.trail import MAX_TRAIL, Findings
from verifier.hashed import Digest, hashed
from verifier.sources import Source

_PACK = "pack"


@dataclass(slots=True)
class Bag:
    """What step 1 learnt.

    Attributes:
        listed: SHA-256 by path, from both manifests.
        originals: digests of the originals that could be read, by path.
    """

    listed: dict[str, str] = field(default_factory=dict)
    originals: dict[str, ContentDigest] = field(default_factory=dict)


def check_bag(source: Source, progress: Progress, found: Findings) -> Bag:
    """Check declaration, manifests and every file; each original is read once, here."""
    learnt = Bag()
    if source.read(layout.BAGIT, bag.MAX_INFO) != bag.DECLARATION:
        found.add(1, Outcome.ALTERED, layout.BAGIT, "does not declare BagIt 1.0 in UTF-8")
    payload = _manifest(source, layout.MANIFEST, found)
    tags = _manifest(source, layout.TAG_MANIFEST, found)
    for path in payload.keys() | tags.keys():
        if (
            path.startswith(layout.DATA) != (path in payload)
            or path in payload.keys() & tags.keys()
        ):
            found.add(1, Outcome.ALTERED, path, "stands in the manifest of the other kind of file")
    learnt.listed = tags | payload
    _check_names(source, learnt, found)
    _check_oxum(source, payload, found)
    there = sorted(learnt.listed.keys() & source.sizes.keys())
    readable = [path for path in there if _has_its_size(source, path, found)]
    digests = dict(hashed(source, readable, progress))
    for path in readable:
        _check_file(source, path, digests[path], learnt, found)
    if not any(finding.step == 1 for finding in found.items):
        found.good(1, _PACK, f"{len(learnt.listed)} files, all listed, none besides")
    return learnt


def _manifest(source: Source, path: str, found: Findings) -> dict[str, str]:
    if path not in source.sizes:
        found.add(1, Outcome.INCOMPLETE, path, "missing: nothing says what belongs to the pack")
        return {}
    raw = source.read(path, bag.MAX_MANIFEST)
    try:
        # What cannot be read is no manifest either.
        digests, wrong = bag.read_manifest(b"\xff" if raw is None else raw)
    except BagError as error:
        found.add(1, Outcome.ALTERED, path, str(error))
        return {}
    for reason in wrong:
        found.add(1, Outcome.ALTERED, path, reason)
    return digests


def _check_names(source: Source, learnt: Bag, found: Findings) -> None:
    for path, reason in source.refused.items():
        found.add(1, Outcome.ALTERED, path, reason)
    for path in sorted(source.sizes.keys() - learnt.listed.keys() - {layout.TAG_MANIFEST}):
        found.add(1, Outcome.ALTERED, path, "in no manifest: it was put in later")
    for path in sorted(learnt.listed.keys() - source.sizes.keys()):
        found.add(1, Outcome.INCOMPLETE, path, "listed in a manifest and not there")


def _check_oxum(source: Source, payload: dict[str, str], found: Findings) -> None:
    raw = source.read(layout.BAG_INFO, bag.MAX_INFO)
    said = None if raw is None else bag.read_oxum(raw)
    there = [size for path, size in source.sizes.items() if path.startswith(layout.DATA)]
    if said is not None and said != bag.oxum(there):
        outcome = Outcome.INCOMPLETE if len(there) < len(payload) else Outcome.ALTERED
        reason = f"says {said} (bytes.files) where {bag.oxum(there)} are"
        found.add(1, outcome, layout.BAG_INFO, reason)


def _has_its_size(source: Source, path: str, found: Findings) -> bool:
    size = source.sizes[path]
    if size <= MAX_TRAIL or path.startswith(layout.ORIGINALS):
        return True
    reason = f"{size} bytes; none but an original may have more than {MAX_TRAIL}"
    found.add(1, Outcome.ALTERED, path, reason)
    return False


def _check_file(
    source: Source, path: str, digest: Digest | OSError, learnt: Bag, found: Findings
) -> None:
    if isinstance(digest, OSError):
        found.add(1, Outcome.INCOMPLETE, path, f"cannot be read: {digest}")
        return
    sha256, content = digest
    source.is_still(path, sha256)
    if content is not None:
        learnt.originals[path] = content
    if sha256 != learnt.listed[path]:
        reason = f"has SHA-256 {sha256}, listed is {learnt.listed[path]}"
        found.add(1, Outcome.ALTERED, path, reason)
