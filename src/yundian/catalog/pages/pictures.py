"""The pictures of a product: HQ adds, orders and removes them; whoever has the address of one sees it."""

import uuid
from typing import Any

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.pages.products import edit_page
from yundian.catalog.schemas import MAX_PICTURE_BYTES, PictureMove
from yundian.catalog.service import pictures as service
from yundian.catalog.types import PictureSize
from yundian.platform.auth.guards import anyone, requires
from yundian.platform.core.errors import DomainError, NotFound
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, fragment, is_htmx, see_other
from yundian.platform.web.problems import translated

writers = requires(Role.HQ_ADMIN)

# Several at once; larger sendings are refused before they are read.
MAX_BODY_BYTES = 8 * MAX_PICTURE_BYTES
# The address names its content: what is there never changes.
_FOR_EVER = "public, max-age=31536000, immutable"
_MEDIA = {PictureSize.SMALL: "image/webp", PictureSize.LARGE: "image/webp", PictureSize.CARD: "image/jpeg"}


class PictureFiles(Controller):
    path = "/pictures"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = {"no_principal": True, "exclude_from_limits": True}  # noqa: RUF012

    @get("/{brand_id:uuid}/{name:str}", name="catalog.picture.file")
    async def show(
        self, brand_id: FromPath[uuid.UUID], name: FromPath[str], services: NamedDependency[Services]
    ) -> Response[bytes]:
        """The picture with this hash, for whoever was shown its address."""
        data, size = await service.read_picture(services.database, brand_id=brand_id, name=name)
        return Response(data, media_type=_MEDIA[size], headers={"Cache-Control": _FOR_EVER})


class PicturePages(Controller):
    path = "/hq/products/{product_id:uuid}/pictures"
    include_in_schema = False
    guards = [writers]  # noqa: RUF012  Litestar's way to guard a controller

    @post(name="catalog.pictures.add", status_code=200, request_max_body_size=MAX_BODY_BYTES)
    async def add(
        self,
        product_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take every file that is a picture, and say of the others why not."""
        sent = (await request.form()).getall("file", [])
        files = [one for one in sent if isinstance(one, UploadFile) and one.filename]
        refused: list[str] = [] if files else [_("Choose a picture first.")]
        for file in files:
            try:
                await _take(services, principal, product_id, file)
            except NotFound:
                raise
            except DomainError as error:
                refused.append(f"{file.filename}: {translated(error.title)}")
        said = Form.of()
        if refused:
            said.status, said.message = 400, "\n".join(refused)
        return await _answer(request, services, principal, product_id, said)

    @get("/{picture_id:uuid}", name="catalog.picture")
    async def thumbnail(
        self,
        product_id: FromPath[uuid.UUID],
        picture_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
    ) -> Response[bytes]:
        """What a picture looks like that may be put back."""
        data = await service.read_thumbnail(session, picture_id=picture_id)
        return Response(data, media_type=_MEDIA[PictureSize.SMALL])

    @post("/{picture_id:uuid}/move", name="catalog.picture.move", status_code=200)
    async def move(
        self,
        product_id: FromPath[uuid.UUID],
        picture_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """To another place among the others."""
        form = await Form.read(request)
        async with services.database.unit_of_work(principal.brand) as session, form.attempt(session):
            await service.move_picture(session, picture_id=picture_id, move=form.parse(PictureMove).to)
        return await _answer(request, services, principal, product_id, form)

    @post("/{picture_id:uuid}/remove", name="catalog.picture.remove", status_code=200)
    async def remove(
        self,
        product_id: FromPath[uuid.UUID],
        picture_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Nobody sees it any more; it stays at hand to be put back."""
        form = await Form.read(request)
        async with services.database.unit_of_work(principal.brand) as session, form.attempt(session):
            await service.remove_picture(session, picture_id=picture_id)
        return await _answer(request, services, principal, product_id, form)

    @post("/{picture_id:uuid}/restore", name="catalog.picture.restore", status_code=200)
    async def restore(
        self,
        product_id: FromPath[uuid.UUID],
        picture_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Back at its place."""
        form = await Form.read(request)
        async with services.database.unit_of_work(principal.brand) as session, form.attempt(session):
            await service.restore_picture(session, picture_id=picture_id)
        return await _answer(request, services, principal, product_id, form)


async def _take(services: Services, principal: Principal, product_id: uuid.UUID, file: UploadFile) -> None:
    drawn = await service.draw(await file.read(MAX_PICTURE_BYTES + 1))
    async with services.database.connection(principal.brand) as tx:
        await service.add_picture(tx, product_id=product_id, drawn=drawn)


async def _answer(
    request: AnyRequest, services: Services, principal: Principal, product_id: uuid.UUID, said: Form
) -> Response[Any]:
    """The part of the page with the pictures, or the whole page where there is no script."""
    is_part = is_htmx(request)
    if not is_part and not said.failed:
        return see_other(f"/hq/products/{product_id}#pictures")
    async with services.database.unit_of_work(principal.brand) as session:
        if not is_part:
            return await edit_page(session, principal, product_id, pictures_said=said)
        views = await service.list_pictures(session, product_id=product_id)
    # A refusal is shown in its place: HTMX swaps a part in whatever its status is.
    return fragment("catalog/_pictures.html", product_id=product_id, pictures=views, said=said)
