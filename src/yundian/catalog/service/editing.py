"""What HQ does with products and SKUs."""

import uuid
from collections.abc import Sequence

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.errors import (
    BarcodeTaken,
    NothingToSell,
    ProductCodeTaken,
    ProductUnknown,
    SkuCodeTaken,
    SkuUnknown,
)
from yundian.catalog.events import ProductPutOnSale, ProductWithdrawn, SkuPriceChanged, SkuWithdrawn
from yundian.catalog.models import Product, Sku
from yundian.catalog.repository import pictures, products, skus
from yundian.catalog.rules import search_terms
from yundian.catalog.service.searching import said_of
from yundian.catalog.states import SKU, ProductStatus, SkuStatus
from yundian.catalog.types import (
    PictureView,
    ProductFields,
    ProductFilter,
    ProductSummary,
    ProductView,
    SkuEdit,
    SkuFields,
    SkuView,
)
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.db.conflicts import conflicts
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event

_SWATCHES = 12


async def list_products(
    session: AsyncSession, *, wanted: ProductFilter, cursor: str | None = None, limit: int = 50
) -> Page[ProductSummary]:
    """One page in the order of the codes. Three statements, however long the catalogue is."""
    after_code: str | None = decode_cursor(cursor, (str,))[0] if cursor else None
    rows = await products.page(session, wanted=wanted, after_code=after_code, limit=limit + 1)
    found, next_cursor = cut(rows, limit, lambda product: (product.code,))
    ids = [product.id for product in found]
    totals = await skus.totals(session, product_ids=ids) if ids else {}
    first = await pictures.first_of(session, product_ids=ids) if ids else {}
    return Page(
        items=[
            _summary(product, totals.get(product.id, skus.Totals()), first.get(product.id)) for product in found
        ],
        next_cursor=next_cursor,
    )


async def get_product(session: AsyncSession, *, product_id: uuid.UUID) -> ProductView:
    return await _view(session, await _product(session, product_id))


async def create_product(
    session: AsyncSession, *, brand_id: uuid.UUID, fields: ProductFields, sku_edits: Sequence[SkuEdit] = ()
) -> ProductView:
    """A new draft, with its SKUs."""
    values = msgspec.structs.asdict(fields)
    tags = values.pop("tags")
    product = Product(brand_id=brand_id, **values)
    session.add(product)
    await _flush(session)
    for edit in sku_edits:
        session.add(_new_sku(product, edit))
    await _flush(session)
    await products.set_tags(session, product=product, tags=tags)
    return await _indexed(session, product)


async def save_product(
    session: AsyncSession,
    *,
    product_id: uuid.UUID,
    version: int,
    fields: ProductFields,
    sku_edits: Sequence[SkuEdit] = (),
) -> ProductView:
    """What the editor saves at once: the product as of ``version``, and the SKUs listed; others stay as they are.

    Records ``SkuPriceChanged`` and ``SkuWithdrawn`` for those it touches.
    """
    product = await _product(session, product_id)
    _same_version(product, version)
    values = msgspec.structs.asdict(fields)
    await products.set_tags(session, product=product, tags=values.pop("tags"))
    product.sqlmodel_update(values)
    # A change of tags or SKUs alone is a change of the product too: the next stale form is refused.
    product.updated_at = clock.now()
    owned = {sku.id: sku for sku in await skus.of_product(session, product_id=product_id)}
    events: list[Event] = []
    for edit in sku_edits:
        if edit.id is None:
            session.add(_new_sku(product, edit))
        else:
            events += _edit_sku(owned.get(edit.id), edit)
    await _flush(session)
    await outbox.record(session, *events)
    return await _indexed(session, product)


async def change_status(
    session: AsyncSession, *, product_id: uuid.UUID, version: int, target: ProductStatus
) -> ProductView:
    """Put on sale or withdraw. Records ``ProductPutOnSale`` or ``ProductWithdrawn``."""
    product = await _product(session, product_id)
    _same_version(product, version)
    product.move_to(target)
    view = await _view(session, product)
    if target is ProductStatus.ON_SALE:
        if all(sku.status is not SkuStatus.ACTIVE for sku in view.skus):
            raise NothingToSell(product_id=str(product_id))
        await outbox.record(session, ProductPutOnSale(product_id=product_id))
    if target is ProductStatus.WITHDRAWN:
        await outbox.record(session, ProductWithdrawn(product_id=product_id))
    await _flush(session)
    return msgspec.structs.replace(view, status=product.status, version=product.version)


async def add_sku(session: AsyncSession, *, product_id: uuid.UUID, fields: SkuFields) -> SkuView:
    """One more variant of the product, active at once."""
    product = await _product(session, product_id)
    sku = _new_sku(product, SkuEdit(fields=fields))
    session.add(sku)
    await _flush(session)
    await _indexed(session, product)
    return _sku_view(sku)


async def save_sku(session: AsyncSession, *, sku_id: uuid.UUID, version: int, fields: SkuFields) -> SkuView:
    """Change what the SKU is, as of ``version``. Records ``SkuPriceChanged`` if the price is another one."""
    sku = await _sku(session, sku_id)
    return await _save_sku(session, sku, SkuEdit(id=sku_id, version=version, fields=fields, status=sku.status))


async def change_sku_status(
    session: AsyncSession, *, sku_id: uuid.UUID, version: int, target: SkuStatus
) -> SkuView:
    """Withdraw the SKU or bring it back. Records ``SkuWithdrawn``."""
    sku = await _sku(session, sku_id)
    SKU.check(sku.status, target)
    return await _save_sku(session, sku, SkuEdit(id=sku_id, version=version, fields=_fields(sku), status=target))


async def change_price(
    session: AsyncSession, *, sku_id: uuid.UUID, version: int, price_minor: int, currency: str
) -> SkuView:
    """Set the price in minor units. Records ``SkuPriceChanged`` if it is another one."""
    sku = await _sku(session, sku_id)
    fields = msgspec.structs.replace(_fields(sku), price_minor=price_minor, currency=currency)
    return await _save_sku(session, sku, SkuEdit(id=sku_id, version=version, fields=fields, status=sku.status))


async def filter_choices(session: AsyncSession) -> tuple[list[str], list[str]]:
    """The categories and product types in use, in alphabetical order."""
    return await products.categories_and_types(session)


async def _product(session: AsyncSession, product_id: uuid.UUID) -> Product:
    product = await products.by_id(session, product_id=product_id)
    if product is None:
        raise ProductUnknown(product_id=str(product_id))
    return product


async def _sku(session: AsyncSession, sku_id: uuid.UUID) -> Sku:
    sku = await skus.by_id(session, sku_id=sku_id)
    if sku is None:
        raise SkuUnknown(sku_id=str(sku_id))
    return sku


def _same_version(row: Product | Sku, version: int) -> None:
    if row.version != version:
        raise VersionConflict(id=str(row.id), version=row.version)


def _new_sku(product: Product, edit: SkuEdit) -> Sku:
    values = msgspec.structs.asdict(edit.fields)
    return Sku(brand_id=product.brand_id, product_id=product.id, status=edit.status, **values)


def _edit_sku(sku: Sku | None, edit: SkuEdit) -> list[Event]:
    """Apply one edited row; what happened by it."""
    if sku is None:
        raise SkuUnknown(sku_id=str(edit.id))
    _same_version(sku, edit.version)
    events: list[Event] = []
    if (sku.price_minor, sku.currency) != (edit.fields.price_minor, edit.fields.currency):
        events.append(
            SkuPriceChanged(
                sku_id=sku.id,
                product_id=sku.product_id,
                old_price_minor=sku.price_minor,
                old_currency=sku.currency,
                price_minor=edit.fields.price_minor,
                currency=edit.fields.currency,
                changed_at=clock.now(),
            )
        )
    if sku.status is not edit.status:
        sku.move_to(edit.status)
        if edit.status is SkuStatus.WITHDRAWN:
            events.append(SkuWithdrawn(sku_id=sku.id, product_id=sku.product_id))
    sku.sqlmodel_update(msgspec.structs.asdict(edit.fields))
    return events


async def _save_sku(session: AsyncSession, sku: Sku, edit: SkuEdit) -> SkuView:
    events = _edit_sku(sku, edit)
    await _flush(session)
    await outbox.record(session, *events)
    await _indexed(session, await _product(session, sku.product_id))
    return _sku_view(sku)


def _fields(sku: Sku) -> SkuFields:
    return msgspec.convert(sku, SkuFields, from_attributes=True)


async def _flush(session: AsyncSession) -> None:
    """Write, and name the key that somebody else has."""
    taken = {
        "uq_catalog_product_brand_id_code": ProductCodeTaken(),
        "uq_catalog_sku_brand_id_code": SkuCodeTaken(),
        "uq_catalog_sku_brand_id_barcode": BarcodeTaken(),
    }
    async with conflicts(taken):
        await session.flush()


async def _indexed(session: AsyncSession, product: Product) -> ProductView:
    """Make the product findable by what it is now."""
    view = await _view(session, product)
    texts = [view.code, view.name, view.product_line, view.category, view.product_type, view.name_en, *view.tags]
    for sku in view.skus:
        texts += [sku.code, *said_of(sku)]
    await products.set_terms(session, product=product, terms=search_terms(texts))
    return view


async def _view(session: AsyncSession, product: Product) -> ProductView:
    return ProductView(
        id=product.id,
        code=product.code,
        name=product.name,
        name_en=product.name_en,
        product_line=product.product_line,
        category=product.category,
        product_type=product.product_type,
        description=product.description,
        description_en=product.description_en,
        status=product.status,
        tags=tuple(await products.tags_of(session, product_id=product.id)),
        skus=tuple(_sku_view(sku) for sku in await skus.of_product(session, product_id=product.id)),
        version=product.version,
        updated_at=product.updated_at,
        pictures=tuple(
            one for one in await pictures.of_product(session, product_id=product.id) if one.removed_at is None
        ),
    )


def _sku_view(sku: Sku) -> SkuView:
    return msgspec.convert(sku, SkuView, from_attributes=True)


def _summary(product: Product, totals: skus.Totals, picture: PictureView | None) -> ProductSummary:
    return ProductSummary(
        id=product.id,
        code=product.code,
        name=product.name,
        name_en=product.name_en,
        product_line=product.product_line,
        category=product.category,
        product_type=product.product_type,
        status=product.status,
        version=product.version,
        sku_count=totals.sku_count,
        price_from_minor=totals.price_from_minor,
        price_to_minor=totals.price_to_minor,
        currency=totals.currency,
        swatches=tuple(totals.shades or ())[:_SWATCHES],
        picture=picture,
    )
