"""Finds SKUs by what people remember of them: a word of the name, a shade, a code, a barcode."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.models import Product, Sku
from yundian.catalog.repository import pictures, products, skus
from yundian.catalog.rules import search_terms, search_words
from yundian.catalog.states import ProductStatus, SkuStatus
from yundian.catalog.types import FoundSku, NamedSku, ProductFilter, SkuView

# So many products are looked at for one list of SKUs.
_PRODUCTS = 30


async def search_skus(session: AsyncSession, *, search: str, limit: int = 20) -> list[FoundSku]:
    """The SKUs a text means, the best first; withdrawn ones are left out. Nothing for a text without a word.

    A whole code or barcode comes first, then codes that begin so, then SKUs that say more of the words
    themselves than by their product.
    """
    text = search.strip()
    words = search_words(text)
    if not words:
        return []
    exact = await skus.by_code_or_barcode(session, text=text, limit=limit)
    wanted = ProductFilter(search=text)
    ids = [product.id for product in await products.page(session, wanted=wanted, after_code=None, limit=_PRODUCTS)]
    found = {sku.id: (sku, product) for sku, product in exact}
    for sku, product in await skus.of_products(session, product_ids=ids) if ids else []:
        found.setdefault(sku.id, (sku, product))
    usable = [pair for pair in found.values() if _is_usable(*pair)]
    best = sorted(usable, key=lambda pair: (_far_from(pair[0], text), -_said(pair[0], words)))
    shown = await pictures.first_of(session, product_ids={product.id for _, product in best[:limit]})
    return [FoundSku(sku=named(sku, product), picture=shown.get(product.id)) for sku, product in best[:limit]]


def named(sku: Sku, product: Product) -> NamedSku:
    """A SKU as upper rooms show it."""
    return NamedSku(
        id=sku.id,
        product_id=product.id,
        code=sku.code,
        product_code=product.code,
        product_name=product.name,
        product_name_en=product.name_en,
        category=product.category,
        shade_name=sku.shade_name,
        shade_name_en=sku.shade_name_en,
        shade_hex=sku.shade_hex,
        option_text=sku.option_text,
        option_text_en=sku.option_text_en,
        barcode=sku.barcode,
        price_minor=sku.price_minor,
        currency=sku.currency,
        is_sellable=sku.status is SkuStatus.ACTIVE and product.status is ProductStatus.ON_SALE,
    )


def said_of(sku: Sku | SkuView) -> tuple[str, ...]:
    """What people may remember of it beside its code."""
    return sku.shade_name, sku.shade_name_en, sku.option_text, sku.option_text_en, sku.barcode or ""


def _is_usable(sku: Sku, product: Product) -> bool:
    return sku.status is SkuStatus.ACTIVE and product.status is not ProductStatus.WITHDRAWN


def _far_from(sku: Sku, text: str) -> int:
    return 0 if text in (sku.code, sku.barcode) else 1 if sku.code.startswith(text) else 2


def _said(sku: Sku, words: Sequence[str]) -> int:
    """How many of the words the SKU says itself."""
    terms = search_terms((sku.code, *said_of(sku)))
    return sum(any(term.startswith(word) for term in terms) for word in words)
