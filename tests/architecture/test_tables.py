"""Every table is shaped for tenancy: the brand first in every key, and names that say whose it is."""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from yundian.app.tables import metadata
from yundian.platform.db.tenancy import GLOBAL_TABLES

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)
BRAND_TABLES = [table for table in TABLES if table.name not in GLOBAL_TABLES]

# The prefix of each package's tables; ``brand`` and ``directory`` are global and older than any prefix.
PREFIXES = {
    "yundian.platform.outbox": "outbox_",
    "yundian.platform.auth": "auth_",
    "yundian.platform.web": "web_",
    "yundian.platform.intake": "intake_",
    # By the name of the room that had such files first.
    "yundian.platform.files": "channels_upload",
    "yundian.brands": "brand_",
}

NAMES = {
    sa.PrimaryKeyConstraint: "pk",
    sa.UniqueConstraint: "uq",
    sa.ForeignKeyConstraint: "fk",
    sa.CheckConstraint: "ck",
}


def problems_of(table: sa.Table) -> Iterator[str]:
    """What is wrong with a brand-owned table."""
    yield from (f"{name} does not start with brand_id" for name, first in _keys(table) if first != "brand_id")
    if [column.name for column in table.primary_key][:1] == ["brand_id"] and len(table.primary_key) < 2:
        yield "the primary key is the brand alone"
    for key in table.foreign_key_constraints:
        targets = [element.target_fullname for element in key.elements]
        if targets[:1] and not targets[0].endswith(".brand_id"):
            yield f"{key.name} does not refer to the brand's own row"
        if key.referred_table.name in GLOBAL_TABLES:
            yield f"{key.name} refers to a global table, whose row every insert would lock"
    for column in table.columns:
        yield from _problems_of_column(table, column)
    for constraint in table.constraints:
        expected = f"{NAMES[type(constraint)]}_{table.name}" if type(constraint) in NAMES else ""
        if not str(constraint.name).startswith(expected):
            yield f"constraint {constraint.name} is not named {expected}..."
        if len(str(constraint.name)) > 63:
            yield f"constraint {constraint.name} is longer than PostgreSQL keeps"


def _problems_of_column(table: sa.Table, column: "sa.Column[object]") -> Iterator[str]:
    kind = column.type
    if isinstance(kind, sa.DateTime) and not kind.timezone:
        yield f"{column.name} is a time without a zone"
    if isinstance(kind, sa.Enum) and kind.native_enum:
        yield f"{column.name} is a native enum: use text_enum()"
    if isinstance(kind, sa.Float) and not re.search(r"latitude|longitude", column.name):
        yield f"{column.name} is a float"
    if column.name.endswith("_minor") and not isinstance(kind, sa.BigInteger):
        yield f"{column.name} is not BIGINT"
    if column.name.endswith("_minor") and not any("currency" in other.name for other in table.columns):
        yield f"{column.name} has no currency in its row"


def _keys(table: sa.Table) -> Iterator[tuple[str, str]]:
    """Every key and index with the name of its first column."""
    for constraint in table.constraints:
        if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint | sa.ForeignKeyConstraint):
            yield str(constraint.name), next(iter(constraint.columns)).name
    for index in table.indexes:
        first = index.expressions[0]
        yield str(index.name), first.name if isinstance(first, sa.Column) else str(first)


@pytest.mark.parametrize("table", BRAND_TABLES, ids=lambda table: table.name)
def test_a_brand_owned_table_is_keyed_by_its_brand(table: sa.Table) -> None:
    assert list(problems_of(table)) == []


def test_global_tables_are_those_that_tenancy_lists() -> None:
    without_brand_key = {table.name for table in TABLES if next(iter(table.primary_key)).name != "brand_id"}

    assert without_brand_key <= GLOBAL_TABLES


def test_table_names_start_with_the_name_of_their_room() -> None:
    for mapper in _mappers():
        package = mapper.class_.__module__.partition(".models")[0]
        name = mapper.local_table.name  # type: ignore[attr-defined]
        if name not in GLOBAL_TABLES:
            assert name.startswith(PREFIXES.get(package, package.rsplit(".", 1)[-1] + "_")), (package, name)


def test_relationships_never_load_silently() -> None:
    for mapper in _mappers():
        for relationship in mapper.relationships:
            assert relationship.lazy in ("raise", "write_only"), str(relationship)


def test_relationships_stay_inside_their_room() -> None:
    for mapper in _mappers():
        for relationship in mapper.relationships:
            ours, theirs = mapper.class_.__module__, relationship.mapper.class_.__module__
            assert ours.partition(".models")[0] == theirs.partition(".models")[0], str(relationship)


def test_a_planted_table_shows_every_problem() -> None:
    convention = sa.MetaData(naming_convention=metadata.naming_convention)
    other = sa.Table("brand", convention, sa.Column("id", sa.Uuid, primary_key=True))
    planted = sa.Table(
        "planted",
        convention,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("brand_id", sa.Uuid, index=True),
        sa.Column("code", sa.String, unique=True),
        sa.Column("owner", sa.Uuid, sa.ForeignKey(other.c.id)),
        sa.Column("at", sa.DateTime),
        sa.Column("rate", sa.Float),
        sa.Column("price_minor", sa.Integer),
        sa.CheckConstraint("code <> ''", name=sa.sql.naming.conv("code_not_empty")),
    )

    assert sorted(problems_of(planted)) == [
        "at is a time without a zone",
        "constraint code_not_empty is not named ck_planted...",
        "fk_planted_owner does not refer to the brand's own row",
        "fk_planted_owner does not start with brand_id",
        "fk_planted_owner refers to a global table, whose row every insert would lock",
        "pk_planted does not start with brand_id",
        "price_minor has no currency in its row",
        "price_minor is not BIGINT",
        "rate is a float",
        "uq_planted_code does not start with brand_id",
    ]


def _mappers() -> "list[sa.orm.Mapper[object]]":
    maps: registry = SQLModel._sa_registry
    maps.configure()
    # Only the house's own: tests may declare tables of theirs.
    return [m for m in maps.mappers if m.class_.__module__.partition(".")[0] != "tests"]
