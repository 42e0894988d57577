"""A shop's day on a board: who comes when, to whom and on which chair; checking in, and moving by hand."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown, CapReached, SlotTaken
from appointments.pages.refused import explain_code, is_order_code
from appointments.pages.shared import own_shops, uuid_or_none
from appointments.repository import boards as marks
from appointments.repository import bookings, waits
from appointments.rules import boards
from appointments.rules.boards import Frame, Moments, Place, Span
from appointments.schemas.forms import LABELS, CodeForm, PlaceForm, UndoForm, utc
from appointments.service import dropping, moves, planning, sessions, setup, shifts, steps, undoing
from appointments.service.moves import KeptTime
from appointments.service.steps import By
from appointments.states import LIVE, MOVABLE, BookingState, Status
from appointments.types import BookingView
from stores.types import ShopView
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web import formats
from yundian.platform.web.forms import Form
from yundian.platform.web.headers import WITH_CAMERA
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest, fragment, is_htmx, page, see_other

Chosen = Annotated[uuid.UUID | None, QueryParameter()]
Day = Annotated[dt.date | None, QueryParameter()]
Lanes = Annotated[str, QueryParameter(name="by", max_length=8)]
_ON_BOARD = LIVE | {BookingState.COMPLETED}
_ONE_DAY = dt.timedelta(days=1)
_MOMENT = dt.timedelta(microseconds=1)


class Lane(NamedTuple):
    """Somebody, or a chair: when she works, and what is booked. ``work`` of ``None``: nobody says."""

    id: uuid.UUID
    name: str
    work: list[Span] | None
    cards: list[tuple[tuple[BookingView, ...], Place]]
    kept: list[tuple[KeptTime, Span]]


class Said(NamedTuple):
    """What became of something; ``moved`` can be moved back. ``focus``: whose card the keyboard is on then."""

    text: str = ""
    moved: BookingView | None = None
    focus: uuid.UUID | None = None


@dataclass(frozen=True)
class Look:
    """What somebody wants to see."""

    shop: ShopView
    day: dt.date
    today: dt.date
    by: str

    @property
    def is_by_chair(self) -> bool:
        return self.by == "chair"


class BoardPages(Controller):
    path = "/shop/appointments"
    include_in_schema = False
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="appointments.board")
    async def board(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        day: Day = None,
        by: Lanes = "staff",
    ) -> Template:
        """One day of my shop, by people or by chairs."""
        return await _board(session, principal, shop, day, by, Form.of())

    @get("/board", name="appointments.board.part")
    async def refreshed(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: FromQuery[uuid.UUID],
        day: FromQuery[dt.date],
        by: Lanes = "staff",
        seen: Annotated[str, QueryParameter(max_length=64)] = "",
    ) -> Response[Any]:
        """The board alone, for a page that is open; nothing if it is as that page has it."""
        look = _look(await own_shops(session, principal), shop, day, by)
        stands = await marks.mark(session, shop_id=look.shop.id, day=look.day, today=look.today)
        return Response(None, status_code=204) if seen == stands else _part(await _shown(session, look), Said())

    @get("/{booking_id:uuid}/places", name="appointments.places")
    async def places(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        day: FromQuery[dt.date],
        by: Lanes = "staff",
    ) -> Response[dict[str, list[int]]]:
        """Where on the board of a day an appointment could go: by lane, in seconds since 1970."""
        async with services.database.connection(principal.brand) as tx:
            found = await dropping.places(
                tx, booking_id=booking_id, shops=principal.own_shops, day=day, is_by_chair=by == "chair"
            )
        return Response({str(lane): [int(at.timestamp()) for at in starts] for lane, starts in found.items()})

    @post("/{booking_id:uuid}/place", name="appointments.place", status_code=200)
    async def place(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Put it somewhere else on the board; the board as it is then, whether that went well or not."""
        form = await Form.read(request)
        said = Said()
        look = await _look_of(services, principal, form)
        async with form.attempt():
            wanted = form.parse(PlaceForm)
            look = replace(look, day=planning.near(wanted.day, look.today))
            to = dropping.Drop(
                start=utc(wanted.start),
                lane=wanted.lane,
                is_by_chair=look.is_by_chair,
                sequence=wanted.version,
            )
            moved = await dropping.drop(
                services.database,
                brand_id=principal.brand,
                booking_id=booking_id,
                to=to,
                shops=principal.own_shops,
                actor_id=principal.id,
            )
            said = Said(_moved_to(moved), moved, moved.id)
        async with services.database.unit_of_work(principal.brand) as session:
            return _part(
                await _shown(session, look),
                said if said.text else Said(form.message, focus=booking_id),
                form.status,
            )

    @post("/{booking_id:uuid}/undo", name="appointments.undo", status_code=200)
    async def undo(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Where it was before the last move; the board as it is then, or the appointment's own page."""
        form = await Form.read(request)
        look = await _look_of(services, principal, form)
        said, stands = "", booking_id
        async with form.attempt():
            wanted = form.parse(UndoForm)
            look = replace(look, day=planning.near(wanted.day, look.today))
            back = await undoing.undo(
                services.database,
                brand_id=principal.brand,
                booking_id=booking_id,
                shops=principal.own_shops,
                actor_id=principal.id,
                sequence=wanted.version,
            )
            said, stands = _("Taken back: it is as before, and nobody was told."), back.id
        if not is_htmx(request):
            return see_other(f"/shop/appointments/{stands}", toast=said or _not_undone(form))
        async with services.database.unit_of_work(principal.brand) as session:
            return _part(await _shown(session, look), Said(said or _not_undone(form), focus=stands), form.status)

    @post("/check-in", name="appointments.check_in", status_code=200)
    async def check_in(
        self, request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> Response[Any]:
        """She shows her code, and is here."""
        form, code = await Form.read(request), ""
        async with form.attempt():
            code = form.parse(CodeForm).code
            try:
                by = By(principal.id, principal.own_shops)
                booking_id = await steps.check_in(services.database, brand_id=principal.brand, code=code, by=by)
                return see_other(f"/shop/appointments/{booking_id}", toast=_("Checked in"))
            except BookingUnknown as unknown:
                form.refuse(unknown)
        shop = uuid_or_none(form.value("shop"))
        async with services.database.unit_of_work(principal.brand) as session:
            now = clock.house()
            meant = await explain_code(session, principal, code=code, form=form, now=now) if code else None
            return await _board(session, principal, shop, None, "staff", form, meant=meant)


async def _board(
    session: AsyncSession,
    principal: Principal,
    shop_id: uuid.UUID | None,
    day: dt.date | None,
    by: str,
    form: Form,
    *,
    meant: BookingView | None = None,
) -> Template:
    own = await own_shops(session, principal)
    if not own:
        return page("appointments/board.html", form=form, shops=[], shop=None)
    chosen = shop_id if shop_id in {one.id for one in own} else own[0].id
    look = _look(own, chosen, day, by)
    return page(
        "appointments/board.html",
        status_code=form.status,
        headers=WITH_CAMERA,
        form=form,
        meant=meant,
        is_order_code=form.failed and is_order_code(form.value("code").strip()),
        shops=own,
        before=look.day - _ONE_DAY,
        after=look.day + _ONE_DAY,
        said=Said(),
        is_refused=False,
        **await _shown(session, look),
    )


def _look(own: list[ShopView], shop_id: uuid.UUID | None, day: dt.date | None, by: str) -> Look:
    shop = next((one for one in own if one.id == shop_id), None)
    if shop is None:
        raise BookingUnknown
    today = clock.business_day(clock.house(), shop.time_zone)
    return Look(shop, planning.near(day, today), today, "chair" if by == "chair" else "staff")


async def _look_of(services: Services, principal: Principal, form: Form) -> Look:
    """What the board shows from which a form was sent."""
    async with services.database.unit_of_work(principal.brand) as session:
        own = await own_shops(session, principal)
    shop_id = uuid_or_none(form.value("shop")) or next((one.id for one in own), None)
    return _look(own, shop_id, None, form.value("by"))


async def _shown(session: AsyncSession, look: Look) -> dict[str, Any]:
    """All that the board of a day is drawn from; ``seen`` tells whether something is new."""
    shop, day = look.shop, look.day
    seen = await marks.mark(session, shop_id=shop.id, day=day, today=look.today)
    found = await bookings.of_day(session, shop_id=shop.id, day=day)
    worked = (await shifts.of_shops(session, shop_ids=[shop.id], first=day, last=day))[shop.id]
    spilt = [
        one
        for one in await bookings.of_day(session, shop_id=shop.id, day=day - _ONE_DAY)
        if clock.business_day(one.ends_at - _MOMENT, shop.time_zone) >= day
    ]
    timed = [one for one in (*spilt, *found) if one.state in _ON_BOARD and not one.is_day_only]
    people = told(await setup.list_staff(session, shop_id=shop.id))
    hours = {one.id: worked.of(one.id) for one in people}
    shown: list[Moments] = [(one.starts_at, one.ends_at) for one in timed]
    shown += [*worked.hours(), *(moments for each in hours.values() for moments in each)]
    frame = boards.frame(shop.time_zone, day, shown)
    busy = {one.staff_id for one in timed}
    chairs = await setup.resources_of(session, shop_id=shop.id) if look.is_by_chair else []
    until = frame.begins + dt.timedelta(minutes=frame.minutes)
    kept = await moves.kept(session, shop_id=shop.id, since=frame.begins, until=until)
    lanes = (
        [
            _lane(frame, one.id, one.name, None, (timed, kept), look)
            for one in sorted(chairs, key=lambda each: boards.natural(each.name))
            if one.status is Status.ACTIVE or one.id in {each.resource_id for each in timed}
        ]
        if look.is_by_chair
        else [
            _lane(frame, one.id, one.display_name, hours[one.id], (timed, kept), look)
            for one in sorted(people, key=lambda each: not (hours[each.id] or each.id in busy))
            if one.status is Status.ACTIVE or one.id in busy
        ]
    )
    known = {one.id for lane in lanes for card, _place in lane.cards for one in card}
    return {
        "seen": seen,
        "shop": shop,
        "day": day,
        "today": look.today,
        "by": look.by,
        "frame": frame,
        "lanes": lanes,
        "open_hours": [span for each in worked.hours() if (span := frame.span(*each))],
        "others": [one for one in found if one.id not in known],
        "sessions": [card for lane in lanes for card, _place in lane.cards if len(card) > 1],
        "requests": [one for one in found if one.state is BookingState.REQUESTED],
        "open_days": await bookings.open_days(session, shop_id=shop.id, since=look.today, now=clock.house()),
        "waiting": len(await waits.of_day(session, shop_id=shop.id, day=day)),
        "total": len(found),
        "zone": shop.time_zone,
        "now": clock.house(),
        "version": sessions.version,
        "movable": MOVABLE,
        **LABELS,
    }


def _lane(
    frame: Frame,
    key: uuid.UUID,
    name: str,
    work: list[Moments] | None,
    shown: tuple[list[BookingView], list[KeptTime]],
    look: Look,
) -> Lane:
    """Everybody in one group session is one card."""
    cards: dict[uuid.UUID, list[BookingView]] = {}
    for one in shown[0]:
        if (one.resource_id if look.is_by_chair else one.staff_id) == key:
            cards.setdefault(one.session_id or one.id, []).append(one)
    spans = None if work is None else [span for each in work if (span := frame.span(*each))]
    mine = [one for one in shown[1] if one.kept.resource_id == key]
    held = [(one, span) for one in mine if (span := frame.span(one.kept.starts_at, one.kept.ends_at))]
    return Lane(key, name, spans, boards.placed(frame, [tuple(card) for card in cards.values()]), held)


def _part(shown: dict[str, Any], said: Said, status: int = 200) -> Template:
    return fragment("appointments/_board.html", status_code=status, said=said, is_refused=status >= 400, **shown)


def _not_undone(form: Form) -> str:
    """Why a move could not be taken back, what became of the appointment, and what can be done."""
    if form.code == SlotTaken.code:
        return _(
            "It cannot go back: somebody else has its old time by now. It stays where you moved it, and the "
            "customer is told so. Move it again if another time is better."
        )
    if form.code == CapReached.code:
        return _(
            "It cannot go back: who served it has no room left on that day. It stays where you moved it, and the "
            "customer is told so. Move it again if another time is better."
        )
    return form.message


def _moved_to(moved: BookingView) -> str:
    """Where it is now, for who has moved it."""
    time = formats.time(moved.starts_at, moved.time_zone)
    if moved.member_id is None:
        return _("Moved to %(time)s, %(person)s", time=time, person=moved.staff_name)
    return _(
        "Moved to %(time)s, %(person)s. The customer is told in a minute.", time=time, person=moved.staff_name
    )
