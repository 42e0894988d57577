"""A customer's appointments: what she shows at the door, cancelling; and the link that needs no sign-in."""

import datetime as dt
import uuid
from typing import Any

import segno
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import LinkExpired
from appointments.repository import bookings, lapsed, waits
from appointments.repository import setup as repository
from appointments.rules import life as rules
from appointments.schemas.calendars import calendar_file
from appointments.schemas.forms import LABELS
from appointments.service import life, links, waiting
from appointments.service.booking import decided
from appointments.states import BookingState, Source
from appointments.types import BookingView
from groupbuy import api as groups
from groupbuy.types import GroupView
from stores import api as stores
from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.members import api as members
from yundian.payments import api as payments
from yundian.platform.auth.guards import anyone, customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest, page, see_other

_PAST = dt.timedelta(days=180)
_LIMIT = 100


class MyAppointmentPages(Controller):
    path = "/m/{brand_code:str}/appointments"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="appointments.mine")
    async def list_own(
        self,
        brand_code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What comes, what was, and where she waits."""
        now = clock.house()
        member_id = principal.own_id
        coming = await bookings.of_member(session, member_id=member_id, since=now, until=None, limit=_LIMIT)
        past = await bookings.of_member(session, member_id=member_id, since=now - _PAST, until=now, limit=_LIMIT)
        came_to_nothing = await lapsed.of_member(session, member_id=member_id, since=now - _PAST, limit=_LIMIT)
        waits_for = await waits.of_member(session, member_id=member_id, since=(now - dt.timedelta(days=1)).date())
        over = [one for one in (*coming, *past) if one.state not in _STANDS] + came_to_nothing
        ids = {one.shop_id for one in (*coming, *over)} | {one.shop_id for one in waits_for}
        shops = await stores.get_shops(session, ids=ids)
        names = {one.id: one.name for one in told(await repository.offered(session, shop_id=None))}
        return page(
            "appointments/mine.html",
            brand=await brands.find_brand(session, code=brand_code),
            coming=[one for one in coming if one.state in _STANDS],
            past=sorted(over, key=lambda one: one.starts_at, reverse=True),
            waits=waits_for,
            shops=shops,
            services=names,
            **LABELS,
        )

    @get("/{code:str}", name="appointments.my_appointment")
    async def show(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One of them, with the code to be shown at the shop."""
        booking = await life.see_code(session, code=code, member_id=principal.own_id)
        brand = await brands.find_brand(session, code=brand_code)
        return page("appointments/one.html", **await _one(session, services, brand, booking), **LABELS)

    @post("/{code:str}/cancel", name="appointments.my_appointment.cancel", status_code=303)
    async def cancel(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Give the time back."""
        member_id = principal.own_id

        async def attempt(tx: Tx) -> None:
            found = await life.see_code(tx, code=code, member_id=member_id)
            booking = await life.see(tx, booking_id=found.id, is_locked=True)
            await life.cancel_own(tx, booking, actor_id=member_id, now=booking.seen_at)

        form = Form.of()
        async with form.attempt():
            await decided(services.database, principal.brand, attempt)
        return see_other(f"/m/{brand_code}/appointments/{code}", toast=form.message or _("Cancelled"))

    @post("/{code:str}/accept", name="appointments.my_appointment.accept", status_code=303)
    async def accept(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Take what the waiting list offers."""
        here = f"/m/{brand_code}/appointments/{code}"
        payer = await members.payer_of(
            services.database,
            keyring=services.keyring,
            principal=principal,
            user_agent=request.headers.get("User-Agent", ""),
        )

        async def attempt(tx: Tx) -> tuple[str, BookingState]:
            found = await life.see_code(tx, code=code, member_id=principal.own_id)
            booking = await life.see(tx, booking_id=found.id, is_locked=True)
            path = await waiting.accept(
                tx, booking, keyring=services.keyring, return_path=here, now=booking.seen_at, payer=payer
            )
            return path, (await life.see(tx, booking_id=found.id)).state

        form = Form.of()
        async with form.attempt():
            pay_path, state = await decided(services.database, principal.brand, attempt)
            return see_other(pay_path) if pay_path else see_other(here, toast=booked_text(state))
        return see_other(here, toast=form.message)

    @get("/{code:str}/calendar.ics", name="appointments.my_appointment.calendar")
    async def calendar(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[bytes]:
        """For her calendar."""
        booking = await life.see_code(session, code=code, member_id=principal.own_id)
        brand = await brands.find_brand(session, code=brand_code)
        return await calendar_file(session, told(brand).name, [booking])

    @post("/waits/{wait_id:uuid}/leave", name="appointments.leave_wait", status_code=303)
    async def leave(
        self,
        brand_code: FromPath[str],
        wait_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Off the waiting list."""
        form = Form.of()
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await waiting.leave(tx, wait_id=wait_id, member_id=principal.own_id)
        return see_other(f"/m/{brand_code}/appointments", toast=form.message or _("You do not wait any more"))


class LinkPages(Controller):
    """Whoever has the address may see and cancel this one appointment; it tells no name and no phone."""

    path = "/a"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012

    @get("/{token:str}", name="appointments.link")
    async def show(self, token: FromPath[str], services: NamedDependency[Services]) -> Template:
        """The appointment, or what took its place; of one that is long over, where another is booked."""
        try:
            brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        except LinkExpired as expired:
            return await _over(services, token, expired)
        async with services.database.unit_of_work(brand_id) as session:
            brand = await brands.find_brand(session, code=await brands.code_of(session))
            context = await _one(session, services, brand, booking)
        return page("appointments/link.html", token=token, **context, **LABELS)

    @post("/{token:str}/cancel", name="appointments.link.cancel", status_code=303, opt={"rate_limit": "10/minute"})
    async def cancel(self, token: FromPath[str], services: NamedDependency[Services]) -> Redirect:
        """Give the time back."""
        brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        form = Form.of()
        async with form.attempt():
            await links.cancel(services.database, brand_id=brand_id, booking_id=booking.id)
        return see_other(f"/a/{token}", toast=form.message or _("Cancelled"))

    @get("/{token:str}/calendar.ics", name="appointments.link.calendar")
    async def calendar(self, token: FromPath[str], services: NamedDependency[Services]) -> Response[bytes]:
        """For a calendar."""
        brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        async with services.database.unit_of_work(brand_id) as session:
            brand = await brands.find_brand(session, code=await brands.code_of(session))
            return await calendar_file(session, told(brand).name, [booking])


_STANDS = frozenset(
    {
        BookingState.HELD,
        BookingState.REQUESTED,
        BookingState.CONFIRMED,
        BookingState.ARRIVED,
        BookingState.IN_SERVICE,
    }
)


def booked_text(state: BookingState, *, is_moved: bool = False) -> str:
    """What is said when she has chosen a time."""
    if state is BookingState.REQUESTED:
        return _("Sent: the shop confirms it first")
    return _("Moved") if is_moved else _("Booked")


async def _one(
    session: AsyncSession, services: Services, brand: BrandView, booking: BookingView
) -> dict[str, Any]:
    now = booking.seen_at
    service = await repository.get_service(session, service_id=booking.service_id)
    shops = await stores.get_shops(session, ids={booking.shop_id})
    later = await bookings.moved_to(session, booking_id=booking.id)
    token = links.token_of(services.keyring, brand_id=brand.id, booking=booking)
    is_held, is_lapsed = booking.state is BookingState.HELD, booking.state is BookingState.EXPIRED
    is_of_line, is_of_group = booking.source is Source.WAITLIST, booking.source is Source.GROUP
    # Whose time is up has lapsed for her, whether or not the courier has come by yet.
    is_up = is_held and booking.expires_at is not None and booking.expires_at <= now
    pay_path = ""
    if booking.state is BookingState.HELD and booking.payment_id is not None:
        pay_path = payments.pay_path(services.keyring, brand_id=brand.id, payment_id=booking.payment_id)
    return {
        "brand": brand,
        "booking": booking,
        "service": service,
        "shop": shops[booking.shop_id],
        "later": later,
        "link": f"/a/{token}",
        "pay_path": pay_path,
        "is_offer": is_of_line and is_held and not is_up and not pay_path,
        "is_offer_over": is_of_line and (is_lapsed or (is_up and not pay_path)),
        "is_group_s": is_of_group and is_held,
        "is_group_over": is_of_group and is_lapsed,
        "group": await _group(session, booking) if is_of_group and (is_held or is_lapsed) else None,
        "is_changeable": rules.is_changeable(booking),
        "is_cancellable": rules.is_cancellable(booking),
        "is_over": booking.state not in _STANDS,
        "is_late": rules.is_late(booking, now=now),
        "cutoff": rules.cutoff_of(booking),
        "waited_until": rules.given_up_at(booking),
        # Not the smaller kind that so short a text would get: no phone reads it.
        "qr": segno.make_qr(booking.code, error="m").svg_data_uri(scale=6, border=2),
        "zone": booking.time_zone,
    }


async def _over(services: Services, token: str, expired: LinkExpired) -> Template:
    """Whoever kept a link that was good is still a guest of the brand."""
    named = rules.read_link(token)
    if named is None:
        raise expired
    async with services.database.unit_of_work(named[0]) as session:
        brand = await brands.find_brand(session, code=await brands.code_of(session))
    return page("appointments/link_over.html", status_code=expired.status, brand=brand)


async def _group(session: AsyncSession, booking: BookingView) -> GroupView | None:
    """The group that this time was held for: whoever holds it may invite others, or see why it came to nothing."""
    if booking.session_id is None:
        return None
    group_id = await lapsed.group_behind(session, session_id=booking.session_id)
    return await groups.get_group(session, group_id=group_id) if group_id else None
