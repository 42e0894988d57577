"""One row for any table, made from the catalogue alone, so that a new table is walked without being told of."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# A literal for each type of column. A type that is missing here fails the walk by name.
LITERALS = {
    "uuid": "'{id}'",
    "varchar": "'{text}'",
    "text": "'{text}'",
    "bpchar": "'{text}'",
    "int2": "1",
    "int4": "{number}",
    "int8": "{number}",
    "numeric": "1",
    "float4": "1",
    "float8": "1",
    "bool": "true",
    "timestamptz": "now()",
    "date": "current_date",
    "time": "'12:00'",
    "interval": "'1 hour'",
    "json": "'{{}}'",
    "jsonb": "'{{}}'",
    "bytea": "decode('{hex}', 'hex')",
    "inet": "'127.0.0.1'",
    "tstzrange": "'empty'",
    "daterange": "'empty'",
    "int4range": "'empty'",
}

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, t.typname AS type, t.typcategory = 'A' AS is_array,
       CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS length
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attgenerated = '' AND a.attidentity = ''
ORDER BY c.relname, a.attnum
"""

_REFERENCES = """
SELECT k.conrelid::regclass::text AS table, k.confrelid::regclass::text AS target,
       array_agg(a.attname::text ORDER BY p.n) AS columns, array_agg(b.attname::text ORDER BY p.n) AS targets
FROM pg_constraint k
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p(ours, theirs, n)
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.ours
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.theirs
WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
GROUP BY k.oid, k.conrelid, k.confrelid
"""


@dataclass(frozen=True)
class Reference:
    target: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    is_array: bool
    length: int | None


class Catalogue:
    """The tables of a database: their columns, and which refer to which."""

    def __init__(self, columns: dict[str, list[Column]], references: dict[str, list[Reference]]) -> None:
        self.columns = columns
        self.references = references

    @classmethod
    async def read(cls, owner: Connection) -> "Catalogue":
        columns: dict[str, list[Column]] = {}
        for row in await owner.fetch(_COLUMNS):
            column = Column(row["column"], row["type"], row["is_array"], row["length"])
            columns.setdefault(row["table"], []).append(column)
        references: dict[str, list[Reference]] = {}
        for row in await owner.fetch(_REFERENCES):
            reference = Reference(row["target"], tuple(row["columns"]), tuple(row["targets"]))
            references.setdefault(row["table"], []).append(reference)
        return cls(columns, references)

    def in_order(self, tables: Iterable[str]) -> list[str]:
        """What is referred to comes first; a table's reference to itself does not count."""
        wanted, ordered = set(tables), list[str]()

        def add(table: str) -> None:
            if table in wanted:
                wanted.remove(table)
                for reference in self.references.get(table, []):
                    add(reference.target)
                ordered.append(table)

        for table in sorted(wanted):
            add(table)
        return ordered

    def insert(self, table: str, brand: uuid.UUID, *, key: uuid.UUID) -> str:
        """The statement for one row of the brand. Every id is ``key``, so that references between rows hold."""
        values = {column.name: self._literal(table, column, key) for column in self.columns[table]}
        values["brand_id"] = f"'{brand}'"
        return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"

    def _literal(self, table: str, column: Column, key: uuid.UUID) -> str:
        if column.is_array:
            return "'{}'"
        if column.type not in LITERALS:
            raise AssertionError(
                f"tests/platform_db/rows.py knows no value of type {column.type}: {table}.{column.name}"
            )
        text = key.hex[-column.length :] if column.length else key.hex
        return LITERALS[column.type].format(id=key, hex=key.hex, text=text, number=key.int % 10**9)


_CHECKS = """
SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name,
       replace(pg_get_constraintdef(oid), ' NOT VALID', '') AS definition
FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0
"""


async def loosen(owner: Connection) -> list[str]:
    """Drop what a made-up row could break without having to do with brands: checks and triggers.

    Returns the statements that put the checks back, for rows to come.
    """
    checks = await owner.fetch(_CHECKS)
    for check in checks:
        await owner.execute(f"ALTER TABLE {check['table']} DROP CONSTRAINT {check['name']}")
    for table in (await Catalogue.read(owner)).columns:
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    return [f"ALTER TABLE {c['table']} ADD CONSTRAINT {c['name']} {c['definition']} NOT VALID" for c in checks]
