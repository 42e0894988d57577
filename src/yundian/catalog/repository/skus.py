"""Statements about SKUs."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from yundian.catalog.models import Product, Sku
from yundian.catalog.rules import LAST
from yundian.catalog.states import ProductStatus, SkuStatus
from yundian.platform.outbox.door import Door, brand_of, fetch


async def by_id(session: AsyncSession, *, sku_id: uuid.UUID) -> Sku | None:
    return (await session.exec(select(Sku).where(col(Sku.id) == sku_id))).one_or_none()


async def of_product(session: AsyncSession, *, product_id: uuid.UUID) -> Sequence[Sku]:
    """In the order of their positions."""
    query = select(Sku).where(col(Sku.product_id) == product_id).order_by(col(Sku.position), col(Sku.id))
    return (await session.exec(query)).all()


class Totals(NamedTuple):
    """What a list shows of a product's active SKUs; prices in minor units, shades in the SKUs' order."""

    sku_count: int = 0
    price_from_minor: int | None = None
    price_to_minor: int | None = None
    currency: str | None = None
    shades: Sequence[str] | None = None


async def totals(session: AsyncSession, *, product_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Totals]:
    """Products without an active SKU are left out."""
    shades = sa.func.array_agg(aggregate_order_by(col(Sku.shade_hex), col(Sku.position), col(Sku.id)))
    # Six columns are more than SQLModel's typed select knows.
    query: Any = (
        sa.select(
            col(Sku.product_id),
            sa.func.count(),
            sa.func.min(Sku.price_minor),
            sa.func.max(Sku.price_minor),
            sa.func.min(Sku.currency),
            shades.filter(col(Sku.shade_hex).is_not(None)),
        )
        .where(col(Sku.product_id).in_(product_ids), col(Sku.status) == SkuStatus.ACTIVE)
        .group_by(col(Sku.product_id))
    )
    return {row[0]: Totals(*row[1:]) for row in (await session.exec(query)).all()}


async def named(
    session: AsyncSession,
    *,
    ids: Collection[uuid.UUID] | None = None,
    codes: Collection[str] | None = None,
) -> Sequence[tuple[Sku, Product]]:
    """SKUs with their products, by ids or by codes."""
    query = _with_product()
    if ids is not None:
        query = query.where(col(Sku.id).in_(ids))
    if codes is not None:
        query = query.where(col(Sku.code).in_(codes))
    return (await session.exec(query)).all()


async def in_english(door: Door, *, names: Collection[str]) -> list[tuple[str, str]]:
    """Each of these names of a product, or of a product with its shade, beside what it is called in English."""
    query = """
    WITH known AS (
        SELECT p.name, p.name_en, coalesce(nullif(s.shade_name, ''), s.option_text) AS own,
            coalesce(nullif(s.shade_name_en, ''), nullif(s.option_text_en, ''), nullif(s.shade_name, ''),
                s.option_text) AS english
        FROM catalog_sku s JOIN catalog_product p ON p.brand_id = $1 AND p.id = s.product_id
        WHERE s.brand_id = $1 AND p.name_en <> ''
    )
    SELECT name, name_en FROM known WHERE name = ANY($2::text[])
    UNION
    SELECT name || ' ' || own, name_en || ' ' || english FROM known WHERE name || ' ' || own = ANY($2::text[])
    """
    return [(row[0], row[1]) for row in await fetch(door, query, brand_of(door), list(names))]


async def by_code_or_barcode(session: AsyncSession, *, text: str, limit: int) -> Sequence[tuple[Sku, Product]]:
    """Codes that begin so, and exactly this barcode; each is looked up in its own index."""
    begins = _with_product().where(col(Sku.code) >= text, col(Sku.code) < text + LAST)
    codes = (await session.exec(begins.order_by(col(Sku.code)).limit(limit))).all()
    return [*codes, *(await session.exec(_with_product().where(col(Sku.barcode) == text))).all()]


async def of_products(
    session: AsyncSession, *, product_ids: Collection[uuid.UUID]
) -> Sequence[tuple[Sku, Product]]:
    """By the codes of the products, in the order of the positions."""
    query = _with_product().where(col(Sku.product_id).in_(product_ids))
    return (await session.exec(query.order_by(col(Product.code), col(Sku.position), col(Sku.id)))).all()


async def ids_of(door: Door, *, codes: Collection[str]) -> dict[str, uuid.UUID]:
    """By code; ``skus`` alone, for many."""
    query = "SELECT code, id FROM catalog_sku WHERE brand_id = $1 AND code = ANY($2::varchar[])"
    return {row[0]: row[1] for row in await fetch(door, query, brand_of(door), list(codes))}


async def sellable(session: AsyncSession, *, ids: Collection[uuid.UUID]) -> Sequence[Sku]:
    """Those of the SKUs that are on sale now: themselves active, their product on sale."""
    query = (
        select(Sku)
        .join(
            Product,
            sa.and_(col(Product.brand_id) == col(Sku.brand_id), col(Product.id) == col(Sku.product_id)),
        )
        .where(
            col(Sku.id).in_(ids),
            col(Sku.status) == SkuStatus.ACTIVE,
            col(Product.status) == ProductStatus.ON_SALE,
        )
    )
    return (await session.exec(query)).all()


def _with_product() -> Select[Sku, Product]:
    return select(Sku, Product).join(
        Product,
        sa.and_(col(Product.brand_id) == col(Sku.brand_id), col(Product.id) == col(Sku.product_id)),
    )
