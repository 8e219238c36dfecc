"""Every file of a pack, and every generic way to spoil one: the verdict is never intact."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cbor2
import pytest

from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.pack import layout
from protocols.pack.known import named_sizes
from protocols.pack.page import report_page
from protocols.progress import Quiet
from protocols.trail import Findings, TrailDocument
from tests.simulators.packs import rebagged
from verifier.bagged import check_bag
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

Spoil = Callable[[bytes], bytes]
MANIFESTS = frozenset({layout.MANIFEST, layout.TAG_MANIFEST})
# What nobody signed: the report is made anew and compared, by whoever has the same version.
WORDS = frozenset({layout.PAGE, layout.REPORT, layout.VERIFIER, layout.GUIDE, layout.BAG_INFO})
# Documents that nobody signs: what they say is checked, in whatever form they say it.
UNSIGNED = frozenset(
    {layout.TRAIL, layout.EXPORT, layout.ORIGINAL_LIST, layout.CONSISTENCY, layout.TRUST}
)


def _flipped(raw: bytes, at: int) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 1
    return bytes(changed)


def _re_encoded(raw: bytes) -> bytes:
    """The same in another encoding, where there is one."""
    if raw[:1] == b"\xd2":
        tag = cbor2.loads(raw)
        return b"\xd2\x9f" + b"".join(map(cbor2.dumps, tag.value)) + b"\xff"
    try:
        return json.dumps(json.loads(raw), indent=3).encode()
    except ValueError:
        return raw.replace(b"\n", b"\r\n")


SPOILS: Mapping[str, Spoil] = {
    "first bit": lambda raw: _flipped(raw, 0),
    "bit in the middle": lambda raw: _flipped(raw, len(raw) // 2),
    "last bit": lambda raw: _flipped(raw, -1),
    "last byte cut": lambda raw: raw[:-1],
    "cut in half": lambda raw: raw[: len(raw) // 2],
    "emptied": lambda _: b"",
    "newline appended": lambda raw: raw + b"\n",
    "itself appended": lambda raw: raw + raw,
    "zero put before": lambda raw: b"\0" + raw,
    "re-encoded": _re_encoded,
}


def files(pack: Path) -> dict[str, bytes]:
    """Every file of a pack."""
    paths = sorted(path for path in pack.rglob("*") if path.is_file())
    return {str(path.relative_to(pack)): path.read_bytes() for path in paths}


def put(pack: Path, contents: Mapping[str, bytes]) -> None:
    for name, raw in contents.items():
        (pack / name).write_bytes(raw)


def spoilt(pack: Path, contents: Mapping[str, bytes], how: str) -> set[str]:
    """Spoil these files in one way; the names of those that are other files now."""
    after = {name: SPOILS[how](raw) if raw else b"\n" for name, raw in contents.items()}
    put(pack, after)
    return {name for name, raw in after.items() if raw != contents[name]}


def named(pack: Path) -> set[str]:
    """What step 1 by itself names; its findings are in every verdict."""
    found = Findings()
    with opened(pack) as source:
        check_bag(source, Quiet(), found)
    return {each.subject for each in found.items if each.outcome is not Outcome.INTACT}


def verified(pack: Path, trust: Anchors) -> Checked:
    with opened(pack) as source:
        return verify_pack(source, trust, Quiet())


@pytest.mark.parametrize("how", SPOILS)
def test_no_file_of_a_pack_is_spoilt_unseen(pack: Path, how: str) -> None:
    """All at once, and every single one has to be named."""
    whole = files(pack)
    listed = {name: raw for name, raw in whole.items() if name not in MANIFESTS}
    changed = spoilt(pack, listed, how)
    assert changed
    assert changed <= named(pack), changed - named(pack)
    put(pack, whole)
    for manifest in MANIFESTS:
        if spoilt(pack, {manifest: whole[manifest]}, how):
            assert named(pack), manifest
        put(pack, whole)
    assert not named(pack)


def test_no_file_takes_the_place_of_another_unseen(pack: Path) -> None:
    whole = {name: raw for name, raw in files(pack).items() if name not in MANIFESTS}
    names = list(whole)
    moved = dict(zip(names, [*names[1:], names[0]], strict=True))
    put(pack, {name: whole[other] for name, other in moved.items()})
    changed = {name for name, other in moved.items() if whole[name] != whole[other]}
    assert changed <= named(pack), changed - named(pack)


def test_no_file_is_taken_away_doubled_or_renamed_unseen(pack: Path) -> None:
    whole = {name: raw for name, raw in files(pack).items() if name not in MANIFESTS}
    doubles = {f"{Path(name).parent}/x{Path(name).name}": raw for name, raw in whole.items()}
    put(pack, doubles)
    assert {str(Path(name)) for name in doubles} <= named(pack)
    for name in whole:
        (pack / name).unlink()
    assert {str(Path(name)) for name in (*doubles, *whole)} <= named(pack)


# --- and by somebody who makes the manifests fit ------------------------------------------


def groups(names: Iterable[str]) -> dict[str, set[str]]:
    """Files of one kind: those of one folder below ``data``, or one that is alone."""
    found: dict[str, set[str]] = {}
    for name in names:
        place = name.split("/")
        found.setdefault("/".join(place[:2]) if len(place) > 2 else name, set()).add(name)
    return {kind: those for kind, those in found.items() if not those & (MANIFESTS | WORDS)}


def is_told(name: str, subjects: set[str]) -> bool:
    """Whether a finding names the file, or the entry or clip that it belongs to."""
    stem = Path(name).name.partition(".")[0]
    entry = f"entry {int(stem)}" if stem.isdecimal() else name
    clip = next((part for part in subjects if part in name.split("/") or f"{part}." in name), name)
    return bool({name, entry, clip} & subjects)


def says_the_same(before: bytes, after: bytes) -> bool:
    """Whether two texts are one JSON document."""
    try:
        return bool(json.loads(before) == json.loads(after))
    except ValueError:
        return False


def is_seen(whole: Mapping[str, bytes], name: str, how: str) -> bool:
    """Whether the change has to be seen: nobody signs how a document is laid out."""
    raw = whole[name]
    after = SPOILS[how](raw) if raw else b"\n"
    return after != raw and not (name in UNSIGNED and says_the_same(raw, after))


@pytest.mark.parametrize(
    "how", ["bit in the middle", "cut in half", "itself appended", "re-encoded"]
)
def test_whoever_makes_manifests_fit_spoils_nothing_that_counts(
    pack: Path, trust: Anchors, how: str
) -> None:
    whole = files(pack)
    for kind, those in groups(whole).items():
        changed = {name for name in those if is_seen(whole, name, how)}
        # One bit of one way may be of a way that nobody needs here; see below.
        if not changed or (kind == layout.CONSISTENCY and how == "bit in the middle"):
            continue
        spoilt(pack, {name: whole[name] for name in changed}, how)
        rebagged(pack)
        checked = verified(pack, trust)
        put(pack, whole)
        assert checked.verdict.outcome is not Outcome.INTACT, kind
        subjects = {each.subject for each in checked.verdict.problems}
        untold = {name for name in changed if not is_told(name, subjects)}
        assert len(those) == 1 or not untold, (kind, untold)


def test_what_nobody_signed_is_said_to_be_the_exporters_word(pack: Path, trust: Anchors) -> None:
    for name in (layout.GUIDE, layout.VERIFIER):
        (pack / name).write_bytes(b"anything")
    rebagged(pack)
    checked = verified(pack, trust)
    assert checked.verdict.outcome is Outcome.INTACT
    assert any("the exporter's own words" in note for note in checked.notes)


def _at_the_clips(report: dict[str, Any]) -> None:
    report["clips"][0]["officer"] = "somebody else"


def _in_the_story(report: dict[str, Any]) -> None:
    report["events"][-1]["text"] = "nothing happened"


def _in_the_verdict(report: dict[str, Any]) -> None:
    report["verification"]["findings"].append(
        {"step": 4, "outcome": "intact", "subject": "entry 9999", "reason": "signed"}
    )


def _without_a_finding(report: dict[str, Any]) -> None:
    findings = report["verification"]["findings"]
    findings.remove(next(each for each in findings if each["step"] == 5))


def _with_a_doubt(report: dict[str, Any]) -> None:
    report["deviations"].append("step 2, altered: dock7.0.4: the footage was edited")


def _in_its_limits(report: dict[str, Any]) -> None:
    report["not_shown"].pop()


def _in_what_is_asked(report: dict[str, Any]) -> None:
    report["export"]["reason"] = "something else"


@pytest.mark.parametrize("with_page", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        *(_at_the_clips, _in_the_story, _in_the_verdict, _without_a_finding),
        *(_with_a_doubt, _in_its_limits, _in_what_is_asked),
    ],
)
def test_a_report_that_says_other_than_the_records_is_altered(
    pack: Path, trust: Anchors, change: Callable[[dict[str, Any]], None], *, with_page: bool
) -> None:
    report = json.loads((pack / layout.REPORT).read_bytes())
    change(report)
    (pack / layout.REPORT).write_text(json.dumps(report))
    if with_page:
        (pack / layout.PAGE).write_bytes(report_page(report))
    rebagged(pack)
    checked = verified(pack, trust)
    assert checked.verdict.outcome is Outcome.ALTERED
    assert {each.subject for each in checked.verdict.problems} <= {layout.REPORT, layout.PAGE}


def test_a_page_that_is_not_of_its_report_is_altered(pack: Path, trust: Anchors) -> None:
    page = pack / layout.PAGE
    page.write_bytes(page.read_bytes().replace(b"</h1>", b"!</h1>", 1))
    rebagged(pack)
    (problem,) = verified(pack, trust).verdict.problems
    assert (problem.subject, problem.outcome) == (layout.PAGE, Outcome.ALTERED)


def test_a_report_by_another_version_is_not_compared_and_that_is_said(
    pack: Path, trust: Anchors
) -> None:
    report = json.loads((pack / layout.REPORT).read_bytes())
    report["made"]["tool"] = "evidock-gateway 99.0"
    _at_the_clips(report)
    (pack / layout.REPORT).write_text(json.dumps(report))
    rebagged(pack)
    checked = verified(pack, trust)
    assert checked.verdict.outcome is Outcome.INTACT
    assert any("evidock-gateway 99.0" in note for note in checked.notes)


def test_every_way_that_records_or_the_trust_file_need_has_to_lead_there(
    pack: Path, trust: Anchors
) -> None:
    """The others are for trust files that pin another checkpoint than this reader's."""
    path = pack / layout.CONSISTENCY
    whole = path.read_text()
    needed = named_sizes(TrailDocument.from_json((pack / layout.TRAIL).read_bytes()))
    needed |= {trust.checkpoint.size}
    for number, way in enumerate(json.loads(whole)["earlier"]):
        document = json.loads(whole)
        document["earlier"][number]["path"][0] = base64.b64encode(bytes(32)).decode()
        path.write_text(json.dumps(document))
        rebagged(pack)
        expected = Outcome.ALTERED if way["from_size"] in needed else Outcome.INTACT
        assert verified(pack, trust).verdict.outcome is expected, way["from_size"]
