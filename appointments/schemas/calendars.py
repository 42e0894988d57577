"""Appointments as a calendar file, for pages and the API alike."""

from litestar import Response
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.rules.calendar import calendar_of
from appointments.types import BookingView
from stores import api as stores
from yundian.platform.web.i18n import told

CALENDAR = "text/calendar"


async def calendar_file(
    session: AsyncSession, name: str, found: list[BookingView], *, is_feed: bool = False
) -> Response[bytes]:
    """An iCalendar file of bookings; each has its sequence number, so that a calendar takes over changes."""
    shops = told(await stores.get_shops(session, ids={one.shop_id for one in found}))
    places = {key: (shop.name, shop.address) for key, shop in shops.items()}
    body = calendar_of(told(found), name=name, shops=places, is_feed=is_feed)
    return Response(
        body,
        media_type=CALENDAR,
        # A file has no page around it that could say so.
        headers={"Content-Disposition": 'attachment; filename="appointments.ics"', "X-Robots-Tag": "noindex"},
    )
