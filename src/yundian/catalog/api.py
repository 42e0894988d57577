"""What other rooms ask the catalog. Another brand's SKU is an unknown one."""

import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.repository import pictures, skus
from yundian.catalog.service import imports, searching
from yundian.catalog.service import pictures as picture_service
from yundian.catalog.service.searching import named
from yundian.catalog.types import FoundSku, NamedSku, PictureView, PriceSnapshot
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door

PRODUCT_IMPORT = imports.PRODUCTS
MAPPINGS = Path(__file__).parent / "mappings"


async def get_skus(session: AsyncSession, *, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, NamedSku]:
    """The known ones of these SKUs, withdrawn ones too. One statement."""
    rows = await skus.named(session, ids=ids) if ids else []
    return {sku.id: named(sku, product) for sku, product in rows}


class Kept(Protocol):
    """What was written down of a SKU when it was sold or offered."""

    @property
    def sku_id(self) -> uuid.UUID | None: ...
    @property
    def name(self) -> str: ...
    @property
    def shade_name(self) -> str: ...


async def english_of(session: AsyncSession, *, kept: Iterable[Kept]) -> dict[uuid.UUID, tuple[str, str]]:
    """By SKU, name and shade in English for a reader of it. What was written down stays wherever the catalogue
    says otherwise since, or says nothing in English. One statement.
    """
    written = {one.sku_id: one for one in kept if one.sku_id is not None}
    known = await get_skus(session, ids=written)
    return {key: _english(written[key], sku) for key, sku in known.items()}


async def english_names(session: AsyncSession, *, names: Collection[str]) -> dict[str, str]:
    """What was written down of products by name alone, in English. Left out: what nothing is called any more, and
    what two things are called that differ in English. One statement.
    """
    found: dict[str, set[str]] = {}
    for name, said in await skus.in_english(session, names=names) if names else []:
        found.setdefault(name, set()).add(said)
    return {name: said.pop() for name, said in found.items() if len(said) == 1}


def _english(kept: Kept, sku: NamedSku) -> tuple[str, str]:
    own, english = sku.shade_name or sku.option_text, sku.shade_name_en or sku.option_text_en
    # Other systems write both as one name.
    said = {sku.product_name: sku.product_name_en}
    if sku.product_name_en:
        said[f"{sku.product_name} {own}"] = f"{sku.product_name_en} {english or own}"
    shade = english if kept.shade_name == own else ""
    return said.get(kept.name) or kept.name, shade or kept.shade_name


async def find_skus(session: AsyncSession, *, codes: Collection[str]) -> dict[str, NamedSku]:
    """The known ones of these SKU codes, by code. One statement."""
    rows = await skus.named(session, codes=codes) if codes else []
    return {sku.code: named(sku, product) for sku, product in rows}


async def ids_of(door: Door, *, codes: Collection[str]) -> dict[str, uuid.UUID]:
    """The SKUs with these codes, withdrawn ones too; unknown codes are left out. One statement."""
    return await skus.ids_of(door, codes=codes)


async def take_prices(session: AsyncSession, *, sku_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, PriceSnapshot]:
    """What can be sold of these, and for how much now; a missing one is unknown or not on sale. One statement."""
    now = clock.now()
    found = await skus.sellable(session, ids=sku_ids) if sku_ids else []
    return {
        sku.id: PriceSnapshot(sku_id=sku.id, price_minor=sku.price_minor, currency=sku.currency, taken_at=now)
        for sku in found
    }


async def pictures_of(door: Door, *, sku_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[PictureView]]:
    """By SKU, the pictures of its product, the one that stands for it first; SKUs without one are left out."""
    return await pictures.of_skus(door, sku_ids=sku_ids) if sku_ids else {}


async def find_picture(door: Door, *, path: str) -> bytes | None:
    """The file that a picture's path shows, for whoever draws with it; ``None`` once it was removed."""
    return await picture_service.find_file(door, path=path)


async def add_picture(door: Door, *, product_id: uuid.UUID, data: bytes) -> PictureView:
    """One more picture of the product, from a JPEG, PNG or WebP file. Drawing it takes some tenths of a second."""
    return await picture_service.add_picture(door, product_id=product_id, drawn=await picture_service.draw(data))


async def search_skus(session: AsyncSession, *, search: str, limit: int = 20) -> list[FoundSku]:
    """The SKUs that a text means (words of a name, a shade, a code, a barcode), the best first, with a picture."""
    return await searching.search_skus(session, search=search, limit=limit)
