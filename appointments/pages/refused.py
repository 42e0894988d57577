"""Why a code or a step was refused: what is so with this appointment, and what to do next."""

import datetime as dt

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NotNow, TooEarly
from appointments.repository import bookings
from appointments.rules import life as rules
from appointments.schemas.forms import state_label
from appointments.states import CANCELLED, BookingState
from appointments.types import BookingView
from stores import api as stores
from yundian.platform.core.principal import Principal
from yundian.platform.web import formats
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told

# As many as the code of an order has.
_ORDER_DIGITS = 9


def is_order_code(code: str) -> bool:
    """Whether this is no appointment's code but the one with which an order is collected."""
    return len(code) == _ORDER_DIGITS and code.isascii() and code.isdigit()


async def explain_code(
    session: AsyncSession, principal: Principal, *, code: str, form: Form, now: dt.datetime
) -> BookingView | None:
    """Say in the form why this code was refused; the appointment as it stands, if it is for one of
    the caller's shops.

    Of another shop's only the shop is told, to who holds the code in her hands.
    """
    code = code.strip().upper()
    found = await bookings.by_code(session, code=code)
    if found is None:
        form.message = (
            _("Nine digits are the code of an order: hand it over there.")
            if is_order_code(code)
            else _("No appointment has this code. Look at it again, or find her on the board.")
        )
        return None
    if found.shop_id not in principal.own_shops:
        shops = told(await stores.get_shops(session, ids={found.shop_id}))
        form.message = _("This appointment is at another shop: %(shop)s.", shop=shops[found.shop_id].name)
        return None
    explain_step(form, found, now=now, is_code=True)
    return told(await bookings.moved_to(session, booking_id=found.id) or found)


def explain_step(form: Form, one: BookingView, *, now: dt.datetime, is_code: bool = False) -> None:
    """Say in the form why this step of an appointment of theirs was refused; other refusals say so themselves."""
    if form.code not in (TooEarly.code, NotNow.code):
        return
    over = _of_code(one) if is_code else ""
    if over or form.code == TooEarly.code:
        form.message = over or _too_early(one, now)
    else:
        now_it_is = state_label(one.state)
        form.message = _("Nothing was changed: meanwhile it is “%(state)s”.", state=now_it_is)


def _too_early(one: BookingView, now: dt.datetime) -> str:
    from_ = one.starts_at - rules.EARLY
    if now < from_:
        return _("She can be checked in from %(time)s on.", time=formats.datetime(from_, one.time_zone))
    return _("The shop waits for her until %(time)s.", time=formats.time(rules.given_up_at(one), one.time_zone))


def _of_code(one: BookingView) -> str:
    if one.state in (BookingState.ARRIVED, BookingState.IN_SERVICE, BookingState.COMPLETED) and one.arrived_at:
        at = formats.datetime(one.arrived_at, one.time_zone)
        return _("This code is used already: she was checked in on %(time)s.", time=at)
    if one.state in CANCELLED:
        return _("This appointment was cancelled. Take her as a walk-in if somebody is free.")
    return {
        BookingState.REQUESTED: _("This request waits for your word: accept it first."),
        BookingState.DECLINED: _("This request was declined. Take her as a walk-in if somebody is free."),
        BookingState.EXPIRED: _("This time was only set aside, and is free again: take her as a walk-in."),
        BookingState.RESCHEDULED: _("This appointment was moved to another time; its new code is on her phone."),
        BookingState.WAIVED: _("This time is over. Take her as a walk-in if somebody is free."),
    }.get(one.state, "")
