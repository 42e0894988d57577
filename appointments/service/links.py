"""An appointment's secret address: whoever has it may see this one appointment, and give it back."""

import uuid

from appointments.errors import BookingUnknown, LinkExpired
from appointments.repository import bookings
from appointments.repository import links as repository
from appointments.rules import life as rules
from appointments.service import life
from appointments.service.booking import decided
from appointments.states import BookingState
from appointments.types import BookingView
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox.door import Door


def token_of(keyring: Keyring, *, brand_id: uuid.UUID, booking: BookingView) -> str:
    """The secret of an appointment's address; the same one until it is renewed."""
    return rules.link_token(
        keyring, kind="link", brand_id=brand_id, thing_id=booking.id, version=booking.link_version
    )


async def renew(door: Door, *, code: str, member_id: uuid.UUID) -> BookingView:
    """From now on a customer's appointment has another address: those that were given out lead nowhere.

    Also those of before it was moved. ``BookingUnknown`` for what is not hers.
    """
    one = await life.see_code(door, code=code, member_id=member_id)
    await repository.end(door, booking_id=one.id)
    return await life.see(door, booking_id=one.id)


async def find(database: Database, *, keyring: Keyring, token: str) -> tuple[uuid.UUID, BookingView]:
    """The brand and the appointment that an address leads to, or what took its place.

    ``BookingUnknown`` for an address that is not ours, ``LinkExpired`` when the appointment is long over.
    """
    named = rules.read_link(token)
    if named is None:
        raise BookingUnknown
    brand_id, booking_id = named
    async with database.connection(brand_id) as tx:
        booking = await life.see(tx, booking_id=booking_id)
        if not rules.is_link(keyring, token, kind="link", version=booking.link_version):
            raise BookingUnknown
        # A moved appointment is found under its old link, too.
        while booking.state is BookingState.RESCHEDULED:
            later = await bookings.moved_to(tx, booking_id=booking.id)
            if later is None:
                break
            booking = later
    if booking.ends_at + rules.LINK_LIVES < booking.seen_at:
        raise LinkExpired
    return brand_id, booking


async def cancel(database: Database, *, brand_id: uuid.UUID, booking_id: uuid.UUID) -> BookingView:
    """Give back what an address led to, as its customer does: whoever taps twice has given it back once."""

    async def attempt(tx: Tx) -> BookingView:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.cancel_own(tx, one, actor_id=None, now=one.seen_at)
        return await life.see(tx, booking_id=booking_id)

    return await decided(database, brand_id, attempt)
