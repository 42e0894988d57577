"""HQ's page of imported shop lists: the runs, and the records that could not be taken in."""

import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.service.imports import SHOPS
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.intake import quarantine
from yundian.platform.intake.models import QuarantineState
from yundian.platform.web import file_words, held
from yundian.platform.web.forms import Form
from yundian.platform.web.held import HeldPlace
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, page

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PLACE = HeldPlace(SHOPS, "/hq/imports/shops")
RUNS_SHOWN = 10
PAGE_SIZE = 50

Shown = Annotated[str, QueryParameter(max_length=20)]


class ImportPages(Controller):
    path = PLACE.path
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
            states=file_words.state_choices(),
            path=PLACE.path,
        )

    @get("/{quarantine_id:uuid}", name="stores.import.record", guards=[readers])
    async def show_record(
        self,
        quarantine_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One record: as it stood in the file, what is wrong, and its columns to correct."""
        return await held.show(session, PLACE, brand=principal.brand, held_id=quarantine_id)

    @post("/{quarantine_id:uuid}/replay", name="stores.import.replay", guards=[writers], status_code=200)
    async def replay(
        self,
        quarantine_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try the record again with what was corrected."""
        return await held.replay(request, services, PLACE, brand=principal.brand, held_id=quarantine_id)

    @post("/{quarantine_id:uuid}/discard", name="stores.import.discard", guards=[writers], status_code=200)
    async def discard(
        self,
        quarantine_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Leave the record out."""
        return await held.discard(request, services, PLACE, brand=principal.brand, held_id=quarantine_id)

    @post("/{quarantine_id:uuid}/undo", name="stores.import.undo", guards=[writers], status_code=200)
    async def undo(
        self,
        quarantine_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Have it looked at after all."""
        return await held.undo(request, services, PLACE, brand=principal.brand, held_id=quarantine_id)
