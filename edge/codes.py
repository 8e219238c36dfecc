"""Why the dock does not do something, as stable words: what a screen says in its own languages.

The English sentence beside each code is for logs, records and operators, and may change; a code
may not. ``edge.kiosk.reasons`` holds plain words for every one of them, which a test walks: a
code without words does not pass. Whoever hears a code it does not know shows the sentence.
"""

from __future__ import annotations

from enum import StrEnum


class Declined(StrEnum):
    """Why a question or an act of the screen's was not taken."""

    FAILED = "failed"
    """something nobody gave a word of its own"""
    NOT_UNDERSTOOD = "not-understood"
    NOT_ALLOWED = "not-allowed"
    BUSY = "busy"
    """too many ask at once"""
    TOO_FAST = "too-fast"
    """more was said of one docking, or at this dock, than people say in that time"""
    NO_ANSWER = "no-answer"
    NO_PAGE = "no-page"
    OLD_PAGE = "old-page"
    LEDGER = "ledger-refused"
    LEDGER_DAMAGED = "ledger-damaged"
    LEDGER_EMPTY = "ledger-empty"
    KEY_AWAY = "key-away"
    """the token that holds the statement key was pulled, or does not answer"""
    NO_SESSION = "no-such-session"
    NO_CLIP = "no-such-clip"
    NO_CHOICE = "no-such-choice"
    NO_CLIP_CHOSEN = "no-clip-chosen"
    NOTHING_CHOSEN = "nothing-chosen"
    TOO_MANY_CLIPS = "too-many-clips"
    TEXT_NEEDED = "text-needed"
    """a reason that has to be written in one's own words"""
    TEXT_EMPTY = "text-empty"
    TEXT_LONG = "text-long"
    TEXT_UNFIT = "text-unfit"
    """a letter that does not show, or that turns what follows around"""


class Stays(StrEnum):
    """Why nothing can be erased on a card, or it cannot be made writable."""

    REFUSED = "refused"
    """something nobody gave a word of its own"""
    PROTECTED = "write-protected"
    IN_USE = "in-use"
    TAKEN_OUT = "taken-out"
    WRITTEN = "written-by-camera"
    SILENT = "card-silent"
    NO_HELPER = "no-helper"
    HELPER_SILENT = "helper-silent"
    NOT_ALLOWED = "not-allowed"
    NOT_UNDERSTOOD = "not-understood"
    NOT_HELD = "not-held"


class Unmounted(StrEnum):
    """Why a disk that is there is not read."""

    FAILED = "failed"
    """the file system is damaged, or nobody gave it a word of its own"""
    NO_BAY = "no-bay"
    NO_FILE_SYSTEM = "no-file-system"
    OTHER_FILE_SYSTEM = "other-file-system"
    PLACE_TAKEN = "place-taken"
    TOO_MANY = "too-many"
    SILENT = "silent"
    WRITTEN = "written-by-camera"
    """its camera writes to it; it is read once that stops"""


class Unlike(StrEnum):
    """Why a USB device in a bay is not let through."""

    HARMFUL = "harmful"
    """it types, networks, prints or routes: BadUSB"""
    MTP = "mtp"
    """a camera that shows itself as MTP or PTP and not as a disk"""
    NO_DISK = "no-disk"
    SWITCHES = "switches"
    """it can become something that it does not list"""
    MALFORMED = "malformed"
    STRAY = "stray-driver"
    """a driver that is none of a camera's took it, or it became something else"""
    NO_DRIVER = "no-driver"


class Barred(StrEnum):
    """Why nothing is taken from a camera."""

    LOST = "camera-lost"
    UNKNOWN = "camera-unknown"
