"""A bay says "safe" when everything is released and was compared, and never a moment early."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import words
from edge.cameras.base import Space
from edge.inventory import Found
from edge.items import Item, Phase
from edge.roster import Roster
from edge.session import Doing
from edge.tones import Tone
from edge.words import Message
from protocols.ids import ClipId, SessionId
from protocols.kinds import Disposition
from tests.unit.edge.dockside import DOCK

SESSION = SessionId(DOCK, 0, 1)
GB = 10**9


@dataclass
class Bay:
    """What words are told of a docked camera."""

    roster: Roster = field(default_factory=Roster)
    session: SessionId | None = None
    doing: Doing = Doing.CLOSED
    refused: str = ""
    stated: bool = True
    missed: int = 0
    space: Space | None = None


def found(name: str, disposition: Disposition = Disposition.INGEST, mtime_ns: int = 1) -> Found:
    return Found(name.encode(), disposition, size=10, mtime_ns=mtime_ns, ctime_ns=1)


def rostered(*phases: Phase) -> Roster:
    """A card with a file in each of these phases, brought there as a session does."""
    roster = Roster()
    names = [f"{number}.mp4" for number in range(len(phases))]
    settled = {
        name.encode()
        for name, phase in zip(names, phases, strict=True)
        if phase is not Phase.GROWING
    }
    roster.look([found(name) for name in names], settled)
    for number, (item, phase) in enumerate(zip(list(roster), phases, strict=True)):
        bring(roster, item, phase, ClipId(DOCK, 0, number + 10))
    return roster


def bring(roster: Roster, item: Item, phase: Phase, clip: ClipId) -> None:
    match phase:
        case Phase.GROWING | Phase.SETTLED:
            return
        case Phase.WAITING:
            roster.wait(item)
        case Phase.COPYING:
            roster.copying(item)
        case Phase.FINISHING:
            roster.finishing(item)
        case Phase.KNOWN:
            roster.resolve(item, clip, released=True)
        case Phase.SEALED:
            roster.sealed(item, clip)
        case Phase.LEFT:
            roster.leave(item, "unreadable", "bad sectors")
        case _:
            roster.sealed(item, clip)
            roster.release(clip)
            if phase is Phase.ERASED:
                roster.erased(item)


def said(bay: Bay, **more: float | None) -> Message:
    told: dict[str, float | int | None] = {"away_s": None, "battery": None, **more}
    battery = told["battery"]
    return words.message(
        bay, full=False, away_s=told["away_s"], battery=None if battery is None else int(battery)
    )


@pytest.mark.parametrize(
    ("phase", "code", "tone"),
    [
        (Phase.GROWING, "copying", Tone.BUSY),
        (Phase.SETTLED, "copying", Tone.BUSY),
        (Phase.WAITING, "copying", Tone.BUSY),
        (Phase.COPYING, "copying", Tone.BUSY),
        (Phase.FINISHING, "copying", Tone.BUSY),
        (Phase.KNOWN, "checking", Tone.BUSY),
        (Phase.SEALED, "copied", Tone.WAITING),
        (Phase.LEFT, "attention", Tone.ATTENTION),
        (Phase.RELEASED, "safe", Tone.READY),
        (Phase.ERASED, "safe", Tone.READY),
    ],
)
def test_one_file_that_is_not_done_decides_what_the_bay_says(
    phase: Phase, code: str, tone: Tone
) -> None:
    for others in ((), (Phase.RELEASED,), (Phase.ERASED, Phase.RELEASED)):
        told = said(Bay(rostered(*others, phase)))
        assert (told.code, told.tone) == (code, tone)


def test_released_is_not_safe_while_the_session_is_open_or_erasing() -> None:
    roster = rostered(Phase.RELEASED)
    assert said(Bay(roster, SESSION, Doing.WAITING)) == words.COPIED
    assert said(Bay(roster, SESSION, Doing.ERASING)) == words.ERASING
    assert said(Bay(roster)) == words.KEPT
    assert said(Bay(rostered(Phase.ERASED))) == words.SAFE


def test_an_empty_disk_is_not_called_ready_before_its_docking_is_on_record() -> None:
    roster = rostered()
    assert said(Bay(roster, doing=Doing.LOOKING, stated=False)) == words.LOOKING
    assert said(Bay(roster, doing=Doing.LOOKING)) == words.EMPTY
    assert said(Bay(roster, SESSION, Doing.READING)) == words.COPIED


@pytest.mark.parametrize("phases", [(), (Phase.RELEASED,), (Phase.ERASED,)])
def test_a_card_that_lost_recordings_is_never_called_safe(phases: tuple[Phase, ...]) -> None:
    assert not said(Bay(rostered(*phases), doing=Doing.LOOKING, missed=2)).safe
    told = said(Bay(rostered(*phases), missed=2))
    assert (told.code, told.safe, told.tone, told.count) == ("missing", False, Tone.ATTENTION, 2)
    assert "2 recordings" in told.en
    assert "1 recording " in said(Bay(rostered(*phases), missed=1)).en
    assert said(Bay(rostered(*phases, Phase.COPYING), missed=2)) == words.COPYING


def test_a_camera_that_is_refused_is_never_safe_whatever_is_on_it() -> None:
    for phases in ((), (Phase.RELEASED,), (Phase.ERASED,)):
        told = said(Bay(rostered(*phases), refused="it is reported lost"))
        assert (told.code, told.safe, told.tone) == ("refused", False, Tone.ATTENTION)


def test_a_recording_replaced_before_it_was_read_is_not_forgotten() -> None:
    roster = rostered(Phase.WAITING)
    roster.look([found("0.mp4", mtime_ns=2)], {b"0.mp4"})
    (item,) = roster
    clip = ClipId(DOCK, 0, 10)
    roster.sealed(item, clip)
    roster.release(clip)
    told = said(Bay(roster))
    assert (told.code, told.count) == ("attention", 1)
    assert "1 recording could" in told.en


def test_a_known_recording_that_left_before_it_was_compared_is_not_called_safe() -> None:
    roster = rostered(Phase.KNOWN)
    roster.look([], set())
    assert said(Bay(roster)).code == "attention"


def test_a_full_dock_calls_for_somebody() -> None:
    told = words.message(Bay(rostered(Phase.WAITING)), full=True)
    assert (told, told.tone) == (words.FULL, Tone.ATTENTION)


def test_a_gateway_that_is_away_is_said_while_a_camera_waits_for_it_and_is_not_safe() -> None:
    waits = Bay(rostered(Phase.SEALED), SESSION, Doing.WAITING)
    assert words.away_s(None, 30.0) is None
    assert words.away_s(20.0, 9e9) is None
    away = words.away_s(None, 725.0)
    assert away == 725.0
    told = said(waits, away_s=away)
    assert (told.code, told.safe, told.tone) == ("offline", False, Tone.WAITING)
    assert "12 min" in told.en
    assert "12 分钟" in told.zh
    assert "3 h" in said(waits, away_s=3 * 3600 + 5).en
    # Where nothing waits for it, it is nobody's concern at the bay.
    assert said(Bay(rostered(Phase.RELEASED)), away_s=away) == words.KEPT
    assert said(Bay(rostered(Phase.COPYING), SESSION), away_s=away) == words.COPYING


@pytest.mark.parametrize(
    ("space", "en"),
    [
        (Space(100 * GB, 3 * GB), "safe; the card is 97 % full, 3 GB left"),
        (Space(100 * GB, 10 * GB - 1), "safe; the card is 90 % full, 10 GB left"),
        (Space(256 * 10**6, 5 * 10**6), "safe; the card is 98 % full, 5 MB left"),
        (Space(100 * GB, 1), "safe; the card is 99 % full, 0 MB left"),
        (Space(100 * GB, 0), "safe; the card is 100 % full, 0 MB left"),
    ],
)
def test_a_card_with_little_room_is_safe_and_not_ready_for_a_shift(space: Space, en: str) -> None:
    told = said(Bay(rostered(Phase.RELEASED), space=space))
    assert (told.code, told.safe, told.tone, told.en) == ("low", True, Tone.READY, en)
    assert "ready" not in told.en


def test_a_card_with_room_says_nothing_of_it_nor_does_one_that_is_not_safe() -> None:
    assert said(Bay(rostered(Phase.ERASED), space=Space(100 * GB, 10 * GB))) == words.SAFE
    assert said(Bay(rostered(Phase.SEALED), space=Space(100, 0))) == words.COPIED


def test_the_battery_is_said_and_never_asked_for() -> None:
    safe, waits = Bay(rostered(Phase.ERASED)), Bay(rostered(Phase.SEALED))
    assert said(safe, battery=43).en == "safe; ready for the next shift; battery 43 %"
    assert said(safe, battery=100).zh == "已安全入库，可以取走；电量已满"
    assert not said(waits, battery=100).safe
    assert said(Bay(rostered(Phase.COPYING)), battery=43) == words.COPYING


def test_every_state_has_both_languages_and_a_tone_that_fits() -> None:
    told = [each for each in vars(words).values() if isinstance(each, Message)]
    assert len(told) > 9
    for each in told:
        assert each.en
        assert each.zh
        assert each.safe == (each.tone is Tone.READY)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("look", "appear", "vanish", "replace", "resolve", "wait", "copying", "finishing"),
                *("sealed", "equal", "release", "erased", "leave", "lost", "differs", "relist"),
                *("keep", "reconsider", "defer"),
            ]
        ),
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=40,
)
PHASES = st.lists(
    st.sampled_from([p for p in Phase if p not in {Phase.ASIDE, Phase.UNREADABLE}]), max_size=5
)


class Played:
    """A roster that random things happen to, as far as a session could let them happen."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._clips = count(100)
        self._times = count(5)
        self._card = {item.found.path: item.found for item in roster if not item.gone}

    def act(self, what: str, number: int, flag: bool) -> None:  # noqa: FBT001, PLR0912, C901  # drawn; a table of acts
        items = list(self.roster)
        name = f"{number}.mp4"
        if what == "vanish":
            self._card.pop(name.encode(), None)
        if what in {"appear", "replace"}:
            self._card[name.encode()] = found(name, mtime_ns=next(self._times))
        if what in {"look", "appear", "vanish", "replace"}:
            self.roster.look(list(self._card.values()), set(self._card) if flag else set())
            return
        if what == "relist":
            self.roster.relist()
        if what == "reconsider":
            self.roster.reconsider()
        if not items:
            return
        item = items[number % len(items)]
        match what, item.phase:
            case "resolve", Phase.SETTLED:
                clip = ClipId(DOCK, 0, next(self._clips))
                self.roster.resolve(item, clip if number else None, released=flag)
            case "copying", Phase.WAITING:
                self.roster.copying(item)
            case "finishing", Phase.COPYING:
                self.roster.finishing(item)
            case "sealed", Phase.FINISHING:
                self.roster.sealed(item, ClipId(DOCK, 0, next(self._clips)))
            case "equal", Phase.KNOWN:
                self.roster.equal(item)
            case "defer", Phase.KNOWN if item.released:
                self.roster.defer(item)
            case "keep", Phase.RELEASED if not item.gone:
                self.roster.keep(item, "a rule")
            case "differs", Phase.KNOWN | Phase.RELEASED if not item.gone:
                self.roster.differs(item)
            case "erased", Phase.RELEASED if not item.gone:
                self.roster.erased(item)
            case "leave", Phase.WAITING | Phase.COPYING | Phase.KNOWN:
                self.roster.leave(item, "unreadable", "bad")
            case (("release" | "lost"), _) if item.clip is not None:
                (self.roster.release if what == "release" else self.roster.lost)(item.clip)
            case _:
                pass


@given(
    phases=PHASES,
    acts=ACTS,
    doing=st.sampled_from(Doing),
    opened=st.booleans(),
    full=st.booleans(),
    away_s=st.sampled_from([None, 200.0]),
    battery=st.sampled_from([None, 7, 100]),
    space=st.sampled_from([None, Space(100, 1), Space(100, 90)]),
    stated=st.booleans(),
    missed=st.sampled_from([0, 0, 3]),
)
def test_safe_means_released_and_compared_whatever_happened(
    *,
    phases: list[Phase],
    acts: list[tuple[str, int, bool]],
    doing: Doing,
    opened: bool,
    full: bool,
    away_s: float | None,
    battery: int | None,
    space: Space | None,
    stated: bool,
    missed: int,
) -> None:
    played = Played(rostered(*phases))
    for act in acts:
        played.act(*act)
    roster = played.roster
    bay = Bay(roster, SESSION if opened else None, doing, stated=stated, missed=missed, space=space)
    told = words.message(bay, full=full, away_s=away_s, battery=battery)
    assert told.safe == (told.tone is Tone.READY)
    if told.safe:
        assert not opened
        assert not missed
        assert stated or doing is not Doing.LOOKING
        for item in (*roster._past, *roster):
            compared = item.phase is Phase.RELEASED and item.compared and item.released
            assert item.phase in {Phase.ERASED, Phase.ASIDE} or compared
        assert not roster.leftovers()
