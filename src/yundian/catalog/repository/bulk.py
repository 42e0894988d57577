"""Set-based statements of the import: a whole batch in a handful of round trips, whatever its size."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from yundian.catalog.states import SkuStatus
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

# What a file may say about an existing product or SKU; anything else of it stays as it is.
PRODUCT_COLUMNS = (
    "name", "name_en", "product_line", "category", "product_type", "description", "description_en",
)  # fmt: skip
SKU_COLUMNS = (
    "shade_name", "shade_name_en", "shade_hex", "option_text", "option_text_en", "barcode", "price_minor",
    "currency", "position",
)  # fmt: skip

Record = Mapping[str, Any]


async def upsert_products(
    tx: Tx, *, rows: Sequence[Record], changeable: Collection[str], now: dt.datetime
) -> list[Record]:
    """Insert new products and change the known ones that differ; what was written: id, code, status, is_new."""
    columns = [name for name in PRODUCT_COLUMNS if name in changeable]
    sql = (  # only our own names are put in
        "INSERT INTO catalog_product AS p (brand_id, id, created_at, updated_at, version,"  # noqa: S608
        " code, name, name_en, product_line, category, product_type, description, description_en, status)"
        " SELECT $1, s.id, $2, $2, 1, s.code, s.name, s.name_en, s.product_line, s.category, s.product_type,"
        " s.description, s.description_en, s.status"
        " FROM unnest($3::uuid[], $4::varchar[], $5::varchar[], $6::varchar[], $7::varchar[],"
        " $8::varchar[], $9::varchar[], $10::varchar[], $11::varchar[], $12::varchar[])"
        " AS s (id, code, name, name_en, product_line, category, product_type, description, description_en,"
        " status) ORDER BY s.code"
        f" ON CONFLICT (brand_id, code) {_update('p', columns)}"
        " RETURNING p.id, p.code, p.status, p.xmax = 0 AS is_new"
    )
    written = await tx.fetch(
        sql,
        tx.brand,
        now,
        [new_id() for _ in rows],
        *_columns(rows, ("code", *PRODUCT_COLUMNS, "status")),
    )
    return [dict(row) for row in written]


async def product_ids(tx: Tx, *, codes: Collection[str]) -> dict[str, uuid.UUID]:
    rows = await tx.fetch(
        "SELECT code, id FROM catalog_product WHERE brand_id = $1 AND code = ANY($2)", tx.brand, list(codes)
    )
    return {row["code"]: row["id"] for row in rows}


async def lock_skus(tx: Tx, *, codes: Collection[str]) -> dict[str, Record]:
    """The known ones of these SKUs, locked in the order of their codes."""
    rows = await tx.fetch(
        "SELECT s.code, s.id, s.product_id, s.price_minor, s.currency, p.code AS product_code"
        " FROM catalog_sku s JOIN catalog_product p ON p.brand_id = s.brand_id AND p.id = s.product_id"
        " WHERE s.brand_id = $1 AND s.code = ANY($2) ORDER BY s.code FOR NO KEY UPDATE OF s",
        tx.brand,
        list(codes),
    )
    return {row["code"]: dict(row) for row in rows}


async def barcode_owners(tx: Tx, *, barcodes: Collection[str]) -> dict[str, str]:
    """Which SKU code has which of these barcodes."""
    rows = await tx.fetch(
        "SELECT barcode, code FROM catalog_sku WHERE brand_id = $1 AND barcode = ANY($2)",
        tx.brand,
        list(barcodes),
    )
    return {row["barcode"]: row["code"] for row in rows}


async def upsert_skus(
    tx: Tx, *, rows: Sequence[Record], changeable: Collection[str], now: dt.datetime
) -> list[Record]:
    """Insert new SKUs and change the known ones that differ; what was written: id, product_id, code, is_new."""
    columns = [name for name in SKU_COLUMNS if name in changeable]
    sql = (  # only our own names are put in
        "INSERT INTO catalog_sku AS k (brand_id, id, created_at, updated_at, version, status,"  # noqa: S608
        " product_id, code, shade_name, shade_name_en, shade_hex, option_text, option_text_en, barcode,"
        " price_minor, currency, position)"
        " SELECT $1, s.id, $2, $2, 1, $3,"
        " s.product_id, s.code, s.shade_name, s.shade_name_en, s.shade_hex, s.option_text, s.option_text_en,"
        " s.barcode, s.price_minor, s.currency, s.position"
        " FROM unnest($4::uuid[], $5::uuid[], $6::varchar[], $7::varchar[], $8::varchar[], $9::varchar[],"
        " $10::varchar[], $11::varchar[], $12::varchar[], $13::bigint[], $14::varchar[], $15::int[])"
        " AS s (id, product_id, code, shade_name, shade_name_en, shade_hex, option_text, option_text_en, barcode,"
        " price_minor, currency, position)"
        f" ORDER BY s.code ON CONFLICT (brand_id, code) {_update('k', columns)}"
        " RETURNING k.id, k.product_id, k.code, k.xmax = 0 AS is_new"
    )
    written = await tx.fetch(
        sql,
        tx.brand,
        now,
        SkuStatus.ACTIVE.value,
        [new_id() for _ in rows],
        *_columns(rows, ("product_id", "code", *SKU_COLUMNS)),
    )
    return [dict(row) for row in written]


async def replace_tags(tx: Tx, *, wanted: Mapping[uuid.UUID, Collection[str]], now: dt.datetime) -> set[uuid.UUID]:
    """Make the products' tags exactly these; whose were changed."""
    return await _replace(tx, "catalog_product_tag", "tag", wanted=wanted, now=now)


async def replace_terms(
    tx: Tx, *, wanted: Mapping[uuid.UUID, Collection[str]], now: dt.datetime
) -> set[uuid.UUID]:
    """Make the products' search terms exactly these; whose were changed."""
    return await _replace(tx, "catalog_product_term", "term", wanted=wanted, now=now)


async def texts_of(tx: Tx, *, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Everything by which these products may be found."""
    rows = await tx.fetch(
        "SELECT p.id, ARRAY[p.code, p.name, p.product_line, p.category, p.product_type, p.name_en]"
        " || ARRAY(SELECT t.tag FROM catalog_product_tag t WHERE t.brand_id = p.brand_id AND t.product_id = p.id)"
        " || ARRAY(SELECT unnest(ARRAY[k.code, k.shade_name, k.shade_name_en,"
        " k.option_text, k.option_text_en, coalesce(k.barcode, '')])"
        " FROM catalog_sku k WHERE k.brand_id = p.brand_id AND k.product_id = p.id) AS texts"
        " FROM catalog_product p WHERE p.brand_id = $1 AND p.id = ANY($2)",
        tx.brand,
        list(ids),
    )
    return {row["id"]: row["texts"] for row in rows}


async def _replace(
    tx: Tx, table: str, column: str, *, wanted: Mapping[uuid.UUID, Collection[str]], now: dt.datetime
) -> set[uuid.UUID]:
    pairs = [(product_id, text) for product_id, texts in wanted.items() for text in sorted(texts)]
    owners, texts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    removed = await tx.fetch(
        f"DELETE FROM {table} t WHERE t.brand_id = $1 AND t.product_id = ANY($2)"  # noqa: S608  (our own names)
        f" AND NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::varchar[]) AS s (product_id, text)"
        f" WHERE s.product_id = t.product_id AND s.text = t.{column}) RETURNING t.product_id",
        tx.brand,
        list(wanted),
        owners,
        texts,
    )
    added = await tx.fetch(
        f"INSERT INTO {table} (brand_id, id, created_at, product_id, {column})"  # noqa: S608  (our own names)
        " SELECT $1, s.id, $2, s.product_id, s.text"
        " FROM unnest($3::uuid[], $4::uuid[], $5::varchar[]) AS s (id, product_id, text)"
        " ON CONFLICT DO NOTHING RETURNING product_id",
        tx.brand,
        now,
        [new_id() for _ in pairs],
        owners,
        texts,
    )
    return {row["product_id"] for row in (*removed, *added)}


def _update(table: str, columns: Sequence[str]) -> str:
    """Set the columns where one of them differs; nothing to set, nothing to do."""
    if not columns:
        return "DO NOTHING"
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns)
    ours = ", ".join(f"{table}.{name}" for name in columns)
    theirs = ", ".join(f"EXCLUDED.{name}" for name in columns)
    return (
        f"DO UPDATE SET {sets}, updated_at = EXCLUDED.updated_at, version = {table}.version + 1"
        f" WHERE ROW({ours}) IS DISTINCT FROM ROW({theirs})"
    )


def _columns(rows: Sequence[Record], names: Sequence[str]) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in names]
