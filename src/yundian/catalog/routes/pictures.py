"""Pictures of products: whoever works for the brand sees them listed, HQ admins add and order them."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.errors import (
    PictureTooLarge,
    PictureTooSmall,
    PictureUnknown,
    PictureUnreadable,
    ProductUnknown,
    TooManyPictures,
)
from yundian.catalog.schemas import MAX_PICTURE_BYTES, PictureOrder
from yundian.catalog.service import pictures as service
from yundian.catalog.types import PictureView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

readers = requires(*Role)
writers = requires(Role.HQ_ADMIN)


@dataclass
class PictureUpload:
    """A form with one file."""

    file: UploadFile


Upload = Annotated[PictureUpload, Body(media_type=RequestEncodingType.MULTI_PART)]


class PictureController(Controller):
    path = ""

    @get(
        "/products/{product_id:uuid}/pictures",
        operation_id="catalog_list_pictures",
        guards=[readers],
        responses=refusals(ProductUnknown),
    )
    async def list_pictures(
        self, product_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> list[PictureView]:
        """List a product's pictures in their order; those with ``removed_at`` can still be put back."""
        return await service.list_pictures(session, product_id=product_id)

    @post(
        "/products/{product_id:uuid}/pictures",
        operation_id="catalog_add_picture",
        guards=[writers],
        # The form around the file, and a file that is a little too large: it is told so.
        request_max_body_size=2 * MAX_PICTURE_BYTES,
        responses=refusals(ProductUnknown, TooManyPictures, PictureUnreadable, PictureTooLarge, PictureTooSmall),
    )
    async def add_picture(
        self,
        product_id: FromPath[uuid.UUID],
        data: Upload,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> PictureView:
        """Add a JPEG, PNG or WebP file (10 MB at most) as the last picture. The same file again changes nothing.

        It is kept as WebP in two sizes and as a square JPEG, upright, without what it told of camera and place.
        """
        drawn = await service.draw(await data.file.read(MAX_PICTURE_BYTES + 1))
        async with services.database.connection(principal.brand) as tx:
            return await service.add_picture(tx, product_id=product_id, drawn=drawn)

    @put(
        "/products/{product_id:uuid}/pictures",
        operation_id="catalog_order_pictures",
        guards=[writers],
        responses=refusals(ProductUnknown, PictureUnknown),
    )
    @idempotent
    async def order_pictures(
        self,
        product_id: FromPath[uuid.UUID],
        data: JSONBody[PictureOrder],
        session: NamedDependency[AsyncSession],
    ) -> list[PictureView]:
        """Put the pictures in this order; the first stands for the product."""
        return await service.order_pictures(session, product_id=product_id, ids=data.ids)

    @delete(
        "/pictures/{picture_id:uuid}",
        operation_id="catalog_remove_picture",
        guards=[writers],
        status_code=200,
        responses=refusals(PictureUnknown),
    )
    @idempotent
    async def remove_picture(
        self, picture_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> PictureView:
        """Remove a picture: nobody sees it any more. It can be put back for thirty days."""
        return await service.remove_picture(session, picture_id=picture_id)

    @post(
        "/pictures/{picture_id:uuid}/restore",
        operation_id="catalog_restore_picture",
        guards=[writers],
        status_code=200,
        responses=refusals(PictureUnknown, TooManyPictures),
    )
    @idempotent
    async def restore_picture(
        self, picture_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> PictureView:
        """Put a removed picture back at its place."""
        return await service.restore_picture(session, picture_id=picture_id)
