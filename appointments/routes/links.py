"""One appointment by its secret address, by JSON: for whoever comes along, without signing in."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown, LinkExpired, NotNow, SlotPassed
from appointments.rules import life as rules
from appointments.schemas.calendars import CALENDAR, calendar_file
from appointments.schemas.customers import LinkedAppointment, SecretLink
from appointments.service import links
from appointments.types import BookingView
from stores import api as stores
from yundian.brands import api as brands
from yundian.platform.auth.guards import anyone, customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import told
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

_GONE = refusals(BookingUnknown, LinkExpired)


class LinkController(Controller):
    """The address is the right; it tells no name and no phone of the customer's."""

    path = "/appointment-links"
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/{token:str}", operation_id="appointments_get_linked", responses=_GONE)
    async def show(self, token: FromPath[str], services: NamedDependency[Services]) -> LinkedAppointment:
        """Get the appointment of a secret address, or what took its place. It ends 30 days after it."""
        brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        return await _told(services, brand_id, booking)

    @post(
        "/{token:str}/cancel",
        operation_id="appointments_cancel_linked",
        status_code=200,
        opt={"rate_limit": "10/minute"},
        responses=refusals(BookingUnknown, LinkExpired, NotNow, SlotPassed),
    )
    async def cancel(self, token: FromPath[str], services: NamedDependency[Services]) -> LinkedAppointment:
        """Give it back, as its customer does. Repeating is harmless."""
        brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        ended = await links.cancel(services.database, brand_id=brand_id, booking_id=booking.id)
        return await _told(services, brand_id, ended)

    @get(
        "/{token:str}/calendar",
        operation_id="appointments_get_linked_calendar",
        media_type=CALENDAR,
        responses=_GONE,
    )
    async def calendar(self, token: FromPath[str], services: NamedDependency[Services]) -> Response[bytes]:
        """Get it as an iCalendar file."""
        brand_id, booking = await links.find(services.database, keyring=services.keyring, token=token)
        async with services.database.unit_of_work(brand_id) as session:
            brand = await brands.find_brand(session, code=await brands.code_of(session))
            return await calendar_file(session, told(brand).name, [booking])


class OwnLinkController(Controller):
    """The secret address of one of one's own appointments."""

    path = "/appointments/{code:str}/link"
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @post(operation_id="appointments_renew_link", status_code=200, responses=refusals(BookingUnknown))
    @idempotent
    async def renew(
        self,
        code: FromPath[str],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> SecretLink:
        """Make another secret address: those that were given out before end at once."""
        one = await links.renew(session, code=code, member_id=principal.own_id)
        token = links.token_of(services.keyring, brand_id=principal.brand, booking=one)
        base = services.settings.public_url or str(request.base_url)
        return SecretLink(token=token, url=f"{base.rstrip('/')}/a/{token}", ends_at=one.ends_at + rules.LINK_LIVES)


async def _told(services: Services, brand_id: uuid.UUID, booking: BookingView) -> LinkedAppointment:
    async with services.database.unit_of_work(brand_id) as session:
        shops = await stores.get_shops(session, ids={booking.shop_id})
    return LinkedAppointment.of(booking, shops[booking.shop_id])
