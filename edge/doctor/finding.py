"""One line of the doctor's page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from edge.config import Config


class State(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNSEEN = "unseen"


STATE_ZH: Final = {
    State.OK: "正常",
    State.WARNING: "注意",
    State.WRONG: "错误",
    State.UNSEEN: "未知",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do.

    Attributes:
        about: stable word for programs, such as ``ledger``.
        en: what is so; ``zh`` likewise. Names, numbers and reasons stand in both.
        do_en: what to do; empty where there is nothing to do.
    """

    about: str
    state: State
    en: str
    zh: str
    do_en: str = ""
    do_zh: str = ""

    def line(self, language: str) -> str:
        """For people, with what to do on a line of its own."""
        zh = language == "zh"
        state = STATE_ZH[self.state] if zh else self.state.value
        what, do = (self.zh, self.do_zh) if zh else (self.en, self.do_en)
        return f"{state:<8}{self.about:<12}{what}" + (f"\n{'':20}→ {do}" if do else "")


def ok(about: str, en: str, zh: str) -> Finding:
    """Nothing to do."""
    return Finding(about, State.OK, en, zh)


_RIGHTS: Final = "run it as root, or as the dock's user", "请以 root 或采集站用户运行"


def unseen(about: str, why: object, do: tuple[str, str] = _RIGHTS) -> Finding:
    """What this user, on this system, could not look at; ``do``: what may help, or nothing."""
    said = f"could not be seen: {why}", f"无法查看：{why}"
    return Finding(about, State.UNSEEN, *said, *do)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the system tells of itself."""

    mounts: Path = Path("/proc/self/mountinfo")
    sys: Path = Path("/sys")
    run: Path = Path("/run")
    journal: Path = Path("/var/log/journal")
    credentials: tuple[Path, ...] = (Path("/etc/credstore.encrypted"), Path("/etc/credstore"))


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at: a dock's settings and its machine."""

    config: Config
    places: Places = Places()
