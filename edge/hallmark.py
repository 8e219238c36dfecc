"""What tells one card from its likes, so that an erasure a power cut hid is not claimed falsely.

When the power goes between unlinking a recording and stating it, the next docking finds the
name gone. That this dock removed it holds only if the card is the very one whose recording was
read again. A volume's number proves nothing: cards are cloned, sold in batches with one number,
written by one image; FAT has no numbers of its own for folders either. So three things are kept
beside the comparison: the number of the disk or camera as the kernel says it, the number the
camera claims, and what else stood in the folder. Two of them have to be the same, one of the
numbers among them, and none may be against it. What cannot be told stays an intention without
an end on record. Pure.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds a card, as far as anything says so.

    Attributes:
        disk: what the kernel says of the disk: the number of a USB camera or reader, or of a
            card in a slot of the board; None where it says none.
        serial: what the camera claims to be; None where nothing claims anything.
        fixed: whether it is a directory of the dock's own disk, whose file system numbers its
            folders itself and is not carried about.
    """

    disk: str | None = None
    serial: str | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Hallmark:
    """A folder of one card at one moment.

    Attributes:
        numbers: of the card's root, the folder, and the card's size.
        beside: digest of what else stood in the folder; empty when that was nothing, or could
            not be told.
    """

    holder: Holder
    numbers: str
    beside: str

    def text(self) -> str:
        """For the ledger's note."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def read(cls, text: str | None) -> Hallmark | None:
        """From a note; None for one of an earlier program, which named less than is needed."""
        try:
            values = json.loads(text or "")
            holder = Holder(**values.pop("holder"))
            return cls(holder, **values)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def proves(self, now: Hallmark) -> bool:
        """Whether a card that is there now can only be the one that was noted here."""
        if self.numbers != now.numbers or self.holder.fixed != now.holder.fixed:
            return False
        if self.holder.fixed:
            return True
        disk = _agree(self.holder.disk, now.holder.disk)
        serial = _agree(self.holder.serial, now.holder.serial)
        if disk is False or serial is False or self.beside != now.beside:
            return False
        return bool(disk or serial) and [disk, serial, bool(self.beside)].count(True) > 1


def _agree(before: str | None, now: str | None) -> bool | None:
    """None when one of them says nothing, as a card does once its last recording is gone."""
    return before == now if before and now else None
