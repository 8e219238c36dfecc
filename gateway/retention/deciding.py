"""How long a clip is kept, from what is known of it: a day or *never*, with every reason.

The longest of everything that keeps it counts. What is not known keeps it for ever: a clip that
nobody classified, a case that has not said when it was closed, a gateway without rules. Nothing
here reads a clock or a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.retention.months import over_after
from gateway.retention.pack import Item, RulePack


@dataclass(frozen=True, slots=True)
class CaseKnown:
    """A case that a clip is linked to now.

    Attributes:
        category: of the case; where it had several, each comes as one of these.
        closed: when its file was closed; None when the case does not say.
        former: the category is one that it has no more.
    """

    case_no: str
    category: str | None
    closed: datetime | None
    former: bool = False


@dataclass(frozen=True, slots=True)
class HoldKnown:
    """A hold in force over a clip."""

    hold: str
    authority: str
    document: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a clip.

    Attributes:
        since: a moment at which it certainly was there already to be kept; None when its bytes
            are not in the store.
        tags: every category that anybody ever gave it: a wrong one must not end it early.
        marked: the officer marked it on the camera, or somebody here as important.
        exported: when it was last handed out.
    """

    since: datetime | None
    marked: bool = False
    tags: frozenset[str] = frozenset()
    cases: tuple[CaseKnown, ...] = ()
    holds: tuple[HoldKnown, ...] = ()
    exported: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a clip.

    Attributes:
        code: for programs. until: when it keeps it no longer; None for never.
        zh, en: for people.
    """

    code: str
    until: datetime | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How long a clip is kept.

    Attributes:
        expires: the first moment at which nothing keeps it; None for never.
        reasons: all that keeps it, in the order in which it was asked.
        last_day: the last on which something does, of the rules' zone; None for never.
    """

    expires: datetime | None
    reasons: tuple[Reason, ...]
    last_day: date | None = None

    def keeping(self, now: datetime) -> tuple[Reason, ...]:
        """What keeps it at this moment."""
        return tuple(each for each in self.reasons if each.until is None or each.until > now)

    def is_over(self, now: datetime) -> bool:
        """Whether nothing keeps it."""
        return self.expires is not None and self.expires <= now


def decide(known: Known, pack: RulePack | None) -> Decision:
    """Apply rules to what is known.

    Args:
        known: of the clip.
        pack: the rules in force; None when there are none.
    """
    reasons = tuple(_reasons(known, pack))
    ends = [each.until for each in reasons]
    if pack is None or not ends or None in ends:
        return Decision(None, reasons)
    over = max(end for end in ends if end is not None)
    return Decision(over, reasons, _last_day(over, pack))


def _reasons(known: Known, pack: RulePack | None) -> Iterator[Reason]:
    for hold in known.holds:
        order = f"{hold.authority} {hold.document or ''}".strip()
        yield Reason("hold", None, f"已冻结：{order}", f"held for {order}")
    if known.since is None:
        yield Reason("not-stored", None, "内容不在库内", "its bytes are not in the store")
    elif pack is None:
        yield Reason("no-rules", None, "尚未启用保存规则", "no rule pack was adopted")
    else:
        yield from _by_rules(known, known.since, pack)


def _by_rules(known: Known, since: datetime, pack: RulePack) -> Iterator[Reason]:
    floor = pack.floor_months
    yield _months("floor", since, floor, pack, f"不少于{floor}个月", f"{floor} months at least")
    items = [item for item in pack.item if _applies(item, known)]
    for item in items:
        yield from _by_item(item, known, since, pack)
    for case in known.cases:
        yield _by_case(case, pack)
    if not known.cases and not any(item.when.classifies for item in items):
        yield _unclassified(known)
    if known.exported is not None and pack.export_days:
        days = pack.export_days
        until = known.exported + timedelta(days=days)
        zh, en = f"导出后保留{days}天", f"{days} days after it was handed out"
        yield Reason("exported", until, zh, en)


def _applies(item: Item, known: Known) -> bool:
    when, categories = item.when, {case.category for case in known.cases}
    return (
        (when.tag is None or not known.tags.isdisjoint(when.tag))
        and (when.case_category is None or not categories.isdisjoint(when.case_category))
        and (when.marked is None or known.marked)
    )


def _by_item(item: Item, known: Known, since: datetime, pack: RulePack) -> Iterator[Reason]:
    code, what = f"rule:{item.id}", f"{item.category} · {item.matter}"
    match item.keep:
        case "permanent":
            yield Reason(code, None, f"{what}：永久保存", f"{what}: for ever")
        case "same-as-case":
            if not known.cases:
                zh = f"{what}：同案卷，但未关联案件"
                yield Reason(code, None, zh, f"{what}: as its case, and it is linked to none")
        case int() as months:
            zh, en = f"{what}：{months}个月", f"{what}: {months} months"
            yield _months(code, since, months, pack, zh, en)


def _by_case(case: CaseKnown, pack: RulePack) -> Reason:
    code, file = f"case:{case.case_no}", pack.file_of(case.category)
    zh, en = f"案件 {case.case_no}", f"case {case.case_no}"
    if case.former and case.category is not None:
        zh, en = f"{zh}（曾归类：{case.category}）", f"{en}, once of category {case.category}"
    if file is None:
        return Reason(code, None, f"{zh}：规则未规定其案卷期限", f"{en}: no rule for its file")
    if file.keep == "permanent":
        return Reason(code, None, f"{zh}：案卷永久保存", f"{en}: its file is kept for ever")
    if case.closed is None:
        return Reason(code, None, f"{zh}：尚未结案归档", f"{en}: its file is not closed")
    zh, en = f"{zh}：归档后{file.keep}个月", f"{en}: {file.keep} months after it was closed"
    return _months(code, case.closed, file.keep, pack, zh, en)


def _unclassified(known: Known) -> Reason:
    if known.marked:
        zh, en = "重点标记，尚未分类", "marked as important, and nobody has classified it"
        return Reason("marked-unclassified", None, zh, en)
    return Reason("unclassified", None, "尚未分类", "nobody has said what it shows")


def _months(  # the parts of one line
    code: str, since: datetime, months: int, pack: RulePack, zh: str, en: str
) -> Reason:
    try:
        until = over_after(since, months, pack.days)
    except OverflowError:
        return Reason(code, None, f"{zh}，超出日历", f"{en}, beyond the calendar")
    last = _last_day(until, pack)
    return Reason(code, until, f"{zh}，至 {last}", f"{en}, to the end of {last}")


def _last_day(until: datetime, pack: RulePack) -> date:
    return (until.astimezone(pack.days) - timedelta(microseconds=1)).date()
