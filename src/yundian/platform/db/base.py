"""What every table shares: names of constraints, the brand in every key, and column helpers."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.platform.core import clock
from yundian.platform.core.ids import new_id

# Before any model is imported: composite keys start with brand_id, so names carry all columns.
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

metadata = SQLModel.metadata


class Row(SQLModel):
    """A brand-owned row: keyed by ``(brand_id, id)``, seen by its own brand only.

    There is no foreign key to ``brand``: every insert would lock that one hot row.
    """

    brand_id: uuid.UUID = Field(primary_key=True)
    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    created_at: dt.datetime = Field(default_factory=clock.now)


class EditableRow(Row):
    """A row that people edit: a stale form is refused by its version (``StaleDataError`` becomes a 409)."""

    updated_at: dt.datetime = Field(default_factory=clock.now, sa_column_kwargs={"onupdate": clock.now})
    version: int = Field(default=1, nullable=False)

    @sa.orm.declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.__table__.c.version}  # type: ignore[attr-defined]


def text_enum(enum: type[StrEnum], length: int = 32) -> sa.Enum:
    """An enum stored as its value in text; unknown text is refused on write."""
    return sa.Enum(
        enum,
        native_enum=False,
        length=length,
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
        create_constraint=False,
    )


def minor_units(**kwargs: Any) -> Any:
    """A money column in minor units (64 bits: 32 overflow at 21 million yuan)."""
    return Field(sa_type=sa.BigInteger, **kwargs)


def currency_code(default: str = "CNY") -> Any:
    """The ISO 4217 code beside every amount."""
    return Field(default=default, sa_type=sa.CHAR(3))


def english(length: int, *, collation: str | None = None) -> Any:
    """A column beside the one it says in English; empty where nobody did (ADR 0029)."""
    return Field(default="", sa_type=sa.String(length, collation), sa_column_kwargs={"server_default": ""})


def brand_key(*columns: str, name: str | None = None) -> sa.UniqueConstraint:
    """A unique key within the brand."""
    return sa.UniqueConstraint("brand_id", *columns, name=name)


def brand_reference(
    column: str, table: str, *, ondelete: str | None = None, name: str | None = None
) -> sa.ForeignKeyConstraint:
    """A foreign key to another brand-owned table, by name, with the brand in it."""
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{table}.brand_id", f"{table}.id"], ondelete=ondelete, name=name
    )
