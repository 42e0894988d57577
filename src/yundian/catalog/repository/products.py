"""Statements about products, their tags, and what a search finds."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.models import Product, ProductTag, ProductTerm
from yundian.catalog.rules import LAST, search_words
from yundian.catalog.types import ProductFilter
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id


async def by_id(session: AsyncSession, *, product_id: uuid.UUID) -> Product | None:
    return (await session.exec(select(Product).where(col(Product.id) == product_id))).one_or_none()


async def tags_of(session: AsyncSession, *, product_id: uuid.UUID) -> Sequence[str]:
    query = select(ProductTag.tag).where(col(ProductTag.product_id) == product_id).order_by(col(ProductTag.tag))
    return (await session.exec(query)).all()


async def page(
    session: AsyncSession, *, wanted: ProductFilter, after_code: str | None, limit: int
) -> Sequence[Product]:
    """In the order of their codes."""
    query = select(Product).where(*_conditions(wanted)).order_by(col(Product.code)).limit(limit)
    if after_code is not None:
        query = query.where(col(Product.code) > after_code)
    return (await session.exec(query)).all()


def _conditions(wanted: ProductFilter) -> list[sa.ColumnElement[bool]]:
    equal = (
        (Product.status, wanted.status),
        (Product.category, wanted.category),
        (Product.product_type, wanted.product_type),
    )
    conditions: list[sa.ColumnElement[bool]] = [col(column) == value for column, value in equal if value]
    if wanted.tag:
        conditions.append(_has(ProductTag, col(ProductTag.tag) == wanted.tag))
    for word in search_words(wanted.search):
        term = col(ProductTerm.term)
        conditions.append(_has(ProductTerm, term >= word, term < word + LAST))
    return conditions


def _has(
    table: type[ProductTag] | type[ProductTerm], *conditions: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        col(table.brand_id) == col(Product.brand_id), col(table.product_id) == col(Product.id), *conditions
    )


async def categories_and_types(session: AsyncSession) -> tuple[list[str], list[str]]:
    """What the filters of the list offer."""
    rows = (await session.exec(select(Product.category, Product.product_type).distinct())).all()
    return sorted({row[0] for row in rows} - {""}), sorted({row[1] for row in rows} - {""})


async def set_tags(session: AsyncSession, *, product: Product, tags: Collection[str]) -> None:
    await _replace(session, ProductTag, product=product, wanted=tags)


async def set_terms(session: AsyncSession, *, product: Product, terms: Collection[str]) -> None:
    await _replace(session, ProductTerm, product=product, wanted=terms)


async def _replace(
    session: AsyncSession,
    table: type[ProductTag] | type[ProductTerm],
    *,
    product: Product,
    wanted: Collection[str],
) -> None:
    """Make the product's texts exactly ``wanted``, touching only what differs."""
    text: Any = ProductTag.tag if table is ProductTag else ProductTerm.term
    owned = col(table.product_id) == product.id
    await session.exec(delete(table).where(owned, col(text).not_in(wanted)))
    now = clock.now()
    rows = [
        {
            "brand_id": product.brand_id,
            "id": new_id(),
            "created_at": now,
            "product_id": product.id,
            text.key: value,
        }
        for value in sorted(wanted)
    ]
    if rows:
        await session.exec(insert(table).on_conflict_do_nothing(), params=rows)
