"""Everything of a pack, in its order, into a folder or a ZIP file.

Originals come first and the manifests last: whatever a cut leaves behind is no bag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.export.content import Content, as_json, put_evidence
from gateway.export.crew import Crew
from gateway.export.origins import Origins
from gateway.export.wording import verifier_page
from gateway.export.writing import Advance, Pack
from hashing.digest import ContentDigest
from hashing.verdict import Finding, Outcome, Verdict
from protocols.ids import ClipId
from protocols.pack import layout
from protocols.pack.export import check_export
from protocols.pack.guide import guide
from protocols.pack.page import report_page
from protocols.pack.report import Made, build_report
from protocols.policy import Policy
from protocols.shown import shown
from protocols.trail import ExpectedContent, answers_case, answers_clip


@dataclass(frozen=True, slots=True)
class Filling:
    """What a pack is filled from.

    Attributes:
        content: the dossier.
        origins: brings originals.
        advance: told how many bytes of originals are in.
        policy: which witnesses are enough for whoever exports; None asks for none.
    """

    content: Content
    origins: Origins
    advance: Advance = lambda _: None
    policy: Policy | None = None

    def fill(self, pack: Pack) -> Verdict:
        """Write all of it; returns what the exporter finds, which the pack says too."""
        content = self.content
        matched = tuple(self._originals(pack))
        reach("export.originals")
        put_evidence(pack, content)
        verdict = content.report.verdict + Verdict(matched) + _answered(content)
        acts = check_export(content.export, content.report, content.anchors.gateway)
        verdict += Verdict((*acts, *content.outside.findings(self.policy)))
        self._put_reading(pack, verdict)
        return verdict

    def _put_reading(self, pack: Pack, verdict: Verdict) -> None:
        content = self.content
        made = Made(f"evidock-gateway {version('evidock')}", GatewayClock().read())
        report = build_report(
            content.trail,
            content.report,
            content.export,
            content.outside,
            verdict,
            made,
            dict(content.missing),
        )
        pack.put(layout.REPORT, as_json(report))
        pack.put(layout.PAGE, report_page(report))
        about = shown(_about(content))
        pack.put(layout.GUIDE, guide(f"`{about.replace('`', '')}`"))
        pack.put(layout.VERIFIER, verifier_page())
        reach("export.read")
        pack.finish(
            {
                "Bag-Software-Agent": made.tool,
                "Bagging-Date": made.at.utc[:10],
                "External-Identifier": report["id"],
                "External-Description": about,
            }
        )

    def _originals(self, pack: Pack) -> Iterator[Finding]:
        missing = self.content.missing
        there = [each for each in self.content.report.contents if str(each.clip) not in missing]
        crew = Crew(min(pack.at_once, self.origins.at_once), self.advance)
        with closing(crew.run(list(self._work(pack, there)))) as digests:
            for expected in self.content.report.contents:
                name = str(expected.clip)
                if name in missing:
                    gone = expected.disposed is not None
                    outcome = Outcome.INTACT if gone else Outcome.INCOMPLETE
                    yield Finding(2, outcome, name, missing[name])
                    continue
                digest = next(digests)
                reach("export.original")
                pack.put(layout.leaf_list(expected.clip), b"".join(digest.leaves))
                found = f"{digest.size} bytes, {digest.sha256.hex()}"
                yield Finding(2, Outcome.INTACT, name, found)

    def _work(
        self, pack: Pack, contents: Iterable[ExpectedContent]
    ) -> Iterator[Callable[[Advance], ContentDigest]]:
        sealed = self.content.sealed()
        for expected in contents:
            path = layout.original(expected.clip, sealed[expected.clip].source.name)
            yield partial(pack.original, path, expected, self.origins)


def _answered(content: Content) -> Verdict:
    about = content.trail.about
    if about.case_no is not None:
        return answers_case(about.case_no, content.trail, content.report, content.anchors)
    return answers_clip(ClipId.parse(about.clip or ""), content.trail)


def _about(content: Content) -> str:
    about = content.trail.about
    return about.case_no or about.clip or content.export.about
