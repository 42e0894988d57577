"""Makes catalogue things for tests, through the room's own service."""

import io
import uuid
from functools import lru_cache

from PIL import Image

from yundian.brands.types import BrandView
from yundian.catalog.adapters import pictures as drawing
from yundian.catalog.service import editing as service
from yundian.catalog.service import pictures
from yundian.catalog.states import ProductStatus
from yundian.catalog.types import DrawnPicture, PictureView, ProductFields, ProductView, SkuEdit, SkuFields
from yundian.platform.db.services import Services


def sku_fields(code: str = "LIP-01-A", **changes: object) -> SkuFields:
    values: dict[str, object] = {
        "code": code,
        "price_minor": 12_900,
        "currency": "CNY",
        "shade_name": "枫叶红",
        "shade_hex": "#a03020",
    }
    return SkuFields(**(values | changes))  # type: ignore[arg-type]


def product_fields(code: str = "LIP-01", **changes: object) -> ProductFields:
    values: dict[str, object] = {
        "code": code,
        "name": "云雾丝绒唇釉 Velvet Lip",
        "category": "lips",
        "product_type": "lip_gloss",
    }
    return ProductFields(**(values | changes))  # type: ignore[arg-type]


async def make_product(
    services: Services,
    brand: BrandView,
    *,
    fields: ProductFields | None = None,
    skus: tuple[SkuFields, ...] | None = None,
    status: ProductStatus = ProductStatus.DRAFT,
) -> ProductView:
    """A committed product; with one SKU when nothing is said."""
    edits = [SkuEdit(fields=sku) for sku in ((sku_fields(),) if skus is None else skus)]
    async with services.database.unit_of_work(brand.id) as session:
        product = await service.create_product(
            session, brand_id=brand.id, fields=fields or product_fields(), sku_edits=edits
        )
        if status is not ProductStatus.DRAFT:
            product = await service.change_status(
                session, product_id=product.id, version=product.version, target=status
            )
    return product


def picture_file(colour: str = "#a03020", *, size: tuple[int, int] = (320, 300), kind: str = "PNG") -> bytes:
    """A file as somebody might upload it."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


@lru_cache(maxsize=16)
def drawn_picture(colour: str = "#a03020") -> DrawnPicture:
    return drawing.draw(picture_file(colour))


async def make_picture(
    services: Services, brand: BrandView, product_id: uuid.UUID, colour: str = "#a03020"
) -> PictureView:
    """A committed picture of the product, in one colour."""
    async with services.database.connection(brand.id) as tx:
        return await pictures.add_picture(tx, product_id=product_id, drawn=drawn_picture(colour))


async def events_of(services: Services, brand: BrandView) -> list[str]:
    """The tags of the brand's recorded events, in order."""
    async with services.database.connection(brand.id) as tx:
        return [row["tag"] for row in await tx.fetch("SELECT tag FROM outbox_event ORDER BY id")]
