"""What can be looked for in a case: its numbers, officers, stages and words.

Rows follow from ``case.*`` statements (``effects``) and are written anew with each of them; the
evidence is the record.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base, bytewise

GRAM = 2
"""Characters of a piece of text that is searched."""


class CaseNumber(Base):
    """A number that a case has or had; nobody else ever gets it.

    Attributes:
        ordered: the same, to look for what it begins with; joins go by ``case_no``.
        case: the case that answers under it now; origin: the one it was given to.
        since_index: position of the statement that gave it.
    """

    __tablename__ = "case_number"
    __table_args__ = (
        Index("case_number_by_start", "ordered"),
        Index("case_number_of_case", "case"),
        Index("case_number_of_origin", "origin"),
    )

    case_no: Mapped[str] = mapped_column(String(200), primary_key=True)
    ordered: Mapped[str] = mapped_column(bytewise(200))
    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"))
    origin: Mapped[str] = mapped_column(ForeignKey("case_file.token"))
    since_index: Mapped[int] = mapped_column(BigInteger)


class CaseOfficerRow(Base):
    """One who acts in a case, as its newest particulars say."""

    __tablename__ = "case_officer"
    __table_args__ = (
        Index("case_officer_by_number", "number", "case"),
        Index("case_officer_by_name", "name", "case"),
    )

    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    number: Mapped[str | None] = mapped_column(String(200))
    regular: Mapped[bool] = mapped_column(Boolean)


class CaseStageRow(Base):
    """One stage of a case, as its newest particulars say."""

    __tablename__ = "case_stage"
    __table_args__ = (
        Index("case_stage_by_name", "name", "case"),
        Index("case_stage_by_start", "started_at", "case"),
    )

    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class CaseGram(Base):
    """Two characters that follow each other in a case's title or cause, or its last one."""

    __tablename__ = "case_gram"

    gram: Mapped[str] = mapped_column(bytewise(GRAM), primary_key=True)
    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"), primary_key=True)


class CaseExcuse(Base):
    """Why footage of a stage is missing; the newest of a stage counts."""

    __tablename__ = "case_excuse"
    __table_args__ = (Index("case_excuse_of_case", "case", "excuse_index"),)

    excuse_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"))
    stage: Mapped[str] = mapped_column(String(200))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
