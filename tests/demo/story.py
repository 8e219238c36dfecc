"""The life of a clip, told step by step with the real programs; each step is checked.

Used by `make demo`, and by the end-to-end tests with any set of files. A step that does not
turn out as it says raises `StoryError`, so the last line is only ever reached honestly.
"""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.demo.cards import CameraCard, left_on, sha256_of
from tests.demo.programs import must, run, script
from tests.demo.screen import WIDTH, Screen, bar, pad, shortened, size
from tests.demo.station import BAY, DOCK, Json, Station
from tests.demo.tamper import copy_ledger, drop_entry, one_bit_flipped
from tests.demo.wired import Wired

CASE_NO = "云商执〔2026〕17号"
HANDLER = "case handler Li"
OFFICER = "王警官"
ALTERED, INCOMPLETE = 10, 11
STALLED_S = 120
EVERY_S = 0.5


class StoryError(Exception):
    """Something did not happen as promised; the text says what."""


@dataclass
class Story:
    """One run over one card.

    Attributes:
        station: gateway and dock, not started yet.
        card: what the officer brings.
        screen: where it is told.
        wired: badge reader, lamps and the camera's control line, if the dock has some.
    """

    station: Station
    card: CameraCard
    screen: Screen
    wired: Wired | None = None

    def tell(self) -> None:
        """Everything from an empty folder to two caught crimes.

        Raises:
            StoryError: something did not turn out as promised.
            ProgramError: a program failed.
        """
        self.open_gateway()
        self.enrol_dock()
        self.open_case()
        if self.wired is not None:
            self.tap_badge(self.wired)
        self.dock_camera()
        if self.wired is not None:
            self.read_claims(self.wired)
        clips = self.check_clips()
        self.link(clips)
        self.read_trail()
        self.hand_out()
        self.alter_object(clips)
        self.drop_entry(clips)

    # --- setting up ---------------------------------------------------------------

    def open_gateway(self) -> None:
        """The gateway starts and opens its log."""
        self.screen.step(
            "A gateway starts",
            "It stores footage and keeps one append-only log of everything that was signed. "
            "Entry 0 of that log names its keys, so nobody can swap them later.",
        )
        self.screen.ran("evidock-gateway serve --config gateway.toml")
        self.station.start_gateway()
        broker = "Mosquitto" if self.station.broker else "embedded"
        self.screen.good(
            f"API at {self.station.api}, MQTT broker ({broker}) at port {self.station.mqtt_port}"
        )

    def enrol_dock(self) -> None:
        """Dock and gateway exchange public keys; the dock starts."""
        self.screen.step(
            "A dock is enrolled",
            "It makes its own key, which never leaves it. The exchange of public keys is all "
            "the trust there is: everything later is checked against it.",
        )
        self.screen.ran("evidock-edge keygen --out statement.pem > statement.pub.pem")
        self.screen.ran(f"evidock-gateway enrol {DOCK} --key statement.pub.pem --out trust.json")
        self.station.enrol()
        self.screen.ran("evidock-edge run --config edge.toml")
        self.station.start_dock()
        self.screen.good(f"{DOCK} is enrolled on the log, runs, and holds the gateway's keys")

    def open_case(self) -> None:
        """The case system opens a case."""
        self.screen.step(
            "A case is opened",
            "Case numbers are data, whatever they look like; statements only carry an opaque name.",
        )
        case = {"case_no": CASE_NO, "title": "Street inspection", "by": HANDLER}
        told = self.station.post("/cases", case)
        self.screen.good(f"case {told['case_no']}, log entry {told['opened_index']}")

    # --- the life of the clips ----------------------------------------------------

    def tap_badge(self, wired: Wired) -> None:
        """The officer holds a badge to the reader, and a bay lights up."""
        self.screen.step(
            "An officer taps a badge, and a bay lights up",
            "Reader, lamps and the camera's control line are simulators on pseudo-terminals here; "
            "what reads them is what reads the real ones.",
        )
        self.station.dock.wait_until(self._plugged, "the badge reader and the lamps", 60)
        wired.tap()
        self.station.dock.wait_until(lambda: wired.invites or None, "a lamp that invites", 60)
        self.screen.good(f"badge {wired.officer} read; the lamp at {BAY} is lit")
        wired.dock()
        self.station.dock.wait_until(lambda: wired.disk or None, "the question for its disk", 60)
        self.screen.good("the camera told its number and its clock, and is asked for its disk")

    def _plugged(self) -> bool | None:
        told = self.station.status_or_none()
        devices = told["serial"] if told else []
        # The camera's control line comes with the camera.
        there = [device for device in devices if device["connected"]]
        return True if len(there) >= len(devices) - 1 > 0 else None

    def read_claims(self, wired: Wired) -> None:
        """Who docked it, and how wrong the camera's clock was."""
        self.station.dock.wait_until(lambda: wired.ready or None, "the lamp that says so", 60)
        self.screen.good(f'the lamp at {BAY} that means "take it" is lit')
        clip = min(self.station.clips(), key=lambda one: str(one["name"]))
        clock = clip["camera_clock"]
        made = clock["interval"]
        self._expect("earliest" in made, f"the camera's clock was not measured: {clock}")
        self.screen.say(f"{clip['name']}")
        self.screen.say(f"the camera's clock said {clock['started']}; by what was measured, made")
        self.screen.say(f"between {made['earliest']} and {made['latest']}, on this basis:")
        self.screen.say(textwrap.fill(made["basis"], WIDTH - 3))

    def dock_camera(self) -> None:
        """The officer docks the camera; everything is copied, sealed, stored, released, erased."""
        self.screen.step(
            "An officer docks a camera at the end of the shift",
            "The dock signs a list of everything on the card, copies and hashes each recording, "
            "reads its copy back, signs it into its ledger. The gateway pulls it, checks every "
            "mebibyte, stores it, reads it back from disk, and signs a release. Only then does "
            "the dock compare the card once more and erase.",
        )
        recordings = self.card.recordings
        self.screen.say(f"on the card: {len(recordings)} recordings, {size(self.card.size)}")
        began = time.monotonic()
        self.station.insert(self.card.root)
        Watch(self.station, self.screen).until_safe()
        seconds = time.monotonic() - began
        self.screen.good(f"all of it safe after {seconds:.1f} s")
        if self.station.erase:
            left = left_on(self.card, self.station.bay)
            self._expect(not left, f"still on the card: {left}")
            self.screen.good("the card holds no recording any more; what was no recording stays")

    def check_clips(self) -> list[Json]:
        """Compare what is stored with digests taken before our programs saw the card."""
        self.screen.step(
            "Byte for byte?",
            "These digests were taken from the card with hashlib before the dock ever saw it, "
            "and are compared with the objects in the gateway's store.",
        )
        clips = self.station.clips()
        by_path = {clip["path"]: clip for clip in clips}
        self._expect(
            len(clips) == len(self.card.recordings),
            f"{len(self.card.recordings)} recordings became {len(clips)} clips",
        )
        for recording in self.card.recordings:
            clip = by_path.get(recording.path)
            self._expect(clip is not None, f"{recording.path} became no clip")
            assert clip is not None
            stored = sha256_of(self.station.stored_object(clip["clip"]))
            self._expect(
                stored == recording.sha256 == clip["sha256"],
                f"{recording.path}: {recording.sha256} became {stored}",
            )
            self.screen.good(
                f"{clip['clip']:<11} {stored[:12]}…  {size(recording.size):>8}  "
                f"{pad(clip['name'], 47)} {_remark(clip)}".rstrip()
            )
        return clips

    def link(self, clips: list[Json]) -> None:
        """The officer names the case at the dock, and the gateway ties every clip to it."""
        self.screen.step(
            "The officer names the case at the dock",
            "On its screen, or as here in a shell. The dock signs what the officer says, the "
            "gateway links the clips and states in whose name; a link can be withdrawn, but "
            "never made unseen.",
        )
        for session in sorted({clip["session"] for clip in clips}):
            said = ("tag", "--session", session, "--case-no", CASE_NO, "--officer", OFFICER)
            self.screen.ran("evidock-edge", *said)
            must(script("evidock-edge"), *said, "--config", self.station.dock_config)
        self.station.gateway.wait_until(lambda: self._linked(len(clips)), "links to the case", 120)
        self.screen.good(f"{len(clips)} clips linked to {CASE_NO} by {OFFICER}")

    def _linked(self, count: int) -> bool | None:
        """True once so many clips are linked to the case, each by the officer's tag."""
        links = self.station.get(self.station.case_path(CASE_NO))["links"]
        by_tag = [link for link in links if (link["how"], link["by"]) == ("officer-tag", OFFICER)]
        return True if len(by_tag) == count == len(links) else None

    def read_trail(self) -> None:
        """Print and verify the case's trail, contents included."""
        self.screen.step(
            "The whole trail, checked backwards",
            "Every statement from the case to the bay the camera stood in: signatures, chains "
            "without a gap, inclusion in the log, the footage itself, read again and hashed, and "
            "the whole log, to see that the trail leaves nothing out. It trusts the keys exchanged "
            "in step 2 and nothing else.",
        )
        code, text = self.verify_trail()
        self._expect(code == 0, f"the trail does not verify (exit code {code})\n{text}")
        self.screen.say("\n".join(shortened(line) for line in text.splitlines()))
        self.screen.say("(lines shortened)")
        self.screen.good("the trail is intact (exit code 0)")

    def verify_trail(self) -> tuple[int, str]:
        """Run the verifier; its exit code and what it printed."""
        words = ["trail", CASE_NO, "--api", self.station.api, "--trust", str(self.station.trust)]
        shown = ["trail", CASE_NO, "--api", self.station.api, "--trust", "trust.json"]
        checks = ["--verify", "--content", "--whole-log"]
        self.screen.ran("evidock-gateway", *shown, *checks)
        done = run(script("evidock-gateway"), *words, *checks, timeout_s=600)
        return done.returncode, (done.stdout + done.stderr).rstrip()

    def hand_out(self) -> None:
        """Make an evidence pack of the case, and check it as a stranger would."""
        self.screen.step(
            "The case is handed to a court",
            "Handing it out is a statement in the log first. The pack has the footage and "
            "everything that proves it; who gets it needs no network and none of us to check it.",
        )
        pack = self.station.root / "pack"
        words = ["export", "--case", CASE_NO, "--reason", "hearing", "--recipient", "court"]
        words += ["--by", "Li"]
        self.screen.ran("evidock-gateway", *words, "--out", "pack")
        told = must(script("evidock-gateway"), *words, "--out", pack, "--api", self.station.api)
        self._expect("intact" in told, f"the pack is not intact\n{told}")
        self.screen.ran("evidock-verify", "pack", "--trust", "trust.json")
        done = run(script("evidock-verify"), pack, "--trust", self.station.trust)
        self._expect(done.returncode == 0, f"the pack does not verify\n{done.stdout}{done.stderr}")
        self.screen.say("\n".join(shortened(line) for line in done.stdout.splitlines()))
        self.screen.good("the pack is intact (exit code 0)")

    # --- two crimes ---------------------------------------------------------------

    def alter_object(self, clips: list[Json]) -> None:
        """Flip one bit of one stored clip."""
        clip = max(clips, key=lambda one: int(one["size"]))
        stored = self.station.stored_object(clip["clip"])
        offset = clip["size"] // 2
        self.screen.step(
            "Somebody alters the footage in the store",
            f"One bit of {clip['size']} bytes of clip {clip['clip']} is flipped on disk, behind "
            "the gateway's back.",
        )
        with one_bit_flipped(stored, offset) as old:
            self.screen.say(f"byte {offset}: {old:#04x} → {old ^ 1:#04x}")
            code, text = self.verify_trail()
            self._expect(code == ALTERED, f"an altered clip gave exit code {code}\n{text}")
            named = [line.strip() for line in text.splitlines() if _blames(line, clip["clip"])]
            self._expect(bool(named), f"the verifier does not name {clip['clip']}\n{text}")
            self.screen.caught(f"{named[0]} (exit code {code})")
        code, text = self.verify_trail()
        self._expect(code == 0, f"restored, but not intact: exit code {code}\n{text}")
        self.screen.good("the bit is put back, and the trail is intact again")

    def drop_entry(self, clips: list[Json]) -> None:
        """Take one entry out of a copy of the dock's ledger."""
        victim = clips[len(clips) // 2]["clip"]
        seq = int(victim.rpartition(".")[2])
        self.screen.step(
            "Somebody makes a clip disappear from the dock's records",
            f"From a copy of the dock's ledger the entry that sealed {victim} is deleted, with "
            "every row that points to it.",
        )
        copy = self.station.root / "ledger-copy.db"
        copy_ledger(self.station.database, copy)
        code, text = self._verify_ledger(copy)
        self._expect(code == 0, f"the copy is not intact: exit code {code}\n{text}")
        self.screen.good("the copy verifies as long as nothing is missing (exit code 0)")
        drop_entry(copy, seq)
        code, text = self._verify_ledger(copy)
        self._expect(code == INCOMPLETE, f"a missing entry gave exit code {code}\n{text}")
        named = [line.strip() for line in text.splitlines() if f"seq {seq}" in line]
        self._expect(bool(named), f"the verifier does not name entry {seq}\n{text}")
        self.screen.caught(f"{named[0]} (exit code {code})")

    def _verify_ledger(self, database: Path) -> tuple[int, str]:
        key = self.station.public_key
        self.screen.ran(f"evidock-edge verify-ledger --db {database.name} --public-key {key.name}")
        done = run(script("evidock-edge"), "verify-ledger", "--db", database, "--public-key", key)
        return done.returncode, (done.stdout + done.stderr).rstrip()

    def _expect(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  # reads as a sentence
        if not holds:
            raise StoryError(otherwise)


@dataclass
class Watch:
    """Shows what the dock says until the officer may take the camera.

    Attributes:
        station: whose dock is asked.
        screen: where it is shown.
        stalled_s: how long nothing may move.
    """

    station: Station
    screen: Screen
    stalled_s: float = STALLED_S
    _said: set[str] = field(default_factory=set)
    _line: str = ""
    _lined: float = 0

    def until_safe(self) -> None:
        """Returns when the dock's screen says so and the gateway has logged all of it.

        Raises:
            StoryError: nothing moves any more, or the dock gave a recording up.
        """
        moved, before = time.monotonic(), ""
        while True:
            self.station.gateway.check()
            self.station.dock.check()
            status = self.station.status_or_none()
            if status is not None and status["bays"]:
                bay = status["bays"][0]
                self._show(bay, status["clips"])
                if bay["problems"]:
                    raise StoryError(f"the dock could not take {bay['problems']}")
                if bay["message"]["safe"] and self.station.logged(status["head"]["hash"]):
                    return
                now = f"{status['head']} {bay['counts']} {bay['bytes_done']}"
                if now != before:
                    moved, before = time.monotonic(), now
            if time.monotonic() - moved > self.stalled_s:
                raise StoryError(f"nothing moved for {self.stalled_s:g} s; the dock says {status}")
            time.sleep(0.05)

    def _show(self, bay: Json, clips: dict[str, int]) -> None:
        released, erased = clips["released"] + clips["erased"], clips["erased"]
        done, total = bay["bytes_done"], bay["bytes_total"]
        line = (
            f"{bar(done, total)} {size(done):>8} of {size(total)}  "
            f"{size(bay['rate_bytes_s']) + '/s' if bay['recordings'] else '':>10}"
            f"  sealed {sum(clips.values())}, released {released}, erased {erased}"
        )
        # Lines that stay: each new word to the officer once, and how it stands every second.
        if bay["phase"] not in self._said:
            self._said.add(bay["phase"])
            self.screen.say(f"[{bay['bay']}]  {bay['message']['en']}  {bay['message']['zh']}")
        elif line != self._line and time.monotonic() - self._lined >= EVERY_S:
            self._line, self._lined = line, time.monotonic()
            self.screen.say(line)
        copied = [one["name"].rpartition("/")[2] for one in bay["recordings"]]
        self.screen.draw(f"{line}  {' '.join(copied)}")


def _remark(clip: Json) -> str:
    """What is special about a clip, from its signed record."""
    words = ["marked by the officer"] if clip["marked"] else []
    warnings = clip["media"].get("warnings", [])
    return "; ".join(words + warnings[:1])


def _blames(line: str, clip: str) -> bool:
    return "altered:" in line and clip in line
