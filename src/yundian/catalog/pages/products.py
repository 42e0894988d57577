"""HQ's pages: the list of products, and the editor of one with its SKUs."""

import re
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.catalog.schemas import MAX_SKUS, SKU_INPUTS, ProductForm, SkuRow, StatusChange, sku_edits, sku_row
from yundian.catalog.service import editing as service
from yundian.catalog.service import pictures
from yundian.catalog.states import PRODUCT, ProductStatus, SkuStatus
from yundian.catalog.types import PictureView, ProductFilter, ProductView
from yundian.platform.auth.guards import requires
from yundian.platform.core.ids import readable_code
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_ROW_KEY = re.compile(r"[0-9A-Za-z-]{1,40}")

Text = Annotated[str, QueryParameter(max_length=100)]


class ProductPages(Controller):
    path = "/hq/products"
    include_in_schema = False

    @get(name="catalog.products", guards=[readers])
    async def list_products(
        self,
        session: NamedDependency[AsyncSession],
        q: Text = "",
        status: Text = "",
        category: Text = "",
        product_type: Text = "",
        cursor: Cursor = None,
    ) -> Template:
        """Products by code, filtered and searched."""
        wanted = ProductFilter(status=_status(status), category=category, product_type=product_type, search=q)
        found = await service.list_products(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        categories, types = await service.filter_choices(session)
        return page(
            "catalog/products.html",
            products=found,
            filters=Form.of(status=status, category=category, product_type=product_type),
            search=q,
            is_filtered=wanted != ProductFilter(),
            statuses=[(item.value, status_label(item)) for item in ProductStatus],
            categories=[(item, item) for item in categories],
            types=[(item, item) for item in types],
            status_label=status_label,
        )

    @get("/new", name="catalog.product.new", guards=[writers])
    async def new_product(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """An empty editor with one row."""
        policy = await brands.get_policy(session, brand_id=principal.brand)
        return _editor(Form.of(), [_new_row(policy.currency)], product=None, currency=policy.currency)

    @post("/new", name="catalog.product.create", guards=[writers], status_code=200)
    @idempotent
    async def create_product(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Make the product, or show what is wrong."""
        form = await Form.read(request)
        rows = _rows(form)
        async with form.attempt(session):
            fields = form.parse(ProductForm).fields()
            made = await service.create_product(
                session, brand_id=principal.brand, fields=fields, sku_edits=sku_edits(rows)
            )
            return see_other(f"/hq/products/{made.id}", toast=_("Saved"))
        policy = await brands.get_policy(session, brand_id=principal.brand)
        return _editor(form, rows, product=None, currency=policy.currency)

    @get("/{product_id:uuid}", name="catalog.product", guards=[readers])
    async def edit_product(
        self,
        product_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The editor as the product stands."""
        return await edit_page(session, principal, product_id)

    @post("/{product_id:uuid}", name="catalog.product.save", guards=[writers], status_code=200)
    @idempotent
    async def save_product(
        self,
        product_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Save the product and its rows at once, or show what is wrong."""
        form = await Form.read(request)
        rows = _rows(form)
        async with form.attempt(session):
            values = form.parse(_SavedForm)
            await service.save_product(
                session,
                product_id=product_id,
                version=values.version,
                fields=values.fields(),
                sku_edits=sku_edits(rows),
            )
            return see_other(f"/hq/products/{product_id}", toast=_("Saved"))
        return await edit_page(session, principal, product_id, form=form, rows=rows)

    @post("/{product_id:uuid}/status", name="catalog.product.status", guards=[writers], status_code=200)
    @idempotent
    async def change_status(
        self,
        product_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Put the product on sale or withdraw it, or say why not."""
        form = await Form.read(request)
        async with form.attempt(session):
            change = form.parse(StatusChange)
            changed = await service.change_status(
                session, product_id=product_id, version=change.version, target=change.status
            )
            return see_other(f"/hq/products/{product_id}", toast=status_label(changed.status))
        return await edit_page(session, principal, product_id, refusal=form)

    @get("/sku-row", name="catalog.sku_row", guards=[writers])
    async def sku_row(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """One more empty row of the editor."""
        policy = await brands.get_policy(session, brand_id=principal.brand)
        return fragment(
            "catalog/_sku_row.html", row=_new_row(policy.currency), form=Form.of(), sku_statuses=_sku_statuses()
        )

    @get("/swatch", name="catalog.swatch", guards=[writers], sync_to_thread=False)
    def swatch(self, request: Request[Any, Any, Any]) -> Template:
        """The picture of a colour while it is typed (in the input of any row); nothing for what is none."""
        typed = [value for name, value in request.query_params.multi_items() if name.endswith("-shade_hex")]
        row = SkuRow(key="", shade_hex=typed[0] if typed else "")
        return fragment("catalog/_swatch.html", shade=row.swatch)


async def edit_page(
    session: AsyncSession,
    principal: Principal,
    product_id: uuid.UUID,
    *,
    form: Form | None = None,
    rows: list[SkuRow] | None = None,
    refusal: Form | None = None,
    pictures_said: Form | None = None,
) -> Template:
    """The editor as the product stands, or with what was typed; with what was refused beside it."""
    product = await service.get_product(session, product_id=product_id)
    policy = await brands.get_policy(session, brand_id=principal.brand)
    shown = form or _form_of(product)
    if refusal is not None:
        shown.message, shown.status, shown.code = refusal.message, refusal.status, refusal.code
    return _editor(
        shown,
        [sku_row(sku) for sku in product.skus] if rows is None else rows,
        product=product,
        currency=policy.currency,
        pictures=await pictures.list_pictures(session, product_id=product_id),
        said=pictures_said or Form.of(),
    )


class _SavedForm(ProductForm, frozen=True, kw_only=True):
    version: int


def status_label(status: ProductStatus) -> str:
    """The state of a product in the reader's language."""
    return {
        ProductStatus.DRAFT: _("Draft"),
        ProductStatus.ON_SALE: _("On sale"),
        ProductStatus.WITHDRAWN: _("Withdrawn"),
    }[status]


def _sku_statuses() -> list[tuple[str, str]]:
    return [(SkuStatus.ACTIVE.value, _("On sale")), (SkuStatus.WITHDRAWN.value, _("Withdrawn"))]


def _editor(
    form: Form,
    rows: list[SkuRow],
    *,
    product: ProductView | None,
    currency: str,
    pictures: Sequence[PictureView] = (),
    said: Form | None = None,
) -> Template:
    moves = [] if product is None else sorted(PRODUCT.transitions[product.status])
    return page(
        "catalog/product.html",
        status_code=said.status if said is not None and said.failed else form.status,
        pictures=pictures,
        said=said,
        form=form,
        rows=rows,
        product=product,
        currency=currency,
        max_skus=MAX_SKUS,
        sku_statuses=_sku_statuses(),
        status_label=status_label,
        moves=moves,
    )


def _form_of(product: ProductView) -> Form:
    names = ("code", "name", "product_line", "category", "product_type", "description", "version")
    return Form.of(product, *names, "name_en", "description_en", tags=", ".join(product.tags))


def _new_row(currency: str) -> SkuRow:
    return SkuRow(key=f"n{readable_code(10)}", currency=currency)


def _rows(form: Form) -> list[SkuRow]:
    """The rows in the order of the page. Their keys become names of inputs, so anything else is left out."""
    keys = [key for key in form.list("sku") if _ROW_KEY.fullmatch(key)][:MAX_SKUS]
    return [
        msgspec.convert({"key": key, **{name: form.value(f"sku-{key}-{name}") for name in SKU_INPUTS}}, SkuRow)
        for key in dict.fromkeys(keys)
    ]


def _status(text: str) -> ProductStatus | None:
    return ProductStatus(text) if text in set(ProductStatus) else None
