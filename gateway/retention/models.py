"""Rows about adopted rule packs; follow from ``rules.adopted``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class AdoptedRules(Base):
    """A rule pack that counts from its place in the log until the next one.

    Attributes:
        version: of the pack; the highest is in force.
        sha256: of its file, raw. kid: of the key that signed it.
    """

    __tablename__ = "rules_adopted"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    jurisdiction: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    kid: Mapped[bytes] = mapped_column(LargeBinary(32))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    adopted_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    adopted_at: Mapped[datetime]

    @property
    def key(self) -> str:
        """Where its file lies in the store; its signature lies beside it."""
        return rules_key(self.version, self.sha256)


def rules_key(version: int, sha256: bytes) -> str:
    """Where the file of a pack lies in the store."""
    return f"rules/{version}/{sha256.hex()}"
