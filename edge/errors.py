"""What the dock's program raises on purpose, split by what the caller can do.

::

    EdgeError
     ├ ConfigError        the operator must correct the configuration
     ├ KeyFileError       the operator must correct a key file, or what its token is asked for
     │  └ PinRefused      the token refuses its PIN: another try may lock it
     ├ TokenAway          the key's token is not there: put it back, start again
     ├ NotAllowed         this user may not: run it as the dock's user
     ├ LedgerError        the database did not do it; nothing was committed
     │  ├ LedgerDamaged   the ledger is not what this dock signed: stop, call the operator
     │  ├ KeyAway         the statement key cannot sign now: its token was pulled or fails
     │  ├ LedgerEmpty     it holds nothing yet
     │  ├ NoSuchSession   no docking of this dock has this name
     │  ├ NoSuchClip      no clip of this dock has this name
     │  └ NoSuchChoice    a code that is in no list this dock showed
     ├ EnrolmentRefused   the gateway will not, or is not believed: stop, call the operator
     ├ EnrolmentLater     nobody answers, or it asks for patience: the same again may work
     ├ SpoolFull          wait for room; the camera keeps its recording
     ├ SpoolDamaged       the spool's disk did not keep what was written: copy again
     ├ MounterError       the mount helper's side; the card stays as it is
     │  ├ NoMounter       none is configured, none answers, or the mount is not one of its own
     │  └ MountRefused    it would not: the card is in use, write-protected or gone
     ├ TooFast            more was said at the screen than people say; wait
     ├ ImportRefused      what somebody brings is not to be imported; its text says why
     ├ PowerRefused       a bay's power is not to be taken now; its text says why
     ├ SpoolForeign       the spool is not this ledger's: mount its disk, or accept the loss
     └ CameraError        the camera's side
        ├ CameraGone      the whole card stopped answering: the session is over
        ├ Unreadable      this recording cannot be read, the card still answers
        ├ Vanished        this recording is no longer there
        ├ Unsynced        this recording was unlinked; the card does not say that it lasts
        └ Changed         this recording is not the one that was seen before: look again

``camera_error`` sorts the operating system's errors into the last branch, in one place,
so that copying and erasing cannot disagree about when a camera has left.

Each carries a stable ``code`` beside its sentence, for a screen that speaks other languages.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from edge.codes import Declined, Stays


class EdgeError(Exception):
    """Base of everything this package raises on purpose.

    Attributes:
        declined: what a screen is told when this keeps the dock from answering it.
    """

    declined: ClassVar[Declined] = Declined.FAILED


class ConfigError(EdgeError):
    """The configuration cannot be used."""


class KeyFileError(EdgeError):
    """A key file is missing, unsafe or not a key."""


class PinRefused(KeyFileError):  # noqa: N818 -- a state, not a mistake
    """The statement key's token refuses its PIN; it is not tried again by itself."""


class TokenAway(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The statement key's token is not there, or does not answer."""


class NotAllowed(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The operating system keeps this user from what was asked for."""

    declined = Declined.NOT_ALLOWED


def not_allowed(path: Path) -> str:
    """What to tell a user who may not reach one of the dock's files."""
    return (
        f"you may not reach {path}; run it as the dock's user: "
        "sudo -u evidock evidock-edge COMMAND --config FILE"
    )


class EnrolmentRefused(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The gateway refuses, or what it says is not believed.

    Attributes:
        problem: its code, or one of ours: ``pin``, ``server``, ``answer``.
    """

    def __init__(self, problem: str, text: str) -> None:
        super().__init__(text)
        self.problem = problem


class EnrolmentLater(EdgeError):  # noqa: N818 -- a state, not a mistake
    """Nobody answers at the gateway's enrolment, or it is not the time.

    Attributes:
        wait_s: seconds it asked to wait; None where it did not say.
    """

    def __init__(self, text: str, wait_s: int | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class LedgerError(EdgeError):
    """The ledger's database refused; nothing was committed."""

    declined = Declined.LEDGER


class LedgerDamaged(LedgerError):  # noqa: N818 -- says what is so, like its siblings
    """The ledger's content does not hold; the message names the first break."""

    declined = Declined.LEDGER_DAMAGED


class KeyAway(LedgerError):  # noqa: N818 -- a state, not a mistake
    """The statement key cannot sign now; nothing was committed, everything stays due."""

    declined = Declined.KEY_AWAY


class LedgerEmpty(LedgerError):  # noqa: N818 -- a state, not a mistake
    """The ledger holds no entry yet."""

    declined = Declined.LEDGER_EMPTY


class NoSuchSession(LedgerError):  # noqa: N818 -- a state, not a mistake
    """No docking of this dock has this name."""

    declined = Declined.NO_SESSION


class NoSuchClip(LedgerError):  # noqa: N818 -- a state, not a mistake
    """No clip of this dock has this name."""

    declined = Declined.NO_CLIP


class NoSuchChoice(LedgerError):  # noqa: N818 -- a state, not a mistake
    """A case category or a reason that no list of this dock holds."""

    declined = Declined.NO_CHOICE


class SpoolFull(EdgeError):  # noqa: N818 -- a state, not a mistake
    """There is no room for this recording now."""


class SpoolDamaged(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The spool lost or altered bytes, or its disk fails."""


class ImportRefused(EdgeError):  # noqa: N818 -- a state, not a mistake
    """What somebody brings by hand is not to be imported: not there, the dock's own, docked."""


class SpoolForeign(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The spool found at a start is not the one this ledger's clips are in."""


class MounterError(EdgeError):
    """Something on the mount helper's side; the card is as it was.

    Attributes:
        stays: why, as a stable word; of a newer helper it may be one that is not known here.
    """

    def __init__(self, text: str, stays: str = Stays.REFUSED) -> None:
        super().__init__(text)
        self.stays = stays


class NoMounter(MounterError):  # noqa: N818 -- a state, not a mistake
    """No mount helper has this card: it is what it is, read-only for one."""

    def __init__(self, text: str, stays: str = Stays.NO_HELPER) -> None:
        super().__init__(text, stays)


class MountRefused(MounterError):  # noqa: N818 -- a state, not a mistake
    """The mount helper did not do it; its text says why."""


class TooFast(EdgeError):  # noqa: N818 -- a state, not a mistake
    """More was said at the screen than people say in that time; nothing was taken."""

    declined = Declined.TOO_FAST

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too much was said at once; try again in {wait_s} s")
        self.wait_s = wait_s


class PowerRefused(EdgeError):  # noqa: N818 -- a state, not a mistake
    """The power of a bay is not taken away now."""


class CameraError(EdgeError):
    """Something on the camera's side."""


class CameraGone(CameraError):  # noqa: N818 -- a state, not a mistake
    """The whole card stopped answering."""


class Unreadable(CameraError):  # noqa: N818 -- a state, not a mistake
    """One recording cannot be read while its card still answers."""


class Vanished(CameraError):  # noqa: N818 -- a state, not a mistake
    """One recording is no longer there."""


class Unsynced(CameraError):  # noqa: N818 -- a state, not a mistake
    """One recording was unlinked, and the card did not confirm that this outlasts a cut."""


class Changed(CameraError):  # noqa: N818 -- a state, not a mistake
    """One recording differs from what was seen before it was read."""


# A yanked card says EIO on read (USB), ENOTCONN (FUSE) or one of these; ENOENT, EIO and
# ESTALE (a network share) may also concern one file alone, so there the card itself is asked.
CARD_GONE = frozenset({errno.ENODEV, errno.ENOTCONN, errno.ENXIO, errno.ESHUTDOWN, errno.ENOMEDIUM})
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})


def camera_error(error: OSError, what: str, *, alive: Callable[[], bool]) -> CameraError:
    """Sort an operating system error met on a card.

    Args:
        error: as raised.
        what: what was being done, for the message, for example ``reading DCIM/1.MP4``.
        alive: whether the card's root still answers.

    Returns:
        The exception to raise from ``error``.
    """
    text = f"{what}: {error.strerror or error}"
    if error.errno in CARD_GONE or not alive():
        return CameraGone(text)
    if error.errno in _ABSENT:
        return Vanished(text)
    if error.errno == errno.ELOOP:
        return Changed(f"{what}: a symbolic link took the recording's place")
    return Unreadable(text)
