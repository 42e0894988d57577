"""Statements about pictures of products and the files they are shown from."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from yundian.catalog.types import DrawnPicture, PictureSize, PictureView
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_COLUMN = {PictureSize.SMALL: "small", PictureSize.LARGE: "large", PictureSize.CARD: "card"}
_SUFFIX = {PictureSize.SMALL: "webp", PictureSize.LARGE: "webp", PictureSize.CARD: "jpg"}

_FIELDS = (
    "p.id, p.product_id, p.position, p.digest, f.small_width, f.small_height, f.width, f.height, p.removed_at"
)
_JOINED = "catalog_picture AS p JOIN catalog_picture_file AS f ON f.brand_id = p.brand_id AND f.digest = p.digest"


async def lock_product(door: Door, *, product_id: uuid.UUID) -> bool:
    """Whether it exists; until the end nobody else changes what pictures it has."""
    query = "SELECT 1 FROM catalog_product WHERE brand_id = $1 AND id = $2 FOR NO KEY UPDATE"
    return bool(await fetch(door, query, brand_of(door), product_id))


async def has_product(door: Door, *, product_id: uuid.UUID) -> bool:
    query = "SELECT 1 FROM catalog_product WHERE brand_id = $1 AND id = $2"
    return bool(await fetch(door, query, brand_of(door), product_id))


async def of_product(door: Door, *, product_id: uuid.UUID) -> list[PictureView]:
    """Removed ones too, in their order."""
    query = (
        f"SELECT {_FIELDS} FROM {_JOINED} WHERE p.brand_id = $1 AND p.product_id = $2"  # noqa: S608
        " ORDER BY p.position, p.created_at, p.id"
    )
    return _views(door, await fetch(door, query, brand_of(door), product_id))


async def first_of(door: Door, *, product_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, PictureView]:
    """Of each product the picture that stands for it."""
    query = (
        f"SELECT DISTINCT ON (p.product_id) {_FIELDS} FROM {_JOINED}"  # noqa: S608
        " WHERE p.brand_id = $1 AND p.product_id = ANY($2::uuid[]) AND p.removed_at IS NULL"
        " ORDER BY p.product_id, p.position, p.created_at, p.id"
    )
    rows = await fetch(door, query, brand_of(door), list(product_ids))
    return {view.product_id: view for view in _views(door, rows)}


async def of_skus(door: Door, *, sku_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[PictureView]]:
    """By SKU, all pictures of its product in their order; SKUs without one are left out."""
    query = (
        f"SELECT {_FIELDS}, s.id FROM catalog_sku AS s JOIN ({_JOINED})"  # noqa: S608
        " ON p.brand_id = s.brand_id AND p.product_id = s.product_id"
        " WHERE s.brand_id = $1 AND s.id = ANY($2::uuid[]) AND p.removed_at IS NULL"
        " ORDER BY p.position, p.created_at, p.id"
    )
    rows = await fetch(door, query, brand_of(door), list(sku_ids))
    found: dict[uuid.UUID, list[PictureView]] = {}
    for view, row in zip(_views(door, rows), rows, strict=True):
        found.setdefault(row[9], []).append(view)
    return found


async def put(door: Door, *, id: uuid.UUID, product_id: uuid.UUID, drawn: DrawnPicture, now: dt.datetime) -> None:
    """Behind the others; the same picture again is the one that is there, back if it was removed."""
    brand = brand_of(door)
    # An old file is made young again, so that the sweep leaves it.
    keep = (
        "INSERT INTO catalog_picture_file (brand_id, digest, created_at, width, height, small_width, small_height,"
        " small, large, card) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (brand_id, digest) DO UPDATE SET created_at = excluded.created_at"
    )
    sizes = (drawn.width, drawn.height, drawn.small_width, drawn.small_height)
    await run(door, keep, brand, drawn.digest, now, *sizes, drawn.small, drawn.large, drawn.card)
    place = (
        "INSERT INTO catalog_picture AS p (brand_id, id, created_at, product_id, digest, position)"
        " SELECT $1, $2, $3, $4, $5, coalesce(max(position), -1) + 1 FROM catalog_picture"
        " WHERE brand_id = $1 AND product_id = $4 AND removed_at IS NULL"
        " ON CONFLICT (brand_id, product_id, digest) DO UPDATE SET removed_at = NULL,"
        " position = CASE WHEN p.removed_at IS NULL THEN p.position ELSE excluded.position END"
    )
    await run(door, place, brand, id, now, product_id, drawn.digest)


async def mark(door: Door, *, picture_id: uuid.UUID, removed_at: dt.datetime | None) -> None:
    """Removed at that time, or back at its place."""
    query = "UPDATE catalog_picture SET removed_at = $3 WHERE brand_id = $1 AND id = $2"
    await run(door, query, brand_of(door), picture_id, removed_at)


async def product_of(door: Door, *, picture_id: uuid.UUID) -> uuid.UUID | None:
    query = "SELECT product_id FROM catalog_picture WHERE brand_id = $1 AND id = $2"
    rows = await fetch(door, query, brand_of(door), picture_id)
    return rows[0][0] if rows else None


async def set_order(door: Door, *, ids: Sequence[uuid.UUID]) -> None:
    """Each picture at the place it has in the list."""
    query = (
        "UPDATE catalog_picture AS p SET position = o.nth"
        " FROM unnest($2::uuid[]) WITH ORDINALITY AS o(id, nth) WHERE p.brand_id = $1 AND p.id = o.id"
    )
    await run(door, query, brand_of(door), list(ids))


async def file_of(door: Door, *, digest: str, size: PictureSize) -> bytes | None:
    """What is shown; ``None`` for an unknown one, and for one that no product shows any more."""
    query = (
        f"SELECT f.{_COLUMN[size]} FROM catalog_picture_file AS f WHERE f.brand_id = $1 AND f.digest = $2"  # noqa: S608
        " AND EXISTS (SELECT FROM catalog_picture AS p"
        " WHERE p.brand_id = f.brand_id AND p.digest = f.digest AND p.removed_at IS NULL)"
    )
    rows = await fetch(door, query, brand_of(door), digest)
    return bytes(rows[0][0]) if rows else None


async def small_of(door: Door, *, picture_id: uuid.UUID) -> bytes | None:
    """Also when the picture was removed."""
    query = (
        "SELECT f.small FROM catalog_picture AS p JOIN catalog_picture_file AS f"
        " ON f.brand_id = p.brand_id AND f.digest = p.digest WHERE p.brand_id = $1 AND p.id = $2"
    )
    rows = await fetch(door, query, brand_of(door), picture_id)
    return bytes(rows[0][0]) if rows else None


async def forget(tx: Tx, *, before: dt.datetime) -> int:
    """Pictures removed before then are gone, and of their files those that nobody shows; how many files."""
    brand = brand_of(tx)
    removed = "DELETE FROM catalog_picture WHERE brand_id = $1 AND removed_at < $2 RETURNING digest"
    digests = {row[0] for row in await tx.fetch(removed, brand, before)}
    if not digests:
        return 0
    unused = (
        "DELETE FROM catalog_picture_file AS f WHERE f.brand_id = $1 AND f.digest = ANY($3) AND f.created_at < $2"
        " AND NOT EXISTS (SELECT FROM catalog_picture AS p WHERE p.brand_id = f.brand_id AND p.digest = f.digest)"
    )
    return await run(tx, unused, brand, before, sorted(digests))


def path(brand_id: uuid.UUID, digest: str, size: PictureSize) -> str:
    """Where the picture is shown: the brand, and the hash of what is there."""
    return f"/pictures/{brand_id}/{digest}-{size.value}.{_SUFFIX[size]}"


def _views(door: Door, rows: Sequence[Any]) -> list[PictureView]:
    brand = brand_of(door)
    views = []
    for row in rows:
        id_, product_id, position, digest, small_width, small_height, width, height, removed_at = tuple(row)[:9]
        small, large, card = (path(brand, digest, size) for size in PictureSize)
        views.append(
            PictureView(
                id=id_,
                product_id=product_id,
                position=position,
                small=small,
                small_width=small_width,
                small_height=small_height,
                large=large,
                width=width,
                height=height,
                card=card,
                removed_at=removed_at,
            )
        )
    return views
