"""A room of the tests: routes that succeed, refuse and break in every way a real one might."""

import asyncio
import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect, Template
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands.models import BrandPolicy
from yundian.platform.auth.guards import anyone, requires, signed_in
from yundian.platform.core.errors import DomainError, InvalidInput
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.conflicts import conflicts
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.models import OutboxEvent
from yundian.platform.room import Room
from yundian.platform.web.declare import Panel, Place
from yundian.platform.web.forms import Form
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import DEFAULT_LIMIT, Cursor, Limit
from yundian.platform.web.openapi import refusals
from yundian.platform.web.pages import fragment, page, see_other

ADMIN = requires(Role.HQ_ADMIN)


class Rang(Event, frozen=True, kw_only=True, tag="probe.rang.v1"):
    note: str


class OutOfStock(DomainError):
    code = "probe.out_of_stock"
    title = "Sold out"


class CodeTaken(DomainError):
    code = "probe.code_taken"
    title = "Taken"


class Line(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    quantity: Annotated[int, msgspec.Meta(ge=1)]


class Bell(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    times: int = 1
    price: float = 0.0
    at: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None
    lines: list[Line] = []
    sleep_s: float = 0.0
    refuse: bool = False


class Rung(msgspec.Struct, kw_only=True):
    id: uuid.UUID
    note: str


async def rings(session: AsyncSession) -> int:
    """How often the bell rang, in the session's brand."""
    query = select(func.count()).select_from(OutboxEvent).where(col(OutboxEvent.tag) == Rang.tag_of())
    return (await session.exec(query)).one()


async def ring(session: AsyncSession, note: str) -> None:
    await outbox.record(session, Rang(note=note))


class ProbeController(Controller):
    path = "/probe"

    @post("/bells", operation_id="probe_ring", guards=[ADMIN], responses=refusals(OutOfStock))
    @idempotent
    async def ring(self, data: JSONBody[Bell], session: NamedDependency[AsyncSession]) -> Rung:
        """Ring once."""
        await ring(session, data.note)
        await session.flush()
        await asyncio.sleep(data.sleep_s)
        if data.refuse:
            raise OutOfStock(left=0)
        return Rung(id=uuid.uuid4(), note=data.note)  # noqa: TID251  any id

    @get("/bells", operation_id="probe_list", guards=[ADMIN])
    async def list_bells(self, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Rung]:
        return Page(items=[], next_cursor=cursor if limit else None)

    @get("/bells/{bell_id:uuid}", operation_id="probe_get", guards=[signed_in])
    async def get_bell(self, bell_id: FromPath[uuid.UUID]) -> Rung:
        return Rung(id=bell_id, note="")

    @post("/policies", operation_id="probe_policy", guards=[ADMIN])
    async def policy(
        self,
        data: JSONBody[dict[str, Any]],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Writes whatever is sent: what the database itself refuses."""
        row = (await session.exec(select(BrandPolicy).where(col(BrandPolicy.brand_id) == principal.brand))).one()
        for name, value in data.items():
            setattr(row, name, value)
        await session.flush()

    @post("/taken", operation_id="probe_taken", guards=[ADMIN])
    async def taken(self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> None:
        async with conflicts({"pk_brand_policy": CodeTaken(code="x")}):
            session.add(BrandPolicy(brand_id=principal.brand, id=principal.brand, display_name="twice"))
            await session.flush()

    @post("/taken-unnamed", operation_id="probe_taken_unnamed", guards=[ADMIN])
    async def taken_unnamed(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> None:
        session.add(BrandPolicy(brand_id=principal.brand, id=principal.brand, display_name="twice"))

    @get("/stale", operation_id="probe_stale", guards=[ADMIN])
    async def stale(self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> None:
        """Somebody else saves in between; the refusal comes from the commit, after the handler."""
        row = (await session.exec(select(BrandPolicy).where(col(BrandPolicy.brand_id) == principal.brand))).one()
        statement = sa.update(BrandPolicy).values(version=BrandPolicy.version + 1)
        await session.exec(statement.execution_options(synchronize_session=False))
        row.display_name = "late"

    @get("/slow", operation_id="probe_slow", guards=[ADMIN])
    async def slow(self, services: NamedDependency[Services], principal: NamedDependency[Principal]) -> None:
        async with services.database.connection(principal.brand) as tx:
            await tx.execute("SET LOCAL statement_timeout = '50ms'")
            await tx.execute("SELECT pg_sleep(5)")

    @get("/break", operation_id="probe_break", guards=[ADMIN])
    async def broken(self) -> None:
        raise KeyError("13812345678 correct horse battery")

    @post("/wrong-field", operation_id="probe_wrong_field", guards=[ADMIN])
    async def wrong_field(self) -> None:
        raise InvalidInput("shade.hex", "Not a colour")

    @get("/limited", operation_id="probe_limited", guards=[anyone], opt={"rate_limit": "5/minute"})
    async def limited(self) -> str:
        return "ok"


class BellForm(msgspec.Struct, kw_only=True):
    note: Annotated[str, msgspec.Meta(min_length=3)]
    times: int
    tags: list[str] = []
    is_loud: bool = False


class ProbePages(Controller):
    include_in_schema = False

    @get("/probe/form", name="probe.form", guards=[ADMIN], sync_to_thread=False)
    def empty(self) -> Template:
        return page("probe/form.html", form=Form.of(note="hello"))

    @post("/probe/form", name="probe.form.save", guards=[ADMIN])
    @idempotent
    async def save(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Template | Redirect:
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(BellForm)
            await ring(session, values.note)
            if values.times > 100:
                raise OutOfStock
        if form.failed:
            return page("probe/form.html", form=form, status_code=form.status)
        return see_other("/probe/form", toast="Saved")

    @get("/probe/panel", name="probe.panel", guards=[ADMIN], sync_to_thread=False)
    def panel(self) -> Template:
        return fragment("probe/panel.html")


PROBE = Room(
    name="probe",
    package="tests.web",
    controllers=(ProbeController,),
    pages=(ProbePages,),
    panels=(Panel(place=Place.HQ_HOME, order=1, url="/probe/panel", roles=frozenset({Role.HQ_ADMIN})),),
)
