"""Proposals that somebody rejected; follows from ``proposal.rejected``."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class ProposalRejection(Base):
    """A clip does not belong to a case, as far as that case was known then.

    Attributes:
        rejected_index: position of the statement in the log. When the case's particulars were
            set after it, the clip may be proposed again.
    """

    __tablename__ = "proposal_rejection"
    __table_args__ = (
        Index("proposal_rejection_of_clip", "dock", "epoch", "seq", "case"),
        Index("proposal_rejection_of_case", "case", "rejected_index"),
    )

    rejected_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"))
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
