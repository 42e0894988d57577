"""HQ's page of imported shop lists: the runs, and the records that could not be taken in."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.pages import words
from stores.service.imports import SHOPS
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.intake import quarantine
from yundian.platform.intake.models import Quarantined, QuarantineState
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

RUNS_SHOWN = 10
PAGE_SIZE = 50

Shown = Annotated[str, QueryParameter(max_length=20)]


class ImportPages(Controller):
    path = "/hq/imports/shops"
    include_in_schema = False

    @get(name="stores.imports", guards=[readers])
    async def list_imports(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: Shown = "open",
        cursor: Cursor = None,
    ) -> Template:
        """The newest runs, and what waits for somebody."""
        wanted = QuarantineState(show) if show in set(QuarantineState) else QuarantineState.OPEN
        return page(
            "stores/imports.html",
            runs=await quarantine.list_runs(session, brand_id=principal.brand, kind=SHOPS.name, limit=RUNS_SHOWN),
            held=await quarantine.list_quarantine(
                session,
                brand_id=principal.brand,
                kind=SHOPS.name,
                state=wanted,
                limit=PAGE_SIZE,
                cursor=cursor,
            ),
            filters=Form.of(show=wanted.value),
            states=[(item.value, words.quarantine_label(item)) for item in QuarantineState],
            words=words,
        )

    @get("/{quarantine_id:uuid}", name="stores.import.record", guards=[readers])
    async def show_record(
        self,
        quarantine_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One record: as it stood in the file, what is wrong, and its columns to correct."""
        held = await quarantine.get(
            session, brand_id=principal.brand, kind=SHOPS.name, quarantine_id=quarantine_id
        )
        return _record(held, Form.of())

    @post("/{quarantine_id:uuid}/replay", name="stores.import.replay", guards=[writers], status_code=200)
    async def replay(
        self,
        quarantine_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try the record again with what was corrected. A second click finds it settled."""
        form = await Form.read(request)
        corrections = dict(zip(form.list("column"), form.list("value"), strict=False))
        problem = None
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            problem = await quarantine.replay(tx, kind=SHOPS, quarantine_id=quarantine_id, corrections=corrections)
        if problem is None and not form.failed:
            return see_other("/hq/imports/shops", toast=_("The record was taken in"))
        if problem is not None:
            form.status = 400
        async with services.database.unit_of_work(principal.brand) as session:
            held = await quarantine.get(
                session, brand_id=principal.brand, kind=SHOPS.name, quarantine_id=quarantine_id
            )
        return _record(held, form)

    @post("/{quarantine_id:uuid}/discard", name="stores.import.discard", guards=[writers], status_code=200)
    async def discard(
        self,
        quarantine_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Leave the record out for good."""
        form = await Form.read(request)
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await quarantine.discard(tx, kind=SHOPS.name, quarantine_id=quarantine_id)
        if not form.failed:
            return see_other("/hq/imports/shops", toast=_("The record was discarded"))
        async with services.database.unit_of_work(principal.brand) as session:
            held = await quarantine.get(
                session, brand_id=principal.brand, kind=SHOPS.name, quarantine_id=quarantine_id
            )
        return _record(held, form)


def _record(held: Quarantined, form: Form) -> Template:
    # The wrong column first, under the reader's eyes.
    source = dict(sorted((held.source or {}).items(), key=lambda item: item[0] != held.column_name))
    return page(
        "stores/import_record.html",
        status_code=form.status,
        form=form,
        held=held,
        # Lists and objects of a JSON file are shown, not edited.
        columns=[(name, "" if value is None else value) for name, value in source.items() if _is_plain(value)],
        nested=[
            (name, msgspec.json.encode(value).decode()[:2_000])
            for name, value in source.items()
            if not _is_plain(value)
        ],
        words=words,
    )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
